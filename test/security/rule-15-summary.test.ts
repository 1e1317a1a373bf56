import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { D0, PROD, TUNED, claim, codes, decide, facts, honest, policy, promotion } from '../domain/policy/world.ts';
import type { VerifiedClaim } from '../../src/domain/claims/types.ts';

const upstream = policy(PROD, '# upstream');

function downstream(
  over: { principal?: string; environment?: string; digest?: string } = {},
): ReturnType<typeof policy> {
  return policy(
    PROD,
    `summaries: [{ principal: ${over.principal ?? 'ci'}, environment: ${over.environment ?? 'prod'}, policies: ["${over.digest ?? upstream.digest}"] }]`,
  );
}

/** Nothing is known of the tuned model's ancestry but somebody's promotion of it. */
async function covered(vsa: VerifiedClaim): Promise<readonly VerifiedClaim[]> {
  const { model, bom, evaluation, bob, carol } = await honest();
  return [model, bom, evaluation, bob, carol, vsa];
}

test('rule 15: a promotion stands for an ancestor only by the named verifier, for the named environment and policy', async () => {
  const { tuned } = await honest();
  const vsa = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle], name: 'acme/tuned' });
  const claims = [...(await covered(vsa)), tuned];
  const without = claims.filter((each) => each !== vsa);
  assert.deepEqual(codes(decide(facts(claims), downstream())), []);
  assert.deepEqual(codes(decide(facts(without), downstream())), ['lineage-missing', 'lineage-unattested']);
  for (const over of [{ principal: 'bob' }, { environment: 'staging' }, { digest: `sha256:${'0'.repeat(64)}` }]) {
    assert.ok(codes(decide(facts(claims), downstream(over))).includes('lineage-missing'), JSON.stringify(over));
  }
});

test('rule 15: a failed promotion, a broken glass, or one by somebody else covers nothing', async () => {
  const { tuned } = await honest();
  for (const over of [{ passed: false }, { breakGlass: true }, { by: 'mallory' as const }]) {
    const vsa = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle], ...over });
    assert.ok(
      codes(decide(facts([...(await covered(vsa)), tuned]), downstream())).includes('lineage-missing'),
      JSON.stringify(over),
    );
  }
});

test('rule 15: what it rests on must be here, and is still walked for revocations', async () => {
  const { tuned, base } = await honest();
  const absent = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle, 'c'.repeat(64)] });
  assert.deepEqual(codes(decide(facts([...(await covered(absent)), tuned]), downstream())), ['claim-missing']);
  const none = await promotion(upstream, { about: TUNED, inputs: [] });
  assert.deepEqual(codes(decide(facts(await covered(none)), downstream())), ['claim-missing']);
  const vsa = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle, base.bundle] });
  const predicate = { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: D0 }, reason: 'poisoned' };
  const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: D0, predicate });
  const given = facts([...(await covered(vsa)), tuned, base], { revocations: [{ claim: revocation, index: 1 }] });
  assert.deepEqual(codes(decide(given, downstream())), ['revoked']);
});
