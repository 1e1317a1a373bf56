import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { childAt, readDer, TAG } from '../pki/der.ts';
import { IN_TOTO_PAYLOAD } from './predicates.ts';

/** DSSE pre-authentication encoding: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md */
export function preAuthEncoding(payload: Uint8Array, payloadType: string = IN_TOTO_PAYLOAD): Uint8Array {
  return Buffer.concat(preAuthPieces(payload, payloadType));
}

/** The same in pieces: a payload of megabytes is not copied to be signed. */
export function preAuthPieces(
  payload: Uint8Array,
  payloadType: string = IN_TOTO_PAYLOAD,
): readonly [Uint8Array, Uint8Array] {
  return [headOf(payload, payloadType), payload];
}

function headOf(payload: Uint8Array, payloadType: string): Buffer {
  return Buffer.from(`DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `);
}

/** SHA-256 of the pre-authentication encoding: the same for every wrapping of one signed content. */
export function paeDigest(payload: Uint8Array): string {
  return createHash('sha256').update(headOf(payload, IN_TOTO_PAYLOAD)).update(payload).digest('hex');
}

/**
 * The same for every copy of one signature, and another where the same was signed once more. An ECDSA signature (r, s) is as good
 * with -s, which anybody can write: r alone tells.
 */
export function actOf(payload: Uint8Array, signature: Uint8Array): string {
  return createHash('sha256').update(paeDigest(payload)).update(drawn(signature)).digest('hex');
}

function drawn(signature: Uint8Array): Uint8Array {
  const r = rOf(signature);
  return r.subarray(r.findIndex((byte) => byte !== 0));
}

function rOf(signature: Uint8Array): Uint8Array {
  try {
    return childAt(readDer(signature), 0, TAG.integer).body;
  } catch {
    return signature.subarray(0, signature.length / 2);
  }
}

/**
 * What `model_signing` 0.2.0 signed by mistake: a capital V, and Python's `repr` of the payload instead of its bytes
 * (model_signing/_signing/sign_sigstore_pb.py `pae_compat`).
 */
export function historicPreAuthEncoding(payload: Uint8Array): Uint8Array {
  return Buffer.from(
    `DSSEV1 ${IN_TOTO_PAYLOAD.length} ${IN_TOTO_PAYLOAD} ${payload.length} ${pythonRepr(payload)}`,
    'latin1',
  );
}

function pythonRepr(bytes: Uint8Array): string {
  const quote = bytes.includes(0x27) && !bytes.includes(0x22) ? '"' : "'";
  return `b${quote}${Array.from(bytes, (byte) => pythonChar(byte, quote)).join('')}${quote}`;
}

function pythonChar(byte: number, quote: string): string {
  const char = String.fromCharCode(byte);
  if (char === '\\' || char === quote) return `\\${char}`;
  if (char === '\n') return '\\n';
  if (char === '\r') return '\\r';
  if (char === '\t') return '\\t';
  return byte >= 0x20 && byte < 0x7f ? char : `\\x${byte.toString(16).padStart(2, '0')}`;
}
