import { isIgnored, type OmsManifest } from '../../domain/claims/oms.ts';
import {
  ignoredFinding,
  matchNames,
  mismatchFinding,
  missingFinding,
  unsignedFinding,
  type SignedFile,
} from '../../domain/claims/oms-match.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Tree, TreeEntry, WalkOptions } from '../../domain/ports/files.ts';
import { SIDECARS } from '../../domain/base/paths.ts';
import { globMatches } from '../../domain/base/glob.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { asPointerFinding } from '../content/lfs.ts';
import {
  hashRanges,
  hashTree,
  type HashedEntry,
  type HashTreeOptions,
  type HashTreePorts,
} from '../content/hash-tree.ts';

/** Which files are meant. */
export interface TreeQuestion {
  readonly root: string;
  readonly manifest: OmsManifest;
  readonly allowSymlinks: boolean;
  /** Further artifact paths to leave out, as the user says. */
  readonly ignore: readonly string[];
  /** The signature in use, where it lies inside: no part of what it signs. */
  readonly ownNames: readonly string[];
  readonly jobs?: number;
}

export interface ContentQuestion extends TreeQuestion {
  /** The signer's name, for messages. */
  readonly by: string;
  readonly ignoreUnsignedFiles: boolean;
  /** Glob of the only files to look at. */
  readonly only?: string;
  /** Digests signed together; BLAKE3 alone is hashed then, unless `algorithm` wants more. */
  readonly pairs: ReadonlyMap<string, ListedFile> | null;
  readonly algorithm?: 'sha256' | 'all';
  /** SHA-256 is needed for claims, whatever the signature's own algorithm is. */
  readonly needsSha256: boolean;
}

export interface ContentFile {
  readonly path: string;
  readonly location: string;
  readonly sizeBytes: number;
  /** What was hashed in this run, and what is signed together with it. */
  readonly digests: Digests;
}

export interface Content {
  readonly tree: Tree;
  /** The signed files that are there, verified unless a finding names them. */
  readonly files: readonly ContentFile[];
  readonly signedCount: number;
  readonly algorithms: readonly HashAlgorithm[];
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** The signed files, being hashed while it is not yet known whether BLAKE3 alone will do; of no use if it will not. */
export interface Ahead {
  readonly tree: Tree;
  /** By path; null if a file could not be hashed. */
  readonly hashed: Promise<ReadonlyMap<string, HashedEntry> | null>;
  stop(): void;
}

/** Begins to hash: the claims that decide by which digest are read meanwhile. @throws WeighmarkError what the walk throws. */
export async function hashAhead(question: TreeQuestion, ports: HashTreePorts): Promise<Ahead> {
  const tree = await signedTree(question, ports);
  const signed = new Set(
    matchNames(question.manifest, tree.entries, tree.kind === 'file').signed.map(({ path }) => path),
  );
  await ports.hasher();
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(ports.signal === undefined ? [] : [ports.signal])]);
  const hashed = hashTree(
    tree.entries.filter(({ path }) => signed.has(path)),
    hashingOf(question, tree, ['blake3']),
    { ...ports, signal },
  );
  return {
    tree,
    hashed: hashed.then(
      (all) => new Map(all.map((each) => [each.entry.path, each])),
      () => null,
    ),
    stop: () => stop.abort(),
  };
}

function hashingOf(
  { jobs }: TreeQuestion,
  { followedLinks }: Tree,
  algorithms: readonly HashAlgorithm[],
): HashTreeOptions {
  return { label: 'verifying', algorithms, followLinks: followedLinks, ...(jobs === undefined ? {} : { jobs }) };
}

/**
 * Holds the tree to a trusted OMS manifest: names first, then digests, then that the tree is still the same.
 * @param ahead of the same files, in this run.
 * @throws WeighmarkError what the walk throws; `not-found` if `only` matches nothing.
 */
export async function verifyContent(
  question: ContentQuestion,
  ports: HashTreePorts,
  ahead: Ahead | null = null,
): Promise<Content> {
  const { manifest } = question;
  const tree = ahead?.tree ?? (await signedTree(question, ports));
  const single = tree.kind === 'file';
  const { signed, missing, unsigned, unspoken } = matchNames(manifest, tree.entries, single);
  const chosen =
    question.only === undefined
      ? (path: string) => path !== ''
      : (path: string) => globMatches(question.only ?? '', path);
  const wanted = signed.filter(({ path }) => chosen(path));
  if (question.only !== undefined && !manifest.resources.some(({ path }) => chosen(path))) {
    throw new WeighmarkError('not-found', `no signed file is named ${question.only}`, { subject: question.only });
  }
  const names = [
    ...missing
      .filter(chosen)
      .map((path) =>
        isIgnored(path, question.ignore) ? ignoredFinding(path, question.by) : missingFinding(path, question.by),
      ),
    ...(question.ignoreUnsignedFiles ? [] : unsigned.filter(chosen).map((path) => unsignedFinding(path, question.by))),
  ];
  const hashed = await hashSigned(wanted, { question, tree, ahead }, ports);
  return {
    ...hashed,
    tree,
    signedCount: new Set(manifest.resources.map(({ path }) => path)).size,
    findings: [...names, ...hashed.findings, ...(await stillTheSame(question, tree, ports))],
    notes: await notesOf(question, { tree, unsigned, unspoken }, ports),
  };
}

/** The walk as the signature says it was made; a file it lists is looked at even where files are usually left out. */
async function signedTree(question: TreeQuestion, ports: HashTreePorts): Promise<Tree> {
  const tree = await ports.files.walk(question.root, walkOptions(question));
  if (tree.kind === 'file') return tree;
  const present = new Set(tree.entries.map(({ path }) => path));
  const hidden = question.manifest.resources
    .map(({ path }) => path)
    .filter((path) => !present.has(path) && isLeftOut(path, question, tree));
  const found = await Promise.all([...new Set(hidden)].map((path) => entryAt(question.root, path, ports)));
  return { ...tree, entries: [...tree.entries, ...found.filter((entry) => entry !== null)] };
}

function isLeftOut(path: string, question: TreeQuestion, tree: Tree): boolean {
  return (
    path !== '.' &&
    (isIgnored(path, [...SIDECARS, ...question.manifest.ignorePaths]) || tree.leftOut.includes(path)) &&
    !isIgnored(path, question.ignore)
  );
}

async function entryAt(root: string, path: string, ports: HashTreePorts): Promise<TreeEntry | null> {
  const location = `${root}/${path}`;
  if ((await ports.files.kindOf(location)) !== 'file') return null;
  const file = await ports.files.open(location);
  await file.close();
  return { path, location, sizeBytes: file.size, stamp: file.stamp };
}

function walkOptions({ allowSymlinks, manifest, ignore, ownNames }: TreeQuestion): WalkOptions {
  return {
    allowSymlinks: allowSymlinks || manifest.allowSymlinks,
    ignore: [...manifest.ignorePaths, ...ignore, ...ownNames],
  };
}

interface Hashing {
  readonly question: ContentQuestion;
  readonly tree: Tree;
  readonly ahead: Ahead | null;
}

async function hashSigned(
  wanted: readonly SignedFile[],
  hashing: Hashing,
  ports: HashTreePorts,
): Promise<Pick<Content, 'files' | 'findings' | 'algorithms'>> {
  const byPath = new Map(hashing.tree.entries.map((entry) => [entry.path, entry]));
  const algorithms = algorithmsFor(hashing.question);
  const { files, findings } = await judgeEach(wanted, { ...hashing, byPath, algorithms }, ports);
  return { files, findings: await withDifferences(onceEach(findings), hashing, ports), algorithms };
}

type Judging = Hashing & {
  readonly byPath: ReadonlyMap<string, TreeEntry>;
  readonly algorithms: readonly HashAlgorithm[];
};

/** Of files one of which cannot be read, each half alone: the unreadable hides no other that changed. */
async function judgeEach(
  wanted: readonly SignedFile[],
  judging: Judging,
  ports: HashTreePorts,
): Promise<Pick<Content, 'files' | 'findings'>> {
  try {
    return await judgeFiles(wanted, judging, ports);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code === 'interrupted') throw error;
    if (wanted.length <= 1) return { files: [], findings: [namedFinding(error, judging.tree)] };
    const middle = Math.ceil(wanted.length / 2);
    const first = await judgeEach(wanted.slice(0, middle), judging, ports);
    const second = await judgeEach(wanted.slice(middle), judging, ports);
    return { files: [...first.files, ...second.files], findings: [...first.findings, ...second.findings] };
  }
}

async function judgeFiles(
  wanted: readonly SignedFile[],
  judging: Judging,
  ports: HashTreePorts,
): Promise<Pick<Content, 'files' | 'findings'>> {
  const { question, tree, byPath, algorithms } = judging;
  const entries = wanted.flatMap(({ path }) => byPath.get(path) ?? []);
  const hashed =
    algorithms.length === 0
      ? entries.map((entry) => ({ entry, digests: {} }))
      : ((await hashedAhead(entries, judging)) ??
        (await hashTree(entries, hashingOf(question, tree, algorithms), ports)));
  const findings =
    question.manifest.shardBytes === null
      ? hashed.flatMap((each, index) => compare(wanted[index], each, question))
      : await compareAllShards(wanted, entries, { hashing: judging, ports });
  const judged = await Promise.all(
    findings.map((finding) =>
      withPointer(
        finding,
        { question, entry: byPath.get(finding.subject ?? ''), followLink: tree.followedLinks },
        ports,
      ),
    ),
  );
  return { files: hashed.map(({ entry, digests }) => contentFile(entry, digests, question)), findings: judged };
}

/** Null unless all of them were hashed ahead by what it takes. */
async function hashedAhead(
  entries: readonly TreeEntry[],
  { ahead, algorithms }: Judging,
): Promise<readonly HashedEntry[] | null> {
  if (ahead === null || algorithms.join() !== 'blake3') return null;
  const done = await ahead.hashed;
  const found = entries.flatMap(({ path }) => done?.get(path) ?? []);
  return found.length === entries.length ? found : null;
}

function onceEach(findings: readonly Finding[]): readonly Finding[] {
  return [
    ...new Map(
      findings.map((finding) => [`${finding.code} ${finding.subject ?? ''} ${finding.message}`, finding]),
    ).values(),
  ];
}

/** The artifact's own name for a file, where an error speaks of a location. */
function namedFinding(error: WeighmarkError, tree: Tree): Finding {
  const entry = tree.entries.find(({ location }) => location === error.subject);
  const code = error.code === 'not-found' ? 'file-changed' : error.code;
  return { code, message: error.message, facts: error.facts, ...(entry === undefined ? {} : { subject: entry.path }) };
}

function algorithmsFor({ manifest, pairs, algorithm, needsSha256 }: ContentQuestion): readonly HashAlgorithm[] {
  if (algorithm === 'all')
    return [
      ...new Set<HashAlgorithm>(['sha256', 'blake3', ...(manifest.shardBytes === null ? [manifest.algorithm] : [])]),
    ];
  if (pairs !== null && algorithm === undefined) return ['blake3'];
  const own = manifest.shardBytes === null ? [manifest.algorithm] : [];
  return [...new Set<HashAlgorithm>([...own, ...(needsSha256 || algorithm === 'sha256' ? ['sha256' as const] : [])])];
}

function compare(
  signed: SignedFile | undefined,
  { entry, digests }: HashedEntry,
  { manifest, pairs }: ContentQuestion,
): readonly Finding[] {
  const { path, sizeBytes } = entry;
  const own = judgeDigest(signed?.resources[0]?.digest, digests[manifest.algorithm]);
  const listed = judgeDigest(pairs?.get(path)?.blake3, digests.blake3);
  if (own !== 'differs' && listed !== 'differs' && (own === 'same' || listed === 'same')) return NONE;
  if (own === 'unknown' && listed === 'unknown')
    return [{ code: 'internal', message: `${path} was not compared with anything`, subject: path }];
  if (own === 'same' || listed === 'same')
    return [
      { code: 'digest-conflict', message: `the signed digests of ${path} do not belong to one file`, subject: path },
    ];
  const algorithm = own === 'differs' ? manifest.algorithm : 'blake3';
  const expected = own === 'differs' ? signed?.resources[0]?.digest : pairs?.get(path)?.blake3;
  return [mismatchFinding(path, { algorithm, signed: expected ?? '', found: digests[algorithm] ?? '', sizeBytes })];
}

async function withPointer(
  finding: Finding,
  { question, entry, followLink }: { question: ContentQuestion; entry: TreeEntry | undefined; followLink: boolean },
  { files }: HashTreePorts,
): Promise<Finding> {
  if (finding.code !== 'digest-mismatch' || entry === undefined || question.manifest.algorithm !== 'sha256')
    return finding;
  const signed = question.manifest.resources.find(({ path }) => path === entry.path || path === '.')?.digest;
  return asPointerFinding(finding, entry, { followLink, signed, files });
}

/** Says which tensors or bytes of the first changed files differ, where an outboard can tell. */
async function withDifferences(
  findings: readonly Finding[],
  { question, tree }: Hashing,
  ports: HashTreePorts,
): Promise<readonly Finding[]> {
  const changed = findings.filter(({ code }) => code === 'digest-mismatch').slice(0, DIFFERENCES_SHOWN);
  if (changed.length === 0) return findings;
  const { describeDifference } = await import('./part.ts');
  const facts = new Map<Finding, string>();
  for (const finding of changed) {
    const entry = tree.entries.find(({ path }) => path === finding.subject);
    const blake3 = question.pairs?.get(finding.subject ?? '')?.blake3;
    if (entry === undefined || blake3 === undefined) continue;
    const differs = await describeDifference(
      { root: question.root, kind: tree.kind, entry, blake3, followLink: tree.followedLinks },
      ports,
    );
    if (differs !== null) facts.set(finding, differs);
  }
  return findings.map((finding) => {
    const differs = facts.get(finding);
    return differs === undefined ? finding : { ...finding, facts: { ...finding.facts, differs } };
  });
}

const DIFFERENCES_SHOWN = 8;
const NONE: readonly Finding[] = [];

function judgeDigest(signed: string | undefined, found: string | undefined): 'same' | 'differs' | 'unknown' {
  if (signed === undefined || found === undefined) return 'unknown';
  return signed === found ? 'same' : 'differs';
}

async function compareAllShards(
  wanted: readonly SignedFile[],
  entries: readonly TreeEntry[],
  { hashing, ports }: { hashing: Hashing; ports: HashTreePorts },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const [index, entry] of entries.entries())
    findings.push(...(await compareShards(wanted[index], { entry, hashing }, ports)));
  return findings;
}

/** Every byte must lie in a shard, and every shard must be as signed. */
async function compareShards(
  signed: SignedFile | undefined,
  { entry, hashing }: { entry: TreeEntry; hashing: Hashing },
  ports: HashTreePorts,
): Promise<readonly Finding[]> {
  const { path, sizeBytes } = entry;
  const { algorithm } = hashing.question.manifest;
  const resources = signed?.resources ?? [];
  const covered = Math.max(0, ...resources.map(({ range }) => range?.end ?? 0));
  if (covered !== sizeBytes) {
    return [
      {
        code: 'digest-mismatch',
        message: `${path} is not the file that was signed`,
        subject: path,
        facts: { signed: `${covered} bytes`, found: `${sizeBytes} bytes` },
      },
    ];
  }
  const ranges = resources.map(({ range }) => range ?? { start: 0, end: sizeBytes });
  const found = await hashRanges(entry, algorithm, { ranges, followLink: hashing.tree.followedLinks }, ports);
  const wrong = resources.findIndex(({ digest }, index) => digest !== found[index]);
  if (wrong < 0) return [];
  const finding = mismatchFinding(path, {
    algorithm,
    signed: resources[wrong]?.digest ?? '',
    found: found[wrong] ?? '',
    sizeBytes,
  });
  return [
    {
      ...finding,
      facts: { ...finding.facts, bytes: `${ranges[wrong]?.start}-${ranges[wrong]?.end}, the first that differ` },
    },
  ];
}

function contentFile(
  { path, location, sizeBytes }: TreeEntry,
  digests: Digests,
  { pairs, manifest }: ContentQuestion,
): ContentFile {
  const listed = pairs?.get(path);
  const signedSha256 =
    manifest.algorithm === 'sha256' && listed !== undefined ? { sha256: listed.sha256, blake3: listed.blake3 } : {};
  return { path, location, sizeBytes, digests: { ...signedSha256, ...digests } };
}

/** Security rule 20: nothing came or went while the files were read; that none changed is the hasher's to see. */
async function stillTheSame(
  question: ContentQuestion,
  before: Tree,
  ports: HashTreePorts,
): Promise<readonly Finding[]> {
  if (before.kind === 'file') return [];
  const after = new Set(await ports.files.list(question.root, walkOptions(question)));
  const gone = before.entries.filter(({ path }) => !after.delete(path) && !isLeftOut(path, question, before));
  return [...gone.map(({ path }) => path), ...after].map((path) => ({
    code: 'file-changed',
    message: `${path} came or went while the artifact was verified`,
    subject: path,
  }));
}

interface Seen {
  readonly tree: Tree;
  readonly unsigned: readonly string[];
  readonly unspoken: readonly string[];
}

async function notesOf(
  question: ContentQuestion,
  { tree, unsigned, unspoken }: Seen,
  ports: HashTreePorts,
): Promise<readonly string[]> {
  const bySignature = await present(
    question.root,
    question.manifest.ignorePaths.filter(
      (path) => !SIDECARS.includes(path) && !question.ownNames.includes(path) && !tree.leftOut.includes(path),
    ),
    ports,
  );
  const byUser = await present(question.root, question.ignore, ports);
  return [
    ...(bySignature.length > 0 ? [`left out by the signature: ${bySignature.join(', ')}`] : []),
    ...(byUser.length > 0 ? [`left out by --ignore: ${byUser.join(', ')}`] : []),
    ...(question.ignoreUnsignedFiles && unsigned.length > 0
      ? [`${unsigned.length} unsigned files accepted: ${unsigned.slice(0, 5).join(', ')}`]
      : []),
    ...(unspoken.length > 0
      ? [
          `${unspoken.length} empty ${unspoken.length === 1 ? 'file' : 'files'}, which a signature by shards does not cover: ${unspoken.slice(0, 5).join(', ')}`,
        ]
      : []),
    ...(tree.leftOut.length > 0
      ? [`${tree.leftOut.length} files of a download tool's bookkeeping left out (.cache/huggingface)`]
      : []),
    ...(tree.followedLinks ? ['symbolic links were followed inside the folder'] : []),
  ];
}

async function present(root: string, paths: readonly string[], ports: HashTreePorts): Promise<readonly string[]> {
  const kinds = await Promise.all(
    paths.slice(0, 100).map(async (path) => ({ path, kind: await ports.files.kindOf(`${root}/${path}`) })),
  );
  return kinds.filter(({ kind }) => kind !== 'none').map(({ path }) => path);
}
