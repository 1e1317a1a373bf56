import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../../src/domain/authority/authority.ts';
import {
  buildSnapshot,
  inForceOf,
  newestSnapshot,
  readSnapshot,
  snapshotFindings,
  type HeldSnapshot,
  type InForce,
} from '../../../src/domain/authority/snapshot.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { MODEL, NOW, ORIGIN, PROD, claim, hex, policy, type Name } from '../policy/world.ts';

const ROOT = hex('root');
const ONE = { version: 3, asOf: { origin: ORIGIN, size: 5, root: ROOT }, expires: '2026-12-01T00:00:00Z' };
const TWO = { ...ONE, inForce: { number: 1, sha256: hex('one') } };

const saying = (predicate: object, predicateType: string = PREDICATES.revocation): VerifiedClaim =>
  ({ statement: { _type: 'x', subject: [], predicateType, predicate } }) as unknown as VerifiedClaim;
const first = { version: 1, action: 'snapshot', snapshot: ONE };
const second = { version: 2, action: 'snapshot', snapshot: TWO };

test('a snapshot is read as it was written, in the lowest version that says it', () => {
  assert.deepEqual([buildSnapshot(ONE), buildSnapshot(TWO)], [first, second]);
  assert.deepEqual(readSnapshot(saying(first)), ONE);
  assert.deepEqual(readSnapshot(saying(second)), TWO);
  const empty = { ...TWO, version: 0, asOf: { ...TWO.asOf, size: 0 }, inForce: { number: 0, sha256: hex('none') } };
  assert.deepEqual(readSnapshot(saying({ ...second, snapshot: empty })), empty);
});

test('it says yes, so nothing in it is passed over: one field more, less or otherwise and it is none', () => {
  const asOf = (over: object) => ({ ...first, snapshot: { ...ONE, asOf: { ...ONE.asOf, ...over } } });
  const none: readonly object[] = [
    { ...first, version: 3 },
    { ...first, version: '1' },
    { ...first, action: 'revoke' },
    { ...first, more: 1 },
    { ...first, snapshot: [] },
    { ...first, snapshot: undefined },
    { ...first, snapshot: TWO },
    { ...first, snapshot: { ...ONE, more: 1 } },
    { ...second, snapshot: ONE },
    ...[-1, 1.5, '3', undefined].flatMap((number) => [
      { ...first, snapshot: { ...ONE, version: number } },
      asOf({ size: number }),
      { ...second, snapshot: { ...TWO, inForce: { ...TWO.inForce, number } } },
    ]),
    asOf({ origin: 7 }),
    asOf({ root: 'short' }),
    { ...first, snapshot: { ...ONE, asOf: null } },
    { ...first, snapshot: { ...ONE, expires: 'soon' } },
    { ...first, snapshot: { ...ONE, expires: 1_800_000_000 } },
    { ...second, snapshot: { ...TWO, inForce: { ...TWO.inForce, sha256: 'short' } } },
    { ...second, snapshot: { ...TWO, inForce: null } },
  ];
  for (const predicate of none) assert.equal(readSnapshot(saying(predicate)), null, JSON.stringify(predicate));
  assert.equal(readSnapshot(saying(first, PREDICATES.promotion)), null);
});

test('what is in force is counted and named by its lines, sorted, whatever their order', () => {
  const [lesser, greater] = [hex('a'), hex('b')].toSorted();
  const sha256 = sha256Hex(`${lesser}\n${greater}\n`);
  assert.deepEqual(inForceOf([hex('b'), hex('a')]), { number: 2, sha256 });
  assert.deepEqual(inForceOf([hex('a'), hex('b')]), { number: 2, sha256 });
});

const snapshot = async (over: object, by: Name = 'rita'): Promise<VerifiedClaim> =>
  claim({ by, type: PREDICATES.revocation, about: MODEL, predicate: { ...first, snapshot: { ...ONE, ...over } } });
const sized = (size: number) => ({ ...ONE.asOf, size });

const AUTHORITY = createAuthority(policy(PROD));
const newest = (claims: readonly VerifiedClaim[], revoked: (claim: VerifiedClaim) => boolean = () => false) =>
  newestSnapshot(claims, AUTHORITY, { origin: ORIGIN, rootAt: (size) => (size <= 9 ? ROOT : null), revoked })?.claim;

test('the highest version counts, of equal ones that of the larger log, by whoever is a revoker and of this log', async () => {
  const [low, high, larger] = [
    await snapshot({}),
    await snapshot({ version: 4, asOf: sized(2) }),
    await snapshot({ version: 4, asOf: sized(3) }, 'rob'),
  ];
  for (const order of [
    [low, high, larger],
    [larger, high, low],
    [high, larger, low],
  ])
    assert.equal(newest(order), larger);
  const others = [
    await snapshot({ version: 9 }, 'erin'),
    await snapshot({ version: 9, asOf: { ...ONE.asOf, origin: 'other' } }),
    await snapshot({ version: 9, asOf: { ...ONE.asOf, root: hex('other') } }),
    await snapshot({ version: 9, asOf: sized(10) }),
    await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate: { ...first, more: 1 } }),
  ];
  assert.equal(newest([...others, low]), low);
  assert.equal(newest(others), undefined);
  assert.equal(
    newest([low, high], (each) => each === high),
    low,
  );
});

test('a decision needs a snapshot that is there, in time, not older than one seen before, and reaches the promotion', async () => {
  const held = { snapshot: ONE, claim: await snapshot({}) };
  const asked: Parameters<typeof snapshotFindings>[1] = { now: NOW, needed: 4, highest: 3, inForce: null };
  const why = (over: Partial<typeof asked>, of: HeldSnapshot | null = held) =>
    snapshotFindings(of, { ...asked, ...over }).map(({ code, message }) => `${code}: ${message}`);
  assert.deepEqual(why({}), []);
  assert.deepEqual(why({ needed: null, highest: null }), []);
  assert.match(why({}, null).join(), /^revocations-stale: no revoker says/);
  assert.match(why({ now: new Date(ONE.expires) }).join(), /^revocations-stale: .* expired on 2026-12-01T00:00:00Z$/);
  assert.deepEqual(why({ now: new Date(Date.parse(ONE.expires) - 1) }), []);
  assert.match(why({ highest: 4 }).join(), /^revocations-stale: .* is version 3; version 4 was seen before$/);
  assert.match(why({ needed: 5 }).join(), /^revocations-stale: .* of 5 log entries, .* \(entry 5\)$/);
});

test('where all revocations must be known, those here are the ones that it counted', async () => {
  const held = { snapshot: TWO, claim: await snapshot({}) };
  const why = (here: InForce, of: HeldSnapshot['snapshot'] = TWO) =>
    snapshotFindings(
      { ...held, snapshot: of },
      { now: NOW, needed: null, highest: null, inForce: (size) => (size === 5 ? here : { number: 0, sha256: '' }) },
    ).map(({ code, message }) => `${code}: ${message}`);
  assert.deepEqual(why(TWO.inForce), []);
  const other = ['revocations-stale: the revocations in force here are not those that the revokers’ snapshot counted'];
  assert.deepEqual(why({ ...TWO.inForce, number: 2 }), other);
  assert.deepEqual(why({ ...TWO.inForce, sha256: hex('two') }), other);
  assert.match(why(TWO.inForce, ONE).join(), /^revocations-stale: .* does not say which revocations are in force$/);
});
