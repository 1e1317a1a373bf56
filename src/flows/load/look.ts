import type { Digests } from '../../domain/digest/algorithm.ts';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { buildManifest, type ManifestFile } from '../../domain/digest/manifest.ts';
import { isRecordsName, isWeightsName, mayBeWeights } from '../../domain/metadata/landmarks.ts';
import type { StoreName } from '../../domain/metadata/known-stores.ts';
import { licenceOf } from '../../domain/metadata/licence.ts';
import { locationFacts } from '../../domain/metadata/location.ts';
import { fact } from '../../domain/metadata/read.ts';
import { READERS } from '../../domain/metadata/tables.ts';
import { pick, type BomFile, type Fact } from '../../domain/metadata/types.ts';
import { holdsWeights } from '../../domain/metadata/weights.ts';
import { parseWeightsList, type ListedWeights } from '../../domain/weights/list.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import { storeFacts } from '../bom/recorded.ts';
import type { largeFileReader } from '../content/large-files.ts';
import { examineArtifact, filesOf, identify, type Examined } from '../bom/create.ts';
import { weighArtifact, weightsFilesOf } from '../describe/weights.ts';
import { hashTree, type HashTreePorts } from '../content/hash-tree.ts';
import { findSidecars } from '../content/sidecars.ts';
import type { Sidecars } from '../content/found.ts';
import type { Found } from './find-artifacts.ts';
import type { InventoryItem, ItemDigest, ItemKind } from './inventory-types.ts';

/** What one artifact is, before anybody is asked whose it is. */
export interface Looked {
  readonly found: Found;
  readonly item: Omit<InventoryItem, 'signature' | 'known' | 'promoted'>;
  /** Null where nothing can lie beside it. */
  readonly sidecars: (Sidecars & { readonly kind: 'file' | 'directory' }) | null;
  /** Every tensor of what `item.weights` names. */
  readonly weights: readonly ListedWeights[];
  /** By which its id is known: as hashed, or as a seal lists them; null: neither. */
  readonly files: readonly ManifestFile[] | null;
}

export interface LookPorts extends HashTreePorts {
  /** What Git LFS and git-annex recorded. */
  readonly largeFiles: ReturnType<typeof largeFileReader>;
}

/** @returns null for a file that its bytes show to be no model. */
export async function look(
  found: Found,
  ports: LookPorts,
  { hash }: { readonly hash: boolean },
): Promise<Looked | null> {
  const tree = await treeOf(found, ports.files);
  const digests = hash ? await hashed(tree, ports) : new Map<string, Digests>();
  const outside = await outsideFacts(found, tree, ports);
  const read = { ...tree, entries: hash ? tree.entries : worthReading(tree.entries) };
  const examined = await examineArtifact(filesOf(read, digests, ports), {
    located: [...locationFacts(tree.root), ...outside, ...recordedFacts(found)],
    countRows: false,
    readWhole: hash,
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
  });
  if (found.perhaps === true && !isArtifact(examined)) return null;
  const sidecars = await sidecarsOf(found, ports.files);
  const listed = hash ? null : listedAs(tree, sidecars?.digestList?.bytes ?? null);
  const item = itemOf({ ...found, store: storeOf(found, outside) }, tree, { examined, listed, hashed: hash });
  const weights = hash
    ? await weighed(tree, examined, ports)
    : await sealedWeights(item.idFrom === 'sealed' ? (sidecars?.weights ?? null) : null, ports);
  const from = hash ? 'hashed' : 'sealed';
  const said = weights.map(
    ({ name, set, tensors }) => ({ set: name, root: set, tensors: tensors.length, from }) as const,
  );
  const files = hash ? examined.files.flatMap(summed) : listed;
  return { found, sidecars, weights, files, item: { ...item, weights: said } };
}

function summed({ path, sizeBytes, digests: { sha256 } }: BomFile): readonly ManifestFile[] {
  return sha256 === undefined ? [] : [{ path, sizeBytes, sha256 }];
}

/** What only its bytes tell: weights, or a part of an agent. */
function isArtifact({ files, facts }: Examined): boolean {
  const isPart = pick(facts, 'part').some(({ value }) => ['mcp-server', 'prompt'].includes(value.kind));
  return isPart || files.some(({ report }) => holdsWeights(report));
}

/** Sets that cannot be examined whole have no identity. */
async function weighed(tree: Tree, { files }: Examined, ports: HashTreePorts): Promise<readonly ListedWeights[]> {
  const sets = await weighArtifact(weightsFilesOf(tree, ports), files, ports);
  return sets.flatMap(({ identity }) => identity ?? []);
}

/** As the list beside a seal says, whose files by names and sizes these are; one that is none says nothing. */
async function sealedWeights(bytes: Uint8Array | null, ports: HashTreePorts): Promise<readonly ListedWeights[]> {
  if (bytes === null) return [];
  const { tree } = await ports.hasher();
  try {
    return parseWeightsList(new TextDecoder('utf-8', { fatal: true }).decode(bytes), (each) => tree.digest(each));
  } catch {
    return [];
  }
}

interface Known {
  readonly examined: Examined;
  /** As its seal says. */
  readonly listed: readonly ListedFile[] | null;
  readonly hashed: boolean;
}

function itemOf(
  found: Found,
  tree: Tree,
  { examined, listed, hashed: isHashed }: Known,
): Omit<Looked['item'], 'weights'> {
  const { store, name, version, aliases = [], location } = found;
  const id = isHashed ? identify(examined.files).id : listed === null ? undefined : buildManifest(listed).id;
  const weights = examined.files.filter(({ report }) => holdsWeights(report));
  const formats = (weights.length > 0 ? weights : examined.files).map(({ report }) => report?.format ?? 'unknown');
  return {
    store,
    name,
    ...(version === undefined ? {} : { version }),
    ...(aliases.length === 0 ? {} : { aliases }),
    location,
    kind: kindOf(found, examined),
    formats: [...new Set(formats)].filter((format) => format !== 'unknown').slice(0, FORMATS),
    files: tree.entries.length,
    sizeBytes: tree.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    licences: licencesOf(examined.facts),
    ...(id === undefined ? {} : { id, idFrom: isHashed ? 'hashed' : 'sealed' }),
    digests: digestsOf(examined, listed, isHashed),
    findings: conflictsOf(examined),
  };
}

const FORMATS = 4;
const DIGESTS = 200;

function kindOf({ kind, store }: Found, { kind: content, facts }: Examined): ItemKind {
  if (kind === 'skill' || kind === 'plug-in') return kind;
  if (pick(facts, 'role').some(({ value }) => value.role === 'adapter')) return 'adapter';
  if (content !== 'other') return kind === 'dataset' ? 'dataset' : content;
  const agents = pick(facts, 'part').map(({ value }) => value.kind);
  for (const each of ['mcp-server', 'prompt'] as const) if (agents.includes(each)) return each;
  return kind ?? (store === 'hugging-face' || store === 'ollama' ? 'model' : 'other');
}

function licencesOf(facts: readonly Fact[]): readonly string[] {
  const texts = pick(facts, 'licence').map(({ value }) => licenceOf(value.text)?.text);
  return [...new Set(texts.filter((text) => text !== undefined))].slice(0, FORMATS);
}

function digestsOf(
  { facts, files }: Examined,
  listed: readonly ListedFile[] | null,
  isHashed: boolean,
): readonly ItemDigest[] {
  const computed = (isHashed ? files : (listed ?? [])).flatMap((file): readonly ItemDigest[] => {
    const { path } = file;
    const sums: Digests = 'digests' in file ? file.digests : { sha256: file.sha256, blake3: file.blake3 };
    const from = isHashed ? 'hashed' : 'sealed';
    return Object.entries(sums).map(([algorithm, hex]) => ({ path, algorithm, hex, from }));
  });
  const recorded = pick(facts, 'digest').flatMap(({ value }): readonly ItemDigest[] =>
    value.recordedBy === undefined || value.path === undefined
      ? []
      : [{ path: value.path, algorithm: value.algorithm, hex: value.hex, from: 'recorded' }],
  );
  return [...computed, ...recorded].slice(0, DIGESTS);
}

/** What a store recorded and the bytes are not: a file once, however often it was recorded. */
function conflictsOf({ problems }: Examined): readonly Finding[] {
  const byPath = new Map(problems.filter(({ code }) => code === 'download-conflict').map((each) => [each.path, each]));
  return [...byPath].map(([path, { message }]) => ({ code: 'download-conflict', message, subject: path }));
}

/** The seal's list, if names and sizes are those of the files; which bytes they are is not looked at. */
function listedAs(tree: Tree, bytes: Uint8Array | null): readonly ListedFile[] | null {
  if (bytes === null) return null;
  try {
    const listed = parseDigestList(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const sizes = new Map(listed.map(({ path, sizeBytes }) => [path, sizeBytes]));
    const same = tree.entries.every(({ path, sizeBytes }) => sizes.get(path) === sizeBytes);
    return same && listed.length === tree.entries.length ? listed : null;
  } catch {
    return null;
  }
}

/** What stores keep of it outside of its own files. Loose files lie in a folder that is not theirs alone. */
async function outsideFacts(
  { files: placed, location }: Found,
  tree: Tree,
  ports: LookPorts,
): Promise<readonly Fact[]> {
  const root = placed === undefined ? location : location.slice(0, location.lastIndexOf('/'));
  const place: Tree = { ...tree, root };
  const here = new Set(tree.entries.map(({ path }) => path));
  const facts = [...(await storeFacts(place, ports)), ...(await ports.largeFiles(place))];
  return facts.filter((each) => each.field !== 'digest' || here.has(each.value.path ?? ''));
}

const RECORDERS: Readonly<Record<string, StoreName>> = {
  'Git LFS': 'git-lfs',
  'git-annex': 'git-annex',
  DVC: 'dvc',
  wandb: 'wandb',
  'llama.cpp': 'llama.cpp',
};

/** A folder somebody named may be the checkout of a store: who recorded its files says so. */
function storeOf({ store }: Found, facts: readonly Fact[]): StoreName {
  const recorders = pick(facts, 'digest').map(({ value }) => RECORDERS[value.recordedBy ?? '']);
  return store === 'folder' ? (recorders.find((each) => each !== undefined) ?? store) : store;
}

function recordedFacts({ recorded, store }: Found): readonly Fact[] {
  return recorded.map((value) => fact('digest', value, { pointer: `recorded by ${store}` }));
}

/** Links are followed into the objects of a store, passed over elsewhere. */
async function treeOf(found: Found, files: Files): Promise<Tree> {
  const { files: placed, location, store, without } = found;
  if (placed === undefined) {
    const ignore = without.map((each) => each.slice(location.length + 1));
    return files.walk(location, { ignore, ...(store === 'hugging-face' ? {} : { linksAt: 'stores' }) });
  }
  const entries: TreeEntry[] = [];
  for (const { path, location: place } of placed) {
    const [entry] = (await files.walk(place)).entries;
    if (entry === undefined) continue;
    const { location: at, sizeBytes, stamp } = entry;
    entries.push({ path, location: at, sizeBytes, stamp });
  }
  return { kind: 'directory', root: location, entries, sidecars: [], leftOut: [], followedLinks: false };
}

const MOST_READ = 256;
const FEW = 8;
/** Names that records often have, and much else: a few of them tell. */
const LISTS = /\.(?:csv|tsv|jsonl|ndjson)$/i;

/** What holds weights, records or facts; the bulk of a large folder is counted, not opened. */
function worthReading(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const chosen = entries.filter(
    ({ path }) =>
      isWeightsName(baseOf(path)) ||
      mayBeWeights(path) ||
      isRecordsName(path) ||
      READERS.some(({ pattern, searched }) => searched !== true && pattern.test(path)),
  );
  const lists = entries.filter((entry) => LISTS.test(entry.path) && !chosen.includes(entry)).slice(0, FEW);
  const read = [...chosen.slice(0, MOST_READ), ...lists];
  return read.length === 0 ? entries.slice(0, FEW) : read;
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function hashed(tree: Tree, ports: HashTreePorts): Promise<ReadonlyMap<string, Digests>> {
  const options = { label: 'hashing', algorithms: ['sha256', 'blake3'], followLinks: tree.followedLinks } as const;
  return new Map((await hashTree(tree.entries, options, ports)).map(({ entry, digests }) => [entry.path, digests]));
}

async function sidecarsOf(found: Found, files: Files): Promise<Looked['sidecars']> {
  if (found.sealedAt !== undefined) {
    const place = { root: found.sealedAt, kind: 'directory' } as const;
    if ((await files.kindOf(place.root)) === 'none') return null;
    return { ...(await findSidecars(place, files)), kind: place.kind };
  }
  const [first, ...others] = found.files ?? [];
  if (first !== undefined && (others.length > 0 || first.location !== found.location)) return null;
  const kind = first === undefined ? 'directory' : 'file';
  return { ...(await findSidecars({ root: found.location, kind }, files)), kind };
}
