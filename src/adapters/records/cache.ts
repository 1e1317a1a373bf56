import {
  closeSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import type { IndexJob, KeptIndex, OpenIndex, RecordFile, SeenFile } from '../../domain/ports/records.ts';
import { formatRoots, type Roots } from '../../domain/records/roots.ts';
import { fileError } from '../files/errors.ts';
import { writeError } from '../files/write.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Where an index is made. */
export interface IndexPlace {
  /** The folder, made for the user alone. @throws WeighmarkError `write-refused` where it is open to others. */
  folder(): string;
  locationOf(roots: Roots): string;
  /** What it is of, if that is to be said. */
  readonly origin?: Uint8Array;
}

/** Indexes of the user's, each by the SHA-256 of its roots' text. */
export interface IndexCache extends IndexPlace {
  open(roots: Roots): OpenIndex | null;
  seen(roots: Roots, root: string): readonly SeenFile[] | null;
  remember(roots: Roots, root: string, files: readonly RecordFile[]): void;
  remove(which: (index: KeptIndex) => boolean): readonly KeptIndex[];
}

/** `weighmark/records` under XDG_CACHE_HOME; a relative value is ignored, as the XDG specification says. */
export function createIndexCache(env: Env): IndexCache {
  const base = env['XDG_CACHE_HOME'];
  const home = base !== undefined && isAbsolute(base) ? base : join(env['HOME'] ?? homedir(), '.cache');
  const folder = join(home, 'weighmark', 'records');
  const locationOf = (roots: Roots): string => join(folder, `${sha256Hex(formatRoots(roots))}.idx`);
  return {
    folder: () => privateFolder(folder),
    locationOf,
    open: (roots) => openIndexFile(locationOf(roots)),
    seen: (roots, root) => readSeen(seenFile(locationOf(roots), root)),
    remember: (roots, root, files) => {
      privateFolder(folder);
      writeSeen(seenFile(locationOf(roots), root), files);
    },
    remove: (which) => removeFrom(folder, which),
  };
}

/** A place for one index, in a folder that is there. */
export function cacheOfOne({ location, origin }: NonNullable<IndexJob['into']>): IndexPlace {
  return { folder: () => dirname(location), locationOf: () => location, origin };
}

/** Only what has the name of an index or of an unfinished one. */
function removeFrom(folder: string, which: (index: KeptIndex) => boolean): readonly KeptIndex[] {
  const names = existsSync(folder)
    ? readdirSync(folder).filter((name) => /^(?:[0-9a-f]{64}\.idx|\.[0-9a-f]+\.tmp)$/.test(name))
    : [];
  const kept = names.map((name): KeptIndex => {
    const path = join(folder, name);
    const { size, atimeMs, mtimeMs } = lstatSync(path);
    return { path, sizeBytes: size, usedMs: Math.max(atimeMs, mtimeMs) };
  });
  const removed = kept.filter(which);
  for (const { path } of removed) rmSync(path, { force: true });
  removeSeen(folder);
  return removed;
}

/** The same records may lie at several places: a note for each. */
function seenFile(index: string, root: string): string {
  return index.replace(/\.idx$/, `.${sha256Hex(root).slice(0, 16)}.seen`);
}

/** A note that cannot be read says nothing: it is an aid, and what it spoke of can be indexed again. */
function readSeen(location: string): readonly SeenFile[] | null {
  try {
    return JSON.parse(readFileSync(location, 'utf8')) as readonly SeenFile[];
  } catch {
    return null;
  }
}

function writeSeen(location: string, files: readonly RecordFile[]): void {
  const seen = files.map(({ path, sizeBytes, stamp }): SeenFile => {
    return { path, sizeBytes, modifiedNs: String(stamp.mtimeNs) };
  });
  const temporary = join(dirname(location), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    writeFileSync(temporary, JSON.stringify(seen), { mode: 0o600 });
    renameSync(temporary, location);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw writeError(cause, location);
  }
}

/** Of indexes that are gone. */
function removeSeen(folder: string): void {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const notes = names.filter((name) => /^[0-9a-f]{64}\.[0-9a-f]{16}\.seen$/.test(name));
  for (const name of notes)
    if (!existsSync(join(folder, `${name.slice(0, 64)}.idx`))) rmSync(join(folder, name), { force: true });
}

/** A real folder, ours, closed to everybody else (security rule 22). */
function privateFolder(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw writeError(cause, folder);
  }
  const stat = lstatSync(folder);
  const isOurs = process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o077) === 0);
  if (stat.isDirectory() && isOurs) return folder;
  throw new WeighmarkError('write-refused', `${folder} is open to others: an index may speak of people`, {
    subject: folder,
    hint: `close it with \`chmod 700 ${folder}\``,
  });
}

export function openIndexFile(location: string): OpenIndex | null {
  let file: number;
  try {
    file = openSync(location, 'r');
  } catch (cause) {
    const error = fileError(cause, location);
    if (error.code === 'not-found') return null;
    throw error;
  }
  const { size } = fstatSync(file);
  return {
    size,
    close: () => closeSync(file),
    read: (offset, length) => {
      const bytes = offset + length > size ? null : readExactly(file, offset, length);
      if (bytes === null) throw new WeighmarkError('file-changed', `${location} ended early`, { subject: location });
      return bytes;
    },
  };
}

function readExactly(file: number, offset: number, length: number): Uint8Array | null {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = readSync(file, bytes, done, length - done, offset + done);
    if (count === 0) return null;
    done += count;
  }
  return bytes;
}
