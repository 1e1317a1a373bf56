import { createHash } from 'node:crypto';
import { openRegistry } from '../../../src/adapters/registries/index.ts';

/** grow-log.ts REGISTRY COUNT: appends entries in irregular steps, so that every shape of partial tile occurs. */
const [place = '', count = '0'] = process.argv.slice(2);
const { log } = await openRegistry(place, { env: process.env });
const digest = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
for (let done = 0, step = 1; done < Number(count); done += step, step = 1 + ((step * 7) % 61)) {
  await log.append(
    Array.from(
      { length: Math.min(step, Number(count) - done) },
      (_, at) =>
        ({
          v: 1,
          kind: 'claim',
          name: 'many/log',
          manifest: digest(`m${done + at}`),
          bundle: digest(`b${done + at}`),
        }) as const,
    ),
  );
}
process.stdout.write(`${(await log.verify()).size}\n`);
