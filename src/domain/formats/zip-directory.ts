import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget } from './budget.ts';
import { beyond, invalid } from './problem.ts';
import { decodeName, parseExtra, u16, u32, u64, type ZipHeader } from './zip-fields.ts';

/** A record of the central directory. Sizes and offsets are the zip64 ones where there are any. */
export interface ZipCentral extends ZipHeader {
  /** Upper half: Unix mode if `madeBy` is Unix (3). */
  readonly externalAttributes: number;
  readonly madeBy: number;
  /** As stated; add `ZipArchive.shift` for the place in the file. */
  readonly localOffset: number;
  readonly comment: string;
}

export const END_LENGTH = 22;

const CENTRAL = 0x02014b50;
const COMMENT_MAX = 65_535;

export interface End {
  readonly offset: number;
  readonly count: number;
  readonly centralSize: number;
  readonly centralOffset: number;
  readonly centralEnd: number;
  readonly zip64: boolean;
  readonly comment: string;
}

/** Loaders search backwards; every record in the searched tail is reported, and any later one whose directory is there wins. */
export async function findEnd(source: Source): Promise<{ end: End; endRecords: number[] }> {
  const from = Math.max(0, source.size - END_LENGTH - COMMENT_MAX);
  const tail = await source.read(from, source.size - from);
  const found: number[] = [];
  const buffer = Buffer.from(tail.buffer, tail.byteOffset, tail.length);
  for (
    let at = buffer.indexOf('PK\x05\x06', 0, 'latin1');
    at >= 0;
    at = buffer.indexOf('PK\x05\x06', at + 1, 'latin1')
  ) {
    if (at + END_LENGTH <= tail.length) found.push(at);
  }
  for (const at of found.toReversed()) {
    const end = await readEnd(source, tail, at, from);
    if (end !== null) return { end, endRecords: found.map((offset) => offset + from) };
  }
  throw invalid('a zip file without a usable end-of-directory record');
}

async function readEnd(source: Source, tail: Uint8Array, at: number, from: number): Promise<End | null> {
  const offset = from + at;
  const comment = Buffer.from(tail.subarray(at + END_LENGTH, at + END_LENGTH + u16(tail, at + 20))).toString('utf8');
  const plain = {
    offset,
    count: u16(tail, at + 10),
    centralSize: u32(tail, at + 12),
    centralOffset: u32(tail, at + 16),
    centralEnd: offset,
    zip64: false,
    comment,
  };
  const wide = await readEnd64(source, offset);
  const end = wide === null ? plain : { ...plain, ...wide };
  const start = end.centralEnd - end.centralSize;
  if (start < 0 || end.centralOffset > start) return null;
  if (end.centralSize === 0) return end.count === 0 ? end : null;
  return u32(await source.read(start, 4), 0) === CENTRAL ? end : null;
}

/** The zip64 end record by its locator, which stands just before the plain one. */
async function readEnd64(
  source: Source,
  endOffset: number,
): Promise<Pick<End, 'count' | 'centralSize' | 'centralOffset' | 'centralEnd' | 'zip64'> | null> {
  if (endOffset < 20) return null;
  const locator = await source.read(endOffset - 20, 20);
  if (u32(locator, 0) !== 0x07064b50) return null;
  for (const offset of [u64(locator, 8), endOffset - 76]) {
    if (offset < 0 || offset + 56 > endOffset) continue;
    const record = await source.read(offset, 56);
    if (u32(record, 0) === 0x06064b50)
      return {
        count: u64(record, 32),
        centralSize: u64(record, 40),
        centralOffset: u64(record, 48),
        centralEnd: offset,
        zip64: true,
      };
  }
  return null;
}

export async function readCentral(source: Source, bounds: { start: number; end: number }): Promise<ZipCentral[]> {
  const records: ZipCentral[] = [];
  startBudget(LIMITS.structureBytes, 'a central directory').spend(bounds.end - bounds.start);
  let window: Uint8Array = new Uint8Array(0);
  for (let at = bounds.start, base = at; at + 46 <= bounds.end;) {
    if (at - base + 46 + 3 * 65_535 > window.length && base + window.length < bounds.end) {
      window = await source.read(at, Math.min(1 << 20, bounds.end - at));
      base = at;
    }
    const record = centralAt(window, at - base, at);
    if (record === null) throw invalid(`no central directory record at byte ${at}`);
    if (records.length >= LIMITS.archiveMembers) throw beyond(`more than ${LIMITS.archiveMembers} members`);
    records.push(record.central);
    at += record.length;
  }
  return records;
}

function centralAt(bytes: Uint8Array, at: number, offset: number): { central: ZipCentral; length: number } | null {
  if (at + 46 > bytes.length || u32(bytes, at) !== CENTRAL) return null;
  const [nameLength, extraLength, commentLength] = [u16(bytes, at + 28), u16(bytes, at + 30), u16(bytes, at + 32)];
  const length = 46 + nameLength + extraLength + commentLength;
  if (at + length > bytes.length) return null;
  const flags = u16(bytes, at + 8);
  const nameEnd = at + 46 + nameLength;
  const wide = parseExtra(bytes.subarray(nameEnd, nameEnd + extraLength), {
    size: u32(bytes, at + 24),
    compressedSize: u32(bytes, at + 20),
    localOffset: u32(bytes, at + 42),
  });
  const central = {
    ...wide,
    name: decodeName(bytes.subarray(at + 46, nameEnd)),
    offset,
    flags,
    method: u16(bytes, at + 10),
    crc32: u32(bytes, at + 16),
    externalAttributes: u32(bytes, at + 38),
    madeBy: u16(bytes, at + 4) >> 8,
    comment: Buffer.from(bytes.subarray(nameEnd + extraLength, at + length)).toString('utf8'),
  };
  return { central, length };
}
