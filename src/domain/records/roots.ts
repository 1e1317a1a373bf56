import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { checkPath, compareUtf8 } from '../base/paths.ts';
import { isHex256 } from '../digest/hex.ts';
import { contextKey, digest } from './blake3.ts';
import { KIND_TAGS, type Kind } from './batch.ts';
import { MAX_COLUMNS } from './struct.ts';
import { formatReading, parseReading, type Reading } from './reading.ts';

/** A file's records, in the order of paths; a position in the dataset counts through all of them. */
export interface Part {
  readonly path: string;
  readonly records: number;
}

/** What a dataset is, record by record: what `.weighmark/records` says. Hashes are lower-case hex. */
export interface Roots {
  readonly reading: Reading;
  readonly hashing: 'open' | 'keyed';
  /** Which key (`keyId`); null in the open, and in version 1, which does not say. */
  readonly key: string | null;
  readonly records: number;
  readonly distinct: number;
  /** Of the records in order. */
  readonly ordered: string;
  /** Of the records as a multiset. */
  readonly set: string;
  /** Columns and the kinds of values seen in them; null for more than 10,000 columns. */
  readonly columns: Readonly<Record<string, readonly Kind[]>> | null;
  readonly parts: readonly Part[];
}

/** Version 2 says under which key records are hashed; in the open version 1 is all there is. */
const HEADERS = ['weighmark-records/1', 'weighmark-records/2'] as const;
const SCHEMA = contextKey('weighmark 2026 dataset schema v1');
/** The file of roots, in bytes: 100,000 parts and more. */
export const ROOTS_BYTES = 64 << 20;

/** BLAKE3 of the columns' RFC 8785 text, lower-case hex. */
export function schemaDigest(columns: Roots['columns']): string {
  return Buffer.from(digest(SCHEMA, Buffer.from(canonicalJson(columns)))).toString('hex');
}

/** Columns of parts together: each kind seen anywhere, in the order of kinds. */
export function joinColumns(parts: readonly Roots['columns'][]): Roots['columns'] {
  const seen = new Map<string, Set<Kind>>();
  for (const columns of parts) {
    if (columns === null) return null;
    for (const [name, kinds] of Object.entries(columns)) {
      const all = seen.get(name) ?? new Set();
      for (const kind of kinds) all.add(kind);
      seen.set(name, all);
    }
  }
  if (seen.size > MAX_COLUMNS) return null;
  const kinds = Object.keys(KIND_TAGS) as Kind[];
  return Object.fromEntries([...seen].map(([name, all]) => [name, kinds.filter((kind) => all.has(kind))]));
}

/** Whether bytes begin as a file of roots does. */
export function isRoots(bytes: Uint8Array): boolean {
  return HEADERS.includes(Buffer.from(bytes.subarray(0, 19)).toString('latin1') as (typeof HEADERS)[number]);
}

function headerOf({ key }: Pick<Roots, 'key'>): string {
  return HEADERS[key === null ? 0 : 1];
}

/** `.weighmark/records`: the header line, then one line of RFC 8785 JSON. */
export function formatRoots(roots: Roots): string {
  const { reading, hashing, key, records, distinct, ordered, set, columns, parts } = roots;
  const json = {
    hashing,
    ...(key === null ? {} : { key }),
    records,
    distinct,
    ordered,
    set,
    columns,
    parts,
    schema: schemaDigest(columns),
    reading: JSON.parse(formatReading(reading)) as Json,
  };
  return `${headerOf(roots)}\n${canonicalJson(json)}\n`;
}

/** @throws WeighmarkError `format-invalid` for anything that `formatRoots` does not write. */
export function parseRoots(bytes: Uint8Array | string): Roots {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8');
  if (text.length > ROOTS_BYTES) throw new WeighmarkError('limit-exceeded', 'the file of record roots is too large');
  const [header, line = '', ...rest] = text.split('\n');
  if (!HEADERS.some((known) => known === header)) throw invalid(`the header is not ${HEADERS.join(' or ')}`);
  if (rest.length !== 1 || rest[0] !== '') throw invalid('it is not one line');
  const json = parseStrictJsonObject(line, { refuseCaseDuplicates: false, subject: 'the record roots' });
  const roots: Roots = {
    reading: parseReading(json['reading']),
    hashing: json['hashing'] === 'keyed' ? 'keyed' : 'open',
    key: json['key'] === undefined ? null : hexOf(json['key']),
    records: countOf(json['records']),
    distinct: countOf(json['distinct']),
    ordered: hexOf(json['ordered']),
    set: hexOf(json['set']),
    columns: columnsOf(json['columns']),
    parts: partsOf(json['parts']),
  };
  if (formatRoots(roots) !== text) throw invalid('it is not written as this version writes it');
  if (roots.key !== null && roots.hashing === 'open') throw invalid('records in the open have no key');
  const sum = roots.parts.reduce((total, part) => total + part.records, 0);
  if (sum !== roots.records || roots.distinct > roots.records) throw invalid('its counts contradict each other');
  return roots;
}

function countOf(json: Json | undefined): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw invalid('a count is no whole number');
}

function hexOf(json: Json | undefined): string {
  if (isHex256(json)) return json;
  throw invalid('a root is not 64 hex digits');
}

function columnsOf(json: Json | undefined): Roots['columns'] {
  if (json === null) return null;
  if (!isJsonObject(json)) throw invalid('the columns are no object');
  for (const kinds of Object.values(json))
    if (!Array.isArray(kinds) || !kinds.every((kind) => typeof kind === 'string' && Object.hasOwn(KIND_TAGS, kind)))
      throw invalid('a column has an unknown kind');
  return json as Readonly<Record<string, readonly Kind[]>>;
}

function partsOf(json: Json | undefined): readonly Part[] {
  if (!Array.isArray(json)) throw invalid('the parts are no list');
  const parts = json.map((part: Json) => {
    if (!isJsonObject(part) || typeof part['path'] !== 'string') throw invalid('a part has no path');
    checkPath(part['path']);
    return { path: part['path'], records: countOf(part['records']) };
  });
  parts.forEach(({ path }, index) => {
    if (index > 0 && compareUtf8(parts[index - 1]?.path ?? '', path) >= 0) throw invalid('parts are not sorted');
  });
  return parts;
}

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `record roots: ${why}`);
}
