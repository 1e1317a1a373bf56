import { lstat, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { SHARED_FOLDER } from '../files/write.ts';

const PATIENCE_MS = 120_000;
const LONGEST_NAP_MS = 25;

/**
 * Runs `work` while no other process or task holds the same lock file. The lock is SQLite's own on an empty database:
 * the operating system drops it when its holder dies, so there is no stale lock to recover.
 * @throws WeighmarkError `write-refused` if the file cannot be made, `unreadable` if it is something else or stays held for
 * two minutes.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, patienceMs: number = PATIENCE_MS): Promise<T> {
  const database = await openLock(file);
  try {
    await acquire(database, file, patienceMs);
    return await work();
  } finally {
    database.close();
  }
}

/** SQLite would make, and write to, whatever somebody else lets it point at. @throws WeighmarkError `symlink-refused`. */
async function refuseLink(file: string): Promise<void> {
  const isLink = await lstat(file).then(
    (found) => found.isSymbolicLink(),
    () => false,
  );
  if (isLink)
    throw new WeighmarkError('symlink-refused', `${file} is a link, not the lock file it should be`, {
      subject: file,
      hint: 'nothing is kept in it: remove it, and repeat',
    });
}

async function openLock(file: string): Promise<DatabaseSync> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: SHARED_FOLDER });
    await refuseLink(file);
    return new DatabaseSync(file, { timeout: 0 });
  } catch (cause) {
    throw cause instanceof WeighmarkError ? cause : await refused(file, cause);
  }
}

async function acquire(database: DatabaseSync, file: string, patienceMs: number): Promise<void> {
  for (let waited = 0; ;) {
    const problem = tryLock(database);
    if (problem === null) return;
    if (!/locked|busy/i.test(problem.message)) throw await refused(file, problem);
    if (waited > patienceMs)
      throw new WeighmarkError('unreadable', `${file} is held by another process`, { subject: file });
    const nap = 1 + Math.random() * LONGEST_NAP_MS;
    waited += nap;
    await sleep(nap);
  }
}

function tryLock(database: DatabaseSync): Error | null {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return null;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Codes of SQLite for a file that is damaged, or no database. */
const DAMAGED: ReadonlySet<unknown> = new Set([11, 26]);

/** A damaged lock is not replaced here: two who did so at once would both hold one. */
async function refused(file: string, cause: unknown): Promise<WeighmarkError> {
  const why = cause instanceof Error ? cause.message : String(cause);
  const isOther = await stat(file).then(
    (found) => !found.isFile(),
    () => false,
  );
  if (isOther || DAMAGED.has((cause as { errcode?: unknown }).errcode)) {
    return new WeighmarkError('unreadable', `${file} is no lock file: ${why}`, {
      subject: file,
      cause,
      hint: 'nothing is kept in it: remove it while nobody writes, and repeat',
    });
  }
  return new WeighmarkError('write-refused', `cannot lock ${file}: ${why}`, { subject: file, cause });
}
