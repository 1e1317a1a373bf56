import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Verdict } from '../../../src/domain/base/verdict.ts';
import { normaliseText } from '../../../src/domain/records/projection.ts';
import { verifyApart, verifyProjected, type Projected } from '../../../src/flows/data/projected.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
let made = 0;
const make = (rows: readonly object[]): Promise<string> => world.make(`p${made++}.jsonl`, rows);

const messages = ({ checks }: Verdict): string =>
  checks
    .flatMap((check) =>
      check.passed ? check.evidence.map(({ what }) => what) : check.findings.map(({ message }) => message),
    )
    .join();

async function apart(
  a: readonly object[],
  b: readonly object[],
  columns: readonly string[] | null,
  normalised: boolean,
) {
  const both = [await make(a), await make(b)] as const;
  return verifyApart(both, { comparing: { columns, normalised }, shown: 'it', unicode: '17.0' }, world.ports);
}

test('a leak under the normalisation: case, width, spacing and Unicode form hide nothing; what was compared is said', async () => {
  const train = [{ q: 'Straße  café', id: 1 }, { q: 'ﬁne', id: 2 }, { other: 1 }];
  const exact = await apart(train, [{ q: 'STRASSE cafe\u0301 ', id: 9 }], ['q'], false);
  assert.equal(exact.exitCode, 0);
  assert.match(messages(exact), /columns q, exactly; 1 record without these columns not compared/);
  const leak = await apart(train, [{ q: 'x' }, { q: 'STRASSE\tcafe\u0301 ', id: 9 }], ['q'], true);
  assert.equal(leak.exitCode, 1);
  assert.match(
    messages(leak),
    /1 records are in both .*columns q, texts under weighmark-text\/1, Unicode 17.*record 0, which is .*record 1$/,
  );
  const both = await apart(train, [{ q: 'fine' }, { q: 'strasse CAFÉ' }], ['q'], true);
  assert.match(messages(both), /2 records are in both .*record 0, which is .*record 1,.*record 1, is .*record 0$/);
  assert.equal((await apart(train, [{ q: 'FINE', id: 2 }], null, true)).exitCode, 1, 'whole records');
  assert.equal((await apart(train, [{ q: 'FINE', id: 3 }], null, true)).exitCode, 0);
  assert.equal((await apart([{ q: '1' }], [{ q: 1 }], null, true)).exitCode, 0, 'a text is no number');
});

test('normalised texts are normal: again changes nothing', () => {
  for (const text of ['ΣΑΣ σας', 'İstanbul', 'ﬀ Ⅷ ℡', ' a\u00a0\u2003b\n', 'ǅ', '각'.normalize('NFD')])
    assert.equal(normaliseText(normaliseText(text)), normaliseText(text), text);
  assert.equal(normaliseText('ΣΑΣ'), normaliseText('σας'));
});

const RAW = [
  { id: 1, t: 'a' },
  { id: 2, t: 'b' },
  { id: 2, t: 'b' },
];
const step = async (
  name: Projected,
  before: readonly (readonly object[])[],
  after: readonly object[],
  columns: readonly string[] | null = null,
) =>
  verifyProjected(
    { step: name, before: await Promise.all(before.map(make)), after: await make(after), columns, shown: 'it' },
    world.ports,
  );

test('label: each record as often as it was, with more columns; the first that is not so is named', async () => {
  const labelled = [
    { id: 2, t: 'b', l: 0 },
    { id: 1, t: 'a', l: 1 },
    { id: 2, t: 'b', l: 1 },
  ];
  const good = await step('label', [RAW], labelled);
  assert.equal(good.exitCode, 0);
  assert.match(messages(good), /^derivation-verified: label by 1 input, 3 records out/);
  const changed = await step('label', [RAW], [...labelled.slice(0, 2), { id: 2, t: 'B', l: 1 }]);
  assert.match(messages(changed), /not a label: 1 records have values in id, t that were not there before; .*record 2/);
  assert.match(messages(await step('label', [RAW], labelled.slice(0, 2))), /1 different records were lost/);
  assert.equal((await step('label', [RAW], [...labelled, { id: 1, t: 'a' }])).exitCode, 1, 'once too often');
  assert.equal(
    (await step('label', [[...RAW, { x: 1 }]], [...labelled, { l: 5 }], ['id', 't'])).exitCode,
    0,
    'null is missing',
  );
  assert.equal((await step('label', [RAW], [...labelled, { l: 5 }])).exitCode, 1, 'a record of nothing');
});

test('join: each row is made of a record of every input', async () => {
  const users = [
    { user: 1, name: 'ann' },
    { user: 2, name: 'bob' },
  ];
  const orders = [
    { order: 7, user: 1 },
    { order: 8, user: 1 },
  ];
  const joined = [
    { order: 7, user: 1, name: 'ann' },
    { order: 8, user: 1, name: 'ann' },
  ];
  assert.equal((await step('join', [orders, users], joined)).exitCode, 0);
  const wrong = await step('join', [orders, users], [{ order: 7, user: 1, name: 'bob' }]);
  assert.match(messages(wrong), /not a join: 1 records have values in name, user/);
});
