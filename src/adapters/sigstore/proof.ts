import type { KeyObject } from 'node:crypto';
import type { Signer, VerifiedTime } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { PublicKey } from '../../domain/pki/keys.ts';

/** A log entry that was proven: which log, and the place its inclusion proof names (null under a promise alone). */
export interface ProvenEntry {
  readonly log: string;
  readonly index: string | null;
}

/** What the cryptography of a bundle proves; whether the signer is wanted is for the caller's trust to say. */
export interface Proof {
  readonly signer: Extract<Signer, { kind: 'oidc' | 'key' }>;
  readonly times: readonly VerifiedTime[];
  readonly logEntries: readonly ProvenEntry[];
  /** The signed payload of a DSSE envelope; null for a message signature, which signs the artifact itself. */
  readonly payload: Uint8Array | null;
  readonly payloadType: string | null;
}

export interface ProofOptions {
  /** Content of trusted_root.json; absent with a certificate: the public-good instance. */
  readonly trustedRoot?: string;
  /** SPKI PEM: needed, and used, for a bundle that names a key. */
  readonly key?: string;
  /** SHA-256 of the artifact: needed for a message signature. */
  readonly artifact?: Uint8Array;
  /** Distinct logs and distinct authorities on time that must vouch for a certificate's signature; default 1 each. */
  readonly logs?: number;
  readonly timeAuthorities?: number;
}

export interface Claimant {
  readonly key: KeyObject;
  readonly certificate?: Uint8Array;
  readonly publicKey?: PublicKey;
  readonly options: ProofOptions;
}

export function invalid(why: string): WeighmarkError {
  return new WeighmarkError('signature-invalid', `the signature is not proven: ${why}`);
}
