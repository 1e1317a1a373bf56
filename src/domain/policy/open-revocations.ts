import { signerKey } from '../authority/authority.ts';
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
  about: {
    readonly id: string;
    readonly digests: readonly string[];
    readonly claims: readonly VerifiedClaim[];
    /** The same with every copy of each. */
    readonly copies: readonly VerifiedClaim[];
  },
): readonly Finding[] {
  return [...unreadable(revocations, about.id), ...unclear(revocations, about), ...unconfirmed(revocations, about)];
}

/** Whoever signed a claim may take it back: what they sign that names it, in a form nobody here understands, may do that. */
function unclear(
  { unclear: said }: Revocations,
  { id, copies }: Parameters<typeof openRevocations>[1],
): readonly Finding[] {
  return said
    .filter((each) => namesOwn(each, copies))
    .map(({ bundle }) =>
      undecided({
        code: 'claim-malformed',
        message:
          'somebody signed something about a claim of their own that cannot be understood: it might take that back',
        subject: id,
        facts: { claim: `sha256:${bundle}` },
      }),
    );
}

function namesOwn({ signer, statement }: VerifiedClaim, claims: readonly VerifiedClaim[]): boolean {
  const [text, own] = [JSON.stringify(statement.predicate).toLowerCase(), signerKey(signer)];
  return claims.some(
    (claim) => signerKey(claim.signer) === own && [claim.pae, claim.bundle].some((digest) => text.includes(digest)),
  );
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
