import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { beyond } from '../formats/problem.ts';
import { parseZarrArray } from '../formats/zarr-array.ts';
import type { Beside } from './types.ts';

/** What a group says of the arrays below it: zarr's library reads that instead of the arrays' own descriptions. */
interface Consolidated {
  /** By the path of an array's description. */
  readonly arrays: ReadonlyMap<string, Json>;
  /** An array that has no description of its own. */
  readonly missing: string | undefined;
}

const NONE: Consolidated = { arrays: new Map(), missing: undefined };

/** Of each artifact, by folder: a group is read once for all its arrays. */
const KNOWN = new WeakMap<Beside, Map<string, Promise<Consolidated>>>();

/** Why an array's own description at `path` is not what a loader of a group above it would go by; null if it is. */
export async function contradiction(path: string, own: Json, beside: Beside): Promise<string | null> {
  const folders = path.split('/').slice(0, -1);
  while (folders.length > 0) {
    folders.pop();
    const folder = folders.map((name) => `${name}/`).join('');
    const { arrays, missing } = await consolidatedIn(folder, beside);
    const stated = arrays.get(path);
    const where = `the metadata consolidated in ${folder === '' ? 'the folder above' : folder}`;
    if (missing !== undefined) return `${where} has an array that is not there: ${missing.slice(0, 200)}`;
    if (stated !== undefined && meaningOf(stated) !== meaningOf(own)) return `${where} says another thing of it`;
  }
  return null;
}

async function consolidatedIn(folder: string, beside: Beside): Promise<Consolidated> {
  const folders = KNOWN.get(beside) ?? new Map<string, Promise<Consolidated>>();
  KNOWN.set(beside, folders);
  const known = folders.get(folder) ?? readConsolidated(folder, beside);
  folders.set(folder, known);
  return known;
}

async function readConsolidated(folder: string, beside: Beside): Promise<Consolidated> {
  const two = fieldOf(await jsonAt(`${folder}.zmetadata`, beside), 'metadata');
  const three = fieldOf(fieldOf(await jsonAt(`${folder}zarr.json`, beside), 'consolidated_metadata'), 'metadata');
  const arrays = new Map<string, Json>();
  for (const [key, value] of entriesOf(two)) if (/(?:^|\/)\.zarray$/.test(key)) arrays.set(folder + key, value);
  for (const [key, value] of entriesOf(three))
    if (fieldOf(value, 'node_type') === 'array') arrays.set(`${folder}${key}/zarr.json`, value);
  if (arrays.size === 0) return NONE;
  for (const path of arrays.keys())
    if ((await beside(path, async () => true)) === null) return { arrays, missing: path };
  return { arrays, missing: undefined };
}

async function jsonAt(path: string, beside: Beside): Promise<Json> {
  const bytes = await beside(path, (source) => {
    if (source.size > LIMITS.documentBytes) throw beyond(`${path} of ${source.size} bytes`);
    return source.read(0, source.size);
  });
  return bytes === null ? null : parseStrictJson(bytes, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false });
}

function fieldOf(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) ? value[key] : undefined;
}

function entriesOf(value: Json | undefined): readonly (readonly [string, Json])[] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

/** All that the elements depend on. */
function meaningOf(value: Json): string {
  const array = parseZarrArray(value);
  if (typeof array === 'string') return JSON.stringify(value);
  const { keyOf, fill, ...rest } = array;
  return JSON.stringify([rest, keyOf(array.shape.map(() => 1)), Object.is(fill, -0) ? '-0' : fill]);
}
