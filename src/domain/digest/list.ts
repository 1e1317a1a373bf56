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

const HEADER = 'weighmark-files/1';

/**
 * The digest list (DESIGN 4.1): `weighmark-files/1`, then `sha256 blake3 size path` a file, sorted by UTF-8 bytes, LF.
 * A path with a backslash, LF or CR is escaped as coreutils does, its line starting with a backslash.
 */
export function formatDigestList(files: readonly ListedFile[]): string {
  const sorted = files.toSorted((a, b) => compareUtf8(a.path, b.path));
  return `${HEADER}\n${sorted.map(formatLine).join('')}`;
}

/** @throws WeighmarkError `format-invalid` for any deviation: order, duplicates, spelling, a missing last newline. */
export function parseDigestList(text: string): readonly ListedFile[] {
  if (text.length > LIMITS.digestListBytes) throw new WeighmarkError('limit-exceeded', 'the digest list is too large');
  const [header, ...lines] = text.split('\n');
  if (header !== HEADER) throw invalid(1, `the header is not ${HEADER}`);
  if (lines.pop() !== '') throw invalid(lines.length + 2, 'the last line does not end');
  const files = lines.map((line, index) => parseLine(line, index + 2));
  files.forEach((file, index) => checkOrder(files[index - 1], file, index + 2));
  return files;
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
