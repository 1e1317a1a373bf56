import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { findingOf, type Finding } from '../base/verdict.ts';
import { certificateSigner, hintFits } from '../claims/verify-signature.ts';
import type { Signer, TrustAnchor, TrustEntry, VerifiedTime } from '../claims/types.ts';
import { sha256Hex } from '../digest/hex.ts';
import { findRoot, readAnchors } from '../pki/certificate-path.ts';
import { readCertificate } from '../pki/certificate.ts';
import { verifyDigest } from '../pki/ecdsa.ts';
import { curveOf, readPublicKey, shownFingerprint } from '../pki/keys.ts';
import { entriesFor } from './match.ts';
import { provenBy, strangerFinding, trustedTime, type Facts } from './proven.ts';
import { parseSigstoreBundle, type BundleContent, type SigstoreBundle } from './sigstore-bundle.ts';
import type { Verification } from './verify-claim.ts';

/** A message signature whose signer the caller trusts: they signed bytes with this digest, under no name. */
export interface FileSignature {
  /** SHA-256 of the bundle's bytes, lower-case hex. */
  readonly bundle: string;
  /** SHA-256 of the file that was signed, lower-case hex. Whether that is the file at hand is the caller's to compare. */
  readonly sha256: string;
  readonly signer: Signer;
  readonly times: readonly VerifiedTime[];
  readonly trustedBy: readonly [TrustEntry, ...TrustEntry[]];
}

export type FileOutcome =
  | { readonly trusted: true; readonly signature: FileSignature }
  | { readonly trusted: false; readonly refusal: Finding };

/**
 * True for a Sigstore bundle over the bytes of a file (`cosign sign-blob`, `sigstore sign`), at a glance: what else it is,
 * `verifyFileSignature` says. In a bundle around a statement these quoted names do not occur.
 */
export function isMessageBundle(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const has = (name: string): boolean => text.includes(`"${name}"`);
  return (has('messageSignature') || has('message_signature')) && !(has('dsseEnvelope') || has('dsse_envelope'));
}

/**
 * Verifies one message signature, media types 0.1 to 0.3, against the caller's trust: by key, by certificate under a root, by
 * Sigstore identity. It names nothing, so trust that is limited to names counts only for the name the caller gives. Never throws.
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto (MessageSignature)
 */
export async function verifyFileSignature(bytes: Uint8Array, verification: Verification): Promise<FileOutcome> {
  try {
    const bundle = parseSigstoreBundle(bytes, LIMITS.signatureBytes);
    if (bundle.content.kind !== 'message')
      throw new WeighmarkError('signature-malformed', 'the bundle signs a statement, not a file');
    const entries = entriesFor(verification.trust, verification.name ?? null);
    return await judge({ bytes, bundle, content: bundle.content, verification }, entries);
  } catch (error) {
    return { trusted: false, refusal: findingOf(error, 'signature-malformed') };
  }
}

interface Case {
  readonly bytes: Uint8Array;
  readonly bundle: SigstoreBundle;
  readonly content: Extract<BundleContent, { kind: 'message' }>;
  readonly verification: Verification;
}

async function judge(of: Case, entries: readonly TrustEntry[]): Promise<FileOutcome> {
  const byKey = of.bundle.key.kind === 'key';
  if (entries.some(({ anchor }) => anchor.kind === 'oidc' && anchor.identityPattern !== undefined))
    (await import('../base/pattern-engine.ts')).usePatterns();
  const { proven, refusal } = await provenBy(
    entries.filter(({ anchor }) => (anchor.kind === 'key') === byKey),
    (anchor) => prove(of, anchor),
    byKey ? 'with a key' : 'with a certificate',
  );
  const [proof] = proven;
  if (proof === undefined) return { trusted: false, refusal };
  const [first, ...rest] = proven.filter(({ difference }) => difference === null).map(({ entry }) => entry);
  if (first === undefined) return { trusted: false, refusal: strangerFinding(proof) };
  const { signer, times } = proof;
  const sha256 = Buffer.from(of.content.digest).toString('hex');
  return {
    trusted: true,
    signature: { bundle: sha256Hex(of.bytes), sha256, signer, times, trustedBy: [first, ...rest] },
  };
}

async function prove(of: Case, anchor: TrustAnchor): Promise<Facts> {
  if (anchor.kind === 'oidc') return proveKeyless(of, anchor.trustedRoot);
  const times = await timesOf(of);
  if (anchor.kind === 'key') return { signer: byKey(of, anchor.pem), times };
  return { signer: byChain(of, anchor.pem, trustedTime(times, of.verification.now)), times };
}

async function proveKeyless({ bytes, content, verification }: Case, trustedRoot: string | undefined): Promise<Facts> {
  if (verification.keyless === null)
    throw new WeighmarkError('signer-untrusted', 'keyless signatures are not looked at here');
  return (await verification.keyless()).verify(bytes, trustedRoot, content.digest);
}

async function timesOf({ bytes, bundle, verification }: Case): Promise<readonly VerifiedTime[]> {
  if (bundle.timestamps.length === 0 || verification.keyless === null) return [];
  return (await verification.keyless()).timestamps(bytes, verification.timestampAuthorities ?? []);
}

function byKey({ bundle, content }: Case, pem: string): Signer {
  const key = readPublicKey(pem);
  const hint = bundle.key.kind === 'key' ? bundle.key.hint : '';
  if (!hintFits(hint, key, false))
    throw new WeighmarkError('signer-untrusted', 'signed with another key', {
      facts: { signed: `by the key with the OMS hint ${hint}`, trusted: shownFingerprint(key.fingerprint) },
    });
  if (!verifyDigest(content.digest, key.key, content.signature)) throw wrongSignature();
  return { kind: 'key', fingerprint: key.fingerprint, keyType: key.curve.name };
}

function byChain({ bundle, content }: Case, pem: string, at: Date): Signer {
  const [leaf, ...others] = (bundle.key.kind === 'key' ? [] : bundle.key.certificates).map(readCertificate);
  if (leaf === undefined) throw new WeighmarkError('signature-malformed', 'the bundle holds no certificate');
  const { roots, intermediates } = readAnchors(pem);
  if (roots.length === 0)
    throw new WeighmarkError('trust-invalid', 'no self-signed certificate is among the trusted ones: a root is needed');
  const root = findRoot({ leaf, intermediates: [...others, ...intermediates], roots, at });
  curveOf(leaf.x509.publicKey, 'signer-untrusted');
  if (!verifyDigest(content.digest, leaf.x509.publicKey, content.signature)) throw wrongSignature();
  return certificateSigner(leaf, root);
}

function wrongSignature(): WeighmarkError {
  return new WeighmarkError(
    'signature-invalid',
    'the signature does not fit the digest the bundle names: one was changed, or another key signed it',
  );
}
