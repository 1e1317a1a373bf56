import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, type Json } from '../base/json.ts';

export type Fields = Readonly<Record<string, Json | undefined>>;

/** Members of a TransparencyLogEntry. */
export const LOG_ENTRY = [
  'logIndex',
  'logId',
  'kindVersion',
  'integratedTime',
  'inclusionPromise',
  'inclusionProof',
  'canonicalizedBody',
];

/**
 * The members of a protobuf message in its JSON form: camelCase or the schema's snake_case names, null for absent; others are
 * refused.
 * @throws WeighmarkError `signature-malformed`.
 */
export function fields(value: Json | undefined, what: string, known: readonly string[]): Fields {
  if (!isJsonObject(value)) throw malformed(`${what} is missing or not an object`);
  const found: Record<string, Json | undefined> = {};
  for (const [spelling, member] of Object.entries(value)) {
    const name = spelling.replace(/_([a-z0-9])/g, (_, char: string) => char.toUpperCase());
    if (!known.includes(name) || Object.hasOwn(found, name))
      throw malformed(`${what} has an unknown or repeated field ${shown(spelling)}`);
    if (member !== null) found[name] = member;
  }
  return found;
}

/** @throws WeighmarkError `signature-malformed` if it is no list, or longer than `max`. */
export function list(value: Json | undefined, what: string, max: number): readonly Json[] {
  if (!Array.isArray(value)) throw malformed(`${what} is missing or not a list`);
  if (value.length > max) throw malformed(`${what} has ${value.length} entries, more than ${max}`);
  return value as readonly Json[];
}

/** The start of a value, for messages. */
export function shown(value: Json | undefined): string {
  return value === undefined ? 'absent' : JSON.stringify(value).slice(0, 100);
}

export function malformed(why: string): WeighmarkError {
  return new WeighmarkError('signature-malformed', `not a usable Sigstore bundle: ${why}`);
}
