import { Buffer } from 'node:buffer';

/** True for standard base64 with its padding, in its one spelling: the bytes it stands for are written so and not otherwise. */
export function isBase64(text: Uint8Array): boolean {
  return decodeInto(Buffer.allocUnsafe(PIECE_BYTES), text, 0);
}

/** What standard base64, in its one spelling, stands for; null for anything else. Makes no copy of the text as a string. */
export function decodeBase64(text: Uint8Array): Uint8Array | null {
  const padding = text.at(-1) !== 0x3d ? 0 : text.at(-2) !== 0x3d ? 1 : 2;
  const bytes = Buffer.allocUnsafe(Math.max(0, (text.length / 4) * 3 - padding));
  return decodeInto(bytes, text, PIECE_BYTES) ? bytes : null;
}

/** A multiple of three: each piece ends where four characters end. */
const PIECE_BYTES = 48 << 10;
const PIECE_TEXT = (PIECE_BYTES / 3) * 4;

/** Decodes piece by piece, each `step` bytes after the one before, and compares each with what it is encoded again. */
function decodeInto(target: Buffer, text: Uint8Array, step: number): boolean {
  const whole = Buffer.from(text.buffer, text.byteOffset, text.length);
  if (text.length % 4 !== 0) return false;
  for (let at = 0, to = 0; at < text.length; at += PIECE_TEXT, to += step) {
    const piece = whole.toString('latin1', at, at + PIECE_TEXT);
    const written = target.write(piece, to, 'base64');
    if (target.toString('base64', to, to + written) !== piece) return false;
  }
  return true;
}
