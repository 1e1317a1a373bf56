import { availableParallelism } from 'node:os';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';
import type { HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import { openLanes, type Lane } from './lanes.ts';
import { SEGMENT_BYTES } from './plan.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import type { SizedJob } from './open-file.ts';

export interface Tuning {
  /** Aligned subtrees that huge files are cut into: a power of two, at least 16 KiB where outboards are wanted. */
  readonly segmentBytes: number;
  /** Below this a worker's start costs more than it gains. */
  readonly workersFromBytes: number;
}

const TUNING: Tuning = { segmentBytes: SEGMENT_BYTES, workersFromBytes: 100e6 };

/** Hashes with the WebAssembly kernel and Node's own digests, on this thread or on workers. */
export async function hashOnLanes(
  jobs: readonly SizedJob[],
  options: HashOptions,
  tree: Blake3Tree,
  tuning = TUNING,
): Promise<readonly HashResult[]> {
  const total = jobs.reduce((sum, job) => sum + job.sizeBytes, 0);
  const workers = total < tuning.workersFromBytes ? 0 : (options.jobs ?? availableParallelism());
  const schedule = createSchedule(jobs, options, {
    segmentBytes: tuning.segmentBytes,
    lanes: Math.max(1, workers),
    tree,
  });
  const lanes = openLanes(workers, options.onProgress ?? (() => undefined));
  try {
    await untilAborted(runAll(lanes, schedule, options.signal), options.signal);
    return schedule.results();
  } finally {
    lanes.forEach((lane) => lane.stop());
    schedule.close();
  }
}

async function runAll(lanes: readonly Lane[], schedule: Schedule, signal?: AbortSignal): Promise<void> {
  let wake: () => void = () => undefined;
  let changed = new Promise<void>((resolve) => (wake = resolve));
  const drive = async (lane: Lane, index: number): Promise<void> => {
    for (let task = schedule.next(index); task !== null; task = schedule.next(index)) {
      if (signal?.aborted === true) return;
      if (task === 'wait') await changed;
      else {
        schedule.settle(task, await lane.run(task));
        wake();
        changed = new Promise((resolve) => (wake = resolve));
      }
    }
  };
  await Promise.all(lanes.map(drive));
}

function untilAborted(work: Promise<void>, signal?: AbortSignal): Promise<void> {
  if (signal === undefined) return work;
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new WeighmarkError('interrupted', 'interrupted'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
