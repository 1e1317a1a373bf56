import { Worker } from 'node:worker_threads';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { fileError } from '../../files/errors.ts';

/** Half-open range of bytes. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A file being written from its start on, and what it must be. */
export interface Checked {
  readonly location: string;
  readonly sizeBytes: number;
  /** Read along with the file: a wrong block is found at that block. */
  readonly outboard?: { readonly location: string; readonly blake3: string };
}

export type ToCheck =
  | { readonly id: number; readonly kind: 'begin'; readonly checked: Checked }
  | { readonly id: number; readonly kind: 'written'; readonly upTo: number }
  | { readonly id: number; readonly kind: 'again' | 'end' };

export type FromCheck =
  | { readonly id: number; readonly kind: 'bad'; readonly spans: readonly Span[] }
  | { readonly id: number; readonly kind: 'done'; readonly sha256: string }
  | { readonly id: number; readonly kind: 'failed'; readonly code: string; readonly message: string };

/**
 * Follows a file while it is written, by reading back what is there: what is checked is what was written, and receiving need
 * not wait for it.
 */
export interface Follower<T> {
  /** Everything before `upTo` is in the file. */
  written(upTo: number): void;
  /** When it is gone through. Rejects if the file cannot be read. */
  readonly outcome: Promise<T>;
  /** Whatever comes of it, is not waited for. */
  end(): void;
}

type Mend = (spans: readonly Span[]) => Promise<void>;

/** SHA-256 of the file, lower-case hex. */
export function followHash({ location, sizeBytes }: Checked): Follower<string> {
  return follow('sha256', { location, sizeBytes });
}

/**
 * Holds each block against the outboard. An outboard that does not lead to the file's BLAKE3 is of no use: nothing is found.
 * @param mend puts right bytes where wrong ones were found, before they are read again; what it throws is the outcome.
 */
export function followBlocks(checked: Checked & Required<Pick<Checked, 'outboard'>>, mend: Mend): Follower<unknown> {
  return follow('blocks', checked, mend);
}

interface Listener {
  tell(message: FromCheck): void;
  fail(error: unknown): void;
}

/** Shared by all downloads: they keep up with the network, and each more would cost 20 MB. */
interface Thread {
  readonly worker: Worker;
  readonly listeners: Map<number, Listener>;
}

const REPORT_BYTES = 1 << 20;
const threads = new Map<string, Thread>();
let lastId = 0;

function follow(name: string, checked: Checked, mend?: Mend): Follower<string> {
  const thread = threads.get(name) ?? startThread(name);
  const id = (lastId += 1);
  let told = 0;
  const outcome = new Promise<string>((resolve, fail) => {
    const tell = (message: FromCheck) => {
      if (message.kind === 'done') resolve(message.sha256);
      else if (message.kind === 'bad') mend?.(message.spans).then(() => send(thread, { id, kind: 'again' }), fail);
      else fail(fileError(Object.assign(new Error(message.message), { code: message.code }), checked.location));
    };
    thread.listeners.set(id, { tell, fail });
  });
  outcome.catch(() => undefined);
  thread.worker.ref();
  send(thread, { id, kind: 'begin', checked });
  return {
    outcome,
    written: (upTo) => {
      if (upTo - told < REPORT_BYTES && upTo < checked.sizeBytes) return;
      told = upTo;
      send(thread, { id, kind: 'written', upTo });
    },
    end: () => {
      thread.listeners.delete(id);
      send(thread, { id, kind: 'end' });
      if (thread.listeners.size === 0) thread.worker.unref();
    },
  };
}

function send({ worker }: Thread, message: ToCheck): void {
  worker.postMessage(message);
}

function startThread(name: string): Thread {
  const worker = new Worker(new URL(`./stream-check-worker${import.meta.url.slice(-3)}`, import.meta.url), {
    name,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const thread = { worker, listeners: new Map<number, Listener>() };
  threads.set(name, thread);
  worker.on('message', (message: FromCheck) => thread.listeners.get(message.id)?.tell(message));
  worker.on('error', (cause) => {
    threads.delete(name);
    for (const { fail } of thread.listeners.values())
      fail(new WeighmarkError('internal', 'a thread that hashes downloads failed', { cause }));
  });
  return thread;
}
