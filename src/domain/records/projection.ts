import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/json.ts';
import { fieldsOf, toJson } from './decode.ts';

/**
 * The one normalisation there is, by its version: NFKC, upper then lower case (so `ß` is `ss`), NFKC again, white space as one
 * space. Only of texts; numbers and the like are compared as they are. Unicode's own version is said beside it.
 */
export const NORMALISATION = 'weighmark-text/1';

/** What two records are compared by. */
export interface Comparing {
  /** Columns; null: all. */
  readonly columns: readonly string[] | null;
  /** Texts under `NORMALISATION`, rather than exactly. */
  readonly normalised: boolean;
}

/** Equal for records that are equal as compared; null for one that has none of the columns. 128 bits of SHA-256. */
export function comparisonKey(encoding: Uint8Array, { columns, normalised }: Comparing): string | null {
  const fields = fieldsOf(encoding);
  const names = columns === null ? [...fields.keys()] : columns.filter((name) => fields.has(name));
  if (names.length === 0 && columns !== null) return null;
  const hash = createHash('sha256');
  for (const name of names.toSorted()) {
    const value = fields.get(name) as Uint8Array;
    const text = normalised ? canonicalJson(normalise(toJson(value))) : value;
    hash.update(`${JSON.stringify(name)} ${text.length} `).update(text);
  }
  return hash.digest().toString('latin1').slice(0, 16);
}

function normalise(value: unknown): unknown {
  if (typeof value === 'string') return normaliseText(value);
  if (Array.isArray(value)) return value.map(normalise);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, normalise(each)]));
}

export function normaliseText(text: string): string {
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded.replaceAll(/\s+/gu, ' ').trim();
}
