import { Buffer } from 'node:buffer';
import { checkPath } from '../base/paths.ts';
import { LIMITS } from '../base/limits.ts';
import type { HashAlgorithm } from '../digest/algorithm.ts';
import { putHex } from '../digest/hex.ts';
import { DigestRows } from '../digest/rows.ts';

/** A whole file, as `OmsResource` has it. */
export interface SpelledResource {
  readonly path: string;
  /** Lower-case hex. */
  readonly digest: string;
}

/** What is before and after the name, and before the next one. */
const BEFORE = Buffer.from('{"name":"');
const BETWEEN = Buffer.from(',');
const DIGITS = 64;
const QUOTE = 0x22;

/**
 * The resources of whole files in the one spelling that the signers in use write, read from the bytes of their list: of a million
 * neither an object of JSON nor the text of a digest is made. Null for any other spelling, which decides nothing.
 * @param list well-formed JSON.
 * @param most so many; a longer list is another spelling. @throws WeighmarkError `name-unsafe`.
 */
export function spelledResources(
  list: Uint8Array,
  { algorithm, shardBytes }: { readonly algorithm: HashAlgorithm; readonly shardBytes: number | null },
  most: number = LIMITS.filesPerTree,
): readonly SpelledResource[] | null {
  if (shardBytes !== null || algorithm === 'blake2b' || list[0] !== 0x5b) return null;
  const bytes = Buffer.from(list.buffer, list.byteOffset, list.length);
  const after = Buffer.from(`","algorithm":"${algorithm}","digest":"`);
  const resources: SpelledResource[] = [];
  const rows = new DigestRows(32);
  let at = 1;
  while (resources.length < most) {
    const name = at + BEFORE.length;
    const quote = bytes.indexOf(QUOTE, name);
    const digest = quote + after.length;
    const end = digest + DIGITS;
    if (quote === -1 || !isAt(bytes, at, BEFORE) || !isAt(bytes, quote, after)) return null;
    if (bytes[end] !== QUOTE || bytes[end + 1] !== 0x7d) return null;
    const path = bytes.toString('utf8', name, quote);
    const resource = path.includes('\\') ? null : spelled(path, rows, { bytes, digest });
    if (resource === null) return null;
    if (path !== '.') checkPath(path);
    resources.push(resource);
    if (end + 3 === bytes.length) return resources;
    if (!isAt(bytes, end + 2, BETWEEN)) return null;
    at = end + 3;
  }
  return null;
}

function isAt(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index += 1) if (bytes[at + index] !== text[index]) return false;
  return true;
}

/** Null unless there are 64 lower-case hexadecimal digits. */
function spelled(path: string, rows: DigestRows, { bytes, digest }: { bytes: Buffer; digest: number }): Spelled | null {
  const at = rows.next();
  return putHex(rows.bytes, at, bytes, digest) ? new Spelled(path, rows.bytes, at) : null;
}

class Spelled implements SpelledResource {
  readonly path: string;
  readonly #column: Buffer;
  readonly #at: number;

  constructor(path: string, column: Buffer, at: number) {
    this.path = path;
    this.#column = column;
    this.#at = at;
  }

  get digest(): string {
    return this.#column.toString('hex', this.#at, this.#at + 32);
  }
}
