import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import {
  MODEL,
  PROD,
  ROLES,
  TUNED,
  built,
  claim,
  codes,
  decide,
  facts,
  hex,
  honest,
  manifest,
  policy,
  promotion,
  step,
  type Name,
  type Say,
} from '../policy/world.ts';

/** What is said of how a model was made, by when, by whom and of what: each account that does not hold together. */

const MADE = [{ role: 'base-model', of: 'tuned' }] as const;

async function quantized(times: { startedOn?: string; finishedOn?: string }, over: Partial<Say> = {}) {
  return claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: MODEL,
    predicate: built('quantize', MADE, times),
    at: '2026-11-03T10:00:00Z',
    ...over,
  });
}

async function judged(model: VerifiedClaim, under = policy(PROD)) {
  return decide(facts([...Object.values(await honest()).slice(0, 4), model, ...(await others())]), under);
}

/** All that the policy wants beside how it was made. */
async function others(): Promise<readonly VerifiedClaim[]> {
  const { bom, evaluation, bob, carol } = await honest();
  return [bom, evaluation, bob, carol];
}

function said(evaluation: Parameters<typeof findingsOf>[0], wanted: string): readonly string[] {
  return findingsOf(evaluation).flatMap(({ code, message }) => (code === wanted ? [message] : []));
}

test('a step does not end before it began, nor is it signed before it ended; a minute is the clocks’', async () => {
  const backwards = await judged(
    await quantized({ startedOn: '2026-11-03T09:00:00Z', finishedOn: '2026-11-03T08:59:59Z' }),
  );
  assert.deepEqual(said(backwards, 'time-order'), ['the step ended before it began']);
  const early = await judged(
    await quantized({ startedOn: '2026-11-03T09:00:00Z', finishedOn: '2026-11-03T10:01:01Z' }),
  );
  assert.deepEqual(said(early, 'time-order'), ['the claim was signed before the step ended']);
  assert.deepEqual(codes(await judged(await quantized({ startedOn: '2026-11-03T10:01:01Z' }))), ['time-order']);
  for (const finishedOn of ['2026-11-03T09:00:00Z', '2026-11-03T10:01:00Z'])
    assert.deepEqual(codes(await judged(await quantized({ startedOn: '2026-11-03T09:00:00Z', finishedOn }))), []);
});

test('an end that lies ahead of this machine’s clock spoils the only account of a step', async () => {
  const ahead = await judged(await quantized({ startedOn: '2026-11-21T12:00:00Z' }, { at: '2026-11-21T12:30:00Z' }));
  assert.ok(codes(ahead).includes('clock-behind'), String(codes(ahead)));
});

test('how old an account may be is counted from the newest that tells of the step, and needs a witness', async () => {
  const within = (maxAge: string) => policy(`${PROD}\n    lineage: { maxAge: ${maxAge} }`);
  const claims = Object.values(await honest());
  assert.deepEqual(codes(decide(facts(claims), within('20d'))), []);
  const stale = decide(facts(claims), within('18d'));
  assert.deepEqual(codes(stale), ['claim-stale']);
  assert.deepEqual(
    new Set(said(stale, 'claim-stale').map((text) => text.replace(/\d+ days old/, 'N days old'))),
    new Set(['its provenance is N days old; 18 days are allowed']),
  );
  const unseen = await claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: MODEL,
    predicate: built('quantize', MADE),
  });
  const { model: _, ...rest } = await honest();
  assert.deepEqual(codes(decide(facts([...Object.values(rest), unseen]), within('20d'))), ['no-verified-time']);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), unseen]), policy(PROD))), []);
});

test('two who may say it disagree: neither is believed, whoever came first', async () => {
  const roles = ROLES.replace('trainer: [anna]', 'trainer: [anna, dana]');
  const under = policy(PROD, '', roles);
  const claims = Object.values(await honest());
  const same = await step('quantize', MODEL, MADE, '2026-11-03T10:00:00Z', 'dana');
  assert.deepEqual(codes(decide(facts([...claims, same]), under)), []);
  for (const input of ['base', 'd1']) {
    const other = await step('quantize', MODEL, [{ role: 'base-model', of: input }], '2026-11-03T10:00:00Z', 'dana');
    for (const order of [
      [...claims, other],
      [other, ...claims],
    ]) {
      const evaluation = decide(facts(order), under);
      assert.ok(codes(evaluation).includes('claim-conflict'), input);
      assert.deepEqual(said(evaluation, 'claim-conflict'), ['trusted signers disagree about how it was made']);
    }
  }
});

test('an account of two things at once tells of neither', async () => {
  const both = await quantized({}, { about: [manifest(MODEL), manifest(hex('another'), 'acme/another')] });
  const { model: _, ...rest } = await honest();
  assert.ok(codes(decide(facts([...Object.values(rest), both]), policy(PROD))).includes('subject-ambiguous'));
});

test('whose account does not count is said: nobody’s, and somebody’s who may say other things', async () => {
  const { model: _, ...rest } = await honest();
  const by = async (name: Name) =>
    decide(
      facts([...Object.values(rest), await step('quantize', MODEL, MADE, '2026-11-03T10:00:00Z', name)]),
      policy(PROD),
    );
  assert.deepEqual(said(await by('erin'), 'wrong-signer').slice(0, 1), [
    'its provenance is signed by erin, who may not say this of it',
  ]);
  assert.deepEqual(said(await by('mallory'), 'wrong-signer').slice(0, 1), [
    'its provenance is signed by a signer the policy does not name, who may not say this of it',
  ]);
});

test('a promotion that stands for an ancestor falls with a claim that it rests on, through promotions that it rests on', async () => {
  const upstream = policy(PROD, '# upstream');
  const under = policy(PROD, `summaries: [{ principal: ci, environment: prod, policies: ["${upstream.digest}"] }]`);
  const { model, tuned, base } = await honest();
  const inner = await promotion(upstream, {
    about: hex('base'),
    inputs: [base.bundle, base.bundle],
    name: 'acme/base',
  });
  const outer = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle, inner.bundle], name: 'acme/tuned' });
  const claims = [model, ...(await others()), tuned, base, inner, outer];
  assert.deepEqual(codes(decide(facts(claims), under)), []);
  assert.deepEqual(
    codes(decide(facts(claims.filter((each) => each !== base)), under)),
    ['claim-missing'],
    'the promotion below rests on it',
  );
  for (const fallen of [tuned, base]) {
    const target = { kind: 'claim', sha256: fallen.bundle, pae: fallen.pae };
    const predicate = { version: 1, action: 'revoke', target, reason: 'a mistake' };
    const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: fallen.bundle, predicate });
    const evaluation = decide(facts(claims, { revocations: [{ claim: revocation, index: 1 }] }), under);
    assert.ok(codes(evaluation).includes('revoked'), String(codes(evaluation)));
  }
});
