import type { Known } from '../claims/binding.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { manifestOf } from '../claims/subjects.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { isHeard, type Authority } from '../authority/authority.ts';
import { readRevocation, targetText, type Revocation } from '../authority/revocation.ts';
import type { Revocations } from '../authority/revocations.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import type { RegistryEntry } from '../ports/registry.ts';
import { ownedVersion, type OwnedVersion } from './owned.ts';
import { reportFacts, type ReportedPromotion, type ReportedScanResult } from './facts.ts';

/** One version in a registry: what is said of it by those who may, and what is not. */
export interface OverviewVersion extends OwnedVersion {
  readonly name: string;
  readonly id: string;
  readonly tags: readonly string[];
  /** Counting claims about it. */
  readonly claims: number;
  /** Kinds of claim that nobody made who may: `provenance`, `bom`, `scan`, `evaluation`. */
  readonly missing: readonly string[];
  /** Log indexes of claims that the registry no longer holds. */
  readonly absent: readonly number[];
  /** Signed scan results of medium severity and above. */
  readonly findings: readonly ReportedScanResult[];
  /** Why it is revoked; null: it is not. */
  readonly revoked: string | null;
}

export interface OverviewRevocation {
  readonly action: Revocation['action'];
  readonly target: string;
  readonly since: string | null;
  readonly reason: string;
  readonly by: string;
  readonly logIndex: number | null;
}

/** Everything verified that a registry holds. */
export interface OverviewFacts {
  readonly listed: readonly RegistryEntry[];
  readonly entries: readonly LogEntry[];
  readonly claims: readonly VerifiedClaim[];
  /** Hex digests of all bundles held, verified or not. */
  readonly held: ReadonlySet<string>;
  readonly revocations: Revocations;
  readonly authority: Authority;
  /** What is listed, by each of its ids. */
  readonly known?: Known;
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  provenance: [PREDICATES.provenance],
  bom: [PREDICATES.bom],
  scan: [PREDICATES.vulns, PREDICATES.scai],
  evaluation: [PREDICATES.evaluation],
};

/** In order of name, then id. */
export function overviewVersions(facts: OverviewFacts): readonly OverviewVersion[] {
  const own = Map.groupBy(facts.claims, ({ statement }) => manifestOf(statement) ?? '');
  const logged = Map.groupBy(
    facts.entries.filter(({ leaf }) => leaf.kind === 'claim'),
    ({ leaf }) => leaf.manifest,
  );
  const sorted = facts.listed.toSorted((a, b) => (`${a.name} ${a.id}` < `${b.name} ${b.id}` ? -1 : 1));
  return sorted.map((entry) =>
    version(entry, {
      facts,
      own: idsIn(facts, entry.id).flatMap((id) => own.get(id) ?? []),
      logged: idsIn(facts, entry.id).flatMap((id) => logged.get(id) ?? []),
    }),
  );
}

function idsIn({ known }: OverviewFacts, id: string): readonly string[] {
  return [...new Set([id, ...(known?.get(hexOf(id))?.ids ?? [])])];
}

function version(
  { name, id, tags }: RegistryEntry,
  { facts, own, logged }: { facts: OverviewFacts; own: readonly VerifiedClaim[]; logged: readonly LogEntry[] },
): OverviewVersion {
  const { authority, revocations } = facts;
  const counting = own.filter(
    (claim) => authority.rolesOf(claim, name).length > 0 && revocations.ofClaim(claim) === null,
  );
  const made = new Set(counting.map(({ statement }) => statement.predicateType));
  // What somebody known found counts as found, whether or not a scan is theirs to sign.
  const counts = new Set(counting);
  const said = reportFacts(id, own, {
    entries: logged,
    ids: idsIn(facts, id),
    authority,
    standing: (claim) => ({ revoked: revocations.ofClaim(claim)?.reason ?? null, counts: counts.has(claim) }),
  });
  return {
    ...ownedVersion(said),
    name,
    id,
    tags,
    claims: counting.length,
    missing: Object.keys(KINDS).filter((kind) => !KINDS[kind]?.some((type) => made.has(type))),
    absent: logged.filter(({ leaf }) => !facts.held.has(hexOf(leaf.bundle))).map(({ index }) => index),
    findings: said.scans.flatMap(({ results }) => results).filter(isGrave),
    revoked: revocations.ofArtifact(hexOf(id))?.reason ?? null,
  };
}

/** Anything but the two severities below medium: an unknown word is not passed over. */
function isGrave({ severity }: ReportedScanResult): boolean {
  return !['low', 'info', 'none'].includes(severity.toLowerCase());
}

/** The newest promotion of each name to each environment by somebody who may promote it; what a policy says of it is `audit`'s. */
export function newestPromotions({
  claims,
  entries,
  authority,
}: OverviewFacts): readonly (ReportedPromotion & { readonly name: string })[] {
  const names = new Map(entries.map(({ index, leaf }) => [index, leaf.name]));
  const byBundle = new Map(entries.map(({ leaf }) => [hexOf(leaf.bundle), leaf.name]));
  const counting = claims.filter((claim) => isHeard(claim, byBundle.get(claim.bundle) ?? '', authority));
  const { promotions } = reportFacts('', counting, { entries, authority });
  const newest = new Map(
    promotions.map((each) => {
      const name = names.get(each.logIndex ?? -1) ?? '';
      return [`${name} ${each.environment}`, { ...each, name }];
    }),
  );
  return [...newest.values()].toSorted((a, b) =>
    `${a.name} ${a.environment}` < `${b.name} ${b.environment}` ? -1 : 1,
  );
}

/** Revocations that count, in the order of the log. */
export function overviewRevocations({ revocations, entries, authority }: OverviewFacts): readonly OverviewRevocation[] {
  const indexes = new Map(entries.toReversed().map(({ index, leaf }) => [hexOf(leaf.bundle), index]));
  return revocations.claims.map((claim) => {
    const { action, target, reason } = readRevocation(claim);
    return {
      action,
      reason,
      target: targetText(target).replace('sha256:', ''),
      since: 'since' in target ? target.since : null,
      by: authority.nameOf(claim) ?? 'its signer',
      logIndex: indexes.get(claim.bundle) ?? null,
    };
  });
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
