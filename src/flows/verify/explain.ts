import type { TreeEntry } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { asPointerFinding } from '../content/lfs.ts';
import type { HashTreePorts } from '../content/hash-tree.ts';
import type { ContentQuestion, Hashing } from './question.ts';

export async function withPointer(
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
export async function withDifferences(
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
