import { mergeClaims } from '../../domain/claims/claims-file.ts';
import { signsFiles } from '../../domain/claims/oms-match.ts';
import { idsOf, type ManifestFile } from '../../domain/digest/manifest.ts';
import { readDigestList } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files, FileStamp, OpenFile, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Hasher, HashJob, HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { BOUND_LISTS, boundList } from '../../domain/registry/lists.ts';
import { ATTACHMENTS, isOmsSignature, statementOf } from '../../domain/registry/referrer.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { filesOf } from './registry-show.ts';

/** An artifact where it lies in a registry, as if it stood in a folder: so that the same rules verify it. */
export interface StoredArtifact {
  /** A path that exists nowhere else. */
  readonly root: string;
  /** `sha256:<hex>` of the manifest asked for. */
  readonly id: string;
  /** The ids that follow from what that manifest lists; made when they are asked for. */
  readonly ids: readonly string[];
  readonly files: Files;
  readonly hasher: () => Promise<Hasher>;
  /** Writes a file of it to a new place: a clone or copy where it lies on this machine, unchecked; else fetched by its digest. */
  readonly copy: (location: string, to: string, files: Pick<Files, 'duplicate'>) => Promise<void>;
}

const NO_STAMP: FileStamp = { dev: 0n, ino: 0n, sizeBytes: 0n, mtimeNs: 0n, ctimeNs: 0n };

/** @throws WeighmarkError `not-found`, `format-invalid`, `network`. */
export async function storedArtifact(
  place: { readonly name: string; readonly reference: string },
  registry: Registry,
  hasher: () => Promise<Hasher>,
): Promise<StoredArtifact> {
  const { name } = place;
  const id = await registry.resolve(name, place.reference);
  const content = await filesOf(registry, name, id);
  const bundles = await registry.claims(name, id);
  const signatures = bundles.filter(isOmsSignature);
  const [only] = content;
  const single = content.length === 1 && only !== undefined && signatures.some(namesOnlyFile) ? only.path : null;
  const root = single === null ? '/registry' : `/registry/${single}`;
  const tree = treeOf(content, root, single === null ? 'directory' : 'file');
  const signature = signatures.find((bundle) => signsFiles(bundle, content)) ?? signatures[0];
  const sidecars = await sidecarsIn({ tree, name, id, bundles, signature }, registry);
  const digests = new Map(content.map(({ path, sha256 }) => [path, `sha256:${sha256}`]));
  const open = (entry: TreeEntry) => openStored(registry, { name, entry, digest: digests.get(entry.path) ?? '' });
  const blobOf = blobPlaces(registry, name, digests);
  const entryAt = entriesAt(tree);
  return {
    root,
    id,
    get ids() {
      return idsOf(content);
    },
    files: storedFiles(tree, sidecars, open),
    hasher: async () => storedHasher(await hasher(), entryAt, { open, blobOf }),
    copy: async (location, to, { duplicate }) => {
      const entry = entryAt(location);
      const blob = blobOf(entry);
      if (blob !== null) return duplicate(blob, to, { followLink: false });
      const { path, sizeBytes } = entry;
      return registry.getFile(name, digests.get(path) ?? '', { location: to, sizeBytes });
    },
  };
}

/** What stands at a location. @throws WeighmarkError `not-found`. */
function entriesAt({ entries }: Tree): (location: string) => TreeEntry {
  const byLocation = new Map(entries.map((entry) => [entry.location, entry]));
  return (location) => {
    const entry = byLocation.get(location);
    if (entry !== undefined) return entry;
    throw new WeighmarkError('not-found', `${location} is not in the manifest`, { subject: location });
  };
}

function namesOnlyFile(bundle: Uint8Array): boolean {
  return JSON.stringify(statementOf(bundle) ?? {}).includes('"name":"."');
}

function treeOf(content: readonly ManifestFile[], root: string, kind: Tree['kind']): Tree {
  const entries = content.map(({ path, sizeBytes }) => ({
    path,
    sizeBytes,
    location: kind === 'file' ? root : `${root}/${path}`,
    stamp: NO_STAMP,
  }));
  return { kind, root, entries, sidecars: [], leftOut: [], followedLinks: false };
}

interface Found {
  readonly tree: Tree;
  readonly name: string;
  readonly id: string;
  readonly bundles: readonly Uint8Array[];
  readonly signature: Uint8Array | undefined;
}

/** What would lie beside the content, by location. A digest list of something else is left out: it would only mislead. */
async function sidecarsIn(
  { tree, name, id, bundles, signature }: Found,
  registry: Registry,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const places = sidecarsOf(tree);
  const claims = bundles.filter((bundle) => bundle !== signature && bundle.length <= LIMITS.claimBytes);
  const lists = await registry.attachments(name, id, ATTACHMENTS.digestList);
  const list = lists.find((each) => isListOf(each, tree));
  const [bom] = await registry.attachments(name, id, ATTACHMENTS.bom);
  const found: readonly (readonly [string, Uint8Array | undefined])[] = [
    [places.signature, signature],
    [places.claims, claims.length === 0 ? undefined : mergeClaims(null, claims)],
    [places.digestList, list],
    [places.bom, bom],
    ...(await boundIn({ name, id, bundles }, places, registry)),
  ];
  return new Map(found.flatMap(([location, bytes]) => (bytes === undefined ? [] : [[location, bytes] as const])));
}

async function boundIn(
  { name, id, bundles }: Pick<Found, 'name' | 'id' | 'bundles'>,
  places: ReturnType<typeof sidecarsOf>,
  registry: Registry,
): Promise<readonly (readonly [string, Uint8Array])[]> {
  const found: (readonly [string, Uint8Array])[] = [];
  for (const [list, artifactType] of BOUND_LISTS) {
    const bytes = boundList(await registry.attachments(name, id, artifactType), bundles);
    if (bytes !== null) found.push([places[list], bytes]);
  }
  return found;
}

function isListOf(bytes: Uint8Array, { entries }: Tree): boolean {
  try {
    const listed = readDigestList(bytes, entries);
    return listed.length === entries.length && listed.every(({ path }, at) => path === entries[at]?.path);
  } catch {
    return false;
  }
}

async function openStored(
  registry: Registry,
  { name, entry, digest }: { name: string; entry: TreeEntry; digest: string },
): Promise<OpenFile> {
  const blob = await registry.openBlob(name, digest, entry.sizeBytes);
  return {
    size: blob.size,
    stamp: NO_STAMP,
    read: (offset, length) => blob.read(offset, length),
    close: () => blob.close(),
  };
}

type Open = (entry: TreeEntry) => Promise<OpenFile>;

/** Reading only; nothing of a registry is written through this. */
function storedFiles(tree: Tree, sidecars: ReadonlyMap<string, Uint8Array>, open: Open): Files {
  const byLocation = new Map(tree.entries.map((entry) => [entry.location, entry]));
  const entryAt = (location: string) => byLocation.get(location);
  const readOnly = () =>
    Promise.reject(new WeighmarkError('write-refused', 'an artifact in a registry is not written to'));
  const missing = (location: string) =>
    new WeighmarkError('not-found', `${location}: there is no such file`, { subject: location });
  const names = [...sidecars.keys()]
    .filter((location) => location.startsWith(`${tree.root}/`))
    .map((location) => location.slice(tree.root.length + 1));
  return {
    walk: async () => tree,
    list: async () => tree.entries.map(({ path }) => path),
    names: async () => names,
    items: async () => names.map((name) => ({ name, kind: 'file' })),
    open: async (location) => {
      const entry = entryAt(location);
      if (entry === undefined) throw missing(location);
      return open(entry);
    },
    read: async (location) => {
      const bytes = sidecars.get(location);
      if (bytes === undefined) throw missing(location);
      return bytes;
    },
    readIfThere: async (location) => sidecars.get(location) ?? null,
    kindOf: async (location) =>
      location === tree.root ? tree.kind : entryAt(location) === undefined && !sidecars.has(location) ? 'none' : 'file',
    realPath: async (location) => location,
    write: readOnly,
    requireWritable: readOnly,
    copy: readOnly,
    duplicate: readOnly,
    sync: readOnly,
    remove: readOnly,
  };
}

const CHUNK_BYTES = 4 << 20;

/** Where an entry's blob is a file on this machine; null if it is not. */
type BlobOf = (entry: TreeEntry) => string | null;

function blobPlaces(registry: Registry, name: string, digests: ReadonlyMap<string, string>): BlobOf {
  return ({ path }) => registry.blobFile?.(name, digests.get(path) ?? '') ?? null;
}

function storedHasher(
  real: Hasher,
  entryAt: ReturnType<typeof entriesAt>,
  { open, blobOf }: { open: Open; blobOf: BlobOf },
): Hasher {
  const entryOf = ({ location }: HashJob) => entryAt(location);
  const hashOne = async (job: HashJob, options: HashOptions): Promise<HashResult> => {
    const blob = await open(entryOf(job));
    try {
      return await real.hashStream(chunks(blob, options), options.algorithms);
    } finally {
      await blob.close();
    }
  };
  return {
    ...real,
    hash: async (jobs, options) => {
      const entries = jobs.map(entryOf);
      const inPlace = await hashInPlace(entries, { real, blobOf, options });
      if (inPlace !== null) return inPlace;
      const results: HashResult[] = [];
      for (const job of jobs) results.push(await hashOne(job, options));
      return results;
    },
  };
}

/** By all cores, as files of a folder are. Null where blobs are no files, or one is in doubt: read one by one, it is named. */
async function hashInPlace(
  entries: readonly TreeEntry[],
  { real, blobOf, options }: { real: Hasher; blobOf: BlobOf; options: HashOptions },
): Promise<readonly HashResult[] | null> {
  const jobs = entries.flatMap((entry) => {
    const location = blobOf(entry);
    return location === null ? [] : [{ location, sizeBytes: entry.sizeBytes }];
  });
  if (jobs.length !== entries.length) return null;
  try {
    return await real.hash(jobs, options);
  } catch (error) {
    if (error instanceof WeighmarkError && error.code !== 'interrupted') return null;
    throw error;
  }
}

async function* chunks(blob: OpenFile, { onProgress, signal }: HashOptions): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += CHUNK_BYTES) {
    signal?.throwIfAborted();
    const chunk = await blob.read(at, CHUNK_BYTES);
    onProgress?.(chunk.length);
    yield chunk;
  }
}
