import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';

/** C2SP signed notes and verifier keys. https://c2sp.org/signed-note */
export const ED25519 = 0x01;
export const COSIGNATURE_ED25519 = 0x04;
/** Also what a log signs with: the checkpoint specification recommends the ML-DSA-44 cosignature for that. */
export const COSIGNATURE_ML_DSA_44 = 0x06;

const RAW_KEY_BYTES: Readonly<Record<number, number>> = {
  [ED25519]: 32,
  [COSIGNATURE_ED25519]: 32,
  [COSIGNATURE_ML_DSA_44]: 1312,
};
const SIGNATURE_BYTES: Readonly<Record<number, number>> = {
  [ED25519]: 64,
  [COSIGNATURE_ED25519]: 8 + 64,
  [COSIGNATURE_ML_DSA_44]: 8 + 2420,
};
/** DER of a SubjectPublicKeyInfo up to the raw key. */
const SPKI_PREFIX: Readonly<Record<number, string>> = {
  [ED25519]: '302a300506032b6570032100',
  [COSIGNATURE_ED25519]: '302a300506032b6570032100',
  [COSIGNATURE_ML_DSA_44]: '30820532300b06096086480165030403110382052100',
};
const MAX_SIGNATURES = 64;
const NOTE_BYTES = 1 << 18;

/** A key that verifies notes: `name+hex(id)+base64(type, key)`. */
export interface VerifierKey {
  readonly name: string;
  readonly type: number;
  /** Lower-case hex of the four id bytes. */
  readonly id: string;
  readonly key: Uint8Array;
}

export interface NoteSignature {
  readonly name: string;
  /** Lower-case hex of the four id bytes. */
  readonly id: string;
  readonly signature: Uint8Array;
}

export interface Note {
  /** With its last newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** A signature that verified, with the time it carries (seconds since the epoch) if it is a cosignature. */
export interface VerifiedSignature {
  readonly key: VerifierKey;
  readonly timestamp?: number;
}

export function keyId(name: string, type: number, key: Uint8Array): string {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(type)).update(key).digest('hex').slice(0, 8);
}

export function formatVkey(name: string, type: number, key: Uint8Array): string {
  return `${name}+${keyId(name, type, key)}+${Buffer.concat([Uint8Array.of(type), key]).toString('base64')}`;
}

/** @throws WeighmarkError `trust-invalid`: wrong form, unknown type, or an id that is not this key's. */
export function parseVkey(text: string): VerifierKey {
  const [, name = '', id = '', base64 = ''] =
    /^([^\p{White_Space}+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  const type = bytes[0] ?? 0;
  const key = new Uint8Array(bytes.subarray(1));
  const known =
    name !== '' &&
    RAW_KEY_BYTES[type] === key.length &&
    bytes.toString('base64') === base64 &&
    isOneEncoding(type, key);
  if (!known || keyId(name, type, key) !== id)
    throw new WeighmarkError('trust-invalid', 'not a verifier key', { subject: text });
  return { name, type, id, key };
}

const ED25519_PRIME = (1n << 255n) - 19n;

/** RFC 8032 section 5.1.3: a y below the prime, and no minus sign on an x of zero; else one point would be two keys. */
function isOneEncoding(type: number, key: Uint8Array): boolean {
  if (type === COSIGNATURE_ML_DSA_44) return true;
  const number = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`);
  const y = number & ((1n << 255n) - 1n);
  const isMinus = number >> 255n === 1n;
  return y < ED25519_PRIME && !(isMinus && (y === 1n || y === ED25519_PRIME - 1n));
}

/** The raw bytes of a public key as notes name it. @throws WeighmarkError `key-unusable` for other kinds of key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const der = key.export({ type: 'spki', format: 'der' });
  const length = RAW_KEY_BYTES[key.asymmetricKeyType === 'ed25519' ? ED25519 : COSIGNATURE_ML_DSA_44] ?? 0;
  if (key.asymmetricKeyType !== 'ed25519' && String(key.asymmetricKeyType) !== 'ml-dsa-44') {
    throw new WeighmarkError('key-unusable', `a log is signed with Ed25519 or ML-DSA-44, not ${key.asymmetricKeyType}`);
  }
  return new Uint8Array(der.subarray(der.length - length));
}

/** False where this Node cannot make signatures of the type (ML-DSA before Node 24). */
export function canVerify(key: VerifierKey): boolean {
  try {
    publicKeyOf(key);
    return true;
  } catch {
    return false;
  }
}

/** Notes are UTF-8, every byte of them. @throws WeighmarkError `log-invalid`. */
export function noteText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed('not a signed note: it is not UTF-8');
  }
}

/** @throws WeighmarkError `log-invalid` for anything that is not a signed note. */
export function parseNote(text: string): Note {
  if (text.length > NOTE_BYTES || /[\p{Cc}--[\n\u007f-\u009f]]/v.test(text)) throw malformed('not a signed note');
  const split = text.lastIndexOf('\n\n');
  if (split < 0 || !text.endsWith('\n')) throw malformed('a note without signatures');
  const lines = text.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw malformed(`more than ${MAX_SIGNATURES} signatures`);
  return { text: text.slice(0, split + 1), signatures: lines.map(parseSignature) };
}

export function formatNote(note: Note): string {
  return `${note.text}\n${note.signatures.map(formatSignature).join('')}`;
}

export function formatSignature({ name, id, signature }: NoteSignature): string {
  return `— ${name} ${Buffer.concat([Buffer.from(id, 'hex'), signature]).toString('base64')}\n`;
}

/** Signature lines alone, as a witness answers. @throws WeighmarkError `log-invalid`. */
export function parseSignatures(text: string): readonly NoteSignature[] {
  if (text.includes('\n\n')) throw malformed('signature lines with an empty one among them');
  return parseNote(`x\n\n${text}`).signatures;
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^— ([^\p{White_Space}+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  if (name === '' || bytes.length < 5 || bytes.toString('base64') !== base64)
    throw malformed('a malformed signature line');
  return { name, id: bytes.toString('hex', 0, 4), signature: new Uint8Array(bytes.subarray(4)) };
}

/**
 * The signatures by the given keys. Unknown keys are ignored, as the specification demands.
 * @throws WeighmarkError `log-invalid` if a known key's signature does not verify.
 */
export function verifyNote(note: Note, keys: readonly VerifierKey[]): readonly VerifiedSignature[] {
  return note.signatures.flatMap((line) => {
    const key = keys.find((candidate) => candidate.name === line.name && candidate.id === line.id);
    if (key === undefined || !canVerify(key)) return [];
    const message = signedMessage(note.text, key, line.signature);
    const publicKey = publicKeyOf(key);
    if (message === null || !verify(null, message.bytes, publicKey, message.signature)) {
      throw malformed(`the signature of ${key.name} does not verify`);
    }
    return [message.timestamp === undefined ? { key } : { key, timestamp: message.timestamp }];
  });
}

interface SignedMessage {
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly timestamp?: number;
}

function signedMessage(text: string, key: VerifierKey, signature: Uint8Array): SignedMessage | null {
  if (signature.length !== SIGNATURE_BYTES[key.type]) return null;
  if (key.type === ED25519) return { bytes: Buffer.from(text), signature };
  const seconds = Buffer.from(signature).readBigUInt64BE(0);
  if (seconds > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  const timestamp = Number(seconds);
  const bytes = cosignedMessage(text, key, timestamp);
  return bytes === null ? null : { bytes, signature: signature.subarray(8), timestamp };
}

/** What a cosigner signs (c2sp.org/tlog-cosignature); null if it cannot sign that text. `timestamp` in seconds. */
export function cosignedMessage(
  text: string,
  key: Pick<VerifierKey, 'name' | 'type'>,
  timestamp: number,
): Uint8Array | null {
  if (key.type === COSIGNATURE_ED25519) return Buffer.from(`cosignature/v1\ntime ${timestamp}\n${text}`);
  const [origin = '', size = '', root = ''] = text.split('\n');
  const hash = Buffer.from(root, 'base64');
  if (!/^(?:0|[1-9]\d{0,15})$/.test(size) || hash.length !== 32 || !fitsOpaque8(key.name) || !fitsOpaque8(origin))
    return null;
  const numbers = Buffer.alloc(16);
  numbers.writeBigUInt64BE(BigInt(size), 8);
  return Buffer.concat([
    Buffer.from('subtree/v1\n\0'),
    opaque8(key.name),
    uint64(timestamp),
    opaque8(origin),
    numbers,
    hash,
  ]);
}

/** `opaque<1..2^8-1>` of RFC 8446: a longer name would wrap its length. */
function fitsOpaque8(text: string): boolean {
  const length = Buffer.byteLength(text);
  return length > 0 && length < 256;
}

function opaque8(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
}

function uint64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function publicKeyOf(key: VerifierKey): KeyObject {
  const der = Buffer.concat([Buffer.from(SPKI_PREFIX[key.type] ?? '', 'hex'), key.key]);
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('log-invalid', why);
}
