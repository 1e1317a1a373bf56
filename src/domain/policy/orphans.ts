import { createAuthority, type Authority } from '../authority/authority.ts';
import { saysNo } from '../authority/polarity.ts';
import { isRevocation, readRevocation, targetText, type RevocationTarget } from '../authority/revocation.ts';
import { collectRevocations, type Revocations } from '../authority/revocations.ts';
import { PROMOTER_ROLE, REVOKER_ROLE, type Policy } from '../authority/types.ts';
import type { Finding } from '../base/verdict.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { nameIn } from '../claims/names.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import { mostToReinstate } from './evaluate.ts';

/** A policy and the claims that are by anyone it names, now or formerly. */
export interface Hearing {
  readonly policy: Policy;
  readonly claims: readonly VerifiedClaim[];
}

/** A no that counted under an earlier policy, or was open there, and that a later one does not hear. */
export interface Orphan {
  readonly claim: VerifiedClaim;
  readonly by: string;
  /** The entry by which it is logged; null: it came another way. */
  readonly entry: LogEntry | null;
  /** For people. */
  readonly what: string;
  /** Of a revocation: what it is about. */
  readonly target: RevocationTarget | null;
}

/** Each no that would cease to count, unless somebody current said the same, or took it back, since. */
export function orphansBetween(before: Hearing, now: Hearing, entries: readonly LogEntry[]): readonly Orphan[] {
  const past = judgeOf(before, entries);
  const today = judgeOf(now, entries);
  const claims = new Map(before.claims.map((claim) => [claim.bundle, claim]));
  return [...claims.values()].flatMap((claim) => {
    if (!saysNo(claim.statement) || past.revocations.takenBack(claim)) return [];
    if (!past.hears(claim) || today.hears(claim) || today.revocations.takenBack(claim)) return [];
    return orphanOf(claim, { past, today, entries }) ?? [];
  });
}

export function orphanFinding({ claim, by, what }: Orphan, before: Policy): Finding {
  return {
    code: 'revocation-orphaned',
    message: `${what} by ${by}, whom the policy hears no more`,
    facts: { claim: `sha256:${claim.bundle}`, policy: `${before.name} version ${before.version}, ${before.digest}` },
    hint: 'name them under `formerly:`, say it anew with `weighmark revoke --again`, or take it back with `--undo` or `--claim`',
  };
}

interface Judge {
  readonly authority: Authority;
  readonly revocations: Revocations;
  readonly hears: (claim: VerifiedClaim) => boolean;
  readonly promotes: (bundle: string) => boolean;
}

function judgeOf({ policy, claims }: Hearing, entries: readonly LogEntry[]): Judge {
  const authority = createAuthority(policy);
  const indexes = new Map(entries.toReversed().map(({ index, leaf }) => [hexOf(leaf.bundle), index]));
  const logged = claims.filter(isRevocation).map((claim) => ({ claim, index: indexes.get(claim.bundle) ?? null }));
  const byBundle = new Map(claims.map((claim) => [claim.bundle, claim]));
  const mine = (bundle: string): VerifiedClaim | undefined => byBundle.get(bundle);
  return {
    authority,
    revocations: collectRevocations(logged, authority, { reinstate: mostToReinstate(policy) }),
    hears: ({ bundle }) => {
      const claim = mine(bundle);
      if (claim === undefined) return false;
      const roles = authority.denialRolesOf(claim, nameIn(claim.statement));
      return isRevocation(claim) ? roles.includes(REVOKER_ROLE) : roles.length > 0;
    },
    promotes: (bundle) => {
      const claim = mine(bundle);
      return (
        claim !== undefined &&
        authority.rolesOf(claim, nameIn(claim.statement)).some(({ name }) => name === PROMOTER_ROLE)
      );
    },
  };
}

interface Compared {
  readonly past: Judge;
  readonly today: Judge;
  readonly entries: readonly LogEntry[];
}

function orphanOf(claim: VerifiedClaim, { past, today, entries }: Compared): Orphan | null {
  const entry = entries.find(({ leaf }) => hexOf(leaf.bundle) === claim.bundle) ?? null;
  const found = { claim, by: past.authority.nameOf(claim) ?? '', entry };
  const name = nameIn(claim.statement);
  switch (claim.statement.predicateType) {
    case PREDICATES.revocation: {
      const target = targetIn(claim);
      if (target === null) return { ...found, target, what: 'a revocation that cannot be read' };
      const open = past.revocations.doubts.some(({ bundle }) => bundle === claim.bundle);
      const holds = (open || past.revocations.inForce.includes(claim.bundle)) && !today.revocations.settled(target);
      return holds ? { ...found, target, what: `${targetText(target)} was revoked` } : null;
    }
    case PREDICATES.promotion: {
      const newer = entries.some(
        ({ index, leaf }) =>
          entry !== null && index > entry.index && isSamePlace(leaf, entry) && today.promotes(hexOf(leaf.bundle)),
      );
      if (entry === null || newer) return null;
      return { ...found, target: null, what: `${entry.leaf.name} was withdrawn from ${entry.leaf.env ?? ''}` };
    }
    default: {
      const isRevoked = claim.statement.subject.some(
        ({ digest }) => today.revocations.ofArtifact(digest['sha256'] ?? '') !== null,
      );
      return isRevoked
        ? null
        : { ...found, target: null, what: `${name} was evaluated or scanned, and not with a pass` };
    }
  }
}

function isSamePlace(leaf: LogEntry['leaf'], other: LogEntry): boolean {
  return leaf.kind === 'promotion' && leaf.name === other.leaf.name && leaf.env === other.leaf.env;
}

function targetIn(claim: VerifiedClaim): RevocationTarget | null {
  try {
    return readRevocation(claim).target;
  } catch {
    return null;
  }
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
