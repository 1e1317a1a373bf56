import { WeighmarkError } from '../base/errors.ts';
import { hexOfOciDigest, isHex256 } from '../digest/hex.ts';
import { PREDICATES } from './predicates.ts';
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
  readonly root?: string;
  /** Lower-case hex SHA-256 by path. */
  readonly files?: ReadonlyMap<string, string>;
  /** True for a single file: then its SHA-256 alone names it. */
  readonly single?: boolean;
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

/** The manifest digest a claim is about (`sha256:<hex>`), or null if it names none or several: for lineage and registries. */
export function manifestOf(statement: Statement): string | null {
  const found = new Set(
    statement.subject.filter((each) => kindOf(each) === 'manifest').map((each) => each.digest['sha256']),
  );
  const [only] = found;
  return found.size === 1 && isHex256(only) ? `sha256:${only}` : null;
}

/**
 * Does the claim bind this artifact (security rule 6)? By its manifest digest, or for a single file by its SHA-256; every
 * other subject must belong to the artifact too. A root, or a file that others may share, binds nothing.
 * @throws WeighmarkError `subject-mismatch` if it is about something else, `subject-ambiguous` if about more than this.
 */
export function checkBinding(statement: Statement, artifact: MatchedArtifact): void {
  const relations = statement.subject.map((each) => relate(each, artifact, statement.predicateType));
  if (!relations.includes('binds'))
    throw new WeighmarkError('subject-mismatch', 'the claim is about something else than this artifact');
  if (relations.includes('foreign')) {
    throw new WeighmarkError('subject-ambiguous', 'the claim is about this artifact and something else at once', {
      facts: { artifact: artifact.id },
    });
  }
}

const KINDS: readonly SubjectKind[] = ['manifest', 'root', 'file', 'list', 'bom'];

function relate(of: Subject, artifact: MatchedArtifact, predicateType: string): 'binds' | 'belongs' | 'foreign' {
  const digest = of.digest['sha256'];
  if (!isHex256(digest)) return 'foreign';
  const kind = kindOf(of);
  const isManifest = artifact.id === `sha256:${digest}`;
  const isOnlyFile = artifact.single === true && [...(artifact.files?.values() ?? [])].includes(digest);
  if (kind === 'manifest') return isManifest ? 'binds' : 'foreign';
  if (kind === 'root') return artifact.root === undefined || artifact.root === digest ? 'belongs' : 'foreign';
  if (kind === 'file') return fileRelation(of, artifact, digest);
  if (kind !== null) return predicateType === PREDICATES.bom ? 'belongs' : 'foreign';
  if (isManifest || isOnlyFile) return 'binds';
  return artifact.files !== undefined && [...artifact.files.values()].includes(digest) ? 'belongs' : 'foreign';
}

function fileRelation(of: Subject, artifact: MatchedArtifact, digest: string): 'binds' | 'belongs' | 'foreign' {
  if (artifact.files === undefined) return 'belongs';
  const [only] = artifact.files.values();
  if (artifact.single === true) return only === digest ? 'binds' : 'foreign';
  return artifact.files.get(of.name ?? '') === digest ? 'belongs' : 'foreign';
}
