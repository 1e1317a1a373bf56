import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WeighmarkError } from '../../src/domain/base/errors.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import type { Policy } from '../../src/domain/authority/types.ts';
import {
  MODEL,
  PROD,
  ROLES,
  approval,
  codes,
  decide,
  evaluation,
  facts,
  honest,
  people,
  policy,
} from '../domain/policy/world.ts';

test('rule 12: one person, however many signatures, is one', async () => {
  const { carol, ...rest } = await honest();
  const again = await approval('bob', 'prod', MODEL, '2026-11-19T14:00:00Z');
  assert.deepEqual(codes(decide(facts([...Object.values(rest), again]), policy(PROD))), ['approver-duplicate']);
  assert.deepEqual(
    codes(decide(facts([...Object.values(rest), rest.bob, { ...rest.bob, bundle: 'f'.repeat(64) }]), policy(PROD))),
    ['approval-missing'],
    'the same signature wrapped anew is the same',
  );
  assert.deepEqual(codes(decide(facts([...Object.values(rest), again, carol]), policy(PROD))), []);
});

test('rule 12: one person with two keys is one', async () => {
  const { carol, ...rest } = await honest();
  assert.deepEqual(codes(decide(facts([...Object.values(rest), carol]), merged(policy(PROD)))), ['approver-duplicate']);
});

/** Bob and Carol as one principal: two keys of one person. */
function merged(of: Policy): Policy {
  const carols = of.principals.find(({ name }) => name === 'carol')?.anchors ?? [];
  const principals = of.principals
    .filter(({ name }) => name !== 'carol')
    .map((each) => (each.name === 'bob' ? { ...each, anchors: [...each.anchors, ...carols] } : each));
  return { ...of, principals };
}

test('rule 12: one key under two principals is an error of the policy', () => {
  const twice = `format: weighmark-policy/1\nname: a\nversion: 1\nexpires: 2030-01-01\nprincipals:\n  bob: { keys: [${people.bob.line}] }\n  rob: { keys: [${people.bob.line}] }\nroles: { promoter: [bob, rob] }\nenvironments: [{ name: prod }]\n`;
  assert.throws(
    () => parsePolicy(Buffer.from(twice)),
    (error) => error instanceof WeighmarkError && error.code === 'policy-invalid' && /shares a key/.test(error.message),
  );
});

test('rule 12: makers do not approve, and no two roles that are kept apart meet in one person', async () => {
  const { carol, ...rest } = await honest();
  assert.deepEqual(codes(decide(facts([...Object.values(rest), await approval('anna')]), policy(PROD))), [
    'separation-of-duties',
  ]);
  const apart = `${PROD}\n    separation: [[trainer, evaluator]]`;
  const both = ROLES.replace('evaluator: [erin]', 'evaluator: [erin, anna]').replace(
    'trainer: [anna]',
    'trainer: [anna, erin]',
  );
  assert.deepEqual(codes(decide(facts([...Object.values(rest), carol]), policy(apart))), []);
  const byMaker = { ...rest, carol, evaluation: await evaluation('PASSED', '2026-11-19T12:00:00Z', 'anna') };
  assert.deepEqual(codes(decide(facts(Object.values(byMaker)), policy(PROD, '', both))), []);
  assert.deepEqual(codes(decide(facts(Object.values(byMaker)), policy(apart, '', both))), ['separation-of-duties']);
});

test('rule 12: signers that only a pattern names count as one in all', async () => {
  const { carol, bob, ...rest } = await honest();
  const signer = (value: string) => ({
    kind: 'oidc' as const,
    instance: 'public-good',
    issuer: 'https://accounts.example',
    san: { type: 'email' as const, value },
    extensions: {},
    notBefore: '2026-11-19T00:00:00Z',
  });
  const keyless = [
    { ...bob, signer: signer('b@acme.example') },
    { ...carol, signer: signer('c@acme.example'), pae: 'e'.repeat(64) },
  ];
  const named = policy(PROD);
  const anchored = (
    anchor: (letter: string) => { readonly identity: string } | { readonly identityPattern: string },
  ) => ({
    ...named,
    principals: named.principals.map((each) =>
      each.name === 'bob' || each.name === 'carol'
        ? {
            ...each,
            anchors: [{ kind: 'oidc' as const, issuer: 'https://accounts.example', ...anchor(each.name.charAt(0)) }],
          }
        : each,
    ),
  });
  const patterned = anchored((letter) => ({ identityPattern: `${letter}@.*` }));
  const exact = anchored((letter) => ({ identity: `${letter}@acme.example` }));
  assert.deepEqual(codes(decide(facts([...Object.values(rest), ...keyless]), exact)), []);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), ...keyless]), patterned)), ['approver-duplicate']);
});

test('rule 12: a signer that two principals match is nobody', async () => {
  const named = policy(PROD);
  const bob = named.principals.find(({ name }) => name === 'bob');
  const doubled = {
    ...named,
    principals: named.principals.map((each) => (each.name === 'rob' ? { ...each, anchors: bob?.anchors ?? [] } : each)),
  };
  assert.deepEqual(codes(decide(facts(Object.values(await honest())), doubled)), ['approval-missing']);
});
