/**
 * `npm run fuzz -- [--seconds N] [--idle N] [--target T]… [--part I/N] [--seed N] [--out DIR] [--list]`: changes bytes at
 * random, keeps what makes code run that did not run before, and looks for what no reader may do: throw anything but a
 * refusal, work without bounds, not end, pass what was not signed. A target is a part of a name; it has N seconds of
 * computing, or ends when it has seen nothing new for `--idle` of them; `--part` takes every Nth target, for N machines.
 * Exit 1 if anything was found.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { targets } from './targets.ts';
import type { Found, Report, Task } from './worker.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    idle: { type: 'string', default: 'Infinity' },
    target: { type: 'string', multiple: true, default: [''] },
    part: { type: 'string', default: '1/1' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'fuzz-found' },
    list: { type: 'boolean', default: false },
  },
});
const MOST_BYTES = 1 << 20;
/** Without a new input in so long nothing is being worked on any more, on however busy a machine. */
const HANG_MS = 120_000;
const NOTHING = { seconds: 0, runs: 0, corpus: 0, blocks: 0, most: 0 };

const [part = 1, parts = 1] = values.part.split('/').map(Number);
const names = (await targets())
  .map(({ name }) => name)
  .filter((name) => values.target.some((wanted) => name.includes(wanted)))
  .filter((_, index) => index % parts === part - 1);
if (values.list) names.forEach((name) => console.log(name));
else await fuzzAll(names);

/** In one thread; what ends or hangs it is found, and the targets after it go on in another. */
async function fuzzAll(names: readonly string[]): Promise<void> {
  let left = names;
  while (left.length > 0) {
    left = left.slice(await fuzz(left));
  }
}

/** Says of each target as soon as it is done, in their order; the last may be of a loss. Returns how many that were. */
async function fuzz(targets: readonly string[]): Promise<number> {
  const shared = new SharedArrayBuffer(8 + MOST_BYTES);
  const progress = new Int32Array(shared, 0, 2);
  const [seconds = 0, idle = 0, seed = 0] = [values.seconds, values.idle, values.seed].map(Number);
  const workerData: Task = { targets, seconds, idle, seed, shared };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  let [done, before] = [0, -1];
  const say = (report: Report): void => {
    done += 1;
    if (tell(report) > 0) process.exitCode = 1;
  };
  let watch: NodeJS.Timeout | undefined;
  const why = await new Promise<string | null>((resolve) => {
    watch = setInterval(() => {
      const begun = Atomics.load(progress, 0);
      if (begun === before) resolve('does not end');
      before = begun;
    }, HANG_MS);
    worker.on('message', say);
    worker.once('error', (error) => resolve(String(error)));
    worker.once('exit', () => resolve(null));
  });
  clearInterval(watch);
  const reading = Buffer.from(shared, 8, Atomics.load(progress, 1));
  const target = targets[done];
  if (why !== null && target !== undefined)
    say({ target, ...NOTHING, found: [{ kind: 'crash', bytes: Uint8Array.from(reading), why }] });
  await worker.terminate();
  return done;
}

function tell({ target, seconds, runs, corpus, blocks, most, found }: Report): number {
  console.log(
    `${target}: ${seconds} s, ${runs} inputs, ${corpus} kept, ${blocks} blocks, at most ${most} steps, ${found.length} found`,
  );
  for (const each of found) keep(target, each);
  return found.length;
}

function keep(target: string, { kind, bytes, why }: Found): void {
  mkdirSync(values.out, { recursive: true });
  const name = `${target.replace(/\W+/g, '-')}-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`;
  writeFileSync(join(values.out, name), bytes);
  console.log(
    `  ${kind}: ${join(values.out, name)}, ${bytes.length} bytes: ${why.split('\n').slice(0, 6).join('\n    ')}`,
  );
}
