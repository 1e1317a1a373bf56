import { parentPort } from 'node:worker_threads';
import { createPerformer, type Answer, type Task } from './tasks.ts';

export type FromWorker =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] };

const REPORT_BYTES = 4 << 20;

let unreported = 0;

function send(message: FromWorker): void {
  parentPort?.postMessage(message);
}

function report(): void {
  send({ kind: 'bytes', bytes: unreported });
  unreported = 0;
}

const perform = createPerformer((bytes) => {
  unreported += bytes;
  if (unreported >= REPORT_BYTES) report();
});

function answer(task: Task): void {
  const answers = perform(task);
  if (unreported > 0) report();
  send({ kind: 'answers', answers });
}

parentPort?.on('message', answer);
