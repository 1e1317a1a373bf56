import { WeighmarkError } from '../base/errors.ts';

/** One DER element; `body` and `raw` are views of the bytes read. */
export interface Der {
  readonly tag: number;
  readonly body: Uint8Array;
  /** Header and body. */
  readonly raw: Uint8Array;
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Exactly one element. @throws WeighmarkError `signature-malformed` for anything but DER (X.690 section 10). */
export function readDer(bytes: Uint8Array): Der {
  const element = elementAt(bytes, 0);
  if (element.raw.length !== bytes.length) throw malformed('something follows the element');
  return element;
}

/** The elements inside a constructed one. */
export function childrenOf(parent: Der): readonly Der[] {
  const children: Der[] = [];
  for (let at = 0; at < parent.body.length;) {
    const child = elementAt(parent.body, at);
    children.push(child);
    at += child.raw.length;
  }
  return children;
}

/** A child by place, of an expected tag. @throws WeighmarkError `signature-malformed`. */
export function childAt(parent: Der, place: number, tag: number): Der {
  return expectTag(childrenOf(parent)[place], tag);
}

/** @throws WeighmarkError `signature-malformed` if it is not there or another kind. */
export function expectTag(element: Der | undefined, tag: number): Der {
  if (element?.tag === tag) return element;
  throw malformed(`tag ${element?.tag ?? 'none'} where ${tag} belongs`);
}

/** Dotted form. */
export function oidOf(element: Der): string {
  expectTag(element, TAG.oid);
  const arcs: number[] = [];
  let value = 0;
  for (const byte of element.body) {
    value = value * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(value)) throw malformed('an object identifier is too long');
    if ((byte & 0x80) !== 0) continue;
    arcs.push(value);
    value = 0;
  }
  const [first = 0, ...rest] = arcs;
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** GeneralizedTime in UTC, with or without a fraction: `YYYYMMDDHHMMSS[.f+]Z`. */
export function timeOf(element: Der): Date {
  expectTag(element, TAG.generalizedTime);
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(
    Buffer.from(element.body).toString('latin1'),
  );
  const [, year, month, day, hour, minute, second, fraction = ''] = parts ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (parts === null || Number.isNaN(time.getTime())) throw malformed('a time that cannot be read');
  return time;
}

/** Builds one element from its parts. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(body.length)]), body]);
}

export function derOid(dotted: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return der(TAG.oid, Buffer.from([root * 40 + second, ...rest].flatMap(base128)));
}

/** A non-negative INTEGER from big-endian bytes. */
export function derInteger(bytes: Uint8Array): Uint8Array {
  const start = Math.max(
    0,
    Math.min(
      bytes.findIndex((byte) => byte !== 0),
      bytes.length - 1,
    ),
  );
  const body = bytes.subarray(start);
  return der(TAG.integer, (body[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body);
}

function elementAt(bytes: Uint8Array, at: number): Der {
  const tag = bytes[at];
  if (tag === undefined || (tag & 0x1f) === 0x1f) throw malformed('a tag is missing or too large');
  const { length, header } = readLength(bytes, at + 1);
  const start = at + 1 + header;
  if (start + length > bytes.length) throw malformed('an element ends beyond its parent');
  return { tag, body: bytes.subarray(start, start + length), raw: bytes.subarray(at, start + length) };
}

function readLength(bytes: Uint8Array, at: number): { length: number; header: number } {
  const first = bytes[at];
  if (first === undefined || first === 0x80 || first > 0x84)
    throw malformed('a length is missing, indefinite or too large');
  if (first < 0x80) return { length: first, header: 1 };
  const digits = bytes.subarray(at + 1, at + 1 + (first & 0x7f));
  const length = digits.reduce((value, byte) => value * 256 + byte, 0);
  if (digits.length !== (first & 0x7f) || digits[0] === 0 || length < 0x80)
    throw malformed('a length is not in its shortest form');
  return { length, header: 1 + digits.length };
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return [0x80 | digits.length, ...digits];
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 0x80);
  return digits;
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('signature-malformed', `not DER: ${why}`);
}
