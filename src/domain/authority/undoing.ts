import type { VerifiedClaim } from '../claims/types.ts';
import type { Authority } from './authority.ts';
import { distinctPeople, type Counted } from './people.ts';
import { REVOKER_ROLE } from './types.ts';

/** Whoever undoes or takes back a no says yes: somebody of today, by a signature with which all is in order. */
export function isInOrder(claim: VerifiedClaim, authority: Authority): boolean {
  return claim.onlyNo === undefined && typeof authority.who(claim.signer) !== 'string';
}

/** A revoker of models of that name, whatever name the claim itself gives. */
export function mayUndo(claim: VerifiedClaim, model: string, authority: Authority): boolean {
  return authority.rolesOf(claim, model).some(({ name }) => name === REVOKER_ROLE);
}

/** Those by whom the claims are and who are revokers of models of that name, each once. */
export function peopleOver(claims: readonly VerifiedClaim[], model: string, authority: Authority): readonly Counted[] {
  return distinctPeople(
    claims.flatMap((claim): readonly Counted[] => {
      const identity = authority.who(claim.signer);
      if (typeof identity === 'string' || !mayUndo(claim, model, authority)) return [];
      return [{ principal: identity.principal.name, pattern: identity.pattern, keys: claim.keys }];
    }),
  );
}
