import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALIKE, NearIndex, resemblance, signatureOf } from '../../../src/domain/records/near.ts';
import { findNear } from '../../../src/flows/data/near.ts';
import { encodeText } from '../../../src/flows/data/prove.ts';
import { verifyApart } from '../../../src/flows/data/projected.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const QUESTION =
  'A train leaves the station at noon and travels north at sixty miles an hour until it meets the other train from the south';
const other = (at: number): string =>
  Array.from({ length: 20 }, (_, word) => `w${(at * 7919 + word * 104_729) % 9973}`).join(' ');

const signed = (question: string) =>
  signatureOf(encodeText(JSON.stringify({ id: question.length, q: question }), { format: 'jsonl', profile: 'typed' }), [
    'q',
  ]);

test('texts in other words are near, others are not, whatever case and spacing', () => {
  const [one, same] = [signed(QUESTION), signed(QUESTION.toUpperCase().replaceAll(' ', '  '))];
  assert.ok(one !== null && same !== null);
  assert.equal(resemblance(one, same), 1);
  const changed = signed(QUESTION.replace('sixty', 'seventy'));
  const strange = signed(other(3));
  assert.ok(changed !== null && strange !== null);
  assert.ok(resemblance(one, changed) >= ALIKE, String(resemblance(one, changed)));
  assert.ok(resemblance(one, strange) < 0.1);
  const index = new NearIndex();
  for (let at = 0; at < 500; at += 1) index.add(at, signed(other(at)) as Uint32Array);
  index.add(500, changed);
  index.add(501, same);
  index.add(502, one);
  assert.deepEqual(index.nearest(one), { position: 501, estimate: 1 }, 'the first of the most alike');
  assert.equal(index.nearest(signed('nothing of the like') as Uint32Array), null);
  assert.equal(signed(' \t'), null);
  const [han, longer] = [
    signed('我們在訓練資料中發現了相同的問題與答案'),
    signed('我們在訓練資料中發現了相同的問題與答案。'),
  ];
  assert.ok(han !== null && longer !== null && resemblance(han, longer) >= ALIKE, 'letters of scripts without spaces');
});

test('what resembles a test question is counted and named, and refuses nothing', async () => {
  const questions = Array.from({ length: 120 }, (_, at) => `${other(at)} number ${other(at + 5000)}`);
  const train = await world.make('train.jsonl', [
    ...Array.from({ length: 200 }, (_, at) => ({ id: at, q: other(at + 20_000) })),
    ...questions.map((q, at) => ({ id: 1000 + at, q: q.replace(' number ', ' numbers ') })),
    { id: 5000 },
  ]);
  const tests = await world.make(
    'test.jsonl',
    questions.map((q, at) => ({ id: at, q })),
  );
  const near = await findNear([train, tests], ['q'], world.ports);
  assert.deepEqual([near.records, near.named.length, near.withoutText, near.compared], [120, 100, 1, [320, 120]]);
  assert.deepEqual(near.named[0]?.place, { path: 'train.jsonl', record: 200 });
  assert.deepEqual(near.named[99]?.resembles, { path: 'test.jsonl', record: 99 });
  const comparing = { columns: ['q'], normalised: true };
  const exact = await verifyApart([train, tests], { comparing, shown: 'it', unicode: '17.0' }, world.ports);
  assert.equal(exact.exitCode, 0, 'none is equal');
});
