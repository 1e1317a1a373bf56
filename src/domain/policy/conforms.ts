import { escapeToken } from '../base/pointer.ts';
import type { Schema } from './schema.ts';

export interface Problem {
  /** JSON Pointer into the document; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

/**
 * What in `value` does not conform to the schema, in document order; empty if it does. Agrees with a full JSON Schema
 * validator on the words that `Schema` knows (a property test holds this).
 */
export function conforms(schema: Schema, value: unknown, path = ''): readonly Problem[] {
  if (schema.anyOf !== undefined) return conformsAny(schema.anyOf, value, path);
  const wrong = schema.type === undefined ? null : typeProblem(schema.type, value);
  if (wrong !== null) return [{ path, message: wrong }];
  if (typeof value === 'string') return stringProblems(schema, value, path);
  if (typeof value === 'number') return numberProblems(schema, value, path);
  if (Array.isArray(value)) return arrayProblems(schema, value, path);
  if (typeof value === 'object' && value !== null)
    return objectProblems(schema, value as Record<string, unknown>, path);
  return [];
}

/** The alternative whose type fits explains what is wrong better than "none of them". */
function conformsAny(alternatives: readonly Schema[], value: unknown, path: string): readonly Problem[] {
  const results = alternatives.map((schema) => ({ schema, problems: conforms(schema, value, path) }));
  if (results.some((result) => result.problems.length === 0)) return [];
  const fitting = results.filter(({ schema }) => schema.type !== undefined && typeProblem(schema.type, value) === null);
  if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0].problems;
  const words = alternatives.flatMap(wordsOf);
  if (typeof value === 'string' && words.length > 0) return [{ path, message: wordMessage(value, words) }];
  return [{ path, message: `must be ${alternatives.map(shapeOf).join(', or ')}` }];
}

/** The short names a place takes, through alternatives of alternatives. */
function wordsOf(schema: Schema): readonly string[] {
  return [...(schema.enum ?? []), ...(schema.anyOf ?? []).flatMap(wordsOf)];
}

/** What other outputs call a scan is `vulns` here: said, where one is meant. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  scan: 'vulns',
  sbom: 'bom',
  eval: 'evaluation',
  dataset: 'reference',
};

function wordMessage(value: string, words: readonly string[]): string {
  const meant = Object.hasOwn(OTHER_WORDS, value) ? OTHER_WORDS[value] : undefined;
  const instead = meant !== undefined && words.includes(meant) ? ` (a ${value} is ${meant} here)` : '';
  return `must be a URI or one of ${words.join(', ')}${instead}`;
}

/** An alternative in words: `a number`, `a list`, `{ claim, role, maxAge, where }`. */
function shapeOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(shapeOf).join(', or ');
  if (schema.properties !== undefined) return `{ ${Object.keys(schema.properties).join(', ')} }`;
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  return schema.type === 'array' ? 'a list' : schema.type === 'integer' ? 'a number' : `a ${schema.type ?? 'value'}`;
}

function typeProblem(type: NonNullable<Schema['type']>, value: unknown): string | null {
  const is = {
    object: typeof value === 'object' && value !== null && !Array.isArray(value),
    array: Array.isArray(value),
    string: typeof value === 'string',
    integer: Number.isInteger(value),
    boolean: typeof value === 'boolean',
  }[type];
  return is ? null : `must be ${type === 'array' || type === 'object' || type === 'integer' ? 'an' : 'a'} ${type}`;
}

/** What a pattern asks for, in words. */
const PATTERNS: Readonly<Record<string, string>> = {
  '^[0-9a-f]{64}$': 'must be a whole SHA-256: 64 digits 0-9 and a-f, without `sha256:`',
  '^sha256:[0-9a-f]{64}$': 'must be a whole digest: `sha256:` and 64 digits 0-9 and a-f',
};

function stringProblems(schema: Schema, value: string, path: string): readonly Problem[] {
  // JSON Schema counts code points.
  const length = Array.from(value).length;
  const messages = [
    schema.const !== undefined && value !== schema.const && `must be ${schema.const}`,
    schema.enum !== undefined && !schema.enum.includes(value) && `must be one of ${schema.enum.join(', ')}`,
    schema.pattern !== undefined &&
      !new RegExp(schema.pattern, 'u').test(value) &&
      (schema.description ?? PATTERNS[schema.pattern] ?? `must match ${schema.pattern}`),
    length < (schema.minLength ?? 0) && `must have at least ${schema.minLength} characters`,
    length > (schema.maxLength ?? Infinity) && `must have at most ${schema.maxLength} characters`,
  ];
  return messages.filter((message) => message !== false).map((message) => ({ path, message }));
}

function numberProblems(schema: Schema, value: number, path: string): readonly Problem[] {
  if (value < (schema.minimum ?? -Infinity)) return [{ path, message: `must be at least ${schema.minimum}` }];
  return value > (schema.maximum ?? Infinity) ? [{ path, message: `must be at most ${schema.maximum}` }] : [];
}

function arrayProblems(schema: Schema, value: readonly unknown[], path: string): readonly Problem[] {
  if (value.length < (schema.minItems ?? 0)) return [{ path, message: `must have at least ${schema.minItems} items` }];
  if (value.length > (schema.maxItems ?? Infinity))
    return [{ path, message: `must have at most ${schema.maxItems} items` }];
  const { items } = schema;
  return items === undefined ? [] : value.flatMap((item, index) => conforms(items, item, `${path}/${index}`));
}

function unknownKey(key: string, known: readonly string[]): string {
  return `${key} is not known here${known.length === 0 ? '' : `: ${known.filter((each) => each !== '$schema').join(', ')} are`}`;
}

function objectProblems(schema: Schema, value: Record<string, unknown>, path: string): readonly Problem[] {
  const keys = Object.keys(value);
  const missing = (schema.required ?? [])
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => ({ path, message: `${key} is missing` }));
  const few = keys.length < (schema.minProperties ?? 0) ? [{ path, message: 'must not be empty' }] : [];
  return [...missing, ...few, ...keys.flatMap((key) => memberProblems(schema, key, value[key], path))];
}

function memberProblems(schema: Schema, key: string, value: unknown, path: string): readonly Problem[] {
  const at = `${path}/${escapeToken(key)}`;
  const named = schema.propertyNames === undefined ? [] : conforms(schema.propertyNames, key, at);
  const known =
    schema.properties !== undefined && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
  if (known !== undefined) return [...named, ...conforms(known, value, at)];
  if (schema.additionalProperties === false)
    return [{ path: at, message: unknownKey(key, Object.keys(schema.properties ?? {})) }];
  return schema.additionalProperties === undefined
    ? named
    : [...named, ...conforms(schema.additionalProperties, value, at)];
}
