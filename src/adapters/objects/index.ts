import { isObjectLocation } from '../../domain/base/object-place.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Hasher, HashJob, HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import type { ObjectFiles } from './files.ts';
import type { Slots } from './pinned.ts';
import type { ObjectStore } from './store.ts';

/** Objects behind the same ports as files: made when the first is asked for. */
export interface Objects extends ObjectFiles {
  readonly store: ObjectStore;
  readonly slots: Slots;
}

export async function openObjects(store: ObjectStore): Promise<Objects> {
  const [{ objectFiles }, { Slots: Places }] = await Promise.all([import('./files.ts'), import('./pinned.ts')]);
  const slots = new Places();
  return { store, slots, ...objectFiles(store, slots) };
}

/** Files of this machine, and of stores: each location says which. */
export function withObjects(local: Files, objects: () => Promise<Objects>): Files {
  const at = <T>(location: string, ask: (files: Files) => Promise<T>): Promise<T> =>
    isObjectLocation(location) ? objects().then(({ files }) => ask(files)) : ask(local);
  return {
    ...(local.room === undefined ? {} : { room: local.room }),
    walk: (root, options) => at(root, (files) => files.walk(root, options)),
    list: (root, options) => at(root, (files) => files.list(root, options)),
    open: (location, options) => at(location, (files) => files.open(location, options)),
    read: (location, maxBytes) => at(location, (files) => files.read(location, maxBytes)),
    readIfThere: (location, maxBytes) => at(location, (files) => files.readIfThere(location, maxBytes)),
    write: (location, bytes, options) => at(location, (files) => files.write(location, bytes, options)),
    copy: (from, to) => at(from, (files) => files.copy(from, to)),
    duplicate: (from, to, options) => at(from, (files) => files.duplicate(from, to, options)),
    sync: (location) => at(location, (files) => files.sync(location)),
    requireWritable: (folder) => at(folder, (files) => files.requireWritable(folder)),
    kindOf: (location) => at(location, (files) => files.kindOf(location)),
    names: (folder) => at(folder, (files) => files.names(folder)),
    items: (folder) => at(folder, (files) => files.items(folder)),
    realPath: (location) => at(location, (files) => files.realPath(location)),
    remove: (location) => at(location, (files) => files.remove(location)),
  };
}

/** The same for digests. */
export function hashingObjects(real: Hasher, objects: () => Promise<Objects>): Hasher {
  const { sums } = real;
  return {
    ...real,
    hash: async (jobs, options) =>
      jobs.some(isRemote) ? hashBoth(jobs, options, { real, objects }) : real.hash(jobs, options),
    ...(sums === undefined
      ? {}
      : { sums: async (names, options) => (names.some(isObjectLocation) ? null : sums(names, options)) }),
  };
}

function isRemote({ location }: HashJob): boolean {
  return isObjectLocation(location);
}

/** In the order asked for, whatever lies where. */
async function hashBoth(
  jobs: readonly HashJob[],
  options: HashOptions,
  { real, objects }: { real: Hasher; objects: () => Promise<Objects> },
): Promise<readonly HashResult[]> {
  const results: HashResult[] = [];
  const { hashObjects } = await import('./hasher.ts');
  const opened = await objects();
  const hashers = [
    real.hash,
    (some: readonly HashJob[], how: HashOptions) => hashObjects(some, how, { ...opened, real }),
  ];
  for (const [remote, hash] of hashers.entries()) {
    const places = [...jobs.keys()].filter((at) => isRemote(jobs[at] as HashJob) === (remote === 1));
    if (places.length === 0) continue;
    const { onFailure } = options;
    const told =
      onFailure === undefined
        ? {}
        : { onFailure: (at: number, e: Parameters<typeof onFailure>[1]) => onFailure(places[at] as number, e) };
    const found = await hash(
      places.map((at) => jobs[at] as HashJob),
      { ...options, ...told },
    );
    places.forEach((at, index) => (results[at] = found[index] as HashResult));
  }
  return results;
}
