import { Buffer } from 'node:buffer';
import { isAlias, isCollection, isNode, isPair, isScalar, parseDocument, visit, type Document } from 'yaml';
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

/**
 * YAML 1.2 as security rule 24 has it: core schema, no duplicate keys, aliases, merges, tags or further documents,
 * bounded in size and depth. Values are plain JSON; dates stay text.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export function parseYaml(text: string, subject: string): Json {
  if (Buffer.byteLength(text) > LIMITS.yamlBytes)
    throw new WeighmarkError('limit-exceeded', `${subject}: YAML larger than ${LIMITS.yamlBytes} bytes`, { subject });
  checkNesting(text, subject);
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    merge: false,
    prettyErrors: true,
    stringKeys: true,
  });
  const [error] = document.errors;
  if (error !== undefined) throw refuseYaml(subject, firstLine(error.message));
  checkNodes(document, subject);
  keepText(document);
  return (document.toJS({ maxAliasCount: 0 }) ?? null) as Json;
}

/**
 * A number whose text another would not write (`1.10`, `0123`, more digits than a double has) is text: it is a version or
 * a name, and what is said of it must be what stands there.
 */
function keepText(document: Document.Parsed): void {
  visit(document, {
    Scalar: (_key, node) => {
      const number = typeof node.value === 'number' || typeof node.value === 'bigint';
      if (number && node.source !== undefined && String(node.value) !== node.source) node.value = node.source;
    },
  });
}

/** Every level of nesting costs a bracket or a column of indent: bounding both keeps the parser from recursing too deep. */
function checkNesting(text: string, subject: string): void {
  let depth = 0;
  let deepest = 0;
  for (const char of text) {
    if (char === '[' || char === '{') deepest = Math.max(deepest, (depth += 1));
    else if (char === ']' || char === '}') depth = Math.max(0, depth - 1);
  }
  if (deepest > 4 * LIMITS.yamlDepth || /^[ ?-]{512}/m.test(text))
    throw new WeighmarkError('limit-exceeded', `${subject}: YAML nested too deep`, { subject });
}

function checkNodes(document: Document.Parsed, subject: string): void {
  visit(document, (_key, node, path) => {
    if (isAlias(node)) throw refuseYaml(subject, 'aliases are not allowed');
    if (path.length > 2 * LIMITS.yamlDepth)
      throw new WeighmarkError('limit-exceeded', `${subject}: YAML nested deeper than ${LIMITS.yamlDepth}`, {
        subject,
      });
    if (
      isNode(node) &&
      node.tag !== undefined &&
      !/^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/.test(node.tag)
    )
      throw refuseYaml(subject, 'tags are not allowed');
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined)
      throw refuseYaml(subject, 'anchors are not allowed');
    if (isPair(node) && isScalar(node.key) && (node.key.value === '<<' || node.key.value === '__proto__'))
      throw refuseYaml(subject, `the key ${node.key.value} is not allowed`);
  });
}

function refuseYaml(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `${subject}: YAML refused: ${why}`, { subject });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
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
