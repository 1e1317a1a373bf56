import type { ListedFile } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { OUTBOARD_FOLDER, OUTBOARD_FROM_BYTES, outboardPlace } from '../../domain/digest/outboard.ts';
import type { FileStamp, Tree, TreeEntry } from '../../domain/ports/files.ts';
import { atLeast, isCounted, type ScanFinding, type Severity, type Unexamined } from '../../domain/scan/index.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import { cachedSource } from '../../domain/base/source.ts';
import type { FileReader } from '../bom/read-files.ts';
import { hashListed, type HashTreePorts } from '../content/hash-tree.ts';
import { refusePointers } from '../content/lfs.ts';
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
}

/** One walk, one read: both digests of every file. @throws WeighmarkError `empty-artifact`. */
export async function hashForSeal(
  input: { root: string; allowSymlinks?: boolean; ignore?: readonly string[]; jobs?: number },
  ports: HashTreePorts,
): Promise<SealedContent> {
  const ignored = (input.ignore ?? []).map(artifactPath);
  const tree = await ports.files.walk(input.root, { allowSymlinks: input.allowSymlinks === true, ignore: ignored });
  if (tree.entries.length === 0)
    throw new WeighmarkError('empty-artifact', 'there is no file to seal', { subject: input.root });
  requireReadable({ paths: pathsOf(tree), digestLength: 64 });
  await refusePointers(tree, ports.files);
  const outboardTo = await outboardPlaces(tree, ports);
  const jobs = input.jobs === undefined ? {} : { jobs: input.jobs };
  const files = await hashListed(tree, { outboardTo, ...jobs }, ports);
  return { tree, files, ignored, outboards: tree.entries.flatMap((entry) => outboardTo(entry) ?? []) };
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

/**
 * Looks at every file's content for what loading it would do, and holds it against feeds, by the digests of the walk; the
 * bytes are those of the walk, or it is `file-changed`. The BOM's reader reads from the same open file, once for both. What the caller's policy suppresses is told, and forbids nothing.
 */
export async function scanForSeal(
  { tree, files }: SealedContent,
  {
    failOn,
    reader,
    judging,
  }: { readonly failOn: Severity; readonly reader: FileReader; readonly judging: ScanOptions },
  ports: HashTreePorts,
): Promise<Scanned> {
  const digests = new Map(files.map((file) => [file.path, file]));
  const options: ScanOptions = { ...judging, digests: (path) => digests.get(path) };
  const findings: ScanFinding[] = [...artifactFindings({ root: '.' }, options)];
  const unexamined: Unexamined[] = [];
  for (const { path, location, sizeBytes } of tree.entries) {
    ports.signal?.throwIfAborted();
    const file = await ports.files.open(location, { followLink: tree.followedLinks });
    try {
      const source = cachedSource(file);
      const result = await scanSource({ path, source }, options);
      await reader.add({ path, sizeBytes, digests: digests.get(path) ?? {} }, source);
      pushAll(findings, result.findings);
      pushAll(unexamined, result.unexamined);
    } finally {
      await file.close();
    }
  }
  return withKnown({ findings, unexamined, blocking: [] }, [], failOn);
}

/** The same with more that was found. */
export function withKnown(scanned: Scanned, more: readonly ScanFinding[], failOn: Severity): Scanned {
  const findings = [...scanned.findings, ...more];
  const blocking = findings.filter((finding) => isCounted(finding) && atLeast(finding.severity, failOn));
  return { ...scanned, findings, blocking };
}
