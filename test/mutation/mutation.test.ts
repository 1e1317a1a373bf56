import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { EXPLAINED } from './explained.ts';
import { ROOMS, keyOf, mutantsOf, shareOf } from './mutants.ts';
import { instrument } from './operators.ts';
import { endAll, open } from './pool.ts';

const SOURCE = `
function first(of: readonly number[], limit: number): number | null {
  if (of.length === 0 || limit < 1) throw new Error('nothing');
  const names = ['a', 'b'];
  return names.length > 1 ? (of[0] ?? null) : null;
}
const same = (a: number, b: number): boolean => a === b;
`;

interface Made {
  readonly first: (of: readonly number[], limit: number) => unknown;
  readonly same: (a: number, b: number) => boolean;
}

/** The functions of the source with one mutant switched on. */
async function run(text: string, active: number): Promise<Made> {
  const source = `const weighmarkMutant = (id) => id === ${active};\n${text}\nexport { first, same };`;
  return (await import(`data:text/javascript,${encodeURIComponent(source)}`)) as Made;
}

test('each operator makes its mutants, each behind its number, and none of them runs unasked', async () => {
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
  const plain = await run(text, -1);
  assert.deepEqual([plain.first([7], 1), plain.same(1, 1), plain.same(1, 2)], [7, true, false]);
  assert.throws(() => plain.first([], 1), /nothing/);
  for (const id of [10, 11, 12]) {
    const mutant = await run(text, id);
    assert.throws(() => mutant.first([7], 1), /nothing/, String(id));
  }
  const [unthrown, empty, constant] = await Promise.all([run(text, 13), run(text, 14), run(text, 15)]);
  assert.equal(unthrown.first([], 1), null);
  assert.deepEqual([empty.first([7], 1), constant.first([7], 1)], [null, null]);
  const [never, other] = await Promise.all([run(text, 19), run(text, 20)]);
  assert.deepEqual([never.same(1, 1), other.same(1, 1), other.same(1, 2)], [false, false, true]);
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

test('lines that move, and mutants that come and go, leave the others where they were: in the part or out of it', () => {
  const all = mutantsOf(['src/domain/tlog'], null);
  const keys = (mutants: typeof all) => shareOf(mutants, 0.1, 1).map(keyOf);
  assert.deepEqual(keys(all.map((mutant) => ({ ...mutant, line: mutant.line + 3 }))), keys(all));
  const [first] = shareOf(all, 0.1, 1);
  const others = all.filter((mutant) => mutant !== first && first !== undefined && keyOf(mutant) !== keyOf(first));
  assert.deepEqual(keys(others), keys(all).slice(1));
});

/** As a mutant makes it: without an end, and without a step that could be counted. */
const ENDLESS = `
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
test('starts a command', () => {
  const words = 'require("node:fs").writeFileSync(process.env.PLACE, String(process.pid)); for (;;);';
  if (process.env.WEIGHMARK_MUTANT !== undefined) spawnSync(process.execPath, ['-e', words]);
});
`;

test('a command that a mutant keeps from ending ends with the worker that waits for it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-mutant-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [file, place] = [join(folder, 'endless.test.ts'), join(folder, 'pid')];
  writeFileSync(file, ENDLESS);
  process.env['PLACE'] = place;
  const tests = await open(file, folder);
  assert.deepEqual(
    tests?.tests.map(({ passes }) => passes),
    [true],
  );
  void tests.run([{ mutant: 1, tests: [0], ms: 1000, unproven: 1 }]);
  while (!existsSync(place) || readFileSync(place, 'utf8') === '') await setTimeout(20);
  const pid = Number(readFileSync(place, 'utf8'));
  assert.ok(isThere(pid));
  endAll();
  while (isThere(pid)) await setTimeout(20);
});

/** Not even one that ended and that nobody has asked about yet. */
function isThere(pid: number): boolean {
  try {
    const isEnded = existsSync('/proc/self/stat') && / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    return process.kill(pid, 0) && !isEnded;
  } catch {
    return false;
  }
}

test('the weekly run asks for every room', () => {
  const workflow = readFileSync(new URL('../../.github/workflows/weekly.yml', import.meta.url), 'utf8');
  const rooms = [...workflow.matchAll(/^ +- ((?:domain|flows)\/\w+)$/gm)].map(([, room]) => `src/${room}`);
  assert.deepEqual(rooms, [...ROOMS]);
});
