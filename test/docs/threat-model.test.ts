import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { commandNames } from '../../src/cli/main.ts';

const PAGE = readFileSync('docs/threat-model.md', 'utf8');

/** Every `file`: title of the page, in lists and in the table. */
const SHOWN = [...PAGE.matchAll(/`(test\/[^`]+)`: ([^|\n]+?) *(?:\||$)/gm)].map(([, file = '', title = '']) => ({
  file,
  title,
}));

/** In source a title stands between quotes of any kind, so that quotes within may be escaped. */
function titlesIn(file: string): string {
  return readFileSync(file, 'utf8').replace(/\\(['"`])/g, '$1');
}

test('every test that the threat model names is there', () => {
  assert.ok(SHOWN.length > 70, `${SHOWN.length} tests are named`);
  assert.equal(SHOWN.length, PAGE.split('`test/').length - 1, 'each named file has a title');
  assert.deepEqual(
    SHOWN.filter(({ file, title }) => !hasTest(file, title)),
    [],
  );
});

/** The whole title between its quotes, not a part of one. */
function hasTest(file: string, title: string): boolean {
  const text = titlesIn(file);
  return [`'${title}'`, `"${title}"`, `\`${title}\``].some((quoted) => text.includes(quoted));
}

test('a test that is not there, or is called something more, is noticed', () => {
  const file = 'test/security/who-acted.test.ts';
  assert.equal(hasTest(file, 'one signature in two roles is an act in both'), true);
  for (const title of ['one signature in two roles is an act', 'one signature in two roles is one act'])
    assert.equal(hasTest(file, title), false, title);
});

/** Without whom the page would not say what it says it does. */
const PARTIES =
  'Publisher, Dataset supplier, Trainer, Approver, Promoter, Revoker, Registry operator, Log operator, Policy signer, CI, Insider, Co-tenant, Network, Clock, Fulcio, Rekor, Timestamp authority, Witness';

const SECTIONS = PAGE.split('\n### ')
  .slice(1)
  .map((section) => section.split('\n## ')[0] ?? '');

test('every party has what it can do, what stops it, what shows that and how to recover', () => {
  for (const party of PARTIES.split(', '))
    assert.ok(
      SECTIONS.some((each) => each.startsWith(party)),
      party,
    );
  for (const section of SECTIONS)
    for (const part of ['**Can**', '**Stopped by**', '**Shown by**', '**Recover**'])
      assert.ok(section.includes(part), `${section.split('\n')[0]}: ${part}`);
});

test('every command of the page is one', () => {
  const named = [...PAGE.matchAll(/`weighmark ([a-z-]+)/g)].map(([, name = '']) => name);
  assert.ok(named.length > 15);
  assert.deepEqual(
    named.filter((name) => !commandNames().includes(name)),
    [],
  );
});

test('every attack of TUF’s list is named', () => {
  const attacks =
    'arbitrary software, rollback, fast-forward, indefinite freeze, endless data, slow retrieval, extraneous dependencies, mix-and-match, wrong software, malicious mirrors, key compromise';
  for (const attack of attacks.split(', ')) assert.ok(PAGE.includes(`\n| ${attack} |`), attack);
});
