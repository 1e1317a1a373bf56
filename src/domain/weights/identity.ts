import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { compareUtf8 } from '../base/paths.ts';
import type { IdentifiedTensor, WeightsRoots } from './types.ts';

/** BLAKE3 of a whole: 32 bytes. */
export type Blake3 = (bytes: Uint8Array) => Uint8Array;

const DOMAIN = Buffer.from('weighmark-weights/1\n');
const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const MOST_DIMENSIONS = 255;

/**
 * The digest of one tensor: BLAKE3 of domain, dtype, shape, byte length and element digest. The element digest is the plain
 * BLAKE3 of the canonical elements, so that `b3sum` of a raw file gives it too. Bits count, never values: -0.0 is not 0.0.
 * @param tensor its canonical dtype, its shape, the bytes of its elements and their BLAKE3 (32 bytes).
 */
export function tensorDigest(
  blake3: Blake3,
  tensor: {
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly sizeBytes: number;
    readonly elements: Uint8Array;
  },
): Uint8Array {
  const dtype = Buffer.from(tensor.dtype);
  if (dtype.length > 255 || tensor.shape.length > MOST_DIMENSIONS)
    throw new WeighmarkError('limit-exceeded', `a tensor of ${tensor.shape.length} dimensions`);
  const head = [DOMAIN, Buffer.from([dtype.length]), dtype, Buffer.from([tensor.shape.length])];
  return blake3(Buffer.concat([...head, ...tensor.shape.map(u64), u64(tensor.sizeBytes), tensor.elements]));
}

/**
 * The three roots: RFC 9162 section 2.1.1 trees with BLAKE3 in place of SHA-256. A leaf of `names` is the name's length
 * (u32, little-endian), the name and the tensor digest, in the order of the names' UTF-8 bytes; leaves of `multiset` and
 * `set` are the sorted tensor digests, with and without repeats.
 * @throws WeighmarkError `format-invalid` for two tensors of one name or a name that is not valid Unicode.
 */
export function weightsRoots(blake3: Blake3, tensors: readonly IdentifiedTensor[]): WeightsRoots {
  const sorted = sortedByName(tensors);
  const digests = sorted.map(({ digest }) => digest).toSorted();
  const leaf = ({ name, digest }: IdentifiedTensor): Uint8Array => {
    const bytes = Buffer.from(name);
    return Buffer.concat([u32(bytes.length), bytes, Buffer.from(digest, 'hex')]);
  };
  const root = (leaves: readonly Uint8Array[]): string => Buffer.from(treeHash(blake3, leaves)).toString('hex');
  const raw = (hex: readonly string[]): Uint8Array[] => hex.map((digest) => Buffer.from(digest, 'hex'));
  return { names: root(sorted.map(leaf)), multiset: root(raw(digests)), set: root(raw([...new Set(digests)])) };
}

/** By the bytes of the names' UTF-8. @throws WeighmarkError `format-invalid`. */
export function sortedByName<T extends { readonly name: string }>(tensors: readonly T[]): readonly T[] {
  const sorted = tensors.toSorted((a, b) => compareUtf8(a.name, b.name));
  sorted.forEach(({ name }, index) => {
    if (!name.isWellFormed()) throw new WeighmarkError('format-invalid', 'a tensor name is not valid Unicode');
    if (sorted[index - 1]?.name === name)
      throw new WeighmarkError('format-invalid', 'two tensors have one name', { subject: name });
  });
  return sorted;
}

/** Level by level: an odd last node is carried up, which gives the tree of RFC 9162 for any count. */
function treeHash(blake3: Blake3, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return blake3(new Uint8Array(0));
  let level = leaves.map((leaf) => blake3(Buffer.concat([LEAF, leaf])));
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let index = 0; index < level.length; index += 2) {
      const [left, right] = [level[index], level[index + 1]];
      if (left !== undefined) above.push(right === undefined ? left : blake3(Buffer.concat([NODE, left, right])));
    }
    level = above;
  }
  return level[0] ?? new Uint8Array(0);
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
