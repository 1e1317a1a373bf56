import type { VerifiedClaim } from '../claims/types.ts';
import { signerKey } from './authority.ts';

/** The same for all copies of one act of signing: wrapped anew nothing is said again, signed anew it is. */
export function actKey(claim: Pick<VerifiedClaim, 'act' | 'pae' | 'signer'>): string {
  return `${claim.act ?? claim.pae} ${signerKey(claim.signer)}`;
}

/** Copies as one, with all that is known of its time: leaving out an old timestamp makes nothing younger. */
export function mergedCopies([first, ...copies]: readonly [VerifiedClaim, ...VerifiedClaim[]]): VerifiedClaim {
  if (copies.length === 0) return first;
  const { onlyNo, ...best } = [first, ...copies].find((copy) => copy.onlyNo === undefined) ?? first;
  const times = [first, ...copies].flatMap((copy) => copy.times);
  return { ...best, times, ...(onlyNo === undefined ? {} : { onlyNo }) };
}
