import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  ageStart,
  anchorKey,
  clockBehind,
  clockDisagrees,
  daysOf,
  newestByAnchor,
  statedAhead,
  statedTimes,
  timesSaid,
  verifiedTime,
} from '../../../src/domain/authority/time.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';

const at = (text: string): number => Date.parse(text);
const NOW = new Date('2026-11-20T12:00:00Z');
const DAY = 86_400_000;
const KEY_OF_A = createHash('sha256').update('[["kind","key"],["pem","a"]]').digest('hex');

function claimOf(
  times: readonly (readonly [source: string, time: string])[],
  predicate: Record<string, unknown> = {},
  notBefore?: string,
): VerifiedClaim {
  const signer =
    notBefore === undefined
      ? { kind: 'key', fingerprint: 'a', keyType: 'P-256' }
      : { kind: 'certificate', notBefore, notAfter: '2030-01-01T00:00:00Z' };
  return {
    bundle: 'b',
    statement: { _type: 'x', subject: [], predicateType: 'y', predicate },
    signer,
    times: times.map(([source, time]) => ({ source, time, authority: 'a' })),
  } as unknown as VerifiedClaim;
}

test('the verified time is the earliest of those by authorities that count', () => {
  assert.equal(verifiedTime(claimOf([])), null);
  for (const source of ['rfc3161', 'rekor', 'witness'])
    assert.equal(verifiedTime(claimOf([[source, '2026-01-02T00:00:00Z']])), at('2026-01-02T00:00:00Z'), source);
  const several = claimOf([
    ['rekor', '2026-01-03T00:00:00Z'],
    ['rfc3161', '2026-01-02T00:00:00Z'],
    ['log', '2026-01-01T00:00:00Z'],
    ['witness', 'never'],
  ]);
  assert.equal(verifiedTime(several), at('2026-01-02T00:00:00Z'));
  assert.equal(verifiedTime(claimOf([['log', '2026-01-01T00:00:00Z']])), null, "a log's own word");
  assert.equal(verifiedTime(claimOf([['rekor', 'never']])), null);
});

test('age starts at the earliest of verified, certificate and stated time, and never without a verified one', () => {
  const verified = [['rekor', '2026-06-01T00:00:00Z']] as const;
  assert.equal(ageStart(claimOf(verified)), at('2026-06-01T00:00:00Z'));
  assert.equal(ageStart(claimOf(verified, {}, '2026-05-01T00:00:00Z')), at('2026-05-01T00:00:00Z'));
  assert.equal(ageStart(claimOf(verified, {}, 'never')), at('2026-06-01T00:00:00Z'));
  assert.equal(ageStart(claimOf(verified, { timeCreated: '2026-04-01T00:00:00Z' })), at('2026-04-01T00:00:00Z'));
  assert.equal(ageStart(claimOf(verified, { timeCreated: '2027-04-01T00:00:00Z' })), at('2026-06-01T00:00:00Z'));
  assert.equal(ageStart(claimOf([], { timeCreated: '2026-04-01T00:00:00Z' }, '2026-05-01T00:00:00Z')), null);
});

test('each predicate states its time in its own field, and only there', () => {
  const time = '2026-04-01T00:00:00Z';
  const stated: readonly Record<string, unknown>[] = [
    { timeVerified: time },
    { timeCreated: time },
    { runDetails: { metadata: { finishedOn: time } } },
    { metadata: { scanFinishedOn: time } },
    { metadata: { timestamp: time } },
  ];
  for (const predicate of stated)
    assert.deepEqual(statedTimes(claimOf([], predicate)), [at(time)], JSON.stringify(predicate));
  const none: readonly Record<string, unknown>[] = [
    {},
    { time },
    { timeVerified: 7 },
    { metadata: time },
    { metadata: null },
    { runDetails: { finishedOn: time } },
  ];
  for (const predicate of none) assert.deepEqual(statedTimes(claimOf([], predicate)), [], JSON.stringify(predicate));
});

test('a time is far ahead from a day on, to the millisecond', () => {
  const stated = (ahead: number): VerifiedClaim =>
    claimOf([], { timeCreated: new Date(NOW.getTime() + ahead).toISOString(), timeVerified: 'never' });
  assert.equal(statedAhead(stated(DAY), NOW), null);
  assert.equal(statedAhead(stated(DAY + 1), NOW), NOW.getTime() + DAY + 1);
  assert.equal(statedAhead(claimOf([]), NOW), null);
  assert.equal(statedAhead(claimOf([], { timeCreated: 'never' }), NOW), null);
  assert.equal(clockDisagrees(stated(DAY), 'approval', NOW), null);
  const found = clockDisagrees(stated(2 * DAY), 'approval', NOW);
  assert.equal(found?.code, 'clock-disagrees');
  assert.equal(found.facts?.['stated'], '2026-11-22T12:00:00.000Z');
  assert.match(found.message, /approval/);
});

test('a clock is behind what was vouched for from a minute on, to the millisecond', () => {
  assert.equal(clockBehind(NOW.getTime() + 60_000, NOW), null);
  const found = clockBehind(NOW.getTime() + 60_001, NOW);
  assert.equal(found?.code, 'clock-behind');
  assert.equal(found.facts?.['vouched'], '2026-11-20T12:01:00.001Z');
});

test('what is remembered goes by what an anchor is, in whatever order it says so', () => {
  const key = anchorKey({ kind: 'key', pem: 'a' });
  assert.equal(anchorKey({ pem: 'a', kind: 'key' }), key);
  assert.notEqual(anchorKey({ kind: 'key', pem: 'b' }), key);
  // Memories of earlier versions are found by it.
  assert.equal(key, KEY_OF_A);
});

test('the newest by anchor: claims without a time say nothing', () => {
  const newest = newestByAnchor([
    { claim: claimOf([['rekor', '2026-01-02T00:00:00Z']]), anchor: 'a' },
    { claim: claimOf([['rekor', '2026-01-01T00:00:00Z']]), anchor: 'a' },
    { claim: claimOf([['rekor', '2026-01-03T00:00:00Z']]), anchor: 'b' },
    { claim: claimOf([]), anchor: 'c' },
  ]);
  assert.deepEqual(
    [...newest],
    [
      ['a', at('2026-01-02T00:00:00Z')],
      ['b', at('2026-01-03T00:00:00Z')],
    ],
  );
});

test('ages are told in hours up to two days, then in whole days', () => {
  assert.deepEqual([47 * 3_600_000, 48 * 3_600_000, 3 * DAY - 1].map(daysOf), ['47 h', '2 days', '2 days']);
});

test('when a claim was made is said as others vouch and as it says itself, in RFC 3339', () => {
  assert.deepEqual(timesSaid(undefined), { time: null, claimedTime: null });
  assert.deepEqual(timesSaid(claimOf([])), { time: null, claimedTime: null });
  const runDetails = { metadata: { finishedOn: '2026-11-19T13:00:00+01:00' } };
  assert.deepEqual(timesSaid(claimOf([['rfc3161', '2026-11-18T12:00:00Z']], { runDetails })), {
    time: '2026-11-18T12:00:00.000Z',
    claimedTime: '2026-11-19T12:00:00.000Z',
  });
  const unreadable = { runDetails: { metadata: { finishedOn: 'soon' } } };
  assert.equal(timesSaid(claimOf([], unreadable)).claimedTime, null);
  assert.equal(
    timesSaid(claimOf([], { ...unreadable, metadata: { timestamp: '2026-11-19T12:00:00Z' } })).claimedTime,
    '2026-11-19T12:00:00.000Z',
  );
});
