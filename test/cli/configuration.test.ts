import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseSettings, SETTINGS_ABOUT } from '../../src/domain/trust/settings.ts';
import { configurationMarkdown, ENVIRONMENT } from '../../src/cli/views/configuration-page.ts';

const PAGE = 'docs/configuration.md';

test('docs/configuration.md is what the code says', () => {
  if (process.env['UPDATE'] === '1') writeFileSync(PAGE, configurationMarkdown());
  assert.equal(readFileSync(PAGE, 'utf8'), configurationMarkdown());
});

test('every variable that the sources read is in the table, and nothing else', () => {
  /** Words in what is signed, and what a command that weighmark starts is told. */
  const others = /^WEIGHMARK_(?:ENV|APPROVED|BREAK|REASON|MODEL)/;
  const read = globSync('{src,bin}/**/*.{ts,js}')
    .filter((path) => !path.endsWith('configuration-page.ts'))
    .flatMap((path) => readFileSync(path, 'utf8').match(/'WEIGHMARK_[A-Z_]+'/g) ?? [])
    .map((word) => word.slice(1, -1))
    .filter((name) => !others.test(name));
  assert.deepEqual([...new Set(read)].toSorted(), Object.keys(ENVIRONMENT).toSorted());
});

test('every key that is described is read where the page says, and no other', () => {
  const knows = (key: string, kind: 'user' | 'project') => {
    try {
      parseSettings(`${key}: {x: [1]}`, 'f', kind);
      return true;
    } catch (error) {
      return !/unknown key|belongs in the user's/.test(String(error));
    }
  };
  for (const { key, project } of SETTINGS_ABOUT) {
    assert.ok(knows(key, 'user'), key);
    assert.equal(knows(key, 'project'), project, key);
  }
  assert.ok(!knows('colour', 'user'));
});
