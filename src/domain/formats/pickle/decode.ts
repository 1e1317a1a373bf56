import { Buffer } from 'node:buffer';
import { LIMITS } from '../../base/limits.ts';
import type { Opcode } from './opcodes.ts';
import { LOST, type PickleBytes, type PickleLost, type PickleValue } from './values.ts';
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
  if (opcode.argument !== 'two-lines')
    return isLine(first) ? lineArgument(opcode.name, first) : longLine(opcode.name, first);
  const second = await readLine(window);
  if (second === null || !isLine(first) || !isLine(second) || first.length === 0 || second.length === 0) return BROKEN;
  return [utf8(first), utf8(second)];
}

function isLine(line: Uint8Array | PickleBytes): line is Uint8Array {
  return line instanceof Uint8Array;
}

/** A line beyond what is kept, as CPython takes it: text by its place, a number as one whose value is lost. */
function longLine(name: string, line: PickleBytes): Argument | typeof BROKEN {
  if (name === 'INT' || name === 'LONG') return LOST;
  if (name === 'UNICODE') return line;
  const quote = line.head[0];
  if (name !== 'STRING' || (quote !== 0x22 && quote !== 0x27)) return BROKEN;
  return { ...line, offset: line.offset + 1, length: line.length - 2, head: line.head.subarray(1) };
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
  if (kind.startsWith('long')) return skip(window, count) ? LOST : BROKEN;
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

/** The line without its LF; by its place beyond `LIMITS.pickleStringBytes`: CPython has no limit. */
async function readLine(window: Window): Promise<Uint8Array | PickleBytes | null> {
  const end = await findLineEnd(window, LIMITS.pickleStringBytes);
  if (end === -1) return passLine(window);
  const line = window.bytes.subarray(window.at, end);
  window.at = end + 1;
  return line;
}

async function passLine(window: Window): Promise<PickleBytes | null> {
  const start = position(window);
  const head = window.bytes.slice(window.at, window.at + HEAD);
  for (;;) {
    const end = window.bytes.indexOf(10, window.at);
    if (end !== -1) {
      window.at = end + 1;
      return { kind: 'bytes', offset: start, length: position(window) - 1 - start, text: true, head };
    }
    skip(window, window.bytes.length - window.at);
    if (!(await ensure(window, 1))) return null;
  }
}

/** Each as `_pickle.c` takes it, errors too. */
function lineArgument(name: string, line: Uint8Array): Argument | typeof BROKEN {
  const text = Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString('latin1');
  if (name === 'STRING') return unquote(text);
  if (name === 'UNICODE') return unescapeUnicode(text);
  if (name === 'PERSID') return utf8(line);
  if (text === '') return BROKEN;
  if (name === 'FLOAT') return floatOf(text);
  if (name === 'INT' && /^[ +-]?0*[01]$/.test(text) && text.length === 2) return text.endsWith('1') && text[0] !== '-';
  if (name === 'INT') return integerOf(text, true);
  if (name === 'LONG') return integerOf(text.replace(/L$/, ''), false);
  return /^\s*[+-]?\d+(_\d+)*\s*$/.test(text) ? Number(text.replaceAll('_', '')) : BROKEN;
}

/** `PyOS_string_to_double`, up to a NUL; and `float()`, as the readers in Python take it (joblib's, dill's). */
function floatOf(line: string): number | typeof BROKEN {
  const text = untilNul(line)
    .trim()
    .replace(/(?<=\d)_(?=\d)/g, '');
  const word = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(text);
  if (word !== null) return word[2] === undefined ? Number.NaN : word[1] === '-' ? -Infinity : Infinity;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : BROKEN;
}

/** More digits than this are a number nobody names anything by: its value is lost, not its place on the stack. */
const DIGITS = 4096;

/**
 * `int(text, 0)`: any base Python writes, underscores between digits, white space around; and, for INT, C's octal.
 * @see CPython Modules/_pickle.c `load_int`, `load_long`
 */
function integerOf(line: string, octal: boolean): number | bigint | PickleLost | typeof BROKEN {
  const [, sign = '', prefix = '', digits = ''] =
    /^[\s\v\f]*([+-]?)(0[xob]_?)?([0-9a-f]+(?:_[0-9a-f]+)*)[\s\v\f]*$/i.exec(untilNul(line)) ?? [];
  const plain = digits.replaceAll('_', '');
  const base = (prefix[1] ?? '').toLowerCase();
  if (!(DIGITS_OF[base] ?? /^\d+$/).test(plain)) return BROKEN;
  const leading = base === '' && /^0+[1-9]/.test(plain);
  if (leading && (!octal || !/^[0-7]+$/.test(plain))) return BROKEN;
  if (plain.length > DIGITS) return LOST;
  const value = BigInt(`${leading ? '0o' : prefix.replace('_', '').toLowerCase()}${plain}`);
  const signed = sign === '-' ? -value : value;
  const small = Number(signed);
  return Number.isSafeInteger(small) ? small : signed;
}

const DIGITS_OF: Readonly<Record<string, RegExp>> = { x: /^[0-9a-f]+$/i, o: /^[0-7]+$/, b: /^[01]+$/ };

/** C strings end at a NUL, whatever the line holds behind it. */
function untilNul(text: string): string {
  const at = text.indexOf('\0');
  return at < 0 ? text : text.slice(0, at);
}

/** Python's repr of bytes, with its escapes: `'\x6f\x73'` is `os`. Without quotes, or with half an escape, it is refused. */
function unquote(text: string): string | typeof BROKEN {
  const quote = text[0];
  if (text.length < 2 || (quote !== "'" && quote !== '"') || !text.endsWith(quote)) return BROKEN;
  const inner = text.slice(1, -1);
  if (/^(?:[^\\]|\\[^])*\\$/.test(inner) || /^(?:[^\\]|\\[^])*?\\x(?![0-9a-f]{2})/i.test(inner)) return BROKEN;
  return inner.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/gs, (_, escape: string) => unescapeOne(escape));
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
  return SIMPLE_ESCAPES[escape] ?? (escape === '\n' ? '' : /[\\'"]/.test(escape) ? escape : `\\${escape}`);
}

/** `raw-unicode-escape`: Latin-1, with `\u` and `\U` escapes; half an escape is refused. */
function unescapeUnicode(text: string): string | typeof BROKEN {
  let broken = false;
  const plain = text.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|[^])/g,
    (whole, short?: string, long?: string) => {
      const digits = short ?? long;
      if (digits === undefined) broken ||= whole === '\\u' || whole === '\\U';
      const point = digits === undefined ? -1 : Number.parseInt(digits, 16);
      broken ||= point > 0x10ffff;
      return point < 0 || broken ? whole : String.fromCodePoint(point);
    },
  );
  return broken ? BROKEN : plain;
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
