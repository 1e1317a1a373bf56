import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { digest, type BulkHasher } from './blake3.ts';
import { EMPTY, everyEnd, NODE } from './keys.ts';

/** Hashes of 32 bytes one after the other. */
export type Hashes = Uint8Array;

/** Leaves of the lowest subtrees whose hashes an index keeps: 2^8. */
export const STORED_LEVEL = 8;

export function parentHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return digest(NODE, Buffer.concat([left, right]));
}

/** Parents of neighbours, pairwise; one without a neighbour is carried up as it is. */
export function parentsOf(nodes: Hashes, hasher: BulkHasher): Hashes {
  const pairs = Math.floor(nodes.length / 64);
  const parents = hasher.hash(NODE, nodes.subarray(0, pairs * 64), everyEnd(pairs, 64));
  if (nodes.length === pairs * 64) return parents;
  return Buffer.concat([parents, nodes.subarray(pairs * 64)]);
}

/** Root over hashes in order: the shape of RFC 9162, 2.1.1, whose left side is the largest power of two. */
export function rootOf(nodes: Hashes, hasher: BulkHasher): Uint8Array {
  if (nodes.length === 0) return EMPTY;
  let level = nodes;
  while (level.length > 32) level = parentsOf(level, hasher);
  return level.slice();
}

/** Grows by batches of records and keeps no more than a hash for every 256 of them. */
export class OrderedTree {
  count = 0;
  private readonly hasher: BulkHasher;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private readonly stored: Buffer[] = [];

  constructor(hasher: BulkHasher) {
    this.hasher = hasher;
  }

  add(hashes: Hashes): void {
    this.pending.push(Buffer.from(hashes));
    this.pendingBytes += hashes.length;
    this.count += hashes.length / 32;
    if (this.pendingBytes >= (32 << STORED_LEVEL) * 16) this.fold();
  }

  private fold(): void {
    const all = Buffer.concat(this.pending);
    const whole = all.length - (all.length % (32 << STORED_LEVEL));
    let level: Hashes = all.subarray(0, whole);
    for (let height = 0; height < STORED_LEVEL; height += 1) level = parentsOf(level, this.hasher);
    if (whole > 0) this.stored.push(Buffer.from(level));
    this.pending = [Buffer.from(all.subarray(whole))];
    this.pendingBytes = all.length - whole;
  }

  /** The root, and the hashes of all whole subtrees of 256 records. */
  finish(): { readonly root: Uint8Array; readonly stored: Hashes } {
    this.fold();
    const stored = Buffer.concat(this.stored);
    const rest = Buffer.concat(this.pending);
    const tail = rest.length === 0 ? [] : [rootOf(rest, this.hasher)];
    return { root: rootOf(Buffer.concat([stored, ...tail]), this.hasher), stored };
  }
}

/** Hash of the records [start, end): of a whole tree, or of one of its nodes. */
export type RangeHash = (start: number, end: number) => Uint8Array;

/** Siblings from the leaf up (RFC 9162, 2.1.3.1). */
export function inclusionPath(position: number, count: number, hashOf: RangeHash): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let [start, end] = [0, count];
  while (end - start > 1) {
    const split = start + splitOf(end - start);
    const left = position < split;
    path.unshift(left ? hashOf(split, end) : hashOf(start, split));
    [start, end] = left ? [start, split] : [split, end];
  }
  return path;
}

/** That the first `before` of `count` records are those of the earlier tree (RFC 9162, 2.1.4.1). */
export function consistencyPath(before: number, count: number, hashOf: RangeHash): readonly Uint8Array[] {
  const path: Uint8Array[] = [];
  let [start, end, whole] = [0, count, true];
  while (end !== before) {
    const split = start + splitOf(end - start);
    if (before <= split) {
      path.unshift(hashOf(split, end));
      end = split;
    } else {
      path.unshift(hashOf(start, split));
      [start, whole] = [split, false];
    }
  }
  return whole ? path : [hashOf(start, end), ...path];
}

/** The largest power of two below `count`. */
export function splitOf(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}

/** The root that a leaf and its siblings make. @throws WeighmarkError `proof-invalid` for a path of another length. */
export function rootOfPath(leaf: Uint8Array, place: Position, path: readonly Uint8Array[]): Uint8Array {
  const sides: boolean[] = [];
  for (let [start, end] = [0, place.count]; end - start > 1;) {
    const split = start + splitOf(end - start);
    const left = place.position < split;
    sides.unshift(left);
    [start, end] = left ? [start, split] : [split, end];
  }
  if (sides.length !== path.length) throw badProof('the path has another length than the position needs');
  return path.reduce(
    (hash, sibling, at) => (sides[at] === true ? parentHash(hash, sibling) : parentHash(sibling, hash)),
    leaf,
  );
}

export interface Position {
  readonly position: number;
  readonly count: number;
}

/** Whether the path shows that the tree of `count` records begins with that of `before` (RFC 9162, 2.1.4.2). */
export function isConsistent(
  before: { readonly count: number; readonly root: Uint8Array },
  after: { readonly count: number; readonly root: Uint8Array },
  path: readonly Uint8Array[],
): boolean {
  if (before.count === 0 || before.count > after.count) return false;
  if (before.count === after.count) return path.length === 0 && equal(before.root, after.root);
  const isWhole = Number.isInteger(Math.log2(before.count));
  const [first, ...rest] = isWhole ? [before.root, ...path] : path;
  if (first === undefined) return false;
  let [node, last, old, current] = [before.count - 1, after.count - 1, first, first];
  for (; node % 2 === 1; last = Math.floor(last / 2)) node = Math.floor(node / 2);
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      [old, current] = [parentHash(sibling, old), parentHash(sibling, current)];
      for (; node % 2 === 0 && node !== 0; last = Math.floor(last / 2)) node = Math.floor(node / 2);
    } else current = parentHash(current, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(old, before.root) && equal(current, after.root);
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function badProof(why: string): WeighmarkError {
  return new WeighmarkError('proof-invalid', `the proof proves nothing: ${why}`);
}
