import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';

/** Version 2 has a line `key`, then the id of the key under which its records are hashed. */
const [HEADER, KEYED_HEADER] = ['weighmark-removed/1', 'weighmark-removed/2'];
export const REMOVALS_BYTES = 256 << 20;

export interface Removals {
  /** Null in the open, and where version 1 does not say. */
  readonly key: string | null;
  readonly records: readonly string[];
}

/**
 * Records that must be gone, by their hashes: the header line, under a key which one, then a hash in lower-case hex a line,
 * ascending. To be signed as any file is. It keeps no record; for data about people hash under the organisation's key.
 */
export function formatRemovals({ key, records }: Removals): string {
  return `${key === null ? HEADER : `${KEYED_HEADER}\nkey ${key}`}\n${[...new Set(records)]
    .toSorted()
    .map((record) => `${record}\n`)
    .join('')}`;
}

export function isRemovalList(bytes: Uint8Array): boolean {
  const [header] = Buffer.from(bytes.subarray(0, 64)).toString('latin1').split('\n', 1);
  return header === HEADER || header === KEYED_HEADER;
}

/** @throws WeighmarkError `format-invalid` for anything that `formatRemovals` does not write, or an empty list. */
export function parseRemovals(bytes: Uint8Array): Removals {
  const text = Buffer.from(bytes).toString('latin1');
  const [header, ...lines] = text.split('\n');
  const key = header === KEYED_HEADER ? (lines.shift() ?? '').replace(/^key /, '') : null;
  const records = lines.slice(0, -1);
  const isHex = records.every(isHex256) && (key === null || isHex256(key));
  if (records.length === 0 || !isHex || formatRemovals({ key, records }) !== text)
    throw new WeighmarkError('format-invalid', `not a list of removed records (${HEADER}), or an empty one`);
  return { key, records };
}
