import { bomBytes, createBom } from '../domain/bom/create.ts';
import type { ArtifactKind, BomFile, BomInput, Layout } from '../domain/bom/build.ts';
import type { Bom, SpecVersion } from '../domain/bom/types.ts';
import { holdsWeights } from '../domain/bom/weights.ts';
import { buildManifest } from '../domain/digest/manifest.ts';
import { omsRoot } from '../domain/digest/root.ts';
import { WeighmarkError } from '../domain/errors.ts';
import { readFormat } from '../domain/formats/index.ts';
import type { FormatReport } from '../domain/formats/types.ts';
import { checkDigests, otherKey, type DigestCheck } from '../domain/metadata/check-digests.ts';
import { collect, otherDigest, readMetadata, type FileMetadata } from '../domain/metadata/collect.ts';
import { findConflicts } from '../domain/metadata/conflicts.ts';
import { locationFacts } from '../domain/metadata/location.ts';
import { pick, type Conflict, type Fact, type MetadataProblem } from '../domain/metadata/types.ts';
import type { Digests, Files, Hasher, HashJob, Progress, Tree, TreeEntry } from '../domain/ports.ts';
import { compareUtf8 } from '../domain/tree.ts';

export interface DescribeOptions {
  readonly tool: { readonly name: string; readonly version: string };
  readonly specVersion?: SpecVersion;
  readonly layout?: Layout;
  /** RFC 3339; absent: the BOM carries no time, and equal input gives equal bytes for ever. */
  readonly timestamp?: string;
  /** Facts somebody states; they come before those of files. */
  readonly stated?: readonly Fact[];
  readonly kind?: ArtifactKind;
  /** Reports already made in this run, by path: those files' headers are not read again. */
  readonly reports?: ReadonlyMap<string, FormatReport>;
  readonly signal?: AbortSignal;
}

/** What is known of an artifact's content. */
export interface Examined {
  readonly id: string;
  readonly root: string;
  readonly kind: ArtifactKind;
  readonly files: readonly BomFile[];
  readonly facts: readonly Fact[];
  readonly problems: readonly MetadataProblem[];
  readonly conflicts: readonly Conflict[];
  readonly digests: DigestCheck;
}

export interface Described extends Examined {
  readonly bom: Bom;
  readonly bytes: Uint8Array;
}

const AT_ONCE = 8;

/**
 * The ML-BOM of a tree whose files are already hashed: reads headers and metadata, nothing else.
 * @param digests SHA-256 and BLAKE3 of every entry, by path.
 * @throws WeighmarkError `file-changed`, `unreadable`, `empty-artifact`; a file that is malformed is a problem, not an error.
 */
export async function describeArtifact(tree: Tree, digests: ReadonlyMap<string, Digests>, ports: { files: Files }, options: DescribeOptions): Promise<Described> {
  const examined = await examineArtifact(tree, digests, ports, options);
  const bom = createBom(bomInputOf(examined, baseName(tree.root), options));
  return { ...examined, bom, bytes: bomBytes(bom) };
}

function bomInputOf(examined: Examined, fallbackName: string, options: DescribeOptions): BomInput {
  const { tool, specVersion = '1.7', layout = 'guide', timestamp } = options;
  const { files, facts, problems, conflicts, id, root, kind } = examined;
  return {
    fallbackName, files, facts, problems, conflicts, tool, specVersion, layout, id, root, kind,
    confirmed: examined.digests.confirmed,
    ...(timestamp === undefined ? {} : { timestamp }),
  };
}

/** All that `inspect` and the BOM are made of. */
export async function examineArtifact(tree: Tree, digests: ReadonlyMap<string, Digests>, ports: { files: Files }, options: Omit<DescribeOptions, 'tool'>): Promise<Examined> {
  const read = await eachOf(tree.entries, (entry) => examineFile(entry, digests.get(entry.path) ?? {}, { tree, ports, options }));
  const files = read.map(({ file }) => file).toSorted((a, b) => compareUtf8(a.path, b.path));
  const { facts: found, problems } = collect(read.map(({ metadata }) => metadata));
  const facts = [...(options.stated ?? []), ...locationFacts(tree.root), ...found];
  const checked = checkDigests(facts, files, await otherDigests(tree, facts, ports));
  const sums = files.map(({ path, sizeBytes, digests: { sha256 } }) => ({ path, sizeBytes, sha256: sha256 ?? missing(path) }));
  return {
    id: buildManifest(sums).id,
    root: omsRoot(sums.map(({ sha256 }) => sha256)),
    kind: options.kind ?? kindOf(files, facts),
    files, facts, problems,
    conflicts: [...findConflicts(facts, files), ...checked.conflicts],
    digests: checked,
  };
}

interface FileContext {
  readonly tree: Tree;
  readonly ports: { files: Files };
  readonly options: Omit<DescribeOptions, 'tool'>;
}

async function examineFile(entry: TreeEntry, digests: Digests, context: FileContext): Promise<{ file: BomFile; metadata: FileMetadata }> {
  context.options.signal?.throwIfAborted();
  const source = await context.ports.files.open(entry.location, { followLink: context.tree.followedLinks });
  try {
    const report = context.options.reports?.get(entry.path) ?? (await readFormat({ path: entry.path, source }, context.options));
    const metadata = await readMetadata(entry.path, source, report);
    return { file: { path: entry.path, sizeBytes: entry.sizeBytes, digests, report }, metadata };
  } finally {
    await source.close();
  }
}

/** Digests that a publisher states in algorithms we do not compute for everything. */
async function otherDigests(tree: Tree, facts: readonly Fact[], ports: { files: Files }): Promise<ReadonlyMap<string, string>> {
  const byPath = new Map(tree.entries.map((entry) => [entry.path, entry]));
  const digests = new Map<string, string>();
  for (const { value } of pick(facts, 'digest')) {
    const { algorithm, path } = value;
    const entry = byPath.get(path ?? '');
    if (entry === undefined || algorithm === 'sha256' || algorithm === 'blake3' || digests.has(otherKey(algorithm, entry.path))) continue;
    const source = await ports.files.open(entry.location, { followLink: tree.followedLinks });
    try {
      digests.set(otherKey(algorithm, entry.path), await otherDigest(source, algorithm));
    } finally {
      await source.close();
    }
  }
  return digests;
}

/** A model if any file holds weights or an adapter's configuration is there; a dataset if data or its description is. */
function kindOf(files: readonly BomFile[], facts: readonly Fact[]): ArtifactKind {
  if (files.some(({ report }) => holdsWeights(report)) || pick(facts, 'role').some(({ value }) => value.role === 'adapter')) return 'model';
  if (pick(facts, 'architecture').length + pick(facts, 'family').length > 0) return 'model';
  return files.some(({ report }) => report?.kind === 'dataset') || pick(facts, 'dataset').length > 0 ? 'dataset' : 'other';
}

function missing(path: string): never {
  throw new WeighmarkError('internal', 'a file was not hashed', { subject: path });
}

export function baseName(root: string): string {
  return root.split(/[/\\]/).findLast((part) => part !== '' && part !== '.') ?? 'artifact';
}

async function eachOf<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) results[index] = await work(items[index] as T);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return results;
}

export interface BomPorts {
  readonly files: Files;
  readonly hasher: Hasher;
  readonly progress: Progress;
}

export interface BomCreateInput extends DescribeOptions {
  readonly path: string;
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
}

/** `bom create`: walks, hashes in one read, describes. */
export async function bomCreate(input: BomCreateInput, ports: BomPorts): Promise<Described> {
  const { tree, digests } = await hashTree(input, ports);
  return describeArtifact(tree, digests, ports, input);
}

export async function hashTree(input: Pick<BomCreateInput, 'path' | 'allowSymlinks' | 'jobs' | 'signal'>, ports: BomPorts): Promise<{ tree: Tree; digests: ReadonlyMap<string, Digests> }> {
  const tree = await ports.files.walk(input.path, { allowSymlinks: input.allowSymlinks ?? false });
  if (tree.entries.length === 0) throw new WeighmarkError('empty-artifact', `there is no file in ${input.path}`, { subject: input.path });
  const total = tree.entries.reduce((sum, entry) => sum + entry.sizeBytes, 0);
  const bar = ports.progress.start('hashing', total);
  try {
    const jobs = tree.entries.map((entry): HashJob => ({ location: entry.location, sizeBytes: entry.sizeBytes, stamp: entry.stamp, followLink: tree.followedLinks }));
    const results = await ports.hasher.hash(jobs, {
      algorithms: ['sha256', 'blake3'], onProgress: (bytes) => bar.advance(bytes),
      ...(input.jobs === undefined ? {} : { jobs: input.jobs }), ...(input.signal === undefined ? {} : { signal: input.signal }),
    });
    return { tree, digests: new Map(tree.entries.map((entry, index) => [entry.path, results[index]?.digests ?? {}])) };
  } finally {
    bar.end();
  }
}
