import type { San } from '../pki/certificate.ts';
import { WeighmarkError } from '../base/errors.ts';
import { TAG, childAt, childrenOf, expectTag, oidOf, readDer, type Der } from '../pki/der.ts';

/** What a Fulcio certificate says, read by our own parser; nothing of it is proven here. */
export interface FulcioCertificate {
  readonly san: San;
  readonly issuer: string;
  /** Extensions under 1.3.6.1.4.1.57264.1 by their last arc, decoded. */
  readonly extensions: Readonly<Record<string, string>>;
}

export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

const FULCIO_ARC = '1.3.6.1.4.1.57264.1.';
const OID = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  codeSigning: '1.3.6.1.5.5.7.3.3',
} as const;

/**
 * Reads the identity of a signing certificate: exactly one name, code signing, no authority, one issuer.
 * @throws WeighmarkError `signature-malformed`, `signature-invalid`.
 */
export function readFulcioCertificate(certificate: Uint8Array): FulcioCertificate {
  const [identity, ...others] = fulcioIdentities(certificate);
  if (identity === undefined || others.length > 0)
    throw invalid(`its certificate has ${identity === undefined ? 0 : others.length + 1} names, not one`);
  return identity;
}

/** One for each name: only of a certificate with one it is an identity. @throws WeighmarkError as `readFulcioCertificate`. */
export function fulcioIdentities(certificate: Uint8Array): readonly FulcioCertificate[] {
  const parts = extensionsOf(certificate);
  requireSigningUse(parts);
  const extensions = fulcioExtensions(parts);
  const issuer = issuerOf(extensions);
  return namesOf(parts).map((san) => ({ san, issuer, extensions }));
}

/** All extensions of a certificate (RFC 5280 section 4.1). @throws WeighmarkError `signature-malformed` if one stands twice. */
export function extensionsOf(certificate: Uint8Array): readonly Extension[] {
  const tbs = childAt(readDer(certificate), 0, TAG.sequence);
  const wrapper = childrenOf(tbs).find((part) => part.tag === 0xa3);
  if (wrapper === undefined) return [];
  const extensions = childrenOf(childAt(wrapper, 0, TAG.sequence)).map(extensionFrom);
  if (new Set(extensions.map(({ oid }) => oid)).size !== extensions.length)
    throw invalid('its certificate has an extension twice');
  return extensions;
}

/** Issuer name (DER) and serial number: how CMS names a certificate. */
export function issuerAndSerial(certificate: Uint8Array): { readonly issuer: Uint8Array; readonly serial: Uint8Array } {
  const parts = childrenOf(childAt(readDer(certificate), 0, TAG.sequence)).filter((part) => part.tag !== 0xa0);
  return { serial: expectTag(parts[0], TAG.integer).body, issuer: expectTag(parts[2], TAG.sequence).raw };
}

/** Object identifiers of the extended key usage; null without the extension. */
export function extendedKeyUsage(
  extensions: readonly Extension[],
): { readonly critical: boolean; readonly uses: readonly string[] } | null {
  const found = extensions.find(({ oid }) => oid === OID.extendedKeyUsage);
  return found === undefined
    ? null
    : { critical: found.critical, uses: childrenOf(expectTag(readDer(found.value), TAG.sequence)).map(oidOf) };
}

function extensionFrom(extension: Der): Extension {
  const parts = childrenOf(expectTag(extension, TAG.sequence));
  const critical = parts[1]?.tag === TAG.boolean && parts[1].body[0] === 0xff;
  return { oid: oidOf(expectTag(parts[0], TAG.oid)), critical, value: expectTag(parts.at(-1), TAG.octetString).body };
}

function requireSigningUse(extensions: readonly Extension[]): void {
  if (extendedKeyUsage(extensions)?.uses.includes(OID.codeSigning) !== true)
    throw invalid('its certificate is not for code signing');
  const usage = extensions.find(({ oid }) => oid === OID.keyUsage);
  // BIT STRING: a count of unused bits, then the bits; the highest of the first byte is digitalSignature.
  const bits = usage === undefined ? 0 : (expectTag(readDer(usage.value), TAG.bitString).body[1] ?? 0);
  if ((bits & 0x80) === 0) throw invalid('its certificate is not for signatures');
  const constraints = extensions.find(({ oid }) => oid === OID.basicConstraints);
  if (constraints !== undefined && childrenOf(readDer(constraints.value))[0]?.tag === TAG.boolean)
    throw invalid('its certificate is an authority’s');
}

const NAME_TYPES: Readonly<Record<number, San['type']>> = { 0x81: 'email', 0x82: 'dns', 0x86: 'uri' };

function namesOf(extensions: readonly Extension[]): readonly San[] {
  const found = extensions.find(({ oid }) => oid === OID.subjectAltName);
  return found === undefined ? [] : childrenOf(expectTag(readDer(found.value), TAG.sequence)).map(nameFrom);
}

function nameFrom(name: Der): San {
  const type = NAME_TYPES[name.tag];
  if (type !== undefined) return { type, value: printable(name.body) };
  // otherName: an object identifier and a value under tag 0; Fulcio writes a UTF8String there.
  const value = name.tag === 0xa0 ? childrenOf(childAt(name, 1, 0xa0))[0] : undefined;
  return { type: 'other', value: printable(expectTag(value, TAG.utf8).body) };
}

function fulcioExtensions(extensions: readonly Extension[]): Readonly<Record<string, string>> {
  const ours = extensions.filter(({ oid }) => oid.startsWith(FULCIO_ARC));
  return Object.fromEntries(
    ours.map(({ oid, value }) => [oid.slice(FULCIO_ARC.length), decode(Number(oid.slice(FULCIO_ARC.length)), value)]),
  );
}

/** Arcs 1 to 6 are bare text, 8 and above a DER string: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md */
function decode(arc: number, value: Uint8Array): string {
  return printable(arc >= 8 ? expectTag(readDer(value), TAG.utf8).body : value);
}

function issuerOf(extensions: Readonly<Record<string, string>>): string {
  const { 1: old, 8: current } = extensions;
  if (old !== undefined && current !== undefined && old !== current) throw invalid('its certificate names two issuers');
  const issuer = current ?? old;
  if (issuer === undefined) throw invalid('its certificate does not say who vouches for the identity');
  return issuer;
}

/** Names are compared byte for byte: what cannot be compared so by a reader is refused. */
function printable(bytes: Uint8Array): string {
  const text = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(bytes);
  if (/[\p{Cc}\ufffd]/u.test(text)) throw invalid('a name in its certificate holds control characters');
  return text;
}

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('signature-invalid', `the signer is not proven: ${why}`);
}
