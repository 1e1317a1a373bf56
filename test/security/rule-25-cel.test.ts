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

test('rule 25: patterns are linear, and stand in the policy', { timeout: 5000 }, () => {
  assert.ok(!holds('p.matches("(a+)+$")', { p: `${'a'.repeat(5000)}b` }));
  assert.throws(
    () => compileAssertion('p.matches(q)'),
    (error) => error instanceof WeighmarkError && error.code === 'policy-invalid',
  );
});

test('rule 25: work has a bound', { timeout: 5000 }, () => {
  assert.throws(() => compileAssertion('a.all(x, a.all(y, a.all(z, x + y + z > 0)))'), /nests/);
  const big = { a: Array.from({ length: 20_000 }, (_, index) => index + 1) };
  assert.match(compileAssertion('a.all(x, a.all(y, x + y > 0))').ask(big).why, /too long/);
});

test('rule 25: what every object inherits is not there to ask for', () => {
  for (const cel of ['has(p.constructor)', 'has(p.__proto__)', 'p.toString != ""', '"constructor" in p'])
    assert.ok(!holds(cel, { p: {} }), cel);
});
