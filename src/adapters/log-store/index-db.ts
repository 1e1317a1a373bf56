import { lstat, rm, stat } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { LogEntry, LogLeaf } from '../../domain/tlog/leaf.ts';

const SCHEMA_VERSION = 1;

/** A cache of the log for fast look-ups by a writer. Never evidence; rebuilt when it is missing or wrong. */
export interface LogIndex {
  /** What the cache covers. */
  readonly size: number;
  readonly root: string;
  /** One more than the last entry in it: if that is not what it covers, it is wrong. */
  readonly end: number;
  find(leaf: LogLeaf): number | null;
  add(entries: readonly LogEntry[], head: { size: number; root: string }): void;
  close(): void;
}

/** Opens or makes the cache; a file that is no such database is replaced. @throws WeighmarkError `unreadable` for a folder. */
export async function openIndex(file: string): Promise<LogIndex> {
  try {
    // Of a link only the link is replaced: what somebody let it point at may be a database of the user's.
    if ((await lstat(file).catch(() => null))?.isSymbolicLink() === true) await forget(file);
    return open(file);
  } catch {
    await forget(file);
    return open(file);
  }
}

/** Removes a cache that turned out wrong. */
export async function forget(file: string): Promise<void> {
  if (
    await stat(file).then(
      (found) => found.isDirectory(),
      () => false,
    )
  ) {
    throw new WeighmarkError('unreadable', `${file} is a folder, not the index of a log`, {
      subject: file,
      hint: 'remove it: the index is made anew',
    });
  }
  await Promise.all(['', '-journal', '-wal', '-shm'].map((end) => rm(`${file}${end}`, { force: true })));
}

/** True for what SQLite says of a damaged cache, at whatever step it notices. */
export function isIndexError(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'ERR_SQLITE_ERROR';
}

function open(file: string): LogIndex {
  const database = new DatabaseSync(file, { timeout: 10_000 });
  try {
    prepare(database);
    return indexOver(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: DatabaseSync): void {
  database.exec('PRAGMA synchronous = OFF');
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) throw new Error('another version');
  database.exec(`BEGIN;
    CREATE TABLE head (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), size INTEGER NOT NULL, root TEXT NOT NULL);
    CREATE TABLE entry (position INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, manifest TEXT NOT NULL, bundle TEXT NOT NULL, env TEXT NOT NULL);
    CREATE INDEX entry_bundle ON entry (bundle);
    INSERT INTO head VALUES (1, 0, '');
    PRAGMA user_version = ${SCHEMA_VERSION};
    COMMIT`);
}

function indexOver(database: DatabaseSync): LogIndex {
  const { size, root } = database.prepare('SELECT size, root FROM head').get() as { size: number; root: string };
  const { last } = database.prepare('SELECT max(position) AS last FROM entry').get() as { last: number | null };
  const byLeaf = database.prepare(
    'SELECT position FROM entry WHERE bundle = ? AND kind = ? AND name = ? AND manifest = ? AND env = ? ORDER BY position LIMIT 1',
  );
  const insert = database.prepare('INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)');
  const setHead = database.prepare('UPDATE head SET size = ?, root = ?');
  return {
    size,
    root,
    end: last === null ? 0 : last + 1,
    find({ kind, name, manifest, bundle, env = '' }) {
      const row = byLeaf.get(bundle, kind, name, manifest, env) as { position: number } | undefined;
      return row?.position ?? null;
    },
    add(entries, head) {
      database.exec('BEGIN');
      for (const { index, leaf } of entries)
        insert.run(index, leaf.kind, leaf.name, leaf.manifest, leaf.bundle, leaf.env ?? '');
      setHead.run(head.size, head.root);
      database.exec('COMMIT');
    },
    close: () => database.close(),
  };
}
