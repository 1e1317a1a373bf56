import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { fields, list, LOG_ENTRY, malformed, type Fields } from '../claims/bundle-json.ts';

/**
 * Any Sigstore bundle, 0.1 to 0.3, over a DSSE envelope or a message; every member is bounded and known.
 * https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_bundle.proto
 */
export interface SigstoreBundle {
  readonly version: '0.1' | '0.2' | '0.3';
  /** A hint at a key, or certificates as DER, leaf first. */
  readonly key:
    | { readonly kind: 'key'; readonly hint: string }
    | {
        readonly kind: 'certificate';
        readonly leaf: Uint8Array;
        /** Leaf first. */ readonly certificates: readonly Uint8Array[];
      };
  readonly content: BundleContent;
  readonly logEntries: readonly LogEntry[];
  /** RFC 3161 responses, DER. */
  readonly timestamps: readonly Uint8Array[];
  /** The checked JSON, for the library that verifies its cryptography. */
  readonly json: { readonly [key: string]: Json };
}

export type BundleContent =
  | {
      readonly kind: 'dsse';
      readonly payload: Uint8Array;
      readonly payloadType: string;
      readonly signature: Uint8Array;
    }
  | {
      readonly kind: 'message';
      /** SHA-256 the bundle claims of the artifact. */ readonly digest: Uint8Array;
      readonly signature: Uint8Array;
    };

export interface LogEntry {
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970; null if not said. Counts only under an inclusion promise. */
  readonly integratedTime: number | null;
  readonly hasPromise: boolean;
  /** Place in the tree its proof proves; null without a proof. */
  readonly provenIndex: string | null;
  readonly checkpoint: string | null;
  /** What the proof says the checkpoint says: tree size and root (base64). */
  readonly proofOf: { readonly treeSize: string; readonly rootHash: string } | null;
  readonly body: Uint8Array;
}

const VERSIONS: Readonly<Record<string, SigstoreBundle['version']>> = {
  'application/vnd.dev.sigstore.bundle+json;version=0.1': '0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2': '0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3': '0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json': '0.3',
};

/** @throws WeighmarkError `signature-malformed`, `claims-limit`. */
export function parseSigstoreBundle(bytes: Uint8Array, maxBytes: number = LIMITS.claimBytes): SigstoreBundle {
  if (bytes.length > maxBytes) throw new WeighmarkError('claims-limit', `the bundle is larger than ${maxBytes} bytes`);
  const json = parseStrictJsonObject(bytes, { code: 'signature-malformed', subject: 'the bundle' });
  const top = fields(json, 'the bundle', ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope']);
  const mediaType = text(top, 'mediaType');
  const version = Object.hasOwn(VERSIONS, mediaType) ? VERSIONS[mediaType] : undefined;
  if (version === undefined) throw malformed(`its media type ${JSON.stringify(mediaType.slice(0, 100))} is not known`);
  const material = fields(top['verificationMaterial'], 'verificationMaterial', [
    'publicKey',
    'x509CertificateChain',
    'certificate',
    'tlogEntries',
    'timestampVerificationData',
  ]);
  const logEntries = list(material['tlogEntries'] ?? [], 'tlogEntries', LIMITS.logEntriesPerBundle).map(logEntryFrom);
  return {
    version,
    key: keyFrom(material),
    content: contentFrom(top),
    logEntries,
    timestamps: timestampsFrom(material['timestampVerificationData']),
    json,
  };
}

function keyFrom(material: Fields): SigstoreBundle['key'] {
  const given = (['publicKey', 'x509CertificateChain', 'certificate'] as const).filter(
    (name) => material[name] !== undefined,
  );
  if (given.length !== 1) throw malformed(`it names ${given.length} keys, not one`);
  if (given[0] === 'publicKey')
    return {
      kind: 'key',
      hint: optionalText(fields(material['publicKey'], 'publicKey', ['hint', 'rawBytes', 'keyDetails']), 'hint'),
    };
  const raw = (value: Json | undefined): Uint8Array => base64(fields(value, 'certificate', ['rawBytes']), 'rawBytes');
  const chain =
    given[0] === 'certificate'
      ? [raw(material['certificate'])]
      : list(
          fields(material['x509CertificateChain'], 'x509CertificateChain', ['certificates'])['certificates'],
          'certificates',
          LIMITS.certificatesPerBundle,
        ).map(raw);
  if (chain[0] === undefined) throw malformed('its certificate chain is empty');
  return { kind: 'certificate', leaf: chain[0], certificates: chain };
}

function contentFrom(top: Fields): BundleContent {
  if ((top['dsseEnvelope'] === undefined) === (top['messageSignature'] === undefined))
    throw malformed('it holds no signature, or two kinds');
  return top['dsseEnvelope'] === undefined ? messageFrom(top['messageSignature']) : dsseFrom(top['dsseEnvelope']);
}

function dsseFrom(value: Json | undefined): BundleContent {
  const envelope = fields(value, 'dsseEnvelope', ['payload', 'payloadType', 'signatures']);
  const signatures = list(envelope['signatures'], 'signatures', LIMITS.certificatesPerBundle);
  if (signatures.length !== 1) throw malformed(`its envelope has ${signatures.length} signatures, not one`);
  const signature = base64(fields(signatures[0], 'signature', ['sig', 'keyid']), 'sig');
  return { kind: 'dsse', payload: base64(envelope, 'payload'), payloadType: text(envelope, 'payloadType'), signature };
}

function messageFrom(value: Json | undefined): BundleContent {
  const message = fields(value, 'messageSignature', ['messageDigest', 'signature']);
  const digest = fields(message['messageDigest'], 'messageDigest', ['algorithm', 'digest']);
  if (text(digest, 'algorithm') !== 'SHA2_256')
    throw malformed(`its digest is ${text(digest, 'algorithm').slice(0, 40)}, not SHA2_256`);
  const bytes = base64(digest, 'digest');
  if (bytes.length !== 32) throw malformed('its digest is not 32 bytes');
  return { kind: 'message', digest: bytes, signature: base64(message, 'signature') };
}

function timestampsFrom(value: Json | undefined): readonly Uint8Array[] {
  if (value === undefined) return [];
  const { rfc3161Timestamps: tokens } = fields(value, 'timestampVerificationData', ['rfc3161Timestamps']);
  return list(tokens ?? [], 'rfc3161Timestamps', LIMITS.timestampsPerBundle).map((token) =>
    base64(fields(token, 'timestamp', ['signedTimestamp']), 'signedTimestamp'),
  );
}

function logEntryFrom(value: Json): LogEntry {
  const entry = fields(value, 'a log entry', LOG_ENTRY);
  const kindVersion = fields(entry['kindVersion'], 'kindVersion', ['kind', 'version']);
  const promise = entry['inclusionPromise'];
  if (promise !== undefined)
    base64(fields(promise, 'inclusionPromise', ['signedEntryTimestamp']), 'signedEntryTimestamp');
  // Its number across the log's trees decides nothing: what is proven is the place in one of them.
  integer(entry, 'logIndex');
  return {
    logId: base64(fields(entry['logId'], 'logId', ['keyId']), 'keyId'),
    kind: text(kindVersion, 'kind'),
    version: text(kindVersion, 'version'),
    integratedTime: entry['integratedTime'] === undefined ? null : Number(integer(entry, 'integratedTime')),
    hasPromise: promise !== undefined,
    ...proofFrom(entry['inclusionProof']),
    body: base64(entry, 'canonicalizedBody'),
  };
}

/** Log trees have at most 2^63 leaves, so a proof at most 63 inner and as many border hashes. */
const PROOF_HASHES = 128;

function proofFrom(value: Json | undefined): Pick<LogEntry, 'provenIndex' | 'checkpoint' | 'proofOf'> {
  if (value === undefined) return { provenIndex: null, checkpoint: null, proofOf: null };
  const proof = fields(value, 'inclusionProof', ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint']);
  list(proof['hashes'] ?? [], 'hashes', PROOF_HASHES);
  const checkpoint =
    proof['checkpoint'] === undefined
      ? null
      : text(fields(proof['checkpoint'], 'checkpoint', ['envelope']), 'envelope');
  const rootHash = Buffer.from(base64(proof, 'rootHash')).toString('base64');
  return {
    provenIndex: integer(proof, 'logIndex'),
    checkpoint,
    proofOf: { treeSize: integer(proof, 'treeSize'), rootHash },
  };
}

function text(from: Fields, name: string): string {
  const value = from[name];
  if (typeof value === 'string') return value;
  throw malformed(`${name} is missing or not text`);
}

function optionalText(from: Fields, name: string): string {
  return from[name] === undefined ? '' : text(from, name);
}

/** A 64-bit integer: protobuf JSON writes text, reads numbers too, and leaves out zero. */
function integer(from: Fields, name: string): string {
  const given = from[name] ?? '0';
  const value = typeof given === 'string' || typeof given === 'number' ? String(given) : '';
  if (/^(?:0|[1-9]\d{0,18})$/.test(value)) return value;
  throw malformed(`${name} is not a number`);
}

function base64(from: Fields, name: string): Uint8Array {
  const value = text(from, name).replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== value) throw malformed(`${name} is empty or not base64`);
  return bytes;
}
