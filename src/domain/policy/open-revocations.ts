import type { Revocations } from '../authority/revocations.ts';
import { targetText } from '../authority/revocation.ts';
import { undecided, type Finding } from '../base/verdict.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { Lineage } from '../lineage/types.ts';

/** Hex digests of an artifact and all it was made of. */
export function touchedDigests(own: readonly string[], { nodes }: Pick<Lineage, 'nodes'>): readonly string[] {
  return [...own, ...[...nodes.values()].flatMap(({ digest, edges }) => [digest, ...edges.map(({ to }) => to)])];
}

/**
 * What revokers said that leaves the answer open: what cannot be understood, which might revoke anything; and what those said
 * of anything this rests on who were lost since.
 */
export function openRevocations(
  revocations: Revocations,
  about: { readonly id: string; readonly digests: readonly string[]; readonly claims: readonly VerifiedClaim[] },
): readonly Finding[] {
  return [...unreadable(revocations, about.id), ...unconfirmed(revocations, about)];
}

function unreadable({ unreadable: claims }: Revocations, id: string): readonly Finding[] {
  return claims.map(({ bundle }) =>
    undecided({
      code: 'claim-malformed',
      message: 'a revoker signed something that cannot be understood, which might revoke anything',
      subject: id,
      facts: { claim: `sha256:${bundle}` },
    }),
  );
}

function unconfirmed(
  revocations: Revocations,
  { id, digests, claims }: Parameters<typeof openRevocations>[1],
): readonly Finding[] {
  if (revocations.doubts.length === 0) return [];
  const touched = new Set([
    ...claims.map((claim) => revocations.doubtOf(claim)),
    ...digests.map((digest) => revocations.doubtOfArtifact(digest)),
  ]);
  return revocations.doubts
    .filter((doubt) => touched.has(doubt))
    .map(({ by, target, reason, bundle }) => ({
      code: 'denial-unconfirmed',
      message: `${by} revoked ${targetText(target)}: ${reason}; nothing shows that this was before ${by} was lost`,
      subject: id,
      facts: { claim: `sha256:${bundle}` },
      hint: 'a revoker says it anew with `weighmark revoke --again`, or lifts it with `weighmark revoke --undo`',
    }));
}
