import { dirname } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { readMlflowVersion } from '../../domain/metadata/mlflow.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { isManifest, layersAsTree, manifestModel, sealPlace } from './manifest-stores.ts';
import type { Stored } from './stored.ts';

const COMMIT = /^[0-9a-f]{40}$/;
const REF_BYTES = 256;
const META_BYTES = 1 << 20;

const REPOSITORY = /(?:^|[/\\])(?:(models|datasets|spaces)--)?([^/\\]+)$/;

/**
 * Every snapshot of `models--ORG--NAME` in the cache of the Hugging Face Hub, by commit, or of `ORG--NAME` in ModelScope's, by
 * branch or tag. @throws WeighmarkError `unreadable`.
 */
export async function hubSnapshots(repository: string, files: Files): Promise<readonly Stored[]> {
  const [, kind, id = ''] = REPOSITORY.exec(repository) ?? [];
  const refs = await refsOf(repository, files);
  const commits = (await files.items(`${repository}/snapshots`)).filter(({ kind: each }) => each === 'directory');
  const isDataset = kind === undefined && /[/\\]datasets[/\\][^/\\]+$/.test(repository);
  const prefix = isDataset ? 'datasets/' : kind === undefined || kind === 'models' ? '' : `${kind}/`;
  return commits.map(({ name: commit }) => ({
    store: kind === undefined ? ('modelscope' as const) : ('hugging-face' as const),
    name: prefix + id.replaceAll('--', '/'),
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

/** An artifact as the other commands see it: a folder, whatever its store made of it. */
export interface StoreView {
  readonly root: string;
  readonly files: Files;
}

/**
 * What a path means that a store gave its form: `models--ORG--NAME` of a Hub cache, or `ORG--NAME` of ModelScope's, is the
 * snapshot that `main` points to or the only one; a version in MLflow's registry the model's folder; a manifest of Ollama or
 * Docker Model Runner the layers it names, its signature in a folder of its own. Any other path is what it is.
 * @throws WeighmarkError `usage` if it names several, `incomplete` if a blob is not there, `format-invalid`.
 */
export async function storeView(path: string, files: Files): Promise<StoreView> {
  if (/(?:^|[/\\])[^/\\]+--[^/\\]+$/.test(path) && (await isFolder(`${path}/snapshots`, files)))
    return { root: await snapshotOf(path, files), files };
  const version = await mlflowVersion(path, files);
  if (version !== null) return { root: version.location, files };
  if (!(await isManifest(path, files))) return { root: path, files };
  const root = sealPlace(path);
  const tree = await layersAsTree(await manifestModel(path, files), files);
  return { root, files: { ...files, ...layersAt(root, tree, { manifest: path, files }) } };
}

/** A folder that has the layers of a manifest for files, whether anything lies in it or not. */
function layersAt(
  root: string,
  tree: Tree,
  { manifest, files }: { readonly manifest: string; readonly files: Files },
): Pick<Files, 'walk' | 'list' | 'names' | 'items' | 'kindOf' | 'realPath' | 'requireWritable'> {
  const isRoot = (location: string): boolean => location === root;
  return {
    walk: async (asked, options) => (isRoot(asked) ? without(tree, options?.ignore ?? []) : files.walk(asked, options)),
    list: async (asked, options) => {
      if (!isRoot(asked)) return files.list(asked, options);
      const now = await layersAsTree(await manifestModel(manifest, files), files);
      return without(now, options?.ignore ?? []).entries.map((each) => each.path);
    },
    names: async (folder) => (isRoot(folder) && !(await isFolder(root, files)) ? [] : files.names(folder)),
    items: async (folder) => (isRoot(folder) && !(await isFolder(root, files)) ? [] : files.items(folder)),
    realPath: async (location) => (isRoot(location) ? root : files.realPath(location)),
    kindOf: async (location) => (isRoot(location) ? 'directory' : files.kindOf(location)),
    requireWritable: async (folder) => files.requireWritable(await nearestThere(folder, files)),
  };
}

async function nearestThere(folder: string, files: Files): Promise<string> {
  const isThere = (await files.kindOf(folder)) !== 'none' || dirname(folder) === folder;
  return isThere ? folder : nearestThere(dirname(folder), files);
}

/**
 * Where the model of a version in MLflow's registry of files lies; null for what is none. Only inside the same store: a note
 * sends nobody elsewhere. @throws WeighmarkError `usage` if it lies anywhere else, `unreadable`.
 */
export async function mlflowVersion(
  folder: string,
  files: Files,
): Promise<{ readonly name: string; readonly version: string; readonly location: string } | null> {
  const [, store, name, version] = /^(.+)\/models\/([^/]+)\/version-(\d+)\/?$/.exec(folder) ?? [];
  if (store === undefined || name === undefined || version === undefined) return null;
  const bytes = await files.readIfThere(`${folder}/meta.yaml`, META_BYTES);
  if (bytes === null) return null;
  const location = readMlflowVersion({ path: 'meta.yaml', bytes });
  if (location === null || !(await isFolder(location, files)))
    throw new WeighmarkError('usage', `${folder} does not say where its model lies on this machine`, {
      subject: folder,
    });
  const [real, top] = [await files.realPath(location), await files.realPath(store)];
  const beside = `${top.slice(0, top.lastIndexOf('/'))}/mlartifacts`;
  if (real.startsWith(`${top}/`) || real.startsWith(`${beside}/`)) return { name, version, location: real };
  throw new WeighmarkError('usage', `${folder}: its model lies elsewhere`, { subject: folder, hint: `name ${real}` });
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

function without(tree: Tree, ignore: readonly string[]): Tree {
  return ignore.length === 0 ? tree : { ...tree, entries: tree.entries.filter(({ path }) => !ignore.includes(path)) };
}
