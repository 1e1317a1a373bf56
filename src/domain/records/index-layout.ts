import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { STORED_LEVEL } from './ordered.ts';
import { parseRoots, ROOTS_BYTES, type Roots } from './roots.ts';

/** Random access without waiting: an index is a local file, and a proof reads it a thousand times. */
export interface RandomAccess {
  readonly size: number;
  /** Exactly `length` bytes. @throws WeighmarkError `file-changed` if they are not there. */
  read(offset: number, length: number): Uint8Array;
}

/**
 * Where the parts of an index stand, in bytes: a header, the record hashes ascending, the position of each, the place of
 * each position, the ordered tree's nodes of 256 records and more, where each prefix begins, the trie's upper nodes as a
 * heap, a file offset for every 64th record, and the roots as `.weighmark/records` has them.
 */
export interface IndexLayout {
  readonly records: number;
  /** Bits of the prefixes that the fence and the trie's nodes go down to. */
  readonly prefixBits: number;
  readonly sorted: number;
  readonly positions: number;
  readonly ranks: number;
  readonly nodes: number;
  readonly fence: number;
  readonly trie: number;
  readonly offsets: number;
  readonly roots: number;
}

export const INDEX_HEADER = 64;
/** Records between two stored offsets. */
export const OFFSET_STEP = 64;
/** Positions are 32 bits. */
export const MAX_RECORDS = 2 ** 32 - 2;
const MAGIC = Buffer.from('WMRI\u0001\0\0\0', 'latin1');
const MAX_PREFIX_BITS = 16;

/** Few records below each prefix, and at most 65,536 of these. */
export function prefixBitsOf(records: number): number {
  return Math.max(0, Math.min(MAX_PREFIX_BITS, Math.floor(Math.log2(Math.max(1, records))) - 4));
}

/** Nodes of the ordered tree at a level: its whole subtrees of 2^level records. */
export function nodesAt(records: number, level: number): number {
  return Math.floor(records / 2 ** level);
}

export function layoutOf(records: number): IndexLayout {
  const prefixBits = prefixBitsOf(records);
  const sorted = INDEX_HEADER;
  const positions = sorted + 32 * records;
  const ranks = positions + 4 * records;
  const nodes = ranks + 4 * records;
  let count = 0;
  for (let level = STORED_LEVEL; nodesAt(records, level) > 0; level += 1) count += nodesAt(records, level);
  const fence = nodes + 32 * count;
  const trie = fence + 4 * (2 ** prefixBits + 1);
  const offsets = trie + 32 * 2 ** (prefixBits + 1);
  const roots = offsets + 8 * Math.ceil(records / OFFSET_STEP);
  return { records, prefixBits, sorted, positions, ranks, nodes, fence, trie, offsets, roots };
}

const ORIGIN_AT = 32;

/** @param origin 32 bytes that say what the index is of, for who asks; default none. */
export function indexHeader(records: number, rootsBytes: number, origin?: Uint8Array): Uint8Array {
  const header = Buffer.alloc(INDEX_HEADER);
  if (origin !== undefined) header.set(origin, ORIGIN_AT);
  MAGIC.copy(header);
  header.writeBigUInt64LE(BigInt(records), 8);
  header.writeUInt32LE(rootsBytes, 16);
  return header;
}

/** @throws WeighmarkError `format-invalid` for what is no index of this version, whole. */
export function openIndex(file: RandomAccess): {
  readonly layout: IndexLayout;
  readonly roots: Roots;
  readonly origin: Uint8Array;
} {
  if (file.size < INDEX_HEADER) throw notAnIndex();
  const header = Buffer.from(file.read(0, INDEX_HEADER));
  const records = Number(header.readBigUInt64LE(8));
  const rootsBytes = header.readUInt32LE(16);
  if (!header.subarray(0, 8).equals(MAGIC) || records > MAX_RECORDS || rootsBytes > ROOTS_BYTES) throw notAnIndex();
  const layout = layoutOf(records);
  if (file.size !== layout.roots + rootsBytes) throw notAnIndex();
  const roots = parseRoots(file.read(layout.roots, rootsBytes));
  if (roots.records !== records) throw notAnIndex();
  return { layout, roots, origin: header.subarray(ORIGIN_AT) };
}

function notAnIndex(): WeighmarkError {
  return new WeighmarkError('format-invalid', 'not an index of records, or not a whole one', {
    hint: 'make it anew with `weighmark dataset index`',
  });
}
