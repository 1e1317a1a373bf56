import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, open, rm, type FileHandle } from 'node:fs/promises';
import { fileError } from './errors.ts';

const CHUNK_BYTES = 1 << 20;

/**
 * A file of its own, never a shared inode (security rule 21): a reflink where the file system can, else a copy; synced.
 * @returns SHA-256 of the bytes written, lower-case hex.
 */
export async function copyHashed(from: string, to: string): Promise<string> {
  return (await reflink(from, to)) ? hashAndSync(to) : copyHashing(from, to);
}

async function reflink(from: string, to: string): Promise<boolean> {
  return copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL).then(
    () => true,
    () => rm(to, { force: true }).then(() => false),
  );
}

async function hashAndSync(path: string): Promise<string> {
  const handle = await open(path, 'r+');
  try {
    const hash = createHash('sha256');
    await eachChunk(handle, async (chunk) => void hash.update(chunk));
    await handle.chmod(0o644);
    await handle.sync();
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

async function copyHashing(from: string, to: string): Promise<string> {
  const source = await open(from, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) =>
    Promise.reject(fileError(cause, from)),
  );
  const target = await open(to, 'wx', 0o644).catch(async (cause: unknown) =>
    source.close().then(() => Promise.reject(cause)),
  );
  try {
    const hash = createHash('sha256');
    await eachChunk(source, async (chunk, at) => {
      hash.update(chunk);
      await writeAll(target, chunk, at);
    });
    await target.sync();
    return hash.digest('hex');
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

async function eachChunk(handle: FileHandle, work: (chunk: Uint8Array, at: number) => Promise<void>): Promise<void> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; ;) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    await work(buffer.subarray(0, bytesRead), at);
    at += bytesRead;
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, at + done);
    done += bytesWritten;
  }
}
