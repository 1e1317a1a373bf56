import { LIMITS } from '../base/limits.ts';
import { Cursor } from './cursor.ts';
import { dtypeOfName } from './named-dtypes.ts';
import { numpyDtype } from './numpy.ts';
import { attempt, beyond, invalid, note } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import type { Dtype, Findings, NamedSource, Problem } from './types.ts';

const TEXT_BYTES = 4096;
const FLAX_ARRAY = 1;

/** What is kept of a value: texts and numbers that describe arrays, and where byte strings lie. */
type Value = string | number | boolean | null | Place | readonly Value[] | undefined;

interface Place {
  readonly offset: number;
  readonly length: number;
}

interface State {
  readonly cursor: Cursor;
  readonly tally: Tally;
  readonly problems: Problem[];
  left: number;
  certain: boolean;
}

/**
 * Weights in MessagePack: Flax (arrays as extension type 1) and thinc, spaCy's library (msgpack-numpy maps). Array data is
 * stepped over. @see https://github.com/msgpack/msgpack/blob/master/spec.md, flax/serialization.py, msgpack_numpy.py
 */
export async function readMsgpack({ source }: NamedSource): Promise<Findings> {
  const state: State = {
    cursor: new Cursor(source),
    problems: [],
    left: LIMITS.protobufFields,
    certain: true,
    tally: startTally({ known: () => state.certain }),
  };
  const whole = await attempt(state.problems, async () => {
    await readValue(state, []);
    if (state.cursor.remaining > 0)
      note(state.problems, {
        code: 'trailing',
        message: `${state.cursor.remaining} bytes after the value`,
        offset: state.cursor.offset,
      });
  });
  state.certain &&= whole;
  return { format: 'msgpack', problems: state.problems, ...state.tally.finish() };
}

async function readValue(state: State, path: readonly string[]): Promise<Value> {
  const { cursor } = state;
  if (state.left-- <= 0 || path.length > LIMITS.formatDepth)
    throw beyond('MessagePack with too many values, or nested too deep');
  const byte = await cursor.u8();
  if (byte < 0x80) return byte;
  if (byte < 0x90) return readMap(state, path, byte & 15);
  if (byte < 0xa0) return readArray(state, path, byte & 15);
  if (byte < 0xc0) return readText(cursor, byte & 31);
  if (byte >= 0xe0) return byte - 256;
  return readTyped(state, path, byte);
}

/** Bytes of a plain number by type byte; their values describe no array beyond 32 bits. */
const NUMBERS: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

async function readTyped(state: State, path: readonly string[], byte: number): Promise<Value> {
  const { cursor } = state;
  const width = NUMBERS[byte];
  if (width !== undefined) return readUnsigned(cursor, width);
  if (byte === 0xc0) return null;
  if (byte === 0xc2 || byte === 0xc3) return byte === 0xc3;
  if (byte >= 0xc4 && byte <= 0xc6) return stepOver(cursor, await readUnsigned(cursor, 1 << (byte - 0xc4)));
  if (byte >= 0xc7 && byte <= 0xc9) return readExtension(state, path, await readUnsigned(cursor, 1 << (byte - 0xc7)));
  if (byte >= 0xd4 && byte <= 0xd8) return readExtension(state, path, 1 << (byte - 0xd4));
  if (byte >= 0xd9 && byte <= 0xdb) return readText(cursor, await readUnsigned(cursor, 1 << (byte - 0xd9)));
  if (byte === 0xdc || byte === 0xdd) return readArray(state, path, await readUnsigned(cursor, byte === 0xdc ? 2 : 4));
  if (byte === 0xde || byte === 0xdf) return readMap(state, path, await readUnsigned(cursor, byte === 0xde ? 2 : 4));
  throw invalid(`no MessagePack type 0x${byte.toString(16)} at byte ${cursor.offset - 1}`);
}

async function readUnsigned(cursor: Cursor, width: number): Promise<number> {
  return (await cursor.bytes(width)).reduce((value, byte) => value * 256 + byte, 0);
}

function stepOver(cursor: Cursor, length: number): Place {
  const offset = cursor.offset;
  cursor.skip(length);
  return { offset, length };
}

async function readText(cursor: Cursor, length: number): Promise<Value> {
  if (length <= TEXT_BYTES) return cursor.text(length);
  cursor.skip(length);
  return undefined;
}

async function readArray(state: State, path: readonly string[], count: number): Promise<Value> {
  const kept: Value[] = [];
  for (let index = 0; index < count; index++) {
    const value = await readValue(state, [...path, String(index)]);
    if (index < 64) kept.push(value);
  }
  return kept;
}

async function readMap(state: State, path: readonly string[], count: number): Promise<Value> {
  const fields = new Map<string, Value>();
  for (let index = 0; index < count; index++) {
    const key = await readKey(state, path);
    const value = await readValue(state, [...path, key]);
    if (/^(nd|type|shape|data|__msgpack_chunked_array__)$/.test(key)) fields.set(key, value);
  }
  if (fields.has('__msgpack_chunked_array__')) state.certain = false;
  if (fields.get('nd') === true)
    addArray(state, path, { shape: fields.get('shape'), type: fields.get('type'), data: fields.get('data') });
  return undefined;
}

/** Keys are texts, or the same as bytes (msgpack-numpy), or numbers. */
async function readKey(state: State, path: readonly string[]): Promise<string> {
  const key = await readValue(state, [...path, '']);
  if (typeof key === 'string' || typeof key === 'number') return String(key).slice(0, 256);
  if (typeof key !== 'object' || key === null || !('offset' in key) || key.length > 64) return '?';
  return Buffer.from(await state.cursor.source.read(key.offset, key.length)).toString('utf8');
}

/** Flax packs an array as `(shape, dtype name, bytes)` inside an extension; other extensions are stepped over. */
async function readExtension(state: State, path: readonly string[], length: number): Promise<Value> {
  const type = await state.cursor.u8();
  if (type !== FLAX_ARRAY) return stepOver(state.cursor, length);
  const end = state.cursor.offset + length;
  const value = await readValue(state, path);
  if (state.cursor.offset !== end || !Array.isArray(value))
    throw invalid(`a Flax array that is not one, before byte ${end}`);
  const [shape, dtype, data] = value as readonly Value[];
  addArray(state, path, { shape, type: dtype, data });
  return undefined;
}

function addArray(
  state: State,
  path: readonly string[],
  { shape, type, data }: { shape: Value; type: Value; data: Value },
): void {
  const sizes = Array.isArray(shape) ? (shape as readonly Value[]).filter((size) => typeof size === 'number') : null;
  const name = path.join('.').slice(0, TEXT_BYTES);
  if (sizes === null || typeof type !== 'string' || typeof data !== 'object' || data === null || !('offset' in data)) {
    state.certain = false;
    return note(state.problems, { code: 'bad-value', message: 'an array without shape, type and data', subject: name });
  }
  state.tally.add({ name, dtype: dtypeOf(type), shape: sizes, offset: data.offset, length: data.length });
}

/** `float32`, `float8_e4m3fn` (Flax) or `<f4` (thinc). */
function dtypeOf(type: string): Dtype {
  return dtypeOfName(type) ?? numpyDtype(type).dtype;
}
