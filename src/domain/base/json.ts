import { Buffer } from 'node:buffer';
import { WeighmarkError, type Code } from './errors.ts';
import { scanJson, type NotedMember } from './json-scan.ts';
import { pushAll } from './lists.ts';
import { LIMITS } from './limits.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface StrictJsonOptions {
  readonly maxBytes?: number;
  /** What a refusal is called; default `format-invalid`. */
  readonly code?: Code;
  /** What the text is, for messages: `the policy`, a path. */
  readonly subject?: string;
  /** Keys that differ only by case are refused too. Default true; false for third parties' own files. */
  readonly refuseCaseDuplicates?: boolean;
  /** Integers beyond 2^53 are refused. Default true. */
  readonly refuseUnsafeIntegers?: boolean;
  /**
   * Long members of the top object, and of the objects on this path of names, are read when they are first asked for; they
   * are checked at once, like everything. Default: nothing is put off.
   */
  readonly lazyPath?: readonly string[];
}

/**
 * The one strict JSON reader (RFC 8259, security rule 24): UTF-8 only, no duplicate keys, no `__proto__`, bounded depth.
 * @throws WeighmarkError `options.code`, `limit-exceeded` beyond `maxBytes`.
 */
export function parseStrictJson(input: Uint8Array | string, options: StrictJsonOptions = {}): Json {
  checkSize(input, options);
  const members = scanJson(typeof input === 'string' ? Buffer.from(input) : input, options.lazyPath);
  if (members === null || (typeof input === 'string' && !input.isWellFormed())) return readStrictly(input, options);
  if (typeof input === 'string') return JSON.parse(input) as Json;
  const isLazy = options.lazyPath !== undefined && input.length > LAZY_BYTES && members.length > 0;
  return isLazy ? lazyObject({ bytes: input, members, path: options.lazyPath }, 1) : parsePlain(input);
}

/** The reference, and what decides wherever the fast way is in doubt. */
export function readStrictly(input: Uint8Array | string, options: StrictJsonOptions = {}): Json {
  const reader: Reader = { text: textOf(input, options), at: 0, depth: 0, options };
  skipSpace(reader);
  const value = readValue(reader);
  skipSpace(reader);
  if (reader.at !== reader.text.length) fail(reader, 'something follows the value');
  return value;
}

/** An object at the top, as nearly every format of ours demands. */
export function parseStrictJsonObject(
  input: Uint8Array | string,
  options: StrictJsonOptions = {},
): { readonly [key: string]: Json } {
  const value = parseStrictJson(input, options);
  if (isJsonObject(value)) return value;
  throw refusal('not a JSON object', options);
}

/**
 * A JSON object in which the member at `path` (two names), a string, is empty, and the bytes of its text: for texts of
 * megabytes. Everything is checked as `parseStrictJson` does. Null: only `parseStrictJson` can tell, or there is none.
 */
export function strictJsonWithout(
  input: Uint8Array,
  path: readonly [string, string],
): { readonly json: { readonly [key: string]: Json }; readonly text: Uint8Array } | null {
  const member = scanJson(input, path)?.find(({ depth, name }) => depth === 2 && name === path[1]);
  if (member === undefined || input[member.start] !== 0x22) return null;
  const text = input.subarray(member.start + 1, member.end - 1);
  const json = parsePlain(Buffer.concat([input.subarray(0, member.start + 1), input.subarray(member.end - 1)]));
  return isJsonObject(json) && !text.includes(0x5c) ? { json, text } : null;
}

export function isJsonObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** RFC 8785 (JCS): keys sorted by UTF-16 code units, ECMAScript number and string forms, no white space. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) return canonicalObject(value as Record<string, unknown>);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new WeighmarkError('internal', 'a number without a JSON form');
  const text = JSON.stringify(value);
  if (text === undefined) throw new WeighmarkError('internal', `a ${typeof value} has no JSON form`);
  return text;
}

interface Reader {
  readonly text: string;
  at: number;
  depth: number;
  readonly options: StrictJsonOptions;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function checkSize(input: Uint8Array | string, options: StrictJsonOptions): void {
  const size = typeof input === 'string' ? input.length : input.byteLength;
  if (options.maxBytes !== undefined && size > options.maxBytes) {
    throw new WeighmarkError('limit-exceeded', `${options.subject ?? 'JSON'} is larger than ${options.maxBytes} bytes`);
  }
}

/** Of bytes that `scanJson` saw no doubt in. A long list in pieces: a text has a greatest length, and takes memory. */
function parsePlain(bytes: Uint8Array): Json {
  if (bytes.length <= PIECE_BYTES || bytes[0] !== 0x5b) return parseText(bytes);
  const items: Json[] = [];
  for (const piece of listPieces(bytes)) pushAll(items, JSON.parse(`[${piece}]`) as readonly Json[]);
  return items;
}

const PIECE_BYTES = 1 << 20;

/** The text of whole items of a list, about a megabyte at a time; of well-formed JSON only. */
function* listPieces(bytes: Uint8Array): Generator<string> {
  const text = (from: number, to: number) => bufferOf(bytes.subarray(from, to)).toString();
  let depth = 0;
  let start = 1;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === 0x22) at = closingQuote(bytes, at + 1);
    else if (byte === 0x5b || byte === 0x7b) depth += 1;
    else if (byte === 0x5d || byte === 0x7d) depth -= 1;
    else if (byte === 0x2c && depth === 1 && at - start >= PIECE_BYTES) {
      yield text(start, at);
      start = at + 1;
    }
  }
  yield text(start, bytes.lastIndexOf(0x5d));
}

/** Of the string whose first character is at `start`. */
function closingQuote(bytes: Uint8Array, start: number): number {
  for (let at = start; ; at += 1) {
    if (bytes[at] === 0x22) return at;
    if (bytes[at] === 0x5c) at += 1;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function parseText(bytes: Uint8Array): Json {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()) as Json;
}

/** What is shorter is read at once. */
const LAZY_BYTES = 64 << 10;

interface Noted {
  readonly bytes: Uint8Array;
  readonly members: readonly NotedMember[];
  readonly path: readonly string[];
}

/** Of lazy objects, by name: the bytes of members that were not read. */
const UNREAD = new WeakMap<object, ReadonlyMap<string, Uint8Array>>();

/** The bytes of a member that is read when it is asked for, well-formed as all; null for any other. */
export function unreadMember(object: object, name: string): Uint8Array | null {
  return UNREAD.get(object)?.get(name) ?? null;
}

function lazyObject(noted: Noted, depth: number): Json {
  const object: Record<string, Json> = {};
  const unread = new Map<string, Uint8Array>();
  UNREAD.set(object, unread);
  for (const { depth: at, name, start, end } of noted.members) {
    const value = noted.bytes.subarray(start, end);
    if (at !== depth) continue;
    if (value.length <= LAZY_BYTES) object[name] = parsePlain(value);
    else if (name === noted.path[depth - 1] && value[0] === 0x7b) object[name] = lazyObject(noted, depth + 1);
    else {
      Object.defineProperty(object, name, { enumerable: true, configurable: true, get: lazyValue(value) });
      unread.set(name, value);
    }
  }
  return object;
}

/** Read anew when nobody holds what was read: as bytes it takes a fifth of the memory. */
function lazyValue(bytes: Uint8Array): () => Json {
  let last: WeakRef<Json & object> | undefined;
  return () => {
    const known = last?.deref();
    if (known !== undefined) return known;
    const value = parsePlain(bytes);
    if (typeof value === 'object' && value !== null) last = new WeakRef(value);
    return value;
  };
}

function textOf(input: Uint8Array | string, options: StrictJsonOptions): string {
  if (typeof input === 'string') return input;
  try {
    return UTF8.decode(input);
  } catch (cause) {
    throw refusal('not UTF-8', options, cause);
  }
}

function readValue(reader: Reader): Json {
  const char = reader.text.charCodeAt(reader.at);
  if (char === 0x7b) return nested(reader, readObject);
  if (char === 0x5b) return nested(reader, readArray);
  if (char === 0x22) return readString(reader);
  if (char === 0x74) return readWord(reader, 'true', true);
  if (char === 0x66) return readWord(reader, 'false', false);
  if (char === 0x6e) return readWord(reader, 'null', null);
  return readNumber(reader);
}

function nested<T>(reader: Reader, read: (reader: Reader) => T): T {
  reader.depth += 1;
  if (reader.depth > LIMITS.jsonDepth) fail(reader, `nested deeper than ${LIMITS.jsonDepth}`);
  reader.at += 1;
  const value = read(reader);
  reader.depth -= 1;
  return value;
}

function readObject(reader: Reader): Json {
  const object: Record<string, Json> = {};
  const folded = new Set<string>();
  for (let first = true; !closes(reader, 0x7d, first); first = false) {
    const key = readKey(reader);
    addKey(reader, folded, key);
    object[key] = readValue(reader);
  }
  return object;
}

function readKey(reader: Reader): string {
  if (reader.text.charCodeAt(reader.at) !== 0x22) fail(reader, 'a key is missing');
  const key = readString(reader);
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) !== 0x3a) fail(reader, 'a colon is missing');
  reader.at += 1;
  skipSpace(reader);
  return key;
}

function addKey(reader: Reader, seen: Set<string>, key: string): void {
  const folded = reader.options.refuseCaseDuplicates === false ? key : key.toLowerCase();
  if (seen.has(folded)) fail(reader, `the key ${JSON.stringify(key)} stands twice`);
  if (key === '__proto__') fail(reader, 'the key __proto__ is not allowed');
  seen.add(folded);
}

function readArray(reader: Reader): Json {
  const array: Json[] = [];
  for (let first = true; !closes(reader, 0x5d, first); first = false) array.push(readValue(reader));
  return array;
}

/** After `{`, `[` or a value: consumes the closing bracket (true) or the comma before the next item (false). */
function closes(reader: Reader, bracket: number, first: boolean): boolean {
  skipSpace(reader);
  const char = reader.text.charCodeAt(reader.at);
  if (char === bracket) {
    reader.at += 1;
    return true;
  }
  if (first) return false;
  if (char !== 0x2c) fail(reader, 'a comma or closing bracket is missing');
  reader.at += 1;
  skipSpace(reader);
  return false;
}

function readString(reader: Reader): string {
  const start = reader.at + 1;
  let at = start;
  let escaped = false;
  for (; ; at += 1) {
    const char = reader.text.charCodeAt(at);
    if (char === 0x22) break;
    if (char === 0x5c) {
      escaped = true;
      at += 1;
    } else if (!(char >= 0x20)) fail(reader, 'a string is not closed, or holds a control character');
  }
  reader.at = at + 1;
  return escaped ? unescape(reader, reader.text.slice(start - 1, at + 1)) : reader.text.slice(start, at);
}

function unescape(reader: Reader, literal: string): string {
  let value: string;
  try {
    value = JSON.parse(literal) as string;
  } catch {
    fail(reader, 'a string has a bad escape');
  }
  if (!value.isWellFormed()) fail(reader, 'a string holds half a surrogate pair');
  return value;
}

function readWord<T extends Json>(reader: Reader, word: string, value: T): T {
  if (!reader.text.startsWith(word, reader.at)) fail(reader, 'not a value');
  reader.at += word.length;
  return value;
}

function readNumber(reader: Reader): number {
  NUMBER.lastIndex = reader.at;
  const match = NUMBER.exec(reader.text)?.[0];
  if (match === undefined) fail(reader, 'not a value');
  const value = Number(match);
  const unsafe = !Number.isFinite(value) || (/^-?\d+$/.test(match) && !Number.isSafeInteger(value));
  if (unsafe && reader.options.refuseUnsafeIntegers !== false)
    fail(reader, `the number ${match.slice(0, 40)} is too large`);
  reader.at += match.length;
  return value;
}

function skipSpace(reader: Reader): void {
  for (; ; reader.at += 1) {
    const char = reader.text.charCodeAt(reader.at);
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return;
  }
}

function fail(reader: Reader, why: string): never {
  throw refusal(`${why} (at character ${reader.at})`, reader.options);
}

function refusal(why: string, options: StrictJsonOptions, cause?: unknown): WeighmarkError {
  const detail = options.subject === undefined ? { cause } : { subject: options.subject, cause };
  return new WeighmarkError(options.code ?? 'format-invalid', `${options.subject ?? 'JSON'}: ${why}`, detail);
}

function canonicalObject(object: Record<string, unknown>): string {
  const fields = Object.keys(object)
    .filter((key) => object[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(object[key])}`);
  return `{${fields.join(',')}}`;
}
