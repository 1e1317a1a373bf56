import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget, type Budget } from './budget.ts';
import { beyond, invalid } from './problem.ts';
import { u16, u32 } from './zip-fields.ts';

/** An open HDF5 file: where its addresses count from, and how wide they are. */
export interface H5File {
  readonly source: Source;
  readonly reads: Budget;
  readonly base: number;
  /** Bytes of an address ("size of offsets") and of a length. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly version: number;
  readonly root: number;
  /** End of file as the superblock states it, absolute. */
  readonly statedEnd: number;
}

const SIGNATURE = '894844460d0a1a0a';

/** A number of `width` little-endian bytes; NaN for the undefined address (all ones) and beyond 2^53. */
export function numberAt(bytes: Uint8Array, at: number, width: number): number {
  if (at + width > bytes.length) throw invalid('ends early: an HDF5 structure is cut off');
  let value = 0;
  for (let index = width - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value > Number.MAX_SAFE_INTEGER ? Number.NaN : value;
}

/**
 * The superblock, version 0 to 3, at byte 0 or at a power of two from 512 on.
 * @see https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html
 */
export async function openHdf5(source: Source): Promise<H5File> {
  for (let at = 0; at + 48 <= source.size; at = at === 0 ? 512 : at * 2) {
    const bytes = await source.read(at, 128);
    if (Buffer.from(bytes.subarray(0, 8)).toString('hex') === SIGNATURE) return parseSuperblock(source, bytes, at);
  }
  throw invalid('no HDF5 superblock');
}

function parseSuperblock(source: Source, bytes: Uint8Array, at: number): H5File {
  const version = bytes[8] ?? 255;
  if (version > 3) throw beyond(`HDF5 superblock version ${version} is not read`);
  const old = version < 2;
  const [offsetBytes, lengthBytes] = [bytes[old ? 13 : 9] ?? 0, bytes[old ? 14 : 10] ?? 0];
  if (![2, 4, 8].includes(offsetBytes) || ![2, 4, 8].includes(lengthBytes))
    throw invalid('impossible HDF5 address sizes');
  const fields = old ? (version === 1 ? 28 : 24) : 12;
  const field = (index: number): number => numberAt(bytes, fields + index * offsetBytes, offsetBytes);
  const base = at === 0 ? field(0) || 0 : at;
  const root = old ? field(5) : field(3);
  const reads = startBudget(LIMITS.structureBytes + 4 * source.size, 'HDF5 structures');
  return {
    source,
    reads,
    base,
    offsetBytes,
    lengthBytes,
    version,
    root,
    statedEnd: field(2) + at - (at === 0 ? 0 : field(0)),
  };
}

/** `length` bytes at a file address. @throws WeighmarkError `format-invalid` if they are not in the file. */
export async function readAt({ source, base, reads }: H5File, address: number, length: number): Promise<Uint8Array> {
  const start = address + base;
  if (!Number.isSafeInteger(start) || start < 0 || start + length > source.size)
    throw invalid(`ends early: an HDF5 address lies outside the file (${start})`);
  reads.spend(length);
  return source.read(start, length);
}

/** As many as `length` bytes at an address, fewer at the end of the file. */
export async function readUpTo(file: H5File, address: number, length: number): Promise<Uint8Array> {
  const there = file.source.size - address - file.base;
  return readAt(file, address, Math.max(0, Math.min(length, Number.isSafeInteger(there) ? there : 0)));
}

export interface H5Message {
  readonly type: number;
  /** Bit 1: what follows is a pointer to a shared message. */
  readonly flags: number;
  readonly data: Uint8Array;
  /** Absolute place of `data`. */
  readonly start: number;
}

const MESSAGES = 100_000;
const BLOCKS = 1000;
const BLOCK_BYTES = 16 << 20;

/** All messages of the object header at an address, continuation blocks included. */
export async function readMessages(file: H5File, address: number): Promise<H5Message[]> {
  const head = await readUpTo(file, address, 32);
  const modern = Buffer.from(head.subarray(0, 4)).toString('latin1') === 'OHDR';
  if (!modern && head[0] !== 1) throw invalid(`no HDF5 object header at ${address}`);
  const [start, length] = modern ? modernBlock(head) : [16, u32(head, 8)];
  const order = modern && ((head[5] ?? 0) & 4) !== 0;
  const blocks = [{ address: address + start, length }];
  const messages: H5Message[] = [];
  for (let index = 0; index < blocks.length; index++) {
    const block = blocks[index] as { address: number; length: number };
    if (index >= BLOCKS || block.length > BLOCK_BYTES) throw beyond('an HDF5 object header is too large');
    const bytes = await readAt(file, block.address, block.length);
    for (const message of parseMessages(bytes, { modern, order, start: block.address + file.base })) {
      if (message.type === 0x10) blocks.push(continuation(file, message.data, modern));
      else if (messages.push(message) > MESSAGES) throw beyond('an HDF5 object header has too many messages');
    }
  }
  return messages;
}

/** Version 2: where the first block's messages start, and how many bytes they take. */
function modernBlock(head: Uint8Array): [number, number] {
  const flags = head[5] ?? 0;
  const at = 6 + ((flags & 0x20) !== 0 ? 16 : 0) + ((flags & 0x10) !== 0 ? 4 : 0);
  const width = 1 << (flags & 3);
  return [at + width, numberAt(head, at, width)];
}

function continuation(
  { offsetBytes, lengthBytes }: H5File,
  data: Uint8Array,
  modern: boolean,
): { address: number; length: number } {
  const address = numberAt(data, 0, offsetBytes);
  const length = numberAt(data, offsetBytes, lengthBytes);
  return modern ? { address: address + 4, length: Math.max(0, length - 8) } : { address, length };
}

function* parseMessages(
  bytes: Uint8Array,
  form: { modern: boolean; order: boolean; start: number },
): Generator<H5Message> {
  const prefix = form.modern ? (form.order ? 6 : 4) : 8;
  for (let at = 0; at + prefix <= bytes.length;) {
    const type = form.modern ? (bytes[at] ?? 0) : u16(bytes, at);
    const size = u16(bytes, at + (form.modern ? 1 : 2));
    const flags = bytes[at + (form.modern ? 3 : 4)] ?? 0;
    const data = bytes.subarray(at + prefix, at + prefix + size);
    if (data.length < size) throw invalid('ends early: an HDF5 message is cut off');
    yield { type, flags, data, start: form.start + at + prefix };
    at += prefix + size;
  }
}
