import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { modelFormatsTable } from './model-formats.ts';

const PAGE = 'docs/model-formats.md';
const TABLE = /\| format \|[\s\S]*?\n\n/;

/** `WEIGHMARK_UPDATE_DOCS=1 node --test test/docs/model-formats.test.ts` writes the table anew. */
test('the table of formats says what the readers make of the files', async () => {
  const page = readFileSync(PAGE, 'utf8');
  const table = `${await modelFormatsTable()}\n\n`;
  if (process.env['WEIGHMARK_UPDATE_DOCS'] === '1')
    writeFileSync(
      PAGE,
      page.replace(TABLE, () => table),
    );
  else assert.equal(TABLE.exec(page)?.[0], table);
});
