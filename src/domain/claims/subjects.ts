import { WeighmarkError } from '../base/errors.ts';
import { hexOfOciDigest, isHex256 } from '../digest/hex.ts';
import type { Statement, Subject, SubjectKind } from './types.ts';

/** What a claim is about. Digests of content this run has seen, or of a registry's manifest. */
export interface ClaimedArtifact {
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  /** OMS root digest, lower-case hex. */
  readonly root: string;
  readonly name: string;
}

/** An artifact to compare claims with; what is absent was not computed, and then matches nothing. */
export interface MatchedArtifact {
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  /** All of its ids, that one among them: a claim that names any is about it. */
  readonly ids?: readonly string[];
  readonly root?: string;
  /** Lower-case hex SHA-256 by path. */
  readonly files?: ReadonlyMap<string, string>;
  /** True for a single file: then its SHA-256 alone names it. */
  readonly single?: boolean;
}

/** In hex, the id first that it goes by here. */
export function hexIdsOf({ id, ids = [] }: Pick<MatchedArtifact, 'id' | 'ids'>): readonly string[] {
  return [...new Set([id, ...ids])].map(hexOfOciDigest);
}

/** The subjects every claim carries (DESIGN 4.3): the id, which binds names and content, and the root as its alias. */
export function subjectsOf(artifact: ClaimedArtifact): readonly Subject[] {
  return [
    subject('manifest', artifact.name, hexOfOciDigest(artifact.id)),
    subject('root', artifact.name, artifact.root),
  ];
}

export function subject(kind: SubjectKind, name: string, sha256: string): Subject {
  return { name, digest: { sha256 }, annotations: { kind } };
}

/** `kind` as the subject says it; null for claims by tools that do not know kinds. @throws `claim-malformed` for an unknown one. */
export function kindOf(of: Subject): SubjectKind | null {
  const kind = of.annotations?.['kind'];
  if (kind === undefined) return null;
  if (KINDS.includes(kind as SubjectKind)) return kind as SubjectKind;
  throw new WeighmarkError('claim-malformed', `a subject has the unknown kind ${JSON.stringify(kind).slice(0, 60)}`);
}

/** SHA-256 of the bytes of the lists that a statement binds under a name. @throws `claim-malformed` for an unknown kind. */
export function listsNamed(name: string, { subject: subjects }: Pick<Statement, 'subject'>): readonly string[] {
  return subjects.flatMap((each) =>
    kindOf(each) === 'list' && each.name === name ? (each.digest['sha256'] ?? []) : [],
  );
}

/** The manifest digest a claim is about (`sha256:<hex>`), or null if it names none or several: for lineage and registries. */
export function manifestOf(statement: Statement): string | null {
  const found = new Set(
    statement.subject.filter((each) => kindOf(each) === 'manifest').map((each) => each.digest['sha256']),
  );
  const [only] = found;
  return found.size === 1 && isHex256(only) ? `sha256:${only}` : null;
}

const KINDS: readonly SubjectKind[] = ['manifest', 'root', 'file', 'list', 'bom'];
