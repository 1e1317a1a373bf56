import { PROVEN_WORDS, tryDerivation, type ProvenWord, type ReadDerivation } from '../claims/derivation.ts';
import { PREDICATES, type Role } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { BoundClaim } from './index-claims.ts';
import type { Authority } from '../authority/authority.ts';

/** What was shown of the step by which an input became the artifact, and by whom whose word about it counts. */
export interface Verified {
  readonly word: ProvenWord;
  readonly by: string;
  /** Names of the roles in which they may say so. */
  readonly roles: readonly string[];
}

export interface VerifiedDerivation extends Verified, Pick<ReadDerivation, 'step' | 'parents'> {
  readonly claim: VerifiedClaim;
}

/** Inputs whose weights a step turns into others. */
const TURNED: readonly (Role | null)[] = ['base-model', 'adapter'];

/** What counts of the artifact; a claim that cannot be read proves nothing, and neither does one that was revoked. */
export function derivationsOf(
  standing: readonly BoundClaim[],
  name: string | null,
  authority: Authority,
): readonly VerifiedDerivation[] {
  return standing.flatMap(({ claim, name: signed }) => {
    if (claim.statement.predicateType !== PREDICATES.derivation) return [];
    const identity = authority.who(claim.signer);
    const derivation = tryDerivation(claim.statement);
    if (typeof identity === 'string' || derivation === null) return [];
    const roles = authority.rolesOf(claim, name ?? signed).map((role) => role.name);
    return roles.length === 0 ? [] : [{ ...derivation, by: identity.principal.name, roles, claim }];
  });
}

/**
 * Of an input of the artifact, whichever of the input's ids it names: strongest first; none: the step is claimed alone. Undefined
 * of an input that no step turns into weights.
 */
export function verifiedFor(
  { sha256, role }: { readonly sha256: string | null; readonly role: Role | null },
  derivations: readonly VerifiedDerivation[],
  meant: (digest: string) => string = (digest) => digest,
): readonly VerifiedDerivation[] | undefined {
  if (!TURNED.includes(role)) return undefined;
  if (sha256 === null || derivations.length === 0) return [];
  return derivations
    .filter(({ parents }) => parents.some((each) => meant(each.sha256) === meant(sha256)))
    .toSorted((a, b) => PROVEN_WORDS.indexOf(a.word) - PROVEN_WORDS.indexOf(b.word));
}
