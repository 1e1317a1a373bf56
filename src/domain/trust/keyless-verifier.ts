import type { Signer, VerifiedTime } from '../claims/types.ts';

/** Cryptographic facts about Sigstore material, offline. Judging identities is the domain's. */
export interface KeylessVerifier {
  /**
   * Proves a bundle with a Fulcio certificate against one instance's trusted root: chain, SCT, log entry bound to
   * artifact, signature and key, timestamps, DSSE signature.
   * @param trustedRoot content of trusted_root.json; absent: the built-in public-good instance.
   * @param artifact SHA-256 of a file: the bundle must be a message signature over it, and no statement.
   * @throws WeighmarkError `signature-invalid`, `signature-malformed`, `trust-invalid`.
   */
  verify(
    bundle: Uint8Array,
    trustedRoot?: string,
    artifact?: Uint8Array,
  ): Promise<{
    readonly signer: Extract<Signer, { kind: 'oidc' }>;
    readonly times: readonly VerifiedTime[];
    /** The logs it is in, and the place in the tree each one's inclusion proof names. */
    readonly logEntries: readonly { readonly log: string; readonly index: string | null }[];
  }>;
  /** The public-good instance's trusted_root.json, as it is known here. */
  trustedRoot?(): Promise<string>;
  /** RFC 3161 tokens of a bundle over its signature that verify under the given authorities (PEM chains). */
  timestamps(bundle: Uint8Array, authorities: readonly string[]): Promise<readonly VerifiedTime[]>;
}
