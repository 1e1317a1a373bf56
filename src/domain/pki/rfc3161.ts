import { createHash, verify as verifySignature, type X509Certificate } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import {
  TAG,
  childAt,
  childrenOf,
  der,
  derInteger,
  derOid,
  expectTag,
  oidOf,
  readDer,
  timeOf,
  type Der,
} from './der.ts';

const OID = {
  sha256: '2.16.840.1.101.3.4.2.1',
  signedData: '1.2.840.113549.1.7.2',
  tstInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
} as const;

/** The hashes a time-stamp authority may use, by object identifier; SHA-1 and MD5 are not among them. */
const HASHES: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Signature algorithms that name their hash; the others take it from the signer's digest algorithm. */
const SIGNATURE_HASHES: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
};
const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';

/** A TimeStampResp taken apart; nothing is verified yet. */
export interface TimestampResponse {
  readonly time: Date;
  /** What was stamped: hash algorithm (Node's name) and digest. */
  readonly imprint: { readonly hash: string; readonly digest: Uint8Array };
  readonly nonce: Uint8Array | null;
  /** Certificates sent along, DER: hints for the path, never trust. */
  readonly certificates: readonly Uint8Array[];
  readonly signer: { readonly issuer: Uint8Array; readonly serial: Uint8Array };
  /** @throws nothing: false if the token is not signed by this certificate's key. */
  isSignedBy(certificate: X509Certificate): boolean;
}

/** TimeStampReq over a signature (RFC 3161 section 2.4.1): SHA-256, a nonce, certificates asked for. */
export function timestampRequest(signature: Uint8Array, nonce: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(signature).digest();
  const algorithm = der(TAG.sequence, derOid(OID.sha256), der(TAG.null));
  const imprint = der(TAG.sequence, algorithm, der(TAG.octetString, digest));
  return der(
    TAG.sequence,
    derInteger(Buffer.from([1])),
    imprint,
    derInteger(nonce),
    der(TAG.boolean, Buffer.from([0xff])),
  );
}

/**
 * Reads a TimeStampResp (RFC 3161 section 2.4.2) that was granted and has exactly one signer.
 * @throws WeighmarkError `signature-malformed`.
 */
export function readTimestamp(response: Uint8Array): TimestampResponse {
  const [status, token] = childrenOf(expectTag(readDer(response), TAG.sequence));
  const granted = childAt(expectTag(status, TAG.sequence), 0, TAG.integer).body;
  if (granted.length !== 1 || (granted[0] ?? 9) > 1 || token === undefined)
    throw malformed('the server did not grant it');
  expectTag(token, TAG.sequence);
  if (oidOf(childAt(token, 0, TAG.oid)) !== OID.signedData) throw malformed('it is not CMS signed data');
  return readSignedData(childAt(childAt(token, 1, 0xa0), 0, TAG.sequence));
}

function readSignedData(signedData: Der): TimestampResponse {
  const parts = childrenOf(signedData);
  expectTag(parts[0], TAG.integer);
  expectTag(parts[1], TAG.set);
  const content = expectTag(parts[2], TAG.sequence);
  if (oidOf(childAt(content, 0, TAG.oid)) !== OID.tstInfo) throw malformed('it holds something else than a time');
  const info = childAt(childAt(content, 1, 0xa0), 0, TAG.octetString).body;
  const signers = childrenOf(expectTag(parts.at(-1), TAG.set));
  if (signers.length !== 1 || signers[0] === undefined) throw malformed(`it has ${signers.length} signers, not one`);
  const bag = parts.find((part) => part.tag === 0xa0);
  const certificates =
    bag === undefined
      ? []
      : childrenOf(bag)
          .filter((item) => item.tag === TAG.sequence)
          .map((item) => item.raw);
  return { ...readInfo(readDer(info)), certificates, ...readSigner(signers[0], info) };
}

function readInfo(info: Der): Pick<TimestampResponse, 'time' | 'imprint' | 'nonce'> {
  const parts = childrenOf(expectTag(info, TAG.sequence));
  expectTag(parts[0], TAG.integer);
  expectTag(parts[1], TAG.oid);
  expectTag(parts[3], TAG.integer);
  const imprint = expectTag(parts[2], TAG.sequence);
  const digest = childAt(imprint, 1, TAG.octetString).body;
  const nonce = parts.slice(5).find((part) => part.tag === TAG.integer);
  return {
    time: timeOf(expectTag(parts[4], TAG.generalizedTime)),
    imprint: { hash: hashNamed(childAt(imprint, 0, TAG.sequence)), digest },
    nonce: nonce === undefined ? null : nonce.body,
  };
}

function readSigner(signer: Der, info: Uint8Array): Pick<TimestampResponse, 'signer' | 'isSignedBy'> {
  const [version, id, digestAlgorithm, signedAttributes, signatureAlgorithm, signature] = childrenOf(
    expectTag(signer, TAG.sequence),
  );
  expectTag(version, TAG.integer);
  const issuerAndSerial = expectTag(id, TAG.sequence);
  const hash = hashNamed(expectTag(digestAlgorithm, TAG.sequence));
  const attributes = expectTag(signedAttributes, 0xa0);
  requireAttributes(attributes, createHash(hash).update(info).digest());
  const scheme = oidOf(childAt(expectTag(signatureAlgorithm, TAG.sequence), 0, TAG.oid));
  const signatureHash = scheme === RSA_ENCRYPTION ? hash : SIGNATURE_HASHES[scheme];
  // The signature covers the attributes as a SET, whatever tag they are sent under (RFC 5652 section 5.4).
  const signed = Buffer.concat([Buffer.from([TAG.set]), attributes.raw.subarray(1)]);
  const value = expectTag(signature, TAG.octetString).body;
  return {
    signer: {
      issuer: childAt(issuerAndSerial, 0, TAG.sequence).raw,
      serial: childAt(issuerAndSerial, 1, TAG.integer).body,
    },
    isSignedBy: (certificate) => signatureHash !== undefined && checks(signatureHash, signed, certificate, value),
  };
}

function requireAttributes(attributes: Der, infoDigest: Uint8Array): void {
  const value = (oid: string): Der => {
    const found = childrenOf(attributes).filter((attribute) => oidOf(childAt(attribute, 0, TAG.oid)) === oid);
    const values = found.flatMap((attribute) => childrenOf(childAt(attribute, 1, TAG.set)));
    if (values.length !== 1 || values[0] === undefined) throw malformed(`its attribute ${oid} is missing or doubled`);
    return values[0];
  };
  if (oidOf(value(OID.contentType)) !== OID.tstInfo) throw malformed('it signs another kind of content');
  if (!Buffer.from(infoDigest).equals(expectTag(value(OID.messageDigest), TAG.octetString).body))
    throw malformed('it signs another time than it shows');
}

function hashNamed(algorithm: Der): string {
  const hash = HASHES[oidOf(childAt(algorithm, 0, TAG.oid))];
  if (hash === undefined) throw malformed('its hash is not SHA-2');
  return hash;
}

function checks(hash: string, signed: Uint8Array, certificate: X509Certificate, signature: Uint8Array): boolean {
  try {
    return verifySignature(hash, signed, certificate.publicKey, signature);
  } catch {
    return false;
  }
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('signature-malformed', `the RFC 3161 timestamp is unusable: ${why}`);
}
