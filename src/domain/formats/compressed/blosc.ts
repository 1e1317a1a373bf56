import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { unshuffled } from '../hdf5-filters.ts';
import { beyond, invalid } from '../problem.ts';
import { u32 } from '../zip-fields.ts';
import { decodeBlosclz } from './blosclz.ts';
import { decodeLz4Block } from './lz4.ts';

const HEADER = 16;
/** A block is split into the bytes of its elements if they are no more, and each part has this many bytes at least. */
const MOST_SPLITS = 16;
const LEAST_SPLIT = 128;

/**
 * Decodes a Blosc 1 frame: blocks, each of one or more streams of BloscLZ, LZ4, zlib or Zstandard.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for Snappy, which is not read.
 * @see https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst
 */
export function decodeBlosc(input: Uint8Array, maxBytes: number): Uint8Array {
  if (input.length < HEADER) throw invalid('ends early: a Blosc frame without its header');
  const [flags, width] = [input[2] ?? 0, Math.max(1, input[3] ?? 1)];
  const [size, blockBytes] = [u32(input, 4), u32(input, 8)];
  if (size > maxBytes || u32(input, 12) > input.length) throw invalid('a Blosc frame of another size');
  if ((flags & 2) !== 0) return input.subarray(HEADER, HEADER + size);
  if (size > 0 && (blockBytes === 0 || blockBytes > size)) throw invalid('a Blosc frame of impossible blocks');
  const out = new Uint8Array(size);
  for (let start = 0, block = 0; start < size; start += blockBytes, block++) {
    const length = Math.min(blockBytes, size - start);
    const splits = splitsOf({ flags, width, length, blockBytes });
    const bytes = blockAt(input, { at: u32(input, HEADER + block * 4), length, splits, codec: flags >> 5 });
    out.set(
      (flags & 4) !== 0 ? unshuffledBits(bytes, width) : (flags & 1) !== 0 ? unshuffled(bytes, width) : bytes,
      start,
    );
  }
  return out;
}

/**
 * Bit by bit: all first bits of the elements' first bytes, then all second ones. A block that is no multiple of eight elements
 * lies as it is.
 */
function unshuffledBits(bytes: Uint8Array, width: number): Uint8Array {
  const count = bytes.length / width;
  if (!Number.isInteger(count) || count % 8 !== 0) return bytes;
  const out = new Uint8Array(bytes.length);
  const row = count / 8;
  for (let bit = 0; bit < width * 8; bit++)
    for (let element = 0; element < count; element++) {
      const set = ((bytes[bit * row + (element >> 3)] ?? 0) >> (element & 7)) & 1;
      const at = element * width + (bit >> 3);
      out[at] = (out[at] ?? 0) | (set << (bit & 7));
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
  if (codec > 1) throw beyond('a Blosc frame of Snappy is not read');
  const out = new Uint8Array(length);
  if (!(codec === 0 ? decodeBlosclz(bytes, out) : decodeLz4Block(bytes, out, 0) === length))
    throw invalid('a Blosc block that does not decompress');
  return out;
}
