import { readRecords } from './hdf5-dense.ts';
import { numberAt, readAt, readUpTo, type H5File } from './hdf5-file.ts';
import { textOf } from './hdf5-group.ts';
import { beyond, invalid } from './problem.ts';
import { u16, u32 } from './zip-fields.ts';

/** How a dataset lies in chunks: data layout message (0x0008) of class 2. */
export interface H5Chunking {
  /** Elements of a chunk along each axis. */
  readonly chunk: readonly number[];
  readonly index: 'tree' | 'single' | 'implicit' | 'array' | 'records' | 'other';
  /** Where the index is, counted as the file counts; NaN if nothing was written yet. */
  readonly address: number;
  /** Of a single chunk that went through filters. */
  readonly single?: { readonly bytes: number; readonly mask: number };
  /** Chunks over the array's edge went through no filter. */
  readonly plainEdges: boolean;
}

/** Where one chunk lies, as the file counts, and which of the filters were left out for it. */
export interface H5Chunk {
  readonly address: number;
  readonly bytes: number;
  readonly mask: number;
}

const CHUNKS = 500_000;
const INDEXES = ['other', 'single', 'implicit', 'array', 'other', 'records'] as const;

/** The layout's chunks; null for a layout of another class. @throws WeighmarkError `limit-exceeded` for a version not known. */
export function parseChunking(file: H5File, data: Uint8Array, rank: number): H5Chunking | null {
  const version = data[0] ?? 0;
  if (version > 5) throw beyond(`an HDF5 layout of version ${version} is not read`);
  if (data[version < 3 ? 2 : 1] !== 2) return null;
  if (version < 4) {
    const at = version < 3 ? 8 : 3;
    const chunk = numbersAt(data, { at: at + file.offsetBytes, width: 4, count: rank });
    return { chunk, index: 'tree', address: numberAt(data, at, file.offsetBytes), plainEdges: false };
  }
  return parseModern(file, data, rank);
}

/** Versions 4 and 5: flags, dimensions of a width of their own, kind of index, what belongs to it, its address. */
function parseModern({ offsetBytes, lengthBytes }: H5File, data: Uint8Array, rank: number): H5Chunking {
  const [flags, dimensions, width] = [data[2] ?? 0, data[3] ?? 0, data[4] ?? 0];
  if (dimensions !== rank + 1) throw invalid('an HDF5 chunk of other dimensions than its dataset');
  const at = 5 + dimensions * width;
  const chunk = numbersAt(data, { at: 5, width, count: rank });
  const kind = data[at] ?? 0;
  const index = INDEXES[kind] ?? 'other';
  const filtered = index === 'single' && (flags & 2) !== 0;
  const about = filtered ? lengthBytes + 4 : ([0, 0, 0, 1, 5, 6][kind] ?? 0);
  const single = filtered
    ? { single: { bytes: numberAt(data, at + 1, lengthBytes), mask: u32(data, at + 1 + lengthBytes) } }
    : {};
  return {
    chunk,
    index,
    address: numberAt(data, at + 1 + about, offsetBytes),
    plainEdges: (flags & 1) !== 0,
    ...single,
  };
}

function numbersAt(
  data: Uint8Array,
  { at, width, count }: { at: number; width: number; count: number },
): readonly number[] {
  return Array.from({ length: count }, (_, index) => numberAt(data, at + index * width, width));
}

/** What the index is read for. */
export interface H5Grid {
  readonly file: H5File;
  readonly chunking: H5Chunking;
  /** The dataset's dimensions, and those it may grow to. */
  readonly shape: readonly number[];
  readonly most: readonly number[];
  /** Bytes of a chunk without filters. */
  readonly chunkBytes: number;
  readonly filtered: boolean;
}

/**
 * Where every chunk that was written lies, by its place in the grid (`0,3`).
 * @throws WeighmarkError `format-invalid` for two chunks at one place, `limit-exceeded` for an index that is not read.
 */
export async function readChunkIndex(grid: H5Grid): Promise<ReadonlyMap<string, H5Chunk>> {
  const { index, address } = grid.chunking;
  const found = new Map<string, H5Chunk>();
  const add = (place: readonly number[], chunk: H5Chunk): void => {
    const key = place.join();
    if (found.has(key)) throw invalid('two HDF5 chunks at one place');
    if (found.size >= CHUNKS) throw beyond(`more than ${CHUNKS} HDF5 chunks`);
    if (!Number.isNaN(chunk.address)) found.set(key, chunk);
  };
  if (Number.isNaN(address)) return found;
  await READERS[index](grid, add);
  return found;
}

type Add = (place: readonly number[], chunk: H5Chunk) => void;

const READERS: Readonly<Record<H5Chunking['index'], (grid: H5Grid, add: Add) => Promise<void>>> = {
  tree: readChunkTree,
  single: async ({ chunking: { chunk, address, single }, chunkBytes }, add) =>
    add(
      chunk.map(() => 0),
      { address, bytes: single?.bytes ?? chunkBytes, mask: single?.mask ?? 0 },
    ),
  implicit: readImplicit,
  array: readFixedArray,
  records: readChunkRecords,
  other: async () => {
    throw beyond('an HDF5 chunk index that is not read (extensible array)');
  },
};

/** Version 1 B-tree: keys of size, filter mask and offsets, each with the place of a chunk or a node below. */
async function readChunkTree({ file, chunking: { chunk, address } }: H5Grid, add: Add): Promise<void> {
  const { offsetBytes } = file;
  const keyBytes = 8 + 8 * (chunk.length + 1);
  const start = 8 + 2 * offsetBytes;
  const waiting = [address];
  const seen = new Set<number>();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) throw invalid('an HDF5 chunk index runs in a circle');
    if (seen.add(node).size > CHUNKS) throw beyond(`more than ${CHUNKS} nodes of an HDF5 chunk index`);
    const head = await readUpTo(file, node, 8);
    if (textOf(head.subarray(0, 4)) !== 'TREE' || head[4] !== 1) throw invalid(`no HDF5 chunk index at ${node}`);
    const count = u16(head, 6);
    const bytes = await readAt(file, node, start + count * (keyBytes + offsetBytes));
    for (let entry = 0; entry < count; entry++) {
      const at = start + entry * (keyBytes + offsetBytes);
      const child = numberAt(bytes, at + keyBytes, offsetBytes);
      if ((head[5] ?? 0) > 0) waiting.push(child);
      else {
        const place = chunk.map((size, axis) => numberAt(bytes, at + 8 + axis * 8, 8) / size);
        if (!place.every(Number.isSafeInteger)) throw invalid('an HDF5 chunk off the grid');
        add(place, { address: child, bytes: u32(bytes, at), mask: u32(bytes, at + 4) });
      }
    }
  }
}

/** How many chunks there are along each axis, in a dataset that may grow to `most`. */
function gridOf({ most, chunking: { chunk } }: H5Grid): readonly number[] {
  const counts = most.map((size, axis) => Math.ceil(size / (chunk[axis] ?? 1)));
  if (!counts.every(Number.isSafeInteger) || counts.reduce((product, count) => product * count, 1) > CHUNKS)
    throw beyond(`more than ${CHUNKS} HDF5 chunks`);
  return counts;
}

/** The place of the chunk that has a number, row-major. */
function placeOf(counts: readonly number[], number: number): readonly number[] {
  const place = counts.map(() => 0);
  let rest = number;
  for (let axis = counts.length - 1; axis >= 0; axis--) {
    place[axis] = rest % (counts[axis] ?? 1);
    rest = Math.floor(rest / (counts[axis] ?? 1));
  }
  return place;
}

/** All chunks one after the other, without filters. */
async function readImplicit(grid: H5Grid, add: Add): Promise<void> {
  const counts = gridOf(grid);
  const { chunkBytes } = grid;
  const total = counts.reduce((product, count) => product * count, 1);
  for (let number = 0; number < total; number++)
    add(placeOf(counts, number), { address: grid.chunking.address + number * chunkBytes, bytes: chunkBytes, mask: 0 });
}

/** Fixed array: a header, and one block of elements, in pages where they are many. */
async function readFixedArray(grid: H5Grid, add: Add): Promise<void> {
  const { file, chunking } = grid;
  const { offsetBytes, lengthBytes } = file;
  const head = await readAt(file, chunking.address, 8 + lengthBytes + offsetBytes);
  if (textOf(head.subarray(0, 4)) !== 'FAHD') throw invalid(`no HDF5 array of chunks at ${chunking.address}`);
  const [entryBytes, pageBits] = [head[6] ?? 0, head[7] ?? 0];
  const total = numberAt(head, 8, lengthBytes);
  const block = numberAt(head, 8 + lengthBytes, offsetBytes);
  const counts = gridOf(grid);
  if (Number.isNaN(block)) return;
  if (!(total <= CHUNKS) || entryBytes < offsetBytes || entryBytes > 64)
    throw invalid('an impossible HDF5 array of chunks');
  for await (const { number, entry } of arrayEntries(file, { block, total, entryBytes, page: 2 ** pageBits }))
    add(placeOf(counts, number), chunkOf(grid, entry));
}

async function* arrayEntries(
  file: H5File,
  { block, total, entryBytes, page }: { block: number; total: number; entryBytes: number; page: number },
): AsyncGenerator<{ number: number; entry: Uint8Array }, void> {
  const prefix = 6 + file.offsetBytes;
  const pages = total > page ? Math.ceil(total / page) : 0;
  const head = await readAt(file, block, prefix + Math.ceil(pages / 8));
  if (textOf(head.subarray(0, 4)) !== 'FADB') throw invalid(`no HDF5 array of chunks at ${block}`);
  const per = pages === 0 ? total : page;
  for (let first = 0, at = block + head.length + (pages === 0 ? 0 : 4); first < total; first += per) {
    const number = first / per;
    const count = Math.min(per, total - first);
    const written = pages === 0 || ((head[prefix + (number >> 3)] ?? 0) & (0x80 >> (number % 8))) !== 0;
    const bytes = written ? await readAt(file, at, count * entryBytes) : new Uint8Array(0);
    for (let index = 0; index < (written ? count : 0); index++)
      yield { number: first + index, entry: bytes.subarray(index * entryBytes, (index + 1) * entryBytes) };
    at += count * entryBytes + 4;
  }
}

/** An element of an index: an address, and of filtered chunks size and mask. */
function chunkOf({ file: { offsetBytes }, filtered, chunkBytes }: H5Grid, entry: Uint8Array, after = 0): H5Chunk {
  const address = numberAt(entry, 0, offsetBytes);
  if (!filtered) return { address, bytes: chunkBytes, mask: 0 };
  const maskAt = entry.length - after - 4;
  return { address, bytes: numberAt(entry, offsetBytes, maskAt - offsetBytes), mask: u32(entry, maskAt) };
}

/** Version 2 B-tree: an address, of filtered chunks size and mask, and the place in the grid. */
async function readChunkRecords(grid: H5Grid, add: Add): Promise<void> {
  const { file, chunking } = grid;
  const after = 8 * chunking.chunk.length;
  for (const record of await readRecords(file, chunking.address)) {
    if (record.length < file.offsetBytes + after + (grid.filtered ? 5 : 0))
      throw invalid('an HDF5 chunk record is too short');
    const place = numbersAt(record, { at: record.length - after, width: 8, count: chunking.chunk.length });
    add(place, chunkOf(grid, record, after));
  }
}
