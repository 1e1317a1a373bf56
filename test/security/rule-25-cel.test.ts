import { requireLinear, workOf } from '../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WeighmarkError } from '../../src/domain/base/errors.ts';
import { compileAssertion } from '../../src/domain/policy/cel.ts';

function holds(cel: string, data: Record<string, unknown> = {}): boolean {
  return compileAssertion(cel).ask(data).holds;
}

test('rule 25: only true is true', () => {
  assert.ok(holds('p.x == 1 && p.y > 0.5 && p.s == "a"', { p: { x: 1, y: 0.9, s: 'a' } }));
  for (const cel of ['p.x', '"true"', '1', 'p.nothing == 1', 'nothing == 1', '1 / 0 == 1', 'p.x == 2', 'null'])
    assert.ok(!holds(cel, { p: { x: 1 } }), cel);
});

test('rule 25: about an empty list nothing is true', () => {
  assert.ok(holds('l.all(x, x > 1)', { l: [2, 3] }));
  for (const cel of ['l.all(x, x > 1)', '!l.all(x, x > 1)', 'l.exists(x, true)', 'm.all(k, true)'])
    assert.ok(!holds(cel, { l: [], m: {} }), cel);
});

test('rule 25: patterns are linear, and stand in the policy', async () => {
  assert.equal(
    await requireLinear(2500, (size) => () => holds('p.matches("(a+)+$")', { p: `${'a'.repeat(size)}b` })),
    false,
  );
  assert.throws(
    () => compileAssertion('p.matches(q)'),
    (error) => error instanceof WeighmarkError && error.code === 'policy-invalid',
  );
});

test('rule 25: work has a bound', async () => {
  assert.throws(() => compileAssertion('a.all(x, a.all(y, a.all(z, x + y + z > 0)))'), /nests/);
  const big = { a: Array.from({ length: 20_000 }, (_, index) => index + 1) };
  const { steps, result } = await workOf(() => compileAssertion('a.all(x, a.all(y, x + y > 0))').ask(big));
  assert.match(result.why, /too long/);
  assert.ok(steps < 20 * 20_000, `${steps} steps: it looked at the data, and did not begin`);
});

test('rule 25: what every object inherits is not there to ask for', () => {
  for (const cel of ['has(p.constructor)', 'has(p.__proto__)', 'p.toString != ""', '"constructor" in p'])
    assert.ok(!holds(cel, { p: {} }), cel);
});

test('rule 25: an expression is compiled once, and asked of each anew', () => {
  const cel = 'p.x == 1 && q.all(y, y > 0)';
  assert.equal(compileAssertion(cel), compileAssertion(cel));
  assert.notEqual(compileAssertion(cel), compileAssertion(`${cel} `));
  const answers = [1, 2, 1].map((x) => compileAssertion(cel).ask({ p: { x }, q: [1] }).holds);
  assert.deepEqual(answers, [true, false, true]);
  const kept = compileAssertion(cel);
  for (let at = 0; at <= 1000; at += 1) compileAssertion(`p.x == ${at}`);
  assert.notEqual(compileAssertion(cel), kept, 'a thousand are kept');
  assert.ok(compileAssertion(cel).ask({ p: { x: 1 }, q: [1] }).holds);
});
