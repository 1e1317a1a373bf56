import { statedTimes, verifiedTime } from '../authority/time.ts';
import type { Revocations, Revoked } from '../authority/revocations.ts';
import { titleOf } from '../claims/titles.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';

/** A revocation in force that touches an artifact, as a report shows it: what it takes, who says so, since when it is known. */
export interface ReportedDenial {
  /** `artifact`: the whole of it. Else the titles of the claims that no longer count. */
  readonly takes: 'artifact' | readonly string[];
  readonly reason: string;
  readonly by: string;
  /** Verified, RFC 3339; null where nobody but its signer says when. */
  readonly time: string | null;
  /** What the revocation itself says of its time. */
  readonly claimedTime: string | null;
  readonly logIndex: number | null;
}

/**
 * Every revocation that takes the artifact or one of its claims, each once; the artifact's own first.
 * @param ids all ids of the artifact, `sha256:<hex>`.
 * @param own the claims about it.
 */
export function reportedDenials(
  { ids, own }: { readonly ids: readonly string[]; readonly own: readonly VerifiedClaim[] },
  revocations: Revocations,
  entries: readonly LogEntry[],
): readonly ReportedDenial[] {
  const whole = ids.flatMap((id) => revocations.ofArtifact(id.slice('sha256:'.length)) ?? []);
  const ofClaims = own.flatMap((claim) => {
    const revoked = revocations.ofClaim(claim);
    return revoked === null ? [] : [{ revoked, title: titleOf(claim.statement) }];
  });
  const said = new Map<string, { revoked: Revoked; titles: string[] | null }>();
  for (const revoked of whole) said.set(revoked.bundle, { revoked, titles: null });
  for (const { revoked, title } of ofClaims) {
    const known = said.get(revoked.bundle) ?? { revoked, titles: [] };
    said.set(revoked.bundle, known);
    if (known.titles?.includes(title) === false) known.titles.push(title);
  }
  const claims = new Map(revocations.claims.map((claim) => [claim.bundle, claim]));
  const indexes = new Map(entries.toReversed().map(({ index, leaf }) => [leaf.bundle.slice('sha256:'.length), index]));
  return [...said.values()].map(({ revoked, titles }) => ({
    takes: titles ?? 'artifact',
    reason: revoked.reason,
    by: revoked.by,
    ...timesOf(claims.get(revoked.bundle)),
    logIndex: indexes.get(revoked.bundle) ?? null,
  }));
}

/** When a claim was made: as others vouch, and as it says itself. */
export function timesOf(claim: VerifiedClaim | undefined): Pick<ReportedDenial, 'time' | 'claimedTime'> {
  if (claim === undefined) return { time: null, claimedTime: null };
  const stated = statedTimes(claim).find((time) => !Number.isNaN(time));
  return { time: rfc3339(verifiedTime(claim)), claimedTime: rfc3339(stated ?? null) };
}

function rfc3339(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}
