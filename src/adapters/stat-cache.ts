import { lstatSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DatabaseSync } from 'node:sqlite';
import type { Digests } from '../domain/digest/algorithm.ts';
import type { CleanBlob, FileStamp, NamedBlob, StatCache } from '../domain/ports/files.ts';

/**
 * A file changed again within its file system's timestamp granularity looks unchanged: stamps this close to the moment
 * they were remembered are not believed (git's "racy" entries; two seconds is FAT's granularity, the coarsest there is).
 */
const RACY_NS = 2_000_000_000n;
const BUSY_MS = 2000;
const RETRY_MS = 20;
const KEPT_NS = 90n * 86_400n * 1_000_000_000n;
const VERSION = 2;

export interface StatCacheOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of weighmark: what one version finds nothing in, another may. */
  readonly version: string;
  /** Milliseconds since the epoch; default the system's clock. */
  readonly now?: () => number;
}

/** `weighmark/stat` under XDG_CACHE_HOME; a relative value is ignored, as the XDG specification says. */
export function statCacheFolder(env: StatCacheOptions['env']): string {
  const base = env['XDG_CACHE_HOME'];
  return join(
    base !== undefined && isAbsolute(base) ? base : join(env['HOME'] ?? homedir(), '.cache'),
    'weighmark',
    'stat',
  );
}

/**
 * The user's own cache, in SQLite; several processes may use it at once. It is an aid: in a folder that others could
 * write to, or where the database does not work, it remembers nothing and never fails.
 */
export async function createStatCache(options: StatCacheOptions): Promise<StatCache> {
  const folder = statCacheFolder(options.env);
  const database = isPrivate(folder) ? await openDatabase(join(folder, 'digests.db')) : null;
  return database === null ? NO_CACHE : cacheOver(database, options);
}

const NO_CACHE: StatCache = {
  digests: async () => null,
  remember: async () => undefined,
  clean: async () => new Map(),
  rememberClean: async () => undefined,
};

/** Made for the user alone, or already so: a real folder, ours, closed to everybody else (security rule 22). */
function isPrivate(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const stat = lstatSync(folder);
    if (process.getuid === undefined) return stat.isDirectory();
    return stat.isDirectory() && stat.uid === process.getuid() && (stat.mode & 0o077) === 0;
  } catch {
    return false;
  }
}

async function openDatabase(path: string): Promise<DatabaseSync | null> {
  const { DatabaseSync: Database } = await import('node:sqlite');
  const open = () => prepare(new Database(path, { timeout: BUSY_MS }));
  try {
    return await untilFree(open);
  } catch (error) {
    // Busy is somebody else's right; anything else is a broken file, made anew.
    if (isBusy(error)) return null;
  }
  try {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return open();
  } catch {
    return null;
  }
}

/** Switching a new database to WAL does not wait for others as other statements do. */
async function untilFree<T>(work: () => T): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || tries * RETRY_MS > BUSY_MS) throw error;
      await delay(RETRY_MS);
    }
  }
}

/** SQLITE_BUSY and SQLITE_LOCKED, with their extended codes. */
function isBusy(error: unknown): boolean {
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
  return code === 5 || code === 6;
}

/** The version is looked at under the write lock: of several first users one makes the table, and none unmakes it. */
function prepare(database: DatabaseSync): DatabaseSync {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  if (versionOf(database) === VERSION) return database;
  database.exec('BEGIN IMMEDIATE');
  if (versionOf(database) !== VERSION) {
    database.exec(`
      DROP TABLE IF EXISTS file;
      DROP TABLE IF EXISTS clean;
      CREATE TABLE clean (blob TEXT PRIMARY KEY, remembered INTEGER NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID, STRICT;
      CREATE TABLE file (location TEXT PRIMARY KEY, stamp TEXT NOT NULL, remembered INTEGER NOT NULL, digests TEXT NOT NULL) WITHOUT ROWID, STRICT;
      PRAGMA user_version = ${VERSION}`);
  }
  database.exec('COMMIT');
  return database;
}

function versionOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}

interface Row {
  readonly stamp: string;
  readonly remembered: bigint;
  readonly digests: string;
}

function cacheOver(database: DatabaseSync, { now = Date.now, version }: StatCacheOptions): StatCache {
  const nowNs = () => BigInt(now()) * 1_000_000n;
  const find = database.prepare('SELECT stamp, remembered, digests FROM file WHERE location = ?');
  find.setReadBigInts(true);
  const put = database.prepare(
    'INSERT OR REPLACE INTO file (location, stamp, remembered, digests) VALUES (?, ?, ?, ?)',
  );
  const forget = database.prepare('DELETE FROM file WHERE remembered < ?');
  let pruned = false;
  return {
    digests: async (location, stamp) => {
      const row = attempt(() => find.get(location)) as unknown as Row | undefined;
      if (row === undefined || row.stamp !== stampText(stamp) || isRacy(stamp, row.remembered)) return null;
      return JSON.parse(row.digests) as Digests;
    },
    remember: async (location, stamp, digests) => {
      const at = nowNs();
      if (isRacy(stamp, at)) return;
      attempt(() => put.run(location, stampText(stamp), at, JSON.stringify(digests)));
      if (!pruned) attempt(() => forget.run(at - KEPT_NS));
      pruned = true;
    },
    ...cleanBlobs(database, version, nowNs),
  };
}

interface CleanRow {
  /** Among those that were asked for. */
  readonly place: number;
  readonly sha256: string;
  readonly size: number;
}

/** Asked for and written in one statement each: a commit may hold a hundred thousand files. */
function cleanBlobs(
  database: DatabaseSync,
  version: string,
  nowNs: () => bigint,
): Pick<StatCache, 'clean' | 'rememberClean'> {
  const nameOf = ({ oid, path }: NamedBlob) => `${version} ${oid} ${path}`;
  const find = 'SELECT key AS place, sha256, size FROM json_each(?) CROSS JOIN clean ON blob = value';
  const put = `INSERT OR REPLACE INTO clean
    SELECT value ->> 0, ?1, value ->> 1, value ->> 2 FROM json_each(?2)`;
  return {
    clean: async <T extends NamedBlob>(blobs: readonly T[]) => {
      const rows = attempt(() => database.prepare(find).all(JSON.stringify(blobs.map(nameOf)))) ?? [];
      const found = new Map<T, CleanBlob>();
      for (const { place, sha256, size } of rows as unknown as readonly CleanRow[]) {
        const blob = blobs[place];
        if (blob !== undefined) found.set(blob, { sha256, sizeBytes: size });
      }
      return found;
    },
    rememberClean: async (blobs) => {
      const rows = Array.from(blobs, ([blob, { sha256, sizeBytes }]) => [nameOf(blob), sha256, sizeBytes]);
      attempt(() => database.prepare(put).run(nowNs(), JSON.stringify(rows)));
      attempt(() => database.prepare('DELETE FROM clean WHERE remembered < ?').run(nowNs() - KEPT_NS));
    },
  };
}

function isRacy(stamp: FileStamp, remembered: bigint): boolean {
  return stamp.mtimeNs + RACY_NS >= remembered || stamp.ctimeNs + RACY_NS >= remembered;
}

function stampText(stamp: FileStamp): string {
  return [stamp.dev, stamp.ino, stamp.sizeBytes, stamp.mtimeNs, stamp.ctimeNs].join(' ');
}

/** A cache that is locked or broken knows nothing. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
