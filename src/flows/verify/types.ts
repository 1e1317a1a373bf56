import type { TimeMemory } from '../../domain/ports/trust.ts';
import type { TrustEntry } from '../../domain/claims/types.ts';
import type { Clock } from '../../domain/ports/terminal.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import type { Finding, Verdict } from '../../domain/base/verdict.ts';
import type { FileSignature } from '../../domain/trust/verify-file.ts';
import type { HashTreePorts } from '../content/hash-tree.ts';
import type { FoundBundle, Sidecars } from '../content/found.ts';
import type { JudgedBundles, TrustedClaim, TrustedSignature } from './bundles.ts';
import type { ContentFile } from './question.ts';

export interface VerifyInput {
  /** Absolute path of the artifact. */
  readonly root: string;
  /** As the user named it. */
  readonly shown: string;
  /**
   * The name the bytes themselves give, such as a policy's: decides about trust that is limited to names. Absent: what the signer
   * signed decides; where it was found says nothing.
   */
  readonly name?: string;
  /** Ids by which another tool's manifest names this very content: claims may name it so. */
  readonly knownAs?: readonly string[];
  readonly signature?: string;
  readonly claims?: readonly string[];
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly ignoreUnsignedFiles?: boolean;
  readonly algorithm?: 'sha256' | 'all';
  /** Glob of the only files to verify, or `FILE#TENSORS`; the verdict is then partial. */
  readonly only?: string;
  readonly jobs?: number;
  /** Security rule 9: the tree is the signed set and nothing else, whatever the signature leaves out; no historic forms. */
  readonly underPolicy?: boolean;
}

export interface VerifyPorts extends HashTreePorts {
  readonly clock: Clock;
  /** Asked only once there is something to verify. */
  readonly trust: () => Promise<readonly TrustEntry[]>;
  /** Whose signature over a bare file counts, where that is not everybody's who is trusted: a policy names them. */
  readonly fileTrust?: () => Promise<readonly TrustEntry[]>;
  readonly timestampAuthorities: () => Promise<readonly string[]>;
  readonly keyless: () => Promise<KeylessVerifier>;
  /** Absent: only the times seen in this run bound the clock. */
  readonly times?: TimeMemory;
}

/** The verdict, and what it rests on, for gates that ask more. */
export interface VerifyOutcome {
  readonly verdict: Verdict;
  /** Everything below is empty or null unless the verdict is `verified`. */
  readonly id: string | null;
  /** All of its ids. */
  readonly ids: readonly string[];
  readonly root: string | null;
  readonly signature: TrustedSignature | null;
  /** Trusted claims that bind this artifact. */
  readonly claims: readonly TrustedClaim[];
  /** Trusted claims about other artifacts: ancestors'. */
  readonly otherClaims: readonly TrustedClaim[];
  /** Ids this artifact differs from in nothing but documentation. */
  readonly packagedFrom: readonly string[];
  readonly files: readonly ContentFile[];
  /** Who vouches for the content, by the name the caller gave them. */
  readonly by: string | null;
}

/** What every way to verify starts from. */
export interface VerifyCase {
  readonly input: VerifyInput & { readonly kind: 'file' | 'directory' };
  readonly bundles: JudgedBundles;
  readonly sidecars: Sidecars;
  readonly fileSignatures: JudgedFileSignatures;
}

/** A signature over the bytes of a file by somebody the caller trusts. */
export interface TrustedFileSignature extends FoundBundle, FileSignature {}

export interface JudgedFileSignatures {
  readonly trusted: readonly TrustedFileSignature[];
  /** Why the others do not count; each names its bundle. */
  readonly refusals: readonly Finding[];
}

export const NOT_ASKED: readonly string[] = ['lineage', 'policy', 'scan', 'revocation', 'completeness'];

export function refused(verdict: Verdict): VerifyOutcome {
  return {
    verdict,
    id: null,
    ids: [],
    root: null,
    signature: null,
    claims: [],
    otherClaims: [],
    packagedFrom: [],
    files: [],
    by: null,
  };
}
