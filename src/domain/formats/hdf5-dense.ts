import { numberAt, readAt, type H5File } from './hdf5-file.ts';
import { textOf } from './hdf5-group.ts';
import { beyond, invalid } from './problem.ts';
import { u16, u32 } from './zip-fields.ts';

const RECORDS = 200_000;
const OBJECT_BYTES = 1 << 20;
const NODE_BYTES = 1 << 20;

/**
 * The messages of a group with many links or attributes: a version 2 B-tree names objects in a fractal heap.
 * @param kind where a B-tree record holds the heap id: links (type 5) behind a hash, attributes (type 8) in front.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for what this reader does not follow (huge or filtered objects).
 */
export async function readDense(
  file: H5File,
  place: { heap: number; index: number },
  kind: 'links' | 'attributes',
): Promise<Uint8Array[]> {
  const heap = await openHeap(file, place.heap);
  const objects: Uint8Array[] = [];
  for (const record of await readRecords(file, place.index)) {
    objects.push(await readObject(file, heap, kind === 'links' ? record.subarray(4) : record));
  }
  return objects;
}

interface Heap {
  readonly address: number;
  readonly maxBits: number;
  readonly lengthBytes: number;
  readonly width: number;
  readonly startSize: number;
  readonly maxDirect: number;
  readonly root: number;
  readonly rootRows: number;
  /** Bytes before the addresses of an indirect block. */
  readonly prefix: number;
}

async function openHeap(file: H5File, address: number): Promise<Heap> {
  const { offsetBytes: O, lengthBytes: L } = file;
  const bytes = await readAt(file, address, 22 + 12 * L + 3 * O);
  if (textOf(bytes.subarray(0, 4)) !== 'FRHP') throw invalid(`no HDF5 fractal heap at ${address}`);
  if (u16(bytes, 7) !== 0) throw beyond('a filtered HDF5 fractal heap is not read');
  const table = 14 + 10 * L + 2 * O;
  const maxObject = u32(bytes, 10);
  const maxDirect = numberAt(bytes, table + 2 + L, L);
  const maxBits = u16(bytes, table + 2 + 2 * L);
  const heap = {
    address,
    maxBits,
    maxDirect,
    width: u16(bytes, table),
    startSize: numberAt(bytes, table + 2, L),
    lengthBytes: Math.min(bytesFor(maxDirect), bytesFor(maxObject)),
    root: numberAt(bytes, table + 6 + 2 * L, O),
    rootRows: u16(bytes, table + 6 + 2 * L + O),
    prefix: 5 + O + Math.ceil(maxBits / 8),
  };
  const possible = heap.width > 0 && heap.width <= 1024 && heap.startSize > 0 && maxDirect > 0 && maxBits <= 64;
  if (!possible) throw invalid('an impossible HDF5 fractal heap');
  return heap;
}

/** Bytes needed for numbers up to `limit`. */
function bytesFor(limit: number): number {
  return Math.floor(Math.log2(Math.max(1, limit)) / 8) + 1;
}

/** A heap id's object: managed ones lie in the doubling table, tiny ones in the id itself. */
async function readObject(file: H5File, heap: Heap, id: Uint8Array): Promise<Uint8Array> {
  const type = ((id[0] ?? 0) >> 4) & 3;
  if (type === 2) return id.subarray(1, 2 + ((id[0] ?? 0) & 15));
  if (type !== 0) throw beyond('a huge object in an HDF5 fractal heap is not read');
  const offsetBytes = Math.ceil(heap.maxBits / 8);
  const offset = numberAt(id, 1, offsetBytes);
  const length = numberAt(id, 1 + offsetBytes, heap.lengthBytes);
  if (!(length <= OBJECT_BYTES)) throw beyond(`an HDF5 message of ${length} bytes`);
  return readAt(file, await addressOf(file, heap, offset), length);
}

/** Walks the doubling table down to the direct block that holds a heap offset. */
async function addressOf(file: H5File, heap: Heap, offset: number): Promise<number> {
  let [block, rows, rest] = [heap.root, heap.rootRows, offset];
  for (let depth = 0; rows > 0; depth++) {
    const entry = entryAt(heap, rows, rest);
    if (entry === null || depth > 32) throw invalid('an HDF5 heap id points to nothing');
    block = numberAt(
      await readAt(file, block + heap.prefix + entry.index * file.offsetBytes, file.offsetBytes),
      0,
      file.offsetBytes,
    );
    rest -= entry.start;
    rows = entry.size <= heap.maxDirect ? 0 : Math.log2(entry.size) - Math.log2(heap.startSize * heap.width) + 1;
  }
  return block + rest;
}

/** Which entry of an indirect block holds an offset: blocks of a row are equal, rows double from the second on. */
function entryAt(
  { width, startSize }: Heap,
  rows: number,
  offset: number,
): { index: number; start: number; size: number } | null {
  for (let [row, start] = [0, 0]; row < rows; row++) {
    const size = startSize * 2 ** Math.max(0, row - 1);
    const column = Math.floor((offset - start) / size);
    if (column < width) return { index: row * width + column, start: start + column * size, size };
    start += width * size;
  }
  return null;
}

interface Tree {
  readonly nodeSize: number;
  readonly recordSize: number;
  /** By depth: bytes of a child's total record count. */
  readonly totalBytes: readonly number[];
  readonly countBytes: number;
}

/** All records of a version 2 B-tree, in no particular order. */
export async function readRecords(file: H5File, address: number): Promise<Uint8Array[]> {
  const head = await readAt(file, address, 18 + file.offsetBytes);
  if (textOf(head.subarray(0, 4)) !== 'BTHD') throw invalid(`no HDF5 B-tree at ${address}`);
  const [nodeSize, recordSize, depth] = [u32(head, 6), u16(head, 10), u16(head, 12)];
  if (nodeSize > NODE_BYTES || recordSize < 8 || depth > 16) throw beyond('an impossible HDF5 B-tree');
  const tree = { nodeSize, recordSize, ...treeShape(file, { nodeSize, recordSize, depth }) };
  const records: Uint8Array[] = [];
  const root = { address: numberAt(head, 16, file.offsetBytes), count: u16(head, 16 + file.offsetBytes), depth };
  const waiting = root.count === 0 ? [] : [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    for (const child of await readNode(file, tree, node, records)) waiting.push(child);
    if (records.length > RECORDS || waiting.length > RECORDS) throw beyond(`more than ${RECORDS} links or attributes`);
  }
  return records;
}

/** Widths that follow from how many records fit (H5B2hdr.c `H5B2__hdr_init`). */
function treeShape(
  { offsetBytes }: H5File,
  tree: { nodeSize: number; recordSize: number; depth: number },
): Pick<Tree, 'totalBytes' | 'countBytes'> {
  const { nodeSize, recordSize, depth } = tree;
  let cumulative = Math.floor((nodeSize - 10) / recordSize);
  const countBytes = bytesFor(cumulative);
  const totalBytes = [0];
  for (let level = 1; level <= depth; level++) {
    const pointer = offsetBytes + countBytes + (totalBytes[level - 1] ?? 0);
    const most = Math.floor((nodeSize - 10 - pointer) / (recordSize + pointer));
    cumulative = (most + 1) * cumulative + most;
    totalBytes.push(bytesFor(cumulative));
  }
  return { totalBytes, countBytes };
}

interface Node {
  readonly address: number;
  readonly count: number;
  readonly depth: number;
}

async function readNode(
  file: H5File,
  tree: Tree,
  { address, count, depth }: Node,
  records: Uint8Array[],
): Promise<Node[]> {
  const bytes = await readAt(file, address, Math.min(tree.nodeSize, file.source.size - file.base - address));
  const signature = textOf(bytes.subarray(0, 4));
  const end = 6 + count * tree.recordSize;
  if (signature !== (depth === 0 ? 'BTLF' : 'BTIN') || end > bytes.length)
    throw invalid(`no HDF5 B-tree node at ${address}`);
  for (let at = 6; at < end; at += tree.recordSize) records.push(bytes.subarray(at, at + tree.recordSize));
  if (depth === 0) return [];
  const pointer = file.offsetBytes + tree.countBytes + (tree.totalBytes[depth - 1] ?? 0);
  return Array.from({ length: count + 1 }, (_, index) => {
    const at = end + index * pointer;
    return {
      address: numberAt(bytes, at, file.offsetBytes),
      count: numberAt(bytes, at + file.offsetBytes, tree.countBytes),
      depth: depth - 1,
    };
  });
}
