import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { WeighmarkError, type Code } from '../../domain/errors.ts';
import type { FileStamp, HashJob } from '../../domain/ports.ts';

/** A regular file opened once; `verifyUnchanged` says whether it is still what was opened. */
export interface StampedFile {
  readonly fd: number;
  readonly stamp: FileStamp;
}

/**
 * Opens without following a final link unless the job says so, and without blocking on a pipe.
 * @throws WeighmarkError `file-changed` if it is not what the job's size and stamp say; `symlink-refused`,
 * `special-file`, `not-found`, `unreadable`.
 */
export function openStamped(job: HashJob): StampedFile {
  const fd = openFile(job);
  try {
    const stats = fstatSync(fd, { bigint: true });
    if (stats.isDirectory()) throw new WeighmarkError('unreadable', 'is a directory', { subject: job.location });
    if (!stats.isFile()) throw new WeighmarkError('special-file', 'not a regular file', { subject: job.location });
    const stamp = stampOf(stats);
    if (Number(stamp.sizeBytes) !== job.sizeBytes) throw changed(job.location);
    if (job.stamp !== undefined && !sameStamp(stamp, job.stamp)) throw changed(job.location);
    return { fd, stamp };
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

export function readExactly(file: StampedFile, target: Uint8Array, range: { offset: number; length: number; location: string }): void {
  let done = 0;
  while (done < range.length) {
    const count = readSome(file.fd, target, { ...range, done });
    if (count === 0) throw changed(range.location);
    done += count;
  }
}

function readSome(fd: number, target: Uint8Array, range: { offset: number; length: number; location: string; done: number }): number {
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

export function stampOf(stats: BigIntStats): FileStamp {
  return { dev: stats.dev, ino: stats.ino, sizeBytes: stats.size, mtimeNs: stats.mtimeNs, ctimeNs: stats.ctimeNs };
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

export function changed(location: string): WeighmarkError {
  return new WeighmarkError('file-changed', 'the file changed while it was being read', {
    subject: location, hint: 'wait until nothing writes to it, then run again',
  });
}

/** A WeighmarkError for a failed system call on a file. */
export function fileError(cause: unknown, location: string): WeighmarkError {
  const errno = (cause as NodeJS.ErrnoException).code ?? '';
  const [code, message] = MEANINGS[errno] ?? ['unreadable', errno === '' ? String(cause) : `cannot be read (${errno})`];
  return new WeighmarkError(code, message, { subject: location, cause });
}

const MEANINGS: Readonly<Record<string, readonly [Code, string]>> = {
  ENOENT: ['not-found', 'no such file'],
  ENOTDIR: ['not-found', 'no such file'],
  ELOOP: ['symlink-refused', 'is a symbolic link'],
  EACCES: ['unreadable', 'permission denied'],
  EPERM: ['unreadable', 'permission denied'],
  ENXIO: ['special-file', 'not a regular file'],
  EISDIR: ['unreadable', 'is a directory'],
};
