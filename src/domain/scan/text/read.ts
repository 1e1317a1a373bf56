import { headOf, type Source } from '../../base/source.ts';

/** Text files are judged whole up to this size. */
export const TEXT_BYTES = 32 << 20;

/** A small source as text; null above `TEXT_BYTES`. A byte order mark is kept away. */
export async function readText(source: Source): Promise<string | null> {
  if (source.size > TEXT_BYTES) return null;
  const { buffer, byteOffset, byteLength } = await headOf(source, source.size);
  return decodeText(Buffer.from(buffer, byteOffset, byteLength));
}

/**
 * As Python's `json` and PyYAML take bytes: UTF-8, -16 and -32 by their mark, or by where the zeros of the first
 * characters are. @see CPython Lib/json/__init__.py `detect_encoding`
 */
export function decodeText(bytes: Buffer): string {
  const [a, b, c, d] = bytes;
  const [wide, big] =
    a === 0xff && b === 0xfe
      ? [c === 0 && d === 0 && bytes.length >= 4 ? 4 : 2, false]
      : a === 0xfe && b === 0xff
        ? [2, true]
        : a === 0 && b === 0
          ? [4, true]
          : a === 0
            ? [2, true]
            : b === 0 && bytes.length >= 4
              ? [c === 0 && d === 0 ? 4 : 2, false]
              : [1, false];
  return (wide === 1 ? bytes.toString('utf8') : wide === 2 ? utf16(bytes, big) : utf32(bytes, big)).replace(
    /^\ufeff/,
    '',
  );
}

function utf16(bytes: Buffer, big: boolean): string {
  const even = bytes.subarray(0, bytes.length & ~1);
  return (big ? Buffer.from(even).swap16() : even).toString('utf16le');
}

function utf32(bytes: Buffer, big: boolean): string {
  const parts: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    parts.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
  }
  return parts.join('');
}
