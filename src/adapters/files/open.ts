import { closeSync, constants, fstatSync, openSync, readSync, type BigIntStats } from 'node:fs';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { FileStamp, OpenFile } from '../../domain/ports/files.ts';
import { fileError } from './errors.ts';
import { stampOf } from './stats.ts';

/**
 * Opens a regular file once, without following a final link, and holds it to its first stat (security rule 20). The
 * calls behind are synchronous: through the thread pool a scan of 10,000 small files took four times as long.
 */
export async function openFile(location: string, options: { followLink?: boolean } = {}): Promise<OpenFile> {
  const descriptor = openDescriptor(location, options.followLink === true);
  const stat = statRegular(descriptor, location);
  const stamp = stampOf(stat);
  const size = Number(stat.size);
  const read = async (offset: number, length: number) =>
    readExactly(descriptor, location, { offset, length: Math.max(0, Math.min(length, size - offset)) });
  return { size, descriptor, stamp, read, close: async () => closeUnchanged(descriptor, location, stamp) };
}

/**
 * All bytes of a regular file, or of a link to one, as they are when it is opened: a file that is replaced meanwhile is
 * read as it was.
 * @throws WeighmarkError `limit-exceeded`, `special-file`, `not-found`, `unreadable`, `file-changed` if it shrinks.
 */
export function readRegular(location: string, maxBytes: number): Uint8Array {
  const descriptor = openDescriptor(location, true);
  const { size } = statRegular(descriptor, location);
  try {
    if (size > maxBytes) throw tooLarge(location, maxBytes);
    return readExactly(descriptor, location, { offset: 0, length: Number(size) });
  } finally {
    closeSync(descriptor);
  }
}

export function tooLarge(location: string, maxBytes: number): WeighmarkError {
  return new WeighmarkError('limit-exceeded', `${location} is larger than ${maxBytes} bytes`, { subject: location });
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return (
    a.dev === b.dev &&
    a.ino === b.ino &&
    a.sizeBytes === b.sizeBytes &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs
  );
}

function openDescriptor(location: string, followLink: boolean): number {
  const noFollow = followLink ? 0 : (constants.O_NOFOLLOW ?? 0);
  try {
    return openSync(location, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw fileError(cause, location);
  }
}

/** Closes and throws if it is none. */
function statRegular(descriptor: number, location: string): BigIntStats {
  const stat = fstatSync(descriptor, { bigint: true });
  if (stat.isFile()) return stat;
  closeSync(descriptor);
  throw new WeighmarkError(stat.isDirectory() ? 'unreadable' : 'special-file', `${location} is not a regular file`, {
    subject: location,
  });
}

function readExactly(descriptor: number, location: string, range: { offset: number; length: number }): Uint8Array {
  // Not cleared, as all of it is written; memory of its own, and no Buffer, whose `slice` would be no copy.
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(range.length).buffer);
  for (let done = 0; done < range.length;) {
    const bytesRead = readSome(descriptor, location, { bytes, done, position: range.offset + done });
    if (bytesRead === 0) throw changed(location);
    done += bytesRead;
  }
  return bytes;
}

function readSome(
  descriptor: number,
  location: string,
  into: { bytes: Uint8Array; done: number; position: number },
): number {
  try {
    return readSync(descriptor, into.bytes, into.done, into.bytes.length - into.done, into.position);
  } catch (cause) {
    throw fileError(cause, location);
  }
}

function closeUnchanged(descriptor: number, location: string, stamp: FileStamp): void {
  try {
    if (!sameStamp(stampOf(fstatSync(descriptor, { bigint: true })), stamp)) throw changed(location);
  } finally {
    closeSync(descriptor);
  }
}

function changed(location: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${location} changed while it was read`, { subject: location });
}
