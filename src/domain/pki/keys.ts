import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { WeighmarkError, type Code } from '../base/errors.ts';
import { pemOf } from './key-forms.ts';
import { canonicalKey, otherSpkis } from './spki.ts';

/** OMS v1.0 section 5.3: the hash follows the curve; no other key signs or verifies. */
export const CURVES = {
  prime256v1: { name: 'P-256', hash: 'sha256' },
  secp384r1: { name: 'P-384', hash: 'sha384' },
  secp521r1: { name: 'P-521', hash: 'sha512' },
} as const;

export type Curve = (typeof CURVES)[keyof typeof CURVES];

export interface PublicKey {
  /** The canonical SPKI in PEM as OpenSSL writes it: 64-character lines, trailing newline, uncompressed point. */
  readonly pem: string;
  /** SHA-256 of the canonical SPKI DER, lower-case hex. */
  readonly fingerprint: string;
  /** The same of its other encodings: names that the key may go by, and that are no other key's. */
  readonly otherFingerprints: readonly string[];
  /** OMS's key hints of all its encodings, the canonical one's first. */
  readonly hints: readonly string[];
  readonly curve: Curve;
  readonly key: KeyObject;
}

/** Undefined for anything but an elliptic-curve key on a curve OMS knows. */
export function knownCurve(key: KeyObject): Curve | undefined {
  const name = namedCurve(key) ?? '';
  return Object.hasOwn(CURVES, name) ? CURVES[name as keyof typeof CURVES] : undefined;
}

function namedCurve({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined {
  return asymmetricKeyType === 'ec' ? asymmetricKeyDetails?.namedCurve : undefined;
}

/** @throws WeighmarkError `code` for anything but an elliptic-curve key on a curve OMS knows. */
export function curveOf(key: KeyObject, code: Code = 'key-unusable'): Curve {
  const curve = knownCurve(key);
  if (curve !== undefined) return curve;
  const name = namedCurve(key);
  throw new WeighmarkError(
    code,
    `a key of type ${name ?? key.asymmetricKeyType ?? 'unknown'} cannot be used: only P-256, P-384 and P-521`,
    { hint: '`weighmark keygen` makes a P-256 key' },
  );
}

/**
 * A public key in PEM (SPKI). A private key is refused: it has no business where trust is configured.
 * @throws WeighmarkError `code`.
 */
export function readPublicKey(pem: string, code: Code = 'trust-invalid'): PublicKey {
  const known = KNOWN.get(pem);
  if (known !== undefined) return known;
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new WeighmarkError(code, 'this is a private key: trust needs the public one', {
      hint: '`openssl pkey -in KEY -pubout` prints it',
    });
  }
  if (!pem.includes('-----BEGIN PUBLIC KEY-----'))
    throw new WeighmarkError(code, 'not a public key in PEM form (-----BEGIN PUBLIC KEY-----)');
  if (pem.split('-----BEGIN ').length > 2)
    throw new WeighmarkError(code, 'more than one key: which is meant cannot be seen', {
      hint: 'each key has an entry of its own',
    });
  const key = describe(parsed(pem, code), code);
  if (KNOWN.size >= KNOWN_KEYS) KNOWN.clear();
  KNOWN.set(pem, key);
  return key;
}

/** Thousands of claims are held against the same few keys; reading one costs more than a signature. */
const KNOWN = new Map<string, PublicKey>();
const KNOWN_KEYS = 1000;

/** A key that stands in a certificate. @throws WeighmarkError `key-unusable`. */
export function describeKey(key: KeyObject): PublicKey {
  return describe(key, 'key-unusable');
}

/** The public half of a key pair. @throws WeighmarkError `key-unusable`. */
export function publicHalf(privateKey: KeyObject): PublicKey {
  return describe(createPublicKey(privateKey), 'key-unusable');
}

/** The key hint OMS puts in a bundle: hex SHA-256 of the SPKI PEM text. */
export function omsHint(publicPem: string): string {
  return createHash('sha256').update(publicPem).digest('hex');
}

/** For people: `SHA256:9f2c…`, the whole digest. */
export function shownFingerprint(fingerprint: string): string {
  return `SHA256:${fingerprint}`;
}

function parsed(pem: string, code: Code): KeyObject {
  try {
    return createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw new WeighmarkError(code, 'not a public key in PEM form', { cause });
  }
}

/** One key is one `PublicKey`, however it was written. */
function describe(given: KeyObject, code: Code): PublicKey {
  const curve = curveOf(given, code);
  const key = canonicalKey(given);
  const others = otherSpkis(key);
  const pem = key.export({ type: 'spki', format: 'pem' }).toString();
  return {
    pem,
    fingerprint: sha256(key.export({ type: 'spki', format: 'der' })),
    otherFingerprints: others.map(sha256),
    hints: [pem, ...others.map((der) => pemOf('PUBLIC KEY', der))].map(omsHint),
    curve,
    key,
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
