import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Finding, Verdict } from '../../../src/domain/base/verdict.ts';
import type { Derivation } from '../../../src/domain/records/derivation.ts';
import { formatRemovals } from '../../../src/domain/records/removals.ts';
import { verifyDerivation, verifyDisjoint, verifyRemoved } from '../../../src/flows/data/check-derivation.ts';
import { hashText } from '../../../src/flows/data/prove.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const rows = (ids: readonly number[]) => ids.map((id) => ({ id }));
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
let made = 0;
const make = (ids: readonly number[]): Promise<string> => world.make(`d${made++}.jsonl`, rows(ids));

const first = (verdict: Verdict): Finding | undefined => {
  const [check] = verdict.checks;
  return check === undefined || check.passed ? undefined : check.findings[0];
};

async function derive(step: Derivation, before: readonly (readonly number[])[], after: readonly (readonly number[])[]) {
  const [ins, outs] = [await Promise.all(before.map(make)), await Promise.all(after.map(make))];
  return verifyDerivation({ step, before: ins, after: outs, shown: 'it' }, world.ports);
}

const sizes = (of: readonly (readonly number[])[]): string => of.map(({ length }) => length).join(' and ');

const GOOD: readonly [Derivation, number[][], number[][]][] = [
  ['filter', [range(0, 500)], [range(100, 300)]],
  ['filter', [range(0, 5)], [[4, 0]]],
  ['sample', [[1, 1, 2]], [[1, 2]]],
  ['dedupe', [[1, 2, 1, 3, 3, 3]], [[3, 1, 2]]],
  ['split', [range(0, 300)], [range(200, 300), range(0, 50), range(50, 200)]],
  ['concat', [range(0, 100), range(50, 150)], [[...range(50, 150), ...range(0, 100)]]],
];
for (const [step, before, after] of GOOD)
  test(`${step} of ${sizes(before)} into ${sizes(after)} is verified`, async () => {
    const verdict = await derive(step, before, after);
    assert.equal(verdict.exitCode, 0);
    assert.match(verdict.checks[0]?.evidence[0]?.what ?? '', /^derivation-verified/);
  });

const BAD: readonly [string, Derivation, number[][], number[][], RegExp][] = [
  [
    'a record slipped in',
    'filter',
    [range(0, 500)],
    [[...range(100, 300), 777, 888]],
    /2 records.*record 200: it was not there before/,
  ],
  ['a record drawn twice', 'sample', [[1, 2]], [[1, 2, 1]], /more often than before/],
  ['a record still there twice', 'dedupe', [[1, 1, 2]], [[1, 1, 2]], /more than once/],
  ['a record lost by dedupe', 'dedupe', [[1, 1, 2]], [[1]], /record 2: it was lost/],
  ['a record in both parts', 'split', [range(0, 10)], [range(0, 6), range(5, 10)], /more often/],
  ['a record in no part', 'split', [range(0, 10)], [range(0, 5), range(6, 10)], /record 5: it was lost/],
  ['a record lost by concat', 'concat', [[1], [2]], [[1]], /lost/],
];
for (const [what, step, before, after, message] of BAD)
  test(`${step}: ${what} is named`, async () => {
    const verdict = await derive(step, before, after);
    assert.equal(verdict.exitCode, 1);
    assert.equal(first(verdict)?.code, 'derivation-mismatch');
    assert.match(first(verdict)?.message ?? '', message);
  });

test('training and test data that share no record pass; one they share is a finding with its place in both', async () => {
  const train = await make(range(0, 1000));
  assert.equal((await verifyDisjoint([train, await make(range(1000, 1100))], 'it', world.ports)).exitCode, 0);
  const leaked = await verifyDisjoint([train, await make([2000, 444, 2001])], 'it', world.ports);
  assert.equal(first(leaked)?.code, 'records-overlap');
  assert.match(first(leaked)?.message ?? '', /1 records are in both .* record 444, which is .*, record 1$/);
  const many = await verifyDisjoint([train, await make(range(300, 950).toReversed())], 'it', world.ports);
  const [check] = many.checks;
  const findings = check?.passed === false ? check.findings : [];
  assert.match(findings[0]?.message ?? '', /650 records are in both \(65 % of 1000\); first .*record 300, which is/);
  assert.deepEqual(
    findings.map(({ facts }) => Number(facts?.['position'])),
    range(300, 400),
    'a hundred are named, by their place',
  );
  assert.match(findings[99]?.message ?? '', /record 399, is .*record 550$/);
});

test('a removed record is found again, and its absence is evidence', async () => {
  const roots = { reading: { format: 'jsonl', profile: 'typed' }, hashing: 'open', key: null } as const;
  const hash = (id: number): string => Buffer.from(hashText(JSON.stringify({ id }), roots, null).hash).toString('hex');
  const list = join(world.folder, 'removed');
  writeFileSync(list, formatRemovals({ key: null, records: [hash(7), hash(5000)] }));
  const holds = await verifyRemoved(await make(range(0, 10)), list, 'it', world.ports);
  assert.deepEqual([holds.exitCode, first(holds)?.code, first(holds)?.facts?.['position']], [1, 'removed-record', '7']);
  assert.equal((await verifyRemoved(await make(range(10, 20)), list, 'it', world.ports)).exitCode, 0);
  writeFileSync(list, 'weighmark-removed/1\n');
  await assert.rejects(verifyRemoved(await make([1]), list, 'it', world.ports), /empty/);
});
