import { isIgnored } from '../../domain/claims/oms.ts';
import { ignoredFinding, matchNames, missingFinding, unsignedFinding } from '../../domain/claims/oms-match.ts';
import { pathOf } from '../../domain/base/by-path.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Tree } from '../../domain/ports/files.ts';
import { SIDECARS } from '../../domain/base/paths.ts';
import { globMatches } from '../../domain/base/glob.ts';
import type { HashTreePorts } from '../content/hash-tree.ts';
import type { ContentQuestion, Content, Ahead } from './question.ts';
import { recordedNotes } from './recorded.ts';
import { signedTree, stillTheSame } from './signed-tree.ts';
import { hashSigned } from './hash-signed.ts';
import { bookkeepingText } from '../../domain/base/bookkeeping.ts';

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
  const { signed, missing, unsigned, unspoken } = ahead?.matching ?? matchNames(manifest, tree.entries, single);
  const chosen = question.only === undefined ? () => true : (path: string) => globMatches(question.only ?? '', path);
  const wanted = question.only === undefined ? signed : signed.filter(({ path }) => chosen(path));
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
    signedCount:
      manifest.shardBytes === null ? manifest.resources.length : new Set(manifest.resources.map(pathOf)).size,
    findings: [...names, ...hashed.findings, ...(await stillTheSame(question, tree, ports))],
    notes: await notesOf(question, { tree, unsigned: [...unsigned, ...(tree.passedOver ?? [])], unspoken }, ports),
  };
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
  const known = new Set([...SIDECARS, ...question.ownNames, ...tree.leftOut]);
  const others = question.manifest.ignorePaths.filter((path) => !known.has(path));
  const bySignature = await present(question.root, others, ports);
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
    ...[bookkeepingText(tree.leftOut)].filter((text) => text !== null).map((text) => `left out: ${text}`),
    ...(tree.followedLinks ? ['symbolic links were followed inside the folder'] : []),
    ...(await recordedNotes(question.manifest, tree, ports)),
  ];
}

export async function present(
  root: string,
  paths: readonly string[],
  ports: HashTreePorts,
): Promise<readonly string[]> {
  const kinds = await Promise.all(
    paths.slice(0, 100).map(async (path) => ({ path, kind: await ports.files.kindOf(`${root}/${path}`) })),
  );
  return kinds.filter(({ kind }) => kind !== 'none').map(({ path }) => path);
}
