import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../src/domain/claims/types.ts';
import {
  D0,
  MODEL,
  PROD,
  ROLES,
  approval,
  bomOf,
  built,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  policy,
  step,
  type Name,
} from '../domain/policy/world.ts';

/** Everybody whose signature counts anywhere along the lineage acted, in every role; no order of bundles changes it (rule 12). */
const apart = (roles: string, more = ROLES): ReturnType<typeof policy> =>
  policy(`${PROD}\n    separation: [${roles}]`, '', more);

/** The same claims under bundle digests that sort the other way round. */
function backwards(claims: readonly VerifiedClaim[]): readonly VerifiedClaim[] {
  const sorted = claims.map(({ bundle }) => bundle).toSorted();
  const mirrored = new Map(sorted.map((bundle, index) => [bundle, sorted.at(-1 - index) ?? bundle]));
  return claims.map((each) => ({ ...each, bundle: mirrored.get(each.bundle) ?? each.bundle })).toReversed();
}

function everyOrder(claims: readonly VerifiedClaim[], under: ReturnType<typeof policy>): readonly string[] {
  const found = codes(decide(facts(claims), under));
  assert.deepEqual(codes(decide(facts(backwards(claims)), under)), found, 'in any order');
  return found;
}

test('who describes an input is an actor, and no approver of what was made of it', async () => {
  const claims = await honest();
  const byBob = await claim({
    by: 'bob',
    type: PREDICATES.reference,
    about: D0,
    predicate: { attester: { id: 'bob' }, references: [] },
    at: '2026-11-01T08:00:00Z',
    name: 'acme/data',
  });
  const roles = ROLES.replace('publisher: [dana]', 'publisher: [dana, bob]');
  const described = Object.values({ ...claims, d0: byBob });
  assert.deepEqual(everyOrder(described, policy(PROD, '', roles)), ['separation-of-duties']);
  assert.deepEqual(everyOrder(described, apart('[publisher, approver]', roles)), ['separation-of-duties']);
  // Beside somebody else's description it counts as well, whichever sorts first.
  const both = [...Object.values(claims), byBob];
  assert.deepEqual(everyOrder(both, policy(PROD, '', roles)), ['separation-of-duties']);
});

test('of several who sign the same step each is a maker, however often anybody signs again', async () => {
  const claims = await honest();
  const roles = ROLES.replace('trainer: [anna]', 'trainer: [anna, bob]');
  const signedAt = '2026-11-03T10:00:00Z';
  const inputs = [{ role: 'base-model', of: 'tuned' }] as const;
  for (let again = 0; again < 4; again += 1) {
    const again0 = await step('quantize', MODEL, inputs, signedAt, 'bob');
    assert.deepEqual(everyOrder([...Object.values(claims), again0], policy(PROD, '', roles)), ['separation-of-duties']);
  }
  const deeper = await step('train', hex('base'), [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', 'bob');
  assert.deepEqual(everyOrder([...Object.values(claims), deeper], policy(PROD, '', roles)), ['separation-of-duties']);
});

test('who signs a BOM of anything along the way had a part in it', async () => {
  const claims = await honest();
  const roles = ROLES.replace('trainer: [anna]', 'trainer: [anna, carol]');
  for (const about of [MODEL, hex('tuned'), hex('base')]) {
    const bom = await claim({
      by: 'carol',
      type: PREDICATES.bom,
      about,
      predicate: bomOf('MIT'),
      at: '2026-11-03T11:00:00Z',
    });
    assert.deepEqual(
      everyOrder([...Object.values(claims), bom], policy(PROD, '', roles)),
      ['separation-of-duties'],
      about,
    );
  }
});

test('who evaluates an ancestor, or evaluates beside others, acted as evaluator', async () => {
  const claims = await honest();
  const roles = ROLES.replace('evaluator: [erin]', 'evaluator: [erin, anna]');
  const under = apart('[trainer, evaluator]', roles);
  assert.deepEqual(everyOrder(Object.values(claims), under), []);
  const beside = await evaluation('PASSED', '2026-11-19T12:00:00Z', 'anna');
  assert.deepEqual(everyOrder([...Object.values(claims), beside], under), ['separation-of-duties']);
  const ofTheBase = await claim({
    by: 'anna',
    type: PREDICATES.evaluation,
    about: hex('base'),
    predicate: { result: 'PASSED', configuration: [] },
    at: '2026-11-02T12:00:00Z',
  });
  assert.deepEqual(everyOrder([...Object.values(claims), ofTheBase], under), ['separation-of-duties']);
  // To evaluate is not to make: an evaluator may approve, where no separation forbids it.
  const approving = ROLES.replace('approver: [bob, carol, anna]', 'approver: [bob, erin]');
  const { carol: _carol, ...rest } = claims;
  const byErin = [...Object.values(rest), await approval('erin')];
  assert.deepEqual(everyOrder(byErin, policy(PROD, '', approving)), []);
  assert.deepEqual(everyOrder(byErin, apart('[evaluator, approver]', approving)), ['separation-of-duties']);
});

test('one signature in two roles is an act in both', async () => {
  const claims = await honest();
  const roles = `${ROLES}\n  auditor: { principals: [anna], signs: [bom] }`;
  assert.deepEqual(everyOrder(Object.values(claims), apart('[trainer, auditor]', roles)), ['separation-of-duties']);
});

test("a stranger's signature, or one that may not say so, makes nobody an actor", async () => {
  const claims = await honest();
  const by = (name: Name) => claim({ by: name, type: PREDICATES.bom, about: hex('base'), predicate: bomOf('MIT') });
  const more = [await by('mallory'), await by('bob'), await by('carol')];
  assert.deepEqual(everyOrder([...Object.values(claims), ...more], policy(PROD)), []);
});

test('steps of one story in any order: times are judged of each, the newest is young enough', async () => {
  const claims = await honest();
  const roles = ROLES.replace('trainer: [anna]', 'trainer: [anna, dana]');
  const early = await claim({
    by: 'dana',
    type: PREDICATES.provenance,
    about: hex('tuned'),
    predicate: built(
      'fine-tune',
      [
        { role: 'base-model', of: 'base' },
        { role: 'dataset', of: 'd1' },
        { role: 'code', of: 'git', digest: { gitCommit: 'a'.repeat(40) } },
      ],
      { startedOn: '2026-10-01T00:00:00Z', finishedOn: '2026-10-02T00:00:00Z' },
    ),
    at: '2026-11-02T10:00:00Z',
  });
  assert.deepEqual(everyOrder([...Object.values(claims), early], policy(PROD, '', roles)), ['time-order']);
});
