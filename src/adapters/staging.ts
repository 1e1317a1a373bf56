import { randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Staging, Stagings } from '../domain/ports/files.ts';
import { checkPath } from '../domain/base/paths.ts';
import { renameAll } from './files/copy-batch.ts';
import { asNamed, fileError } from './files/errors.ts';
import { MACHINE, type Machine } from './files/machine.ts';
import { pinFolder, sameInode, swapped, type Pinned } from './files/pinned.ts';
import { syncFolder, writeFileAtomic } from './files/write.ts';

const READ_ONLY = 0o444;
const OWN = 0o700;
/** What is published is for all to read and for its owner alone to change, whatever the umask. */
const PUBLISHED = 0o755;
const TRIES = 8;

export interface StagingOptions {
  readonly machine?: Machine;
  /** Told once where this system cannot hold others off. Default: nobody. */
  readonly warn?: (sentence: string) => void;
}

export function createStagings({ machine = MACHINE, warn = () => undefined }: StagingOptions = {}): Stagings {
  return { open: async (target, key) => openStaging(target, key, { machine, warn }) };
}

/**
 * `.NAME.<key>.<random>.part` beside the target, on the same file system: renaming what is in it is one step. Nobody can
 * make it first (the name is drawn, the folder must be new, ours and 0700; one of ours from before is continued), and
 * nobody can put another in its place: it and the target's folder are held open and reached by their inodes.
 */
async function openStaging(target: string, key: string, options: Required<StagingOptions>): Promise<Staging> {
  const places = await attempt(target, () => openPlaces(target, key, options));
  const { own } = places;
  const root = join(own.path, 'tree');
  const partOf = (digest: string) => join(own.path, 'parts', digest.replace(':', '-'));
  return {
    root,
    partOf,
    settle: (digest, path) => attempt(path, () => settle(places, partOf(digest), inside(root, path))),
    settleAll: (files) =>
      attempt(target, () =>
        settleAll(
          places,
          files.map(({ digest, path }) => ({ part: partOf(digest), file: inside(root, path) })),
        ),
      ),
    write: async (path, bytes) => {
      await attempt(path, async () => (check(places), makeFolders(root, dirname(path))));
      await writeFileAtomic(inside(root, path), bytes);
    },
    publish: () => attempt(target, () => publish(places)),
    publishInto: (paths) => attempt(target, () => publishInto(places, paths)),
    discard: () => attempt(target, () => discard(places)),
    release: () => close(places),
  };
}

interface Places {
  readonly target: string;
  readonly machine: Machine;
  /** The folder that the target is in. */
  readonly parent: Pinned;
  /** The staging folder itself. */
  readonly own: Pinned;
  /** The folder that will get the target's name. */
  readonly tree: { readonly dev: number; readonly ino: number };
  closed: boolean;
}

async function openPlaces(target: string, key: string, { machine, warn }: Required<StagingOptions>): Promise<Places> {
  await mkdir(dirname(target), { recursive: true });
  const parent = pinFolder(dirname(target), machine, { followLink: true });
  try {
    const own = await ownFolder(parent, `.${basename(target).slice(0, 100)}.${key}.`, machine);
    if (!own.held && othersMayRename(parent, machine)) warn(unheldWarning(parent.location));
    await mkdir(join(own.path, 'parts'), { mode: OWN }).catch(unlessThere);
    await rm(join(own.path, 'tree'), { recursive: true, force: true });
    await mkdir(join(own.path, 'tree'));
    await chmod(join(own.path, 'tree'), PUBLISHED);
    const { dev, ino } = await lstat(join(own.path, 'tree'));
    return { target, machine, parent, own, tree: { dev, ino }, closed: false };
  } catch (error) {
    parent.close();
    throw error;
  }
}

/** One of ours that an interrupted run left, so that it goes on; else a new one under a name nobody knew before. */
async function ownFolder(parent: Pinned, prefix: string, machine: Machine): Promise<Pinned> {
  const names = (await readdir(parent.path)).filter(
    (name) => name.startsWith(prefix) && /^[0-9a-f]{24}\.part$/.test(name.slice(prefix.length)),
  );
  for (const name of names.toSorted()) {
    const found = pinIfOurs(join(parent.path, name), machine);
    if (found !== null) return found;
  }
  return newFolder(parent, prefix, machine);
}

async function newFolder(parent: Pinned, prefix: string, machine: Machine): Promise<Pinned> {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const location = join(parent.path, `${prefix}${randomBytes(12).toString('hex')}.part`);
    try {
      await mkdir(location, { mode: OWN });
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw cause;
    }
    const made = pinIfOurs(location, machine);
    if (made !== null) return made;
  }
  throw swapped(parent.location);
}

/** Null for a link, a file, or a folder that is another's or open to others. */
function pinIfOurs(location: string, machine: Machine): Pinned | null {
  let pinned: Pinned;
  try {
    pinned = pinFolder(location, machine);
  } catch {
    return null;
  }
  const { uid, mode } = pinned.stat;
  if (machine.uid === undefined || (uid === machine.uid && (mode & 0o077) === 0)) return pinned;
  pinned.close();
  return null;
}

/** Whoever may write to a folder may rename what is in it, unless it is sticky. */
function othersMayRename({ stat }: Pinned, machine: Machine): boolean {
  if (machine.uid === undefined) return true;
  const isOthers = stat.uid !== machine.uid && stat.uid !== 0;
  return isOthers || ((stat.mode & 0o022) !== 0 && (stat.mode & 0o1000) === 0);
}

function unheldWarning(folder: string): string {
  return `others may be able to change ${folder}, and this system cannot hold them off: write to a folder of your own`;
}

/** The number of a descriptor that was let go is soon another's: nothing is done through it. */
function check({ parent, own, closed }: Places): void {
  if (closed) throw new WeighmarkError('internal', 'a staging folder was used after it was let go');
  parent.check();
  own.check();
}

function close(places: Places): void {
  if (places.closed) return;
  places.closed = true;
  places.own.close();
  places.parent.close();
}

async function settle(places: Places, part: string, file: string): Promise<void> {
  check(places);
  const root = join(places.own.path, 'tree');
  await makeFolders(root, dirname(file).slice(root.length + 1));
  await chmod(part, READ_ONLY);
  await rename(part, file);
}

/** Folders are looked at once each. */
async function settleAll(
  places: Places,
  files: readonly { readonly part: string; readonly file: string }[],
): Promise<void> {
  check(places);
  const root = join(places.own.path, 'tree');
  for (const folder of new Set(files.map(({ file }) => dirname(file))))
    await makeFolders(root, folder.slice(root.length + 1));
  renameAll(
    files.map(({ part, file }) => ({ from: part, to: file })),
    READ_ONLY,
  );
}

/** A rename onto a folder succeeds only if that one is empty, and is one step. */
async function publish(places: Places): Promise<void> {
  const { target, parent, own } = places;
  check(places);
  const to = join(parent.path, basename(target));
  const there = await lstat(to).catch(() => null);
  if (there !== null && !there.isDirectory())
    throw new WeighmarkError('already-exists', `${target} is there already`, { subject: target });
  if (there !== null) refuseAnothers(target, there.uid, places.machine);
  if (there !== null && (await readdir(to)).length > 0)
    throw new WeighmarkError('already-exists', `${target} is not empty`, { subject: target });
  if (there !== null) await rmdir(to);
  await rename(join(own.path, 'tree'), to);
  await syncFolder(parent.path);
  if (!sameInode(await lstat(target), places.tree)) throw swapped(target);
  await discard(places);
}

/** Root may use what it finds; anybody else publishes under a name of their own. */
function refuseAnothers(location: string, uid: number, { uid: own }: Machine): void {
  if (own === undefined || own === 0 || uid === own) return;
  throw new WeighmarkError('place-unsafe', `${location} is a folder of another user of this machine`, {
    subject: location,
    hint: 'name a folder that is not there yet, in a place that only you can write to',
  });
}

async function publishInto(places: Places, paths: readonly string[]): Promise<void> {
  const { target, own, machine } = places;
  check(places);
  const into = pinFolder(target, machine);
  try {
    for (const path of paths) {
      await makeFolders(into.path, dirname(path));
      const from = inside(join(own.path, 'tree'), path);
      const was = await lstat(from);
      await rename(from, inside(into.path, path));
      await syncFolder(dirname(inside(into.path, path)));
      if (!sameInode(await lstat(inside(target, path)), was)) throw swapped(inside(target, path));
    }
    into.check();
  } finally {
    into.close();
  }
  await discard(places);
}

/** Empties the folder that is held, not whatever has its name by now; of that name only an empty folder is removed. */
async function discard(places: Places): Promise<void> {
  if (places.closed) return;
  check(places);
  for (const name of await readdir(places.own.path))
    await rm(join(places.own.path, name), { recursive: true, force: true });
  const name = places.own.location.slice(places.parent.path.length + 1);
  await rmdir(join(places.parent.path, name)).catch(() => undefined);
  close(places);
}

/** Folders inside that are real folders: a link could lead anywhere (DESIGN 8.5). */
async function makeFolders(base: string, path: string): Promise<void> {
  let folder = base;
  for (const part of path === '.' || path === '' ? [] : path.split('/')) {
    folder = join(folder, part);
    const made = (await lstat(folder).catch(() => null)) === null ? await makeFolder(folder) : false;
    if (!made && !(await lstat(folder)).isDirectory())
      throw new WeighmarkError('symlink-refused', `${asNamed(folder)} is not a folder`, { subject: asNamed(folder) });
  }
}

/** False: another file that is settled at the same time was first. */
async function makeFolder(folder: string): Promise<boolean> {
  const made = await mkdir(folder).then(
    () => true,
    (error: unknown) => (unlessThere(error as NodeJS.ErrnoException), false),
  );
  if (made) await chmod(folder, PUBLISHED);
  return made;
}

/** @throws WeighmarkError `name-unsafe`. */
function inside(root: string, path: string): string {
  checkPath(path);
  return join(root, ...path.split('/'));
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}

async function attempt<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const error = fileError(cause, subject);
    if (cause instanceof WeighmarkError || error.code !== 'unreadable') throw error;
    throw new WeighmarkError('write-refused', `cannot write ${error.message}`, { subject, cause });
  }
}
