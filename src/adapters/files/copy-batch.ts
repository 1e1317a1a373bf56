import { hash } from 'node:crypto';
import {
  chmodSync,
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
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { loadedAddon } from '../hasher/native.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { copyNatively, renameNatively } from './copy-native.ts';
import { syncFile } from './copy.ts';
import { fileError, systemError } from './errors.ts';
import type { Copied, Renamed, SmallCopy } from './small-copy.ts';

/** So much waits to be flushed at most. */
const BATCH_FILES = 8192;
const BATCH_BYTES = 256 << 20;

/** The calls that matter, in words; a test records them. */
export interface Disk {
  /** New files with the bytes of others, up to one that fails: what comes after it may be undone, and has no answer then. */
  copy(batch: readonly SmallCopy[], mode: number): Promise<readonly (Copied | undefined)[]>;
  /** Everything written below the folder, through to the disk. */
  flush(folder: string, files: readonly string[]): Promise<void>;
  rename(files: readonly Renamed[]): void;
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
  const { folder, mode, disk = DISK } = options;
  const copied = await disk.copy(batch, mode);
  const written = batch.filter((_, at) => typeof copied[at] === 'string').map(({ temporary }) => temporary);
  try {
    requireRight(batch, copied, options);
    await disk.flush(folder, written);
    disk.rename(batch.filter(({ temporary, to }) => temporary !== to).map(({ temporary: from, to }) => ({ from, to })));
  } catch (cause) {
    for (const file of written) disk.remove(file);
    throw cause;
  }
}

function requireRight(
  batch: readonly SmallCopy[],
  copied: readonly (Copied | undefined)[],
  { wrong }: BatchOptions,
): void {
  for (const [at, each] of batch.entries()) {
    const found = copied[at];
    if (found instanceof WeighmarkError) throw found;
    if (found !== each.sha256) throw wrong(each, found ?? null);
  }
}

/** From so many files on the addon's threads pay. */
const MANY = 64;

async function copyAll(batch: readonly SmallCopy[], mode: number): Promise<readonly (Copied | undefined)[]> {
  const addon = batch.length < MANY ? null : loadedAddon();
  if (addon?.copy !== undefined) return copyNatively(addon, batch, mode);
  const copied: Copied[] = [];
  for (const each of batch) {
    const found = attempt(() => copySmall(each, mode));
    copied.push(found);
    if (found !== each.sha256) break;
  }
  return copied;
}

function attempt(copy: () => string | null): Copied {
  try {
    return copy();
  } catch (cause) {
    if (cause instanceof WeighmarkError) return cause;
    throw cause;
  }
}

/** Each gets its name, and this mode first if one is said. @throws as Node does, at the first that cannot. */
export function renameAll(files: readonly Renamed[], mode?: number): void {
  const addon = files.length < MANY ? null : loadedAddon();
  if (addon?.rename !== undefined) return renameNatively(addon, files, mode);
  for (const { from, to } of files) {
    if (mode !== undefined) chmodSync(from, mode);
    renameSync(from, to);
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
  if (errno > 0) throw systemError(errno, folder);
  await inParallel(files, AT_ONCE, async (file) =>
    syncFile(file).catch((cause: unknown) => Promise.reject(fileError(cause, file))),
  );
}

const AT_ONCE = 16;

const DISK: Disk = { copy: copyAll, flush, rename: renameAll, remove: (file) => rmSync(file, { force: true }) };
