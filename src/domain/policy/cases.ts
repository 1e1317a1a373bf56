import { WeighmarkError, CODES } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { parseStrictYamlObject } from '../base/yaml.ts';
import { conforms } from './conforms.ts';
import type { Schema } from './schema.ts';

/** One case of `policy test`: these claims, about this artifact, then; and what the policy must say. */
export interface PolicyCase {
  readonly name: string;
  readonly environment: string;
  /** Name and id of the artifact. */
  readonly artifact: string;
  readonly id: string;
  /** Claims files, relative to the file of cases; promotions among them are logged in their order. */
  readonly claims: readonly string[];
  /** RFC 3339: when the question is asked. */
  readonly at: string;
  /** `pass`, or exactly these codes. */
  readonly expect: 'pass' | readonly string[];
  /** Format by path, for rules about formats. */
  readonly formats?: Readonly<Record<string, string>>;
  /** Origin of the log that promotions name. */
  readonly origin?: string;
}

const TEXT: Schema = { type: 'string', minLength: 1, maxLength: 500 };
const CASE: Schema = {
  type: 'object',
  required: ['name', 'environment', 'artifact', 'id', 'claims', 'at', 'expect'],
  additionalProperties: false,
  properties: {
    name: TEXT,
    environment: TEXT,
    artifact: TEXT,
    origin: TEXT,
    id: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
    claims: { type: 'array', items: TEXT, maxItems: 100 },
    at: { type: 'string', pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$' },
    expect: {
      anyOf: [
        { type: 'string', const: 'pass' },
        { type: 'array', items: { type: 'string', enum: Object.keys(CODES) }, minItems: 1, maxItems: 50 },
      ],
    },
    formats: { type: 'object', additionalProperties: TEXT },
  },
};
const CASES: Schema = {
  type: 'object',
  required: ['cases'],
  additionalProperties: false,
  properties: { cases: { type: 'array', items: CASE, minItems: 1, maxItems: 1000 } },
};

/** @throws WeighmarkError `policy-invalid`. */
export function parseCases(bytes: Uint8Array, subject: string): readonly PolicyCase[] {
  const raw = parseStrictYamlObject(bytes, { code: 'policy-invalid', subject, maxBytes: LIMITS.policyBytes });
  const [problem] = conforms(CASES, raw);
  if (problem !== undefined)
    throw new WeighmarkError('policy-invalid', `${subject}: ${problem.path} ${problem.message}`, { subject });
  return (raw as unknown as { cases: readonly PolicyCase[] }).cases;
}
