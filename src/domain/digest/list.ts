import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { checkPath, compareUtf8 } from '../base/paths.ts';

/** One line of a digest list: a file of the tree with both digests, lower-case hex. */
export interface ListedFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly blake3: string;
}

/** Digests of many files, 64 bytes each: as texts of their own they take four times the memory. */
export class DigestColumn {
  #bytes = Buffer.alloc(64 << 8);
  #next = 0;

  /** A file of the list whose digests lie here. */
  add({ path, sizeBytes, sha256, blake3 }: ListedFile): ListedFile {
    if (this.#next === this.#bytes.length) [this.#bytes, this.#next] = [Buffer.alloc(this.#bytes.length), 0];
    const at = this.#next;
    const written = this.#bytes.write(sha256, at, 'hex') + this.#bytes.write(blake3, at + 32, 'hex');
    if (written !== 64) throw new WeighmarkError('internal', 'a file was not hashed', { subject: path });
    this.#next += 64;
    return new KeptFile(path, sizeBytes, this.#bytes, at);
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

/** SHA-256 of those bytes, lower-case hex. */
export function digestListSha256(files: readonly ListedFile[]): string {
  const hash = createHash('sha256');
  for (const piece of piecesOf(files)) hash.update(piece);
  return hash.digest('hex');
}

/** A line's bytes at most: a UTF-16 code unit is at most three of UTF-8, or two that escape it. */
function longest({ path }: ListedFile): number {
  return 2 * 64 + 16 + 5 + 3 * path.length;
}

const LINES_AT_ONCE = 4096;

function* piecesOf(files: readonly ListedFile[]): Generator<string> {
  yield `${HEADER}\n`;
  const sorted = inOrder(files) ? files : files.toSorted((a, b) => compareUtf8(a.path, b.path));
  for (let at = 0; at < sorted.length; at += LINES_AT_ONCE)
    yield sorted
      .slice(at, at + LINES_AT_ONCE)
      .map(formatLine)
      .join('');
}

function inOrder(files: readonly ListedFile[]): boolean {
  return files.every(({ path }, at) => at === 0 || compareUtf8(files[at - 1]?.path ?? '', path) <= 0);
}

/**
 * @param list its text, or its bytes, which are read in pieces.
 * @throws WeighmarkError `format-invalid` for any deviation: order, duplicates, spelling, a missing last newline, bytes that
 * are not UTF-8; `limit-exceeded`.
 */
export function parseDigestList(list: string | Uint8Array): readonly ListedFile[] {
  if (list.length > LIMITS.digestListBytes) throw new WeighmarkError('limit-exceeded', 'the digest list is too large');
  const files: ListedFile[] = [];
  let number = 0;
  for (const lines of typeof list === 'string' ? [linesOf(list, 1)] : linePieces(list)) {
    for (const line of lines) {
      number += 1;
      if (number > 1) files.push(nextFile(line, number, files.at(-1)));
      else if (line !== HEADER) throw invalid(1, `the header is not ${HEADER}`);
    }
  }
  if (number === 0) throw invalid(1, `the header is not ${HEADER}`);
  return files;
}

function nextFile(line: string, number: number, before: ListedFile | undefined): ListedFile {
  const file = parseLine(line, number);
  checkOrder(before, file, number);
  return file;
}

function linesOf(text: string, number: number): readonly string[] {
  const lines = text.split('\n');
  if (number === 1 && lines[0] !== HEADER) throw invalid(1, `the header is not ${HEADER}`);
  if (lines.pop() !== '') throw invalid(lines.length + number, 'the last line does not end');
  return lines;
}

const PIECE_BYTES = 1 << 20;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whole lines of about a megabyte at a time: a line break is never inside another character. */
function* linePieces(bytes: Uint8Array): Generator<readonly string[]> {
  for (let start = 0, number = 1; start < bytes.length;) {
    const found = bytes.lastIndexOf(0x0a, start + PIECE_BYTES);
    const end = start + PIECE_BYTES >= bytes.length ? bytes.length : found < start ? bytes.length : found + 1;
    const lines = linesOf(decoded(bytes.subarray(start, end), number), number);
    yield lines;
    number += lines.length;
    start = end;
  }
}

function decoded(bytes: Uint8Array, number: number): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw invalid(number, 'it, or one soon after it, is not UTF-8');
  }
}

const LINE = /^(\\?)([0-9a-f]{64}) ([0-9a-f]{64}) (0|[1-9][0-9]{0,15}) (.+)$/s;

function formatLine(file: ListedFile): string {
  const escaped = escapePath(file.path);
  const mark = escaped === file.path ? '' : '\\';
  return `${mark}${file.sha256} ${file.blake3} ${file.sizeBytes} ${escaped}\n`;
}

function parseLine(line: string, number: number): ListedFile {
  const [, mark, sha256, blake3, size, name] = LINE.exec(line) ?? [];
  if (sha256 === undefined || blake3 === undefined || name === undefined)
    throw invalid(number, 'not `sha256 blake3 size path`');
  const path = mark === '' ? name : unescapePath(name, number);
  if ((escapePath(path) !== path) !== (mark === '\\')) throw invalid(number, 'the escaping is not canonical');
  checkPath(path);
  return { path, sizeBytes: safeSize(Number(size), number), sha256, blake3 };
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
