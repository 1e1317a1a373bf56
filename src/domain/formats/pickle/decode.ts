import { Buffer } from 'node:buffer';
import { LIMITS } from '../../base/limits.ts';
import type { Opcode } from './opcodes.ts';
import type { PickleBytes, PickleValue } from './values.ts';
import { ensure, findLineEnd, inView, position, skip, type Window } from './window.ts';

/** An opcode's argument: a value to push, a pair of lines, or nothing. */
export type Argument = PickleValue | readonly [string, string];

/** The argument could not be read: the stream breaks here. */
export const BROKEN: unique symbol = Symbol('broken');

const HEAD = 64;
const FIXED: Partial<Record<Opcode['argument'], number>> = { u1: 1, u2: 2, i4: 4, u4: 4, u8: 8, f8: 8 };
const COUNT_BYTES: Partial<Record<Opcode['argument'], number>> = {
  text1: 1,
  string1: 1,
  bytes1: 1,
  long1: 1,
  text4: 4,
  string4: 4,
  bytes4: 4,
  long4: 4,
  text8: 8,
  bytes8: 8,
};

/** Reads the argument of `opcode` at the window's position and moves past it. Never keeps more than `LIMITS.pickleStringBytes`. */
export async function readArgument(window: Window, opcode: Opcode): Promise<Argument | typeof BROKEN> {
  const fixed = FIXED[opcode.argument];
  if (fixed !== undefined) return (await ensure(window, fixed)) ? fixedArgument(window, opcode.argument) : BROKEN;
  const countBytes = COUNT_BYTES[opcode.argument];
  if (countBytes !== undefined) return countedArgument(window, opcode, countBytes);
  const first = await readLine(window);
  if (first === null) return BROKEN;
  if (opcode.argument !== 'two-lines') return lineArgument(opcode.name, first);
  const second = await readLine(window);
  return second === null ? BROKEN : [utf8(first), utf8(second)];
}

/** The same without waiting, for what is in view; undefined if `readArgument` must be asked. */
export function peekArgument(window: Window, opcode: Opcode): Argument | undefined {
  const fixed = FIXED[opcode.argument];
  if (fixed !== undefined) return inView(window, fixed) ? fixedArgument(window, opcode.argument) : undefined;
  const countBytes = COUNT_BYTES[opcode.argument];
  if (countBytes === undefined || !inView(window, countBytes)) return undefined;
  const count = readCount(window, opcode.argument, countBytes);
  if (count < 0 || count > LIMITS.pickleStringBytes || !inView(window, countBytes + count)) return undefined;
  window.at += countBytes;
  return takeCounted(window, opcode.argument, count);
}

function fixedArgument(window: Window, kind: Opcode['argument']): number {
  const { bytes, at } = window;
  window.at += FIXED[kind] ?? 0;
  if (kind === 'u1') return bytes[at] ?? 0;
  if (kind === 'u2') return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
  const view = viewAt(bytes, at);
  if (kind === 'i4') return view.getInt32(0, true);
  if (kind === 'u4') return view.getUint32(0, true);
  return kind === 'f8' ? view.getFloat64(0, false) : Number(view.getBigUint64(0, true));
}

async function countedArgument(window: Window, opcode: Opcode, countBytes: number): Promise<Argument | typeof BROKEN> {
  if (!(await ensure(window, countBytes))) return BROKEN;
  const count = readCount(window, opcode.argument, countBytes);
  if (count < 0 || position(window) + countBytes + count > window.end) return BROKEN;
  window.at += countBytes;
  if (count > LIMITS.pickleStringBytes) return skipCounted(window, opcode.argument, count);
  return (await ensure(window, count)) ? takeCounted(window, opcode.argument, count) : BROKEN;
}

async function skipCounted(window: Window, kind: Opcode['argument'], count: number): Promise<Argument | typeof BROKEN> {
  if (kind.startsWith('long')) return BROKEN;
  await ensure(window, HEAD);
  const value = bytesValue(window, count, !kind.startsWith('bytes'));
  return skip(window, count) ? value : BROKEN;
}

function takeCounted(window: Window, kind: Opcode['argument'], count: number): Argument {
  const payload = window.bytes.subarray(window.at, window.at + count);
  const value = kind.startsWith('bytes')
    ? bytesValue(window, count, false)
    : kind.startsWith('long')
      ? longOf(payload)
      : utf8(payload);
  window.at += count;
  return value;
}

function bytesValue(window: Window, length: number, text: boolean): PickleBytes {
  const head = window.bytes.slice(window.at, window.at + Math.min(length, HEAD));
  return { kind: 'bytes', offset: position(window), length, text, head };
}

/** Text kinds are unsigned; BINSTRING and LONG4 counts are signed: negative is broken, as in CPython. */
function readCount(window: Window, kind: Opcode['argument'], countBytes: number): number {
  const { bytes, at } = window;
  if (countBytes === 1) return bytes[at] ?? 0;
  const view = viewAt(bytes, at);
  if (countBytes === 4)
    return kind === 'string4' || kind === 'long4' ? view.getInt32(0, true) : view.getUint32(0, true);
  const count = view.getBigUint64(0, true);
  return count > BigInt(Number.MAX_SAFE_INTEGER) ? -1 : Number(count);
}

async function readLine(window: Window): Promise<Uint8Array | null> {
  const end = await findLineEnd(window, LIMITS.pickleStringBytes);
  if (end === -1) return null;
  const line = window.bytes.subarray(window.at, end);
  window.at = end + 1;
  return line;
}

function lineArgument(name: string, line: Uint8Array): Argument | typeof BROKEN {
  const text = Buffer.from(line).toString('latin1');
  if (name === 'STRING') return unquote(text);
  if (name === 'UNICODE') return unescapeUnicode(utf8(line));
  if (name === 'FLOAT') return Number(text);
  if (name === 'INT' && (text === '00' || text === '01')) return text === '01';
  if (name === 'PERSID') return utf8(line);
  return integerOf(text.replace(/L$/, '').trim());
}

function integerOf(text: string): number | bigint | typeof BROKEN {
  if (!/^[+-]?\d{1,4096}$/.test(text)) return BROKEN;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text.replace(/^\+/, ''));
}

/** Python's repr of a string, with its escapes: `'\x6f\x73'` is `os`. Unquoted text is kept as it is. */
function unquote(text: string): string {
  const trimmed = text.trim();
  const quote = trimmed[0];
  const quoted = trimmed.length >= 2 && (quote === "'" || quote === '"') && trimmed.endsWith(quote);
  return (quoted ? trimmed.slice(1, -1) : trimmed).replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/gs, (_, escape: string) =>
    unescapeOne(escape),
  );
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

function unescapeOne(escape: string): string {
  if (escape.startsWith('x') && escape.length === 3) return String.fromCharCode(Number.parseInt(escape.slice(1), 16));
  if (/^[0-7]/.test(escape)) return String.fromCharCode(Number.parseInt(escape, 8) & 0xff);
  return SIMPLE_ESCAPES[escape] ?? escape;
}

function unescapeUnicode(text: string): string {
  return text.replace(/\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})/g, (whole, short?: string, long?: string) => {
    const point = Number.parseInt(short ?? long ?? '', 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

function longOf(payload: Uint8Array): number | bigint {
  if (payload.length === 0) return 0;
  const hex = Buffer.from(payload).reverse().toString('hex');
  const value = BigInt.asIntN(payload.length * 8, BigInt(`0x${hex}`));
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

function viewAt(bytes: Uint8Array, at: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + at);
}
