/** Random access to untrusted bytes: a file, an archive member, a remote blob. Lengths and offsets are in bytes. */
export interface Source {
  readonly size: number;
  /** The operating system's number of the open file that this is, all of it and as it lies there, for kernels that read it themselves. */
  readonly descriptor?: number;
  /** All of it, where it lies in memory anyway: to be looked at, and never changed. */
  readonly bytes?: Uint8Array;
  /**
   * Exactly `min(length, size - offset)` bytes; the array belongs to the caller.
   * @throws WeighmarkError `file-changed` if the bytes promised by `size` are not there, `unreadable` if reading fails.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes already in memory as a `Source`; reads are copies. */
export function bytesSource(bytes: Uint8Array): Source {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}

/** The same of a small file: `cachedSource` keeps nothing more of it, and a read is a copy out of Node's pool. */
export function smallSource(bytes: Uint8Array): Source {
  return { size: bytes.length, bytes, read: async (offset, length) => copyOf(bytes.subarray(offset, offset + length)) };
}

/** The first bytes for a look that changes nothing: a part of what lies in memory, or a copy. */
export async function headOf(source: Source, length: number): Promise<Uint8Array> {
  return source.bytes?.subarray(0, length) ?? source.read(0, length);
}

/** Out of Node's pool, and yet no Buffer, whose `slice` would be no copy. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = Buffer.from(bytes);
  return new Uint8Array(buffer, byteOffset, length);
}

/** The part [offset, offset + length) of a source as a source of its own; cut to what there is. */
export function windowSource(source: Source, offset: number, length: number): Source {
  const start = Math.min(Math.max(0, offset), source.size);
  const size = Math.min(Math.max(0, length), source.size - start);
  return {
    size,
    read: (at, count) => source.read(start + Math.min(at, size), Math.max(0, Math.min(count, size - at))),
  };
}

/** The whole source in memory. Only for sources the caller has already found to be small. */
export function readAll(source: Source): Promise<Uint8Array> {
  return source.read(0, source.size);
}

const BLOCK = 64 << 10;
const BLOCKS = 16;
const KEPT = new WeakSet<Source>();

/** A small source, which is read once and kept. */
function keptWhole(source: Source): Source {
  let whole: Promise<Uint8Array> | undefined;
  const kept: Source = {
    size: source.size,
    read: async (offset, length) => {
      if (length <= 0 || offset >= source.size) return new Uint8Array(0);
      return copyOf((await (whole ??= source.read(0, source.size))).subarray(offset, offset + length));
    },
  };
  KEPT.add(kept);
  return kept;
}

/** The same source with its last 16 blocks of 64 KiB kept, for readers that hop about in small steps; kept once. */
export function cachedSource(source: Source): Source {
  if (source.bytes !== undefined || KEPT.has(source)) return source;
  if (source.size <= BLOCK) return keptWhole(source);
  const blocks = new Map<number, Uint8Array>();
  const blockAt = async (index: number): Promise<Uint8Array> => {
    const known = blocks.get(index);
    if (known !== undefined) return known;
    const bytes = await source.read(index * BLOCK, Math.min(BLOCK, source.size - index * BLOCK));
    const [oldest] = blocks.keys();
    if (blocks.size >= BLOCKS && oldest !== undefined) blocks.delete(oldest);
    blocks.set(index, bytes);
    return bytes;
  };
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const end = Math.min(offset + length, source.size);
    if (end <= offset) return new Uint8Array(0);
    const [first, last] = [Math.floor(offset / BLOCK), Math.floor((end - 1) / BLOCK)];
    if (last - first > 1) return source.read(offset, end - offset);
    const start = first * BLOCK;
    const head = (await blockAt(first)).subarray(offset - start, end - start);
    if (first === last) return copyOf(head);
    return copyOf(Buffer.concat([head, (await blockAt(last)).subarray(0, end - last * BLOCK)]));
  };
  const kept = { size: source.size, read };
  KEPT.add(kept);
  return kept;
}
