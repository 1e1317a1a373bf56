import type { Source } from '../base/source.ts';
import { decodeName, findExtra, parseExtra, u16, u32, u64, type ZipHeader } from './zip-fields.ts';

/** A local file header: what a streaming loader believes. */
export interface ZipLocal extends ZipHeader {
  readonly dataStart: number;
  readonly zip64: boolean;
}

const LOCAL = 0x04034b50;
const LENGTH = 30;
/** How every record begins. */
const PK = 0x4b50;
/** Unclaimed bytes between members that are searched for local headers. */
const SEARCHED = 256 << 20;
const WINDOW = 1 << 20;
const FOUND = 10_000;

/** The local header at `offset`, or null if none is there. */
export async function readLocalHeader(source: Source, offset: number): Promise<ZipLocal | null> {
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + LENGTH > source.size) return null;
  let bytes = await source.read(offset, Math.min(512, source.size - offset));
  if (u32(bytes, 0) !== LOCAL) return null;
  const [nameLength, extraLength] = [u16(bytes, 26), u16(bytes, 28)];
  const length = LENGTH + nameLength + extraLength;
  if (offset + length > source.size) return null;
  if (length > bytes.length) bytes = await source.read(offset, length);
  const extra = bytes.subarray(LENGTH + nameLength, length);
  const { size, compressedSize } = parseExtra(extra, {
    size: u32(bytes, 22),
    compressedSize: u32(bytes, 18),
    localOffset: 0,
  });
  return {
    name: decodeName(bytes.subarray(LENGTH, LENGTH + nameLength)),
    offset,
    flags: u16(bytes, 6),
    method: u16(bytes, 8),
    crc32: u32(bytes, 14),
    compressedSize,
    size,
    dataStart: offset + length,
    zip64: findExtra(extra, 1) >= 0,
  };
}

/**
 * Length of the data descriptor after a member's data, 0 where there is none. Its signature is optional, and only what
 * follows (the next record) tells sizes of 32 bits from those of 64.
 */
export async function descriptorLength(source: Source, local: ZipLocal, dataEnd: number): Promise<number> {
  if ((local.flags & 8) === 0 || dataEnd + 12 > source.size) return 0;
  const bytes = await source.read(dataEnd, 24);
  const signed = u32(bytes, 0) === 0x08074b50 ? 4 : 0;
  const compressed = dataEnd - local.dataStart;
  const narrow = u32(bytes, signed + 4) === compressed && u16(bytes, signed + 12) === PK;
  const wide = !narrow && u64(bytes, signed + 4) === compressed;
  return signed + (wide ? 20 : 12);
}

/** Local headers inside a stretch that no member claims, and how far it was searched. */
export async function findLocalHeaders(
  source: Source,
  gap: { start: number; end: number },
): Promise<{ found: ZipLocal[]; examined: number }> {
  const found: ZipLocal[] = [];
  const stop = Math.min(gap.end, gap.start + SEARCHED);
  for (let base = gap.start; base < stop; base += WINDOW) {
    const bytes = Buffer.from(await source.read(base, Math.min(WINDOW + 3, stop - base)));
    for (
      let at = bytes.indexOf('PK\x03\x04', 0, 'latin1');
      at >= 0;
      at = bytes.indexOf('PK\x03\x04', at + 1, 'latin1')
    ) {
      const local = at < WINDOW ? await readLocalHeader(source, base + at) : null;
      if (local !== null && local.dataStart <= gap.end) found.push(local);
      if (found.length >= FOUND) return { found, examined: base + at };
    }
  }
  return { found, examined: stop };
}
