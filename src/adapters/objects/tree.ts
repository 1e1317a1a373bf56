import { bookkeeperOf, isBookkeepingName, isLeftOut } from '../../domain/base/bookkeeping.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { objectLocation, prefixOf, type ObjectPlace } from '../../domain/base/object-place.ts';
import { checkPath, compareUtf8, SIDECARS } from '../../domain/base/paths.ts';
import type { Tree, TreeEntry, WalkOptions } from '../../domain/ports/files.ts';
import { PinnedObject, readSpan } from './pinned.ts';
import { notFound, type ObjectFound, type ObjectStore } from './store.ts';

/** Pages in a row that bring nothing, until a list is taken to have no end. */
const EMPTY_PAGES = 1000;

/** All pages of a list. @throws WeighmarkError `limit-exceeded`, `network` for a list without end. */
export async function* pagesOf(
  store: ObjectStore,
  { bucket, key }: ObjectPlace,
  how: { folded?: boolean } = {},
): AsyncGenerator<{ readonly objects: readonly ObjectFound[]; readonly folders: readonly string[] }> {
  const prefix = prefixOf({ key });
  let [empty, found] = [0, 0];
  for (let after: string | undefined; ;) {
    const page = await store.list(bucket, prefix, { ...how, ...(after === undefined ? {} : { after }) });
    const count = page.objects.length + page.folders.length;
    [empty, found] = [count === 0 ? empty + 1 : 0, found + count];
    if (page.next !== null && (page.next === after || empty > EMPTY_PAGES))
      throw new WeighmarkError('network', `the list of s3://${bucket}/${prefix} has no end`);
    // Markers and sidecars are no files of the tree, and yet there cannot be many of them.
    if (found > LIMITS.filesPerTree * 2) throw new WeighmarkError('limit-exceeded', `more than ${found} objects`);
    for (const { key: each } of page.objects) requireBelow(each, prefix, bucket);
    yield page;
    if (page.next === null) return;
    after = page.next;
  }
}

function requireBelow(key: string, prefix: string, bucket: string): void {
  if (!key.startsWith(prefix))
    throw new WeighmarkError('network', `the store lists ${key} below s3://${bucket}/${prefix}`, { subject: key });
}

/** Where an object is, of a tree of a million: made when it is asked for. */
class ObjectEntry implements TreeEntry {
  readonly path: string;
  readonly stamp: PinnedObject;

  constructor(path: string, stamp: PinnedObject) {
    this.path = path;
    this.stamp = stamp;
  }

  get location(): string {
    return objectLocation(this.stamp.place);
  }

  get sizeBytes(): number {
    return this.stamp.size;
  }
}

/** The object of that name as a tree of one file; null if there is none. */
export async function singleObject(store: ObjectStore, place: ObjectPlace): Promise<Tree | null> {
  const found = place.key === '' ? null : await store.find(place);
  if (found === null) return null;
  const path = place.key.slice(place.key.lastIndexOf('/') + 1);
  const entries = [new ObjectEntry(path, new PinnedObject(place.bucket, found))];
  return { kind: 'file', root: objectLocation(place), entries, sidecars: [], leftOut: [], followedLinks: false };
}

/**
 * The objects below a prefix as the files of a folder, by the rules that hold for names of files (DESIGN 4.1). An empty object whose
 * name ends in `/` is how consoles mark a folder, and left out.
 * @throws WeighmarkError `not-found`, `name-unsafe`, `limit-exceeded`.
 */
export async function treeBelow(store: ObjectStore, place: ObjectPlace, options: WalkOptions = {}): Promise<Tree> {
  const entries: TreeEntry[] = [];
  const [sidecars, leftOut] = [new Set<string>(), [] as string[]];
  const ignored = new Set(options.ignore ?? []);
  let any = false;
  for await (const { objects } of pagesOf(store, place))
    for (const found of objects) {
      any = true;
      const path = found.key.slice(prefixOf(place).length);
      const [top = ''] = path.split('/', 1);
      if (isMarker(path, found)) continue;
      if (SIDECARS.includes(top)) sidecars.add(top === path ? path : `${top}/`);
      else if (isIgnored(path, ignored)) {
        if (isBookkeepingName(path)) leftOut.push(path);
      } else if (await isBookkeeping(store, { path, found, bucket: place.bucket }, options)) leftOut.push(path);
      else entries.push(entryOf(path, found, place.bucket));
      if (entries.length > LIMITS.filesPerTree)
        throw new WeighmarkError('limit-exceeded', `more than ${LIMITS.filesPerTree} files`);
    }
  if (!any) throw notFound(place);
  entries.sort((a, b) => compareUtf8(a.path, b.path));
  requireFolders(entries);
  const root = objectLocation(place);
  return {
    kind: 'directory',
    root,
    entries,
    sidecars: sorted(sidecars),
    leftOut: sorted(leftOut),
    followedLinks: false,
  };
}

function sorted(names: Iterable<string>): readonly string[] {
  return [...names].toSorted(compareUtf8);
}

function isMarker(path: string, { sizeBytes }: ObjectFound): boolean {
  return sizeBytes === 0 && (path === '' || (path.endsWith('/') && !path.endsWith('//')));
}

function entryOf(path: string, found: ObjectFound, bucket: string): TreeEntry {
  checkPath(path);
  return new ObjectEntry(path, new PinnedObject(bucket, found));
}

function isIgnored(path: string, ignored: ReadonlySet<string>): boolean {
  if (ignored.size === 0) return false;
  for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1))
    if (ignored.has(path.slice(0, at))) return true;
  return false;
}

/** What its bytes must be read as is asked of the few that have such a name. */
async function isBookkeeping(
  store: ObjectStore,
  { path, found, bucket }: { path: string; found: ObjectFound; bucket: string },
  { bookkeeping }: WalkOptions,
): Promise<boolean> {
  let wanted = 0;
  let by = bookkeeperOf(path, (bytes) => ((wanted = bytes), null));
  if (wanted > 0) {
    const end = Math.min(wanted, found.sizeBytes);
    const bytes = await readSpan(store, new PinnedObject(bucket, found), { start: 0, end });
    by = bookkeeperOf(path, () => bytes);
  }
  return isLeftOut(by, bookkeeping !== undefined);
}

/** A store may hold `a` and `a/b`; no folder can, and what is sealed must be able to be one. */
function requireFolders(entries: readonly TreeEntry[]): void {
  const names = new Set<string>();
  for (const { path } of entries) {
    if (names.has(path)) throw unsafe(path, 'is listed twice');
    names.add(path);
  }
  for (const { path } of entries)
    for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1))
      if (names.has(path.slice(0, at))) throw unsafe(path.slice(0, at), 'is an object, and others lie below it');
}

function unsafe(path: string, why: string): WeighmarkError {
  return new WeighmarkError('name-unsafe', `${path} ${why}: no folder can hold that`, { subject: path });
}
