import type { Finding } from '../base/verdict.ts';
import type { San } from '../pki/certificate.ts';

/** in-toto Statement v1 (v0.1 is read too): https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md */
export interface Statement {
  readonly _type: string;
  readonly subject: readonly Subject[];
  readonly predicateType: string;
  readonly predicate: Readonly<Record<string, unknown>>;
}

/** in-toto ResourceDescriptor; which thing it names is said by `annotations.kind`. */
export interface Subject {
  readonly name?: string;
  readonly uri?: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly mediaType?: string;
  readonly downloadLocation?: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** What a subject's digest is the digest of (DESIGN 4.3). Matching is by kind *and* digest. */
export type SubjectKind = 'manifest' | 'root' | 'file' | 'list' | 'bom';

/** Who made a signature, as proven by cryptography; never what the claim says of itself. */
export type Signer =
  | {
      readonly kind: 'key';
      /** SHA-256 of the canonical SPKI DER, lower-case hex. */ readonly fingerprint: string;
      readonly keyType: string;
    }
  | {
      readonly kind: 'certificate';
      /** SHA-256 of the trusted root certificate's DER, lower-case hex. */
      readonly root: string;
      readonly subject: string;
      readonly sans: readonly San[];
      readonly fingerprint: string;
      /** Start of the leaf's validity, RFC 3339. */
      readonly notBefore: string;
    }
  | {
      readonly kind: 'oidc';
      /** Name of the Sigstore instance whose trusted root proved it: `public-good` or a name from the trust store. */
      readonly instance: string;
      readonly issuer: string;
      readonly san: San;
      /** Fulcio extensions by their last OID arc under 1.3.6.1.4.1.57264.1, decoded: `12` is the source repository URI. */
      readonly extensions: Readonly<Record<string, string>>;
      readonly notBefore: string;
    };

/** A time that counts, and who says so (DESIGN 4.3). `existed by`, RFC 3339. */
export interface VerifiedTime {
  readonly time: string;
  readonly source: 'rfc3161' | 'rekor' | 'witness' | 'log';
  /** The authority that says so; thresholds count distinct ones. */
  readonly authority: string;
}

/** A claim whose signature was verified in this run. Trust in the signer is a separate question. */
export interface VerifiedClaim {
  /** SHA-256 of the bundle's bytes, lower-case hex. */
  readonly bundle: string;
  /** SHA-256 of the DSSE pre-authentication encoding: equal for re-wrapped copies of one signature's content. */
  readonly pae: string;
  /** One act of signing (`actOf`), however often it is wrapped anew. Absent: what was signed has to tell. */
  readonly act?: string;
  readonly statement: Statement;
  readonly signer: Signer;
  /**
   * The key that signed, if it is one that lasts (a key's, a certificate's; not a keyless signature's): hex SHA-256 of its SPKI,
   * the canonical one first, then of its other encodings. One key is one person, whatever vouches for it.
   */
  readonly keys?: readonly string[];
  readonly times: readonly VerifiedTime[];
  /**
   * Why it can only say no: its signer is proven, but not that the signature is from a time at which the signer was good for
   * one, or it is wrapped in a form that is not understood. Absent: all in order.
   */
  readonly onlyNo?: Finding;
}

/** One entry of the caller's trust: an anchor and a name for it. */
export interface TrustEntry {
  readonly name: string;
  /** Artifact names it is good for, a glob; absent: all. */
  readonly for?: string;
  /** For policies: so many people trusted for the same one must have signed it. */
  readonly threshold?: number;
  readonly anchor: TrustAnchor;
}

export type TrustAnchor =
  | {
      readonly kind: 'key';
      /** SPKI PEM. */
      readonly pem: string;
      /** A retired key: only signatures proven to exist by then count, RFC 3339. */
      readonly until?: string;
    }
  | {
      readonly kind: 'certificate';
      /** Trusted roots, PEM; intermediates may follow. */
      readonly pem: string;
      /** Exact SAN (or subject common name) of the leaf; absent: any, and the verdict says so (rule 4). */
      readonly identity?: string;
    }
  | {
      readonly kind: 'oidc';
      readonly issuer: string;
      readonly identity?: string;
      /** Anchored as `^(?:…)$` by whoever compiles it, on a linear-time engine. */
      readonly identityPattern?: string;
      readonly github?: CiIdentity;
      readonly gitlab?: CiIdentity;
      /** Path or content of trusted_root.json; absent: the built-in public-good instance. */
      readonly trustedRoot?: string;
    };

/** A CI workload by its caller's repository and workflow, from certificate extensions, not the SAN alone. */
export interface CiIdentity {
  readonly repository: string;
  /** The forge's number for the repository: survives a rename, unlike the name a squatter could take. */
  readonly repositoryId?: string;
  /** Exact build trigger; absent: any but those that run strangers' code (`pull_request*`, `workflow_run`, `issue_comment`). */
  readonly trigger?: string;
  readonly workflow?: string;
  readonly ref?: string;
  readonly environment?: string;
}
