import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget, type Budget } from './budget.ts';
import { beyond, invalid } from './problem.ts';
import { u16, u32, u64 } from './zip-fields.ts';

/** An open FlatBuffers buffer inside a source: positions are absolute, every one is checked before it is read. */
export interface FlatBuffer {
  readonly source: Source;
  readonly reads: Budget;
  readonly start: number;
  readonly end: number;
}

/** A table's position and its fields' positions; a field that is not there is null. */
export interface FlatTable {
  readonly buffer: FlatBuffer;
  field(index: number): number | null;
}

/** A vector's first element and how many there are. */
export interface FlatVector {
  readonly start: number;
  readonly count: number;
}

/** The root table of the buffer that fills [start, end). @see https://flatbuffers.dev/internals/ */
export async function openFlatBuffer(source: Source, start = 0, end = source.size): Promise<FlatTable> {
  const buffer = {
    source,
    start,
    end,
    reads: startBudget(LIMITS.memberBytes + 8 * (end - start), 'FlatBuffers tables'),
  };
  return tableAt(buffer, start + u32(await bytesAt(buffer, start, 4), 0));
}

async function bytesAt({ source, start, end, reads }: FlatBuffer, at: number, length: number): Promise<Uint8Array> {
  if (!Number.isSafeInteger(at) || at < start || at + length > end)
    throw invalid(`ends early: a FlatBuffers offset points to byte ${at}`);
  reads.spend(length);
  return source.read(at, length);
}

async function tableAt(buffer: FlatBuffer, at: number): Promise<FlatTable> {
  const vtable = at - (u32(await bytesAt(buffer, at, 4), 0) | 0);
  const size = u16(await bytesAt(buffer, vtable, 4), 0);
  const slots = await bytesAt(buffer, vtable, Math.max(4, size));
  const field = (index: number): number | null => {
    const slot = 4 + index * 2;
    const offset = slot + 2 <= size ? u16(slots, slot) : 0;
    return offset === 0 ? null : at + offset;
  };
  return { buffer, field };
}

/** A scalar field's value, or `missing` where the writer left it out. */
export async function scalar(table: FlatTable, index: number, width: 1 | 2 | 4 | 8, missing = 0): Promise<number> {
  const at = table.field(index);
  if (at === null) return missing;
  const bytes = await bytesAt(table.buffer, at, width);
  return width === 8 ? u64(bytes, 0) : width === 4 ? u32(bytes, 0) | 0 : width === 2 ? u16(bytes, 0) : (bytes[0] ?? 0);
}

async function follow(table: FlatTable, index: number): Promise<number | null> {
  const at = table.field(index);
  return at === null ? null : at + u32(await bytesAt(table.buffer, at, 4), 0);
}

export async function subTable(table: FlatTable, index: number): Promise<FlatTable | null> {
  const at = await follow(table, index);
  return at === null ? null : tableAt(table.buffer, at);
}

export async function text(table: FlatTable, index: number, limit = 1 << 16): Promise<string | null> {
  const at = await follow(table, index);
  if (at === null) return null;
  const length = u32(await bytesAt(table.buffer, at, 4), 0);
  if (length > limit) throw beyond(`a text of ${length} bytes at byte ${at}`);
  return Buffer.from(await bytesAt(table.buffer, at + 4, length)).toString('utf8');
}

/** A vector of elements of `width` bytes. Its length is checked against the buffer. */
export async function vector(table: FlatTable, index: number, width: number): Promise<FlatVector | null> {
  const at = await follow(table, index);
  if (at === null) return null;
  const count = u32(await bytesAt(table.buffer, at, 4), 0);
  if (at + 4 + count * width > table.buffer.end)
    throw invalid(`ends early: a FlatBuffers vector of ${count} elements at byte ${at}`);
  return { start: at + 4, count };
}

/** The tables of a vector of tables, one at a time. @throws WeighmarkError `limit-exceeded` beyond `LIMITS.tensorsPerFile`. */
export async function* tables(table: FlatTable, index: number): AsyncGenerator<FlatTable, void> {
  const found = await vector(table, index, 4);
  if (found === null) return;
  if (found.count > LIMITS.tensorsPerFile) throw beyond(`a vector of ${found.count} tables`);
  for (let item = 0; item < found.count; item++) {
    const at = found.start + item * 4;
    yield await tableAt(table.buffer, at + u32(await bytesAt(table.buffer, at, 4), 0));
  }
}

/** A vector of int32, at most `limit`. */
export async function integers(table: FlatTable, index: number, limit = 64): Promise<number[]> {
  const found = await vector(table, index, 4);
  if (found === null) return [];
  if (found.count > limit) throw beyond(`a vector of ${found.count} numbers`);
  const bytes = await bytesAt(table.buffer, found.start, found.count * 4);
  return Array.from({ length: found.count }, (_, item) => u32(bytes, item * 4) | 0);
}
