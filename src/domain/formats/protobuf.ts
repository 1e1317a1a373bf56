import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { Cursor } from './cursor.ts';
import { beyond, invalid } from './problem.ts';
import { u32, u64 } from './zip-fields.ts';

/** One field of a protobuf message on the wire: where it is, and its value if that is a number. Payloads are not read. */
export interface Field {
  readonly number: number;
  /** 0 varint, 1 fixed64, 2 length-delimited, 5 fixed32. */
  readonly wire: 0 | 1 | 2 | 5;
  /** Of wires 0, 1 and 5, unsigned. */
  readonly value: bigint;
  /** Payload's absolute place, in bytes. */
  readonly start: number;
  readonly end: number;
}

/** Reads messages of one file; all of them together have at most so many fields. */
export type FieldReader = (within?: { readonly start: number; readonly end: number }) => AsyncGenerator<Field, void>;

/**
 * The fields of the message that fills `within` (default: the source), in order, one at a time and without payloads, so
 * memory does not grow with the message.
 * @throws WeighmarkError `format-invalid` on a group, a field 0 or a bad length, `limit-exceeded` beyond `limit` fields.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export function fieldReader(source: Source, limit: number = LIMITS.protobufFields): FieldReader {
  let left = limit;
  return async function* fields(within = { start: 0, end: source.size }) {
    const end = Math.min(within.end, source.size);
    let [bytes, base]: [Uint8Array, number] = [new Uint8Array(0), within.start];
    for (let at = within.start; at < end;) {
      const cached = base + bytes.length;
      if (at + FIELD_BYTES > cached && cached < end)
        [bytes, base] = [await source.read(at, Math.min(BLOCK, end - at)), at];
      if (left-- <= 0) throw beyond(`more than ${limit} protobuf fields`);
      const field = parseField(bytes, at - base, base, end);
      yield field;
      at = field.end;
    }
  };
}

/** The fields of one message, with a budget of its own. */
export function readFields(
  source: Source,
  within?: { readonly start: number; readonly end: number },
): AsyncGenerator<Field, void> {
  return fieldReader(source)(within);
}

/**
 * Whether the beginning of a file of `size` bytes can be one of a message: no field there is one that `fieldReader` refuses.
 * It says no to most other bytes before anything is made of them, and of many small files that is most of the work.
 */
export function mayBeginMessage(head: Uint8Array, size: number): boolean {
  let at = 0;
  while (at < head.length) {
    const next = afterField(head, at, size);
    if (next === null) return false;
    at = next;
  }
  return true;
}

/** Null: no field is there. The head's length: it does not show. */
function afterField(head: Uint8Array, at: number, size: number): number | null {
  const beyond = head.length < size ? head.length : null;
  const tag = varintEnd(head, at);
  if (tag === undefined) return beyond;
  if (tag === null) return null;
  const key = varintAt(head, at, 0).value;
  const [number, wire] = [Math.floor(key / 8), key % 8];
  if (number === 0 || number > 0x1fff_ffff) return null;
  if (wire === 1 || wire === 5) return tag + (wire === 1 ? 8 : 4) <= size ? tag + (wire === 1 ? 8 : 4) : null;
  if (wire !== 0 && wire !== 2) return null;
  const end = varintEnd(head, tag);
  if (end === undefined) return beyond;
  if (end === null || wire === 0) return end;
  const next = end + varintAt(head, tag, 0).value;
  return next <= size ? next : null;
}

/** The place after a varint; null if it is too long for one, undefined if it does not end in these bytes. */
function varintEnd(bytes: Uint8Array, at: number): number | null | undefined {
  for (let index = at; index < at + 10; index++) {
    const byte = bytes[index];
    if (byte === undefined) return undefined;
    if (byte < 0x80) return index + 1;
  }
  return null;
}

const BLOCK = 64 << 10;
/** A tag and a varint or fixed64. */
const FIELD_BYTES = 20;

/** The field at `at` in a block that begins at `base` in the file. */
function parseField(bytes: Uint8Array, at: number, base: number, end: number): Field {
  const tag = varintAt(bytes, at, base);
  const [number, wire] = [Math.floor(tag.value / 8), tag.value % 8];
  const start = base + tag.next;
  if (number === 0 || number > 0x1fff_ffff || wire === 3 || wire === 4 || wire > 5) throw malformed(base + at);
  if (wire === 0) {
    const { next } = varintAt(bytes, tag.next, base);
    return { number, wire, value: bigintAt(bytes, tag.next, next), start, end: base + next };
  }
  if (wire === 2) {
    const length = varintAt(bytes, tag.next, base);
    const payload = base + length.next;
    if (payload + length.value > end) throw invalid(`ends early: a field of ${length.value} bytes at byte ${payload}`);
    return { number, wire, value: 0n, start: payload, end: payload + length.value };
  }
  const width = wire === 1 ? 8 : 4;
  if (tag.next + width > bytes.length) throw invalid(`ends early: a number at byte ${start}`);
  return {
    number,
    wire: wire as 1 | 5,
    value: BigInt(wire === 1 ? u64(bytes, tag.next) : u32(bytes, tag.next)),
    start,
    end: start + width,
  };
}

/** A varint as a number (above 2^53 rounded, and then beyond every file) and the index after it. */
function varintAt(bytes: Uint8Array, at: number, base: number): { value: number; next: number } {
  let value = 0;
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) throw invalid(`ends early: a varint at byte ${base + at}`);
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  throw malformed(base + at);
}

function bigintAt(bytes: Uint8Array, at: number, next: number): bigint {
  let value = 0n;
  for (let index = next - 1; index >= at; index--) value = (value << 7n) | BigInt((bytes[index] ?? 0) & 0x7f);
  return BigInt.asUintN(64, value);
}

/** Text of a length-delimited field, cut to `limit` bytes. */
export async function fieldText(source: Source, field: Field, limit = 1 << 16): Promise<string> {
  return Buffer.from(await source.read(field.start, Math.min(field.end - field.start, limit))).toString('utf8');
}

/** The numbers of a repeated integer field, packed or not, at most `limit`. */
export async function* fieldIntegers(source: Source, field: Field, limit: number): AsyncGenerator<bigint, void> {
  if (field.wire !== 2) return yield field.value;
  const cursor = new Cursor(source, field.start, field.end);
  for (let count = 0; cursor.remaining > 0; count++) {
    if (count >= limit) throw beyond(`more than ${limit} numbers in one field`);
    yield await cursor.varint();
  }
}

/** A varint read as int64. */
export function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function malformed(offset: number): WeighmarkError {
  return invalid(`no protobuf field at byte ${offset}`);
}
