import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VerifiedClaim } from '../../src/domain/claims/types.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildPromotion } from '../../src/domain/authority/vsa.ts';
import type { LogEntry } from '../../src/domain/tlog/leaf.ts';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import { environmentChecks } from '../../src/flows/gate/environment.ts';
import {
  MODEL,
  ORIGIN,
  PROD,
  caseFor,
  claim,
  facts,
  hex,
  honest,
  logged,
  policy,
  promotion,
} from '../domain/policy/world.ts';

const prod = policy(`${PROD}\n    maxAge: 7d`);

async function answer(
  claims: readonly VerifiedClaim[],
  promotions: readonly LogEntry[],
  now = '2026-11-20T12:00:00Z',
): Promise<readonly string[]> {
  const given = facts([...Object.values(await honest()), ...claims], {
    now: new Date(now),
    log: { origin: ORIGIN, promotions, rootAt: () => null, highestSnapshot: null, strangers: new Set(), findings: [] },
  });
  return findingsOf({ checks: environmentChecks(caseFor(given, prod), false) }).map(({ code }) => code);
}

test('rule 16: compared exactly, and logged', async () => {
  const vsa = await promotion(prod);
  assert.deepEqual(await answer([vsa], [logged(3, vsa, 'prod')]), []);
  assert.deepEqual(await answer([vsa], []), ['not-promoted'], 'signed, but not in the log');
  assert.deepEqual(await answer([], [logged(3, vsa, 'prod')]), ['claim-missing'], 'logged, but not there');
  assert.deepEqual(await answer([vsa], [logged(3, vsa, 'prod')], '2026-11-29T12:00:00Z'), ['promotion-expired']);
});

test('rule 16: another name, environment, log, subject, signer, result or version is none', async () => {
  const cases: readonly (readonly [string, VerifiedClaim])[] = [
    ['name', await promotion(prod, { name: 'acme/other' })],
    ['name prefix', await promotion(prod, { name: 'acme/enc2' })],
    ['environment', await promotion(prod, { environment: 'staging' })],
    ['log', await promotion(prod, { origin: 'log.evil.example' })],
    ['subject', await promotion(prod, { about: hex('other') })],
    ['signer', await promotion(prod, { by: 'anna' })],
    ['stranger', await promotion(prod, { by: 'mallory' })],
  ];
  for (const [what, vsa] of cases)
    assert.deepEqual(await answer([vsa], [logged(3, vsa, 'prod')]), ['not-promoted'], what);
  const withdrawn = await promotion(prod, { passed: false });
  assert.deepEqual(await answer([withdrawn], [logged(3, withdrawn, 'prod')]), ['not-promoted'], 'result');
});

test('rule 16: no field more, less or other than the standard’s', async () => {
  const whole = buildPromotion({
    verifier: 'v',
    at: new Date('2026-11-20T10:00:00Z'),
    origin: ORIGIN,
    name: 'acme/enc',
    environment: 'prod',
    policy: prod,
    inputs: [],
    passed: true,
  });
  const changed = (change: Record<string, unknown>): Promise<VerifiedClaim> =>
    claim({
      by: 'ci',
      type: PREDICATES.promotion,
      about: MODEL,
      predicate: { ...whole, ...change },
      at: '2026-11-20T10:00:00Z',
    });
  const same = await changed({});
  assert.deepEqual(await answer([same], [logged(3, same, 'prod')]), []);
  const wrong: readonly Record<string, unknown>[] = [
    { slsaVersion: '9.0' },
    { slsaVersion: undefined },
    { verifiedLevels: [] },
    { verifiedLevels: 'WEIGHMARK_ENV_PROD' },
    { policy: {} },
    { policy: undefined },
    { verifier: {} },
    { timeVerified: 'soon' },
    { resourceUri: 'pkg:generic/enc' },
    { 'https://evil.example/extra': true },
    { inputAttestations: [{}] },
  ];
  for (const change of wrong) {
    const vsa = await changed(change);
    assert.deepEqual(await answer([vsa], [logged(3, vsa, 'prod')]), ['not-promoted'], JSON.stringify(change));
  }
  for (const change of [{ verificationResult: 'passed' }, { verificationResult: undefined }]) {
    const vsa = await changed(change);
    assert.deepEqual(await answer([vsa], [logged(3, vsa, 'prod')]), ['promotion-unreadable'], JSON.stringify(change));
  }
});

test('rule 16: the newest counting entry decides', async () => {
  const first = await promotion(prod);
  const withdrawal = await promotion(prod, {
    passed: false,
    at: new Date('2026-11-20T11:00:00Z'),
    inputs: [first.bundle],
  });
  assert.deepEqual(await answer([first, withdrawal], [logged(3, first, 'prod'), logged(4, withdrawal, 'prod')]), [
    'not-promoted',
  ]);
  const again = await promotion(prod, { at: new Date('2026-11-20T11:30:00Z'), inputs: [withdrawal.bundle] });
  assert.deepEqual(
    await answer(
      [first, withdrawal, again],
      [logged(3, first, 'prod'), logged(4, withdrawal, 'prod'), logged(5, again, 'prod')],
    ),
    [],
  );
  const junk = await promotion(prod, { by: 'anna', passed: false });
  assert.deepEqual(
    await answer([first, junk], [logged(3, first, 'prod'), logged(9, junk, 'prod')]),
    [],
    'an entry by somebody else',
  );
});

test('rule 16: an old promotion logged again, or one that was held back, brings nothing back', async () => {
  const first = await promotion(prod);
  const withdrawal = await promotion(prod, {
    passed: false,
    at: new Date('2026-11-20T11:00:00Z'),
    inputs: [first.bundle],
  });
  const replayed = [logged(3, first, 'prod'), logged(4, withdrawal, 'prod'), logged(5, first, 'prod')];
  assert.deepEqual(await answer([first, withdrawal], replayed), ['not-promoted']);
  const heldBack = await promotion(prod, { at: new Date('2026-11-20T10:30:00Z'), inputs: [first.bundle] });
  assert.deepEqual(
    await answer(
      [first, withdrawal, heldBack],
      [logged(3, first, 'prod'), logged(4, withdrawal, 'prod'), logged(5, heldBack, 'prod')],
    ),
    ['claim-conflict'],
  );
});

test('rule 16: an old promotion wrapped anew does not come back because what was logged since was taken away', async () => {
  const first = await promotion(prod);
  const withdrawal = await promotion(prod, {
    passed: false,
    at: new Date('2026-11-20T11:00:00Z'),
    inputs: [first.bundle],
  });
  const copy = { ...first, bundle: 'c'.repeat(64) };
  const entries = [logged(3, first, 'prod'), logged(4, withdrawal, 'prod'), logged(5, copy, 'prod')];
  assert.deepEqual(await answer([first, withdrawal, copy], entries), ['not-promoted']);
  assert.deepEqual(await answer([first, copy], entries), ['claim-missing'], 'the withdrawal is gone');
  assert.deepEqual(await answer([copy], entries), ['claim-missing'], 'and the old promotion is');
  const next = await promotion(prod, { at: new Date('2026-11-20T11:30:00Z'), inputs: [withdrawal.bundle] });
  const [old, gone] = entries;
  assert.ok(old !== undefined && gone !== undefined);
  assert.deepEqual(await answer([first, withdrawal, next], [old, gone, logged(5, next, 'prod')]), []);
});
