import { hash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { loadAddon } from '../hasher/native.ts';
import { syncFile } from './copy.ts';
import { fileError } from './errors.ts';

/** So much waits to be flushed at most. */
const BATCH_FILES = 8192;
const BATCH_BYTES = 256 << 20;

/** A small file that shall stand at `to`, a new name, with these bytes and no others. */
export interface SmallCopy {
  readonly from: string;
  /** Where it is written first; in the folder of `to`, or at `to` itself. */
  readonly temporary: string;
  readonly to: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The calls that matter, in words; a test records them. */
export interface Disk {
  /** A new file with the bytes of another. @returns the SHA-256 of the bytes written, or null if they are not `sizeBytes`. */
  copy(of: SmallCopy, mode: number): string | null;
  /** Everything written below the folder, through to the disk. */
  flush(folder: string, files: readonly string[]): Promise<void>;
  rename(from: string, to: string): void;
  remove(file: string): void;
}

export interface BatchOptions {
  /** The folder that all of it is below. */
  readonly folder: string;
  readonly mode: number;
  readonly disk?: Disk;
  /** What is thrown for bytes that are not what they should be; null: they could not even be read whole. */
  readonly wrong: (of: SmallCopy, found: string | null) => WeighmarkError;
}

/**
 * Copies many small files with few calls, each its own, never a shared inode (security rule 21), hashed from the very bytes that
 * are written. DESIGN 9 for many files: all are written, flushed at once, and then get their names; the caller syncs the
 * folders. Whatever has its name is whole, at any kill.
 * @throws WeighmarkError what `wrong` makes, `disk-full`, and as `fileError` says.
 */
export async function copyBatch(copies: readonly SmallCopy[], options: BatchOptions): Promise<void> {
  for (const batch of batches(copies)) await copyAtOnce(batch, options);
}

function* batches(copies: readonly SmallCopy[]): Generator<readonly SmallCopy[]> {
  let batch: SmallCopy[] = [];
  let bytes = 0;
  for (const each of copies) {
    batch.push(each);
    bytes += each.sizeBytes;
    if (batch.length < BATCH_FILES && bytes < BATCH_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

async function copyAtOnce(batch: readonly SmallCopy[], options: BatchOptions): Promise<void> {
  const { folder, mode, wrong, disk = DISK } = options;
  const written: string[] = [];
  try {
    for (const each of batch) {
      const found = disk.copy(each, mode);
      written.push(each.temporary);
      if (found !== each.sha256) throw wrong(each, found);
    }
    await disk.flush(folder, written);
    for (const { temporary, to } of batch) if (temporary !== to) disk.rename(temporary, to);
  } catch (cause) {
    for (const file of written) disk.remove(file);
    throw cause;
  }
}

/** One buffer for all: nothing else runs while it is used. */
const buffer = Buffer.allocUnsafeSlow(LIMITS.smallFileBytes + 1);

function copySmall({ from, temporary, sizeBytes }: SmallCopy, mode: number): string | null {
  const length = readWhole(from);
  if (length !== sizeBytes) return null;
  const bytes = buffer.subarray(0, length);
  try {
    const target = openSync(temporary, 'wx', mode);
    try {
      for (let done = 0; done < length;) done += writeSync(target, bytes, done, length - done);
      fchmodSync(target, mode);
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw cause;
    } finally {
      closeSync(target);
    }
  } catch (cause) {
    throw fileError(cause, temporary);
  }
  return hash('sha256', bytes, 'hex');
}

/** A link leads where it leads, a FIFO is never waited for; the digest decides. @returns its length, or more than is read. */
function readWhole(from: string): number {
  try {
    const source = openSync(from, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    try {
      if (!fstatSync(source).isFile())
        throw new WeighmarkError('special-file', `${from} is not a regular file`, { subject: from });
      let length = 0;
      for (let read = 1; read > 0 && length < buffer.length; length += read)
        read = readSync(source, buffer, length, buffer.length - length, length);
      return length;
    } finally {
      closeSync(source);
    }
  } catch (cause) {
    throw fileError(cause, from);
  }
}

/** By one call of the addon where the system has it, else file by file, several at a time. */
async function flush(folder: string, files: readonly string[]): Promise<void> {
  const errno = loadedAddon()?.flush?.(Buffer.from(`${folder}\0`)) ?? -1;
  if (errno === 0) return;
  if (errno > 0) throw fileError({ code: getSystemErrorName(-errno) }, folder);
  const waiting = files.values();
  const worker = async () => {
    for (const file of waiting) await syncFile(file).catch((cause: unknown) => Promise.reject(fileError(cause, file)));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

const AT_ONCE = 16;

let addon: ReturnType<typeof loadAddon> | undefined;

function loadedAddon(): ReturnType<typeof loadAddon> {
  if (addon === undefined) addon = loadAddon();
  return addon;
}

const DISK: Disk = {
  copy: copySmall,
  flush,
  rename: (from, to) => renameSync(from, to),
  remove: (file) => rmSync(file, { force: true }),
};
