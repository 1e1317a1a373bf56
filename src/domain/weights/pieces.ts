import { beyond, invalid } from '../formats/problem.ts';
import { elementsOf } from '../formats/tensors.ts';

/** A box of an array that lies in a place of its own: a chunk, or what one process saved. */
export interface Piece {
  /** Where it begins in the array, and its own dimensions; those of a chunk may reach beyond the array's edge. */
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  /** Bytes of its own row-major elements. */
  read(from: number, length: number): Promise<Uint8Array>;
}

/** An array in pieces. */
export interface Pieces {
  readonly shape: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  /** Along each axis, after how many elements others begin. */
  readonly grid: readonly number[];
  /** The pieces that meet the box [low, high). */
  within(low: readonly number[], high: readonly number[]): Iterable<Piece>;
  /** The bytes of an element that no piece holds; absent: every element is in a piece. */
  readonly fill?: Uint8Array;
}

interface Slab {
  /** Axes before it are fixed, those after it whole. */
  readonly axis: number;
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What is held at a time, in bytes: it does not grow with the array. */
export interface Memory {
  /** Of the array, made at a time. */
  readonly slab: number;
  /** Of opened chunks. */
  readonly chunks: number;
}

const MEMORY: Memory = { slab: 32 << 20, chunks: 64 << 20 };

/** The array's elements in row-major order, slab by slab. @throws WeighmarkError `format-invalid` for one that no piece holds. */
export async function* assembled(pieces: Pieces, { slab: most }: Memory = MEMORY): AsyncGenerator<Uint8Array, void> {
  if (pieces.shape.length === 0) return yield* assembled(asVector(pieces));
  if (elementsOf(pieces.shape) === 0) return;
  for (const slab of slabsOf(pieces, most)) yield await slabBytes(pieces, slab);
}

/** A scalar is a vector of one. */
function asVector(pieces: Pieces): Pieces {
  const one = (piece: Piece): Piece => ({ offsets: [0], sizes: [1], read: (from, length) => piece.read(from, length) });
  return { ...pieces, shape: [1], grid: [1], within: () => [...pieces.within([], [])].map(one) };
}

/** Whole rows of pieces where they fit, so that each is read once; else as many elements as fit. */
function* slabsOf({ shape, width, grid }: Pieces, mostBytes: number): Generator<Slab, void> {
  const inner = (axis: number): number => elementsOf(shape.slice(axis + 1)) * width;
  const axis = shape.findIndex((_, index) => inner(index) <= mostBytes);
  const size = shape[axis] ?? 1;
  const step = Math.min(grid[axis] ?? 1, size);
  const rows = Math.max(1, Math.floor(mostBytes / inner(axis)));
  const taken = rows >= step ? rows - (rows % step) : rows;
  const low = shape.map(() => 0);
  for (let outer = elementsOf(shape.slice(0, axis)); outer > 0; outer--) {
    for (let first = 0; first < size; first += taken) {
      const from = low.map((at, index) => (index === axis ? first : at));
      const end = Math.min(size, first + taken);
      yield {
        axis,
        low: from,
        high: shape.map((all, index) => (index < axis ? (low[index] ?? 0) + 1 : index === axis ? end : all)),
      };
    }
    for (let index = axis - 1; index >= 0; index--) {
      low[index] = (low[index] ?? 0) + 1;
      if ((low[index] ?? 0) < (shape[index] ?? 0)) break;
      low[index] = 0;
    }
  }
}

async function slabBytes(pieces: Pieces, slab: Slab): Promise<Uint8Array> {
  const { shape, width, fill } = pieces;
  const { axis, low, high } = slab;
  const elements = ((high[axis] ?? 0) - (low[axis] ?? 0)) * elementsOf(shape.slice(axis + 1));
  const out = Buffer.alloc(elements * width);
  if (fill?.some((byte) => byte !== 0) === true) out.fill(fill);
  let held = 0;
  for (const piece of pieces.within(low, high)) held += await copyPiece({ pieces, slab, out }, piece);
  if (fill === undefined && held !== elements) throw invalid('its pieces do not make up the whole of it');
  return out;
}

/** How many elements of the slab the piece holds. What it has of a slab lies in one stretch of it: later axes are whole. */
async function copyPiece(
  { pieces: { shape, width }, slab: { axis, low, high }, out }: { pieces: Pieces; slab: Slab; out: Uint8Array },
  { offsets, sizes, read }: Piece,
): Promise<number> {
  const from = low.map((at, index) => Math.max(at, offsets[index] ?? 0));
  const end = high.map((at, index) => Math.min(at, (offsets[index] ?? 0) + (sizes[index] ?? 0)));
  const counts = end.map((at, index) => at - (from[index] ?? 0));
  if (counts.some((count) => count <= 0)) return 0;
  const [own, whole] = [stepsOf(sizes), stepsOf(shape)];
  const first = sum(from.slice(0, axis + 1), (at, index) => (at - (offsets[index] ?? 0)) * (own[index] ?? 0));
  const bytes = await read(first * width, (counts[axis] ?? 0) * (own[axis] ?? 0) * width);
  let last = shape.length - 1;
  while (last > axis && sizes[last] === shape[last]) last -= 1;
  const run = (counts[last] ?? 0) * (own[last] ?? 0) * width;
  const target = sum(from, (at, index) => (index < axis ? 0 : (at - (low[index] ?? 0)) * (whole[index] ?? 0)));
  copyRuns(
    { bytes, out, width, run, target },
    { counts: counts.slice(axis, last), own: own.slice(axis, last), whole: whole.slice(axis, last) },
  );
  return elementsOf(counts);
}

/** Copies runs of bytes from one dense array into another, over all indices of the axes before the run's. */
function copyRuns(
  {
    bytes,
    out,
    width,
    run,
    target,
  }: { bytes: Uint8Array; out: Uint8Array; width: number; run: number; target: number },
  { counts, own, whole }: { counts: readonly number[]; own: readonly number[]; whole: readonly number[] },
): void {
  const index = counts.map(() => 0);
  let [source, goal] = [0, target];
  for (let left = elementsOf(counts); left > 0; left--) {
    out.set(bytes.subarray(source * width, source * width + run), goal * width);
    for (let axis = counts.length - 1; axis >= 0; axis--) {
      const [size, step, far] = [counts[axis] ?? 0, own[axis] ?? 0, whole[axis] ?? 0];
      const next = (index[axis] ?? 0) + 1;
      if (next < size) {
        [index[axis], source, goal] = [next, source + step, goal + far];
        break;
      }
      [index[axis], source, goal] = [0, source - (size - 1) * step, goal - (size - 1) * far];
    }
  }
}

/** Elements between neighbours along each axis of a dense array. */
function stepsOf(sizes: readonly number[]): readonly number[] {
  return sizes.map((_, axis) => elementsOf(sizes.slice(axis + 1)));
}

function sum(values: readonly number[], of: (value: number, index: number) => number): number {
  return values.reduce((total, value, index) => total + of(value, index), 0);
}

/** How often what is held only in part may be opened again: a chunk of which a whole row does not fit, an index of a shard. */
export const AGAIN = 16;
/** A few bytes may speak of chunks without end, none of them written: how many are asked for, and how much of a fill value is made. */
const CHUNKS = 5_000_000;
const FILLED_BYTES = 2 ** 36;

export interface Chunked {
  readonly shape: readonly number[];
  readonly width: number;
  readonly chunk: readonly number[];
  readonly fill: Uint8Array;
  /** A chunk's elements, row-major and whole; null if it was never written. */
  readonly load: (index: readonly number[]) => Promise<Uint8Array | null>;
}

/** Bytes that all chunks of an array hold together, with what reaches beyond its edge. */
export function chunkedBytes({ shape, chunk, width }: Pick<Chunked, 'shape' | 'chunk' | 'width'>): number {
  return elementsOf(shape.map((size, axis) => Math.ceil(size / (chunk[axis] ?? 1)) * (chunk[axis] ?? 1))) * width;
}

/**
 * An array in equal chunks, each opened as seldom as memory allows.
 * @throws WeighmarkError `limit-exceeded` where that would be too often.
 */
export function chunkedElements(array: Chunked, memory: Memory = MEMORY): AsyncIterable<Uint8Array> {
  const { shape, width, chunk, fill } = array;
  const chunkBytes = elementsOf(chunk) * width;
  if (!(chunkedBytes(array) <= CHUNKS * chunkBytes)) throw beyond(`more than ${CHUNKS} chunks`);
  const kept = new Map<string, Uint8Array>();
  let left = AGAIN * chunkedBytes(array);
  let unwritten = FILLED_BYTES;
  const made = (): Uint8Array => {
    unwritten -= chunkBytes;
    if (unwritten < 0) throw beyond(`chunks that were never written, of more than ${FILLED_BYTES} bytes`);
    return filled(fill, chunkBytes);
  };
  const load = async (index: readonly number[]): Promise<Uint8Array> => {
    const key = index.join();
    const known = kept.get(key);
    if (known !== undefined) return known;
    left -= chunkBytes;
    if (left < 0) throw beyond('its chunks would have to be opened too often');
    const bytes = (await array.load(index)) ?? made();
    if (bytes.length !== chunkBytes) throw invalid(`a chunk of ${bytes.length} bytes, ${chunkBytes} were said`);
    const [oldest] = kept.keys();
    if ((kept.size + 1) * chunkBytes > memory.chunks && oldest !== undefined) kept.delete(oldest);
    kept.set(key, bytes);
    return bytes;
  };
  const pieceAt = (index: readonly number[]): Piece => ({
    offsets: index.map((at, axis) => at * (chunk[axis] ?? 1)),
    sizes: chunk,
    read: async (from, length) => (await load(index)).subarray(from, from + length),
  });
  const within: Pieces['within'] = (low, high) => gridWithin(chunk, { low, high }, pieceAt);
  return assembled({ shape, width, grid: chunk, fill, within }, memory);
}

function filled(fill: Uint8Array, length: number): Uint8Array {
  return fill.some((byte) => byte !== 0) ? Buffer.alloc(length, fill) : new Uint8Array(length);
}

/** Every cell of a grid that meets the box. */
function* gridWithin(
  chunk: readonly number[],
  { low, high }: { readonly low: readonly number[]; readonly high: readonly number[] },
  pieceAt: (index: readonly number[]) => Piece,
): Generator<Piece, void> {
  const first = low.map((at, axis) => Math.floor(at / (chunk[axis] ?? 1)));
  const end = high.map((at, axis) => Math.ceil(at / (chunk[axis] ?? 1)));
  const index = [...first];
  for (let left = elementsOf(end.map((at, axis) => at - (first[axis] ?? 0))); left > 0; left--) {
    yield pieceAt([...index]);
    for (let axis = index.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] ?? 0) + 1;
      if ((index[axis] ?? 0) < (end[axis] ?? 0)) break;
      index[axis] = first[axis] ?? 0;
    }
  }
}
