import { RECORDS_FILE, WEIGHTS_FILE } from '../base/paths.ts';
import { bindingOf, onlyFile, type Known } from './binding.ts';
import { omsRoot } from '../digest/root.ts';
import { hexIdsOf, kindOf, type MatchedArtifact } from './subjects.ts';
import type { Statement } from './types.ts';

/** All digests by which one artifact goes. */
export interface Names {
  /** The digest itself first. */
  readonly sameAs: (digest: string) => readonly string[];
}

/** What is meant by each digest of a group is one artifact; groups that share a digest are one group. */
export function namesFrom(groups: readonly (readonly string[])[]): Names {
  const members = new Map<string, Set<string>>();
  for (const group of groups) {
    const merged = new Set(group.flatMap((digest) => [...(members.get(digest) ?? [digest])]));
    for (const digest of merged) members.set(digest, merged);
  }
  return { sameAs: (digest) => [...new Set([digest, ...(members.get(digest) ?? [])])] };
}

/** The lists whose bytes say what an artifact's records and weights are, whatever holds them. */
const IDENTITIES: readonly string[] = [RECORDS_FILE, WEIGHTS_FILE];

/**
 * The digests that a statement gives its one artifact: the id, the root, the lists of its records and weights, and its content if
 * it is a single file, which the root shows. Never a file of several: a licence text names nobody.
 */
export function namesIn(statement: Statement, known?: Known): readonly string[] {
  const binding = bindingOf({ statement }, known);
  if (binding.kind !== 'one') return [];
  const digestsOf = (kind: string, isNamed = (_name: string) => true): readonly string[] =>
    statement.subject.flatMap((each) =>
      kindOf(each) === kind && isNamed(each.name ?? '') ? (each.digest['sha256'] ?? []) : [],
    );
  const roots = digestsOf('root');
  return [
    binding.digest,
    ...roots,
    ...digestsOf('list', (name) => IDENTITIES.includes(name)),
    ...digestsOf('file').filter((digest) => roots.includes(omsRoot([digest]))),
  ];
}

/** The same of an artifact at hand. */
export function namesOfArtifact(artifact: MatchedArtifact): readonly string[] {
  return [...hexIdsOf(artifact), artifact.root, onlyFile(artifact)].filter(
    (digest) => digest !== null && digest !== undefined,
  );
}

/** The model or dataset that a statement names first, without a version. */
export function nameIn({ subject }: Statement): string {
  return withoutVersion(subject[0]?.name);
}

export function withoutVersion(name = ''): string {
  return name.replace(/:[^:/]*$/, '');
}
