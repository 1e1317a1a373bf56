import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW, PROD, TUNED, codes, decide, evaluation, facts, honest, policy, step } from '../domain/policy/world.ts';

const prod = policy(PROD);

test('rule 11: age counts from the earliest of verified, certificate and stated time', async () => {
  const claims = await honest();
  const fresh = await evaluation('PASSED');
  const stamped = {
    ...fresh,
    times: [{ time: '2026-09-01T00:00:00Z', source: 'rfc3161' as const, authority: 'old' }, ...fresh.times],
  };
  assert.deepEqual(
    codes(decide(facts(Object.values({ ...claims, evaluation: stamped })), prod)),
    ['claim-stale'],
    'a fresh timestamp on an old signature',
  );
  const stated = {
    ...fresh,
    statement: {
      ...fresh.statement,
      predicate: { ...fresh.statement.predicate, timeVerified: '2026-09-01T00:00:00Z' },
    },
  };
  assert.deepEqual(
    codes(decide(facts(Object.values({ ...claims, evaluation: stated })), prod)),
    ['claim-stale'],
    'it says itself that it is old',
  );
  const oldCertificate = {
    ...fresh,
    signer: {
      kind: 'certificate' as const,
      root: '',
      subject: '',
      sans: [],
      fingerprint: '',
      notBefore: '2026-01-01T00:00:00Z',
    },
  };
  assert.ok(codes(decide(facts(Object.values({ ...claims, evaluation: oldCertificate })), prod)).length > 0);
});

test('rule 11: no verified time where an age is asked', async () => {
  const undated = { ...(await evaluation('PASSED')), times: [] };
  assert.deepEqual(codes(decide(facts(Object.values({ ...(await honest()), evaluation: undated })), prod)), [
    'no-verified-time',
  ]);
});

test('rule 11: a step follows its inputs’ verified times', async () => {
  const claims = await honest();
  const early = await step(
    'fine-tune',
    TUNED,
    [
      { role: 'base-model', of: 'base' },
      { role: 'dataset', of: 'd1' },
    ],
    '2026-11-01T09:50:00Z',
  );
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, tuned: early })), prod)), ['time-order']);
  const late = {
    ...claims.d1,
    times: [{ time: '2026-11-15T00:00:00Z', source: 'rfc3161' as const, authority: 'tsa' }],
  };
  assert.deepEqual(
    codes(decide(facts(Object.values({ ...claims, d1: late })), prod)),
    ['time-order'],
    'described after the training',
  );
});

test('rule 11: a clock behind what others saw decides nothing', async () => {
  const behind = decide(facts(Object.values(await honest()), { now: new Date('2026-11-10T00:00:00Z') }), prod);
  assert.ok(codes(behind).includes('clock-behind'));
  assert.ok(!codes(decide(facts(Object.values(await honest()), { now: NOW }), prod)).includes('clock-behind'));
});

test('rule 11: leaving an old timestamp out of a copy makes nothing younger', async () => {
  const claims = await honest();
  const old = await evaluation('PASSED', '2026-09-01T00:00:00Z');
  const copy = {
    ...old,
    bundle: '0'.repeat(64),
    times: [{ time: '2026-11-19T00:00:00Z', source: 'rfc3161' as const, authority: 'new' }],
  };
  assert.deepEqual(codes(decide(facts([...Object.values({ ...claims, evaluation: old }), copy]), prod)), [
    'claim-stale',
  ]);
  assert.deepEqual(codes(decide(facts([copy, ...Object.values({ ...claims, evaluation: old })]), prod)), [
    'claim-stale',
  ]);
});
