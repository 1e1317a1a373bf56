import type { Decoded } from './lzma.ts';

/**
 * Decodes an LZ4 frame (joblib's `lz4`). Output is cut at `maxBytes`; checksums are passed over.
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export function decodeLz4(input: Uint8Array, maxBytes: number): Decoded {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const out = new Uint8Array(Math.min(maxBytes, Math.max(1 << 20, input.length * 255)));
  const flags = input[4] ?? 0;
  let at = 7 + ((flags & 8) === 0 ? 0 : 8) + ((flags & 1) === 0 ? 0 : 4);
  let length = 0;
  while (at + 4 <= input.length) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return { bytes: out.subarray(0, length), complete: true };
    const end = at + (size & 0x7fff_ffff);
    if (end > input.length) break;
    const stored = size > 0x7fff_ffff;
    const next = stored
      ? copyStored(input.subarray(at, end), out, length)
      : decodeLz4Block(input.subarray(at, end), out, length);
    if (next === null) break;
    length = next;
    at = end + ((flags & 0x10) === 0 ? 0 : 4);
  }
  return { bytes: out.subarray(0, length), complete: false };
}

function copyStored(block: Uint8Array, out: Uint8Array, start: number): number | null {
  if (start + block.length > out.length) return null;
  out.set(block, start);
  return start + block.length;
}

/** The output's new length, or null where it does not fit or the block is broken. */
export function decodeLz4Block(block: Uint8Array, out: Uint8Array, start: number): number | null {
  let [at, length] = [0, start];
  const extended = (first: number): number => {
    let total = first;
    if (first !== 15) return total;
    for (let more = 255; more === 255 && at < block.length;) total += more = block[at++] ?? 0;
    return total;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = extended(token >> 4);
    if (at + literals > block.length || length + literals > out.length) return null;
    out.set(block.subarray(at, at + literals), length);
    [at, length] = [at + literals, length + literals];
    if (at >= block.length) return length;
    const distance = (block[at] ?? 0) | ((block[at + 1] ?? 0) << 8);
    at += 2;
    const count = extended(token & 15) + 4;
    if (distance === 0 || distance > length || length + count > out.length) return null;
    for (let index = 0; index < count; index++, length++) out[length] = out[length - distance] ?? 0;
  }
  return length;
}
