import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { jsonBytes } from '../base/json-write.ts';
import { LIMITS } from '../base/limits.ts';
import { STATEMENT_V01, STATEMENT_V1 } from './predicates.ts';
import type { Statement, Subject } from './types.ts';

/**
 * Reads an in-toto Statement, v1 or v0.1 (cosign writes the old one). Fields that the standard does not know are ignored, as it
 * wants: they are never evidence.
 * https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
 * @param maxSubjects OMS before 0.3 listed its files as subjects, so those may be many.
 * @throws WeighmarkError `claim-malformed`.
 */
export function parseStatement(payload: Uint8Array, maxSubjects: number = LIMITS.subjectsPerStatement): Statement {
  const json = parseStrictJsonObject(payload, {
    code: 'claim-malformed',
    subject: 'the statement',
    refuseUnsafeIntegers: false,
    lazyPath: LAZY_PATH,
  });
  const { _type, subject, predicateType, predicate } = json;
  if (_type !== STATEMENT_V1 && _type !== STATEMENT_V01)
    throw malformed('its _type is not an in-toto Statement v1 or v0.1');
  if (typeof predicateType !== 'string' || predicateType === '') throw malformed('it has no predicateType');
  if (predicate !== undefined && predicate !== null && !isJsonObject(predicate))
    throw malformed('its predicate is not an object');
  return { _type, subject: readSubjects(subject, maxSubjects), predicateType, predicate: predicate ?? {} };
}

/** A BOM's long parts are its files; what it says of the whole is read without them. */
const LAZY_PATH = ['predicate', 'metadata', 'component'];

/**
 * The bytes to sign: a v1 statement as compact JSON. They are read as every verifier will read them, so that nothing is signed
 * which none does: a predicate that is too deep once it stands in a statement, a key that no reader allows.
 * @throws WeighmarkError `claim-malformed`.
 */
export function buildStatement(
  subject: readonly Subject[],
  predicateType: string,
  predicate: Readonly<Record<string, unknown>>,
): Uint8Array {
  const payload = jsonBytes({ _type: STATEMENT_V1, subject, predicateType, predicate }, { indent: 0 });
  parseStatement(payload);
  return payload;
}

function readSubjects(value: Json | undefined, max: number): readonly Subject[] {
  if (!Array.isArray(value) || value.length === 0) throw malformed('it has no subject');
  if (value.length > max) throw malformed(`it has more than ${max} subjects`);
  return (value as readonly Json[]).map(readSubject);
}

const TEXT_FIELDS = ['name', 'uri', 'mediaType', 'downloadLocation'];

function readSubject(value: Json): Subject {
  if (!isJsonObject(value)) throw malformed('a subject is not an object');
  for (const name of TEXT_FIELDS) {
    if (value[name] !== undefined && typeof value[name] !== 'string')
      throw malformed(`the ${name} of a subject is not text`);
  }
  if (value['annotations'] !== undefined && !isJsonObject(value['annotations']))
    throw malformed('the annotations of a subject are not an object');
  checkDigests(value['digest']);
  return value as unknown as Subject;
}

function checkDigests(value: Json | undefined): void {
  if (!isJsonObject(value)) throw malformed('a subject has no digest');
  const digests = Object.values(value);
  if (digests.length === 0 || digests.length > LIMITS.digestsPerSubject)
    throw malformed('a subject has no digest, or too many');
  if (!digests.every((digest) => typeof digest === 'string' && digest !== ''))
    throw malformed('a digest of a subject is not text');
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `not a usable in-toto statement: ${why}`);
}
