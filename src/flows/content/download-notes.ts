import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import {
  DOWNLOAD_NOTE,
  HUB_TREE,
  readDownloadNote,
  readHubTree,
  treesBesideNotes,
} from '../../domain/metadata/location.ts';
import type { MetadataFile } from '../../domain/metadata/read.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { Files } from '../../domain/ports/files.ts';
import { inParallel } from '../../domain/base/parallel.ts';

const NOTE_BYTES = 4096;
const AT_ONCE = 8;
const TREES = 64;

/**
 * What `huggingface_hub` noted of each file that it downloaded, commit and checksum, and what its lists of a commit's files say.
 * @param paths below the root, other files' among them
 */
export async function downloadNotes(
  root: string,
  paths: readonly string[],
  { files }: { readonly files: Files },
): Promise<readonly Fact[]> {
  const names = paths.filter((path) => DOWNLOAD_NOTE.test(path)).slice(0, LIMITS.manifestFiles);
  const read = new Map<string, readonly Fact[]>();
  await inParallel(names, AT_ONCE, async (path) => {
    const bytes = await files.readIfThere(`${root}/${path}`, NOTE_BYTES);
    if (bytes !== null) read.set(path, readDownloadNote({ path, bytes }));
  });
  const notes = names.flatMap((path) => read.get(path) ?? []);
  const trees: (readonly Fact[])[] = [];
  for (const path of paths.filter((name) => HUB_TREE.test(name)).slice(0, TREES)) {
    const bytes = await files.readIfThere(`${root}/${path}`, LIMITS.documentBytes);
    if (bytes !== null) trees.push(treeOf({ path, bytes }));
  }
  return [...notes, ...treesBesideNotes(trees, notes)];
}

/** A list that cannot be read says nothing: the hub itself makes it anew. */
function treeOf(file: MetadataFile): readonly Fact[] {
  try {
    return readHubTree(file);
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}
