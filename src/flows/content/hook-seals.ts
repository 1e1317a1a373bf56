import { basename, dirname, join } from 'node:path';
import { readDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { DIGEST_LIST_FILE } from '../../domain/base/paths.ts';
import type { Files, FileStamp } from '../../domain/ports/files.ts';
import type { HookPorts } from './hook-types.ts';

export interface Seals {
  /** The line of the nearest digest list that speaks of this file, or null. By path from the top. */
  listed(path: string): Promise<ListedFile | null>;
  /** The same of many: what is the same for all files of a folder is found once. */
  linesOf(paths: readonly string[]): Promise<readonly (ListedFile | null)[]>;
}

/** Lists that are known by other means than the work tree. By path from the top. */
export interface KnownLists {
  has(path: string): boolean;
  read(path: string): Promise<Uint8Array | null>;
}

export const NO_LISTS: KnownLists = { has: () => false, read: async () => null };

/**
 * Reads each digest list once; looks in the file's own sidecar, then in folder after folder up to the top. A list that `first`
 * gives wins over the one in the work tree. Nobody signed it for the hook: it says what changed, never what is safe.
 */
export function sealReader(top: string, files: Files): { within(first: KnownLists): Seals } {
  return {
    within: (first) => {
      const namesIn = sidecarNames(top, files);
      const listAt = async (path: string, isInTree: boolean) => {
        const bytes = first.has(path) ? await first.read(path) : null;
        return mapOf(bytes ?? (isInTree ? await files.readIfThere(join(top, path), LIMITS.digestListBytes) : null));
      };
      const above = onceEach(async (folder) => {
        const base = folder === '.' ? '' : `${folder}/`;
        const list = await listAt(`${base}${DIGEST_LIST_FILE}`, true);
        if (list !== null) return { base, list };
        return folder === dirname(folder) ? null : above(dirname(folder));
      });
      const lineIn = (path: string, nearest: Nearest) => nearest?.list.get(path.slice(nearest.base.length)) ?? null;
      const listed = async (path: string, names: Names) => {
        const own = await listAt(ownList(path), hasOwn(path, names));
        return own === null ? lineIn(path, await above(dirname(path))) : (own.values().next().value ?? null);
      };
      return {
        listed: async (path) => listed(path, await namesIn(dirname(path))),
        linesOf: async (paths) => {
          const lines: (ListedFile | null)[] = [];
          let [folder, names, nearest]: [string | null, Names, Nearest | undefined] = [null, null, undefined];
          for (const path of paths) {
            if (folder !== dirname(path)) {
              folder = dirname(path);
              [names, nearest] = [await namesIn(folder), undefined];
            }
            if (first.has(ownList(path)) || hasOwn(path, names)) lines.push(await listed(path, names));
            else lines.push(lineIn(path, (nearest ??= await above(folder))));
          }
          return lines;
        },
      };
    },
  };
}

function ownList(path: string): string {
  return `${path}.weighmark/files`;
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

/** Of what lies in a folder; null: nobody can tell. */
type Names = ReadonlySet<string> | null;

/** Few files have a sidecar of their own: which, says one look into their folder, not one for each. */
function sidecarNames(top: string, files: Files): (folder: string) => Promise<Names> {
  const folders = new Map<string, Promise<Names>>();
  const namesIn = async (folder: string): Promise<Names> =>
    files.names(join(top, folder)).then(
      (names) => new Set(names),
      () => null,
    );
  return async (folder) => {
    const known = folders.get(folder) ?? namesIn(folder);
    folders.set(folder, known);
    return known;
  };
}

function hasOwn(path: string, names: Names): boolean {
  return names === null || names.has(`${basename(path)}.weighmark`);
}

function mapOf(bytes: Uint8Array | null): ReadonlyMap<string, ListedFile> | null {
  return bytes === null ? null : new Map(readDigestList(bytes).map((file) => [file.path, file]));
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
