import { createHash, hash as hashOnce, type Hash } from 'node:crypto';
import { WeighmarkError, type Code, type ErrorDetail } from '../../domain/base/errors.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import { BUFFER_BYTES, createKernel, type Kernel } from './kernel.ts';
import { abandon, closeStamped, openStamped, readExactly, type StampedFile, type SizedJob } from './open-file.ts';

/**
 * What a lane (this thread or a worker) is asked to do. A huge file is cut: its BLAKE3 into aligned segments for any
 * lane, its sequential digests into pieces that stay on one lane.
 */
export type Task =
  | { readonly kind: 'files'; readonly files: readonly WholeFile[]; readonly algorithms: readonly HashAlgorithm[] }
  | {
      readonly kind: 'segment';
      readonly index: number;
      readonly job: SizedJob;
      readonly start: number;
      readonly end: number;
      readonly groups: boolean;
    }
  | {
      readonly kind: 'piece';
      readonly index: number;
      readonly job: SizedJob;
      readonly start: number;
      readonly end: number;
      readonly algorithms: readonly HashAlgorithm[];
    };

export interface WholeFile {
  readonly job: SizedJob;
  /** Also yield the chaining values of its 16 KiB groups; for files of more than one. */
  readonly groups: boolean;
}

/** Raw digests of one file or piece, or the chaining value of a segment (of its groups: several). */
export interface Answer {
  readonly digests: Readonly<Partial<Record<HashAlgorithm, Uint8Array>>>;
  readonly cvs?: Uint8Array;
  /** Instead of digests: why there are none. */
  readonly failure?: Failure;
}

/** A WeighmarkError on its way between threads. */
export interface Failure {
  readonly code: Code;
  readonly message: string;
  readonly detail: ErrorDetail;
}

const NODE_NAMES = { sha256: 'sha256', blake2b: 'blake2b512' } as const;

/** Runs tasks one at a time; keeps the state of a file being hashed in pieces. */
export function createPerformer(onBytes: (bytes: number) => void): (task: Task) => readonly Answer[] {
  const kernel = createKernel();
  let sequence: Sequence | undefined;
  const perform = (task: Exclude<Task, { kind: 'files' }>): Answer => {
    if (task.kind === 'segment') return hashSegment(kernel, task, onBytes);
    if (task.start === 0) sequence = beginSequence(task.algorithms);
    return hashPiece(kernel, task, sequence);
  };
  return (task) => {
    if (task.kind !== 'files') return [attempt(() => perform(task))];
    return task.files.map((file) => attempt(() => hashWhole(kernel, file, { algorithms: task.algorithms, onBytes })));
  };
}

function attempt(work: () => Answer): Answer {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WeighmarkError))
      return { digests: {}, failure: { code: 'internal', message: String(error), detail: {} } };
    const { code, message, subject, hint } = error;
    return {
      digests: {},
      failure: {
        code,
        message,
        detail: { ...(subject === undefined ? {} : { subject }), ...(hint === undefined ? {} : { hint }) },
      },
    };
  }
}

interface Sequence {
  update(bytes: Uint8Array): void;
  finish(): Partial<Record<HashAlgorithm, Uint8Array>>;
}

/** Digests that need the bytes in order. */
export function beginSequence(algorithms: readonly HashAlgorithm[]): Sequence {
  const hashes: [HashAlgorithm, Hash][] = [];
  for (const name of algorithms) if (name !== 'blake3') hashes.push([name, createHash(NODE_NAMES[name])]);
  return {
    update: (bytes) => hashes.forEach(([, hash]) => hash.update(bytes)),
    finish: () => Object.fromEntries(hashes.map(([name, hash]) => [name, hash.digest()])),
  };
}

/** Of bytes that come in one piece: an object that lasts until it is collected costs more than the digests of a small file. */
function once(algorithms: readonly HashAlgorithm[]): Sequence {
  const digests: Partial<Record<HashAlgorithm, Uint8Array>> = {};
  return {
    update: (bytes) => {
      for (const name of algorithms) if (name !== 'blake3') digests[name] = hashOnce(NODE_NAMES[name], bytes, 'buffer');
    },
    finish: () => digests,
  };
}

function hashWhole(
  kernel: Kernel,
  { job, groups }: WholeFile,
  how: { algorithms: readonly HashAlgorithm[]; onBytes: (bytes: number) => void },
): Answer {
  const isOnePiece = job.sizeBytes > 0 && job.sizeBytes <= BUFFER_BYTES;
  const sequence = isOnePiece ? once(how.algorithms) : beginSequence(how.algorithms);
  const blake3 = how.algorithms.includes('blake3');
  const cvs: Uint8Array[] = [];
  const subtree = job.part?.subtree === true;
  if (blake3 && !groups) kernel.begin(subtree ? (job.part?.start ?? 0) : 0);
  readRange(kernel, job, { start: 0, end: job.sizeBytes }, (offset, length) => {
    if (groups) cvs.push(kernel.groups(offset, length));
    else if (blake3) kernel.update(length);
    sequence.update(kernel.input.subarray(0, length));
    how.onBytes(length);
  });
  const digests = sequence.finish();
  if (groups) return { digests, cvs: Buffer.concat(cvs) };
  return { digests: blake3 ? { ...digests, blake3: kernel.finish(!subtree) } : digests };
}

function hashSegment(
  kernel: Kernel,
  task: Extract<Task, { kind: 'segment' }>,
  onBytes: (bytes: number) => void,
): Answer {
  const cvs: Uint8Array[] = [];
  if (!task.groups) kernel.begin(task.start);
  readRange(kernel, task.job, task, (offset, length) => {
    if (task.groups) cvs.push(kernel.groups(offset, length));
    else kernel.update(length);
    onBytes(length);
  });
  return { digests: {}, cvs: task.groups ? Buffer.concat(cvs) : kernel.finish(false) };
}

function hashPiece(kernel: Kernel, task: Extract<Task, { kind: 'piece' }>, sequence: Sequence | undefined): Answer {
  if (sequence === undefined) throw new Error('a piece without its beginning');
  readRange(kernel, task.job, task, (_offset, length) => sequence.update(kernel.input.subarray(0, length)));
  return { digests: task.end === task.job.sizeBytes ? sequence.finish() : {} };
}

/** Reads a range buffer by buffer into the kernel's input; the file must be the same when opened and when closed. */
function readRange(
  kernel: Kernel,
  job: SizedJob,
  range: { start: number; end: number },
  each: (offset: number, length: number) => void,
): void {
  const file = openStamped(job);
  readBuffers(kernel, file, { job, ...range, each });
  closeStamped(file, job.location);
}

function readBuffers(
  kernel: Kernel,
  file: StampedFile,
  how: { job: SizedJob; start: number; end: number; each: (offset: number, length: number) => void },
): void {
  try {
    for (let offset = how.start; offset < how.end; offset += BUFFER_BYTES) {
      const length = Math.min(BUFFER_BYTES, how.end - offset);
      readExactly(file, kernel.input, { offset, length, location: how.job.location });
      how.each(offset, length);
    }
  } catch (error) {
    abandon(file);
    throw error;
  }
}
