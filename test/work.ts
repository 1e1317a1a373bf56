import assert from 'node:assert/strict';
import { Session, type Profiler } from 'node:inspector';

/**
 * Work that is counted: a clock would measure the machine too, and who else uses it. A step is one run of a function or of
 * a block of one (a turn of a loop, a branch taken) in the sources or a package, as V8's precise coverage counts them
 * (DevTools protocol, `Profiler.startPreciseCoverage`). A search in a list, text or buffer,
 * or a list moved, is a step for each place in it. What else Node does in one call, such as a hash, is one step; for
 * regular expressions see `backtracks.test.ts`. Import this first: blocks are counted in what is compiled after.
 */
const session = new Session();
session.connect();
session.post('Profiler.enable');
session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

/** Steps since this was last asked. */
function takeSteps(): number {
  let scripts: readonly Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error !== null) throw error;
    scripts = result;
  });
  const counted = scripts.filter(({ url }) => url.startsWith('file:') && !/\/test\/|\/node_modules\/fast-check\//.test(url));
  return counted.flatMap(({ functions }) => functions).flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
}

type Method = (this: { readonly length: number }, ...words: readonly unknown[]) => unknown;

/** Built-in methods that walk from place to place with no code of ours in between. */
const WALKS: readonly (readonly [owner: object, names: readonly string[]])[] = [
  [Array.prototype, ['includes', 'indexOf', 'lastIndexOf', 'slice', 'splice', 'shift', 'unshift', 'concat', 'with', 'toSpliced']],
  [String.prototype, ['includes', 'indexOf', 'lastIndexOf']],
  [Buffer.prototype, ['includes', 'indexOf', 'lastIndexOf']],
];

/** Counts the places that built-in methods walk until `end`: up to what was found, else all that are left. */
function countWalks(): { places(): number; end(): void } {
  let places = 0;
  const undo = WALKS.flatMap(([owner, names]) => names.map((name) => {
    const methods = owner as Record<string, Method>;
    const real = methods[name] as Method;
    methods[name] = function (...words) {
      const found = real.apply(this, [...words]);
      const from = name === 'indexOf' && typeof words[1] === 'number' ? Math.min(Math.max(0, words[1]), this.length) : 0;
      places += (name === 'indexOf' && Number(found) >= 0 ? Number(found) : this.length) - from;
      return found;
    };
    return () => void (methods[name] = real);
  }));
  return { places: () => places, end: () => undo.forEach((each) => each()) };
}

export async function workOf<T>(act: () => T): Promise<{ readonly steps: number; readonly result: Awaited<T> }> {
  takeSteps();
  const walks = countWalks();
  try {
    const result = await act();
    return { steps: takeSteps() + walks.places(), result };
  } finally {
    walks.end();
  }
}

/**
 * Twice the size must be no more than two and a half times the work: quadratic work would be four times as much.
 * @returns what the larger one resulted in.
 */
export async function requireLinear<T>(size: number, prepare: (size: number) => () => T): Promise<Awaited<T>> {
  const [small, large] = [prepare(size), prepare(2 * size)];
  await small();
  const { steps: once } = await workOf(small);
  const { steps: twice, result } = await workOf(large);
  assert.ok(once > 0, 'nothing was counted');
  assert.ok(twice <= 2.5 * once, `${once} steps for ${size}, ${twice} for ${2 * size}`);
  return result;
}
