import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { schemaVersionOf } from '../../src/cli/schema-versions.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** What a schema allows, without what only people read and without its own version. */
function fieldsOf(schema: Json): string {
  const plain = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value as Readonly<Record<string, Json>>);
    return Object.fromEntries(
      entries
        .filter(([name, part]) => !(/^(?:title|description)$/.test(name) && typeof part === 'string'))
        .filter(([name]) => name !== 'schemaVersion')
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, part]) => [name, plain(part)]),
    );
  };
  return createHash('sha256')
    .update(JSON.stringify(plain(schema)))
    .digest('hex')
    .slice(0, 16);
}

/** The last schema of each version that was released or that another build may have read. */
const FIELDS = JSON.parse(readFileSync('test/cli/schema-versions.json', 'utf8')) as Readonly<
  Record<string, Readonly<Record<string, string>>>
>;

test('a schema whose fields changed has a version of its own', () => {
  for (const path of globSync('schemas/*.schema.json')) {
    const name = path.replace(/^schemas[\\/]|\.schema\.json$/g, '');
    const schema = JSON.parse(readFileSync(path, 'utf8')) as { properties?: { schemaVersion?: { const?: number } } };
    const version = schema.properties?.schemaVersion?.const;
    if (version === undefined) continue;
    assert.equal(schemaVersionOf(name), version, name);
    assert.equal(
      FIELDS[name]?.[version],
      fieldsOf(schema as Json),
      `${name}: fields of version ${version} differ from those in test/cli/schema-versions.json. New fields need a new version (src/cli/schema-versions.ts)`,
    );
    for (let older = 1; older < version; older++) assert.notEqual(FIELDS[name]?.[older], undefined, `${name} ${older}`);
  }
});
