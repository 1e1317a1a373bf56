import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { unshuffled } from '../hdf5-filters.ts';
import { beyond, invalid } from '../problem.ts';
import { u32 } from '../zip-fields.ts';
import { decodeLz4Block } from './lz4.ts';

const HEADER = 16;
/** A block is split into the bytes of its elements if they are no more, and each part has this many bytes at least. */
const MOST_SPLITS = 16;
const LEAST_SPLIT = 128;

/**
 * Decodes a Blosc 1 frame: blocks, each of one or more streams of LZ4, zlib or Zstandard.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for BloscLZ, Snappy and shuffled bits, which are not read.
 * @see https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst
 */
export function decodeBlosc(input: Uint8Array, maxBytes: number): Uint8Array {
  if (input.length < HEADER) throw invalid('ends early: a Blosc frame without its header');
  const [flags, width] = [input[2] ?? 0, Math.max(1, input[3] ?? 1)];
  const [size, blockBytes] = [u32(input, 4), u32(input, 8)];
  if (size > maxBytes || u32(input, 12) > input.length) throw invalid('a Blosc frame of another size');
  if ((flags & 2) !== 0) return input.subarray(HEADER, HEADER + size);
  if ((flags & 4) !== 0) throw beyond('a Blosc frame of shuffled bits is not read');
  if (size > 0 && (blockBytes === 0 || blockBytes > size)) throw invalid('a Blosc frame of impossible blocks');
  const out = new Uint8Array(size);
  for (let start = 0, block = 0; start < size; start += blockBytes, block++) {
    const length = Math.min(blockBytes, size - start);
    const splits = splitsOf({ flags, width, length, blockBytes });
    const bytes = blockAt(input, { at: u32(input, HEADER + block * 4), length, splits, codec: flags >> 5 });
    out.set((flags & 1) === 0 ? bytes : unshuffled(bytes, width), start);
  }
  return out;
}

function splitsOf(block: { flags: number; width: number; length: number; blockBytes: number }): number {
  const { flags, width, length, blockBytes } = block;
  const split = (flags & 16) === 0 && width <= MOST_SPLITS && length === blockBytes && length / width >= LEAST_SPLIT;
  return split ? width : 1;
}

function blockAt(
  input: Uint8Array,
  { at: start, length, splits, codec }: { at: number; length: number; splits: number; codec: number },
): Uint8Array {
  const out = new Uint8Array(length);
  const part = Math.floor(length / splits);
  for (let index = 0, at = start; index < splits; index++) {
    const end = at + 4 + u32(input, at);
    if (at + 4 > input.length || end > input.length) throw invalid('ends early: a Blosc block is cut off');
    const bytes = input.subarray(at + 4, end);
    out.set(bytes.length === part ? bytes : decoded(bytes, codec, part), index * part);
    at = end;
  }
  return out;
}

function decoded(bytes: Uint8Array, codec: number, length: number): Uint8Array {
  try {
    if (codec === 3) return inflateSync(bytes, { maxOutputLength: length });
    if (codec === 4) return zstdDecompressSync(bytes, { maxOutputLength: length });
  } catch (error) {
    throw invalid('a Blosc block that does not decompress', { cause: error });
  }
  if (codec !== 1) throw beyond(`a Blosc frame of ${codec === 0 ? 'BloscLZ' : 'Snappy'} is not read`);
  const out = new Uint8Array(length);
  if (decodeLz4Block(bytes, out, 0) !== length) throw invalid('a Blosc block that does not decompress');
  return out;
}
