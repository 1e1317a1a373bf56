import assert from 'node:assert/strict';
import { stripTypeScriptTypes } from 'node:module';
import { test } from 'node:test';
import { EXPLAINED } from './explained.ts';
import { ROOMS, keyOf, mutantsOf, shareOf } from './mutants.ts';
import { instrument } from './operators.ts';

const SOURCE = `
function first(of: readonly number[], limit: number): number | null {
  if (of.length === 0 || limit < 1) throw new Error('nothing');
  const names = ['a', 'b'];
  return names.length > 1 ? (of[0] ?? null) : null;
}
const same = (a: number, b: number): boolean => a === b;
`;

/** What the functions of the source give with one mutant switched on. */
function run(text: string, active: number): { first: (of: number[], limit: number) => unknown; same: () => unknown } {
  const made = new Function('__mutant', `${text}; return { first, same: () => same(1, 1) };`) as (
    mutant: (id: number) => boolean,
  ) => ReturnType<typeof run>;
  return made((id) => id === active);
}

test('each operator makes its mutants, each behind its number, and none of them runs unasked', () => {
  const { mutants, text } = instrument('a.ts', SOURCE, 10);
  assert.deepEqual(
    mutants.map(({ id, line, operator, text: was, instead }) => `${id} ${line} ${operator}: ${was} → ${instead}`),
    [
      '10 3 negate: of.length === 0 → !(of.length === 0)',
      '11 3 negate: limit < 1 → !(limit < 1)',
      '12 3 swap: limit < 1 → (limit) <= (1)',
      "13 3 drop throw: throw new Error('nothing'); → ",
      "14 4 empty list: ['a', 'b'] → []",
      '15 5 constant: names.length > 1 ? (of[0] ?? null) : null → null',
      '16 5 negate: names.length > 1 → !(names.length > 1)',
      '17 5 swap: names.length > 1 → (names.length) >= (1)',
      '18 7 constant: a === b → true',
      '19 7 constant: a === b → false',
      '20 7 swap: a === b → (a) !== (b)',
    ],
  );
  const plain = run(text, -1);
  assert.deepEqual([plain.first([7], 1), plain.same()], [7, true]);
  assert.throws(() => plain.first([], 1), /nothing/);
  assert.throws(() => run(text, 10).first([7], 1), /nothing/);
  assert.throws(() => run(text, 12).first([7], 1), /nothing/);
  assert.equal(run(text, 13).first([], 1), null);
  assert.deepEqual([run(text, 14).first([7], 1), run(text, 15).first([7], 1)], [null, null]);
  assert.deepEqual([run(text, 19).same(), run(text, 20).same()], [false, false]);
});

test('a file without anything to change stays as it is, types aside', () => {
  const text = 'export type A = 1;\nexport const a: A = 1;\n';
  assert.deepEqual(instrument('a.ts', text, 0), { mutants: [], text: stripTypeScriptTypes(text) });
});

test('every explanation is of a mutant that there is, and says why', () => {
  const known = new Set(mutantsOf(ROOMS, null).map(keyOf));
  assert.ok(known.size > 5000, `${known.size} mutants`);
  for (const [key, why] of Object.entries(EXPLAINED)) {
    assert.ok(known.has(key), `no such mutant any more: ${key}`);
    assert.ok(why.length > 20, key);
  }
});

test('a part of the mutants is the same part each time, about as large as asked', () => {
  const all = mutantsOf(['src/domain/tlog'], null);
  const tenth = shareOf(all, 0.1, 1);
  assert.deepEqual(shareOf(all, 0.1, 1), tenth);
  assert.notDeepEqual(shareOf(all, 0.1, 2), tenth);
  assert.ok(tenth.length > all.length / 20 && tenth.length < all.length / 5, `${tenth.length} of ${all.length}`);
});
