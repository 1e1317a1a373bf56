import { LIMITS } from '../base/limits.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { beyond, invalid } from './problem.ts';

/** What follows a field header of the Thrift compact protocol. */
export type ThriftType = 'true' | 'false' | 'byte' | 'int' | 'double' | 'binary' | 'list' | 'map' | 'struct';

const TYPES: readonly (ThriftType | undefined)[] = [
  undefined,
  'true',
  'false',
  'byte',
  'int',
  'int',
  'int',
  'double',
  'binary',
  'list',
  'list',
  'map',
  'struct',
];

export interface ThriftField {
  readonly id: number;
  readonly type: ThriftType;
}

/**
 * The fields of the struct at the cursor, up to its stop byte. Whoever iterates must read or `skipThrift` each value
 * before asking for the next field. @see https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
 */
export async function* thriftFields(cursor: Cursor): AsyncGenerator<ThriftField, void> {
  for (let id = 0; ;) {
    const byte = await cursor.u8();
    if (byte === 0) return;
    const delta = byte >> 4;
    id = delta === 0 ? Number(await thriftInteger(cursor)) : id + delta;
    yield { id, type: typeOf(byte & 15, cursor) };
  }
}

/** A zigzag varint. */
export async function thriftInteger(cursor: Cursor): Promise<bigint> {
  const value = await cursor.varint();
  return (value >> 1n) ^ -(value & 1n);
}

export async function thriftText(cursor: Cursor, limit: number): Promise<string> {
  return cursor.text(safeNumber(await cursor.varint(), 'a text length'), limit);
}

/** A list's element type and length, checked against the bytes there are. */
export async function thriftList(cursor: Cursor): Promise<{ type: ThriftType; count: number }> {
  const byte = await cursor.u8();
  const count = byte >> 4 === 15 ? safeNumber(await cursor.varint(), 'a list length') : byte >> 4;
  if (count > cursor.remaining) throw invalid(`ends early: a list of ${count} elements`);
  return { type: typeOf(byte & 15, cursor), count };
}

/** Steps over a value. Booleans take a byte inside lists only. */
export async function skipThrift(cursor: Cursor, type: ThriftType, depth = 0): Promise<void> {
  if (depth > LIMITS.formatDepth) throw beyond(`structures nested deeper than ${LIMITS.formatDepth}`);
  if (type === 'byte') cursor.skip(1);
  else if (type === 'int') await cursor.varint();
  else if (type === 'double') cursor.skip(8);
  else if (type === 'binary') cursor.skip(safeNumber(await cursor.varint(), 'a length'));
  else if (type === 'struct')
    for await (const field of thriftFields(cursor)) await skipThrift(cursor, field.type, depth + 1);
  else if (type === 'list') await skipList(cursor, depth);
  else if (type === 'map') throw invalid('a Thrift map, which Parquet does not use');
}

async function skipList(cursor: Cursor, depth: number): Promise<void> {
  const { type, count } = await thriftList(cursor);
  const boolean = type === 'true' || type === 'false';
  if (boolean) return cursor.skip(count);
  for (let index = 0; index < count; index++) await skipThrift(cursor, type, depth + 1);
}

function typeOf(code: number, cursor: Cursor): ThriftType {
  const type = TYPES[code];
  if (type === undefined) throw invalid(`no Thrift type ${code} at byte ${cursor.offset - 1}`);
  return type;
}
