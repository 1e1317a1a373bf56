import { inflateSync, zstdDecompressSync } from 'node:zlib';
import { decodeLzf } from './compressed/lzf.ts';
import { beyond, invalid } from './problem.ts';
import { u16, u32 } from './zip-fields.ts';

/** One step that chunks went through when they were written. */
export interface H5Filter {
  readonly id: number;
  readonly values: readonly number[];
}

const [DEFLATE, SHUFFLE, FLETCHER, LZF, ZSTD] = [1, 2, 3, 32_000, 32_015];
const NAMES: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'n-bit',
  6: 'scale-offset',
  32_001: 'blosc',
  32_004: 'lz4',
  32_008: 'bitshuffle',
  32_013: 'zfp',
};

/** Filter pipeline message (0x000B), versions 1 and 2. */
export function parseFilters(data: Uint8Array): readonly H5Filter[] {
  const [version, count] = [data[0] ?? 0, data[1] ?? 0];
  const filters: H5Filter[] = [];
  let at = version === 1 ? 8 : 2;
  for (let index = 0; index < count; index++) {
    const id = wordAt(data, at);
    const named = version === 1 || id >= 256;
    const nameBytes = named ? wordAt(data, at + 2) : 0;
    at += named ? 6 : 4;
    const values = wordAt(data, at);
    at += 2 + (version === 1 ? Math.ceil(nameBytes / 8) * 8 : nameBytes);
    if (at + values * 4 > data.length) throw invalid('ends early: an HDF5 filter is cut off');
    filters.push({ id, values: Array.from({ length: values }, (_, value) => u32(data, at + value * 4)) });
    at += (version === 1 ? values + (values % 2) : values) * 4;
  }
  return filters;
}

function wordAt(data: Uint8Array, at: number): number {
  if (at + 2 > data.length) throw invalid('ends early: an HDF5 filter is cut off');
  return u16(data, at);
}

/** Why chunks that went through these filters are not read; null if they are. */
export function unreadFilter(filters: readonly H5Filter[]): string | null {
  const id = filters.find((filter) => ![DEFLATE, SHUFFLE, FLETCHER, LZF, ZSTD].includes(filter.id))?.id;
  return id === undefined ? null : `its chunks went through the filter ${NAMES[id] ?? id}, which is not read`;
}

/** A chunk as it was before the filters. @param mask bits of the filters that were left out for it. */
export function unfiltered(
  filters: readonly H5Filter[],
  { bytes, mask, sizeBytes }: { readonly bytes: Uint8Array; readonly mask: number; readonly sizeBytes: number },
): Uint8Array {
  let made = bytes;
  for (let index = filters.length - 1; index >= 0; index--) {
    const filter = filters[index];
    if (filter !== undefined && (mask & (1 << index)) === 0) made = undo(filter, made, sizeBytes);
  }
  if (made.length !== sizeBytes) throw invalid(`an HDF5 chunk of ${made.length} bytes, ${sizeBytes} were said`);
  return made;
}

/** Bytes a checksum may add before the other filters. */
const CHECKSUMS = 64;

function undo({ id, values }: H5Filter, bytes: Uint8Array, sizeBytes: number): Uint8Array {
  if (id === SHUFFLE) return unshuffled(bytes, values[0] ?? 1);
  if (id === FLETCHER) return unsummed(bytes);
  const most = sizeBytes + CHECKSUMS;
  try {
    if (id === DEFLATE) return inflateSync(bytes, { maxOutputLength: most });
    if (id === ZSTD) return zstdDecompressSync(bytes, { maxOutputLength: most });
  } catch (error) {
    throw invalid('an HDF5 chunk that does not decompress', { cause: error });
  }
  if (id === LZF) return decodeLzf(bytes, most);
  throw beyond(`the HDF5 filter ${id} is not read`);
}

/** All first bytes of elements, then all second ones, and so on: back to elements. What makes up no element stays behind. */
export function unshuffled(bytes: Uint8Array, width: number): Uint8Array {
  if (width <= 1) return bytes;
  const count = Math.floor(bytes.length / width);
  const out = new Uint8Array(bytes.length);
  for (let byte = 0; byte < width; byte++)
    for (let at = byte, from = byte * count; from < (byte + 1) * count; at += width, from++) out[at] = bytes[from] ?? 0;
  out.set(bytes.subarray(count * width), count * width);
  return out;
}

/** Without the checksum behind it. */
function unsummed(bytes: Uint8Array): Uint8Array {
  const end = bytes.length - 4;
  if (end < 0 || fletcher32(bytes.subarray(0, end)) !== u32(bytes, end))
    throw invalid('an HDF5 chunk has another checksum');
  return bytes.subarray(0, end);
}

/** Two sums of 16-bit big-endian words, folded so that only the sum of nothing but zeros is 0 (H5checksum.c `H5_checksum_fletcher32`). */
function fletcher32(bytes: Uint8Array): number {
  let [one, two, any] = [0, 0, 0];
  for (let at = 0; at < bytes.length; at += 2) {
    const word = (bytes[at] ?? 0) * 256 + (bytes[at + 1] ?? 0);
    any |= word;
    one = (one + word) % 65_535;
    two = (two + one) % 65_535;
  }
  const folded = (sum: number): number => (sum === 0 && any !== 0 ? 65_535 : sum);
  return folded(two) * 65_536 + folded(one);
}
