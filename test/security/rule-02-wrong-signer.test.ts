import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import {
  PROD,
  ROLES,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  honest,
  policy,
  step,
  BASE,
  MODEL,
  bomOf,
} from '../domain/policy/world.ts';

test('rule 2: a signer counts per predicate type, build type and model, never for all', async () => {
  const claims = await honest();
  const byTrainer = await evaluation('PASSED', '2026-11-19T12:00:00Z', 'anna');
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, evaluation: byTrainer })), policy(PROD))), [
    'wrong-signer',
  ]);
  const byPublisher = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', 'dana');
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, base: byPublisher })), policy(PROD))), [
    'wrong-signer',
  ]);
  const bom = await claim({ by: 'erin', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, bom })), policy(PROD))), [
    'licence-refused',
    'wrong-signer',
  ]);
});

test('rule 2: a role limited to some models does not speak for others', async () => {
  const limited = ROLES.replace('evaluator: [erin]', 'evaluator: { principals: [erin], models: [other/*] }');
  assert.deepEqual(codes(decide(facts(Object.values(await honest())), policy(PROD, '', limited))), ['wrong-signer']);
});

test('rule 2: a step the policy does not give to the signer', async () => {
  const noMerge = ROLES.replace('trainer: [anna]', 'trainer: { principals: [anna], signs: [train, fine-tune, bom] }');
  assert.deepEqual(codes(decide(facts(Object.values(await honest())), policy(PROD, '', noMerge))), ['wrong-signer']);
});

test('rule 2: builder.id must be what the policy ties to the signer', async () => {
  const claims = Object.values(await honest());
  const tied = (id: string): ReturnType<typeof policy> => {
    const text = Buffer.from(PROD);
    return withIds(policy(text.toString()), 'anna', id);
  };
  assert.deepEqual(codes(decide(facts(claims), tied('https://builder.acme.example'))), []);
  assert.ok(codes(decide(facts(claims), tied('https://other.example'))).includes('wrong-signer'));
});

function withIds(of: ReturnType<typeof policy>, name: string, id: string): ReturnType<typeof policy> {
  return { ...of, principals: of.principals.map((each) => (each.name === name ? { ...each, ids: [id] } : each)) };
}

test('a wrong signer’s refusal names who may, and never sends them to themselves', async () => {
  const claims = await honest();
  const hintOf = (given: Parameters<typeof facts>[0], roles = ROLES): string | undefined =>
    findingsOf(decide(facts(given), policy(PROD, '', roles))).find(({ code }) => code === 'wrong-signer')?.hint;
  const byTrainer = await evaluation('PASSED', '2026-11-19T12:00:00Z', 'anna');
  assert.equal(
    hintOf(Object.values({ ...claims, evaluation: byTrainer })),
    'the policy lets erin (evaluator) sign this',
  );
  const byPublisher = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', 'dana');
  assert.equal(hintOf(Object.values({ ...claims, base: byPublisher })), 'the policy lets anna (trainer) sign this');
  const elsewhere = ROLES.replace('evaluator: [erin]', 'evaluator: { principals: [erin], models: [other/*] }');
  assert.equal(hintOf(Object.values(claims), elsewhere), undefined, 'nobody may, of this model');
});
