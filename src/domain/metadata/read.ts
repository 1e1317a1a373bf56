import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import type { Fact, FactSource, FieldName, FactValues } from './types.ts';

/** A small file of the artifact, read whole. */
export interface MetadataFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What one kind of file says. Throws `format-invalid` or `limit-exceeded` for a file that is not what it claims. */
export type MetadataReader = (file: MetadataFile) => readonly Fact[];

/** One fact, typed by its field. */
export function fact<K extends FieldName>(field: K, value: FactValues[K], source: FactSource): Fact {
  return { field, value, source } as unknown as Fact;
}

/** A fact if the value is there: text that is not blank, or anything defined. */
export function maybe<K extends FieldName>(
  field: K,
  value: FactValues[K] | undefined,
  source: FactSource,
): readonly Fact[] {
  return value === undefined || value === '' ? [] : [fact(field, value, source)];
}

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** @throws WeighmarkError `format-invalid` for bytes that are not UTF-8. */
export function textOf(file: MetadataFile): string {
  try {
    return UTF8.decode(file.bytes);
  } catch (cause) {
    throw new WeighmarkError('format-invalid', 'not UTF-8 text', { subject: file.path, cause });
  }
}

/** Somebody else's JSON: strict, but keys may differ by case and integers may be large. */
export function jsonOf(file: MetadataFile): Json {
  return parseStrictJson(stripBom(file.bytes), {
    subject: file.path,
    refuseCaseDuplicates: false,
    refuseUnsafeIntegers: false,
    maxBytes: LIMITS.documentBytes,
  });
}

export function jsonObjectOf(file: MetadataFile): { readonly [key: string]: Json } {
  const value = jsonOf(file);
  if (isJsonObject(value)) return value;
  throw new WeighmarkError('format-invalid', `${file.path}: not a JSON object`, { subject: file.path });
}

function stripBom(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

/** Non-blank text of a scalar, cut to a sane length; undefined for anything else. */
export function words(value: Json | undefined, most = 4096): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return text === '' ? undefined : text.slice(0, most).toWellFormed();
}

/** The texts of a scalar or list of scalars, with their JSON pointers below `pointer`. */
export function list(
  value: Json | undefined,
  pointer: string,
): readonly { readonly text: string; readonly pointer: string }[] {
  if (!Array.isArray(value)) {
    const text = words(value);
    return text === undefined ? [] : [{ text, pointer }];
  }
  return value.slice(0, LISTED).flatMap((item: Json, index) => {
    const text = words(item);
    return text === undefined ? [] : [{ text, pointer: `${pointer}/${index}` }];
  });
}

const LISTED = 10_000;

export function field(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function items(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]).slice(0, LISTED) : [];
}

/** With its last slash; empty at the top. */
export function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}
