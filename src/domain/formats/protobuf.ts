import { WeighmarkError } from '../errors.ts';
import type { Source } from '../ports.ts';
import { Cursor, safeNumber } from './cursor.ts';

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

/**
 * The fields of the message that fills `within` (default: the source), in order, one at a time and without payloads, so
 * memory does not grow with the message. @throws WeighmarkError `format-invalid` on a group, a field 0 or a bad length.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export async function* readFields(source: Source, within?: { readonly start: number; readonly end: number }): AsyncGenerator<Field, void> {
  const cursor = new Cursor(source, within?.start ?? 0, within?.end ?? source.size);
  while (cursor.remaining > 0) {
    const tag = await cursor.varint();
    const number = Number(tag >> 3n);
    if (number === 0 || tag > 0xffff_ffffn) throw malformed(cursor.offset);
    yield await readPayload(cursor, number, Number(tag & 7n));
  }
}

async function readPayload(cursor: Cursor, number: number, wire: number): Promise<Field> {
  const start = cursor.offset;
  if (wire === 0) return { number, wire, value: await cursor.varint(), start, end: cursor.offset };
  if (wire === 1) return { number, wire, value: await cursor.u64le(), start, end: cursor.offset };
  if (wire === 5) return { number, wire, value: BigInt(await cursor.u32le()), start, end: cursor.offset };
  if (wire !== 2) throw malformed(start);
  const length = safeNumber(await cursor.varint(), 'a field length');
  const payload = cursor.offset;
  cursor.skip(length);
  return { number, wire, value: 0n, start: payload, end: cursor.offset };
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
    if (count >= limit) throw new WeighmarkError('limit-exceeded', `more than ${limit} numbers in one field`);
    yield await cursor.varint();
  }
}

/** A varint read as int64. */
export function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function malformed(offset: number): WeighmarkError {
  return new WeighmarkError('format-invalid', `no protobuf field at byte ${offset}`);
}
