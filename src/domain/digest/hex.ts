import { createHash } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
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
