import { isUtf8 } from 'node:buffer';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { isUnsafePath } from './archive-path.ts';
import { startBudget, type Budget } from './budget.ts';
import { beyond, note, quoted } from './problem.ts';
import type { Problem } from './types.ts';
import { decodeName } from './zip-fields.ts';

export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'device' | 'fifo' | 'other';

export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  /** One character as in the header: `0`, `2`, `S`… */
  readonly typeFlag: string;
  readonly linkName: string;
  readonly mode: number;
  readonly size: number;
  /** Absolute offset of the header that the data follows. */
  readonly offset: number;
  readonly dataStart: number;
  readonly sparse: boolean;
  /** Name and link name are UTF-8; else they were read as Latin-1. */
  readonly utf8: boolean;
  /** pax records in force for this entry. */
  readonly pax: Readonly<Record<string, string>>;
}

export interface TarArchive {
  readonly entries: readonly TarEntry[];
  /** Offset after the end-of-archive blocks, or where reading stopped. */
  readonly end: number;
  readonly problems: readonly Problem[];
}

const BLOCK = 512;
const LONG_NAME_BYTES = 1 << 20;
const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'device',
  '4': 'device',
  '5': 'directory',
  '6': 'fifo',
};

interface State {
  readonly source: Source;
  readonly entries: TarEntry[];
  readonly problems: Problem[];
  /** What the extension headers before an entry say about it, then about all that follow. */
  next: Record<string, string>;
  global: Record<string, string>;
  /** A name in force was not UTF-8. */
  latin1: boolean;
  readonly texts: Budget;
}

/**
 * The headers of a tar archive (v7, ustar, pax, GNU long names and sparse), in order, duplicates included. Data is not
 * read. A broken header ends the reading with a problem.
 * @see POSIX.1-2024 pax, https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */
export async function readTar(source: Source): Promise<TarArchive> {
  const state: State = {
    source,
    entries: [],
    problems: [],
    next: {},
    global: {},
    latin1: false,
    texts: startBudget(LIMITS.structureBytes, 'names'),
  };
  let at = 0;
  for (let zeros = 0; zeros < 2 && at + BLOCK <= source.size;) {
    const header = await source.read(at, BLOCK);
    if (header.every((byte) => byte === 0)) {
      zeros += 1;
      at += BLOCK;
      continue;
    }
    if (zeros > 0)
      note(state.problems, { code: 'hidden-member', message: 'a header after an end-of-archive block', offset: at });
    zeros = 0;
    const size = await readHeader(state, header, at);
    if (size === null) return { entries: state.entries, end: at, problems: state.problems };
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  if (at > source.size)
    note(state.problems, { code: 'truncated', message: 'the last member is cut off', offset: source.size });
  await noteTrailing(state, at);
  noteDuplicates(state);
  return { entries: state.entries, end: Math.min(at, source.size), problems: state.problems };
}

/** One header; null if it is none. Returns the bytes of data that follow it. */
async function readHeader(state: State, header: Uint8Array, at: number): Promise<number | null> {
  if (!checksumFits(header)) {
    note(state.problems, { code: 'checksum-mismatch', message: 'no tar header: its checksum is wrong', offset: at });
    note(state.problems, { code: 'malformed', message: 'what follows was not read', offset: at });
    return null;
  }
  const typeFlag = String.fromCharCode(header[156] ?? 0);
  const stated = octal(header, 124, 12);
  const size = Number(state.next['size'] ?? state.global['size'] ?? stated);
  if (!Number.isSafeInteger(size) || size < 0 || at + BLOCK + size > state.source.size) {
    note(state.problems, { code: 'truncated', message: `a member of ${size} bytes does not fit the file`, offset: at });
    return null;
  }
  if (await readExtension(state, { typeFlag, at, size })) return size;
  addEntry(state, header, { typeFlag, at, size });
  state.next = {};
  state.latin1 = false;
  const data = ['1', '2', '3', '4', '5', '6'].includes(typeFlag) && !(typeFlag === '1' && size > 0) ? 0 : size;
  return data + (await sparseBlocks(state, header, at, typeFlag)) * BLOCK;
}

/** Headers that describe the next entry (GNU L and K, pax x) or all that follow (pax g). */
async function readExtension(
  state: State,
  { typeFlag, at, size }: { typeFlag: string; at: number; size: number },
): Promise<boolean> {
  if (!'LKxgX'.includes(typeFlag)) return false;
  if (size > LONG_NAME_BYTES) throw beyond(`a tar extension header of ${size} bytes`);
  state.texts.spend(size);
  const data = await state.source.read(at + BLOCK, size);
  if (typeFlag === 'L') state.next['path'] = untilNul(data, state);
  else if (typeFlag === 'K') state.next['linkpath'] = untilNul(data, state);
  else Object.assign(typeFlag === 'g' ? state.global : state.next, parsePax(data, state));
  return true;
}

function addEntry(
  state: State,
  header: Uint8Array,
  { typeFlag, at, size }: { typeFlag: string; at: number; size: number },
): void {
  const { entries, problems } = state;
  if (entries.length >= LIMITS.archiveMembers) throw beyond(`more than ${LIMITS.archiveMembers} members`);
  const pax = { ...state.global, ...state.next };
  const plain = untilNul(header.subarray(0, 100), pax['path'] === undefined ? state : undefined);
  const prefix =
    decodeName(header.subarray(257, 262)) === 'ustar' && header[263] !== 0x20
      ? untilNul(header.subarray(345, 500), pax['path'] === undefined ? state : undefined)
      : '';
  const name = pax['GNU.sparse.name'] ?? pax['path'] ?? (prefix === '' ? plain : `${prefix}/${plain}`);
  const linkName = pax['linkpath'] ?? untilNul(header.subarray(157, 257), state);
  const type = TYPES[typeFlag] ?? 'other';
  const sparse = typeFlag === 'S' || Object.keys(pax).some((key) => key.startsWith('GNU.sparse.'));
  entries.push({
    name,
    type,
    typeFlag,
    linkName,
    mode: octal(header, 100, 8),
    size,
    offset: at,
    dataStart: at + BLOCK,
    sparse,
    utf8: !state.latin1,
    pax,
  });
  const bad = (code: Problem['code'], message: string): void =>
    note(problems, { code, message, offset: at, subject: name });
  if (isUnsafePath(name)) bad('unsafe-path', 'its path leaves the folder, or is no plain path');
  if (type === 'symlink' || type === 'hardlink')
    bad('link', `is a ${type === 'symlink' ? 'symbolic' : 'hard'} link to ${quoted(linkName)}`);
  if (type === 'device' || type === 'fifo' || type === 'other')
    bad('link', `is no regular file (type ${JSON.stringify(typeFlag)})`);
}

/** Old GNU sparse files continue their map in blocks after the header. */
async function sparseBlocks({ source }: State, header: Uint8Array, at: number, typeFlag: string): Promise<number> {
  let count = 0;
  let more = typeFlag === 'S' && header[482] === 1;
  while (more && count < 10_000) {
    count += 1;
    more = (await source.read(at + BLOCK * count, BLOCK))[504] === 1;
  }
  return count;
}

const NAMES = new Set(['path', 'linkpath', 'GNU.sparse.name']);

/** `length key=value\n` records; a broken one ends them. */
function parsePax(data: Uint8Array, state: State): Record<string, string> {
  const records: Record<string, string> = {};
  for (let at = 0; at < data.length;) {
    const length = Number.parseInt(Buffer.from(data.subarray(at, at + 20)).toString('latin1'), 10);
    if (!(length > 3) || at + length > data.length) return records;
    const text = decodeName(data.subarray(at, at + length - 1));
    const [start, equals] = [text.indexOf(' ') + 1, text.indexOf('=')];
    const key = text.slice(start, equals);
    if (equals > start && key !== '__proto__') records[key] = text.slice(equals + 1);
    if (NAMES.has(key) && !isUtf8(data.subarray(at, at + length - 1))) state.latin1 = true;
    at += length;
  }
  return records;
}

/** Octal text, or GNU base-256 when the first bit is set. */
function octal(header: Uint8Array, at: number, length: number): number {
  const field = header.subarray(at, at + length);
  if (((field[0] ?? 0) & 0x80) !== 0)
    return field.reduce((value, byte, index) => value * 256 + (index === 0 ? byte & 0x7f : byte), 0);
  const text = Buffer.from(field).toString('latin1').replace(/\0.*$/s, '').trim();
  return text === '' ? 0 : /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** The stated checksum against the bytes, its own eight counted as spaces; some writers summed signed bytes. */
export function checksumFits(header: Uint8Array): boolean {
  const stated = octal(header, 148, 8);
  if (!(Math.abs(stated) <= BLOCK * 255)) return false;
  let [sum, signedSum] = [0, 0];
  for (let index = 0; index < BLOCK; index++) {
    const byte = index >= 148 && index < 156 ? 32 : (header[index] ?? 0);
    sum += byte;
    signedSum += byte > 127 ? byte - 256 : byte;
  }
  return stated === sum || stated === signedSum;
}

/** @param state told if it is not UTF-8 */
function untilNul(bytes: Uint8Array, state?: State): string {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  if (state !== undefined && !isUtf8(text)) state.latin1 = true;
  return decodeName(text);
}

/** Anything but zeros after the end-of-archive blocks. */
async function noteTrailing({ source, problems }: State, from: number): Promise<void> {
  const length = Math.min(1 << 20, source.size - from);
  if (length <= 0) return;
  const rest = await source.read(from, length);
  const index = rest.findIndex((byte) => byte !== 0);
  if (index >= 0)
    note(problems, {
      code: 'trailing',
      message: `${source.size - from} bytes after the end of the archive`,
      offset: from + index,
    });
}

function noteDuplicates({ entries, problems }: State): void {
  const seen = new Set<string>();
  for (const { name, offset } of entries) {
    if (seen.has(name))
      note(problems, {
        code: 'duplicate-key',
        message: 'stands twice in the archive; the later one wins when unpacked',
        offset,
        subject: name,
      });
    seen.add(name);
  }
}
