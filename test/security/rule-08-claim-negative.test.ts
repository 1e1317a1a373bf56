import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { MODEL, PROD, claim, codes, decide, evaluation, facts, honest, policy, step } from '../domain/policy/world.ts';

const SCANNED = `
  - name: prod
    scan: { failOn: high }`;

test('rule 8: a negative claim by the role blocks, whatever else is there', async () => {
  const claims = [...Object.values(await honest()), await evaluation('FAILED', '2026-01-01T00:00:00Z')];
  assert.deepEqual(codes(decide(facts(claims), policy(PROD))), ['claim-negative']);
  const unheard = [...Object.values(await honest()), await evaluation('SPLENDID')];
  assert.deepEqual(codes(decide(facts(unheard), policy(PROD))), ['claim-negative'], 'a result nobody knows is no pass');
  const byStranger = [...Object.values(await honest()), await evaluation('FAILED', '2026-11-19T12:00:00Z', 'bob')];
  assert.deepEqual(codes(decide(facts(byStranger), policy(PROD))), [], 'who may not evaluate may not block');
});

test('rule 8: a blocking scan blocks, though a clean one is there too', async () => {
  const scan = (result: readonly object[]): ReturnType<typeof claim> =>
    claim({
      by: 'erin',
      type: PREDICATES.vulns,
      about: MODEL,
      predicate: { scanner: { uri: 'x', version: '1', db: {}, result }, metadata: {} },
    });
  const clean = await scan([]);
  const bad = await scan([{ id: 'PICKLE', severity: [{ method: 'm', score: 'critical' }] }]);
  const low = await scan([{ id: 'NOTE', severity: [{ method: 'm', score: 'low' }] }]);
  const unknown = await scan([{ id: 'WHAT', severity: [{ method: 'm', score: 'dreadful' }] }]);
  const rules = policy(SCANNED);
  const claims = Object.values(await honest());
  assert.deepEqual(codes(decide(facts([...claims, clean]), rules)), []);
  assert.deepEqual(codes(decide(facts([...claims, low]), rules)), []);
  assert.deepEqual(codes(decide(facts([...claims, clean, bad]), rules)), ['scan-finding']);
  assert.deepEqual(
    codes(decide(facts([...claims, unknown]), rules)),
    ['scan-finding'],
    'a severity nobody knows is the worst',
  );
  assert.deepEqual(codes(decide(facts(claims), rules)), ['claim-missing'], 'no scan is no clean scan');
});

test('rule 8: trusted accounts of the origin that disagree', async () => {
  const other = await step('quantize', MODEL, [{ role: 'base-model', of: 'base' }], '2026-11-03T10:00:00Z');
  assert.deepEqual(codes(decide(facts([...Object.values(await honest()), other]), policy(PROD))), ['claim-conflict']);
});
