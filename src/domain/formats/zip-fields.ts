/** What both records of a member say: the central directory's, and the one in front of its data. */
export interface ZipHeader {
  readonly name: string;
  /** Of the record itself. */
  readonly offset: number;
  /** Bits of the general purpose flag: 0 encrypted, 3 data descriptor, 11 UTF-8 names. */
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Little-endian numbers out of a byte array; 0 beyond its end. */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** Above 2^53 it loses its last bits, and is then beyond every file anyway. */
export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 2 ** 32;
}

interface Sizes {
  readonly size: number;
  readonly compressedSize: number;
  readonly localOffset: number;
}

/** The zip64 extra field (1) holds, in this order, those values whose own field is all ones (APPNOTE 4.5.3). */
export function parseExtra(extra: Uint8Array, sizes: Sizes): Sizes {
  const at = findExtra(extra, 1);
  if (at < 0) return sizes;
  let next = at + 4;
  const end = Math.min(extra.length, next + u16(extra, at + 2));
  const widen = (value: number): number => {
    if (value !== 0xffff_ffff || next + 8 > end) return value;
    next += 8;
    return u64(extra, next - 8);
  };
  return {
    size: widen(sizes.size),
    compressedSize: widen(sizes.compressedSize),
    localOffset: widen(sizes.localOffset),
  };
}

/** Offset of the extra field with this id, or -1. */
export function findExtra(extra: Uint8Array, id: number): number {
  for (let at = 0; at + 4 <= extra.length; at += 4 + u16(extra, at + 2)) if (u16(extra, at) === id) return at;
  return -1;
}

/** UTF-8 where it is valid, else one character a byte, so that different bytes never become the same name. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
}
