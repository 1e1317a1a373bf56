import { createHash, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto';
import { TAG, der, derInteger, derOid } from '../../../src/domain/pki/der.ts';

/** What a test certificate says; times are Dates, extensions come ready in DER. */
export interface CertificateSpec {
  readonly subject: string;
  readonly key: KeyObject;
  readonly issuer: { readonly subject: string; readonly key: KeyObject };
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions?: readonly Uint8Array[];
  readonly serial?: Uint8Array;
}

/** Signature algorithms by key: ECDSA with the curve's hash, Ed25519 none, RSA with SHA-256. */
const ALGORITHMS: Readonly<Record<string, readonly [string, string]>> = {
  prime256v1: ['1.2.840.10045.4.3.2', 'sha256'],
  secp384r1: ['1.2.840.10045.4.3.3', 'sha384'],
  rsa: ['1.2.840.113549.1.1.11', 'sha256'],
};

/** The to-be-signed part of a certificate (RFC 5280 section 4.1.2). */
export function tbsOf(spec: CertificateSpec, extensions: readonly Uint8Array[] = spec.extensions ?? []): Uint8Array {
  const spki = createPublicKey(spec.key).export({ type: 'spki', format: 'der' });
  return der(
    TAG.sequence,
    der(0xa0, derInteger(Buffer.from([2]))),
    derInteger(spec.serial ?? randomBytes(8)),
    algorithm(spec.issuer.key),
    name(spec.issuer.subject),
    der(TAG.sequence, time(spec.notBefore), time(spec.notAfter)),
    name(spec.subject),
    spki,
    ...(extensions.length > 0 ? [der(0xa3, der(TAG.sequence, ...extensions))] : []),
  );
}

export function certificateOf(tbs: Uint8Array, issuerKey: KeyObject): Uint8Array {
  return der(
    TAG.sequence,
    tbs,
    algorithm(issuerKey),
    der(TAG.bitString, Buffer.from([0]), sign(hashOf(issuerKey), tbs, issuerKey)),
  );
}

export function certificate(spec: CertificateSpec): Uint8Array {
  return certificateOf(tbsOf(spec), spec.issuer.key);
}

export function extension(oid: string, value: Uint8Array, critical = false): Uint8Array {
  return der(
    TAG.sequence,
    derOid(oid),
    ...(critical ? [der(TAG.boolean, Buffer.from([0xff]))] : []),
    der(TAG.octetString, value),
  );
}

export const AUTHORITY = [
  extension('2.5.29.19', der(TAG.sequence, der(TAG.boolean, Buffer.from([0xff]))), true),
  extension('2.5.29.15', der(TAG.bitString, Buffer.from([1, 0x06])), true),
];
export const DIGITAL_SIGNATURE = extension('2.5.29.15', der(TAG.bitString, Buffer.from([7, 0x80])), true);
export const CODE_SIGNING = extendedUse('1.3.6.1.5.5.7.3.3');

export function extendedUse(use: string, critical = false): Uint8Array {
  return extension('2.5.29.37', der(TAG.sequence, derOid(use)), critical);
}

/** Names by kind: `email:a@b.c`, `uri:https://…`. */
export function alternativeNames(...names: readonly string[]): Uint8Array {
  const encoded = names.map((text) =>
    der(
      text.startsWith('email:') ? 0x81 : text.startsWith('dns:') ? 0x82 : 0x86,
      Buffer.from(text.slice(text.indexOf(':') + 1)),
    ),
  );
  return extension('2.5.29.17', der(TAG.sequence, ...encoded), true);
}

/** By which strict verifiers find the issuer's key (RFC 5280 sections 4.2.1.1 and 4.2.1.2). */
export function authorityKeyId(issuer: KeyObject): Uint8Array {
  return extension('2.5.29.35', der(TAG.sequence, der(0x80, keyId(issuer))));
}

export function subjectKeyId(key: KeyObject): Uint8Array {
  return extension('2.5.29.14', der(TAG.octetString, keyId(key)));
}

function keyId(key: KeyObject): Buffer {
  return createHash('sha1')
    .update(createPublicKey(key).export({ type: 'spki', format: 'der' }))
    .digest();
}

export function utf8(text: string): Uint8Array {
  return der(TAG.utf8, Buffer.from(text));
}

/** `CN=<text>`; empty for none. */
export function name(text: string): Uint8Array {
  if (text === '') return der(TAG.sequence);
  return der(TAG.sequence, der(TAG.set, der(TAG.sequence, derOid('2.5.4.3'), utf8(text))));
}

export function algorithm(key: KeyObject): Uint8Array {
  const [oid] = algorithmOf(key);
  return der(TAG.sequence, derOid(oid));
}

export function hashOf(key: KeyObject): string {
  return algorithmOf(key)[1];
}

function algorithmOf(key: KeyObject): readonly [string, string] {
  const type = key.asymmetricKeyType === 'rsa' ? 'rsa' : (key.asymmetricKeyDetails?.namedCurve ?? '');
  const found = ALGORITHMS[type];
  if (found === undefined) throw new Error(`no test algorithm for ${type}`);
  return found;
}

export function generalizedTime(date: Date): Uint8Array {
  return der(TAG.generalizedTime, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function time(date: Date): Uint8Array {
  // UTCTime, as RFC 5280 wants it before 2050.
  return der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
