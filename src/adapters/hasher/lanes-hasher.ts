import { WeighmarkError } from '../../domain/errors.ts';
import type { Blake3Tree, HashOptions, HashResult } from '../../domain/ports.ts';
import { laneCount, openLanes, type Lane } from './lanes.ts';
import { SEGMENT_BYTES } from './plan.ts';
import { createSchedule, type Schedule } from './schedule.ts';
import type { SizedJob } from './open-file.ts';

/** Hashes with the WebAssembly kernel and Node's own digests, on this thread or on workers. */
export async function hashOnLanes(jobs: readonly SizedJob[], options: HashOptions, tree: Blake3Tree, segmentBytes = SEGMENT_BYTES): Promise<readonly HashResult[]> {
  const total = jobs.reduce((sum, job) => sum + job.sizeBytes, 0);
  const schedule = createSchedule(jobs, options, { segmentBytes, lanes: laneCount(total, options.jobs), tree });
  const lanes = openLanes(laneCount(total, options.jobs), total, options.onProgress ?? (() => undefined));
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
