import { WeighmarkError } from '../base/errors.ts';
import { omsRoot } from '../digest/root.ts';
import { isHex256 } from '../digest/hex.ts';
import { PREDICATES } from './predicates.ts';
import { hexIdsOf, kindOf, type MatchedArtifact } from './subjects.ts';
import type { Statement, Subject, SubjectKind, VerifiedClaim } from './types.ts';

/** What kind of thing a claim is about: a manifest is no file, a file no manifest. `unsaid`: by a tool that knows no kinds. */
export type BoundKind = 'manifest' | 'file' | 'unsaid';

/** What a claim is about (security rule 6). */
export type Binding =
  /** One artifact, by the hex of its manifest digest, or of its content for a single file. */
  | { readonly kind: 'one'; readonly of: BoundKind; readonly digest: string; readonly name: string }
  /** Several things at once, or something that cannot be told: it binds none of them. */
  | { readonly kind: 'ambiguous'; readonly digests: readonly string[] }
  /** A root, a shared file, a BLAKE3 digest: nothing that binds. */
  | { readonly kind: 'none' };

/**
 * The one artifact that a claim is about, from its subjects; every other subject must belong to that artifact, and each id of an
 * artifact at hand is the one that it goes by here. Roots, lists and
 * files of an artifact nobody has at hand are believed of a claim that may list them; `known` are those at hand.
 * Never throws: a subject that cannot be read is something else.
 */
export function bindingOf({ statement }: Pick<VerifiedClaim, 'statement'>, known?: Known): Binding {
  const subjects = statement.subject.map((each) => readSubject(each, known));
  const named = namedIn(subjects);
  const meant = named === undefined ? null : meantBy(named, statement, known);
  if (named === undefined || meant === null) return nothingOr(subjects);
  const names = new Set(named.filter(({ digest }) => digest === meant.digest).map(({ subject }) => nameOf(subject)));
  names.delete('');
  return subjects.every((each) => belongs(each, meant)) && names.size < 2
    ? { kind: 'one', of: meant.of, digest: meant.digest, name: [...names][0] ?? '' }
    : { kind: 'ambiguous', digests: digestsIn(subjects) };
}

/**
 * Does the claim bind this artifact? By its manifest digest, or for a single file by its SHA-256. A root, or a file that others
 * may share, binds nothing.
 * @param lone it is a file by itself, not a folder of one: its claims go by its name, which may be another now.
 * @throws WeighmarkError `subject-mismatch` if it is about something else, `subject-ambiguous` if about more than this,
 * `claim-malformed` for a subject of a kind nobody knows.
 */
export function checkBinding(statement: Statement, artifact: MatchedArtifact, lone = false): void {
  for (const each of statement.subject) kindOf(each);
  const [hex = '', ...others] = hexIdsOf(artifact);
  const binding = bindingOf({ statement }, knownBy([artifact]));
  const file = onlyFile(artifact);
  if (binding.kind === 'one' && isThis(binding, hex, file)) return;
  const named =
    binding.kind === 'ambiguous'
      ? [hex, ...others].some((id) => binding.digests.includes(id)) || (file !== null && binding.digests.includes(file))
      : binding.kind === 'one' && lone && listsFile(statement, file);
  if (named)
    throw new WeighmarkError('subject-ambiguous', 'the claim is about this artifact and something else at once', {
      facts: { artifact: artifact.id },
    });
  throw new WeighmarkError('subject-mismatch', 'the claim is about something else than this artifact');
}

/** About another artifact, of which this file is said to be one: it was renamed, perhaps. */
function listsFile({ subject }: Statement, file: string | null): boolean {
  return file !== null && subject.some((each) => kindOf(each) === 'file' && each.digest['sha256'] === file);
}

function isThis({ of, digest }: { of: BoundKind; digest: string }, id: string, file: string | null): boolean {
  return (of !== 'file' && digest === id) || (of !== 'manifest' && digest === file);
}

/** Of several without a kind it is the one at hand, where there is one: the others may be its files. */
function meantBy(named: readonly Read[], statement: Statement, known: Known | undefined): Meant | null {
  const of = named[0]?.kind === null ? 'unsaid' : named[0]?.kind === 'file' ? 'file' : 'manifest';
  const candidates = named.flatMap(({ digest }) =>
    digest === null ? [] : [{ of, digest, artifact: artifactOf(of, digest, known), statement } as const],
  );
  return candidates.find(({ artifact }) => artifact !== null) ?? candidates[0] ?? null;
}

/** Artifacts whose content is at hand, by the hex of each of their ids. */
export type Known = ReadonlyMap<string, MatchedArtifact>;

/** Of two that share an id, the first. */
export function knownBy(artifacts: readonly MatchedArtifact[]): Known {
  return new Map(
    artifacts.toReversed().flatMap((artifact) => hexIdsOf(artifact).map((hex) => [hex, artifact] as const)),
  );
}

/** In this order a claim's subjects say what it is about: a manifest if it names one, else what has no kind, else a file. */
const CANDIDATES: readonly (SubjectKind | null)[] = ['manifest', null, 'file'];

interface Read {
  readonly subject: Subject;
  /** `unknown`: a kind that nobody knows. */
  readonly kind: SubjectKind | null | 'unknown';
  readonly digest: string | null;
}

function namedIn(subjects: readonly Read[]): readonly Read[] | undefined {
  for (const kind of CANDIDATES) {
    const some = subjects.filter((each) => each.kind === kind);
    if (some.length > 0) return some;
  }
  return undefined;
}

/** Any id of an artifact at hand is read as the one that it goes by here. */
function readSubject(subject: Subject, known: Known | undefined): Read {
  const digest = subject.digest['sha256'];
  const kind = readKind(subject);
  if (!isHex256(digest)) return { subject, kind, digest: null };
  const artifact = kind === 'manifest' || kind === null ? known?.get(digest) : undefined;
  return { subject, kind, digest: artifact?.id.slice('sha256:'.length) ?? digest };
}

function readKind(subject: Subject): Read['kind'] {
  try {
    return kindOf(subject);
  } catch {
    return 'unknown';
  }
}

/** Subjects none of which can bind: ambiguous only where one of them cannot be read, since it might have. */
function nothingOr(subjects: readonly Read[]): Binding {
  const digests = digestsIn(subjects);
  const isUnread = subjects.some(({ kind }) => kind === 'unknown');
  return isUnread && digests.length > 0 ? { kind: 'ambiguous', digests } : { kind: 'none' };
}

function digestsIn(subjects: readonly Read[]): readonly string[] {
  return [...new Set(subjects.flatMap(({ digest }) => digest ?? []))];
}

/** The artifact at hand that is meant; of a single file also by its content. */
function artifactOf(of: BoundKind, digest: string, known: Known | undefined): MatchedArtifact | null {
  const byId = of === 'file' ? undefined : known?.get(digest);
  if (byId !== undefined || of === 'manifest') return byId ?? null;
  return [...(known?.values() ?? [])].find((artifact) => onlyFile(artifact) === digest) ?? null;
}

/** The digest of a single file; null of anything else. */
export function onlyFile(artifact: MatchedArtifact): string | null {
  const [only] = artifact.single === true ? (artifact.files?.values() ?? []) : [];
  return only ?? null;
}

interface Meant {
  readonly of: BoundKind;
  readonly digest: string;
  readonly artifact: MatchedArtifact | null;
  readonly statement: Statement;
}

function belongs({ subject, kind, digest }: Read, { of, digest: own, artifact, statement }: Meant): boolean {
  if (digest === null || kind === 'unknown') return false;
  if (kind === 'manifest') return digest === own && of === 'manifest';
  if (kind === null) return digest === own || [...(artifact?.files?.values() ?? [])].includes(digest);
  if (kind === 'root') return isRoot(digest, { of, digest: own, artifact, statement });
  const lists = LISTING.includes(statement.predicateType);
  if (kind !== 'file') return lists;
  if (of === 'file') return digest === own;
  if (artifact?.files === undefined) return lists;
  return onlyFile(artifact) === digest || artifact.files.get(subject.name ?? '') === digest;
}

/** These alone list an artifact's files, its digest list and its BOM; a revocation says by what digests it is known. */
const LISTING: readonly string[] = [PREDICATES.bom, PREDICATES.revocation];

/** One root; the artifact's, where that is at hand or follows from its only file. */
function isRoot(digest: string, { of, digest: own, artifact, statement }: Meant): boolean {
  if (artifact?.root !== undefined) return artifact.root === digest;
  if (of === 'file') return omsRoot([own]) === digest;
  return statement.subject.every((each) => readKind(each) !== 'root' || each.digest['sha256'] === digest);
}

/** The artifact's name without its version: `acme/enc` of `acme/enc:1.4`. */
function nameOf(subject: Subject): string {
  return (subject.name ?? '').replace(/:[^:/]*$/, '');
}
