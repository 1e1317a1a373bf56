import { WeighmarkError } from '../base/errors.ts';
import type { Digests, HashAlgorithm } from './algorithm.ts';
import type { OtherAlgorithm } from './other-sums.ts';
import { escapePath, unescapePath } from './list.ts';

/** One line of a checksum file: a name and the digest it shall have. */
export interface SumLine {
  readonly line: number;
  readonly name: string;
  /** Lower-case hex. */
  readonly digest: string;
  /** What the digest may be of: the tag says, else the length. */
  readonly algorithms: readonly HashAlgorithm[];
  /** What else it may be of: asked only if none of `algorithms` agrees. */
  readonly others: readonly OtherAlgorithm[];
}

const TAGS: Readonly<Record<HashAlgorithm, string>> = { sha256: 'SHA256', blake3: 'BLAKE3', blake2b: 'BLAKE2b' };
const ALGORITHM_OF_TAG = new Map(Object.entries(TAGS).map(([name, tag]) => [tag, name as HashAlgorithm]));
const OTHER_TAGS: ReadonlyMap<string, OtherAlgorithm> = new Map([
  ['SHA512', 'sha512'],
  ['BLAKE2b-256', 'blake2b-256'],
]);
const OTHER_OF_LENGTH: ReadonlyMap<number, OtherAlgorithm> = new Map([
  [64, 'blake2b-256'],
  [128, 'sha512'],
]);
const HEX_LENGTH: Readonly<Record<HashAlgorithm, number>> = { sha256: 64, blake3: 64, blake2b: 128 };

/**
 * The lines for one file, as `b3sum` and `sha256sum` print them; several algorithms as tagged lines (`--tag`). A name
 * with a backslash, LF or CR is escaped and its line begins with a backslash.
 */
export function formatSums(name: string, digests: Digests, algorithms: readonly HashAlgorithm[]): string {
  const escaped = escapePath(name);
  const mark = escaped === name ? '' : '\\';
  const tagged = algorithms.length > 1;
  return algorithms
    .map((algorithm) => {
      const hex = digests[algorithm] ?? '';
      return tagged ? `${mark}${TAGS[algorithm]} (${escaped}) = ${hex}\n` : `${mark}${hex}  ${escaped}\n`;
    })
    .join('');
}

const PLAIN = /^([0-9a-fA-F]{64}|[0-9a-fA-F]{128}) [ *](.+)$/s;
/** BSD's form, and OpenSSL's, which has no blanks before the bracket and the sign. */
const TAGGED = /^([A-Za-z0-9-]+) ?\((.+)\) ?= ([0-9a-fA-F]+)$/s;
const OPENSSL_TAGS: ReadonlyMap<string, string> = new Map([
  ['SHA2-256', 'SHA256'],
  ['SHA2-512', 'SHA512'],
  ['BLAKE2B-512', 'BLAKE2b'],
]);

/**
 * Reads the lines of `b3sum`, `sha256sum`, `sha512sum`, `b2sum` (`-l 256` too) and their tagged forms, with both escapes.
 * Empty lines, blanks alone and lines that begin with `#` are passed over.
 * @param algorithms what lines without a tag are of; absent: any algorithm whose digests are that long.
 * @throws WeighmarkError `format-invalid` for a line that is none of these.
 */
export function parseSums(bytes: Uint8Array, algorithms?: readonly HashAlgorithm[]): readonly SumLine[] {
  const lines = decode(bytes).split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines
    .map((line, index) => ({ text: line.replace(/\r$/, ''), number: index + 1 }))
    .filter(({ text }) => text.trim() !== '' && !text.startsWith('#'))
    .map(({ text, number }) => parseLine(text, number, algorithms));
}

/** Strict, since two names must not become one by replacement characters. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new WeighmarkError('format-invalid', 'the checksums are not UTF-8 text');
  }
}

function parseLine(line: string, number: number, algorithms?: readonly HashAlgorithm[]): SumLine {
  const marked = line.startsWith('\\');
  const body = marked ? line.slice(1) : line;
  const found = parseTagged(body) ?? parsePlain(body, algorithms);
  if (found === null || found.algorithms.length + found.others.length === 0)
    throw invalid(number, 'is no line of b3sum, sha256sum, sha512sum or b2sum');
  const name = marked ? unescapePath(found.name, number) : found.name;
  if (name.includes('\0')) throw invalid(number, 'names no file');
  return { ...found, line: number, name, digest: found.digest.toLowerCase() };
}

function parseTagged(body: string): Omit<SumLine, 'line'> | null {
  const [, written = '', name, digest = ''] = TAGGED.exec(body) ?? [];
  const tag = OPENSSL_TAGS.get(written) ?? written;
  const algorithm = ALGORITHM_OF_TAG.get(tag);
  const other = OTHER_TAGS.get(tag);
  if (name !== undefined && other !== undefined && OTHER_OF_LENGTH.get(digest.length) === other)
    return { name, digest, algorithms: [], others: [other] };
  if (name === undefined || algorithm === undefined || digest.length !== HEX_LENGTH[algorithm]) return null;
  return { name, digest, algorithms: [algorithm], others: [] };
}

function parsePlain(body: string, stated?: readonly HashAlgorithm[]): Omit<SumLine, 'line'> | null {
  const [, digest, name] = PLAIN.exec(body) ?? [];
  if (digest === undefined || name === undefined) return null;
  const algorithms = (stated ?? (['blake3', 'sha256', 'blake2b'] as const)).filter(
    (algorithm) => HEX_LENGTH[algorithm] === digest.length,
  );
  const other = stated === undefined ? OTHER_OF_LENGTH.get(digest.length) : undefined;
  return { name, digest, algorithms, others: other === undefined ? [] : [other] };
}

function invalid(line: number, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `line ${line} of the checksums ${why}`);
}
