import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isObjectLocation } from '../../domain/base/object-place.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { pushAll } from '../../domain/base/lists.ts';
import { blobFacts } from '../../domain/metadata/store-digests.ts';
import type { MetadataFile } from '../../domain/metadata/read.ts';
import { LLAMA_NOTE, readLlamaNote } from '../../domain/metadata/llama-cpp.ts';
import { readDvc, readDvcFolders, readDvcList, type DvcFolder } from '../../domain/metadata/store-files.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { downloadNotes } from '../content/download-notes.ts';

interface Ports {
  readonly files: Files;
}

/** What other tools noted of the files outside of them: beside a download, in the names of a cache, in a cache's lists. */
export async function recordedFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  return [...(await downloadNotes(tree.root, tree.leftOut, ports)), ...(await storeFacts(tree, ports))];
}

/** What a store keeps outside of the artifact's own files: DVC's note beside it, and its lists; the names of blobs. */
export async function storeFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  return [
    ...(await dvcBeside(tree, ports)),
    ...(await dvcFolderFacts(tree, ports)),
    ...(await llamaFacts(tree, ports)),
    ...blobFacts(tree.entries),
  ];
}

const DVC_NOTE = /(?:^|\/)(?:[^/]+\.dvc|dvc\.lock)$/;

/** A folder that DVC tracks is a list in its cache; without the cache nothing is known of the folder's files. */
async function dvcFolderFacts(tree: Tree, ports: Ports): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const { path, location } of tree.entries.filter((entry) => DVC_NOTE.test(entry.path)).slice(0, NOTES)) {
    const bytes = await ports.files.readIfThere(location, LIMITS.documentBytes);
    if (bytes !== null) pushAll(facts, await listedFacts({ path, bytes }, tree.root, ports));
  }
  return facts;
}

/** Of the folders that a note is about, what their lists in DVC's cache say. */
async function listedFacts(note: MetadataFile, root: string, ports: Ports): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const folder of said(() => readDvcFolders(note))) {
    const list = await listOf(folder, root, ports);
    if (list !== null)
      pushAll(
        facts,
        said(() => readDvcList(list, folder)),
      );
  }
  return facts;
}

/** `model.dvc` beside the artifact `model`: what it says, by paths inside the artifact. */
async function dvcBeside({ root, kind }: Tree, ports: Ports): Promise<readonly Fact[]> {
  if (isObjectLocation(root)) return [];
  const bytes = await ports.files.readIfThere(`${root}.dvc`, LIMITS.documentBytes);
  if (bytes === null) return [];
  const name = root.slice(root.lastIndexOf('/') + 1);
  const note = { path: `${name}.dvc`, bytes };
  if (kind === 'file') return said(() => readDvc(note)).filter((each) => pathOf(each) === name);
  return (await listedFacts(note, root, ports)).flatMap((each) => insideOf(each, `${name}/`));
}

function pathOf(each: Fact): string {
  return each.field === 'digest' ? (each.value.path ?? '') : '';
}

function insideOf(each: Fact, folder: string): readonly Fact[] {
  if (each.field !== 'digest' || !pathOf(each).startsWith(folder)) return [];
  return [{ ...each, value: { ...each.value, path: pathOf(each).slice(folder.length) } }];
}

const NOTES = 10_000;

/**
 * From the cache of the repository around it, as DVC 3 lays it out, else as DVC 2 does; a list that is not what its name says
 * is none.
 */
async function listOf({ md5 }: DvcFolder, root: string, ports: Ports): Promise<Uint8Array | null> {
  const name = `${md5.slice(0, 2)}/${md5.slice(2)}.dir`;
  const parts = root.split('/');
  const most = isObjectLocation(root) ? 1 : MOST_FOLDERS;
  for (let depth = parts.length; depth > Math.max(0, parts.length - most); depth -= 1) {
    const top = parts.slice(0, depth).join('/');
    for (const cache of [`${top}/.dvc/cache/files/md5`, `${top}/.dvc/cache`]) {
      const list = await ports.files.readIfThere(`${cache}/${name}`, LIMITS.documentBytes);
      if (list !== null && createHash('md5').update(list).digest('hex') === md5) return list;
    }
  }
  return null;
}

const MOST_FOLDERS = 16;

/** What llama.cpp noted beside a file it downloaded by tag: the Hub's answer, with the file's SHA-256. */
async function llamaFacts({ root, kind, entries }: Tree, ports: Ports): Promise<readonly Fact[]> {
  if (isObjectLocation(root) || !entries.some(({ path }) => path.endsWith('.gguf'))) return [];
  const folder = kind === 'file' ? root.slice(0, root.lastIndexOf('/')) : root;
  const notes = (await ports.files.names(folder).catch(() => [])).filter((name) => LLAMA_NOTE.test(name));
  const facts: Fact[] = [];
  for (const path of notes.slice(0, NOTES)) {
    const bytes = await ports.files.readIfThere(`${folder}/${path}`, LLAMA_BYTES);
    if (bytes !== null)
      pushAll(
        facts,
        said(() => readLlamaNote({ path, bytes })),
      );
  }
  const here = new Set(entries.map(({ path }) => path));
  return facts.filter((each) => here.has(pathOf(each)));
}

const LLAMA_BYTES = 1 << 20;

/** A note that cannot be read says nothing here; that it is broken is said where it is read as a file. */
function said<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}
