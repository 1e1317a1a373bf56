import { Buffer } from 'node:buffer';
import type { Blake3Tree } from './blake3-tree.ts';
import { sha256Hex } from './hex.ts';

/**
 * BLAKE3 outboards as bao-tree lays them out: the file's length (8 bytes, little-endian), then for every parent above
 * the 16 KiB groups, in pre-order, the chaining values of its two children.
 * @see https://docs.rs/bao-tree
 */
export const GROUP_BYTES = 16 << 10;
export const CV_BYTES = 32;
export const PAIR_BYTES = 2 * CV_BYTES;
export const PREFIX_BYTES = 8;

/** Sealing writes outboards of files from this size on: below it, reading the whole file is as fast. */
export const OUTBOARD_FROM_BYTES = 16 << 20;

/** Where the outboard of an artifact's file lies in the artifact's sidecar folder: one flat folder, no name of it chosen by others. */
export function outboardPlace(sidecarFolder: string, path: string): string {
  const flat = path.replace(/[%/\\]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  const name = Buffer.byteLength(flat) <= 200 ? flat : sha256Hex(path);
  return `${sidecarFolder}/${OUTBOARD_FOLDER}/${name}.obao4`;
}

export const OUTBOARD_FOLDER = 'outboards';

/** Groups of a file; an empty file has one. */
export function groupCount(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / GROUP_BYTES));
}

/** Length in bytes of the outboard of a file of this size. */
export function outboardBytes(sizeBytes: number): number {
  return PREFIX_BYTES + (groupCount(sizeBytes) - 1) * PAIR_BYTES;
}

/** Leaves below the left child of a parent of `leaves` ≥ 2: the largest power of two that leaves the right child some. */
export function leftLeaves(leaves: number): number {
  return 2 ** Math.floor(Math.log2(leaves - 1));
}

/**
 * The digest over the chaining values of equal aligned subtrees (the last may be short), at least two.
 * @param parents called with each parent's pre-order index and its children.
 */
export function foldSubtrees(
  cvs: Uint8Array,
  tree: Blake3Tree,
  parents?: (index: number, left: Uint8Array, right: Uint8Array) => void,
): Uint8Array {
  const fold = (first: number, leaves: number, index: number): Uint8Array => {
    if (leaves === 1) return cvs.subarray(first * CV_BYTES, (first + 1) * CV_BYTES);
    const left = leftLeaves(leaves);
    const leftCv = fold(first, left, index + 1);
    const rightCv = fold(first + left, leaves - left, index + left);
    parents?.(index, leftCv, rightCv);
    return tree.parent(leftCv, rightCv, index === 0);
  };
  return fold(0, cvs.length / CV_BYTES, 0);
}

/** The outboard and the digest of a file of more than one group, from the chaining values of all its groups. */
export function buildOutboard(
  groupCvs: Uint8Array,
  sizeBytes: number,
  tree: Blake3Tree,
): { outboard: Uint8Array; root: Uint8Array } {
  const outboard = emptyOutboard(sizeBytes);
  const root = foldSubtrees(groupCvs, tree, (index, left, right) => {
    outboard.set(left, PREFIX_BYTES + index * PAIR_BYTES);
    outboard.set(right, PREFIX_BYTES + index * PAIR_BYTES + CV_BYTES);
  });
  return { outboard, root };
}

/** The right length, the prefix set, the rest zero. */
export function emptyOutboard(sizeBytes: number): Uint8Array {
  const outboard = new Uint8Array(outboardBytes(sizeBytes));
  new DataView(outboard.buffer).setBigUint64(0, BigInt(sizeBytes), true);
  return outboard;
}
