import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';

const HEADER = 'weighmark-removed/1';
export const REMOVALS_BYTES = 256 << 20;

/**
 * Records that must be gone, by their hashes: the header line, then a hash in lower-case hex a line, ascending. To be signed
 * as any file is. It keeps no record; for data about people hash under the organisation's key.
 */
export function formatRemovals(records: readonly string[]): string {
  return `${HEADER}\n${[...new Set(records)]
    .toSorted()
    .map((record) => `${record}\n`)
    .join('')}`;
}

export function isRemovalList(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, HEADER.length + 1)).toString('latin1') === `${HEADER}\n`;
}

/** @throws WeighmarkError `format-invalid` for anything that `formatRemovals` does not write, or an empty list. */
export function parseRemovals(bytes: Uint8Array): readonly string[] {
  const text = Buffer.from(bytes).toString('latin1');
  const [header, ...lines] = text.split('\n');
  const records = lines.slice(0, -1);
  if (header !== HEADER || records.length === 0 || !records.every(isHex256) || formatRemovals(records) !== text)
    throw new WeighmarkError('format-invalid', `not a list of removed records (${HEADER}), or an empty one`);
  return records;
}
