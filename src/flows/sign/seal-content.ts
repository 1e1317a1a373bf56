import { DigestColumn, type ListedFile } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { OUTBOARD_FOLDER, OUTBOARD_FROM_BYTES, outboardPlace } from '../../domain/digest/outboard.ts';
import type { FileStamp, Tree, TreeEntry } from '../../domain/ports/files.ts';
import {
  atLeast,
  describedNumbers,
  isCounted,
  type ScanFinding,
  type Severity,
  type Unexamined,
} from '../../domain/scan/index.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { cachedSource, smallSource, type Source } from '../../domain/base/source.ts';
import type { FileReader } from '../bom/read-files.ts';
import { StretchDigests, stretchesIn } from '../describe/stretches.ts';
import { hashEach, listedOf, type HashedEntry, type HashTreePorts } from '../content/hash-tree.ts';
import { refusePointers } from '../content/lfs.ts';
import { hasherFromParts, type FromParts } from './from-parts.ts';
import { artifactPath } from './oms-sign.ts';
import { requireReadable } from './within-limits.ts';
import { artifactFindings, scanSource, type ScanOptions } from '../content/scan.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface SealedContent {
  readonly tree: Tree;
  readonly files: readonly ListedFile[];
  /** Paths left out by request, as the signature lists them. */
  readonly ignored: readonly string[];
  /** Outboards written beside the content, for proving its parts; needless if the seal is not made. */
  readonly outboards: readonly string[];
  readonly looked: Found;
  /** Of tensors that were hashed with their files. */
  readonly elements: StretchDigests;
  /** Where the digests are from, if workers found them. */
  readonly fromParts: string | null;
}

export interface Looking {
  /** Of the BOM: it reads from the same bytes, once for both. */
  readonly reader: FileReader;
  readonly judging: ScanOptions;
}

/**
 * One walk, one read: both digests of every file, and what loading it would do, held against feeds by the digests of the
 * walk. Of a small file the bytes looked at are those that were hashed; another is opened again, and is the same at the end
 * or it is `file-changed`. @throws WeighmarkError `empty-artifact`.
 */
export async function readForSeal(
  input: { root: string; allowSymlinks?: boolean; ignore?: readonly string[]; jobs?: number; fromParts?: FromParts },
  looking: Looking,
  ports: HashTreePorts,
): Promise<SealedContent> {
  const ignored = (input.ignore ?? []).map(artifactPath);
  const tree = await ports.files.walk(input.root, { allowSymlinks: input.allowSymlinks === true, ignore: ignored });
  if (tree.entries.length === 0)
    throw new WeighmarkError('empty-artifact', 'there is no file to seal', { subject: input.root });
  requireReadable({ paths: pathsOf(tree), digestLength: 64, room: ports.files.room?.() });
  await refusePointers(tree, ports.files);
  const outboardTo = await outboardPlaces(tree, ports);
  const workers = input.fromParts === undefined ? null : hasherFromParts(tree, input.fromParts, await ports.hasher());
  const [stretches, elements] = [await stretchesIn(tree, ports), new StretchDigests()];
  const stretchesOf = ({ path }: TreeEntry) => stretches.get(path);
  const hasher = workers === null ? ports.hasher : async () => workers;
  const files: ListedFile[] = [];
  const column = new DigestColumn();
  const looker = lookInto(tree, looking, ports);
  const how = { label: 'hashing', algorithms: ['sha256', 'blake3'] as const, followLinks: tree.followedLinks };
  const jobs = input.jobs === undefined ? {} : { jobs: input.jobs };
  const asked = { ...how, ...jobs, outboardTo, stretchesOf, contents: true };
  await hashEach(tree.entries, asked, { ...ports, hasher }, async (some) => {
    for (const each of some) {
      const file = listedOf(each, column);
      files.push(file);
      if (each.stretches !== undefined) elements.add(file.path, stretches.get(file.path) ?? [], each.stretches);
      await looker.look(each, file);
    }
  });
  const outboards = tree.entries.flatMap((entry) => outboardTo(entry) ?? []);
  return { tree, files, ignored, outboards, looked: looker.found(), elements, fromParts: workers?.said ?? null };
}

function* pathsOf({ entries }: Tree): Generator<string> {
  for (const { path } of entries) yield path;
}

/** Nothing is written through a link that came with the artifact. */
async function outboardPlaces(tree: Tree, ports: HashTreePorts): Promise<(entry: TreeEntry) => string | undefined> {
  const { folder } = sidecarsOf(tree);
  for (const place of [folder, `${folder}/${OUTBOARD_FOLDER}`]) {
    const kind = await ports.files.kindOf(place);
    if (kind !== 'none' && kind !== 'directory')
      throw new WeighmarkError('write-refused', `${place} is not a folder`, { subject: place });
  }
  return ({ path, sizeBytes }) => (sizeBytes >= OUTBOARD_FROM_BYTES ? outboardPlace(folder, path) : undefined);
}

/** Whether a file is as it was when it was read. */
export function isUnchanged(then: FileStamp, now: FileStamp | undefined): boolean {
  return now?.ctimeNs === then.ctimeNs && now.sizeBytes === then.sizeBytes && now.ino === then.ino;
}

export interface Scanned {
  readonly findings: readonly ScanFinding[];
  readonly unexamined: readonly Unexamined[];
  /** Findings that forbid sealing. */
  readonly blocking: readonly ScanFinding[];
}

type Found = Pick<Scanned, 'findings' | 'unexamined'>;

/** What the caller's policy suppresses is told, and forbids nothing. */
function lookInto(
  { followedLinks }: Tree,
  { reader, judging }: Looking,
  ports: HashTreePorts,
): { found(): Found; look(each: HashedEntry, digests: ListedFile): Promise<void> } {
  const findings: ScanFinding[] = [...artifactFindings({ root: '.' }, judging)];
  const unexamined: Unexamined[] = [];
  const described = describedNumbers();
  const lookAt = async (file: ListedFile, source: Source): Promise<void> => {
    const { path, sizeBytes } = file;
    const result = await scanSource({ path, source }, { ...judging, digests: () => file });
    await reader.add({ path, sizeBytes, digests: file }, source);
    pushAll(findings, result.findings);
    pushAll(unexamined, result.unexamined);
    described.add(result);
  };
  const look = async ({ entry, content }: HashedEntry, file: ListedFile): Promise<void> => {
    ports.signal?.throwIfAborted();
    if (content !== undefined) return lookAt(file, smallSource(content));
    const opened = await ports.files.open(entry.location, { followLink: followedLinks });
    try {
      await lookAt(file, cachedSource(opened));
    } finally {
      await opened.close();
    }
  };
  return { found: () => ({ findings, unexamined: described.left(unexamined) }), look };
}

/** What was found, and more. */
export function scannedOf(found: Found, more: readonly ScanFinding[], failOn: Severity): Scanned {
  const findings = [...found.findings, ...more];
  const blocking = findings.filter((finding) => isCounted(finding) && atLeast(finding.severity, failOn));
  return { ...found, findings, blocking };
}
