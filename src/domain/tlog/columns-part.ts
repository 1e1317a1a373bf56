import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { isJsonObject, type Json } from '../base/json.ts';
import { KINDS } from './leaf.ts';
import { Texts, type LogColumns } from './columns.ts';
import { TILE_WIDTH } from './tiles.ts';

/** Entries a part holds at most: 64 tiles, about a megabyte. Only the last part of a memory is written anew. */
export const PART_ROWS = 64 * TILE_WIDTH;

const HASH_BYTES = 32;
/** kind, name and environment by number, manifest, bundle. */
const ROW_BYTES = 1 + 4 + 4 + HASH_BYTES + HASH_BYTES;
const FORMAT = 'weighmark-log-part/1';

/**
 * Rows [from, to) as they are remembered, both at a tile's border: a line of JSON (whose log, which rows, the texts that they
 * name by number), the columns one after the other, the hashes of the tiles, and SHA-256 over all of that.
 */
export function formatPart(origin: string, columns: LogColumns, { from, to }: { from: number; to: number }): Buffer {
  const [names, envs] = [new Texts(), new Texts()];
  const own = (numbers: Uint32Array, textOf: (number: number) => number): Buffer => {
    const local = Uint32Array.from(numbers.subarray(from, to), textOf);
    return Buffer.from(local.buffer);
  };
  const nameOf = own(columns.names, (number) => names.numberOf(columns.nameTexts.all[number] ?? ''));
  const envOf = own(columns.envs, (number) =>
    number === 0 ? 0 : envs.numberOf(columns.envTexts.all[number - 1] ?? '') + 1,
  );
  const header = { format: FORMAT, origin, from, rows: to - from, names: names.all, envs: envs.all };
  const bytes = Buffer.concat([
    Buffer.from(`${JSON.stringify(header)}\n`),
    columns.kinds.subarray(from, to),
    nameOf,
    envOf,
    columns.manifests.subarray(from * HASH_BYTES, to * HASH_BYTES),
    columns.bundles.subarray(from * HASH_BYTES, to * HASH_BYTES),
    ...columns.tiles.slice(from / TILE_WIDTH, to / TILE_WIDTH),
  ]);
  return Buffer.concat([bytes, createHash('sha256').update(bytes).digest()]);
}

/** Adds a part to the rows before it. False, and nothing added, for anything but what `formatPart` wrote for that place. */
export function addPart(bytes: Buffer, origin: string, columns: LogColumns): boolean {
  const header = headerOf(bytes, origin, columns.length);
  if (header === null) return false;
  const { from, rows, names, envs, at } = header;
  const column = (start: number, width: number): Buffer =>
    bytes.subarray(at + start * rows, at + (start + width) * rows);
  const kinds = column(0, 1);
  const [nameOf, envOf] = [numbers(column(1, 4)), numbers(column(5, 4))];
  if (kinds.some((kind) => kind >= KINDS.length) || nameOf.some((number) => number >= names.length)) return false;
  if (envOf.some((number) => number > envs.length)) return false;
  const nameNumbers = names.map((name) => columns.nameTexts.numberOf(name));
  const envNumbers = [0, ...envs.map((env) => columns.envTexts.numberOf(env) + 1)];
  columns.reserve(from + rows);
  columns.kinds.set(kinds, from);
  columns.names.set(
    nameOf.map((number) => nameNumbers[number] ?? 0),
    from,
  );
  columns.envs.set(
    envOf.map((number) => envNumbers[number] ?? 0),
    from,
  );
  columns.manifests.set(column(9, HASH_BYTES), from * HASH_BYTES);
  columns.bundles.set(column(9 + HASH_BYTES, HASH_BYTES), from * HASH_BYTES);
  for (let tile = at + ROW_BYTES * rows; tile < bytes.length - HASH_BYTES; tile += HASH_BYTES)
    columns.tiles.push(bytes.subarray(tile, tile + HASH_BYTES));
  columns.grow(rows);
  return true;
}

interface Header {
  readonly from: number;
  readonly rows: number;
  readonly names: readonly string[];
  readonly envs: readonly string[];
  /** Where the columns begin. */
  readonly at: number;
}

function headerOf(bytes: Buffer, origin: string, from: number): Header | null {
  const end = bytes.length - HASH_BYTES;
  if (!createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))) return null;
  // Where no line ends, the header is empty, which is no JSON.
  const line = Math.max(0, bytes.indexOf(0x0a));
  const header = parsed(bytes.subarray(0, line).toString());
  if (header?.['format'] !== FORMAT || header['origin'] !== origin || header['from'] !== from) return null;
  const { rows, names, envs } = header;
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows <= 0 || rows % TILE_WIDTH !== 0) return null;
  if (!isTexts(names) || !isTexts(envs)) return null;
  const at = line + 1;
  return end - at === ROW_BYTES * rows + HASH_BYTES * (rows / TILE_WIDTH) ? { from, rows, names, envs, at } : null;
}

/** Only what carries the digest of its bytes comes here: this user wrote it. */
function parsed(text: string): Readonly<Record<string, Json>> | null {
  try {
    const json = JSON.parse(text) as Json;
    return isJsonObject(json) ? json : null;
  } catch {
    return null;
  }
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** Copied: the bytes need not lie at a multiple of four. Little-endian, as every machine that Node runs on is. */
function numbers(bytes: Buffer): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}
