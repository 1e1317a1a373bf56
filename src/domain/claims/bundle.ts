import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { decodeBase64 } from '../base/base64.ts';
import { parseStrictJsonObject, strictJsonWithout, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { fields, list, LOG_ENTRY, malformed, shown } from './bundle-json.ts';
import { BUNDLE_MEDIA_TYPE, IN_TOTO_PAYLOAD } from './predicates.ts';

/** Who signed, as the bundle says: a hint at a key, a certificate chain (leaf first), or one Fulcio certificate. DER. */
export type BundleKey =
  | { readonly kind: 'key'; /** Empty if the bundle gives none. */ readonly hint: string }
  | { readonly kind: 'chain'; readonly certificates: readonly Uint8Array[] }
  | { readonly kind: 'certificate'; readonly certificate: Uint8Array };

/**
 * A Sigstore bundle v0.3 that holds one DSSE envelope over an in-toto payload with one signature: the only form a claim has.
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
 */
export interface Bundle {
  readonly key: BundleKey;
  readonly payload: Uint8Array;
  /** ECDSA, DER; not yet verified. */
  readonly signature: Uint8Array;
  /** RFC 3161 responses, DER. */
  readonly timestamps: readonly Uint8Array[];
  readonly logEntries: number;
}

/**
 * Reads a bundle strictly: unknown fields, other versions, more than one signature, and anything beyond LIMITS are refused.
 * @throws WeighmarkError `signature-malformed`; `claims-limit` for more than `maxBytes`.
 */
export function parseBundle(bytes: Uint8Array, maxBytes: number = LIMITS.claimBytes): Bundle {
  if (bytes.length > maxBytes) throw new WeighmarkError('claims-limit', `the bundle is larger than ${maxBytes} bytes`);
  const { json, payload } = readJson(bytes);
  const bundle = fields(json, 'the bundle', ['mediaType', 'verificationMaterial', 'dsseEnvelope', 'messageSignature']);
  if (bundle['mediaType'] !== BUNDLE_MEDIA_TYPE)
    throw malformed(`its media type is ${shown(bundle['mediaType'])}, not ${BUNDLE_MEDIA_TYPE}`);
  if (bundle['messageSignature'] !== undefined) throw malformed('it signs bytes, not a statement about an artifact');
  const { key, timestamps, logEntries } = readMaterial(bundle['verificationMaterial']);
  return { key, timestamps, logEntries, ...readEnvelope(bundle['dsseEnvelope'], payload) };
}

/** The payload may be megabytes: where it is spelled as usual it is decoded from the bytes, and never made text. */
function readJson(bytes: Uint8Array): { json: { readonly [key: string]: Json }; payload: Uint8Array | null } {
  const cut = strictJsonWithout(bytes, ['dsseEnvelope', 'payload']);
  const payload = cut === null ? null : decodeBase64(cut.text);
  if (cut !== null && payload !== null) return { json: cut.json, payload };
  return { json: parseStrictJsonObject(bytes, { code: 'signature-malformed', subject: 'the bundle' }), payload: null };
}

function readMaterial(value: Json | undefined): Pick<Bundle, 'key' | 'timestamps' | 'logEntries'> {
  const known = ['publicKey', 'x509CertificateChain', 'certificate', 'tlogEntries', 'timestampVerificationData'];
  const material = fields(value, 'verificationMaterial', known);
  const { tlogEntries, timestampVerificationData, ...keys } = material;
  const [name, ...others] = Object.keys(keys);
  if (name === undefined || others.length > 0) throw malformed('verificationMaterial names no key, or more than one');
  const entries = list(tlogEntries ?? [], 'tlogEntries', LIMITS.logEntriesPerBundle);
  entries.forEach(checkLogEntry);
  return {
    key: readKey(name, keys[name]),
    timestamps: readTimestamps(timestampVerificationData),
    logEntries: entries.length,
  };
}

function readKey(name: string, value: Json | undefined): BundleKey {
  if (name === 'publicKey') return { kind: 'key', hint: readHint(value) };
  if (name === 'certificate') return { kind: 'certificate', certificate: readCertificate(value) };
  const { certificates } = fields(value, 'x509CertificateChain', ['certificates']);
  const chain = list(certificates, 'certificates', LIMITS.certificatesPerBundle).map(readCertificate);
  if (chain.length === 0) throw malformed('its certificate chain is empty');
  return { kind: 'chain', certificates: chain };
}

/** OMS before 1.1 wrote the key itself (`rawBytes`, `keyDetails`): never used, for a key in a bundle proves nothing. */
function readHint(value: Json | undefined): string {
  const key = fields(value, 'publicKey', ['hint', 'rawBytes', 'keyDetails']);
  const hint = key['hint'] ?? '';
  if (typeof hint !== 'string') throw malformed('the key hint is not text');
  return hint;
}

function readCertificate(value: Json | undefined): Uint8Array {
  return base64(fields(value, 'certificate', ['rawBytes'])['rawBytes'], 'rawBytes');
}

function readTimestamps(value: Json | undefined): readonly Uint8Array[] {
  if (value === undefined) return [];
  const { rfc3161Timestamps } = fields(value, 'timestampVerificationData', ['rfc3161Timestamps']);
  return list(rfc3161Timestamps ?? [], 'rfc3161Timestamps', LIMITS.timestampsPerBundle).map((entry) =>
    base64(fields(entry, 'timestamp', ['signedTimestamp'])['signedTimestamp'], 'signedTimestamp'),
  );
}

const LOG_PARTS: Readonly<Record<string, readonly string[]>> = {
  logId: ['keyId'],
  kindVersion: ['kind', 'version'],
  inclusionPromise: ['signedEntryTimestamp'],
  inclusionProof: ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint'],
};

/** The shape only; what the log proves is the Sigstore adapter's to verify. */
function checkLogEntry(value: Json): void {
  const entry = fields(value, 'a log entry', LOG_ENTRY);
  for (const [name, known] of Object.entries(LOG_PARTS)) {
    if (entry[name] !== undefined) fields(entry[name], name, known);
  }
}

function readEnvelope(value: Json | undefined, decoded: Uint8Array | null): Pick<Bundle, 'payload' | 'signature'> {
  const envelope = fields(value, 'dsseEnvelope', ['payload', 'payloadType', 'signatures']);
  if (envelope['payloadType'] !== IN_TOTO_PAYLOAD)
    throw malformed(`its payload type is ${shown(envelope['payloadType'])}, not ${IN_TOTO_PAYLOAD}`);
  const signatures = list(envelope['signatures'], 'signatures', 1);
  const { sig, keyid } = fields(signatures[0], 'signature', ['sig', 'keyid']);
  if (typeof (keyid ?? '') !== 'string') throw malformed('keyid is not text');
  return { payload: decoded ?? base64(envelope['payload'], 'payload'), signature: base64(sig, 'sig') };
}

/** Standard base64 with padding; the URL-safe alphabet is read too, as protobuf JSON allows. */
function base64(value: Json | undefined, what: string): Uint8Array {
  if (typeof value !== 'string' || value === '') throw malformed(`${what} is missing`);
  const standard = value.includes('-') || value.includes('_') ? value.replaceAll('-', '+').replaceAll('_', '/') : value;
  const bytes = Buffer.from(standard, 'base64');
  if (!isBase64Of(standard, bytes)) throw malformed(`${what} is not base64`);
  return bytes;
}

/** Its one spelling; compared piece by piece, since the text may be megabytes. */
function isBase64Of(text: string, bytes: Buffer): boolean {
  if (text.length !== Math.ceil(bytes.length / 3) * 4) return false;
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    if (!text.startsWith(bytes.toString('base64', at, at + PIECE_BYTES), (at / 3) * 4)) return false;
  }
  return true;
}

/** A multiple of three: each piece ends where four characters end. */
const PIECE_BYTES = 48 << 10;
