import { createHash } from 'node:crypto';
import { checkFeedSignature } from '../../domain/scan/feeds/signed.ts';
import {
  indexFeeds,
  matchDigests,
  matchName,
  matchSigner,
  matchTensor,
  matchWeights,
  unreadFindings,
  type FeedIndex,
} from '../../domain/scan/feeds/match.ts';
import { parseFeed } from '../../domain/scan/feeds/parse.ts';
import type { Feed, FeedDigest } from '../../domain/scan/feeds/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { suppressionOf } from '../../domain/policy/suppressions.ts';
import type { Suppression } from '../../domain/authority/types.ts';
import { readFormat } from '../../domain/formats/index.ts';
import type { Clock, Progress } from '../../domain/ports/terminal.ts';
import type { Digests } from '../../domain/digest/algorithm.ts';
import type { Feeds } from '../../domain/ports/feeds.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import { cachedSource, smallSource, type Source } from '../../domain/base/source.ts';
import {
  scanFile,
  verdictOfScan,
  withDescribed,
  type ScanFinding,
  type ScanResult,
  type ScanVerdict,
} from '../../domain/scan/index.ts';
import { pushAll } from '../../domain/base/lists.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { incompleteFindings } from './scan-incomplete.ts';

export interface ScanPorts {
  readonly files: Files;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Reads many small files at once, where its kernel is native. */
  readonly hasher?: () => Promise<Hasher>;
}

export interface ScanOptions {
  /** What feeds say; made by `readFeeds`. */
  readonly index?: FeedIndex;
  /** The artifact's name and version, for feeds that know models by name. */
  readonly name?: { readonly name: string; readonly version?: string };
  /** Who signed it, for feeds that know signers: an identity or a key's fingerprint. */
  readonly signer?: string;
  /** Digests the caller already has, by artifact path; others a feed needs are computed. */
  readonly digests?: (path: string) => Digests | undefined;
  /** What the caller's policy accepts, and by which time; nothing that the artifact says. */
  readonly suppressions?: { readonly rules: readonly Suppression[]; readonly now: Date };
}

/** Everything a scan says of one artifact. */
export interface ArtifactScan {
  readonly root: string;
  readonly files: readonly ScanResult[];
  /** Findings about the artifact as a whole: names in feeds, feeds not understood. */
  readonly findings: readonly ScanFinding[];
  readonly verdict: ScanVerdict;
}

/**
 * Scans every file of an artifact, one after another, by its bytes. A file that cannot be read is `incomplete`, and stops
 * no other. @throws WeighmarkError `file-changed`, `interrupted`, `nothing-to-verify` for a tree without files.
 */
export async function scanArtifact(tree: Tree, ports: ScanPorts, options: ScanOptions = {}): Promise<ArtifactScan> {
  if (tree.entries.length === 0)
    throw new WeighmarkError('nothing-to-verify', `${tree.root} holds no file to scan`, { subject: tree.root });
  const progress = ports.progress.start(
    'scanning',
    tree.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const results: ScanResult[] = [];
  try {
    for (let from = 0; from < tree.entries.length; from += AT_ONCE) {
      const some = tree.entries.slice(from, from + AT_ONCE);
      const contents = await contentsOf(some, tree, ports);
      for (const [index, entry] of some.entries()) {
        if (ports.signal.aborted) throw new WeighmarkError('interrupted', 'interrupted');
        results.push(await scanEntry({ entry, content: contents[index] }, tree, ports, options));
        progress.advance(entry.sizeBytes);
      }
    }
  } finally {
    progress.end();
  }
  const files = withDescribed(results);
  const missing = await incompleteFindings(tree, ports.files, files);
  const findings = [...artifactFindings(tree, options), ...judged(missing, options)];
  const verdict = verdictOfScan(
    [...findings, ...files.flatMap((file) => file.findings)],
    files.flatMap((file) => file.unexamined),
  );
  return { root: tree.root, files, findings, verdict };
}

/** What feeds say of the artifact as a whole, and of themselves. */
export function artifactFindings(tree: Pick<Tree, 'root'>, options: ScanOptions): ScanFinding[] {
  const { index, name, signer } = options;
  if (index === undefined) return [];
  return judged(
    [
      ...unreadFindings(index),
      ...(name === undefined ? [] : matchName(index, tree.root, name)),
      ...(signer === undefined ? [] : matchSigner(index, tree.root, signer)),
    ],
    options,
  );
}

/** From so many files on, loading the addon pays; of more at a time the memory for their bytes is not used again, and new. */
const MANY = 1000;
const AT_ONCE = 256;
const SMALL_BYTES = 16 << 10;

/** The bytes of small files, read by the kernel's own threads. One that it cannot read is opened again, which says why. */
async function contentsOf(
  entries: readonly TreeEntry[],
  { entries: all, followedLinks }: Tree,
  { hasher, signal }: ScanPorts,
): Promise<readonly (Uint8Array | undefined)[]> {
  if (all.length < MANY || hasher === undefined) return [];
  const { kernel, hash } = await hasher();
  if (kernel !== 'native') return [];
  const small = entries.filter(({ sizeBytes }) => sizeBytes > 0 && sizeBytes <= SMALL_BYTES);
  const jobs = small.map(({ location, sizeBytes, stamp }) => ({
    location,
    sizeBytes,
    stamp,
    followLink: followedLinks,
  }));
  const read = await hash(jobs, { algorithms: [], contentUpToBytes: SMALL_BYTES, signal, onFailure: () => undefined });
  const contents = new Map(small.map((entry, index) => [entry, read[index]?.content]));
  return entries.map((entry) => contents.get(entry));
}

async function scanEntry(
  { entry, content }: { readonly entry: TreeEntry; readonly content: Uint8Array | undefined },
  tree: Tree,
  { files }: ScanPorts,
  options: ScanOptions,
): Promise<ScanResult> {
  if (content !== undefined) return scanSource({ path: entry.path, source: smallSource(content) }, options);
  try {
    const file = await files.open(entry.location, { followLink: tree.followedLinks });
    try {
      return await scanSource({ path: entry.path, source: cachedSource(file) }, options);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'unreadable') return unreadable(entry, error);
    throw error;
  }
}

/** What feeds say of weights, in whatever container. */
export function scanWeights(sets: readonly ListedWeights[], options: ScanOptions): readonly ScanFinding[] {
  const { index } = options;
  return index === undefined
    ? []
    : judged(
        sets.flatMap((set) => matchWeights(index, set)),
        options,
      );
}

/** What feeds say of an artifact's name alone. */
export function scanArtifactName(name: string, options: ScanOptions): readonly ScanFinding[] {
  return options.index === undefined || options.name === undefined
    ? []
    : judged(matchName(options.index, name, options.name), options);
}

/** One file or blob: what its bytes are, what feeds know of it, what the policy accepts. */
export async function scanSource(
  { path, source }: { readonly path: string; readonly source: Source },
  options: ScanOptions,
): Promise<ScanResult> {
  const result = await scanFile({ path, source });
  if (options.index === undefined && result.findings.length === 0) return result;
  const known =
    options.index === undefined ? [] : await matchFeeds(path, source, options.index, options.digests?.(path));
  const findings = [...known, ...result.findings];
  const digest = needsDigest(findings, options)
    ? (options.digests?.(path)?.sha256 ?? (await digestsOf(source, ['sha256'])).sha256)
    : undefined;
  return withFindings(result, judged(findings, options, digest));
}

/** Only a suppression that pins bytes, of a rule that was found, is worth hashing for. */
function needsDigest(findings: readonly ScanFinding[], { suppressions }: ScanOptions): boolean {
  return (
    suppressions?.rules.some(
      ({ rule, sha256 }) => sha256 !== undefined && findings.some((finding) => finding.rule === rule),
    ) === true
  );
}

/** With what the policy says of each; nothing else is changed. */
function judged(findings: readonly ScanFinding[], { suppressions, name }: ScanOptions, sha256?: string): ScanFinding[] {
  if (suppressions === undefined) return [...findings];
  const scope = { name: name?.name ?? null, now: suppressions.now };
  return findings.map((finding) => {
    const suppression = suppressionOf(
      suppressions.rules,
      { rule: finding.rule, path: finding.place.path, ...(sha256 === undefined ? {} : { sha256 }) },
      scope,
    );
    return suppression === null ? finding : { ...finding, suppression };
  });
}

function withFindings(result: ScanResult, findings: readonly ScanFinding[]): ScanResult {
  return { ...result, findings, verdict: verdictOfScan(findings, result.unexamined) };
}

function unreadable({ path, sizeBytes }: TreeEntry, error: WeighmarkError): ScanResult {
  return {
    path,
    sizeBytes,
    formats: [],
    findings: [],
    unexamined: [{ place: { path }, reason: error.message }],
    verdict: 'incomplete',
  };
}

async function matchFeeds(
  path: string,
  source: Source,
  index: FeedIndex,
  known: Digests | undefined,
): Promise<ScanFinding[]> {
  const { sha256, blake3 } = known ?? {};
  const missing = [...index.algorithms].filter(
    (algorithm) => algorithm !== 'blake3' && !(algorithm === 'sha256' && sha256 !== undefined),
  );
  const digests = {
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(blake3 === undefined ? {} : { blake3 }),
    ...(await digestsOf(source, missing)),
  };
  const tensors = index.byTensor.size === 0 ? [] : await matchTensors(path, source, index);
  return [...matchDigests(index, path, digests), ...tensors];
}

const CHUNK = 1 << 20;

async function digestsOf(
  source: Source,
  algorithms: readonly FeedDigest['algorithm'][],
): Promise<Partial<Record<FeedDigest['algorithm'], string>>> {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  for (let at = 0; hashes.length > 0 && at < source.size; at += CHUNK) {
    const bytes = await source.read(at, CHUNK);
    for (const { hash } of hashes) hash.update(bytes);
  }
  return Object.fromEntries(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest('hex')]));
}

/** Hashes every tensor whose place in the file is known. */
async function matchTensors(path: string, source: Source, index: FeedIndex): Promise<ScanFinding[]> {
  const { tensors } = await readFormat({ path, source }, { countRows: false });
  const findings: ScanFinding[] = [];
  for (const { name, offset, length } of tensors?.items ?? []) {
    if (offset === undefined || length === undefined) continue;
    const hash = createHash('sha256');
    for (let at = 0; at < length; at += CHUNK)
      hash.update(await source.read(offset + at, Math.min(CHUNK, length - at)));
    pushAll(findings, matchTensor(index, path, name, hash.digest('hex')));
  }
  return findings;
}

export interface FeedPorts {
  readonly feeds: Feeds;
  readonly clock: Clock;
}

/** A feed as it was read, with its age's grounds. */
export interface ReadFeed extends Feed {
  readonly fetched: string;
}

/**
 * Reads and indexes feeds; with a key, every one must be signed by it (`<feed>.sig`).
 * @throws WeighmarkError `format-invalid`, `signature-invalid`, and as `Feeds.read` does: a feed that fails is never skipped.
 */
export async function readFeeds(
  locations: readonly string[],
  ports: FeedPorts,
  keyPem?: string,
): Promise<{ index: FeedIndex; feeds: readonly ReadFeed[] }> {
  const feeds: ReadFeed[] = [];
  for (const location of locations) {
    const { bytes, fetched, signature } = await ports.feeds.read(location, { signed: keyPem !== undefined });
    if (keyPem !== undefined) checkFeedSignature(location, bytes, { signature, keyPem });
    feeds.push({ ...parseFeed(location, bytes, ports.clock.now()), fetched });
  }
  return { index: indexFeeds(feeds, ports.clock.now()), feeds };
}
