import { parentPort, workerData } from 'node:worker_threads';
import { beginCoverage, blocksSeen, forgetCoverage, takeCoverage } from './coverage.ts';
import type { Target } from './targets.ts';

/** Fuzzes targets in a thread, so that the main thread can tell which hangs, and on what. */
export interface Task {
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  /** Length, then the bytes that are being read. */
  readonly shared: SharedArrayBuffer;
}

export interface Found {
  readonly kind: 'crash' | 'work';
  readonly bytes: Uint8Array;
  readonly why: string;
}

export interface Report {
  readonly target: string;
  readonly runs: number;
  readonly corpus: number;
  readonly blocks: number;
  /** The most work for one input, in steps. */
  readonly most: number;
  readonly found: readonly Found[];
}

interface State {
  readonly target: Target;
  readonly corpus: Uint8Array[];
  readonly found: Found[];
  /** Each place once. */
  readonly places: Set<string>;
  /** By its number of steps an input tells that it went its own way. */
  readonly ways: Set<number>;
  runs: number;
  most: number;
}

/** For any input, and for each byte of it. */
const STEPS = { anInput: 3_000_000, aByte: 3_000 };
/** What asking V8 costs is shared. */
const BATCH = 32;
const MOST_FOUND = 20;

beginCoverage();
// Compiled after counting began.
const { targets } = await import('./targets.ts');
const { seedsFor } = await import('./seeds.ts');
const { diceOf, mutate } = await import('./mutate.ts');

const { targets: names, seconds, seed, shared } = workerData as Task;
const [length, current] = [new Int32Array(shared, 0, 1), new Uint8Array(shared, 4)];
const all = new Map((await targets()).map((each) => [each.name, each]));
for (const name of names) {
  const target = all.get(name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const report = await fuzz(target);
  parentPort?.postMessage(report);
}

async function fuzz(target: Target): Promise<Report> {
  const state: State = { target, corpus: [], found: [], places: new Set(), ways: new Set(), runs: 0, most: 0 };
  forgetCoverage();
  const seeds = await seedsFor(target);
  takeCoverage();
  for (const { bytes } of seeds) {
    const { steps, fresh } = await alone(state, bytes);
    if (fresh > 0) state.corpus.push(bytes);
    state.ways.add(steps);
  }
  const dice = diceOf(seed);
  const until = performance.now() + 1000 * seconds;
  while (performance.now() < until && state.found.length < MOST_FOUND) {
    const batch = Array.from({ length: BATCH }, () => mutate(state.corpus, dice));
    takeCoverage();
    for (const bytes of batch) await once(state, bytes);
    const { steps, fresh } = takeCoverage();
    if (fresh > 0 || steps > STEPS.anInput) for (const bytes of batch) await weigh(state, bytes, fresh > 0);
  }
  const { corpus, found, runs, most } = state;
  return { target: target.name, runs, corpus: corpus.length, blocks: blocksSeen(), most, found };
}

/** Of a batch that saw something new each is kept that goes another way than those before. */
async function weigh(state: State, bytes: Uint8Array, keep: boolean): Promise<void> {
  takeCoverage();
  const { steps } = await alone(state, bytes);
  if (!keep || state.ways.has(steps)) return;
  state.ways.add(steps);
  state.corpus.push(bytes);
}

/** Since coverage was last taken. */
async function alone(state: State, bytes: Uint8Array): Promise<{ readonly steps: number; readonly fresh: number }> {
  await once(state, bytes);
  const { steps, fresh } = takeCoverage();
  state.most = Math.max(state.most, steps);
  if (steps > STEPS.anInput + STEPS.aByte * bytes.length)
    note(state, 'work', bytes, `${steps} steps for ${bytes.length} bytes`);
  return { steps, fresh };
}

async function once(state: State, bytes: Uint8Array): Promise<void> {
  current.set(bytes.subarray(0, current.length));
  Atomics.store(length, 0, bytes.length);
  state.runs += 1;
  try {
    await state.target.run(bytes);
  } catch (error) {
    if (!isRefusal(error)) note(state, 'crash', bytes, error instanceof Error ? (error.stack ?? '') : String(error));
  }
}

/** An error that the language or the platform throws is nobody's refusal. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.constructor.name === 'WeighmarkError';
}

function note({ found, places }: State, kind: Found['kind'], bytes: Uint8Array, why: string): void {
  const place =
    kind === 'work'
      ? kind
      : why
          .split('\n')
          .slice(0, 3)
          .join('\n')
          .replace(/\d{3,}/g, 'n');
  if (places.has(place)) return;
  places.add(place);
  found.push({ kind, bytes, why });
}
