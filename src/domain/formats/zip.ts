import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { isUnsafePath } from './archive-path.ts';
import { startBudget, type Budget } from './budget.ts';
import { beyond, invalid, note, quoted } from './problem.ts';
import { tilingProblems, type Extent } from './tensors.ts';
import type { Problem } from './types.ts';
import { decodeName, parseExtra, u16, u32, u64 } from './zip-fields.ts';
import { descriptorLength, findLocalHeaders, readLocalHeader, type ZipLocal } from './zip-local.ts';

/** A record of the central directory. Sizes and offsets are the zip64 ones where there are any. */
export interface ZipCentral {
  readonly name: string;
  readonly offset: number;
  /** Bits of the general purpose flag: 0 encrypted, 3 data descriptor, 11 UTF-8 names. */
  readonly flags: number;
  readonly method: number;
  readonly crc32: number;
  readonly compressedSize: number;
  readonly size: number;
  /** Upper half: Unix mode if `madeBy` is Unix (3). */
  readonly externalAttributes: number;
  readonly madeBy: number;
  /** As stated; add `ZipArchive.shift` for the place in the file. */
  readonly localOffset: number;
  readonly comment: string;
}

/** One member: what the central directory says, and what stands in front of its data (absent if nothing does). */
export interface ZipEntry {
  readonly name: string;
  readonly central?: ZipCentral;
  readonly local?: ZipLocal;
  /** Absolute place of the compressed bytes. */
  readonly dataStart: number;
  /** Where the member ends, its data descriptor included. */
  readonly end: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly method: number;
  readonly encrypted: boolean;
}

export interface ZipArchive {
  /** In central-directory order, duplicates included. */
  readonly entries: readonly ZipEntry[];
  /** Local headers in the file that no central record points to. */
  readonly hidden: readonly ZipEntry[];
  /** Offsets of every end-of-central-directory record; the last one that fits is read. */
  readonly endRecords: readonly number[];
  readonly centralStart: number;
  readonly centralEnd: number;
  readonly zip64: boolean;
  /** Bytes before the first member: an executable stub, another format. Stated offsets are off by this. */
  readonly shift: number;
  readonly comment: string;
  readonly problems: readonly Problem[];
}

const END_LENGTH = 22;
const CENTRAL = 0x02014b50;
const COMMENT_MAX = 65_535;

interface End {
  readonly offset: number;
  readonly count: number;
  readonly centralSize: number;
  readonly centralOffset: number;
  readonly centralEnd: number;
  readonly zip64: boolean;
  readonly comment: string;
}

/**
 * Everything a zip file's records say, central and local, with their disagreements as problems: loaders differ on which
 * they believe, so none is dropped. Data is not read. @see APPNOTE.TXT 6.3.10
 * @throws WeighmarkError `format-invalid` without an end record or with a broken directory, `limit-exceeded`.
 */
export async function readZip(source: Source): Promise<ZipArchive> {
  const problems: Problem[] = [];
  const { end, endRecords } = await findEnd(source);
  if (endRecords.length > 1)
    note(problems, {
      code: 'several-directories',
      message: `${endRecords.length} end-of-directory records`,
      offset: endRecords[0] ?? 0,
    });
  const centralStart = end.centralEnd - end.centralSize;
  const shift = centralStart - end.centralOffset;
  if (centralStart < 0 || shift < 0) throw invalid('the central directory lies outside the file');
  const centrals = await readCentral(source, { start: centralStart, end: end.centralEnd });
  if (centrals.length !== end.count)
    note(problems, {
      code: 'size-mismatch',
      message: `${end.count} members are stated, ${centrals.length} are there`,
      offset: end.offset,
    });
  const entries: ZipEntry[] = [];
  const headers = startBudget(LIMITS.structureBytes, 'local headers');
  for (const central of centrals)
    entries.push(await joinLocal(source, { central, shift, centralStart, headers }, problems));
  noteDuplicates(entries, problems);
  const hidden = await findHidden(source, { entries, shift, end, centralStart }, problems);
  return {
    entries,
    hidden,
    endRecords,
    centralStart,
    centralEnd: end.centralEnd,
    zip64: end.zip64,
    shift,
    comment: end.comment,
    problems,
  };
}

/** Loaders search backwards; every record in the searched tail is reported, and any later one whose directory is there wins. */
async function findEnd(source: Source): Promise<{ end: End; endRecords: number[] }> {
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

async function readCentral(source: Source, bounds: { start: number; end: number }): Promise<ZipCentral[]> {
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

async function joinLocal(
  source: Source,
  place: { central: ZipCentral; shift: number; centralStart: number; headers: Budget },
  problems: Problem[],
): Promise<ZipEntry> {
  const { central, shift, centralStart, headers } = place;
  const offset = central.localOffset + shift;
  const { name, compressedSize, size, method } = central;
  const encrypted = (central.flags & 1) === 1;
  const bad = (code: Problem['code'], message: string): void =>
    note(problems, { code, message, offset, subject: name });
  const local = await readLocalHeader(source, offset);
  if (local === null) {
    bad('out-of-bounds', 'its central record points to no local header');
    return { name, central, dataStart: offset, end: offset, compressedSize, size, method, encrypted };
  }
  headers.spend(local.dataStart - local.offset);
  compare(central, local, bad);
  if (isUnsafePath(name) || isUnsafePath(local.name))
    bad('unsafe-path', 'its path leaves the folder, or is no plain path');
  if (central.madeBy === 3 && central.externalAttributes >>> 28 === 0xa) bad('link', 'is a symbolic link');
  if (encrypted || (local.flags & 1) === 1) bad('encrypted', 'is marked as encrypted');
  if (local.dataStart + compressedSize > centralStart) bad('out-of-bounds', 'its data runs into the central directory');
  const dataEnd = local.dataStart + compressedSize;
  const end = dataEnd + (await descriptorLength(source, local, dataEnd));
  return { name, central, local, dataStart: local.dataStart, end, compressedSize, size, method, encrypted };
}

function compare(central: ZipCentral, local: ZipLocal, bad: (code: Problem['code'], message: string) => void): void {
  if (central.name !== local.name) bad('name-mismatch', `its local header names it ${quoted(local.name)}`);
  if (central.method !== local.method)
    bad(
      'header-mismatch',
      `compression method ${central.method} in the directory, ${local.method} in its local header`,
    );
  if (central.flags !== local.flags)
    bad('header-mismatch', `flags ${central.flags} in the directory, ${local.flags} in its local header`);
  const later = (local.flags & 8) !== 0;
  if (later && local.crc32 === 0 && local.compressedSize === 0) return;
  if (central.crc32 !== local.crc32) bad('header-mismatch', 'CRC-32 in the directory and in its local header differ');
  if (central.compressedSize !== local.compressedSize || central.size !== local.size)
    bad('size-mismatch', 'sizes in the directory and in its local header differ');
}

function noteDuplicates(entries: readonly ZipEntry[], problems: Problem[]): void {
  const seen = new Set<string>();
  for (const { name, central } of entries) {
    if (seen.has(name))
      note(problems, {
        code: 'duplicate-key',
        message: 'stands twice in the archive; readers differ on which one counts',
        offset: central?.offset ?? 0,
        subject: name,
      });
    seen.add(name);
  }
}

interface Layout {
  readonly entries: readonly ZipEntry[];
  readonly shift: number;
  readonly end: End;
  readonly centralStart: number;
}

/** Local headers in the bytes that no member claims: before the first, between members, before the directory. */
async function findHidden(source: Source, archive: Layout, problems: Problem[]): Promise<ZipEntry[]> {
  const { entries, shift, end, centralStart } = archive;
  const extents = entries.flatMap((entry) => extentOf(entry));
  const tiling = tilingProblems(extents, { from: 0, to: centralStart });
  note(problems, ...tiling.filter(({ code }) => code === 'overlap'));
  const hidden: ZipEntry[] = [];
  for (const gap of gapsOf(extents, centralStart)) {
    const { found, examined } = await findLocalHeaders(source, gap);
    for (const local of found) hidden.push(entryOf(local, gap.end));
    for (const local of found)
      note(problems, {
        code: 'hidden-member',
        message: 'has a local header but no directory record',
        offset: local.offset,
        subject: local.name,
      });
    if (examined < gap.end)
      note(problems, {
        code: 'limit',
        message: `${gap.end - examined} bytes between members were not searched`,
        offset: examined,
      });
    const [code, where] =
      gap.start === 0 ? (['prefix', 'before the first member'] as const) : (['gap', 'between members'] as const);
    if (found.length === 0)
      note(problems, { code, message: `${gap.end - gap.start} bytes ${where} belong to none`, offset: gap.start });
  }
  if (shift > 0 && entries.length === 0)
    note(problems, { code: 'prefix', message: `${shift} bytes before the archive`, offset: 0 });
  const tailEnd = end.offset + END_LENGTH + Buffer.byteLength(end.comment);
  if (tailEnd < source.size)
    note(problems, { code: 'trailing', message: `${source.size - tailEnd} bytes after the archive`, offset: tailEnd });
  return hidden;
}

function extentOf({ name, local, end }: ZipEntry): Extent[] {
  return local === undefined ? [] : [{ start: local.offset, end, subject: name }];
}

/** A member known by its local header alone; where its size comes later, its data may reach to the end of the gap. */
function entryOf(local: ZipLocal, gapEnd: number): ZipEntry {
  const { name, dataStart, size, method, flags } = local;
  const later = (flags & 8) !== 0 && local.compressedSize === 0;
  const compressedSize = later ? Math.max(0, gapEnd - dataStart) : local.compressedSize;
  return {
    name,
    local,
    dataStart,
    end: dataStart + compressedSize,
    compressedSize,
    size,
    method,
    encrypted: (flags & 1) === 1,
  };
}

/** Stretches of [0, end) that no extent covers. */
function gapsOf(extents: readonly Extent[], end: number): { start: number; end: number }[] {
  const gaps: { start: number; end: number }[] = [];
  let reached = 0;
  for (const extent of [...extents.toSorted((a, b) => a.start - b.start), { start: end, end }]) {
    if (extent.start > reached) gaps.push({ start: reached, end: extent.start });
    reached = Math.max(reached, extent.end);
  }
  return gaps;
}
