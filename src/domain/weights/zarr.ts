import { parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { bytesSource, windowSource, type Source } from '../base/source.ts';
import { chunksOf, collect, inflate, type Compression } from '../formats/inflate.ts';
import { readOcdbt, type OcdbtFiles } from '../formats/ocdbt.ts';
import { beyond, invalid } from '../formats/problem.ts';
import { elementsOf } from '../formats/tensors.ts';
import { withoutCodecs, fillBytes, parseZarrArray, type ZarrArray } from '../formats/zarr-array.ts';
import { u64 } from '../formats/zip-fields.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { AGAIN, chunkedBytes, chunkedElements } from './pieces.ts';
import { denseStrides, gather, isDense, swapped } from './strided.ts';
import type { FileWeights, Undecided, WeightsSource, WeightTensor } from './types.ts';
import { contradiction } from './zarr-consolidated.ts';

/** Reads the value of a key; null if there is none. */
type Store = <T>(key: string, read: (source: Source) => Promise<T>) => Promise<T | null>;

/** One array of a zarr folder: its chunks are files below its description. */
export async function zarrWeights({ path, source, beside }: WeightsSource): Promise<FileWeights> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const name = path.split('/').at(-2) ?? '';
  const own = descriptionIn(await source.read(0, Math.min(source.size, LIMITS.configBytes)));
  const why = await contradiction(path, own, beside);
  return weightsOf([
    why === null ? arrayOf(name, own, (key, read) => beside(folder + key, read)) : { tensor: name, why },
  ]);
}

/**
 * The arrays of a checkpoint in OCDBT, as Orbax writes it. The manifests and nodes of the processes that wrote it are
 * read through the one above them.
 */
export async function ocdbtWeights({ path, source, beside }: WeightsSource): Promise<FileWeights> {
  const folder = path.replace(/(ocdbt\.process_\d+\/)?(d\/[0-9a-f]{32}|manifest\.ocdbt)$/, '');
  const manifest = `${folder}manifest.ocdbt`;
  if (path !== manifest) {
    const there = await beside(manifest, async () => true);
    return there === null
      ? { tensors: [], undecided: [{ why: 'its manifest.ocdbt is not there' }] }
      : { tensors: [], undecided: [], elsewhere: true };
  }
  if (source.size > LIMITS.memberBytes) throw beyond(`a manifest of ${source.size} bytes`);
  const files: OcdbtFiles = (file, read) => beside(folder + file, read);
  const entries = await readOcdbt(await source.read(0, source.size), files);
  const store: Store = async (key, read) => {
    const value = entries.get(key);
    if (value === undefined) return null;
    if ('bytes' in value) return read(bytesSource(value.bytes));
    return files(value.file, (held) => {
      if (value.offset + value.length > held.size) throw invalid('ends early: an OCDBT value lies outside its file');
      return read(windowSource(held, value.offset, value.length));
    });
  };
  const made: (Made | Undecided)[] = [];
  for (const key of entries.keys()) {
    const [, name] = /^(.*)\/(?:\.zarray|zarr\.json)$/s.exec(key) ?? [];
    if (name === undefined) continue;
    const bytes = await store(key, (held) => held.read(0, Math.min(held.size, LIMITS.configBytes)));
    made.push(
      arrayOf(name, descriptionIn(bytes ?? new Uint8Array(0)), (below, read) => store(`${name}/${below}`, read)),
    );
  }
  return weightsOf(made);
}

interface Made {
  readonly tensor: WeightTensor;
  readonly chunkedBytes: number;
}

/** Chunks that were never written may be said to hold terabytes: what all arrays of a file hold is bounded. */
const MOST_BYTES = 2 ** 44;

function weightsOf(made: readonly (Made | Undecided)[]): FileWeights {
  const known = made.filter((each): each is Made => 'chunkedBytes' in each);
  const undecided = made.filter((each): each is Undecided => 'why' in each);
  const bytes = known.reduce((sum, each) => sum + each.chunkedBytes, 0);
  if (bytes > MOST_BYTES) return { tensors: [], undecided: [{ why: `its chunks are said to hold ${bytes} bytes` }] };
  return { tensors: known.map(({ tensor }) => tensor), undecided };
}

/** A chunk that is held in memory whole. */
const CHUNK_BYTES = 64 << 20;

function descriptionIn(bytes: Uint8Array): Json {
  return parseStrictJson(bytes, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false });
}

function arrayOf(name: string, description: Json, store: Store): Made | Undecided {
  const bad = (why: string): Undecided => ({ tensor: name, why });
  const array = parseZarrArray(description);
  if (typeof array === 'string') return bad(array);
  const { shape, dtype, chunk, stored, bigEndian } = array;
  const form = canonicalForm('zarr', dtype, shape);
  const width = elementBytes(dtype);
  if (form === null || Number.isNaN(width)) return bad(`no canonical form of ${dtype.slice(0, 40)} is known`);
  const chunkBytes = elementsOf(chunk) * width;
  const whole = stored.every((size, axis) => size % (chunk[axis] ?? 1) === 0);
  if (!(chunkBytes > 0) || !whole) return bad('its chunks have impossible sizes');
  const streamed = chunkBytes > CHUNK_BYTES;
  if (streamed && !isStreamable(array)) return bad(`its chunks have ${chunkBytes} bytes, ${CHUNK_BYTES} are read`);
  const opening = { array, width, chunkBytes, fill: fillBytes(array.fill, dtype, width), store };
  const turned = bigEndian && width > 1;
  const swapWidth = dtype.startsWith('C') ? width / 2 : width;
  const open = (): AsyncIterable<Uint8Array> => {
    const plain = form.sizeBytes === 0 ? nothing() : streamed ? streamedChunks(opening) : heldChunks(opening);
    return turned ? swapped(plain, swapWidth) : plain;
  };
  const tensor = { name, shape, ...form, elements: { kind: 'made' as const, open } };
  return { tensor, chunkedBytes: chunkedBytes({ shape, chunk, width }) };
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}

interface Opening {
  readonly array: ZarrArray;
  readonly width: number;
  readonly chunkBytes: number;
  /** Null: nobody says what unwritten elements are. */
  readonly fill: Uint8Array | null;
  readonly store: Store;
}

function heldChunks(opening: Opening): AsyncIterable<Uint8Array> {
  const { array, width, fill } = opening;
  const read = array.shard === undefined ? plainChunks(opening) : shardedChunks(opening);
  const load = async (place: readonly number[]): Promise<Uint8Array | null> => {
    const bytes = await read(place);
    if (bytes === null && fill === null)
      throw invalid('a chunk of it is not there, and nobody says what it would hold');
    return bytes === null ? null : ordered(opening, bytes);
  };
  return chunkedElements({ shape: array.shape, width, chunk: array.chunk, fill: fill ?? new Uint8Array(width), load });
}

/** A chunk in row-major order, whichever it was kept in. */
async function ordered(
  { array: { chunk, order }, width, chunkBytes }: Opening,
  bytes: Uint8Array,
): Promise<Uint8Array> {
  if (bytes.length !== chunkBytes) throw invalid(`a chunk of ${bytes.length} bytes, ${chunkBytes} were said`);
  const kept = denseStrides(order.map((axis) => chunk[axis] ?? 1));
  const strides = chunk.map((_, axis) => kept[order.indexOf(axis)] ?? 1);
  const view = { shape: chunk, strides, width, offset: 0 };
  return isDense(view) ? bytes : collect(gather(bytesSource(bytes), view), chunkBytes);
}

type ReadChunk = (place: readonly number[]) => Promise<Uint8Array | null>;

function plainChunks({ array, chunkBytes, store }: Opening): ReadChunk {
  return (place) =>
    store(array.keyOf(place), async (held) => {
      if (held.size > 2 * CHUNK_BYTES) throw beyond(`a chunk of ${held.size} bytes`);
      return withoutCodecs(array.decode, await held.read(0, held.size), chunkBytes);
    });
}

const INDEX_BYTES = 64 << 20;

/** A shard's index: where each of its chunks lies in it, and how long it is; all ones where it was not written. */
function shardedChunks({ array, chunkBytes, store }: Opening): ReadChunk {
  const { chunk, stored, shape } = array;
  const counts = stored.map((size, axis) => size / (chunk[axis] ?? 1));
  const shard = array.shard ?? { decode: [], atEnd: true };
  const indexBytes = elementsOf(counts) * 16;
  const sums = shard.decode.filter((name) => name === 'crc32c').length * 4;
  const kept = new Map<string, Uint8Array>();
  let left = AGAIN * elementsOf(shape.map((size, axis) => Math.ceil(size / (stored[axis] ?? 1))));
  const indexOf = async (key: string, held: Source): Promise<Uint8Array> => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    if (!(indexBytes <= INDEX_BYTES) || indexBytes + sums > held.size)
      throw invalid('ends early: a shard without its index');
    left -= 1;
    if (left < 0) throw beyond('the indexes of its shards would have to be read too often');
    const bytes = await held.read(shard.atEnd ? held.size - indexBytes - sums : 0, indexBytes + sums);
    const index = withoutCodecs(shard.decode, bytes, indexBytes);
    if (index.length !== indexBytes) throw invalid('the index of a shard has another length');
    const [oldest] = kept.keys();
    if ((kept.size + 1) * indexBytes > INDEX_BYTES && oldest !== undefined) kept.delete(oldest);
    kept.set(key, index);
    return index;
  };
  return (place) => {
    const key = array.keyOf(place.map((at, axis) => Math.floor(at / (counts[axis] ?? 1))));
    const steps = denseStrides(counts);
    const number = place.reduce((sum, at, axis) => sum + (at % (counts[axis] ?? 1)) * (steps[axis] ?? 0), 0);
    return store(key, async (held) => {
      const entry = (await indexOf(key, held)).subarray(number * 16, number * 16 + 16);
      if (entry.every((byte) => byte === 255)) return null;
      const [offset, length] = [u64(entry, 0), u64(entry, 8)];
      if (offset + length > held.size) throw invalid('ends early: a chunk lies outside its shard');
      if (length > 2 * CHUNK_BYTES) throw beyond(`a chunk of ${length} bytes`);
      return withoutCodecs(array.decode, await held.read(offset, length), chunkBytes);
    });
  };
}

const STREAMS: Readonly<Record<string, Compression>> = { zstd: 'zstd', gzip: 'gzip', zlib: 'zlib' };

/** Chunks too large to be held may come one after the other: whole rows, and through nothing but one compressor. */
function isStreamable({ shape, chunk, order, decode, shard }: ZarrArray): boolean {
  const rows = shape.every((size, axis) => axis <= rowAxis(shape) || chunk[axis] === size);
  const known = decode.length === 0 || (decode.length === 1 && Object.hasOwn(STREAMS, decode[0] ?? ''));
  return rows && known && shard === undefined && order.every((axis, at) => axis === at);
}

/** The first axis along which there is more than one element. */
function rowAxis(shape: readonly number[]): number {
  return Math.max(
    0,
    shape.findIndex((size) => size > 1),
  );
}

async function* streamedChunks({ array, width, chunkBytes, store }: Opening): AsyncGenerator<Uint8Array, void> {
  const { shape, decode, keyOf } = array;
  const axis = rowAxis(shape);
  let left = elementsOf(shape) * width;
  for (let at = 0; left > 0; at++) {
    const key = keyOf(shape.map((_, index) => (index === axis ? at : 0)));
    const size = await store(key, async (held) => held.size);
    if (size === null) throw invalid('a chunk of it is not there');
    const held: Source = {
      size,
      read: async (from, length) => (await store(key, (open) => open.read(from, length))) ?? new Uint8Array(0),
    };
    const compression = STREAMS[decode[0] ?? ''];
    const chunks = compression === undefined ? chunksOf(held) : inflate(held, compression, { maxBytes: chunkBytes });
    let made = 0;
    for await (const bytes of chunks) {
      const taken = bytes.subarray(0, Math.min(bytes.length, left));
      made += bytes.length;
      left -= taken.length;
      if (taken.length > 0) yield taken;
    }
    if (made !== chunkBytes) throw invalid(`a chunk of ${made} bytes, ${chunkBytes} were said`);
  }
}
