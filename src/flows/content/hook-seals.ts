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
      const hasOwn = sidecarLookup(top, files);
      const inTree = async (path: string) => files.readIfThere(join(top, path), LIMITS.digestListBytes);
      const above = onceEach(async (folder) => {
        const base = folder === '.' ? '' : `${folder}/`;
        const path = `${base}${DIGEST_LIST_FILE}`;
        const list = mapOf((await first(path)) ?? (await inTree(path)));
        if (list !== null) return { base, list };
        return folder === dirname(folder) ? null : above(dirname(folder));
      });
      const own = async (file: string) => {
        const path = `${file}.weighmark/files`;
        return mapOf((await first(path)) ?? ((await hasOwn(file)) ? await inTree(path) : null));
      };
      return {
        listed: async (path) => {
          const ownList = await own(path);
          if (ownList !== null) return ownList.values().next().value ?? null;
          const nearest = await above(dirname(path));
          return nearest?.list.get(path.slice(nearest.base.length)) ?? null;
        },
      };
    },
  };
}

type Nearest = { readonly base: string; readonly list: ReadonlyMap<string, ListedFile> } | null;

function onceEach(find: (folder: string) => Promise<Nearest>): (folder: string) => Promise<Nearest> {
  const found = new Map<string, Promise<Nearest>>();
  return async (folder) => {
    const known = found.get(folder) ?? find(folder);
    found.set(folder, known);
    return known;
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
