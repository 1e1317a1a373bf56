import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../../src/domain/authority/authority.ts';
import { collectRevocations } from '../../../src/domain/authority/revocations.ts';
import { statedTimes } from '../../../src/domain/authority/time.ts';
import { readPromotion } from '../../../src/domain/authority/vsa.ts';
import { readRevocation } from '../../../src/domain/authority/revocation.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { MODEL, PROD, claim, evaluation, policy, promotion } from '../policy/world.ts';

/** West and east of Greenwich: what a statement says of time without a zone means the same to every reader. */
async function everywhere(ask: () => unknown): Promise<readonly unknown[]> {
  const given = process.env['TZ'];
  const answers: unknown[] = [];
  try {
    for (const zone of ['Asia/Tokyo', 'America/Los_Angeles', 'UTC']) {
      process.env['TZ'] = zone;
      answers.push(await ask());
    }
  } finally {
    if (given === undefined) delete process.env['TZ'];
    else process.env['TZ'] = given;
  }
  return answers;
}

const revoking = (since: string) =>
  claim({
    by: 'rita',
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 1, action: 'revoke', reason: 'left', target: { kind: 'principal', name: 'erin', since } },
  });

test('somebody is lost from the same moment in every zone', async () => {
  const [noon, made] = [await revoking('2026-11-10T12:00:00'), '2026-11-10T1'];
  for (const [hour, by] of [
    ['1:59:59', null],
    ['2:00:01', 'rita'],
  ] as const) {
    const signed = await evaluation('FAILED', `${made}${hour}Z`);
    const lost = (): string | null =>
      collectRevocations([{ claim: noon, index: 0 }], createAuthority(policy(PROD)), { reinstate: 1 }).ofClaim(signed)
        ?.by ?? null;
    assert.deepEqual(await everywhere(lost), [by, by, by], hour);
  }
});

test('of two days on which somebody was lost the earlier is the same in every zone', async () => {
  const [bare, zoned] = [await revoking('2026-11-10T12:00:00'), await revoking('2026-11-10T13:00:00Z')];
  const signed = await evaluation('FAILED', '2026-11-10T12:30:00Z');
  const lost = (): string | null =>
    collectRevocations(
      [bare, zoned].map((each, index) => ({ claim: each, index })),
      createAuthority(policy(PROD)),
      { reinstate: 1 },
    ).ofClaim(signed)?.by ?? null;
  assert.deepEqual(await everywhere(lost), ['rita', 'rita', 'rita']);
});

test('what a claim says of its own time is the same in every zone', async () => {
  const predicate = { runDetails: { metadata: { finishedOn: '2026-11-10T12:00:00' } } };
  const made = await claim({ by: 'anna', type: PREDICATES.provenance, about: MODEL, predicate });
  const noon = Date.UTC(2026, 10, 10, 12);
  assert.deepEqual(await everywhere(() => statedTimes(made)), [[noon], [noon], [noon]]);
});

test('a day that is none says of no revocation, promotion or snapshot when it is', async () => {
  const lost = await revoking('2026-02-30T00:00:00Z');
  assert.throws(() => readRevocation(lost), { code: 'claim-malformed' });
  const made = await promotion(policy(PROD));
  assert.notEqual(readPromotion(made.statement), null);
  const predicate = { ...made.statement.predicate, timeVerified: '2026-02-30T00:00:00Z' };
  assert.equal(readPromotion({ ...made.statement, predicate }), null);
});
