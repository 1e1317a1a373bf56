import { bomBytes, createBom } from '../../domain/bom/create.ts';
import type { ArtifactKind, BomInput, Layout } from '../../domain/bom/build.ts';
import {
  pick,
  sourceName,
  type BomFile,
  type Conflict,
  type Fact,
  type MetadataProblem,
} from '../../domain/metadata/types.ts';
import type { Bom, SpecVersion } from '../../domain/bom/types.ts';
import { idsOf, SummedFile, VERSIONS, type ManifestFile, type ManifestVersion } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { FormatReport } from '../../domain/formats/types.ts';
import { checkDigests, type DigestCheck, type OtherDigests } from '../../domain/metadata/check-digests.ts';
import { collect, otherDigests } from '../../domain/metadata/collect.ts';
import { findConflicts } from '../../domain/metadata/conflicts.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { locationFacts } from '../../domain/metadata/location.ts';
import { findIncomplete } from '../../domain/metadata/incomplete.ts';
import { closureOf } from '../../domain/metadata/closure.ts';
import { unreadFiles } from '../../domain/metadata/unread.ts';
import type { Digests } from '../../domain/digest/algorithm.ts';
import type { Files, FileStamp, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Source } from '../../domain/base/source.ts';
import { ByPath, pathOf, type Lookup } from '../../domain/base/by-path.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import { hashTree, type HashTreePorts } from '../content/hash-tree.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { recordedFacts } from './recorded.ts';
import { fileReader, type ReadFiles } from './read-files.ts';

export interface DescribeOptions {
  readonly tool: { readonly name: string; readonly version: string };
  readonly specVersion?: SpecVersion;
  readonly layout?: Layout;
  /** RFC 3339; absent: the BOM carries no time, and equal input gives equal bytes for ever. */
  readonly timestamp?: string;
  /** Facts somebody states; they come before those of files. */
  readonly stated?: readonly Fact[];
  readonly kind?: ArtifactKind;
  /** Who makes the BOM. */
  readonly author?: string;
  /** Reports already made in this run, by path: those files' headers are not read again. */
  readonly reports?: ReadonlyMap<string, FormatReport>;
  /** All files of the artifact, if something else looked at them and read them for this: they are not opened again. */
  readonly read?: ReadFiles;
  readonly signal?: AbortSignal;
}

/** SHA-256 and BLAKE3 by path. */
export type Digested = Pick<Lookup<Digests>, 'get'>;

/** One file of an artifact, wherever it is kept. */
export interface ArtifactFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Empty where nobody hashed it. */
  readonly digests: Digests;
  open(): Promise<Source & { close(): Promise<void> }>;
}

/** What is known of an artifact's content. */
export interface Examined {
  readonly kind: ArtifactKind;
  readonly files: readonly BomFile[];
  readonly facts: readonly Fact[];
  readonly problems: readonly MetadataProblem[];
  readonly conflicts: readonly Conflict[];
  readonly digests: DigestCheck;
}

export interface Described extends Examined {
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  /** Hex of the OMS root digest. */
  readonly root: string;
  readonly bom: Bom;
  readonly bytes: Uint8Array;
}

const AT_ONCE = 8;

/**
 * The ML-BOM of a tree whose files are already hashed: reads headers and metadata, nothing else.
 * @param digests SHA-256 and BLAKE3 of every entry, by path.
 * @throws WeighmarkError `file-changed`, `unreadable`, `empty-artifact`; a file that is malformed is a problem, not an error.
 */
export async function describeArtifact(
  tree: Tree,
  digests: Digested,
  ports: { files: Files },
  options: DescribeOptions,
): Promise<Described> {
  const located = [...locationFacts(tree.root), ...(await recordedFacts(tree, ports))];
  const examined = await examineArtifact(filesOf(tree, digests, ports), { ...options, located });
  const identity = identify(examined.files);
  const bom = createBom(bomInputOf({ ...examined, ...identity }, baseName(tree.root), options));
  return { ...examined, ...identity, bom, bytes: readable(bomBytes(bom)) };
}

/** What nobody would read is not written. */
function readable(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= LIMITS.bomBytes) return bytes;
  throw new WeighmarkError('limit-exceeded', `the ML-BOM would be larger than ${LIMITS.bomBytes} bytes`, {
    hint: 'describe parts of the artifact, each by itself',
  });
}

function bomInputOf(
  examined: Examined & Pick<Described, 'id' | 'root'>,
  fallbackName: string,
  options: DescribeOptions,
): BomInput {
  const { tool, specVersion = '1.7', layout = 'guide', timestamp } = options;
  const { files, facts, problems, conflicts, id, root, kind } = examined;
  return {
    fallbackName,
    files,
    facts,
    problems,
    conflicts,
    tool,
    specVersion,
    layout,
    id,
    root,
    kind,
    confirmed: examined.digests.confirmed,
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(options.author === undefined ? {} : { author: options.author }),
  };
}

/** What is sealed goes by the id that every build understands, 0.1 too; whoever names the other means the same. */
const SEALED: ManifestVersion = 1;

/** @throws WeighmarkError `internal` if a file was not hashed. */
export function identify(files: readonly BomFile[]): {
  readonly id: string;
  readonly ids: readonly string[];
  readonly root: string;
} {
  const sums = files.map((file) => new SummedFile(file));
  const ids = idsOf(sums);
  return { id: ids[VERSIONS.indexOf(SEALED)] ?? '', ids, root: omsRoot(sha256Of(sums)) };
}

function* sha256Of(files: readonly ManifestFile[]): Generator<string> {
  for (const { sha256 } of files) yield sha256;
}

/** The files of a tree as `examineArtifact` reads them. */
export function filesOf(
  tree: Tree,
  digests: Digested,
  ports: { files: Files },
): readonly (ArtifactFile & Required<Pick<TreeFile, 'place'>>)[] {
  return tree.entries.map(
    (entry) => new TreeFile(entry, { followLink: tree.followedLinks, digests, files: ports.files }),
  );
}

interface Around {
  readonly followLink: boolean;
  readonly digests: Digested;
  readonly files: Files;
}

/** Nothing is made of it before it is asked for: most of a million files are never opened. */
class TreeFile implements ArtifactFile {
  readonly #entry: TreeEntry;
  readonly #around: Around;

  constructor(entry: TreeEntry, around: Around) {
    this.#entry = entry;
    this.#around = around;
  }

  get path(): string {
    return this.#entry.path;
  }

  get sizeBytes(): number {
    return this.#entry.sizeBytes;
  }

  get digests(): Digests {
    return this.#around.digests.get(this.path) ?? {};
  }

  get place(): { readonly location: string; readonly stamp: FileStamp; readonly followLink: boolean } {
    const { location, stamp } = this.#entry;
    return { location, stamp, followLink: this.#around.followLink };
  }

  open(): Promise<Source & { close(): Promise<void> }> {
    const { followLink, files } = this.#around;
    return files.open(this.#entry.location, { followLink });
  }
}

export type ExamineOptions = Pick<DescribeOptions, 'stated' | 'kind' | 'reports' | 'read' | 'signal'> & {
  /** Facts that come from where the artifact stands, not from its files. */
  readonly located?: readonly Fact[];
  /** Read text datasets whole to count their rows; default true. */
  readonly countRows?: boolean;
  /** Read files whole whose publisher states SHA-1 or MD5; default true. */
  readonly readWhole?: boolean;
};

/** All that `inspect` and the BOM are made of. */
export async function examineArtifact(artifact: readonly ArtifactFile[], options: ExamineOptions): Promise<Examined> {
  const { files: read, telling, fetches } = options.read ?? (await readFiles(artifact, options));
  const isSorted = read.every(({ path }, at) => at === 0 || compareUtf8(read[at - 1]?.path ?? '', path) <= 0);
  const found = isSorted ? read : read.toSorted((a, b) => compareUtf8(a.path, b.path));
  const { facts: said, problems } = collect(
    telling,
    found.map(({ path }) => path),
  );
  const known = [...(options.stated ?? []), ...(options.located ?? []), ...said];
  const incomplete = findIncomplete(found, known);
  const fetched = fetches.toSorted((a, b) => compareUtf8(sourceName(a.source), sourceName(b.source)));
  const paths = found.map(({ path }) => path);
  const facts = [...known, ...incomplete.notes, ...closureOf(fetched, paths)];
  const files = namedByOthers(found).map((file) => (incomplete.partial.has(file.path) ? uncounted(file) : file));
  const digests = checkDigests(
    facts,
    files,
    options.readWhole === false ? new Map() : await computeOthers(artifact, facts),
  );
  const kind = options.kind ?? kindOf(files, facts);
  return {
    kind,
    files,
    facts,
    problems: [
      ...problems,
      ...unreadFiles(files),
      ...incomplete.problems,
      ...digests.contradicted.map(({ path, message }) => ({ path, code: 'download-conflict' as const, message })),
    ],
    digests,
    conflicts: [...findConflicts(facts, files), ...digests.conflicts],
  };
}

async function readFiles(artifact: readonly ArtifactFile[], options: ExamineOptions): Promise<ReadFiles> {
  const reader = fileReader(options);
  await inParallel(artifact, AT_ONCE, async (file) => {
    options.signal?.throwIfAborted();
    const source = await file.open();
    try {
      await reader.add(file, source);
    } finally {
      await source.close();
    }
  });
  return reader;
}

/** A file of a set that is not all there: what it holds is not what the model has. */
function uncounted(file: BomFile): BomFile {
  if (file.report === undefined) return file;
  const { parameters: _part, tensors, ...report } = file.report;
  return {
    ...file,
    report: { ...report, ...(tensors === undefined ? {} : { tensors: { ...tensors, parametersByDtype: {} } }) },
  };
}

/** Bytes of no format of their own that another file names as its weights. */
function namedByOthers(files: readonly BomFile[]): readonly BomFile[] {
  const named = new Set(
    files.flatMap(({ path, report }) =>
      (report?.references ?? [])
        .filter(({ kind }) => kind === 'external-data' || kind === 'weights')
        .map(({ target }) => `${path.slice(0, path.lastIndexOf('/') + 1)}${target}`),
    ),
  );
  return files.map((file) =>
    file.report?.format === 'unknown' && named.has(file.path)
      ? { ...file, report: { ...file.report, format: 'raw-weights', kind: 'weights' } }
      : file,
  );
}

/** Digests that a publisher states in algorithms we do not compute for everything: one more read of those files. */
async function computeOthers(artifact: readonly ArtifactFile[], facts: readonly Fact[]): Promise<OtherDigests> {
  const byPath = new ByPath(artifact, pathOf);
  const digests = new Map<string, Awaited<ReturnType<typeof otherDigests>>>();
  for (const { value } of pick(facts, 'digest')) {
    const file = byPath.get(value.path ?? '');
    if (
      file?.digests.sha256 === undefined ||
      value.algorithm === 'sha256' ||
      value.algorithm === 'blake3' ||
      digests.has(file.path)
    )
      continue;
    const source = await file.open();
    try {
      digests.set(file.path, await otherDigests(source));
    } finally {
      await source.close();
    }
  }
  return digests;
}

const WEIGHT_INDEXES: ReadonlySet<string> = new Set([
  'safetensors-index',
  'torch-dcp-index',
  'keras-index',
  'orbax',
  'paddle',
  'weights-manifest',
  'spacy',
]);
const WEIGHTS_NAME = /\.(?:safetensors|gguf|onnx|pth?|ckpt|h5|keras|tflite)$/i;

/** A model if any file, also in an archive, holds weights or an adapter's configuration is there; a dataset if data or its description is. */
function kindOf(files: readonly BomFile[], facts: readonly Fact[]): ArtifactKind {
  if (
    files.some(
      ({ report }) => report?.kind === 'weights' || (report !== undefined && WEIGHT_INDEXES.has(report.format)),
    ) ||
    pick(facts, 'role').some(({ value }) => value.role === 'adapter')
  )
    return 'model';
  if (files.some(({ path }) => /(^|\/)MLmodel$/.test(path))) return 'model';
  if (pick(facts, 'architecture').length + pick(facts, 'family').length > 0) return 'model';
  if (
    files.some(
      ({ report }) =>
        report?.kind === 'archive' && report.members?.some(({ name }) => WEIGHTS_NAME.test(name)) === true,
    )
  )
    return 'model';
  return files.some(({ report }) => report?.kind === 'dataset') || pick(facts, 'dataset').length > 0
    ? 'dataset'
    : 'other';
}

export function baseName(root: string): string {
  return root.split(/[/\\]/).findLast((part) => part !== '' && part !== '.') ?? 'artifact';
}

export type BomPorts = HashTreePorts;

export interface BomCreateInput extends DescribeOptions {
  readonly path: string;
  readonly allowSymlinks?: boolean;
  readonly jobs?: number;
}

/**
 * `bom create`: walks, hashes in one read, describes.
 * @throws WeighmarkError `lfs-pointer` where content is missing; `empty-artifact`, and what the ports throw.
 */
export async function bomCreate(input: BomCreateInput, ports: BomPorts): Promise<Described> {
  const { tree, digests } = await walkAndHash(input, ports);
  const described = await describeArtifact(tree, digests, ports, input);
  const pointer = described.files.find(({ report }) => report?.format === 'lfs-pointer');
  if (pointer !== undefined)
    throw new WeighmarkError('lfs-pointer', 'a Git LFS pointer stands for the content', {
      subject: pointer.path,
      hint: 'fetch it: `git lfs pull`',
    });
  return described;
}

/** Every file's SHA-256 and BLAKE3, by path. @throws WeighmarkError `empty-artifact`. */
export async function walkAndHash(
  input: Pick<BomCreateInput, 'path' | 'allowSymlinks' | 'jobs'>,
  ports: BomPorts,
): Promise<{ tree: Tree; digests: ReadonlyMap<string, Digests> }> {
  const tree = await ports.files.walk(input.path, { allowSymlinks: input.allowSymlinks ?? false });
  if (tree.entries.length === 0)
    throw new WeighmarkError('empty-artifact', `there is no file in ${input.path}`, { subject: input.path });
  const options = {
    label: 'hashing',
    algorithms: ['sha256', 'blake3'],
    followLinks: tree.followedLinks,
    ...(input.jobs === undefined ? {} : { jobs: input.jobs }),
  } as const;
  const hashed = await hashTree(tree.entries, options, ports);
  return { tree, digests: new Map(hashed.map(({ entry, digests }) => [entry.path, digests])) };
}
