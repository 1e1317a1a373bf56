import type { VerifiedClaim } from '../claims/types.ts';
import { timesSaid } from '../authority/time.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { readPromotion } from '../authority/vsa.ts';
import { isHeard, type Authority } from '../authority/authority.ts';
import { isRevocation, readRevocation, targetText, type Revocation } from '../authority/revocation.ts';
import type { RegistryEntry } from '../ports/registry.ts';
import type { LogEntry } from '../tlog/leaf.ts';

/** What can happen to a registry, for people; `claimed` is any other signed claim. */
export const CHANGES = ['promoted', 'withdrawn', 'revoked', 'reinstated', 'approved', 'evaluated', 'claimed'] as const;

/** One entry of the log by somebody who is heard, with when it was made. */
export interface Change {
  readonly what: (typeof CHANGES)[number];
  readonly name: string;
  readonly id: string;
  readonly environment: string | null;
  readonly by: string;
  readonly logIndex: number;
  /** RFC 3339. */
  readonly time: string;
  /** Who says so: others than the signer, the signer alone, or only the log's order (not before what stands earlier in it). */
  readonly says: 'others' | 'signer' | 'order';
}

/** What changed since a moment, and what cannot be placed: nothing with a time stands before it. Newest last, as in the log. */
export interface Changes {
  readonly since: string;
  readonly changes: readonly Change[];
  readonly undated: number;
}

export interface ChangeFacts {
  readonly entries: readonly LogEntry[];
  readonly claims: readonly VerifiedClaim[];
  readonly authority: Authority;
  readonly listed: readonly RegistryEntry[];
}

/** Days that a registry's page looks back. */
export const CHANGES_DAYS = 90;
const DAY_MS = 86_400_000;

/**
 * The log's entries of the last 90 days. Time is the claims' (the log has none of its own): verified where others vouch, else
 * as the claim says, else not before the newest time that stands earlier in the log. Entries whose signer is nobody's are passed over; a bundle logged twice happened once.
 */
export function changesOf({ entries, claims, authority, listed }: ChangeFacts, now: Date): Changes {
  const since = now.getTime() - CHANGES_DAYS * DAY_MS;
  const byBundle = new Map(claims.map((claim) => [`sha256:${claim.bundle}`, claim]));
  const first = new Map(
    entries.toReversed().map((entry) => [`${entry.leaf.kind === 'push'} ${entry.leaf.bundle}`, entry]),
  );
  const found = [...first.values()]
    .toSorted((a, b) => a.index - b.index)
    .flatMap((entry) => {
      const claim = byBundle.get(entry.leaf.bundle);
      if (entry.leaf.kind === 'push' || claim === undefined) return [];
      return isHeard(claim, entry.leaf.name, authority)
        ? [{ ...changeOf(entry, claim, { authority, listed }), ...timesSaid(claim) }]
        : [];
    });
  let newest: string | null = null;
  const dated = found.flatMap(({ time, claimedTime, ...change }): readonly Change[] => {
    const when = time ?? claimedTime ?? newest;
    if (when === null) return [];
    if (newest === null || when > newest) newest = when;
    return [{ ...change, time: when, says: time !== null ? 'others' : claimedTime !== null ? 'signer' : 'order' }];
  });
  return {
    since: new Date(since).toISOString(),
    changes: dated.filter(({ time }) => Date.parse(time) >= since && Date.parse(time) <= now.getTime() + DAY_MS),
    undated: found.length - dated.length,
  };
}

function changeOf(
  { index, leaf }: LogEntry,
  claim: VerifiedClaim,
  { authority, listed }: Pick<ChangeFacts, 'authority' | 'listed'>,
): Omit<Change, 'time' | 'says'> {
  const revocation = leaf.kind === 'revocation' ? revocationIn(claim) : null;
  return {
    what: revocation === null ? whatOf(leaf.kind, claim) : revocation.action === 'revoke' ? 'revoked' : 'reinstated',
    name: revocation === null ? leaf.name : revokedName(revocation, listed),
    id: leaf.manifest,
    environment: leaf.env ?? null,
    by: authority.nameOf(claim) ?? 'its signer',
    logIndex: index,
  };
}

/** Null for a snapshot of what is revoked, and for what is not understood. */
function revocationIn(claim: VerifiedClaim): Revocation | null {
  try {
    return isRevocation(claim) ? readRevocation(claim) : null;
  } catch {
    return null;
  }
}

/** A version by the name people know it by, else what is taken. */
function revokedName({ target }: Revocation, listed: readonly RegistryEntry[]): string {
  const entry = target.kind === 'artifact' ? listed.find(({ id }) => id === `sha256:${target.sha256}`) : undefined;
  if (entry === undefined) return targetText(target);
  return entry.tags.length === 0 ? entry.name : `${entry.name}:${entry.tags.join(', ')}`;
}

function whatOf(kind: LogEntry['leaf']['kind'], { statement }: VerifiedClaim): Change['what'] {
  if (kind === 'promotion') return readPromotion(statement)?.passed === true ? 'promoted' : 'withdrawn';
  if (statement.predicateType === PREDICATES.approval) return 'approved';
  return statement.predicateType === PREDICATES.evaluation ? 'evaluated' : 'claimed';
}
