import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { rulesMarkdown } from '../../../src/domain/scan/rules-doc.ts';
import { RULES } from '../../../src/domain/scan/index.ts';

const DOCUMENT = join(import.meta.dirname, '../../../docs/rules.md');

test('docs/rules.md is what the code says', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(DOCUMENT, rulesMarkdown());
  assert.equal(readFileSync(DOCUMENT, 'utf8'), rulesMarkdown());
});

test('every rule stands in the document', () => {
  const text = rulesMarkdown();
  for (const id of Object.keys(RULES)) assert.ok(text.includes(`### ${id}\n`), id);
});

for (const [id, { test: file }] of Object.entries(RULES)) {
  test(`${id} has its test in ${file}`, () =>
    assert.ok(readFileSync(join(import.meta.dirname, file), 'utf8').includes(id)));
}
