import { Buffer } from 'node:buffer';
import { gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { isJsonObject, type Json } from '../base/json.ts';
import { decodeBlosc } from './compressed/blosc.ts';
import { decodeLz4Block } from './compressed/lz4.ts';
import { crc32c } from './crc32c.ts';
import { dtypeOfName } from './named-dtypes.ts';
import { numpyDtype } from './numpy.ts';
import { invalid } from './problem.ts';
import type { Dtype } from './types.ts';
import { u32 } from './zip-fields.ts';

/** One codec of a chunk, undone. @param mostBytes what may come out. */
type Decode = (bytes: Uint8Array, mostBytes: number) => Uint8Array;

/** A zarr array as its `.zarray` (version 2) or `zarr.json` (version 3) describes it. */
export interface ZarrArray {
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly bigEndian: boolean;
  /** Elements of a file along each axis; with shards those of a shard. */
  readonly stored: readonly number[];
  /** Elements of a chunk. */
  readonly chunk: readonly number[];
  /** Which axis of the chunk each stored axis is; outermost first. */
  readonly order: readonly number[];
  readonly fill: Json | undefined;
  readonly keyOf: (place: readonly number[]) => string;
  /** Codecs by name, in the order they are undone. */
  readonly decode: readonly string[];
  /** How the index of a shard is undone, and whether it stands at the end. */
  readonly shard?: { readonly decode: readonly string[]; readonly atEnd: boolean };
}

type Stated = { readonly [key: string]: Json };

/** The description; or why arrays of its kind are not read. */
export function parseZarrArray(value: Json): ZarrArray | string {
  if (!isJsonObject(value)) return 'its description is no object';
  return value['zarr_format'] === 2
    ? versionTwo(value)
    : value['zarr_format'] === 3
      ? versionThree(value)
      : 'an unknown version of zarr';
}

function versionTwo(value: Stated): ZarrArray | string {
  const [shape, chunk] = [sizesOf(value['shape']), sizesOf(value['chunks'])];
  const type = value['dtype'];
  const { filters, compressor } = value;
  if (shape === null || chunk === null || chunk.length !== shape.length || typeof type !== 'string')
    return 'its description is not complete';
  if (Array.isArray(filters) && filters.length > 0) return 'its chunks went through filters, which are not read';
  const codec = isJsonObject(compressor) ? codecOf(textOf(compressor['id'])) : [];
  if (codec === null)
    return `its chunks are compressed by ${JSON.stringify(compressor).slice(0, 100)}, which is not read`;
  const separator = value['dimension_separator'] === '/' ? '/' : '.';
  const axes = shape.map((_, axis) => axis);
  return {
    shape,
    dtype: dtypeOfName(type) ?? numpyDtype(type).dtype,
    bigEndian: type.startsWith('>'),
    stored: chunk,
    chunk,
    order: value['order'] === 'F' ? axes.toReversed() : axes,
    fill: value['fill_value'],
    keyOf: (place) => (place.length === 0 ? '0' : place.join(separator)),
    decode: codec,
  };
}

function versionThree(value: Stated): ZarrArray | string {
  const shape = sizesOf(value['shape']);
  const [grid, keys] = [namedOf(value['chunk_grid']), namedOf(value['chunk_key_encoding'])];
  const stored = grid?.name === 'regular' ? sizesOf(grid.about['chunk_shape']) : null;
  const type = value['data_type'];
  if (shape === null || stored?.length !== shape.length || typeof type !== 'string' || keys === null)
    return 'its description is not complete, or its chunks are not all alike';
  if (!['default', 'v2'].includes(keys.name))
    return `its chunks are named by ${keys.name.slice(0, 40)}, which is not read`;
  const transformers = value['storage_transformers'];
  if (transformers !== undefined && !(Array.isArray(transformers) && transformers.length === 0))
    return 'its chunks went through storage transformers, which are not read';
  const chain = chainOf(value['codecs'], shape.length);
  if (typeof chain === 'string') return chain;
  const separator = keys.about['separator'] ?? (keys.name === 'v2' ? '.' : '/');
  const named = (place: readonly number[]): string => place.join(separator === '.' ? '.' : '/');
  const keyOf = (place: readonly number[]): string =>
    keys.name === 'v2'
      ? named(place) || '0'
      : place.length === 0
        ? 'c'
        : `c${separator === '.' ? '.' : '/'}${named(place)}`;
  return {
    shape,
    dtype: dtypeOfName(type) ?? type.slice(0, 100),
    stored,
    fill: value['fill_value'],
    keyOf,
    ...chain,
    chunk: chain.chunk ?? stored,
  };
}

type Chain = Pick<ZarrArray, 'bigEndian' | 'order' | 'decode' | 'shard'> & { readonly chunk?: readonly number[] };

/** Codecs of version 3: from the array outwards. Undone from the last on. */
function chainOf(codecs: Json | undefined, rank: number): Chain | string {
  const chain: { -readonly [key in keyof Chain]: Chain[key] } = {
    bigEndian: false,
    order: Array.from({ length: rank }, (_, axis) => axis),
    decode: [],
  };
  for (const codec of Array.isArray(codecs) ? (codecs as readonly Json[]) : []) {
    const { name, about } = namedOf(codec) ?? { name: '?', about: {} };
    const decode = codecOf(name);
    if (name === 'bytes') chain.bigEndian = about['endian'] === 'big';
    else if (name === 'transpose') {
      const order = sizesOf(about['order']);
      if (
        order === null ||
        order.toSorted((a, b) => a - b).some((axis, index) => axis !== index) ||
        order.length !== rank
      )
        return 'its chunks are turned in a way that is not read';
      chain.order = order.map((axis) => chain.order[axis] ?? axis);
    } else if (name === 'sharding_indexed') return shardedChain(chain, about, rank);
    else if (decode === null) return `its chunks went through ${name.slice(0, 40)}, which is not read`;
    else chain.decode = [...decode, ...chain.decode];
  }
  return chain;
}

/** A shard is a file of chunks with an index of where they lie; what is around or in it is not read but for the usual. */
function shardedChain(outer: Chain, about: Stated, rank: number): Chain | string {
  const [inner, index] = [chainOf(about['codecs'], rank), chainOf(about['index_codecs'], 1)];
  const chunk = sizesOf(about['chunk_shape']);
  if (typeof inner === 'string') return inner;
  if (typeof index === 'string') return index;
  const plain = outer.decode.length === 0 && outer.order.every((axis, at) => axis === at) && inner.shard === undefined;
  if (chunk?.length !== rank || !plain || index.bigEndian) return 'its shards are of a kind that is not read';
  return { ...inner, chunk, shard: { decode: index.decode, atEnd: about['index_location'] !== 'start' } };
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '?';
}

function namedOf(value: Json | undefined): { readonly name: string; readonly about: Stated } | null {
  if (typeof value === 'string') return { name: value, about: {} };
  if (!isJsonObject(value) || typeof value['name'] !== 'string') return null;
  const about = value['configuration'];
  return { name: value['name'], about: isJsonObject(about) ? about : {} };
}

function sizesOf(value: Json | undefined): readonly number[] | null {
  if (!Array.isArray(value) || value.length > 64) return null;
  const sizes = value as readonly Json[];
  return sizes.every((size) => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
    ? (sizes as readonly number[])
    : null;
}

const WHOLE: Readonly<Record<string, Decode>> = {
  gzip: (bytes, most) => gunzipSync(bytes, { maxOutputLength: most }),
  zlib: (bytes, most) => inflateSync(bytes, { maxOutputLength: most }),
  zstd: (bytes, most) => zstdDecompressSync(bytes, { maxOutputLength: most }),
  blosc: decodeBlosc,
  lz4: (bytes, most) => {
    const out = new Uint8Array(Math.min(most, u32(bytes, 0)));
    if (decodeLz4Block(bytes.subarray(4), out, 0) !== out.length) throw invalid('a broken LZ4 block');
    return out;
  },
  crc32c: (bytes) => {
    const end = bytes.length - 4;
    if (end < 0 || crc32c(bytes.subarray(0, end)) !== u32(bytes, end)) throw invalid('a chunk has another checksum');
    return bytes.subarray(0, end);
  },
};

/** The codec of a name; null for one that is not read. numcodecs writes its own under a prefix. */
function codecOf(name: string): readonly string[] | null {
  const short = name.replace(/^numcodecs\./, '');
  return Object.hasOwn(WHOLE, short) ? [short] : null;
}

/** A chunk as it was before its codecs. @throws WeighmarkError `format-invalid`, `limit-exceeded`. */
export function withoutCodecs(decode: readonly string[], bytes: Uint8Array, mostBytes: number): Uint8Array {
  try {
    return decode.reduce((made, name) => WHOLE[name]?.(made, mostBytes + 64) ?? made, bytes);
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      typeof error.code === 'string' &&
      /^(Z_|ERR_|ZSTD)/.test(error.code)
    )
      throw invalid('a chunk does not decompress', { cause: error });
    throw error;
  }
}

/** One element of the value that unwritten chunks hold; null where nobody says, or in a way that is not read. */
export function fillBytes(fill: Json | undefined, dtype: Dtype, width: number): Uint8Array | null {
  const bytes = Buffer.alloc(width);
  if (fill === false || fill === 0) return Object.is(fill, -0) ? null : bytes;
  if (typeof fill !== 'number') return null;
  if (dtype === 'F32') bytes.writeFloatLE(fill);
  else if (dtype === 'F64') bytes.writeDoubleLE(fill);
  else if (/^[IU](8|16|32)$/.test(dtype) && Number.isInteger(fill)) return littleEndian(fill, width);
  else return null;
  return bytes;
}

function littleEndian(value: number, width: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes.subarray(0, width);
}
