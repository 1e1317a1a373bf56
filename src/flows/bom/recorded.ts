import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { pushAll } from '../../domain/base/lists.ts';
import { HUB_TREE, readHubTree } from '../../domain/metadata/location.ts';
import { blobFacts } from '../../domain/metadata/store-digests.ts';
import { readDvcFolders, readDvcList, type DvcFolder } from '../../domain/metadata/store-files.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { downloadNotes } from '../content/download-notes.ts';

interface Ports {
  readonly files: Files;
}

/** What other tools noted of the files outside of them: beside a download, in the names of a cache, in a cache's lists. */
export async function recordedFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  return [...(await downloadFacts(tree, ports)), ...(await dvcFolderFacts(tree, ports)), ...blobFacts(tree.entries)];
}

/** What `huggingface_hub` noted beside a downloaded folder: commit and checksum of every file. */
async function downloadFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  const facts: Fact[] = [...(await downloadNotes(tree.root, tree.leftOut, ports))];
  for (const path of tree.leftOut.filter((name) => HUB_TREE.test(name)).slice(0, TREES)) {
    const bytes = await ports.files.readIfThere(`${tree.root}/${path}`, LIMITS.documentBytes);
    if (bytes !== null)
      pushAll(
        facts,
        said(() => readHubTree({ path, bytes })),
      );
  }
  return facts;
}

const TREES = 64;

const DVC_NOTE = /(?:^|\/)(?:[^/]+\.dvc|dvc\.lock)$/;

/** A folder that DVC tracks is a list in its cache; without the cache nothing is known of the folder's files. */
async function dvcFolderFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const { path, location } of tree.entries.filter((entry) => DVC_NOTE.test(entry.path)).slice(0, NOTES)) {
    const bytes = await ports.files.readIfThere(location, LIMITS.documentBytes);
    for (const folder of bytes === null ? [] : said(() => readDvcFolders({ path, bytes }))) {
      const list = await listOf(folder, tree.root, ports);
      if (list !== null)
        pushAll(
          facts,
          said(() => readDvcList(list, folder)),
        );
    }
  }
  return facts;
}

const NOTES = 10_000;

/** From the cache as DVC 3 lays it out, else as DVC 2 does; a list that is not what its name says is none. */
async function listOf({ md5 }: DvcFolder, root: string, ports: Ports): Promise<Uint8Array | null> {
  const name = `${md5.slice(0, 2)}/${md5.slice(2)}.dir`;
  for (const cache of [`${root}/.dvc/cache/files/md5`, `${root}/.dvc/cache`]) {
    const list = await ports.files.readIfThere(`${cache}/${name}`, LIMITS.documentBytes);
    if (list !== null && createHash('md5').update(list).digest('hex') === md5) return list;
  }
  return null;
}

/** A note that cannot be read says nothing here; that it is broken is said where it is read as a file. */
function said<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}
