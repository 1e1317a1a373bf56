import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { WriteOptions } from '../../domain/ports/files.ts';
import { fileError } from './errors.ts';

/**
 * Writes as DESIGN 8.6 demands: a temporary file beside the target, synced, renamed, the folder synced. A kill at any
 * point leaves the old file or the new one.
 * @throws WeighmarkError `already-exists` (with `exclusive`), `disk-full`, `write-refused`, `unreadable`.
 */
export async function writeFileAtomic(
  location: string,
  bytes: Uint8Array | string,
  options: WriteOptions = {},
): Promise<void> {
  const folder = dirname(location);
  const temporary = join(folder, `.${basename(location).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await makeFolder(folder, options.mode ?? 0o644);
    await writeSynced(temporary, bytes, options.mode ?? 0o644);
    await (options.exclusive === true ? placeNew(temporary, location) : rename(temporary, location));
    await syncFolder(folder);
  } catch (cause) {
    await removeQuietly(temporary);
    throw writeError(cause, location);
  }
}

/** What stays of a write that is done, or has failed with a better reason, is garbage and no failure of its own. */
export async function removeQuietly(temporary: string): Promise<void> {
  await rm(temporary, { force: true }).catch(() => undefined);
}

/** A file for its owner's eyes is in folders for its owner alone, whatever the umask. */
async function makeFolder(folder: string, fileMode: number): Promise<void> {
  await mkdir(folder, { recursive: true, mode: (fileMode & 0o077) === 0 ? 0o700 : SHARED_FOLDER });
}

/** As a umask of 002 makes them: those who share a group may share what is in it; all of a machine never do by accident. */
export const SHARED_FOLDER = 0o775;

export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function writeSynced(temporary: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  const handle = await open(temporary, 'wx', mode);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A hard link fails if the name is taken, where a rename would replace it. */
async function placeNew(temporary: string, location: string): Promise<void> {
  await link(temporary, location);
  await removeQuietly(temporary);
}

/** `unreadable` is about reading: a write that fails so is refused. */
export function writeError(cause: unknown, location: string): WeighmarkError {
  const error = fileError(cause, location);
  if (error.code !== 'unreadable') return error;
  return new WeighmarkError('write-refused', `cannot write ${error.message}`, { subject: location, cause });
}
