import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { parseStrictJson } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { sha256Hex } from '../digest/hex.ts';
import { parseBundle, type Bundle } from './bundle.ts';
import { paeDigest } from './dsse.ts';

/**
 * The bundles of a `claims.jsonl`: one a line. Lines are returned as they are, unverified and perhaps malformed, since a
 * line by somebody unknown must not spoil the others.
 * @throws WeighmarkError `claims-limit` (security rule 24).
 */
export function splitClaims(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length > LIMITS.claimsFileBytes)
    throw limit(`the claims file is larger than ${LIMITS.claimsFileBytes} bytes`);
  if (isOneDocument(bytes)) return [bytes];
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    const line = withoutReturn(bytes.subarray(start, end));
    if (lastByte(line) !== undefined) lines.push(line);
    if (lines.length > LIMITS.claimsPerFile)
      throw limit(`the claims file has more than ${LIMITS.claimsPerFile} claims`);
    start = end + 1;
  }
  const long = lines.findIndex((line) => line.length > LIMITS.claimBytes);
  if (long >= 0) throw limit(`claim ${long + 1} is larger than ${LIMITS.claimBytes} bytes`);
  return lines;
}

/**
 * The lines of both, in order, without repetition: a line counts once for what it says and who signed it. What is said
 * again stands last, for the newest is last.
 * @throws WeighmarkError `claims-limit`, `claim-malformed` for a bundle of several lines that is not JSON.
 */
export function mergeClaims(existing: Uint8Array | null, added: readonly Uint8Array[]): Uint8Array {
  const byContent = new Map<string, Uint8Array>();
  for (const each of [...(existing === null ? [] : splitClaims(existing)), ...added]) {
    const line = each.includes(0x0a) ? oneLine(each) : each;
    const key = contentKey(line);
    const known = byContent.get(key) ?? line;
    byContent.delete(key);
    byContent.set(key, known);
  }
  const merged = Buffer.concat([...byContent.values()].flatMap((line) => [line, NEWLINE]));
  splitClaims(merged);
  return merged;
}

const NEWLINE = Buffer.from('\n');

/** Lines may end as they do on Windows; a bundle goes by the same digest there. */
function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/**
 * Some tools write one bundle in many lines: then no line ends an object before the last, and all together are JSON. Empty lines
 * before or after one that holds it all make no many.
 */
function isOneDocument(bytes: Uint8Array): boolean {
  const start = bytes.findIndex((byte) => !isSpace(byte));
  const newline = bytes.indexOf(0x0a, Math.max(start, 0));
  if (newline === -1 || bytes.length > LIMITS.claimBytes) return false;
  if (lastByte(bytes.subarray(start, newline)) === 0x7d) return false;
  try {
    parseStrictJson(bytes);
    return true;
  } catch {
    return false;
  }
}

/** That is no white space. */
function lastByte(line: Uint8Array): number | undefined {
  return line.findLast((byte) => !isSpace(byte));
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a;
}

/** The same JSON without its line breaks; a re-wrapping, so its own digest differs and what it signs does not. */
function oneLine(bundle: Uint8Array): Uint8Array {
  return Buffer.from(JSON.stringify(parseStrictJson(bundle, { code: 'claim-malformed', subject: 'the bundle' })));
}

function contentKey(line: Uint8Array): string {
  const bundle = readable(line);
  if (bundle === null) return `bytes:${sha256Hex(line)}`;
  return `${paeDigest(bundle.payload)}:${signerKey(bundle)}`;
}

/** Two people may sign the same words; both count. */
function signerKey({ key }: Bundle): string {
  if (key.kind === 'key') return `key:${key.hint}`;
  const leaf = key.kind === 'certificate' ? key.certificate : key.certificates[0];
  return `certificate:${sha256Hex(leaf ?? Buffer.alloc(0))}`;
}

function readable(line: Uint8Array): Bundle | null {
  try {
    return parseBundle(line);
  } catch {
    return null;
  }
}

function limit(why: string): WeighmarkError {
  return new WeighmarkError('claims-limit', why);
}
