import assert from 'node:assert/strict';
import { Session, type Profiler } from 'node:inspector';

/**
 * Work that is counted: a clock would measure the machine too, and who else uses it. A step is one run of a function or of
 * a block of one (a turn of a loop, a branch taken) in the sources or a package, as V8's precise coverage counts them
 * (DevTools protocol, `Profiler.startPreciseCoverage`). What Node does in one call, such as a hash, is one step; for
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
  const counted = scripts.filter(({ url }) => url.startsWith('file:') && !url.includes('/test/'));
  return counted.flatMap(({ functions }) => functions).flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
}

export async function workOf<T>(act: () => T): Promise<{ readonly steps: number; readonly result: Awaited<T> }> {
  takeSteps();
  const result = await act();
  return { steps: takeSteps(), result };
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
