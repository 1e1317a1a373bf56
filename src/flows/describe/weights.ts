import { Buffer } from 'node:buffer';
import { ByPath, pathOf, type Lookup } from '../../domain/base/by-path.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Source } from '../../domain/base/source.ts';
import { readFormat } from '../../domain/formats/index.ts';
import type { BomFile } from '../../domain/metadata/types.ts';
import { weightSets, type WeightSet } from '../../domain/metadata/weights.ts';
import type { Files, FileStamp, Tree } from '../../domain/ports/files.ts';
import type { Hasher, HashJob, Stretch } from '../../domain/ports/hasher.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import { tensorDigest, weightsRoots } from '../../domain/weights/identity.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { readWeights } from '../../domain/weights/read.ts';
import type { Beside, IdentifiedTensor, Undecided, WeightTensor } from '../../domain/weights/types.ts';
import { examineArtifact, filesOf, type ArtifactFile } from '../bom/create.ts';

/** A file whose tensors may be hashed where they lie, by the operating system's path. */
export interface WeightsFile extends ArtifactFile {
  readonly place?: { readonly location: string; readonly stamp: FileStamp; readonly followLink: boolean };
}

/** One set of weights: its identity, or why it has none. */
export interface WeighedSet {
  readonly name: string;
  readonly format: string;
  /** Null if anything is undecided: there is no identity of part of a set. */
  readonly identity: ListedWeights | null;
  readonly undecided: readonly (Undecided & { readonly file: string })[];
}

export interface WeighPorts {
  readonly hasher: () => Promise<Hasher>;
  readonly progress: Progress;
  /** What is known of the same files already, having been hashed with them. */
  readonly hashed?: { get(path: string, stretch: Stretch): Uint8Array | undefined };
  readonly signal?: AbortSignal;
  readonly jobs?: number | undefined;
}

/** A tensor in the file it was found in, with the file its bytes are in. */
interface Found {
  readonly file: WeightsFile;
  readonly holder: WeightsFile;
  readonly tensor: WeightTensor;
}

/** The files of a tree, to be hashed where they lie. */
export function weightsFilesOf(tree: Tree, ports: { files: Files }): readonly WeightsFile[] {
  return filesOf(tree, new Map(), ports);
}

/** A tree's files as described, and what their weights are; nothing else is read whole. */
export async function weighTree(
  tree: Tree,
  ports: WeighPorts & { readonly files: Files },
): Promise<{ readonly described: readonly BomFile[]; readonly weighed: readonly WeighedSet[] }> {
  const signal = ports.signal === undefined ? {} : { signal: ports.signal };
  const how = { countRows: false, readWhole: false, ...signal };
  const { files: described } = await examineArtifact(filesOf(tree, new Map(), ports), how);
  return { described, weighed: await weighArtifact(weightsFilesOf(tree, ports), described, ports) };
}

interface Gathered {
  readonly set: WeightSet;
  readonly found: Found[];
  readonly undecided: (Undecided & { file: string })[];
}

/**
 * The identity of every set of weights in an artifact. Tensors that lie in a file as they are, are hashed there by all
 * cores; the others are made chunk by chunk.
 * @param described the same files with their reports. @throws WeighmarkError `file-changed`, `unreadable`, `interrupted`.
 */
export async function weighArtifact(
  files: readonly WeightsFile[],
  described: readonly BomFile[],
  ports: WeighPorts,
): Promise<readonly WeighedSet[]> {
  const byPath = new ByPath(files, pathOf);
  const gathered: Gathered[] = [];
  const beside = besideIn(byPath);
  for (const set of weightSets(described)) gathered.push(await gatherSet(set, byPath, beside));
  const digests = await hashElements(
    gathered.flatMap(({ found }) => found),
    ports,
  );
  const { tree } = await ports.hasher();
  const held = gathered.filter(({ found, undecided }) => found.length + undecided.length > 0);
  return held.map((each) => weighedSet(each, digests, (bytes) => tree.digest(bytes)));
}

async function gatherSet(set: WeightSet, byPath: Lookup<WeightsFile>, beside: Beside): Promise<Gathered> {
  const gathered: Gathered = { set, found: [], undecided: [] };
  for (const { path } of set.index === undefined ? set.files : [set.index]) {
    const file = byPath.get(path);
    if (file === undefined) continue;
    const { tensors, undecided } = await withFile(file, async (source) =>
      readWeights({ path, source, beside }, await readFormat({ path, source }, { countRows: false })),
    );
    for (const each of undecided) gathered.undecided.push({ ...each, file: path });
    for (const tensor of tensors) addFound(gathered, tensor, { file, byPath });
  }
  return gathered;
}

function addFound(
  { found, undecided }: Gathered,
  tensor: WeightTensor,
  { file, byPath }: { file: WeightsFile; byPath: Lookup<WeightsFile> },
): void {
  const { elements } = tensor;
  const named = elements.kind === 'stretch' ? elements.file : undefined;
  const holder = named === undefined ? file : byPath.get(named);
  const bad = (why: string): void => void undecided.push({ tensor: tensor.name, why, file: file.path });
  if (holder === undefined) return bad(`its data is said to lie in ${named}, which is not there`);
  if (elements.kind === 'stretch' && elements.offset + tensor.sizeBytes > holder.sizeBytes)
    return bad('it reaches beyond the file');
  found.push({ file, holder, tensor });
}

/** The digest of a tensor's elements, 32 bytes; or why they could not be made of what lies there. */
type Hashed = Uint8Array | { readonly why: string };

async function hashElements(found: readonly Found[], ports: WeighPorts): Promise<ReadonlyMap<WeightTensor, Hashed>> {
  const digests = hashedBefore(found, ports);
  const left = found.filter(({ tensor }) => !digests.has(tensor));
  const work = ports.progress.start(
    'weighing',
    left.reduce((sum, { tensor }) => sum + tensor.sizeBytes, 0),
  );
  try {
    const placed = left.filter(({ tensor, holder }) => tensor.elements.kind === 'stretch' && holder.place);
    await hashPlaced(placed, digests, { ports, onProgress: (bytes) => work.advance(bytes) });
    const hasher = await ports.hasher();
    for (const each of left) {
      if (digests.has(each.tensor)) continue;
      ports.signal?.throwIfAborted();
      const opened = each.tensor.elements.kind === 'stretch' ? each.holder : each.file;
      digests.set(each.tensor, await withFile(opened, (source) => hashMade(hasher, each.tensor, source)));
      work.advance(each.tensor.sizeBytes);
    }
  } finally {
    work.end();
  }
  return digests;
}

function hashedBefore(found: readonly Found[], { hashed }: WeighPorts): Map<WeightTensor, Hashed> {
  const digests = new Map<WeightTensor, Hashed>();
  if (hashed === undefined) return digests;
  for (const { tensor, holder } of found) {
    const { elements, sizeBytes } = tensor;
    if (elements.kind !== 'stretch') continue;
    const digest = hashed.get(holder.path, { start: elements.offset, end: elements.offset + sizeBytes });
    if (digest !== undefined) digests.set(tensor, digest);
  }
  return digests;
}

async function hashPlaced(
  placed: readonly Found[],
  digests: Map<WeightTensor, Hashed>,
  { ports, onProgress }: { ports: WeighPorts; onProgress: (bytes: number) => void },
): Promise<void> {
  const jobs = placed.flatMap(({ tensor, holder }): HashJob[] => {
    const { place, sizeBytes } = holder;
    const start = tensor.elements.kind === 'stretch' ? tensor.elements.offset : 0;
    return place === undefined
      ? []
      : [{ ...place, sizeBytes: tensor.sizeBytes, part: { start, fileBytes: sizeBytes } }];
  });
  const results = await (
    await ports.hasher()
  ).hash(jobs, {
    algorithms: ['blake3'],
    onProgress,
    ...(ports.jobs === undefined ? {} : { jobs: ports.jobs }),
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
  });
  placed.forEach(({ tensor }, index) =>
    digests.set(tensor, Buffer.from(results[index]?.digests.blake3 ?? missing(tensor.name), 'hex')),
  );
}

const CHUNK = 1 << 20;

/** A broken chunk, or pieces that make up no whole, leave the set undecided; nothing else is passed over. */
async function hashMade(hasher: Hasher, tensor: WeightTensor, source: Source): Promise<Hashed> {
  const { elements, sizeBytes, name } = tensor;
  try {
    const chunks =
      elements.kind === 'made' ? elements.open(source) : stretch(source, elements.offset, elements.offset + sizeBytes);
    const result = await hasher.hashStream(chunks, ['blake3']);
    if (result.sizeBytes !== sizeBytes) return { why: 'it is not as long as its shape says' };
    return Buffer.from(result.digests.blake3 ?? missing(name), 'hex');
  } catch (error) {
    if (!(error instanceof WeighmarkError) || !['format-invalid', 'limit-exceeded'].includes(error.code)) throw error;
    return { why: error.message };
  }
}

async function* stretch(source: Source, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK) yield source.read(at, Math.min(CHUNK, end - at));
}

function missing(name: string): never {
  throw new WeighmarkError('internal', 'a tensor was not hashed', { subject: name });
}

function weighedSet(
  { set, found, undecided }: Gathered,
  digests: ReadonlyMap<WeightTensor, Hashed>,
  blake3: (bytes: Uint8Array) => Uint8Array,
): WeighedSet {
  const about = { name: set.name, format: set.format };
  const tensors: IdentifiedTensor[] = [];
  for (const { tensor, file } of found) {
    const { name, dtype, shape, sizeBytes } = tensor;
    const elements = digests.get(tensor) ?? missing(name);
    if ('why' in elements) undecided.push({ tensor: name, why: elements.why, file: file.path });
    else tensors.push({ name, dtype, shape, digest: hex(tensorDigest(blake3, { dtype, shape, sizeBytes, elements })) });
  }
  if (undecided.length > 0) return { ...about, identity: null, undecided };
  try {
    return { ...about, identity: { name: set.name, tensors, ...weightsRoots(blake3, tensors) }, undecided };
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code !== 'format-invalid') throw error;
    const tensor = error.subject === undefined ? {} : { tensor: error.subject };
    return { ...about, identity: null, undecided: [{ ...tensor, why: error.message, file: set.name }] };
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Other files of the artifact, each open only while it is read. */
export function besideIn(byPath: Lookup<ArtifactFile>): Beside {
  return async (path, read) => {
    const file = byPath.get(path);
    return file === undefined ? null : withFile(file, read);
  };
}

export async function withFile<T>(file: ArtifactFile, use: (source: Source) => Promise<T>): Promise<T> {
  const source = await file.open();
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}
