import { lstat, readdir, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Collected } from '../../../domain/ports/registry.ts';
import type { TransparencyLog } from '../../../domain/ports/log.ts';
import { MACHINE } from '../../files/machine.ts';
import { pinFolder, sameInode, swapped } from '../../files/pinned.ts';
import { readBlob } from './blobs.ts';
import { layoutFolders, readLayout } from './layout.ts';
import { pushAll } from '../../../domain/base/lists.ts';

interface Options {
  readonly dryRun: boolean;
  readonly olderThanMs: number;
}

interface Found {
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedMs: number;
}

/**
 * Under the lock of the layouts, so that no list changes meanwhile. Blobs being written are younger than the limit; one that
 * is needed again after all is missed by whoever puts the manifest.
 */
export async function collectGarbage(
  store: { readonly folder: string; readonly log: TransparencyLog },
  options: Options,
): Promise<Collected> {
  const models = join(store.folder, 'models');
  const logged = new Set((await store.log.find({})).flatMap(({ leaf }) => [leaf.manifest, leaf.bundle]));
  const garbage = [...(await leftovers(store.folder))];
  let kept = 0;
  for (const layout of await layoutFolders(models)) {
    const there = await blobsIn(join(layout, 'blobs', 'sha256'));
    const needed = await neededBlobs(layout, new Set(there.map(({ path }) => `sha256:${basename(path)}`)), logged);
    const unneeded = there.filter(({ path }) => !needed.has(`sha256:${basename(path)}`));
    kept += there.length - unneeded.length;
    pushAll(garbage, unneeded);
  }
  const old = garbage.filter(({ changedMs }) => Date.now() - changedMs >= options.olderThanMs);
  if (!options.dryRun)
    for (const [folder, found] of Map.groupBy(old, ({ path }) => dirname(path))) await removeIn(folder, found);
  return {
    removed: old
      .map(({ path, sizeBytes }) => ({ path: path.slice(store.folder.length + 1), sizeBytes }))
      .toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    kept,
  };
}

/**
 * Removes files of a folder that is held open, and is the one of that path: whoever shares the registry might lay a link in the
 * way, and nothing is removed through one.
 */
async function removeIn(folder: string, found: readonly Found[]): Promise<void> {
  const pinned = pinFolder(folder, MACHINE);
  try {
    if (!(await isReal(folder)) || !sameInode(await stat(folder), pinned.stat)) throw swapped(folder);
    for (const { path } of found) await rm(join(pinned.path, basename(path)), { force: true });
    pinned.check();
  } finally {
    pinned.close();
  }
}

/** Without a link on the way; the registry's own folder has been followed already. */
async function isReal(folder: string): Promise<boolean> {
  return (await realpath(folder).catch(() => null)) === folder;
}

/** Temporary files of writes that were interrupted, and what a copy had on its way; blobs' own are found beside the blobs. */
async function leftovers(folder: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile() && /^\..*\.tmp$/.test(entry.name)) found.push(await described(path));
    if (entry.isDirectory() && /^\.copying\..*\.part$/.test(entry.name)) pushAll(found, await filesBelow(path));
    else if (entry.isDirectory() && entry.name !== 'blobs') pushAll(found, await leftovers(path));
  }
  return found;
}

async function filesBelow(folder: string): Promise<readonly Found[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => described(join(entry.parentPath, entry.name))),
  );
}

/** Blobs and unfinished ones by their names, behind no link: anything else there is not ours. */
async function blobsIn(folder: string): Promise<readonly Found[]> {
  if (!(await isReal(folder))) return [];
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) =>
    error.code === 'ENOENT' ? [] : Promise.reject(error),
  );
  const found: Found[] = [];
  for (const name of names.filter((each) => OURS.test(each))) found.push(await described(join(folder, name)));
  return found;
}

const OURS = /^(?:[0-9a-f]{64}|\..*\.tmp)$/;

async function described(path: string): Promise<Found> {
  const { size, mtimeMs } = await lstat(path);
  return { path, sizeBytes: size, changedMs: mtimeMs };
}

/**
 * Of the blobs that are there, everything reachable from the index and from what is logged.
 * @throws WeighmarkError if a listed manifest cannot be read: what it names would be taken for garbage.
 */
async function neededBlobs(
  layout: string,
  there: ReadonlySet<string>,
  logged: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const queue = [
    ...(await readLayout(layout)).manifests.map(({ digest }) => ({ digest, listed: true })),
    ...[...there].filter((digest) => logged.has(digest)).map((digest) => ({ digest, listed: false })),
  ];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { digest, listed } = next;
    if (needed.has(digest) || !there.has(digest)) continue;
    needed.add(digest);
    const { blobs, manifests } = namesOf(await readListed(layout, digest, listed), listed);
    for (const blob of blobs) needed.add(blob);
    pushAll(
      queue,
      manifests.map((manifest) => ({ digest: manifest, listed: true })),
    );
  }
  return needed;
}

/** Logged are bundles too, which may be larger than any manifest. */
async function readListed(layout: string, digest: string, listed: boolean): Promise<Uint8Array> {
  return readBlob(layout, digest, LIMITS.manifestBytes).catch((error: unknown) => {
    if (!listed && error instanceof WeighmarkError && error.code === 'limit-exceeded') return Buffer.from('{}');
    throw error;
  });
}

/** A claim needs what it is about. What is logged and no manifest names nothing. */
function namesOf(
  bytes: Uint8Array,
  listed: boolean,
): { readonly blobs: readonly string[]; readonly manifests: readonly string[] } {
  try {
    const { config, layers, manifests, subject } = parseStrictJsonObject(bytes, {
      maxBytes: LIMITS.manifestBytes,
      refuseCaseDuplicates: false,
    });
    return {
      blobs: [config, ...listOf(layers)].flatMap(digestOf),
      manifests: [...listOf(manifests), subject].flatMap(digestOf),
    };
  } catch (error) {
    if (listed) throw error;
    return { blobs: [], manifests: [] };
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function digestOf(value: Json | undefined): readonly string[] {
  const digest = isJsonObject(value) ? value['digest'] : undefined;
  return typeof digest === 'string' ? [digest] : [];
}
