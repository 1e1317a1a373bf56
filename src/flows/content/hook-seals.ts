import { basename, dirname, join } from 'node:path';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { DIGEST_LIST_FILE } from '../../domain/base/paths.ts';
import type { Files, FileStamp } from '../../domain/ports/files.ts';
import type { HookPorts } from './hook-types.ts';

export interface Seals {
  /** The line of the nearest digest list that speaks of this file, or null. By path from the top. */
  listed(path: string): Promise<ListedFile | null>;
}

/**
 * Reads each digest list once; looks in the file's own sidecar, then in folder after folder up to the top. A list that `first`
 * gives wins over the one in the work tree. Nobody signed it for the hook: it says what changed, never what is safe.
 */
export function sealReader(
  top: string,
  files: Files,
): { within(first: (path: string) => Promise<Uint8Array | null>): Seals } {
  return {
    within: (first) => {
      const lists = new Map<string, Promise<ReadonlyMap<string, ListedFile> | null>>();
      const hasOwn = sidecarLookup(top, files);
      const inTree = async (path: string) => files.readIfThere(join(top, path), LIMITS.digestListBytes);
      const remembered = (path: string, read: () => Promise<Uint8Array | null>) => {
        const known = lists.get(path) ?? read().then(mapOf);
        lists.set(path, known);
        return known;
      };
      const listOf = async (path: string) => remembered(path, async () => (await first(path)) ?? inTree(path));
      const ownListOf = async (file: string) => {
        const path = `${file}.weighmark/files`;
        return mapOf((await first(path)) ?? ((await hasOwn(file)) ? await inTree(path) : null));
      };
      return { listed: async (path) => nearest(path, { listOf, ownListOf }) };
    },
  };
}

/** Few files have a sidecar of their own: which, says one look into their folder, not one for each. */
function sidecarLookup(top: string, files: Files): (path: string) => Promise<boolean> {
  const folders = new Map<string, Promise<ReadonlySet<string> | null>>();
  const namesIn = async (folder: string) =>
    files.names(join(top, folder)).then(
      (names) => new Set(names),
      () => null,
    );
  return async (path) => {
    const folder = dirname(path);
    const known = folders.get(folder) ?? namesIn(folder);
    folders.set(folder, known);
    const names = await known;
    return names === null || names.has(`${basename(path)}.weighmark`);
  };
}

type ListOf = (path: string) => Promise<ReadonlyMap<string, ListedFile> | null>;

async function nearest(
  path: string,
  { listOf, ownListOf }: { listOf: ListOf; ownListOf: ListOf },
): Promise<ListedFile | null> {
  const own = await ownListOf(path);
  if (own !== null) return own.values().next().value ?? null;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const base = folder === '.' ? '' : `${folder}/`;
    const list = await listOf(`${base}${DIGEST_LIST_FILE}`);
    if (list !== null) return list.get(path.slice(base.length)) ?? null;
    if (folder === dirname(folder)) return null;
  }
}

function mapOf(bytes: Uint8Array | null): ReadonlyMap<string, ListedFile> | null {
  if (bytes === null) return null;
  return new Map(parseDigestList(bytes).map((file) => [file.path, file]));
}

/** Is the file what the seal lists? Size first, then a digest remembered from this very state of the file, then a hash. */
export async function isSealedFile(
  location: string,
  is: { sealed: ListedFile; size: number; stamp: FileStamp },
  ports: HookPorts,
): Promise<boolean> {
  if (is.size !== is.sealed.sizeBytes) return false;
  const cache = await ports.cache();
  const known = await cache.digests(location, is.stamp);
  if (known?.blake3 !== undefined) return known.blake3 === is.sealed.blake3;
  const [result] = await (
    await ports.hasher()
  ).hash([{ location, sizeBytes: is.size, stamp: is.stamp }], { algorithms: ['blake3'] });
  if (result === undefined) return false;
  await cache.remember(location, is.stamp, result.digests);
  return result.digests.blake3 === is.sealed.blake3;
}
