import { Session, type Profiler } from 'node:inspector';

/**
 * What ran, block by block, as V8's precise coverage counts it (DevTools protocol): which blocks, and about how often. The
 * sum of all counts is the work, in steps that no clock and no neighbour changes. To ask costs milliseconds, a hundred
 * times what most inputs do.
 */
export interface Seen {
  readonly steps: number;
  /** Of the blocks that ran, those that are not known. */
  readonly fresh: readonly Block[];
}

export interface Block {
  readonly script: string;
  readonly key: number;
}

const session = new Session();
const known = new Map<string, Set<number>>();

/** Call first: what is compiled before is not counted by blocks. */
export function beginCoverage(): void {
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
}

/** Since this was last asked; about how often a block ran is something new only where one input did it. */
export function takeCoverage(inputs: number): Seen {
  let steps = 0;
  const fresh: Block[] = [];
  for (const { url, scriptId, functions } of scripts()) {
    if (!url.startsWith('file:') || url.includes('/test/')) continue;
    const seen = known.get(scriptId);
    for (const { ranges } of functions)
      for (const { startOffset, endOffset, count } of ranges) {
        steps += count;
        if (count === 0) continue;
        const key = (startOffset * 2 ** 20 + endOffset) * 8;
        if (seen?.has(key) !== true) fresh.push({ script: scriptId, key });
        const often = inputs === 1 ? bucket(count) : 0;
        if (often > 0 && seen?.has(key + often) !== true) fresh.push({ script: scriptId, key: key + often });
      }
  }
  return { steps, fresh };
}

function scripts(): readonly Profiler.ScriptCoverage[] {
  let taken: readonly Profiler.ScriptCoverage[] = [];
  session.post('Profiler.takePreciseCoverage', (error, { result }) => {
    if (error !== null) throw error;
    taken = result;
  });
  return taken;
}

export function learn(blocks: readonly Block[]): void {
  for (const { script, key } of blocks) known.set(script, (known.get(script) ?? new Set()).add(key));
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
