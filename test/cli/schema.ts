import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** What a command printed with --json, held to its published schema: `schemas/NAME.schema.json`. */
export function heldToSchema(name: string, stdout: string): Record<string, unknown> {
  const output = JSON.parse(stdout) as Record<string, unknown>;
  const schema = JSON.parse(
    readFileSync(new URL(`../../schemas/${name.replaceAll(' ', '-')}.schema.json`, import.meta.url), 'utf8'),
  ) as object;
  const validate = new Ajv2020({
    strict: true,
    allowUnionTypes: true,
    strictRequired: false,
    validateFormats: false,
  }).compile(schema);
  assert.ok(validate(output), JSON.stringify(validate.errors, null, 1));
  return output;
}
