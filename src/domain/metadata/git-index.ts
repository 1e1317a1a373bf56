import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

/** A file that git tracks, as its index has it. */
export interface TrackedFile {
  /** From the top of the work tree. */
  readonly path: string;
  /** SHA-1 of the blob, lower-case hex. */
  readonly oid: string;
}

const HEADER = 12;
const DIGEST = 20;
/** Times, device, owner, size: what stands before an entry's digest. */
const STAT = 40;
const EXTENDED = 0x4000;
const NAME_LENGTH = 0x0fff;

/**
 * The entries of `.git/index`, versions 2 to 4. What is none, is damaged, or names blobs by SHA-256 has no entries: it says
 * nothing here.
 * @see https://git-scm.com/docs/index-format
 */
export function readGitIndex(bytes: Uint8Array): readonly TrackedFile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER + DIGEST || view.getUint32(0) !== 0x44495243) return [];
  const version = view.getUint32(4);
  if (version < 2 || version > 4 || !isWhole(bytes)) return [];
  const found: TrackedFile[] = [];
  let at = HEADER;
  let before = '';
  for (let left = view.getUint32(8); left > 0; left -= 1) {
    const entry = entryAt(bytes, at, { version, before });
    if (entry === null) return [];
    found.push({ path: entry.path, oid: entry.oid });
    [at, before] = [entry.end, entry.path];
  }
  return found;
}

/** The index ends in the SHA-1 of itself; in zeros where git was told to skip that. */
function isWhole(bytes: Uint8Array): boolean {
  const body = bytes.subarray(0, bytes.length - DIGEST);
  const end = Buffer.from(bytes.subarray(bytes.length - DIGEST));
  return end.every((byte) => byte === 0) || createHash('sha1').update(body).digest().equals(end);
}

function entryAt(
  bytes: Uint8Array,
  start: number,
  { version, before }: { readonly version: number; readonly before: string },
): (TrackedFile & { readonly end: number }) | null {
  const names = start + STAT + DIGEST + 2;
  if (names > bytes.length - DIGEST) return null;
  const oid = Buffer.from(bytes.subarray(start + STAT, start + STAT + DIGEST)).toString('hex');
  const flags = ((bytes[names - 2] ?? 0) << 8) | (bytes[names - 1] ?? 0);
  let at = (flags & EXTENDED) === 0 ? names : names + 2;
  let kept = '';
  if (version === 4) {
    const cut = varint(bytes, at);
    const all = Buffer.from(before);
    if (cut === null || cut.value > all.length) return null;
    [at, kept] = [cut.end, all.subarray(0, all.length - cut.value).toString()];
  }
  const end = bytes.indexOf(0, at);
  if (end < 0 || end > bytes.length - DIGEST) return null;
  const path = kept + Buffer.from(bytes.subarray(at, end)).toString();
  if (version < 4 && (flags & NAME_LENGTH) !== Math.min(end - at, NAME_LENGTH)) return null;
  return { path, oid, end: version === 4 ? end + 1 : start + 8 * Math.ceil((end + 1 - start) / 8) };
}

/** As in packs: seven bits a byte, the highest first, each continuation one more. */
function varint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | null {
  let value = (bytes[start] ?? 0) & 0x7f;
  let at = start;
  while (((bytes[at] ?? 0) & 0x80) !== 0) {
    at += 1;
    value = (value + 1) * 128 + ((bytes[at] ?? 0) & 0x7f);
    if (at - start > 4 || at >= bytes.length) return null;
  }
  return { value, end: at + 1 };
}
