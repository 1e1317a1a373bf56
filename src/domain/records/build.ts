import { Buffer } from 'node:buffer';
import type { BulkHasher } from './blake3.ts';
import { NODE, everyEnd } from './keys.ts';
import { nodesAt } from './index-layout.ts';
import { parentsOf, STORED_LEVEL, type Hashes } from './ordered.ts';
import { branchOf, countSorted, NOTHING, type Branch, type Counted } from './trie.ts';

/** Records of a bucket in the order of their hashes, equal ones by position. */
export interface SortedBucket {
  readonly hashes: Uint8Array;
  readonly positions: Uint32Array;
}

/** Sorts the records whose hashes begin with one byte, by the five bytes after it and then wholly. */
export function sortBucket(hashes: Uint8Array, positions: Uint32Array): SortedBucket {
  const count = positions.length;
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.length);
  const keys = new BigUint64Array(count);
  for (let at = 0; at < count; at += 1) keys[at] = (BigInt(bytes.readUIntBE(32 * at + 1, 5)) << 24n) | BigInt(at);
  keys.sort();
  const order = Array.from(keys, (key) => Number(key & 0xffffffn));
  mendTies(order, keys, (a, b) => compareAt(bytes, a, b) || (positions[a] as number) - (positions[b] as number));
  const sorted = new Uint8Array(32 * count);
  order.forEach((from, to) => sorted.set(hashes.subarray(32 * from, 32 * from + 32), 32 * to));
  return { hashes: sorted, positions: Uint32Array.from(order, (from) => positions[from] as number) };
}

/** Records of one bucket at most: places are 24 bits of a sort key. */
export const BUCKET_RECORDS = 2 ** 24;

function mendTies(order: number[], keys: BigUint64Array, compare: (a: number, b: number) => number): void {
  for (let from = 0; from < order.length;) {
    let to = from + 1;
    while (to < order.length && (keys[to] as bigint) >> 24n === (keys[from] as bigint) >> 24n) to += 1;
    if (to - from > 1) order.splice(from, to - from, ...order.slice(from, to).sort(compare));
    from = to;
  }
}

function compareAt(bytes: Buffer, a: number, b: number): number {
  return bytes.compare(bytes, 32 * b, 32 * b + 32, 32 * a, 32 * a + 32);
}

/** Branches at depth `bits`, 8 or more, over sorted hashes that share their first byte. */
export function branchesOf(sorted: Uint8Array, bits: number, hasher: BulkHasher): readonly Branch[] {
  return branchesBetween(countSorted(sorted), { bits, from: 0, to: 2 ** (bits - 8) }, hasher);
}

/** Prefixes of `bits` bits, from 8 to 16, [from, to), counted from the first that begins with the same byte. */
export interface Prefixes {
  readonly bits: number;
  readonly from: number;
  readonly to: number;
}

/** The branch below each of the prefixes, over records that all have one of them. */
export function branchesBetween(set: Counted, prefixes: Prefixes, hasher: BulkHasher): readonly Branch[] {
  const branches: Branch[] = [];
  for (let index = prefixes.from, from = 0; index < prefixes.to; index += 1) {
    let to = from;
    while (to < set.counts.length && prefixBelowByte(set.hashes, to, prefixes.bits) <= index) to += 1;
    branches.push(branchOf(slice(set, from, to), prefixes.bits, hasher));
    from = to;
  }
  return branches;
}

function prefixBelowByte(hashes: Uint8Array, at: number, bits: number): number {
  return (hashes[32 * at + 1] as number) >> (16 - bits);
}

function slice({ hashes, counts }: Counted, from: number, to: number): Counted {
  return { hashes: hashes.subarray(32 * from, 32 * to), counts: counts.slice(from, to) };
}

/** The branches one level up. */
export function joinAll(branches: readonly Branch[], hasher: BulkHasher): readonly Branch[] {
  const pairs = branches.length / 2;
  const hashed: number[] = [];
  const arena = new Uint8Array(64 * pairs);
  for (let at = 0; at < pairs; at += 1) {
    const [left, right] = [branches[2 * at] as Branch, branches[2 * at + 1] as Branch];
    if (left.distinct + right.distinct < 2) continue;
    arena.set(left.hash, 64 * hashed.length);
    arena.set(right.hash, 64 * hashed.length + 32);
    hashed.push(at);
  }
  const hashes = hasher.hash(NODE, arena.subarray(0, 64 * hashed.length), everyEnd(hashed.length, 64));
  const up = Array.from({ length: pairs }, (_, at): Branch => {
    const [left, right] = [branches[2 * at] as Branch, branches[2 * at + 1] as Branch];
    return left.distinct === 1 ? left : right.distinct === 1 ? right : NOTHING;
  });
  hashed.forEach((at, index) => {
    const distinct = (branches[2 * at] as Branch).distinct + (branches[2 * at + 1] as Branch).distinct;
    up[at] = { hash: hashes.slice(32 * index, 32 * index + 32), distinct };
  });
  return up;
}

/** The trie's nodes from its root down to the given branches, as a heap: node 1 is the root, its children 2 and 3. */
export function trieHeap(branches: readonly Branch[], hasher: BulkHasher): { heap: Uint8Array; root: Branch } {
  const levels = [branches];
  while ((levels[0]?.length ?? 0) > 1) levels.unshift(joinAll(levels[0] ?? [], hasher));
  const heap = new Uint8Array(64 * branches.length);
  levels.forEach((level, depth) => level.forEach(({ hash }, at) => heap.set(hash, 32 * (2 ** depth + at))));
  return { heap, root: levels[0]?.[0] ?? NOTHING };
}

/** All stored nodes of the ordered tree, level after level, from its nodes of 256 records. */
export function storedNodes(stored: Hashes, records: number, hasher: BulkHasher): Uint8Array {
  const levels: Uint8Array[] = [];
  let nodes = stored;
  for (let level = STORED_LEVEL; nodesAt(records, level) > 0; level += 1) {
    levels.push(nodes.subarray(0, 32 * nodesAt(records, level)));
    nodes = parentsOf(nodes, hasher);
  }
  return Buffer.concat(levels);
}
