import { parentPort, workerData } from 'node:worker_threads';
import { beginCoverage, blocksSeen, forgetCoverage, learn, takeCoverage } from './coverage.ts';
import type { Target } from './targets.ts';

/** Fuzzes targets in a thread, so that the main thread can tell which hangs, and on what. */
export interface Task {
  readonly targets: readonly string[];
  /** Of computing, for each. */
  readonly seconds: number;
  /** A target ends before if it has seen nothing new in so many seconds. */
  readonly idle: number;
  readonly seed: number;
  /** How many inputs were begun, the length of the newest, and its bytes. */
  readonly shared: SharedArrayBuffer;
}

export interface Found {
  readonly kind: 'crash' | 'work';
  readonly bytes: Uint8Array;
  readonly why: string;
}

export interface Report {
  readonly target: string;
  readonly seconds: number;
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
  most: number;
}

/** For any input, and for each byte of it. */
const STEPS = { anInput: 3_000_000, aByte: 3_000 };
/** What asking V8 costs is shared. */
const BATCH = { first: 32, most: 512 };
const MOST_FOUND = 20;

beginCoverage();
// Compiled after counting began.
const { targets } = await import('./targets.ts');
const { seedsFor } = await import('./seeds.ts');
const { diceOf, mutate } = await import('./mutate.ts');

const { targets: names, seconds, idle, seed, shared } = workerData as Task;
const [progress, current] = [new Int32Array(shared, 0, 2), new Uint8Array(shared, 8)];
const all = new Map((await targets()).map((each) => [each.name, each]));
for (const name of names) {
  const target = all.get(name);
  if (target === undefined) throw new Error(`no target ${name}`);
  const report = await fuzz(target);
  parentPort?.postMessage(report);
}
// Targets may leave servers open.
process.exit();

async function fuzz(target: Target): Promise<Report> {
  const state: State = { target, corpus: [], found: [], places: new Set(), most: 0 };
  forgetCoverage();
  const seeds = await seedsFor(target);
  takeCoverage(0);
  for (const { bytes } of seeds) await explore(state, [bytes]);
  const dice = diceOf(seed);
  const begun = computed();
  let [newest, runs, size] = [begun, seeds.length, BATCH.first];
  while (computed() < Math.min(begun + seconds, newest + idle) && state.found.length < MOST_FOUND) {
    const { steps, isNew } = await explore(
      state,
      Array.from({ length: size }, () => mutate(state.corpus, dice)),
    );
    runs += size;
    if (isNew) newest = computed();
    size = isNew || steps > STEPS.anInput / 2 ? Math.max(1, size >> 1) : Math.min(BATCH.most, 2 * size);
  }
  const { corpus, found, most } = state;
  const took = Math.round(computed() - begun);
  return { target: target.name, seconds: took, runs, corpus: corpus.length, blocks: blocksSeen(), most, found };
}

/** Which inputs see something new, or work too much, is looked for by halves; each that does alone is kept. */
async function explore(state: State, inputs: readonly Uint8Array[]): Promise<{ steps: number; isNew: boolean }> {
  for (const bytes of inputs) await once(state, bytes);
  const { steps, fresh } = takeCoverage(inputs.length);
  const [isNew, middle] = [fresh.length > 0, inputs.length >> 1];
  if (middle === 0) for (const bytes of inputs) weigh(state, bytes, steps, isNew);
  else if (isNew || steps > STEPS.anInput)
    for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) await explore(state, half);
  // With what runs once in a process, whoever asks.
  learn(fresh);
  return { steps, isNew };
}

/** Seconds that this thread has computed: a busy machine takes nothing from a target. */
function computed(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e6;
}

function weigh(state: State, bytes: Uint8Array, steps: number, isNew: boolean): void {
  if (isNew) state.corpus.push(bytes);
  state.most = Math.max(state.most, steps);
  if (steps > STEPS.anInput + STEPS.aByte * bytes.length)
    note(state, 'work', bytes, `${steps} steps for ${bytes.length} bytes`);
}

async function once(state: State, bytes: Uint8Array): Promise<void> {
  current.set(bytes.subarray(0, current.length));
  Atomics.store(progress, 1, bytes.length);
  Atomics.add(progress, 0, 1);
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
