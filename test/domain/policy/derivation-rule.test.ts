import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildDerivation, type ProvenWord } from '../../../src/domain/claims/derivation.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { revocationPredicate } from '../../../src/domain/authority/revocation.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import {
  MODEL,
  NOW,
  PROD,
  ROLES,
  TUNED,
  claim,
  codes,
  decide,
  facts,
  hex,
  honest,
  policy,
  type Name,
} from './world.ts';

/** The world's model is quantised from a tuned one. */
const RULE = (rule: string) => policy(`${PROD}\n    derivation: ${rule}`);
const STRICT = RULE('{ quantize: recomputed }');

async function shown(
  word: string,
  { by = 'anna', parent = TUNED, about = MODEL }: { by?: Name; parent?: string; about?: string } = {},
): Promise<VerifiedClaim> {
  const predicate = buildDerivation({
    step: 'quantize',
    word: word as ProvenWord,
    parents: [{ name: 'acme/tuned', sha256: parent }],
    tensors: {},
    materials: [],
    tool: { name: 'weighmark', version: '1' },
  });
  return claim({ by, type: PREDICATES.derivation, about, predicate, at: '2026-11-04T10:00:00Z' });
}

async function answer(rule = STRICT, ...more: readonly VerifiedClaim[]): Promise<readonly string[]> {
  return codes(decide(facts([...Object.values(await honest()), ...more]), rule));
}

test('a claim of the step alone does not do; a recomputation at least as strong does', async () => {
  assert.deepEqual(await answer(), ['derivation-claimed']);
  for (const word of ['equal', 'recomputed']) assert.deepEqual(await answer(STRICT, await shown(word)), []);
  for (const word of ['nearest codes', 'bounded'])
    assert.deepEqual(await answer(STRICT, await shown(word)), ['derivation-claimed'], word);
  const nearest = RULE('{ quantize: nearest }');
  assert.deepEqual(await answer(nearest, await shown('nearest codes')), []);
  assert.deepEqual(await answer(nearest, await shown('bounded')), ['derivation-claimed']);
  assert.deepEqual(await answer(RULE('{ convert: recomputed }')), [], 'no such step is there');
});

test('the strongest of several counts, in whatever order they came', async () => {
  const both = [await shown('bounded'), await shown('recomputed', { by: 'erin' })];
  assert.deepEqual(await answer(STRICT, ...both), []);
  assert.deepEqual(await answer(STRICT, ...both.toReversed()), []);
});

test('by whom: strangers, other roles and the role that the rule names', async () => {
  for (const by of ['mallory', 'bob'] as const)
    assert.deepEqual(await answer(STRICT, await shown('recomputed', { by })), ['derivation-claimed'], by);
  const byEvaluator = RULE('{ quantize: recomputed, role: evaluator }');
  assert.deepEqual(await answer(byEvaluator, await shown('recomputed')), ['derivation-claimed']);
  assert.deepEqual(await answer(byEvaluator, await shown('recomputed', { by: 'erin' })), []);
});

test('of what: another parent, another child, a word nobody knows', async () => {
  for (const other of [
    await shown('recomputed', { parent: hex('other') }),
    await shown('recomputed', { about: TUNED }),
    await shown('certainly'),
  ])
    assert.deepEqual(await answer(STRICT, other), ['derivation-claimed']);
});

test('a parent goes by each of its ids; a recomputation that was taken back is none', async () => {
  const other = hex('other id of tuned');
  const known = [{ id: `sha256:${TUNED}`, ids: [`sha256:${TUNED}`, `sha256:${other}`] }];
  const claims = [...Object.values(await honest()), await shown('recomputed', { parent: other })];
  assert.deepEqual(codes(decide(facts(claims, { known }), STRICT)), []);
  const taken = await shown('recomputed');
  const target = { kind: 'claim', sha256: taken.bundle, pae: taken.pae } as const;
  const predicate = revocationPredicate({ action: 'revoke', target, reason: 'another matrix' });
  const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: hex('note'), predicate });
  const all = facts([...Object.values(await honest()), taken], { revocations: [{ claim: revocation, index: 1 }] });
  assert.deepEqual(codes(decide(all, STRICT)), ['derivation-claimed']);
});

test('lint: a rule that nobody could satisfy, and a role that is not there', () => {
  const roles = ROLES.replace('trainer: [anna]', 'trainer: { principals: [anna], signs: [quantize, bom] }');
  const told = (rule: string, roled = ROLES) =>
    lintPolicy(policy(`${PROD}\n    derivation: ${rule}`, '', roled), NOW, { timestampAuthorities: ['a TSA'] })
      .map(({ message }) => message)
      .filter((message) => message.includes('recomputed'));
  assert.deepEqual(told('{ quantize: recomputed }'), []);
  assert.equal(told('{ quantize: recomputed, role: trainer }', roles).length, 1);
  assert.equal(told('{ quantize: recomputed, role: approver }').length, 1);
  assert.throws(() => RULE('{ quantize: recomputed, role: nobody }'), { code: 'policy-invalid' });
  assert.throws(() => RULE('{ quantize: exactly }'), { code: 'policy-invalid' });
  assert.throws(() => RULE('{ train: recomputed }'), { code: 'policy-invalid' });
});
