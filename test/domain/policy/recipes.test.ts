import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { EXPLANATIONS } from '../../../src/domain/base/explanations.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { MODEL, PROD, bomOf, claim, codes, decide, facts, honest, policy } from './world.ts';

const PAGE = readFileSync(new URL('../../../docs/policy.md', import.meta.url), 'utf8');

/** What a row of the cookbook tells to write, for the model of this test. */
function recipe(row: string): readonly string[] {
  const line = PAGE.split('\n').find((each) => each.startsWith(`| ${row} |`)) ?? '';
  return [...line.matchAll(/`([a-z]+: \[\{.+?\}\])`/g)].map(([, text = '']) => text.replace('…', MODEL));
}

/** MiniLM as it comes: no provenance, and both its configuration and its BOM (twice) name a base. */
async function asItCame() {
  const { evaluation, bob, carol } = await honest();
  const predicate = bomOf('MIT');
  const base = { type: 'machine-learning-model', group: 'nreimers', name: 'MiniLM' };
  (predicate['metadata'] as { component: Record<string, unknown> }).component['pedigree'] = { ancestors: [base, base] };
  const bom = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate });
  const content = {
    formats: new Map([['model.safetensors', 'safetensors']]),
    declaredBases: [{ name: 'nreimers/MiniLM', where: 'config.json' }],
  };
  return facts([bom, evaluation, bob, carol], { content });
}

test('the recipe for a model taken as it is lets it in, and each half of it is needed', async () => {
  const [leaf = '', exception = '', ...more] = recipe(
    'such a model promoted itself, though its files name what it was made of',
  );
  assert.match(leaf, /^leaves:/);
  assert.match(exception, /^exceptions:/);
  assert.deepEqual(more, []);
  const given = await asItCame();
  assert.deepEqual(codes(decide(given, policy(PROD))), ['lineage-missing', 'undeclared-input']);
  assert.deepEqual(codes(decide(given, policy(PROD, leaf))), ['undeclared-input']);
  assert.deepEqual(codes(decide(given, policy(PROD, exception))), ['lineage-missing']);
  assert.deepEqual(codes(decide(given, policy(PROD, `${leaf}\n${exception}`))), []);
});

test('the ways out of both name what works, and a base named twice in one place is said once', async () => {
  assert.match(EXPLANATIONS['lineage-missing'].wayOut, /`leaves:`.*docs\/policy\.md/);
  assert.match(EXPLANATIONS['undeclared-input'].wayOut, /`exceptions:`.*docs\/policy\.md/);
  const said = findingsOf(decide(await asItCame(), policy(PROD))).filter(({ code }) => code === 'undeclared-input');
  assert.deepEqual(
    said.map(({ message }) => message.split(' names ')[0]),
    ['config.json', 'its BOM'],
  );
});
