import { Buffer, isUtf8 } from 'node:buffer';
import { isBase64 } from './base64.ts';
import { LIMITS } from './limits.ts';

/** A member of an object, by where its value's bytes are. */
export interface NotedMember {
  /** 1 for a member of the top object, 2 for one of the object that is its first followed member, and so on. */
  readonly depth: number;
  readonly name: string;
  readonly start: number;
  /** After its last byte. */
  readonly end: number;
}

/**
 * Looks at JSON bytes once, without making a value: null unless they surely are what the strict reader and `JSON.parse`
 * both read, and read alike. Null is no refusal but a doubt (rare spellings, large objects, keys that may be equal),
 * which the strict reader resolves.
 * @param follow names: the members noted are those of the top object, of its member of the first name, of that one's
 * member of the second name, and so on.
 */
export function scanJson(bytes: Uint8Array, follow: readonly string[] = []): readonly NotedMember[] | null {
  if (!isUtf8(bytes)) return null;
  const notes = createNotes(bytes, follow);
  return isStrict(bytes, notes) ? notes.members : null;
}

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COMMA_OR_END = 4;

/** Where nothing valid ends. */
const NOWHERE = 0;

/** An object's keys are compared by their hashes, one by one: with more the strict reader is faster. */
const KEYS_COMPARED = 64;

/**
 * Where the hashes of each open object's keys begin, -1 for an array, and these hashes: what is read of them was written in the
 * same look. Kept, since most of what is read is shorter than they are.
 */
const FIRSTS = new Int32Array(LIMITS.jsonDepth + 1);
const HASHES = new Int32Array(LIMITS.jsonDepth * KEYS_COMPARED);

/** One loop over local variables, which is compiled while it runs: made of functions it took twice as long for 4 MB. */
function isStrict(bytes: Uint8Array, notes: Notes): boolean {
  const [firsts, hashes] = [FIRSTS, HASHES];
  let at = 0;
  let depth = 0;
  let keys = 0;
  let next = VALUE;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    const first = firsts[depth] ?? 0;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
      at += 1;
    } else if (next !== VALUE && next !== KEY && depth > 0 && byte === (first < 0 ? 0x5d : 0x7d)) {
      at += 1;
      depth -= 1;
      if (first >= 0) keys = first;
      next = COMMA_OR_END;
      if (depth <= notes.depth) notes.end(depth, at);
    } else if (next === COMMA_OR_END) {
      if (byte !== 0x2c || depth === 0) return false;
      at += 1;
      next = first < 0 ? VALUE : KEY;
    } else if (next === KEY || next === KEY_OR_END) {
      const start = at + 1;
      at = byte === 0x22 ? afterText(bytes, start) : NOWHERE;
      const hash = at === NOWHERE ? DOUBT : hashOf(bytes, start, at - 1);
      if (hash === DOUBT || keys - first >= KEYS_COMPARED) return false;
      for (let key = first; key < keys; key += 1) {
        if (hashes[key] === hash) return false;
      }
      hashes[keys] = hash;
      keys += 1;
      if (depth <= notes.depth) notes.name(depth, start, at - 1);
      at = afterColon(bytes, at);
      next = VALUE;
      if (at === NOWHERE) return false;
    } else {
      if (depth <= notes.depth) notes.begin(depth, at);
      if (byte === 0x7b || byte === 0x5b) {
        at += 1;
        depth += 1;
        if (depth > LIMITS.jsonDepth) return false;
        firsts[depth] = byte === 0x7b ? keys : -1;
        next = byte === 0x7b ? KEY_OR_END : VALUE_OR_END;
      } else {
        at = byte === 0x22 ? afterText(bytes, at + 1) : afterWord(bytes, at);
        next = COMMA_OR_END;
        if (at === NOWHERE) return false;
        if (depth <= notes.depth) notes.end(depth, at);
      }
    }
  }
  return next === COMMA_OR_END && depth === 0;
}

interface Notes {
  /** Members deeper than this are not noted. */
  readonly depth: number;
  readonly members: readonly NotedMember[];
  name(depth: number, start: number, end: number): void;
  begin(depth: number, at: number): void;
  end(depth: number, at: number): void;
}

function createNotes(bytes: Uint8Array, follow: readonly string[]): Notes {
  const members: NotedMember[] = [];
  const names: (string | undefined)[] = [];
  const starts: number[] = [];
  const notes = {
    depth: 1,
    members,
    name: (depth: number, start: number, end: number) => {
      names[depth] = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
    },
    begin: (depth: number, at: number) => {
      starts[depth] = at;
      if (names[depth] !== undefined && names[depth] === follow[depth - 1]) notes.depth = depth + 1;
    },
    end: (depth: number, at: number) => {
      const name = names[depth];
      if (name !== undefined) members.push({ depth, name, start: starts[depth] ?? 0, end: at });
      names[depth] = undefined;
      notes.depth = Math.max(1, depth);
    },
  };
  return notes;
}

const CONTROL = 0;
const PLAIN = 1;
const QUOTE = 2;
const BACKSLASH = 3;
const BEYOND_ASCII = 4;

/** What a byte is inside a string. */
const KINDS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === 0x22) return QUOTE;
  if (byte === 0x5c) return BACKSLASH;
  return byte < 0x20 ? CONTROL : byte < 0x80 ? PLAIN : BEYOND_ASCII;
});

/** From after a string's opening quote to after its closing one. */
function afterText(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let kind = KINDS[bytes[at] ?? 0]; kind !== QUOTE; kind = KINDS[bytes[at] ?? 0]) {
    if (kind === CONTROL) return NOWHERE;
    at += kind === BACKSLASH ? escapeLength(bytes, at + 1) : 1;
    if (at === start + LONG_TEXT) at = afterBase64(bytes, start);
  }
  return at + 1;
}

/** What is longer is base64, most likely, which native code knows in a tenth of the time. */
const LONG_TEXT = 4096;

/** To the closing quote of a string that is base64 and nothing else; of another, to where it had been looked at. */
function afterBase64(bytes: Uint8Array, start: number): number {
  const end = bytes.indexOf(0x22, start);
  return end > 0 && isBase64(bytes.subarray(start, end)) ? end : start + LONG_TEXT;
}

/** Of a backslash and what follows it; a bad escape, or half a surrogate pair, leads out of the text. */
function escapeLength(bytes: Uint8Array, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte !== 0x75) return SHORT_ESCAPES.includes(byte) ? 2 : bytes.length;
  const isSurrogate = ((bytes[at + 1] ?? 0) | 0x20) === 0x64 && (bytes[at + 2] ?? 0) >= 0x38;
  for (let digit = at + 1; digit < at + 5; digit += 1) {
    if (isSurrogate || !isHexDigit(bytes[digit] ?? 0)) return bytes.length;
  }
  return 6;
}

const SHORT_ESCAPES: readonly number[] = [0x22, 0x5c, 0x2f, 0x62, 0x66, 0x6e, 0x72, 0x74];

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

/** Equal for ASCII keys that differ by case alone, and for few others. A key with escapes or beyond ASCII is a doubt. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = FNV_OFFSET;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (KINDS[byte] !== PLAIN) return DOUBT;
    hash = Math.imul(hash ^ (byte | 0x20), FNV_PRIME);
  }
  return hash;
}

const FNV_OFFSET = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;
const PROTO = Buffer.from('__proto__');
/** That of the one key which is never allowed. */
const DOUBT = hashOf(PROTO, 0, PROTO.length);

function afterColon(bytes: Uint8Array, start: number): number {
  for (let at = start; ; at += 1) {
    const byte = bytes[at];
    if (byte === 0x3a) return at + 1;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return NOWHERE;
  }
}

const WORDS: readonly Uint8Array[] = ['true', 'false', 'null'].map((word) => Buffer.from(word));

/** After a number or one of the three words. */
function afterWord(bytes: Uint8Array, start: number): number {
  const word = WORDS.find(([first]) => first === bytes[start]);
  if (word === undefined) return afterNumber(bytes, start);
  return word.every((byte, index) => bytes[start + index] === byte) ? start + word.length : NOWHERE;
}

/** After a number whose value is surely finite and, if it is an integer, exact. */
function afterNumber(bytes: Uint8Array, start: number): number {
  const whole = bytes[start] === 0x2d ? start + 1 : start;
  let at = afterDigits(bytes, whole);
  if (at === whole || at - whole > SAFE_DIGITS || (bytes[whole] === 0x30 && at - whole > 1)) return NOWHERE;
  if (bytes[at] === 0x2e) {
    const fraction = at + 1;
    at = afterDigits(bytes, fraction);
    if (at === fraction) return NOWHERE;
  }
  if (((bytes[at] ?? 0) | 0x20) !== 0x65) return at;
  const exponent = bytes[at + 1] === 0x2b || bytes[at + 1] === 0x2d ? at + 2 : at + 1;
  at = afterDigits(bytes, exponent);
  return at > exponent && at - exponent <= 2 ? at : NOWHERE;
}

/** No integer of so many digits is beyond 2^53, no such number with an exponent of two digits beyond all bounds. */
const SAFE_DIGITS = 15;

function afterDigits(bytes: Uint8Array, start: number): number {
  let at = start;
  for (let byte = bytes[at] ?? 0; byte >= 0x30 && byte <= 0x39; byte = bytes[at] ?? 0) at += 1;
  return at;
}
