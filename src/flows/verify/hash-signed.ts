import { matchNames, type SignedFile } from '../../domain/claims/oms-match.ts';
import { ByPath, pathOf, type Lookup } from '../../domain/base/by-path.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { hashTree, type HashedEntry, type HashTreeOptions, type HashTreePorts } from '../content/hash-tree.ts';
import type { TreeQuestion, ContentQuestion, ContentFile, Content, Ahead, Hashing } from './question.ts';
import { signedTree } from './signed-tree.ts';
import { onceEach, compare, compareAllShards } from './compare.ts';
import { withPointer, withDifferences } from './explain.ts';

/** Begins to hash: the claims that decide by which digest are read meanwhile. @throws WeighmarkError what the walk throws. */
export async function hashAhead(question: TreeQuestion, ports: HashTreePorts): Promise<Ahead> {
  const tree = await signedTree(question, ports);
  const matching = matchNames(question.manifest, tree.entries, tree.kind === 'file');
  const signed = new ByPath(matching.signed, pathOf);
  await ports.hasher();
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(ports.signal === undefined ? [] : [ports.signal])]);
  const hashed = hashTree(
    signed.size === tree.entries.length ? tree.entries : tree.entries.filter(({ path }) => signed.has(path)),
    hashingOf(question, tree, ['blake3']),
    { ...ports, signal },
  );
  return {
    tree,
    matching,
    hashed: hashed.then(
      (all) => new ByPath(all, ({ entry }) => entry.path),
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

export async function hashSigned(
  wanted: readonly SignedFile[],
  hashing: Hashing,
  ports: HashTreePorts,
): Promise<Pick<Content, 'files' | 'findings' | 'algorithms'>> {
  const byPath = new ByPath(hashing.tree.entries, pathOf);
  const algorithms = algorithmsFor(hashing.question);
  const { files, findings } = await judgeEach(wanted, { ...hashing, byPath, algorithms }, ports);
  return { files, findings: await withDifferences(onceEach(findings), hashing, ports), algorithms };
}

type Judging = Hashing & { readonly byPath: Lookup<TreeEntry>; readonly algorithms: readonly HashAlgorithm[] };

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

function contentFile(
  entry: TreeEntry,
  digests: Digests,
  { pairs, manifest }: Pick<ContentQuestion, 'pairs' | 'manifest'>,
): ContentFile {
  const listed = manifest.algorithm === 'sha256' ? pairs?.get(entry.path) : undefined;
  const { sha256 = listed?.sha256, blake3 } = digests;
  if (listed !== undefined && sha256 === listed.sha256 && blake3 === listed.blake3)
    return new ListedContent(entry, listed);
  const signed = listed === undefined ? {} : { sha256: listed.sha256, blake3: listed.blake3 };
  return { path: entry.path, location: entry.location, sizeBytes: entry.sizeBytes, digests: { ...signed, ...digests } };
}

/** A file that is what the list says: of a million the texts of digests are made when they are asked for. */
class ListedContent implements ContentFile, ManifestFile {
  readonly #entry: TreeEntry;
  readonly #listed: ListedFile;

  constructor(entry: TreeEntry, listed: ListedFile) {
    this.#entry = entry;
    this.#listed = listed;
  }

  get path(): string {
    return this.#entry.path;
  }

  get location(): string {
    return this.#entry.location;
  }

  get sizeBytes(): number {
    return this.#entry.sizeBytes;
  }

  get sha256(): string {
    return this.#listed.sha256;
  }

  get digests(): Digests {
    return { sha256: this.#listed.sha256, blake3: this.#listed.blake3 };
  }
}
