import { Worker } from 'node:worker_threads';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { createPerformer, type Answer, type Task } from './tasks.ts';
import type { FromWorker } from './worker.ts';

/** A thread that runs one task at a time. */
export interface Lane {
  run(task: Task): Promise<readonly Answer[]>;
  stop(): void;
}

/** A worker each; none: one lane on this thread. */
export function openLanes(workers: number, onBytes: (bytes: number) => void): readonly Lane[] {
  if (workers === 0) return [inlineLane(onBytes)];
  return Array.from({ length: workers }, () => workerLane(onBytes));
}

function inlineLane(onBytes: (bytes: number) => void): Lane {
  const perform = createPerformer(onBytes);
  return {
    run: async (task) => {
      await new Promise(setImmediate);
      return perform(task);
    },
    stop: () => undefined,
  };
}

function workerLane(onBytes: (bytes: number) => void): Lane {
  const worker = new Worker(new URL(`./worker${import.meta.url.slice(-3)}`, import.meta.url));
  let waiting: { resolve(answers: readonly Answer[]): void; reject(error: unknown): void } | undefined;
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'bytes') onBytes(message.bytes);
    else waiting?.resolve(message.answers);
  });
  worker.on('error', (cause) => waiting?.reject(new WeighmarkError('internal', 'a hashing thread failed', { cause })));
  return {
    run: (task) => {
      const answers = new Promise<readonly Answer[]>((resolve, reject) => (waiting = { resolve, reject }));
      worker.postMessage(task);
      return answers;
    },
    stop: () => void worker.terminate(),
  };
}
