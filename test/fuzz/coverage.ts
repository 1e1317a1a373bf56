import { Session, type Profiler } from 'node:inspector';

/**
 * What ran, block by block, as V8's precise coverage counts it (DevTools protocol): which blocks, and about how often. The
 * sum of all counts is the work, in steps that no clock and no neighbour changes.
 */
export interface Seen {
  readonly steps: number;
  /** Blocks, each with about how often it ran, that had not been seen before. */
  readonly fresh: number;
}

const session = new Session();
const known = new Map<string, Set<number>>();

/** Call first: what is compiled before is not counted by blocks. */
export function beginCoverage(): void {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
}

/** Since this was last asked. */
export function takeCoverage(): Seen {
  let scripts: readonly Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error !== null) throw error;
    scripts = result;
  });
  let [steps, fresh] = [0, 0];
  for (const { url, scriptId, functions } of scripts) {
    if (!url.startsWith('file:') || url.includes('/test/')) continue;
    const seen = known.get(scriptId) ?? new Set<number>();
    known.set(scriptId, seen);
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges) {
        steps += count;
        const key = (startOffset * 2 ** 20 + endOffset) * 8 + bucket(count);
        if (count === 0 || seen.has(key)) continue;
        seen.add(key);
        fresh += 1;
      }
  }
  return { steps, fresh };
}

/** For another target everything is new again. */
export function forgetCoverage(): void {
  known.clear();
}

export function blocksSeen(): number {
  return [...known.values()].reduce((sum, { size }) => sum + size, 0);
}

/** Once, a few times, often, very often. */
function bucket(count: number): number {
  return Math.min(7, Math.floor(Math.log2(Math.max(1, count)) / 2));
}
