import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WeighmarkError } from '../../src/domain/base/errors.ts';
import { environmentChecks } from '../../src/flows/gate/environment.ts';
import { findingsOf, type Check } from '../../src/domain/base/verdict.ts';
import type { VerifiedClaim } from '../../src/domain/claims/types.ts';
import { PROD, ROLES, caseFor, evaluation, facts, honest, logged, policy, promotion } from '../domain/policy/world.ts';

const prod = policy(PROD);

async function answer(vsa: VerifiedClaim, now: string): Promise<readonly string[]> {
  const given = facts([...Object.values(await honest()), vsa], {
    now: new Date(now),
    log: {
      origin: 'log.acme.example',
      promotions: [logged(3, vsa, 'prod')],
      rootAt: () => null,
      highestSnapshot: null,
      strangers: new Set(),
      findings: [],
    },
  });
  return findingsOf({ checks: environmentChecks(caseFor(given, prod), false) }).map(({ code }) => code);
}

test('rule 13: a broken glass ends 24 hours after its verified time', async () => {
  const broken = await promotion(prod, { by: 'glen', breakGlass: true });
  assert.deepEqual(await answer(broken, '2026-11-21T09:00:00Z'), []);
  assert.deepEqual(await answer(broken, '2026-11-21T11:00:00Z'), ['promotion-expired']);
  const undated = await promotion(prod, { by: 'glen', breakGlass: true, verified: null });
  assert.deepEqual(await answer(undated, '2026-11-20T12:00:00Z'), ['no-verified-time']);
});

test('rule 13: only who may break the glass breaks it, and promotes nothing else', async () => {
  assert.deepEqual(await answer(await promotion(prod, { by: 'ci', breakGlass: true }), '2026-11-20T12:00:00Z'), [
    'not-promoted',
  ]);
  assert.deepEqual(await answer(await promotion(prod, { by: 'glen' }), '2026-11-20T12:00:00Z'), ['not-promoted']);
});

test('rule 13: who breaks the glass holds no other role', () => {
  const both = ROLES.replace('break-glass: [glen]', 'break-glass: [ci]');
  assert.throws(
    () => policy(PROD, '', both),
    (error) => error instanceof WeighmarkError && error.code === 'policy-invalid',
  );
});

test('rule 13: it binds one policy', async () => {
  const other = policy(PROD, '# changed');
  assert.deepEqual(await answer(await promotion(other, { by: 'glen', breakGlass: true }), '2026-11-20T12:00:00Z'), [
    'policy-mismatch',
  ]);
});

test('rule 13: the door that was opened is open to whoever asks for every rule as well, and for as long', async () => {
  const broken = await promotion(prod, { by: 'glen', breakGlass: true });
  const ask = (now: string, claims: readonly VerifiedClaim[], withRules: boolean) =>
    environmentChecks(
      caseFor(
        {
          ...facts([...claims, broken], { now: new Date(now) }),
          log: { ...facts([]).log, promotions: [logged(0, broken, 'prod')] },
        },
        prod,
      ),
      withRules,
    );
  const open = (checks: readonly Check[]) => checks.every(({ passed }) => passed);
  // Nothing but the bytes is there: no BOM, no evaluation, no approval, no lineage.
  for (const withRules of [false, true]) {
    assert.equal(open(ask('2026-11-21T09:00:00Z', [], withRules)), true, 'within 24 hours');
    assert.equal(open(ask('2026-11-21T11:00:00Z', [], withRules)), false, 'after');
    const failed = await evaluation('FAILED');
    assert.equal(open(ask('2026-11-21T09:00:00Z', [failed], withRules)), false, 'a no is never set aside');
  }
});
