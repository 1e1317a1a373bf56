import { parentPort } from 'node:worker_threads';
import { WeighmarkError, type Code, type ErrorDetail } from '../../domain/errors.ts';
import { createPerformer, type Answer, type Task } from './tasks.ts';

export type FromWorker =
  | { readonly kind: 'bytes'; readonly bytes: number }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[] }
  | { readonly kind: 'error'; readonly code: Code; readonly message: string; readonly detail: ErrorDetail };

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
  try {
    const answers = perform(task);
    if (unreported > 0) report();
    send({ kind: 'answers', answers });
  } catch (error) {
    send(errorMessage(error));
  }
}

function errorMessage(error: unknown): FromWorker {
  if (!(error instanceof WeighmarkError)) return { kind: 'error', code: 'internal', message: String(error), detail: {} };
  const { code, message, subject, hint } = error;
  return { kind: 'error', code, message, detail: { ...(subject === undefined ? {} : { subject }), ...(hint === undefined ? {} : { hint }) } };
}

parentPort?.on('message', answer);
