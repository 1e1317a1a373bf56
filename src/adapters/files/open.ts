import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { WeighmarkError } from '../../domain/errors.ts';
import type { FileStamp, OpenFile } from '../../domain/ports.ts';
import { fileError } from './errors.ts';
import { stampOf } from './walk.ts';

/** Opens a regular file once, without following a final link, and holds it to its first stat (security rule 20). */
export async function openFile(location: string, options: { followLink?: boolean } = {}): Promise<OpenFile> {
  const handle = await openHandle(location, options.followLink === true);
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) {
    await handle.close();
    throw new WeighmarkError(stat.isDirectory() ? 'unreadable' : 'special-file', `${location} is not a regular file`, { subject: location });
  }
  const stamp = stampOf(stat);
  const size = Number(stat.size);
  const read = (offset: number, length: number) => readExactly(handle, location, { offset, length: Math.max(0, Math.min(length, size - offset)) });
  return { size, stamp, read, close: () => closeUnchanged(handle, location, stamp) };
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.dev === b.dev && a.ino === b.ino && a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

async function openHandle(location: string, followLink: boolean): Promise<FileHandle> {
  const noFollow = followLink ? 0 : (constants.O_NOFOLLOW ?? 0);
  try {
    return await open(location, constants.O_RDONLY | noFollow | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw fileError(cause, location);
  }
}

async function readExactly(handle: FileHandle, location: string, range: { offset: number; length: number }): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.length);
  for (let done = 0; done < range.length; ) {
    const { bytesRead } = await handle.read(bytes, done, range.length - done, range.offset + done).catch((cause: unknown) => {
      throw fileError(cause, location);
    });
    if (bytesRead === 0) throw changed(location);
    done += bytesRead;
  }
  return bytes;
}

async function closeUnchanged(handle: FileHandle, location: string, stamp: FileStamp): Promise<void> {
  try {
    if (!sameStamp(stampOf(await handle.stat({ bigint: true })), stamp)) throw changed(location);
  } finally {
    await handle.close();
  }
}

function changed(location: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${location} changed while it was read`, { subject: location });
}
