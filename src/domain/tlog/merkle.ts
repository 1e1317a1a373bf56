import { createHash, hash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';

/** RFC 6962 section 2.1: Merkle tree hashes over SHA-256. A hash is 32 bytes. */
export type Hash = Uint8Array;

export const EMPTY_ROOT: Hash = createHash('sha256').digest();

const LEAF_PREFIX = Uint8Array.of(0);
const NODE_PREFIX = Uint8Array.of(1);

export function leafHash(leaf: Uint8Array): Hash {
  return hash('sha256', Buffer.concat([LEAF_PREFIX, leaf]), 'buffer');
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return hash('sha256', Buffer.concat([NODE_PREFIX, left, right]), 'buffer');
}

export function equalHashes(a: Hash, b: Hash): boolean {
  return Buffer.compare(a, b) === 0;
}

/**
 * The hash of the whole subtree over leaves [index·2^level, (index+1)·2^level); only asked for complete subtrees.
 */
export type SubtreeHash = (level: number, index: number) => Promise<Hash>;

/** Root of the first `size` leaves: the complete subtrees of its binary form, folded from the right. */
export async function rootAt(size: number, subtree: SubtreeHash): Promise<Hash> {
  return size === 0 ? EMPTY_ROOT : rangeHash({ from: 0, to: size }, subtree);
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/** RFC 6962 section 2.1.1: PATH(m, D[n]), from the leaf's sibling up. @throws WeighmarkError `internal` out of range. */
export async function inclusionProof(index: number, size: number, subtree: SubtreeHash): Promise<readonly Hash[]> {
  if (!(index >= 0 && index < size)) throw new WeighmarkError('internal', `no entry ${index} in a log of ${size}`);
  const proof: Hash[] = [];
  let range: Range = { from: 0, to: size };
  while (range.to - range.from > 1) {
    const middle = range.from + splitPoint(range.to - range.from);
    const [inside, sibling] =
      index < middle
        ? [
            { from: range.from, to: middle },
            { from: middle, to: range.to },
          ]
        : [
            { from: middle, to: range.to },
            { from: range.from, to: middle },
          ];
    proof.unshift(await rangeHash(sibling, subtree));
    range = inside;
  }
  return proof;
}

/** RFC 6962 section 2.1.2: PROOF(m, D[n]). Empty when nothing grew or there was nothing. */
export async function consistencyProof(
  oldSize: number,
  newSize: number,
  subtree: SubtreeHash,
): Promise<readonly Hash[]> {
  if (!(oldSize >= 0 && oldSize <= newSize))
    throw new WeighmarkError('internal', `no way from size ${oldSize} to ${newSize}`);
  if (oldSize === 0 || oldSize === newSize) return [];
  const proof: Hash[] = [];
  let range: Range = { from: 0, to: newSize };
  while (range.to !== oldSize) {
    const middle = range.from + splitPoint(range.to - range.from);
    const goLeft = oldSize <= middle;
    const sibling = goLeft ? { from: middle, to: range.to } : { from: range.from, to: middle };
    proof.unshift(await rangeHash(sibling, subtree));
    range = goLeft ? { from: range.from, to: middle } : { from: middle, to: range.to };
  }
  if (range.from !== 0) proof.unshift(await rangeHash(range, subtree));
  return proof;
}

/** RFC 9162 section 2.1.3.2. True if the leaf at `index` is in the tree of `size` with this root. */
export function verifyInclusion(
  proof: readonly Hash[],
  leaf: { index: number; hash: Hash },
  tree: { size: number; root: Hash },
): boolean {
  if (!(leaf.index >= 0 && leaf.index < tree.size) || proof.some(wrongLength)) return false;
  let [node, last, hash] = [leaf.index, tree.size - 1, leaf.hash];
  for (const sibling of proof) {
    if (last === 0) return false;
    const isRight = node % 2 === 1 || node === last;
    hash = isRight ? nodeHash(sibling, hash) : nodeHash(hash, sibling);
    if (isRight) for (; node % 2 === 0 && node !== 0; node = half(node)) last = half(last);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalHashes(hash, tree.root);
}

/** RFC 9162 section 2.1.4.2. True if the newer tree begins with the older one. */
export function verifyConsistency(
  proof: readonly Hash[],
  older: { size: number; root: Hash },
  newer: { size: number; root: Hash },
): boolean {
  if (older.size > newer.size || proof.some(wrongLength)) return false;
  if (older.size === newer.size) return proof.length === 0 && equalHashes(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && equalHashes(older.root, EMPTY_ROOT);
  const path = isPowerOfTwo(older.size) ? [older.root, ...proof] : [...proof];
  const [start, ...rest] = path;
  if (start === undefined) return false;
  let [node, last] = [older.size - 1, newer.size - 1];
  for (; node % 2 === 1; node = half(node)) last = half(last);
  let [oldHash, newHash] = [start, start];
  for (const sibling of rest) {
    if (last === 0) return false;
    const isRight = node % 2 === 1 || node === last;
    if (isRight) oldHash = nodeHash(sibling, oldHash);
    newHash = isRight ? nodeHash(sibling, newHash) : nodeHash(newHash, sibling);
    if (isRight) for (; node % 2 === 0 && node !== 0; node = half(node)) last = half(last);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalHashes(oldHash, older.root) && equalHashes(newHash, newer.root);
}

async function rangeHash(range: Range, subtree: SubtreeHash): Promise<Hash> {
  const length = range.to - range.from;
  if (isPowerOfTwo(length)) return subtree(Math.log2(length), range.from / length);
  const middle = range.from + splitPoint(length);
  const left = await rangeHash({ from: range.from, to: middle }, subtree);
  return nodeHash(left, await rangeHash({ from: middle, to: range.to }, subtree));
}

/** The largest power of two below `length`. */
function splitPoint(length: number): number {
  let power = 1;
  while (power * 2 < length) power *= 2;
  return power;
}

function isPowerOfTwo(value: number): boolean {
  return splitPoint(value) * 2 === value || value === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function wrongLength(hash: Hash): boolean {
  return hash.length !== 32;
}
