import type { Severity } from '../types.ts';

export type FeedKind = 'stix' | 'osv' | 'cyclonedx' | 'digests' | 'weighmark';

/** One thing a feed reports: by content, by tensor, by name, or by signer. */
export interface Indicator {
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** Where to read more. */
  readonly reference?: string;
  /** Lower-case hex of whole files. */
  readonly digests: readonly FeedDigest[];
  /** SHA-256 of single tensors' bytes. */
  readonly tensors: readonly string[];
  /** Weights in whatever container, BLAKE3: roots of weights lists, and digests of tensors with their dtype and shape. */
  readonly weights: readonly string[];
  readonly models: readonly { readonly name: string; readonly versions: string }[];
  /** Identities or key fingerprints. */
  readonly signers: readonly string[];
}

export interface FeedDigest {
  readonly algorithm: 'md5' | 'sha1' | 'sha256' | 'sha512' | 'blake3';
  readonly hex: string;
}

export interface Feed {
  /** As the user named it. */
  readonly location: string;
  readonly kind: FeedKind;
  /** When its publisher made it, RFC 3339, if it says so. */
  readonly published?: string;
  readonly indicators: readonly Indicator[];
  /** Entries that were not understood and are not applied. */
  readonly unread: readonly string[];
}
