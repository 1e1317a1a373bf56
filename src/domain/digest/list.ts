import { Buffer, isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { checkPath, compareUtf8 } from '../base/paths.ts';
import { putHex } from './hex.ts';
import { DigestRows } from './rows.ts';

/** One line of a digest list: a file of the tree with both digests, lower-case hex. */
export interface ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly blake3: string;
}

/** Both digests of many files. */
export class DigestColumn {
  readonly #rows = new DigestRows(64);

  /** A file of the list whose digests lie here. */
  add({ path, sizeBytes, sha256, blake3 }: ListedFile): ListedFile {
    const at = this.#rows.next();
    const { bytes } = this.#rows;
    const written = bytes.write(sha256, at, 'hex') + bytes.write(blake3, at + 32, 'hex');
    if (written !== 64) throw new WeighmarkError('internal', 'a file was not hashed', { subject: path });
    return new KeptFile(path, sizeBytes, bytes, at);
  }

  /** The same of hexadecimal digits in `text`, where each digest begins; null if either is not lower-case hex. */
  read(text: Uint8Array, at: readonly [sha256: number, blake3: number], of: Pick<ListedFile, 'path' | 'sizeBytes'>) {
    const to = this.#rows.next();
    const { bytes } = this.#rows;
    const isHex = putHex(bytes, to, text, at[0]) && putHex(bytes, to + 32, text, at[1]);
    return isHex ? new KeptFile(of.path, of.sizeBytes, bytes, to) : null;
  }
}

class KeptFile implements ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly #column: Buffer;
  readonly #at: number;

  constructor(path: string, sizeBytes: number, column: Buffer, at: number) {
    this.path = path;
    this.sizeBytes = sizeBytes;
    this.#column = column;
    this.#at = at;
  }

  get sha256(): string {
    return this.#column.toString('hex', this.#at, this.#at + 32);
  }

  get blake3(): string {
    return this.#column.toString('hex', this.#at + 32, this.#at + 64);
  }
}

const HEADER = 'weighmark-files/1';

/**
 * The digest list (DESIGN 4.1): `weighmark-files/1`, then `sha256 blake3 size path` a file, sorted by UTF-8 bytes, LF.
 * A path with a backslash, LF or CR is escaped as coreutils does, its line starting with a backslash.
 */
export function formatDigestList(files: readonly ListedFile[]): string {
  return [...piecesOf(files)].join('');
}

/** The same as UTF-8, made in pieces: of a list of millions there is never a text. */
export function digestListBytes(files: readonly ListedFile[]): Uint8Array {
  const bytes = Buffer.alloc(files.reduce((sum, file) => sum + longest(file), HEADER.length + 1));
  let at = 0;
  for (const piece of piecesOf(files)) at += bytes.write(piece, at);
  return bytes.subarray(0, at);
}

/** Those bytes in pieces of some tens of kilobytes. */
export function* digestListPieces(files: readonly ListedFile[]): Generator<Uint8Array> {
  for (const piece of piecesOf(files)) yield Buffer.from(piece);
}

/** SHA-256 of those bytes, lower-case hex. */
export function digestListSha256(files: readonly ListedFile[]): string;
/** The same of files each of which is made one of the list when its line is. */
export function digestListSha256<T extends { readonly path: string }>(
  files: readonly T[],
  listed: (file: T) => ListedFile,
): string;
export function digestListSha256(files: readonly ListedFile[], listed = (file: ListedFile) => file): string {
  const hash = createHash('sha256');
  for (const piece of piecesOf(files, listed)) hash.update(piece);
  return hash.digest('hex');
}

/** A line's bytes at most: a UTF-16 code unit is at most three of UTF-8, or two that escape it. */
function longest({ path }: ListedFile): number {
  return 2 * 64 + 16 + 5 + 3 * path.length;
}

/** Few enough that their text is a small object, which goes soon: larger ones pile up until all of the heap is looked through. */
const LINES_AT_ONCE = 256;

function* piecesOf(files: readonly ListedFile[], listed = (file: ListedFile) => file): Generator<string> {
  yield `${HEADER}\n`;
  const sorted = inOrder(files) ? files : files.toSorted((a, b) => compareUtf8(a.path, b.path));
  for (let at = 0; at < sorted.length; at += LINES_AT_ONCE)
    yield sorted
      .slice(at, at + LINES_AT_ONCE)
      .map((file) => formatLine(listed(file)))
      .join('');
}

function inOrder(files: readonly { readonly path: string }[]): boolean {
  return files.every(({ path }, at) => at === 0 || compareUtf8(files[at - 1]?.path ?? '', path) <= 0);
}

/**
 * @param list its text, or its bytes.
 * @throws WeighmarkError `format-invalid` for any deviation: order, duplicates, spelling, a missing last newline, bytes that
 * are not UTF-8; `limit-exceeded`.
 */
export function parseDigestList(list: string | Uint8Array): readonly ListedFile[] {
  return readDigestList(list).map(({ path, sizeBytes, sha256, blake3 }) => ({ path, sizeBytes, sha256, blake3 }));
}

/**
 * The same for millions: digests lie in columns and are texts when they are asked for, and of bytes no text is made but of paths.
 * @param known paths that are in memory already, in this order if the list is as it should be: theirs are taken where they are equal.
 * @throws WeighmarkError as `parseDigestList`.
 */
export function readDigestList(
  list: string | Uint8Array,
  known: readonly { readonly path: string }[] = [],
): readonly ListedFile[] {
  if (list.length > LIMITS.digestListBytes) throw new WeighmarkError('limit-exceeded', 'the digest list is too large');
  const isText = typeof list === 'string' ? list.isWellFormed() : isUtf8(list);
  if (!isText) throw new WeighmarkError('format-invalid', 'digest list: it is not UTF-8');
  const bytes = typeof list === 'string' ? Buffer.from(list) : Buffer.from(list.buffer, list.byteOffset, list.length);
  let start = endOfLine(bytes, 0, 1) + 1;
  if (bytes.toString('latin1', 0, start) !== `${HEADER}\n`) throw invalid(1, `the header is not ${HEADER}`);
  const [files, column]: [ListedFile[], DigestColumn] = [[], new DigestColumn()];
  for (let number = 2; start < bytes.length; number += 1) {
    const end = endOfLine(bytes, start, number);
    const file = parseLine({ bytes, start, end, number, known: known[number - 2]?.path ?? '' }, column);
    checkOrder(files.at(-1), file, number);
    files.push(file);
    start = end + 1;
  }
  return files;
}

function endOfLine(bytes: Buffer, start: number, number: number): number {
  const end = bytes.indexOf(0x0a, start);
  if (end < 0) throw invalid(number, number === 1 ? `the header is not ${HEADER}` : 'the last line does not end');
  return end;
}

function formatLine(file: ListedFile): string {
  const escaped = escapePath(file.path);
  const mark = escaped === file.path ? '' : '\\';
  return `${mark}${file.sha256} ${file.blake3} ${file.sizeBytes} ${escaped}\n`;
}

interface Line {
  readonly bytes: Buffer;
  readonly start: number;
  /** Where its line feed is. */
  readonly end: number;
  readonly number: number;
  readonly known: string;
}

const SPACE = 0x20;
/** From a line's start, or the backslash before it. */
const BLAKE3_AT = 65;
const SIZE_AT = 130;

function parseLine({ bytes, start, end, number, known }: Line, column: DigestColumn): ListedFile {
  const isMarked = bytes[start] === 0x5c;
  const first = isMarked ? start + 1 : start;
  const size = first + SIZE_AT;
  const space = bytes.indexOf(SPACE, size);
  if (space < 0 || space + 1 >= end || bytes[first + BLAKE3_AT - 1] !== SPACE || bytes[size - 1] !== SPACE)
    throw notALine(number);
  const name = isAsciiAt(bytes, space + 1, end, known) ? known : bytes.toString('utf8', space + 1, end);
  const path = isMarked ? unescapePath(name, number) : name;
  if ((escapePath(path) !== path) !== isMarked) throw invalid(number, 'the escaping is not canonical');
  const sizeBytes = parseSize(bytes.toString('latin1', size, space), number);
  const file = column.read(bytes, [first, first + BLAKE3_AT], { path, sizeBytes });
  if (file === null) throw notALine(number);
  checkPath(path);
  return file;
}

function isAsciiAt(bytes: Buffer, start: number, end: number, text: string): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80 || unit !== bytes[start + at]) return false;
  }
  return true;
}

function notALine(number: number): WeighmarkError {
  return invalid(number, 'not `sha256 blake3 size path`');
}

function parseSize(text: string, number: number): number {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) throw notALine(number);
  return safeSize(Number(text), number);
}

function checkOrder(before: ListedFile | undefined, file: ListedFile, number: number): void {
  if (before !== undefined && compareUtf8(before.path, file.path) >= 0)
    throw invalid(number, 'paths are not sorted, or one stands twice');
}

function safeSize(size: number, number: number): number {
  if (!Number.isSafeInteger(size)) throw invalid(number, 'the size is too large');
  return size;
}

/** As GNU coreutils does in checksum files; the line then starts with a backslash. */
export function escapePath(path: string): string {
  return path.replace(/[\\\n\r]/g, (char) => (char === '\\' ? '\\\\' : char === '\n' ? '\\n' : '\\r'));
}

export function unescapePath(text: string, number: number): string {
  return text.replace(/\\(.?)/gs, (_, char: string) => {
    if (char === '\\') return '\\';
    if (char === 'n') return '\n';
    if (char === 'r') return '\r';
    throw invalid(number, 'a backslash escapes nothing');
  });
}

function invalid(line: number, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `digest list, line ${line}: ${why}`);
}
