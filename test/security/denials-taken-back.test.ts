import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoggedRevocation } from '../../src/domain/authority/revocations.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../src/domain/claims/types.ts';
import type { Policy } from '../../src/domain/authority/types.ts';
import { checkPromoted } from '../../src/domain/policy/promotions.ts';
import {
  D0,
  MODEL,
  PROD,
  caseFor,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  honest,
  logged,
  policy,
  promotion,
  type Name,
} from '../domain/policy/world.ts';

/**
 * Whoever takes back a no says yes, and is heard as one who says yes: in the log, a revoker of today (or the no's own signer),
 * all in order. A no that came to nothing by less would be a no that anybody's old key can lift.
 */
const prod = policy(PROD);
const LAPSED = { code: 'certificate-expired', message: 'it expired' } as const;

async function takesBack(
  by: Name,
  what: VerifiedClaim,
  index: number | null,
  over: Partial<VerifiedClaim> = {},
): Promise<LoggedRevocation> {
  const target = { kind: 'claim', sha256: what.bundle, pae: what.pae };
  const predicate = { version: 1, action: 'revoke', target, reason: `a mistake, says ${by}` };
  return { claim: { ...(await claim({ by, type: PREDICATES.revocation, about: MODEL, predicate })), ...over }, index };
}

async function evaluated(revocations: readonly LoggedRevocation[], no: VerifiedClaim, under = prod) {
  return codes(decide(facts([...Object.values(await honest()), no], { revocations }), under));
}

test('a failed evaluation is taken back in the log, by a revoker of today or by its own signer', async () => {
  const no = await evaluation('FAILED');
  assert.deepEqual(await evaluated([], no), ['claim-negative']);
  assert.deepEqual(await evaluated([await takesBack('rita', no, 5)], no), []);
  assert.deepEqual(await evaluated([await takesBack('erin', no, 5)], no), []);
  for (const by of ['rita', 'erin'] as const) {
    assert.deepEqual(await evaluated([await takesBack(by, no, null)], no), ['claim-negative'], `${by}, beside the log`);
    const lapsed = await takesBack(by, no, 5, { onlyNo: LAPSED });
    assert.deepEqual(await evaluated([lapsed], no), ['claim-negative'], `${by}, certificate expired`);
    assert.deepEqual(await evaluated([lapsed, await takesBack('rob', no, 6)], no), [], 'somebody of today says so too');
  }
  for (const by of ['bob', 'mallory'] as const)
    assert.deepEqual(await evaluated([await takesBack(by, no, 5)], no), ['claim-negative'], by);
});

test('who was a revoker or an evaluator formerly takes nothing back', async () => {
  const no = await evaluation('FAILED');
  for (const name of ['rita', 'erin'] as const) {
    const [principal] = prod.principals.filter((each) => each.name === name);
    assert.ok(principal !== undefined);
    const gone: Policy = {
      ...prod,
      principals: prod.principals.filter((each) => each !== principal),
      roles: prod.roles.map((role) => ({ ...role, principals: role.principals.filter((each) => each !== name) })),
      formerly: [{ name, anchors: principal.anchors, until: '2026-12-01T00:00:00Z' }],
    };
    const found = await evaluated([await takesBack(name, no, 5)], no, gone);
    assert.ok(found.includes('claim-negative'), `${name}: ${found.join(', ')}`);
  }
});

test('world 5002204: a withdrawal that a revoker of today takes back was never said; else it stands', async () => {
  const passed = await promotion(prod, { at: new Date('2026-11-17T12:00:00Z') });
  const no = await promotion(prod, { passed: false, inputs: [passed.bundle], at: new Date('2026-11-18T12:00:00Z') });
  const answer = async (...revocations: readonly LoggedRevocation[]) => {
    const base = facts([...Object.values(await honest()), passed, no], { revocations });
    const promotions = [logged(109, passed, 'prod'), logged(213, no, 'prod')];
    const of = caseFor({ ...base, log: { ...base.log, promotions } }, prod);
    const [environment] = prod.environments;
    assert.ok(environment !== undefined);
    return checkPromoted(of, environment, { lasting: false }).findings.map(({ code }) => code);
  };
  assert.deepEqual(await answer(), ['not-promoted']);
  assert.deepEqual(await answer(await takesBack('rob', no, 215)), []);
  assert.deepEqual(await answer(await takesBack('ci', no, 215)), [], 'its own promoter');
  assert.deepEqual(await answer(await takesBack('rob', no, null)), ['not-promoted'], 'beside the log');
  assert.deepEqual(await answer(await takesBack('rob', no, 215, { onlyNo: LAPSED })), ['not-promoted']);
  assert.deepEqual(await answer(await takesBack('bob', no, 215)), ['not-promoted'], 'no revoker');
});

test('a revocation is taken back beforehand by as many as undo it, not by one who guessed it', async () => {
  const predicate = { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: D0 }, reason: 'stolen' };
  const revoked = await claim({ by: 'rita', type: PREDICATES.revocation, about: D0, predicate });
  const answer = async (...before: readonly LoggedRevocation[]) =>
    codes(
      decide(facts(Object.values(await honest()), { revocations: [...before, { claim: revoked, index: 9 }] }), prod),
    );
  const rob = await takesBack('rob', revoked, 5);
  assert.deepEqual(await answer(rob), ['revoked']);
  assert.deepEqual(await answer(rob, await takesBack('rob', revoked, 6)), ['revoked'], 'twice the same');
  assert.deepEqual(await answer(rob, await takesBack('rita', revoked, 6)), []);
});

test('one revoker’s word takes back a yes, however it comes', async () => {
  const claims = await honest();
  for (const index of [5, null]) {
    const lapsed = await takesBack('rita', claims.carol, index, { onlyNo: LAPSED });
    assert.deepEqual(codes(decide(facts(Object.values(claims), { revocations: [lapsed] }), prod)), ['revoked']);
  }
});

test('a revoker of other models takes nothing back and undoes nothing here, whatever name they write', async () => {
  const [unlimited] = prod.roles.filter(({ name }) => name === 'revoker');
  assert.ok(unlimited !== undefined);
  const scoped: Policy = {
    ...prod,
    roles: [
      ...prod.roles.filter((role) => role !== unlimited),
      { ...unlimited, principals: ['rita'] },
      { ...unlimited, principals: ['rob', 'dana'], models: ['acme/other'] },
    ],
  };
  const no = await evaluation('FAILED');
  const says = async (by: Name, index: number, action: string, target: object, name = 'acme/other') => ({
    claim: await claim({
      by,
      type: PREDICATES.revocation,
      about: MODEL,
      name,
      predicate: { version: 1, action, target, reason: `says ${by}` },
    }),
    index,
  });
  const taken = await says('rob', 5, 'revoke', { kind: 'claim', sha256: no.bundle, pae: no.pae });
  assert.deepEqual(await evaluated([taken], no, scoped), ['claim-negative']);
  const artifact = { kind: 'artifact', sha256: D0 };
  const answer = async (...revocations: readonly LoggedRevocation[]) =>
    codes(decide(facts(Object.values(await honest()), { revocations }), scoped));
  const undo = [await says('rob', 6, 'reinstate', artifact), await says('dana', 7, 'reinstate', artifact)];
  assert.deepEqual(await answer(await says('rita', 5, 'revoke', artifact, 'acme/data'), ...undo), ['revoked']);
  assert.deepEqual(await answer(await says('dana', 5, 'revoke', artifact), ...undo), [], 'what is theirs they undo');
});
