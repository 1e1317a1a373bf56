import { constants, createVerify, verify as verifyBytes, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { curveOf, knownCurve, readPublicKey, shownFingerprint, type PublicKey } from '../pki/keys.ts';
import type { Bundle } from './bundle.ts';
import { readCertificate, type Certificate } from '../pki/certificate.ts';
import { findRoot, readAnchors } from '../pki/certificate-path.ts';
import { subjectOf } from '../pki/certificates.ts';
import { historicPreAuthEncoding, preAuthEncoding, preAuthPieces } from './dsse.ts';
import type { Signer } from './types.ts';

export interface SignatureOptions {
  /** A bundle of `model_signing` 0.2.0: its mistaken encoding, and SHA-256 whatever the curve. */
  readonly historic?: boolean;
  /** OMS 1.1 and later: the hint, if any, must be the key's (hex SHA-256 of its PEM). */
  readonly strictHint?: boolean;
}

/**
 * Was this signed by this key? ECDSA over the DSSE encoding, hash by curve (OMS v1.0 algorithm registry); own code, since
 * @sigstore/verify takes SHA-256 for every curve.
 * @throws WeighmarkError `signature-invalid`; `trust-invalid` for a key on no curve of OMS.
 */
export function verifyWithKey(
  bundle: Bundle,
  pem: string,
  options: SignatureOptions = {},
): Extract<Signer, { kind: 'key' }> {
  const key = readPublicKey(pem);
  if (bundle.key.kind !== 'key')
    throw new WeighmarkError('signer-untrusted', 'signed with a certificate, and only a key is trusted');
  if (!hintFits(bundle.key.hint, key, options.strictHint === true)) {
    throw new WeighmarkError('signer-untrusted', 'signed with another key', {
      facts: { signed: `by the key with the OMS hint ${bundle.key.hint}`, trusted: shownFingerprint(key.fingerprint) },
    });
  }
  if (!signatureFits(bundle, key.key, options)) throw wrongSignature();
  return { kind: 'key', fingerprint: key.fingerprint, keyType: key.curve.name };
}

/** False if the bundle's hint says that another key signed it: `verifyWithKey` would refuse it for that. */
export function mayBeByKey({ key }: Bundle, pem: string, { strictHint = false }: SignatureOptions = {}): boolean {
  return key.kind !== 'key' || hintFits(key.hint, readPublicKey(pem), strictHint);
}

export interface ChainOptions extends SignatureOptions {
  /** The caller's roots and perhaps intermediates, PEM. */
  readonly pem: string;
  /** When the signature existed for certain, or now. */
  readonly at: Date;
}

/**
 * Was this signed under one of the caller's roots?
 * @throws WeighmarkError `signer-untrusted`, `trust-expired`, `signature-invalid`, `signature-malformed`.
 */
export function verifyWithChain(bundle: Bundle, options: ChainOptions): Extract<Signer, { kind: 'certificate' }> {
  if (bundle.key.kind !== 'chain')
    throw new WeighmarkError(
      'signer-untrusted',
      'signed without a certificate chain, and only a certificate root is trusted',
    );
  const [leaf, ...others] = bundle.key.certificates.map(readCertificate);
  if (leaf === undefined) throw new WeighmarkError('signature-malformed', 'the certificate chain is empty');
  const { roots, intermediates } = readAnchors(options.pem);
  if (roots.length === 0)
    throw new WeighmarkError('trust-invalid', 'no self-signed certificate is among the trusted ones: a root is needed');
  const root = findRoot({ leaf, intermediates: [...others, ...intermediates], roots, at: options.at });
  if (!signatureFits(bundle, leaf.x509.publicKey, options)) throw wrongSignature();
  return certificateSigner(leaf, root);
}

/** Bytes of a DSSE payload type with a signature that may be over them. */
export interface Signed {
  readonly payload: Uint8Array;
  readonly type: string;
  readonly signature: Uint8Array;
}

/**
 * Is it by this key, whatever the envelope says of keys around it, with whatever hash and in whatever encoding? Only for what may
 * say no: a hint is not signed, and wrong ones must not make anything unheard.
 */
export function isByKey(signed: Signed, pem: string): PublicKey | null {
  const key = readPublicKey(pem);
  return fitsInAnyWay(signed, key.key) ? key : null;
}

/** The same of the key of a certificate, whoever issued that. */
export function isByCertificate(signed: Signed, leaf: Certificate): boolean {
  try {
    return fitsInAnyWay(signed, leaf.x509.publicKey);
  } catch {
    return false;
  }
}

/** As some tools sign: SHA-256 whatever the curve, r and s side by side (IEEE P1363), or with keys that OMS does not know. */
function fitsInAnyWay({ payload, type, signature }: Signed, key: KeyObject): boolean {
  const signed = preAuthEncoding(payload, type);
  if (key.asymmetricKeyType === 'ed25519') return verifyBytes(null, signed, key, signature);
  return waysOf(key, signature).some(({ hash, ...how }) => verifyBytes(hash, signed, { key, ...how }, signature));
}

interface Way {
  readonly hash: string;
  readonly dsaEncoding?: 'der' | 'ieee-p1363';
  readonly padding?: number;
}

function waysOf(key: KeyObject, signature: Uint8Array): readonly Way[] {
  const all = ['sha256', 'sha384', 'sha512'];
  if (key.asymmetricKeyType !== 'ec') {
    const paddings = [constants.RSA_PKCS1_PADDING, constants.RSA_PKCS1_PSS_PADDING];
    return key.asymmetricKeyType === 'rsa' ? all.flatMap((hash) => paddings.map((padding) => ({ hash, padding }))) : [];
  }
  const curve = knownCurve(key);
  const dsaEncoding = signature.length === PAIR_BYTES[curve?.hash ?? 'sha256'] ? 'ieee-p1363' : 'der';
  const hashes = curve === undefined ? all : [...new Set([curve.hash, 'sha256'])];
  return hashes.map((hash) => ({ hash, dsaEncoding }));
}

const PAIR_BYTES = { sha256: 64, sha384: 96, sha512: 132 } as const;

/** What a certificate says of its signer, under a root that is proven to have issued it. */
export function certificateSigner(leaf: Certificate, root: Certificate): Extract<Signer, { kind: 'certificate' }> {
  return {
    kind: 'certificate',
    root: root.fingerprint,
    subject: subjectOf(leaf.x509),
    sans: leaf.sans,
    fingerprint: leaf.fingerprint,
    notBefore: leaf.x509.validFromDate.toISOString(),
  };
}

/**
 * A hint in a form we know must be the key's, in whatever encoding its maker had it (cosign names a key by the base64 SHA-256
 * of its SPKI DER); other hints are somebody's free text, and decide nothing.
 */
export function hintFits(hint: string, key: PublicKey, strict: boolean): boolean {
  if (hint === '') return true;
  if (strict) return key.hints.includes(hint);
  const fingerprints = [key.fingerprint, ...key.otherFingerprints];
  if (/^[0-9a-f]{64}$/i.test(hint)) return [...key.hints, ...fingerprints].includes(hint.toLowerCase());
  if (/^[A-Za-z0-9+/]{43}=$/.test(hint)) return fingerprints.includes(Buffer.from(hint, 'base64').toString('hex'));
  return true;
}

function signatureFits(
  bundle: Pick<Bundle, 'payload' | 'signature'>,
  key: KeyObject,
  options: SignatureOptions,
): boolean {
  const { hash } = curveOf(key, 'signer-untrusted');
  const verify = createVerify(hash);
  for (const piece of preAuthPieces(bundle.payload)) verify.update(piece);
  if (verify.verify(key, bundle.signature)) return true;
  if (options.historic !== true) return false;
  const historic = historicPreAuthEncoding(bundle.payload);
  return ['sha256', hash].some((each) => verifyBytes(each, historic, key, bundle.signature));
}

function wrongSignature(): WeighmarkError {
  return new WeighmarkError(
    'signature-invalid',
    'the signature does not fit: the statement was changed, or another key signed it',
  );
}
