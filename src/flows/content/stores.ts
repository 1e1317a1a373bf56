import { WeighmarkError } from '../../domain/base/errors.ts';
import type { StoreName } from '../../domain/metadata/known-stores.ts';
import { ollamaName, readOllamaManifest } from '../../domain/metadata/ollama.ts';
import type { StatedDigest } from '../../domain/metadata/types.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';

/** A file of an artifact that a store keeps under a name of its own. */
export interface PlacedFile {
  /** What it is called inside the artifact. */
  readonly path: string;
  readonly location: string;
}

/** An artifact in a store, found by names alone. */
export interface Stored {
  readonly store: StoreName;
  readonly name: string;
  /** Commit, tag or version as the store has it. */
  readonly version?: string;
  /** Names that point to it: `main`. */
  readonly aliases?: readonly string[];
  /** What a user names it by: a folder, a file, a manifest. */
  readonly location: string;
  /** Its files, where they do not lie in a folder of their own. */
  readonly files?: readonly PlacedFile[];
  /** What the store recorded of them, beside what blobs' names say. */
  readonly recorded: readonly StatedDigest[];
}

const COMMIT = /^[0-9a-f]{40}$/;
const REF_BYTES = 256;
const MANIFEST_BYTES = 4 << 20;

/** Every snapshot of `models--ORG--NAME` in the cache of the Hugging Face Hub, by commit. @throws WeighmarkError `unreadable`. */
export async function hubSnapshots(repository: string, files: Files): Promise<readonly Stored[]> {
  const [, kind = '', id = ''] = /(?:^|[/\\])(models|datasets|spaces)--([^/\\]+)$/.exec(repository) ?? [];
  const refs = await refsOf(repository, files);
  const commits = (await files.items(`${repository}/snapshots`)).filter(({ kind: each }) => each === 'directory');
  return commits.map(({ name: commit }) => ({
    store: 'hugging-face' as const,
    name: `${kind === 'models' ? '' : `${kind}/`}${id.replaceAll('--', '/')}`,
    version: commit,
    aliases: refs.filter((ref) => ref.commit === commit).map(({ name }) => name),
    location: `${repository}/snapshots/${commit}`,
    recorded: [],
  }));
}

async function refsOf(repository: string, files: Files): Promise<readonly { name: string; commit: string }[]> {
  if ((await files.kindOf(`${repository}/refs`)) !== 'directory') return [];
  const found: { name: string; commit: string }[] = [];
  for (const { name, kind } of await files.items(`${repository}/refs`)) {
    if (kind !== 'file') continue;
    const bytes = await files.readIfThere(`${repository}/refs/${name}`, REF_BYTES);
    const commit = new TextDecoder().decode(bytes ?? new Uint8Array()).trim();
    if (COMMIT.test(commit)) found.push({ name, commit });
  }
  return found;
}

/** Manifests below Ollama's `manifests` folder, by location, as deep as it makes them: HOST/NAMESPACE/MODEL/TAG. */
export async function ollamaManifests(models: string, files: Files): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const { name, kind } of await files.items(folder)) {
      if (kind === 'file') found.push(`${folder}/${name}`);
      else if (kind === 'directory' && depth < MANIFEST_DEPTH) await visit(`${folder}/${name}`, depth + 1);
    }
  };
  await visit(`${models}/manifests`, 0);
  return found;
}

const MANIFEST_DEPTH = 6;

/**
 * The model behind a manifest of Ollama's store: its layers by what they are, each with the digest the manifest states.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`, `unreadable`.
 */
export async function ollamaModel(manifest: string, files: Files): Promise<Stored> {
  const at = manifest.lastIndexOf('/manifests/');
  if (at < 0) throw new WeighmarkError('format-invalid', `${manifest} does not lie in a store of Ollama`);
  const listed = readOllamaManifest(await files.read(manifest, MANIFEST_BYTES), manifest);
  const blobs = `${manifest.slice(0, at)}/blobs`;
  return {
    store: 'ollama',
    ...ollamaName(manifest.slice(at + '/manifests/'.length).split('/')),
    location: manifest,
    files: listed.map(({ path, blob }) => ({ path, location: `${blobs}/${blob}` })),
    recorded: listed.map(({ path, sha256, sizeBytes }) => ({
      path,
      algorithm: 'sha256',
      hex: sha256,
      sizeBytes,
      recordedBy: 'Ollama',
    })),
  };
}

/** An artifact as the other commands see it: a folder, whatever its store made of it. */
export interface StoreView {
  readonly root: string;
  readonly files: Files;
}

/**
 * What a path means that a store gave its form: `models--ORG--NAME` of a Hub cache is the snapshot that `main` points to, a
 * manifest of Ollama's the layers it names. Any other path is what it is.
 * @throws WeighmarkError `usage` if it names several, `incomplete` if a blob is not there, `format-invalid`.
 */
export async function storeView(path: string, files: Files): Promise<StoreView> {
  if (/(?:^|[/\\])(?:models|datasets|spaces)--[^/\\]+$/.test(path) && (await isFolder(`${path}/snapshots`, files)))
    return { root: await snapshotOf(path, files), files };
  const at = path.lastIndexOf('/manifests/');
  if (at < 0 || (await files.kindOf(path)) !== 'file' || !(await isFolder(`${path.slice(0, at)}/blobs`, files)))
    return { root: path, files };
  const tree = await layersAsTree(await ollamaModel(path, files), files);
  const isRoot = (location: string): boolean => location === path;
  return {
    root: path,
    files: {
      ...files,
      walk: async (root, options) => (isRoot(root) ? without(tree, options?.ignore ?? []) : files.walk(root, options)),
      list: async (root, options) =>
        isRoot(root)
          ? without(await layersAsTree(await ollamaModel(path, files), files), options?.ignore ?? []).entries.map(
              (each) => each.path,
            )
          : files.list(root, options),
      names: async (folder) => (isRoot(folder) ? [] : files.names(folder)),
      kindOf: async (location) => (isRoot(location) ? 'directory' : files.kindOf(location)),
    },
  };
}

async function isFolder(location: string, files: Files): Promise<boolean> {
  return (await files.kindOf(location)) === 'directory';
}

async function snapshotOf(repository: string, files: Files): Promise<string> {
  const snapshots = await hubSnapshots(repository, files);
  const [only, ...others] = snapshots;
  const main = snapshots.find(({ aliases }) => aliases?.includes('main')) ?? (others.length === 0 ? only : undefined);
  if (main !== undefined) return main.location;
  const names = snapshots.slice(0, 5).map(({ version = '' }) => `snapshots/${version}`);
  throw new WeighmarkError('usage', `${repository} has ${snapshots.length} snapshots, and none is its main one`, {
    subject: repository,
    hint: names.length === 0 ? 'nothing was downloaded to it' : `name one of them: ${names.join(', ')}`,
  });
}

/** Layers under the names of what they are, in the order of names. */
async function layersAsTree({ location, files: placed = [] }: Stored, files: Files): Promise<Tree> {
  const entries: TreeEntry[] = [];
  for (const { path, location: blob } of placed) {
    if ((await files.kindOf(blob)) === 'none')
      throw new WeighmarkError('incomplete', `${location} names ${path}, whose blob is not there`, { subject: blob });
    const [entry] = (await files.walk(blob)).entries;
    if (entry === undefined) continue;
    const { location: at, sizeBytes, stamp } = entry;
    entries.push({ path, location: at, sizeBytes, stamp });
  }
  entries.sort((a, b) => compareUtf8(a.path, b.path));
  return { kind: 'directory', root: location, entries, sidecars: [], leftOut: [], followedLinks: false };
}

function without(tree: Tree, ignore: readonly string[]): Tree {
  return ignore.length === 0 ? tree : { ...tree, entries: tree.entries.filter(({ path }) => !ignore.includes(path)) };
}
