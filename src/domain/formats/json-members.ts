import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { beyond, invalid } from './problem.ts';

/** One `key: value` of a JSON object: the decoded key, the value's text as it stands, and where it begins. */
export interface Member {
  readonly key: string;
  readonly value: Uint8Array;
  readonly offset: number;
}

const WINDOW = 1 << 20;
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The members of the JSON object that fills [start, end) of a source, duplicates included, one at a time: memory is one
 * window and one member. After the object only white space may follow.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for a member longer than `memberBytes` or nested too deep.
 */
export async function* objectMembers(
  source: Source,
  bounds: { start: number; end: number; memberBytes: number },
): AsyncGenerator<Member, void> {
  let base = bounds.start;
  let window: Uint8Array = new Uint8Array(0);
  let state: 'open' | 'member' = 'open';
  for (;;) {
    const step = stepOf(window, state);
    if (step.kind === 'more') {
      if (base + window.length >= bounds.end) throw malformed('is not closed', bounds.end);
      if (window.length - step.used > bounds.memberBytes)
        throw beyond(`a value in the header is longer than ${bounds.memberBytes} bytes`);
      const rest = window.subarray(step.used);
      base += step.used;
      const next = await source.read(
        base + rest.length,
        Math.min(Math.max(WINDOW, rest.length), bounds.end - base - rest.length),
      );
      if (next.length === 0) throw malformed('ends early', base + rest.length);
      window = Buffer.concat([rest, next]);
      continue;
    }
    if (step.kind === 'bad') throw malformed(step.why, base + step.at);
    if (step.kind === 'close') return await checkPadding(source, base + step.used, bounds.end);
    if (step.kind === 'member') yield memberOf(window, step, base);
    base += step.used;
    window = window.subarray(step.used);
    state = 'member';
  }
}

/** The members of a small JSON object in memory; null if it is not an object, or not only one. */
export function membersOf(bytes: Uint8Array): Member[] | null {
  const members: Member[] = [];
  let rest = bytes;
  for (let state: 'open' | 'member' = 'open'; ; state = 'member') {
    const base = bytes.length - rest.length;
    const step = stepOf(rest, state);
    if (step.kind === 'more' || step.kind === 'bad') return null;
    if (step.kind === 'close') return skipSpace(rest, step.used) === rest.length ? members : null;
    if (step.kind === 'member') members.push(memberOf(rest, step, base));
    rest = rest.subarray(step.used);
  }
}

function memberOf(
  bytes: Uint8Array,
  { keyStart, keyEnd, valueStart, valueEnd }: Extract<Step, { kind: 'member' }>,
  base: number,
): Member {
  const key = decodeKey(bytes.subarray(keyStart, keyEnd), base + keyStart);
  return { key, value: bytes.subarray(valueStart, valueEnd), offset: base + valueStart };
}

/** A JSON string's text, or null if the value is something else. */
export function jsonString(value: Uint8Array): string | null {
  return value[0] === QUOTE ? decodeKey(value, 0) : null;
}

/** A JSON array of non-negative integers, exactly; null if the value is something else. */
export function jsonIntegers(value: Uint8Array): bigint[] | null {
  const text = Buffer.from(value).toString('latin1');
  if (text.length > 4096 || !/^\[[\d,\s]*\]$/.test(text)) return null;
  const inner = text.slice(1, -1).trim();
  const parts = inner === '' ? [] : inner.split(',').map((part) => part.trim());
  return parts.every((part) => /^(0|[1-9]\d{0,38})$/.test(part)) ? parts.map(BigInt) : null;
}

type Step =
  | { kind: 'more'; used: number }
  | { kind: 'bad'; why: string; at: number }
  | { kind: 'open' | 'close'; used: number }
  | { kind: 'member'; used: number; keyStart: number; keyEnd: number; valueStart: number; valueEnd: number };

const OPEN = 0x7b;
const CLOSE = 0x7d;
const QUOTE = 0x22;
const COMMA = 0x2c;

/** One thing at the window's start: the opening brace, a member with what ends it, or the closing brace. */
function stepOf(window: Uint8Array, state: 'open' | 'member'): Step {
  const at = skipSpace(window, 0);
  if (at >= window.length) return { kind: 'more', used: at };
  if (state === 'open')
    return window[at] === OPEN ? { kind: 'open', used: at + 1 } : { kind: 'bad', why: 'does not begin with {', at };
  if (window[at] === CLOSE) return { kind: 'close', used: at + 1 };
  return memberAt(window, window[at] === COMMA ? skipSpace(window, at + 1) : at, at);
}

function memberAt(window: Uint8Array, keyStart: number, used: number): Step {
  const more: Step = { kind: 'more', used };
  if (keyStart >= window.length) return more;
  if (window[keyStart] !== QUOTE) return { kind: 'bad', why: 'has no key', at: keyStart };
  const keyEnd = endOfString(window, keyStart);
  const colon = skipSpace(window, keyEnd);
  if (keyEnd < 0 || colon >= window.length) return more;
  if (window[colon] !== 0x3a) return { kind: 'bad', why: 'has no colon', at: colon };
  const valueStart = skipSpace(window, colon + 1);
  const valueEnd = valueStart < window.length ? endOfValue(window, valueStart) : -1;
  if (valueEnd < 0) return more;
  const after = skipSpace(window, valueEnd);
  if (after >= window.length) return more;
  if (valueEnd === valueStart || (window[after] !== COMMA && window[after] !== CLOSE))
    return { kind: 'bad', why: 'has no comma', at: after };
  return { kind: 'member', used: after, keyStart, keyEnd, valueStart, valueEnd };
}

/** Index after the value at `at`, or -1 if the window ends before. Brackets must balance; leaves are checked by whoever uses them. */
function endOfValue(bytes: Uint8Array, at: number): number {
  let depth = 0;
  for (let index = at; index < bytes.length;) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index = endOfString(bytes, index);
      if (index < 0) return -1;
    } else if (byte === OPEN || byte === 0x5b) {
      depth += 1;
      index += 1;
      if (depth > LIMITS.jsonDepth) throw beyond(`the header nests deeper than ${LIMITS.jsonDepth}`);
    } else if (byte === CLOSE || byte === 0x5d) {
      if (depth === 0) return index;
      depth -= 1;
      index += 1;
    } else if (depth === 0 && (byte === COMMA || isSpace(byte))) return index;
    else index += 1;
    if (depth === 0 && (byte === QUOTE || byte === CLOSE || byte === 0x5d)) return index;
  }
  return -1;
}

function endOfString(bytes: Uint8Array, at: number): number {
  for (let index = at + 1; index < bytes.length; index++) {
    if (bytes[index] === 0x5c) index += 1;
    else if (bytes[index] === QUOTE) return index + 1;
  }
  return -1;
}

function skipSpace(bytes: Uint8Array, at: number): number {
  let index = at;
  while (index < bytes.length && isSpace(bytes[index])) index++;
  return index;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

async function checkPadding(source: Source, start: number, end: number): Promise<void> {
  for (let at = start; at < end; at += WINDOW) {
    const bytes = await source.read(at, Math.min(WINDOW, end - at));
    const index = bytes.findIndex((byte) => !isSpace(byte));
    if (index >= 0) throw malformed('is followed by something', at + index);
  }
}

function decodeKey(literal: Uint8Array, offset: number): string {
  try {
    return JSON.parse(UTF8.decode(literal)) as string;
  } catch {
    throw malformed('holds a string that is not valid JSON', offset);
  }
}

function malformed(why: string, offset: number): WeighmarkError {
  return invalid(`the JSON header ${why} at byte ${offset}`);
}
