import type { VerifiedClaim } from '../claims/types.ts';
import { signerKey } from './authority.ts';

/**
 * The same for all copies of one act of signing: wrapped anew nothing is said again, signed anew it is. A key that a certificate
 * stands for as well can be named either way.
 */
export function actKey({ act, pae, signer }: Pick<VerifiedClaim, 'act' | 'pae' | 'signer'>): string {
  return act ?? `${pae} ${signerKey(signer)}`;
}

/** Of things in order, each act of signing with its first place: once by each name that its key goes by, with all copies of that. */
export function firstPlaces<T>(
  ordered: readonly T[],
  claimOf: (each: T) => Pick<VerifiedClaim, 'act' | 'pae' | 'signer'>,
): readonly { readonly first: T; readonly copies: readonly [T, ...T[]] }[] {
  return [...Map.groupBy(ordered, (each) => actKey(claimOf(each))).values()].flatMap((group) => {
    const named = Map.groupBy(group, (each) => signerKey(claimOf(each).signer));
    return [...named.values()].flatMap(([own, ...others]) =>
      group[0] === undefined || own === undefined ? [] : [{ first: group[0], copies: [own, ...others] as const }],
    );
  });
}

/** Copies as one, with all that is known of its time: leaving out an old timestamp makes nothing younger. */
export function mergedCopies([first, ...copies]: readonly [VerifiedClaim, ...VerifiedClaim[]]): VerifiedClaim {
  if (copies.length === 0) return first;
  const { onlyNo, ...best } = [first, ...copies].find((copy) => copy.onlyNo === undefined) ?? first;
  const times = [first, ...copies].flatMap((copy) => copy.times);
  return { ...best, times, ...(onlyNo === undefined ? {} : { onlyNo }) };
}
