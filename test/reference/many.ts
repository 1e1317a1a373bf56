import { parseArgs } from 'node:util';
import { firstDisagreement } from './compare.ts';

/** `npm run worlds -- --count N [--from SEED]`: exit 1 and the world on which gate and reference do not agree. */
const { values } = parseArgs({ options: { count: { type: 'string' }, from: { type: 'string' } } });
const count = Number(values.count ?? 100_000);
const from = Number(values.from ?? 0);
const step = 1000;
for (let seed = from; seed < from + count; seed += step) {
  const found = firstDisagreement(seed, Math.min(step, from + count - seed));
  if (found.disagreement !== null) {
    process.stdout.write(`${found.disagreement}\n`);
    process.exit(1);
  }
  process.stderr.write(`\r${seed - from + step} worlds agree`);
}
process.stderr.write('\n');
