import { WeighmarkError, isOfOne } from '../../domain/base/errors.ts';
import { nameInStore, storeOfPath, type KnownPlace, type StoreName } from '../../domain/metadata/known-stores.ts';
import {
  groupShards,
  isPassedOver,
  isRecordsName,
  isWeightsName,
  landmarkOf,
  mayBeWeights,
  type Landmark,
} from '../../domain/metadata/landmarks.ts';
import { mayBeAgentPart } from '../../domain/metadata/agents.ts';
import { checkoutOfObject } from '../../domain/base/paths.ts';
import { readDvc } from '../../domain/metadata/store-files.ts';
import { pick } from '../../domain/metadata/types.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import type { Files, FolderItem } from '../../domain/ports/files.ts';
import { manifestModel, manifestsOf } from '../content/manifest-stores.ts';
import type { Stored } from '../content/stored.ts';
import { hubSnapshots, mlflowVersion } from '../content/stores.ts';

/** An artifact by its place, not looked into yet. */
export interface Found extends Stored {
  /** What names alone say; absent: its content has to tell. */
  readonly kind?: 'skill' | 'plug-in' | 'dataset';
  /** True if only its bytes tell whether it is a model at all. */
  readonly perhaps?: boolean;
  /** Locations inside that are artifacts of their own. */
  readonly without: readonly string[];
}

export interface Finds {
  readonly found: readonly Found[];
  /** Folders and entries that could not be read; each names its place. */
  readonly broken: readonly Finding[];
}

const DEPTH = 32;
const FOLDERS = 500_000;

interface Walk {
  readonly files: Files;
  readonly signal: AbortSignal;
  readonly seen: Set<string>;
  readonly found: Map<string, Found>;
  /** What a registry calls the artifact at a location. */
  readonly named: Map<string, { readonly name: string; readonly version: string }>;
  readonly broken: Finding[];
  folders: number;
}

/** Where a walk stands: whose store, and whose artifact around it. */
interface Here {
  readonly folder: string;
  readonly store: StoreName | null;
  readonly depth: number;
  /** The artifact that the folder is part of, unless it has a landmark of its own. */
  readonly owner: { readonly location: string; readonly inside: string[] } | null;
}

/**
 * Every artifact below the places, by the names of folders and files: no file is opened but the small notes of stores. Links to
 * folders are not followed. What cannot be read is told and hides nothing else.
 */
export async function findArtifacts(
  places: readonly KnownPlace[],
  { files, signal }: { readonly files: Files; readonly signal: AbortSignal },
): Promise<Finds> {
  const walk: Walk = { files, signal, seen: new Set(), found: new Map(), named: new Map(), broken: [], folders: 0 };
  for (const { store, location } of places) {
    await guarded(walk, location, async () => {
      const kind = await files.kindOf(location);
      const real = kind === 'none' ? null : await files.realPath(location);
      if (real === null) return;
      const label = store === 'folder' ? null : store;
      if ((await files.kindOf(real)) === 'directory')
        await visit(walk, { folder: real, store: label, depth: 0, owner: null });
      else await addFile(walk, real, label);
    });
  }
  const found = [...walk.found.values()].map((each) => ({ ...each, ...walk.named.get(each.location) }));
  return { found, broken: walk.broken };
}

async function addFile(walk: Walk, location: string, store: StoreName | null): Promise<void> {
  if (location.includes('/manifests/'))
    return add(walk, { ...(await manifestModel(location, walk.files)), without: [] });
  const slash = location.lastIndexOf('/');
  const here = { folder: location.slice(0, slash), store, depth: 0, owner: null };
  addLoose(walk, here, [location.slice(slash + 1)]);
}

/** One that fails is told; the walk goes on. */
async function guarded(walk: Walk, location: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isOfOne(error)) throw error;
    walk.broken.push({ ...findingOf(error), subject: location });
  }
}

async function visit(walk: Walk, here: Here): Promise<void> {
  walk.signal.throwIfAborted();
  if (walk.seen.has(here.folder)) return;
  walk.seen.add(here.folder);
  walk.folders += 1;
  if (here.depth > DEPTH || walk.folders > FOLDERS)
    throw new WeighmarkError('limit-exceeded', `${here.folder}: too many folders, or too deep`, {
      subject: here.folder,
    });
  const items = await itemsOf(walk, here);
  const landmark = landmarkOf(baseOf(here.folder), items);
  const addStore = STORES[landmark];
  if (addStore !== undefined) return addStore(walk, here);
  if (landmark === 'plain') return visitPlain(walk, here, items);
  const own = { location: here.folder, inside: [] as string[] };
  here.owner?.inside.push(here.folder);
  add(walk, {
    ...folderEntry(here),
    ...(landmark === 'triton' ? { store: landmark } : {}),
    ...(landmark === 'skill' || landmark === 'plug-in' || landmark === 'dataset' ? { kind: landmark } : {}),
    without: own.inside,
  });
  if (landmark === 'model' || landmark === 'dataset') await descend(walk, { ...here, owner: own }, items);
}

/** What is in a folder; links into the objects of the checkout are the files they stand for. */
async function itemsOf({ files }: Walk, { folder }: Here): Promise<readonly FolderItem[]> {
  const items = await files.items(folder);
  const isFile = async ({ name, kind }: FolderItem): Promise<boolean> =>
    kind === 'link' &&
    (isWeightsName(name) || mayBeWeights(name) || isRecordsName(name)) &&
    checkoutOfObject(await files.realPath(`${folder}/${name}`).catch(() => '')) !== null;
  return Promise.all(items.map(async (item) => ((await isFile(item)) ? { ...item, kind: 'file' as const } : item)));
}

async function descend(walk: Walk, here: Here, items: readonly FolderItem[]): Promise<void> {
  for (const { name, kind } of items) {
    if (kind !== 'directory' || isPassedOver(name)) continue;
    const folder = here.folder === '/' ? `/${name}` : `${here.folder}/${name}`;
    await guarded(walk, folder, () => visit(walk, { ...here, folder, depth: here.depth + 1 }));
  }
}

/** Nothing says that the folder is one thing: each of its weights is, and what is below. Part of an owner, it adds nothing. */
async function visitPlain(walk: Walk, here: Here, items: readonly FolderItem[]): Promise<void> {
  const names = items.filter(({ kind }) => kind === 'file').map(({ name }) => name);
  for (const name of names.filter((each) => each.endsWith('.dvc')))
    await guarded(walk, `${here.folder}/${name}`, () => addDvc(walk, here, name));
  if (here.owner === null) {
    const configures = (name: string): boolean => PYTHON_PATHS.test(`${here.folder}/${name}`);
    addLoose(
      walk,
      here,
      names.filter((name) => isWeightsName(name) && !configures(name)),
    );
    addLoose(
      walk,
      here,
      names.filter((name) => mayBeWeights(name) || configures(name)),
      true,
    );
    for (const name of names.filter(mayBeAgentPart)) addLoose(walk, here, [name], true);
    addRecords(walk, here, names.filter(isRecordsName));
  }
  await descend(walk, here, items);
}

function addLoose(walk: Walk, here: Here, names: readonly string[], perhaps = false): void {
  for (const group of groupShards(names)) {
    const [first = ''] = group;
    const location = `${here.folder}/${first}`;
    add(walk, {
      store: here.store ?? storeOfPath(here.folder),
      name: nameIn(here, first),
      location,
      files: group.map((path) => ({ path, location: `${here.folder}/${path}` })),
      recorded: [],
      without: [],
      ...(perhaps ? { perhaps } : {}),
    });
  }
}

function addRecords(walk: Walk, here: Here, names: readonly string[]): void {
  if (names.length === 0) return;
  const placed = names.map((path) => ({ path, location: `${here.folder}/${path}` }));
  add(walk, { ...folderEntry(here), kind: 'dataset', files: placed, without: [] });
}

async function addHub(walk: Walk, here: Here): Promise<void> {
  for (const stored of await hubSnapshots(here.folder, walk.files))
    add(walk, { ...stored, without: [], ...(stored.name.startsWith('datasets/') ? { kind: 'dataset' } : {}) });
}

/** Ollama's and Docker Model Runner's. */
async function addManifests(walk: Walk, here: Here): Promise<void> {
  for (const manifest of await manifestsOf(here.folder, walk.files))
    await guarded(walk, manifest, async () =>
      add(walk, { ...(await manifestModel(manifest, walk.files)), without: [] }),
    );
}

/** The registry's name for a model whose folder is found where it lies. */
async function addVersion(walk: Walk, { folder }: Here): Promise<void> {
  const found = await mlflowVersion(folder, walk.files);
  if (found !== null) walk.named.set(found.location, { name: found.name, version: found.version });
}

/** Objects of a cache are named by their digests: the bytes of each tell whether it is a model. */
async function addObjects(walk: Walk, here: Here): Promise<void> {
  for (const { name: first } of await walk.files.items(here.folder))
    await guarded(walk, `${here.folder}/${first}`, async () => {
      const folder = `${here.folder}/${first}`;
      const items = await walk.files.items(folder);
      const names = items.filter(({ name, kind }) => kind === 'file' && /^[0-9a-f]{30}$/.test(name));
      const store = here.folder.endsWith('/obj/md5') ? 'wandb' : 'dvc';
      for (const { name } of names) addLoose(walk, { ...here, folder, store }, [name], true);
    });
}

const STORES: Partial<Record<Landmark, (walk: Walk, here: Here) => Promise<void>>> = {
  'hub-repository': addHub,
  manifests: addManifests,
  'mlflow-version': addVersion,
  objects: addObjects,
};

/** What DVC tracks and has checked out: a file or folder beside its note. */
async function addDvc(walk: Walk, here: Here, note: string): Promise<void> {
  const bytes = await walk.files.read(`${here.folder}/${note}`, DVC_BYTES);
  for (const { value } of pick(readDvc({ path: note, bytes }), 'digest')) {
    const path = value.path ?? '';
    if (path === '' || path.startsWith('/') || path.split('/').includes('..')) continue;
    const location = `${here.folder}/${path}`;
    const kind = await walk.files.kindOf(location);
    if (kind !== 'file' && kind !== 'directory') continue;
    here.owner?.inside.push(location);
    if (kind === 'directory') walk.seen.add(location);
    const files = kind === 'file' ? { files: [{ path: baseOf(path), location }] } : {};
    const recorded = kind === 'file' ? [{ ...value, path: baseOf(path) }] : [];
    add(walk, { store: 'dvc', name: path, location, recorded, without: [], ...files });
  }
}

const DVC_BYTES = 1 << 20;

function folderEntry(here: Here): Pick<Found, 'store' | 'name' | 'version' | 'location' | 'recorded'> {
  const store = here.store ?? storeOfPath(here.folder);
  return { store, name: nameIn(here, ''), ...nameInStore(here.folder), location: here.folder, recorded: [] };
}

/** Python's own `.pth` files, which name folders to import from and are no weights: their bytes tell. */
const PYTHON_PATHS = /\/(?:site|dist)-packages\/[^/]+\.pth$/;

const PACKAGES = /^.*\/(?:site-packages|dist-packages|node_modules)\//;

/** Packages are called by their name and the path inside, anything else by its folder or file. */
function nameIn(here: Here, file: string): string {
  const path = file === '' ? here.folder : `${here.folder}/${file}`;
  return PACKAGES.test(path) ? path.replace(PACKAGES, '') : baseOf(path);
}

/** The first to know a place keeps it: DVC's notes are read before the files they are about. */
function add(walk: Walk, found: Found): void {
  if (!walk.found.has(found.location)) walk.found.set(found.location, found);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
