import { createHash } from 'node:crypto';
import { constants, type BigIntStats } from 'node:fs';
import { copyFile, open, type FileHandle } from 'node:fs/promises';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { CopyOptions } from '../../domain/ports/files.ts';
import { fileError } from './errors.ts';
import { sameStamp } from './open.ts';
import { stampOf } from './stats.ts';

const CHUNK_BYTES = 1 << 20;

/**
 * A file of its own, never a shared inode (security rule 21): a reflink where the file system can, else a copy inside the
 * kernel (`copy_file_range`). What is opened is what is copied: links are followed only if `followLink` says so, a FIFO is
 * never waited for.
 * @throws WeighmarkError `file-changed` if it is not as its stamp says, `special-file`, and what opening throws.
 */
export async function duplicate(from: string, to: string, { followLink, stamp }: CopyOptions = {}): Promise<void> {
  const noFollow = followLink === false ? (constants.O_NOFOLLOW ?? 0) : 0;
  const source = await open(from, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | noFollow).catch((cause: unknown) =>
    Promise.reject(fileError(cause, from)),
  );
  try {
    const stat = await source.stat({ bigint: true });
    requireSame(stat, from, stamp);
    await copyFile(await nameOf(source, from), to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  } finally {
    await source.close();
  }
}

/** The same, synced. @returns SHA-256 of the bytes written, lower-case hex. */
export async function copyHashed(from: string, to: string): Promise<string> {
  await duplicate(from, to);
  const copy = await open(to, 'r+');
  try {
    await copy.chmod(0o644);
    const [digest] = await Promise.all([sha256Of(copy), copy.datasync()]);
    await copy.sync();
    return digest;
  } finally {
    await copy.close();
  }
}

/** Writes a file's bytes through to the disk. */
export async function syncFile(location: string): Promise<void> {
  const handle = await open(location, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function requireSame(stat: BigIntStats, location: string, stamp: CopyOptions['stamp']): void {
  if (!stat.isFile())
    throw new WeighmarkError('special-file', `${location} is not a regular file`, { subject: location });
  if (stamp !== undefined && !sameStamp(stampOf(stat), stamp))
    throw new WeighmarkError('file-changed', `${location} changed while it was read`, { subject: location });
}

/** The open file itself, where a name may have come to mean another one. */
async function nameOf(handle: FileHandle, from: string): Promise<string> {
  const own = `/proc/self/fd/${handle.fd}`;
  if (process.platform !== 'linux') return from;
  return open(own, 'r').then(
    async (again) => again.close().then(() => own),
    () => from,
  );
}

/** Reads a chunk while the one before is hashed. */
async function sha256Of(handle: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const buffers = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)] as const;
  const read = async (at: number, buffer: Buffer) => (await handle.read(buffer, 0, CHUNK_BYTES, at)).bytesRead;
  let [now, next]: readonly [Buffer, Buffer] = buffers;
  for (let at = 0, length = await read(0, now); length > 0;) {
    at += length;
    const ahead = read(at, next);
    hash.update(now.subarray(0, length));
    length = await ahead;
    [now, next] = [next, now];
  }
  return hash.digest('hex');
}
