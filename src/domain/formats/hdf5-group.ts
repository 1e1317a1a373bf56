import { LIMITS } from '../base/limits.ts';
import { numberAt, readAt, readUpTo, type H5File, type H5Message } from './hdf5-file.ts';
import { beyond, invalid } from './problem.ts';
import { u16 } from './zip-fields.ts';

/** A name in a group: a hard link to an object's address, a soft link, or a link into another file. */
export type H5Link =
  | { readonly kind: 'hard'; readonly name: string; readonly address: number }
  | { readonly kind: 'soft'; readonly name: string; readonly target: string }
  | { readonly kind: 'external'; readonly name: string; readonly file: string; readonly target: string };

const NODES = 100_000;
const HEAP_BYTES = 16 << 20;

/** The links that a group's header messages hold or, in a symbol table, point to. */
export async function readLinks(file: H5File, messages: readonly H5Message[]): Promise<H5Link[]> {
  const links: H5Link[] = [];
  for (const { type, data } of messages) {
    if (type === 0x06) links.push(parseLink(file, data));
    if (type === 0x11) for (const link of await readSymbolTable(file, data)) links.push(link);
  }
  return links;
}

/** Link message (0x0006). */
export function parseLink({ offsetBytes }: H5File, data: Uint8Array): H5Link {
  const flags = data[1] ?? 0;
  let at = 2;
  const type = (flags & 8) !== 0 ? (data[at++] ?? 0) : 0;
  at += ((flags & 4) !== 0 ? 8 : 0) + ((flags & 0x10) !== 0 ? 1 : 0);
  const width = 1 << (flags & 3);
  const nameLength = numberAt(data, at, width);
  at += width;
  const name = textOf(data.subarray(at, at + nameLength));
  at += nameLength;
  if (type === 0) return { kind: 'hard', name, address: numberAt(data, at, offsetBytes) };
  const value = data.subarray(at + 2, at + 2 + u16(data, at));
  if (type === 1) return { kind: 'soft', name, target: textOf(value) };
  const [target = '', path = ''] = textOf(value.subarray(1)).split('\0');
  return { kind: 'external', name, file: target, target: path };
}

/** Symbol table message (0x0011): a version 1 B-tree of symbol nodes, names in a local heap. */
async function readSymbolTable(file: H5File, data: Uint8Array): Promise<H5Link[]> {
  const tree = numberAt(data, 0, file.offsetBytes);
  const heap = await readLocalHeap(file, numberAt(data, file.offsetBytes, file.offsetBytes));
  const links: H5Link[] = [];
  const waiting = [tree];
  const seen = new Set<number>();
  for (let address = waiting.pop(); address !== undefined; address = waiting.pop()) {
    if (seen.has(address)) throw invalid('an HDF5 group index runs in a circle');
    seen.add(address);
    if (seen.size > NODES || links.length > LIMITS.tensorsPerFile) throw beyond('an HDF5 group is too large');
    const head = await readUpTo(file, address, 8);
    const signature = textOf(head.subarray(0, 4));
    if (signature === 'TREE')
      for (const child of (await treeChildren(file, address, u16(head, 6))).toReversed()) waiting.push(child);
    if (signature === 'SNOD')
      for (const link of await symbolLinks(file, { address, count: u16(head, 6) }, heap)) links.push(link);
    if (signature !== 'TREE' && signature !== 'SNOD') throw invalid(`no HDF5 group node at ${address}`);
  }
  return links;
}

async function treeChildren(file: H5File, address: number, count: number): Promise<number[]> {
  const { offsetBytes, lengthBytes } = file;
  const start = 8 + 2 * offsetBytes;
  const bytes = await readAt(file, address, start + count * (lengthBytes + offsetBytes));
  return Array.from({ length: count }, (_, index) =>
    numberAt(bytes, start + lengthBytes + index * (lengthBytes + offsetBytes), offsetBytes),
  );
}

async function symbolLinks(
  file: H5File,
  node: { address: number; count: number },
  heap: Uint8Array,
): Promise<H5Link[]> {
  const { offsetBytes } = file;
  const width = 2 * offsetBytes + 24;
  const bytes = await readAt(file, node.address + 8, node.count * width);
  return Array.from({ length: node.count }, (_, index): H5Link => {
    const at = index * width;
    const name = stringAt(heap, numberAt(bytes, at, offsetBytes));
    const cached = numberAt(bytes, at + 2 * offsetBytes, 4);
    if (cached === 2)
      return { kind: 'soft', name, target: stringAt(heap, numberAt(bytes, at + 2 * offsetBytes + 8, 4)) };
    return { kind: 'hard', name, address: numberAt(bytes, at + offsetBytes, offsetBytes) };
  });
}

/** The data segment of a local heap. */
export async function readLocalHeap(file: H5File, address: number): Promise<Uint8Array> {
  const { lengthBytes, offsetBytes } = file;
  const head = await readAt(file, address, 8 + 2 * lengthBytes + offsetBytes);
  if (textOf(head.subarray(0, 4)) !== 'HEAP') throw invalid(`no HDF5 local heap at ${address}`);
  const size = numberAt(head, 8, lengthBytes);
  if (!(size <= HEAP_BYTES)) throw beyond(`an HDF5 local heap of ${size} bytes`);
  return readAt(file, numberAt(head, 8 + 2 * lengthBytes, offsetBytes), size);
}

/** A NUL-terminated string in a heap. */
export function stringAt(heap: Uint8Array, at: number): string {
  const end = heap.indexOf(0, at);
  return textOf(heap.subarray(at, end < 0 ? heap.length : end));
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
