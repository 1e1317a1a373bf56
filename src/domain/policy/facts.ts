import { saysNo } from '../authority/polarity.ts';
import { statedAhead } from '../authority/time.ts';
import { PREDICATES } from '../claims/predicates.ts';
import type { Known } from '../claims/binding.ts';
import type { MatchedArtifact } from '../claims/subjects.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { WeightsLists } from '../claims/weights-lists.ts';
import type { BoundClaim, ClaimIndex } from '../lineage/index-claims.ts';
import type { Unread } from '../authority/speaker.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import type { Finding } from '../base/verdict.ts';
import type { Authority } from '../authority/authority.ts';
import type { PersonOf } from '../authority/one-person.ts';
import type { LoggedRevocation, Revocations, Revoked } from '../authority/revocations.ts';
import type { Environment, Policy } from '../authority/types.ts';

/** All a decision is made of: verified claims, what the log says, what the bytes are. Nothing is looked up later. */
export interface GateFacts {
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  /** The name it was asked for by, without tag or digest. */
  readonly name: string;
  /** Hex digests that mean the same artifact: a single file's content. */
  readonly aliases: readonly string[];
  /** Hex ids of packages this one differs from in documentation only: their evaluations and scans still hold. */
  readonly carriedFrom: readonly string[];
  /** What is known of the artifact's files, and of those of artifacts that were revoked. */
  readonly known?: readonly MatchedArtifact[];
  readonly claims: readonly VerifiedClaim[];
  readonly revocations: readonly LoggedRevocation[];
  /** The weights lists that claims bind, as far as they are here; read where weights were revoked. */
  readonly weights?: WeightsLists;
  readonly log: LogFacts;
  /** Meaning, by the digest of their bytes, of earlier policies that promotions name and the registry keeps. */
  readonly policies?: ReadonlyMap<string, string>;
  readonly content: ContentFacts;
  readonly now: Date;
  /** Milliseconds: the newest time that was vouched for in earlier runs under the same anchor. */
  readonly vouchedBefore?: number;
}

export interface LogFacts {
  /** Name of the log's verifier key. */
  readonly origin: string;
  /** All promotion entries of the name, in any environment, oldest first. */
  readonly promotions: readonly LogEntry[];
  /** All entries' root after so many, hex; null beyond the end. */
  readonly rootAt: (size: number) => string | null;
  /** Highest version of a revocation snapshot this user has seen for the log. */
  readonly highestSnapshot: number | null;
  /** Hex digests of logged bundles that were read and are by nobody the policy names. */
  readonly strangers: ReadonlySet<string>;
  /** Forks, staleness: whatever the log gave as a reason to refuse. */
  readonly findings: readonly Finding[];
  /** Entries that count here and whose bundle is not: each might say no. */
  readonly absent?: readonly LogEntry[];
  /** By somebody who is or may be of the policy, but not understood or not proven here. */
  readonly unread?: readonly UnreadEntry[];
  /** Entries about this very artifact. */
  readonly claims?: readonly LogEntry[];
  /** What somebody said no to under an earlier policy, and this one does not hear any more. */
  readonly orphans?: readonly Finding[];
}

export interface UnreadEntry extends Unread {
  readonly entry: UnreadPlace;
}

/** Without an index it lies with the artifact or its ancestors, and is not logged (yet). */
export type UnreadPlace = Pick<LogEntry, 'leaf'> & { readonly index: number | null };

export interface ContentFacts {
  /** Hex SHA-256 by path, as read now; absent where the content is not at hand. */
  readonly digests?: ReadonlyMap<string, string>;
  /** Format by path, as the bytes show it. */
  readonly formats: ReadonlyMap<string, string>;
  /** Base models that files of the artifact name: `adapter_config.json`, the card. */
  readonly declaredBases: readonly { readonly name: string; readonly where: string }[];
  /** What loaders fetch at run time because files of the artifact say so; absent where they were not read. */
  readonly fetched?: readonly { readonly name: string; readonly where: string }[];
}

/** The facts with everything derived from them once. */
export interface Case {
  readonly facts: GateFacts;
  readonly policy: Policy;
  readonly environment: Environment;
  readonly authority: Authority;
  readonly index: ClaimIndex;
  readonly revocations: Revocations;
  /** Who signed with whose key. */
  readonly personOf: PersonOf;
  /** Hex of the id. */
  readonly digest: string;
  /** Artifacts at hand, by each of their ids. */
  readonly known: Known;
  /** Claims that bind the artifact itself. */
  readonly about: readonly BoundClaim[];
  /** Those and the ones that carry over from packages with the same content. */
  readonly aboutContent: readonly BoundClaim[];
}

/** A claim by somebody who may make it. */
export interface Accepted {
  readonly claim: VerifiedClaim;
  readonly principal: string;
  /** Only a pattern names the signer. */
  readonly pattern: boolean;
  readonly roles: readonly string[];
}

/** Whether an id, `sha256:<hex>`, is one of the artifact's. */
export function isOwnId({ digest, known, facts }: Pick<Case, 'digest' | 'known' | 'facts'>, id: string): boolean {
  return id === facts.id || (known.get(digest)?.ids ?? []).includes(id);
}

/** A time stated far ahead spoils a claim that says yes; a no counts whatever its clock said. */
function spoiledByClock(claim: VerifiedClaim, of: Case): boolean {
  const { statement } = claim;
  return !saysNo(statement) && SPOILED.has(statement.predicateType) && statedAhead(claim, of.facts.now) !== null;
}

const SPOILED: ReadonlySet<string> = new Set([
  PREDICATES.approval,
  PREDICATES.bom,
  PREDICATES.evaluation,
  PREDICATES.provenance,
  PREDICATES.reference,
]);

/** The claims of a predicate type that count here: right signer, not revoked. */
export function acceptedOf(
  of: Case,
  bound: readonly BoundClaim[],
  predicateType: string,
  role?: string,
): readonly Accepted[] {
  return bound.flatMap(({ claim }): readonly Accepted[] => {
    if (claim.statement.predicateType !== predicateType || of.revocations.ofClaim(claim) !== null) return [];
    const identity = of.authority.who(claim.signer);
    const roles = of.authority.rolesOf(claim, of.facts.name).map(({ name }) => name);
    if (spoiledByClock(claim, of)) return [];
    if (typeof identity === 'string' || roles.length === 0 || (role !== undefined && !roles.includes(role))) return [];
    return [{ claim, principal: identity.principal.name, pattern: identity.pattern, roles }];
  });
}

/** A claim that may say no of the artifact, by somebody who may, or once might. */
export interface Denial {
  readonly claim: VerifiedClaim;
  readonly by: string;
  readonly roles: readonly string[];
  /** Whoever signed it was lost, with nothing to show that it was before. */
  readonly lost: Revoked | null;
}

/**
 * The claims of a predicate type by those of whom a no is heard: dated or not, about this alone or about others as well. What
 * was taken back by name is not among them.
 */
export function denialsOf(of: Case, predicateType: string): readonly Denial[] {
  const shared = [of.digest, ...of.facts.aliases, ...of.facts.carriedFrom].flatMap((each) =>
    of.index.ambiguousAbout(each),
  );
  const claims = new Set([...of.aboutContent.map(({ claim }) => claim), ...shared]);
  return [...claims].flatMap((claim): readonly Denial[] => {
    return claim.statement.predicateType === predicateType ? denialIn(of, claim) : [];
  });
}

/** A claim as a no, by somebody who is heard about one of these names; none of anybody else, nor what was taken back by name. */
export function denialIn(
  of: Case,
  claim: VerifiedClaim,
  names: readonly string[] = [of.facts.name],
): readonly Denial[] {
  const lost = of.revocations.ofClaim(claim);
  const roles = names.flatMap((name) => of.authority.denialRolesOf(claim, name));
  if (roles.length === 0 || lost?.kind === 'claim') return [];
  return [{ claim, by: of.authority.nameOf(claim) ?? '', roles, lost }];
}
