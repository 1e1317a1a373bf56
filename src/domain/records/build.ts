import { Buffer } from 'node:buffer';
import type { BulkHasher } from './blake3.ts';
import { NODE, everyEnd } from './keys.ts';
import { nodesAt } from './index-layout.ts';
import { parentsOf, STORED_LEVEL, type Hashes } from './ordered.ts';
import { NOTHING, type Branch } from './trie.ts';

/** Records that are sorted at once at most. */
export const BUCKET_RECORDS = 2 ** 24;

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
