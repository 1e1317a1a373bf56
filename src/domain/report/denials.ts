import { timesSaid, type SaidTimes } from '../authority/time.ts';
import type { Revocations, Revoked } from '../authority/revocations.ts';
import { titleOf } from '../claims/titles.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';

/** A revocation in force that touches an artifact, as a report shows it: what it takes, who says so, since when it is known. */
export interface ReportedDenial extends SaidTimes {
  /** `artifact`: the whole of it. Else the titles of the claims that no longer count. */
  readonly takes: 'artifact' | readonly string[];
  readonly reason: string;
  readonly by: string;
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
  entries: Iterable<LogEntry>,
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
  const indexes = indexesOf(entries, new Set(said.keys()));
  return [...said.values()].map(({ revoked, titles }) => ({
    takes: titles ?? 'artifact',
    reason: revoked.reason,
    by: revoked.by,
    ...timesSaid(claims.get(revoked.bundle)),
    logIndex: indexes.get(revoked.bundle) ?? null,
  }));
}

/** Where each of these bundles was logged first. */
function indexesOf(entries: Iterable<LogEntry>, bundles: ReadonlySet<string>): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { index, leaf } of entries) {
    const bundle = leaf.bundle.slice('sha256:'.length);
    if (bundles.has(bundle) && !found.has(bundle)) found.set(bundle, index);
  }
  return found;
}
