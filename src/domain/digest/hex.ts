import { hash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';

export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes, 'hex');
}

/** 32 bytes as lower-case hex: the only form of SHA-256 and BLAKE3 that is ever accepted. */
export function isHex256(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}

/** `sha256:<64 hex>` as OCI writes it. */
export function ociDigest(bytes: Uint8Array | string): string {
  return `sha256:${sha256Hex(bytes)}`;
}

/** The hex of `sha256:<hex>`. @throws WeighmarkError `format-invalid` for anything else. */
export function hexOfOciDigest(digest: string): string {
  const hex = digest.startsWith('sha256:') ? digest.slice(7) : '';
  if (!isHex256(hex))
    throw new WeighmarkError('format-invalid', `${JSON.stringify(digest.slice(0, 100))} is not a sha256 digest`);
  return hex;
}

/** Whether it is `sha256:<64 hex>`, as ids are written. */
export function isDigest(text: string): boolean {
  return text.startsWith('sha256:') && isHex256(text.slice(7));
}

const DIGITS = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit += 1) DIGITS[digit.toString(16).charCodeAt(0)] = digit;

/** Writes the 32 bytes that the 64 lower-case digits at `from` stand for; false if they are none. */
export function putHex(target: Uint8Array, to: number, text: Uint8Array, from: number): boolean {
  let all = 0;
  for (let at = 0; at < 32; at += 1) {
    const high = DIGITS[text[from + 2 * at] ?? 0] ?? -1;
    const low = DIGITS[text[from + 2 * at + 1] ?? 0] ?? -1;
    all |= high | low;
    target[to + at] = (high << 4) | low;
  }
  return all >= 0;
}
