import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';

/** One DER element (X.690): identifier octet, and content within the bytes it was read from. */
export interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** The elements that fill `bytes` one after the other. @throws WeighmarkError `format-invalid` for anything not DER. */
export function readElements(bytes: Uint8Array): readonly Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const { element, next } = readElement(bytes, at);
    elements.push(element);
    at = next;
  }
  return elements;
}

/** Exactly one element with this tag. @throws `format-invalid`. */
export function readOnly(bytes: Uint8Array, tag: number): Uint8Array {
  const [element, ...others] = readElements(bytes);
  if (element?.tag !== tag || others.length > 0) throw invalid();
  return element.content;
}

/** Dotted form of an OBJECT IDENTIFIER's content. */
export function readOid(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of content) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER) throw invalid();
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first = 0, ...rest] = arcs;
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...rest].join('.');
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
} as const;

function readElement(bytes: Uint8Array, at: number): { element: Element; next: number } {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw invalid();
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (lengthBytes > 4 || first === 0x80) throw invalid();
  const start = at + 2 + lengthBytes;
  const length =
    lengthBytes === 0 ? first : Number.parseInt(Buffer.from(bytes.subarray(at + 2, start)).toString('hex'), 16);
  if (!(start + length <= bytes.length)) throw invalid();
  return { element: { tag, content: bytes.subarray(start, start + length) }, next: start + length };
}

function invalid(): WeighmarkError {
  return new WeighmarkError('format-invalid', 'not DER');
}
