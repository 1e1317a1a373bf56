import { Buffer } from 'node:buffer';
import type { PickleValue, PickleVisitor } from '../../formats/pickle/index.ts';
import { bytesSource, windowSource, type Source } from '../../base/source.ts';
import { unwrapBytes } from '../../formats/compressed/unwrap.ts';

/** A constant that looks like another pickle, perhaps encoded or compressed. */
export interface Candidate {
  /** For people: `a base64 text`. */
  readonly what: string;
  /** Of the opcode that pushes it. */
  readonly offset: number;
  /** Its content as a pickle source, or null if it is none after all. */
  open(source: Source): Promise<Source | null>;
}

const CANDIDATES = 10_000;
const DECODED = 1 << 20;

/** Collects constants worth opening. `onLimit` is told when there are more than are looked at. */
export function constantsVisitor(
  candidates: Candidate[],
  onLimit: (reason: string, offset: number) => void,
): PickleVisitor {
  return {
    onConstant(value, offset) {
      const candidate = candidateOf(value, offset);
      if (candidate === null) return;
      if (candidates.length < CANDIDATES) candidates.push(candidate);
      else if (candidates.length === CANDIDATES) onLimit('more embedded constants than are looked into', offset);
    },
  };
}

/** What a constant may hold; null if it is plain. */
export function candidateOf(value: PickleValue, offset: number): Candidate | null {
  if (typeof value === 'string') return value.length >= 16 ? textCandidate(value, offset) : null;
  if (typeof value !== 'object' || value?.kind !== 'bytes' || value.length < 8) return null;
  const { length, head } = value;
  const start = value.offset;
  if (isPickleStart(head) || isZipStart(head))
    return { what: 'bytes in the pickle', offset, open: async (source) => windowSource(source, start, length) };
  if (!isCompressed(head) && !isEncoded(Buffer.from(head).toString('latin1'))) return null;
  return {
    what: 'bytes in the pickle',
    offset,
    open: async (source) => decoded(await source.read(start, Math.min(length, DECODED))),
  };
}

function textCandidate(text: string, offset: number): Candidate | null {
  const first = text.charCodeAt(0);
  const starts = first === 0x80 || first === 0x63 || first === 0x28 || first === 0x69;
  if (starts && isPickleStart(Buffer.from(text.slice(0, 300), 'latin1')))
    return { what: 'text in the pickle', offset, open: async () => bytesSource(Buffer.from(text, 'latin1')) };
  if (!isEncoded(text)) return null;
  return { what: 'encoded text in the pickle', offset, open: async () => decoded(Buffer.from(text, 'latin1')) };
}

/** Peels base64, hex and compression, a few layers deep, until a pickle shows. */
async function decoded(bytes: Uint8Array): Promise<Source | null> {
  let current: Uint8Array | null = bytes;
  for (let layer = 0; layer < 5 && current !== null; layer++) {
    if (isPickleStart(current) || isZipStart(current)) return bytesSource(current);
    current = isCompressed(current) ? await unwrapBytes(current, DECODED) : decodeText(current);
  }
  return null;
}

function decodeText(bytes: Uint8Array): Uint8Array | null {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1').replace(/\s+/g, '');
  if (/^(0x)?[0-9a-fA-F]{16,}$/.test(text) && text.length % 2 === 0) return Buffer.from(text.replace(/^0x/, ''), 'hex');
  return /^[A-Za-z0-9+/_-]{16,}={0,2}$/.test(text) ? Buffer.from(text, 'base64') : null;
}

/** Base64 or hexadecimal of a pickle, of compressed data, or of a second encoding. */
function isEncoded(text: string): boolean {
  const head = text.slice(0, 64).replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/_-]{16,}={0,2}$/.test(head.slice(0, 60))) return false;
  const decodedHead = decodeText(Buffer.from(head.slice(0, head.length - (head.length % 4)), 'latin1'));
  return (
    decodedHead !== null &&
    (isPickleStart(decodedHead) ||
      isZipStart(decodedHead) ||
      isCompressed(decodedHead) ||
      /^[A-Za-z0-9+/]{16,}/.test(Buffer.from(decodedHead).toString('latin1')))
  );
}

/** PROTO of 2 to 5, or a GLOBAL, perhaps after marks. */
export function isPickleStart(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  if (first === 0x80 && second >= 1 && second <= 5) return true;
  if (first !== 0x63 && first !== 0x28 && first !== 0x69) return false;
  return /^\(*(S'[^\n]{0,100}'\n)*[ci][A-Za-z_][\w.]{0,80}\n[A-Za-z_][\w.]{0,80}\n/.test(
    Buffer.from(bytes.subarray(0, 300)).toString('latin1'),
  );
}

/** A zip's first local header: what `torch.storage._load_from_bytes` may be given. */
export function isZipStart([a, b, c, d]: Uint8Array): boolean {
  return a === 0x50 && b === 0x4b && c === 3 && d === 4;
}

/** A zip, or what a stream of compressed data begins with. */
export function isPacked(head: Uint8Array): boolean {
  return isZipStart(head) || isCompressed(head) || (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f);
}

/** zlib, gzip, bzip2, xz. */
function isCompressed([a = 0, b = 0, c = 0]: Uint8Array): boolean {
  if (a === 0x78) return b === 0x01 || b === 0x5e || b === 0x9c || b === 0xda;
  return (
    (a === 0x1f && b === 0x8b) || (a === 0x42 && b === 0x5a && c === 0x68) || (a === 0xfd && b === 0x37 && c === 0x7a)
  );
}
