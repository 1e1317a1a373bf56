import { sha256Hex } from '../digest/hex.ts';

/** The built-in Sigstore instance, operated by the Linux Foundation. */
export const PUBLIC_GOOD = 'public-good';

/**
 * The name of the Sigstore instance behind a trusted root: part of every keyless identity, so that a private instance
 * never speaks for another (security rule 3).
 */
export function instanceOf(trustedRoot: string | undefined): string {
  return trustedRoot === undefined ? PUBLIC_GOOD : `trusted-root:${sha256Hex(trustedRoot)}`;
}
