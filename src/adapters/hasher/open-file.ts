import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { FileStamp } from '../../domain/ports/files.ts';
import type { HashJob } from '../../domain/ports/hasher.ts';
import { fileError } from '../files/errors.ts';
import { sameStamp } from '../files/open.ts';
import { stampOf } from '../files/stats.ts';

export type SizedJob = HashJob & { readonly sizeBytes: number };

/** A regular file opened once; `verifyUnchanged` says whether it is still what was opened. */
export interface StampedFile {
  readonly fd: number;
  readonly stamp: FileStamp;
  /** Where the job's bytes begin. */
  readonly start: number;
}

/**
 * Opens without following a final link unless the job says so, and without blocking on a pipe.
 * @throws WeighmarkError `file-changed` if it is not what the job's size and stamp say; `symlink-refused`,
 * `special-file`, `not-found`, `unreadable`.
 */
export function openStamped(job: SizedJob): StampedFile {
  const fd = openFile(job);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (!stats.isFile()) throw notRegular(job.location);
    const stamp = stampOf(stats);
    if (Number(stamp.sizeBytes) !== (job.part?.fileBytes ?? job.sizeBytes)) throw changed(job.location);
    if (job.stamp !== undefined && !sameStamp(stamp, job.stamp)) throw changed(job.location);
    return { fd, stamp, start: job.part?.start ?? 0 };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Closes the file. @throws WeighmarkError `file-changed` if it changed since it was opened. */
export function closeStamped(file: StampedFile, location: string): void {
  const now = stampOf(fstatSync(file.fd, { bigint: true }));
  closeSync(file.fd);
  if (!sameStamp(now, file.stamp)) throw changed(location);
}

/** Closes a file whose reading failed. */
export function abandon(file: StampedFile): void {
  closeSync(file.fd);
}

/** `range.offset` counts from the job's first byte. */
export function readExactly(
  file: StampedFile,
  target: Uint8Array,
  range: { offset: number; length: number; location: string },
): void {
  let done = 0;
  while (done < range.length) {
    const count = readSome(file.fd, target, { ...range, offset: file.start + range.offset, done });
    if (count === 0) throw changed(range.location);
    done += count;
  }
}

function readSome(
  fd: number,
  target: Uint8Array,
  range: { offset: number; length: number; location: string; done: number },
): number {
  try {
    return readSync(fd, target, range.done, range.length - range.done, range.offset + range.done);
  } catch (cause) {
    throw fileError(cause, range.location);
  }
}

function openFile(job: HashJob): number {
  // Windows has neither flag.
  const follow = job.followLink === true ? 0 : (constants.O_NOFOLLOW ?? 0);
  try {
    return openSync(job.location, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | follow);
  } catch (cause) {
    throw fileError(cause, job.location);
  }
}

/** The job with its size, where the caller left that to be found. What has none fails when it is opened. */
export function sized(job: HashJob): SizedJob {
  return hasSize(job) ? job : { ...job, sizeBytes: sizeOf(job.location) };
}

/** A stamp may be a place in a column (`files/stats.ts`); what goes to another thread is its values: only then, for they take room. */
export function sendable(job: SizedJob): SizedJob {
  if (job.stamp === undefined) return job;
  const { dev, ino, sizeBytes, mtimeNs, ctimeNs } = job.stamp;
  return { ...job, stamp: { dev, ino, sizeBytes, mtimeNs, ctimeNs } };
}

export function changed(location: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${location} changed while it was being read`, {
    subject: location,
    hint: 'wait until nothing writes to it, then run again',
  });
}

export function notRegular(location: string): WeighmarkError {
  return new WeighmarkError('special-file', `${location} is not a regular file`, { subject: location });
}

function hasSize(job: HashJob): job is SizedJob {
  return job.sizeBytes !== undefined;
}

function sizeOf(location: string): number {
  try {
    return statSync(location).size;
  } catch {
    return 0;
  }
}
