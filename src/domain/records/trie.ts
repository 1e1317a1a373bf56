import { Buffer } from 'node:buffer';
import { digest, type BulkHasher } from './blake3.ts';
import { EMPTY, everyEnd, NODE, SET_LEAF } from './keys.ts';
import { badProof, equal, parentHash } from './ordered.ts';

/**
 * The set of records, each with how often it stands there: a trie over the bits of record hashes, the most significant
 * first. A record alone below a place stands there as a leaf, so the hash of a set does not depend on how it came about,
 * equal parts have equal hashes, and that a record is absent is shown by one path.
 */
export interface Counted {
  /** 32 bytes each, ascending, none twice. */
  readonly hashes: Uint8Array;
  readonly counts: readonly number[];
}

/** A branch: its hash, and how many different records it holds. */
export interface Branch {
  readonly hash: Uint8Array;
  readonly distinct: number;
}

/** Some of a set: record hashes in any order that share their first `skip` bits. */
export interface SetPart {
  readonly hashes: Uint8Array;
  /** How often each is there; null: once. */
  readonly weights: Uint32Array | null;
  readonly skip: number;
  readonly depth: number;
}

export interface SetHasher extends BulkHasher {
  /**
   * The branches of a part, one for each value of the bits from `skip` to `depth`, and the places of its hashes by their
   * order, equal ones as they were given.
   */
  branches(part: SetPart): { readonly order: Uint32Array; readonly branches: readonly Branch[] };
}

export const NOTHING: Branch = { hash: EMPTY, distinct: 0 };

/** Ascending hashes, each once, with its count. */
export function countSorted(sorted: Uint8Array): Counted {
  const hashes = new Uint8Array(sorted.length);
  const counts: number[] = [];
  for (let at = 0; at < sorted.length; at += 32) {
    const end = 32 * counts.length;
    if (counts.length > 0 && equal(sorted.subarray(at, at + 32), hashes.subarray(end - 32, end)))
      counts[counts.length - 1] = (counts.at(-1) as number) + 1;
    else {
      hashes.set(sorted.subarray(at, at + 32), end);
      counts.push(1);
    }
  }
  return { hashes: hashes.subarray(0, 32 * counts.length), counts };
}

export function bitOf(hash: Uint8Array, depth: number): number {
  return ((hash[depth >> 3] as number) >> (7 - (depth & 7))) & 1;
}

/** Hashes of set leaves: of the record's hash and its count as 64 bits, little-endian. */
export function leafHashes({ hashes, counts }: Counted, hasher: BulkHasher): Uint8Array {
  const arena = Buffer.alloc(40 * counts.length);
  counts.forEach((count, index) => {
    arena.set(hashes.subarray(32 * index, 32 * index + 32), 40 * index);
    arena.writeBigUInt64LE(BigInt(count), 40 * index + 32);
  });
  return hasher.hash(SET_LEAF, arena, everyEnd(counts.length, 40));
}

export function leafHash(record: Uint8Array, count: number): Uint8Array {
  const bytes = Buffer.alloc(40);
  bytes.set(record);
  bytes.writeBigUInt64LE(BigInt(count), 32);
  return digest(SET_LEAF, bytes);
}

/** The branch over records that share their first `depth` bits. */
export function branchOf(set: Counted, depth: number, hasher: BulkHasher): Branch {
  const count = set.counts.length;
  if (count === 0) return NOTHING;
  const plan = new Plan(set);
  const root = plan.split(0, count, depth);
  return { hash: plan.hash(root, leafHashes(set, hasher), hasher), distinct: count };
}

/** Two neighbouring branches as one: a lone record rises as a leaf. */
export function joinBranches(left: Branch, right: Branch): Branch {
  const distinct = left.distinct + right.distinct;
  if (distinct === 0) return NOTHING;
  if (distinct === 1) return left.distinct === 1 ? left : right;
  return { hash: parentHash(left.hash, right.hash), distinct };
}

/** References to what a node stands on: nothing, a leaf, or a node. */
const NONE = -1;

/** The inner nodes, by depth, so that those of one depth are hashed at once. */
class Plan {
  private readonly set: Counted;
  private readonly levels: number[][] = [];
  private nodes = 0;

  constructor(set: Counted) {
    this.set = set;
  }

  /** Reference to the branch over [from, to): leaf i is 2i, node i is 2i + 1. */
  split(from: number, to: number, depth: number): number {
    if (from === to) return NONE;
    if (to - from === 1) return 2 * from;
    const middle = this.middle(from, to, depth);
    const left = this.split(from, middle, depth + 1);
    const right = this.split(middle, to, depth + 1);
    const node = this.nodes++;
    (this.levels[depth] ??= []).push(left, right, node);
    return 2 * node + 1;
  }

  /** The first whose bit at `depth` is 1. */
  private middle(from: number, to: number, depth: number): number {
    let [low, high] = [from, to];
    while (low < high) {
      const at = (low + high) >> 1;
      if ((((this.set.hashes[32 * at + (depth >> 3)] as number) >> (7 - (depth & 7))) & 1) === 0) low = at + 1;
      else high = at;
    }
    return low;
  }

  hash(root: number, leaves: Uint8Array, hasher: BulkHasher): Uint8Array {
    const values = new Uint8Array(32 * this.nodes);
    const copy = (reference: number, into: Uint8Array, at: number): void => {
      if (reference === NONE) return;
      const from = reference % 2 === 0 ? leaves : values;
      const start = 32 * (reference >> 1);
      into.set(from.subarray(start, start + 32), at);
    };
    for (const level of this.levels.toReversed()) {
      if (level === undefined) continue;
      const count = level.length / 3;
      const pairs = new Uint8Array(64 * count);
      for (let index = 0; index < count; index += 1) {
        copy(level[3 * index] as number, pairs, 64 * index);
        copy(level[3 * index + 1] as number, pairs, 64 * index + 32);
      }
      const hashes = hasher.hash(NODE, pairs, everyEnd(count, 64));
      for (let index = 0; index < count; index += 1)
        values.set(hashes.subarray(32 * index, 32 * index + 32), 32 * (level[3 * index + 2] as number));
    }
    const out = new Uint8Array(32);
    copy(root, out, 0);
    return out;
  }
}

/** Where the way to a record ends: at a leaf (its own, or another's), or at nothing. */
export interface SetPath {
  /** Siblings from the root down. */
  readonly path: readonly Uint8Array[];
  readonly end: { readonly record: Uint8Array; readonly count: number } | null;
}

/** Most bits of a hash. */
const MAX_DEPTH = 256;

/**
 * The root that a path for `record` makes, and how often the record is in the set: 0 shows that it is absent.
 * @throws WeighmarkError `proof-invalid` for an end that does not lie on the record's way.
 */
export function rootOfSetPath(record: Uint8Array, { path, end }: SetPath): { root: Uint8Array; count: number } {
  if (path.length > MAX_DEPTH) throw badProof('a path longer than a hash has bits');
  const ending = end?.record ?? record;
  for (let depth = 0; depth < path.length; depth += 1)
    if (bitOf(ending, depth) !== bitOf(record, depth)) throw badProof('its end does not lie on the way to the record');
  if (end !== null && end.count < 1) throw badProof('a record that stands there no time');
  let hash = end === null ? EMPTY : leafHash(end.record, end.count);
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const sibling = path[depth] as Uint8Array;
    hash = bitOf(record, depth) === 1 ? parentHash(sibling, hash) : parentHash(hash, sibling);
  }
  return { root: hash, count: end !== null && equal(end.record, record) ? end.count : 0 };
}
