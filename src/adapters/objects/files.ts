import { open as openLocal } from 'node:fs/promises';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { objectLocation, parseObjectPlace, prefixOf, type ObjectPlace } from '../../domain/base/object-place.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import type { Files, Pieces, FolderItem, OpenFile, Tree, WalkOptions } from '../../domain/ports/files.ts';
import { fileError } from '../files/errors.ts';
import { inOrder, PinnedObject, readSpan, Slots, SPAN_BYTES } from './pinned.ts';
import { changed, notFound, type ObjectStore } from './store.ts';
import { pagesOf, singleObject, treeBelow } from './tree.ts';

/** What is opened after a walk is held to what the walk found. */
export interface ObjectFiles {
  readonly files: Files;
  /** The object at a location as it was walked, else as it is now. @throws WeighmarkError `not-found`. */
  pinned(location: string): Promise<PinnedObject>;
}

/** A store of objects behind the `Files` port. */
export function objectFiles(store: ObjectStore, slots: Slots): ObjectFiles {
  const walked = new Map<string, PinnedObject>();
  const find = async (location: string): Promise<PinnedObject | null> => {
    const place = parseObjectPlace(location);
    const found = place.key === '' ? null : await store.find(place);
    return found === null ? null : new PinnedObject(place.bucket, found);
  };
  const pinned = async (location: string): Promise<PinnedObject> => {
    const known = walked.get(location) ?? (await find(location));
    if (known === null) throw await missing(store, parseObjectPlace(location));
    return known;
  };
  const walk = async (root: string, options?: WalkOptions): Promise<Tree> => {
    const tree = await walkObjects(store, parseObjectPlace(root), options);
    for (const { location, stamp } of tree.entries) if (stamp instanceof PinnedObject) walked.set(location, stamp);
    return tree;
  };
  const readAll = async (object: PinnedObject, maxBytes: number): Promise<Uint8Array> => {
    const location = objectLocation(object.place);
    if (object.size > maxBytes)
      throw new WeighmarkError('limit-exceeded', `${location} is larger than ${maxBytes} bytes`, { subject: location });
    return readSpan(store, object, { start: 0, end: object.size });
  };
  const files: Files = {
    walk,
    list: async (root, options) => {
      const tree = await walkObjects(store, parseObjectPlace(root), options);
      return tree.entries.map(({ path }) => path);
    },
    open: async (location) => openObject(store, await pinned(location)),
    read: async (location, maxBytes) => readAll(await pinned(location), maxBytes),
    readIfThere: async (location, maxBytes) => {
      const object = await find(location);
      return object === null ? null : readAll(object, maxBytes);
    },
    write: async (location, bytes, { exclusive = false } = {}) =>
      store.put(parseObjectPlace(location), wholeOf(bytes), { exclusive }),
    requireWritable: async (folder) => store.requireWritable(parseObjectPlace(folder)),
    kindOf: async (location) => kindOf(store, parseObjectPlace(location)),
    names: async (folder) => (await itemsIn(store, parseObjectPlace(folder))).map(({ name }) => name),
    items: async (folder) => itemsIn(store, parseObjectPlace(folder)),
    realPath: async (location) => location,
    remove: async (location) => {
      const place = parseObjectPlace(location);
      if ((await store.find(place)) !== null) await store.remove(place);
    },
    duplicate: async (from, to, { stamp } = {}) =>
      download(store, stamp instanceof PinnedObject ? stamp : await pinned(from), { to, slots }),
    copy: async () => {
      throw new WeighmarkError('write-refused', 'objects of a store are not copied this way');
    },
    sync: async () => undefined,
  };
  return { files, pinned };
}

/** An object is sent as it is signed: whole. */
function wholeOf(bytes: Uint8Array | string | Pieces): Buffer {
  if (typeof bytes === 'string' || bytes instanceof Uint8Array) return Buffer.from(bytes);
  return Buffer.concat([...bytes.pieces()]);
}

/** @throws WeighmarkError `name-unsafe` where an object and a prefix have one name: nobody could say which is meant. */
async function walkObjects(store: ObjectStore, place: ObjectPlace, options: WalkOptions = {}): Promise<Tree> {
  const single = await singleObject(store, place);
  if (single === null) return treeBelow(store, place, options);
  if (!(await isPrefix(store, place))) return single;
  const location = objectLocation(place);
  throw new WeighmarkError('name-unsafe', `${location} is an object, and others lie below it`, { subject: location });
}

async function isPrefix(store: ObjectStore, { bucket, key }: ObjectPlace): Promise<boolean> {
  const { objects } = await store.list(bucket, prefixOf({ key }), { most: 1 });
  return objects.length > 0;
}

async function kindOf(store: ObjectStore, place: ObjectPlace): Promise<'file' | 'directory' | 'none'> {
  if (place.key !== '' && (await store.find(place)) !== null) return 'file';
  return (await isPrefix(store, place)) ? 'directory' : 'none';
}

async function missing(store: ObjectStore, place: ObjectPlace): Promise<WeighmarkError> {
  if ((await kindOf(store, place)) === 'none') return notFound(place);
  const location = objectLocation(place);
  return new WeighmarkError('special-file', `${location} is a prefix and no object`, { subject: location });
}

async function itemsIn(store: ObjectStore, place: ObjectPlace): Promise<readonly FolderItem[]> {
  const from = prefixOf(place).length;
  const items: FolderItem[] = [];
  for await (const { objects, folders } of pagesOf(store, place, { folded: true })) {
    for (const { key } of objects) if (key.length > from) items.push({ name: key.slice(from), kind: 'file' });
    for (const each of folders) items.push({ name: each.slice(from, -1), kind: 'directory' });
  }
  if (items.length === 0 && !(await isPrefix(store, place))) throw notFound(place);
  return items.toSorted((a, b) => compareUtf8(a.name, b.name));
}

const FIRST_WINDOW = 64 << 10;

/** Reads by windows that grow while they follow each other: a header costs one small request, weights few large ones. */
function openObject(store: ObjectStore, object: PinnedObject): OpenFile {
  let window: { readonly start: number; readonly bytes: Uint8Array } = { start: 0, bytes: new Uint8Array(0) };
  let ahead = FIRST_WINDOW;
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(object.size, offset + length);
    if (end <= offset) return new Uint8Array(0);
    const has = window.start + window.bytes.length;
    if (offset >= window.start && end <= has) return window.bytes.slice(offset - window.start, end - window.start);
    ahead = offset >= window.start && offset <= has && has > 0 ? Math.min(ahead * 2, SPAN_BYTES) : FIRST_WINDOW;
    const upTo = Math.min(object.size, Math.max(end, offset + ahead));
    const bytes = await readSpan(store, object, { start: offset, end: upTo });
    if (upTo === end && bytes.length > SPAN_BYTES) return bytes;
    window = { start: offset, bytes };
    return bytes.slice(0, end - offset);
  };
  return { size: object.size, stamp: object, read, close: async () => undefined };
}

/** A new file of its bytes. */
async function download(
  store: ObjectStore,
  object: PinnedObject,
  { to, slots }: { readonly to: string; readonly slots: Slots },
): Promise<void> {
  let size = 0;
  try {
    const handle = await openLocal(to, 'wx', 0o600);
    try {
      for await (const bytes of inOrder(store, object, slots)) {
        await handle.writeFile(bytes);
        size += bytes.length;
      }
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileError(cause, to);
  }
  if (size !== object.size) throw changed(object.place);
}
