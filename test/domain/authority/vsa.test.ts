import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPromotion, levelOf, readPromotion, type Promotion } from '../../../src/domain/authority/vsa.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';

const HEX = 'ab'.repeat(32);
const PARTS = {
  verifier: 'https://acme.example/ci',
  at: new Date('2026-11-20T10:00:00.500Z'),
  origin: 'log.acme.example',
  name: 'acme/enc',
  environment: 'prod-eu',
  policy: { name: 'acme', version: 3, digest: `sha256:${HEX}` },
  inputs: [HEX, 'cd'.repeat(32), HEX],
  passed: true,
};

function read(over: Record<string, unknown> = {}, type: string = PREDICATES.promotion): Promotion | null {
  const predicate = { ...buildPromotion(PARTS), ...over };
  return readPromotion({ _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: type, predicate });
}

test('what is written is read: every part, seconds alone, each input once', () => {
  assert.deepEqual(read(), {
    verifier: 'https://acme.example/ci',
    timeVerified: '2026-11-20T10:00:00Z',
    resourceUri: 'weighmark://log.acme.example/acme/enc?env=prod-eu',
    resource: { origin: 'log.acme.example', name: 'acme/enc', environment: 'prod-eu' },
    environment: 'prod-eu',
    policyDigest: `sha256:${HEX}`,
    inputs: [HEX, 'cd'.repeat(32)],
    passed: true,
    breakGlass: false,
  });
  assert.equal(levelOf('prod-eu'), 'WEIGHMARK_ENV_PROD_EU');
});

/** Field by field, what makes a summary none. */
const NONE: readonly Record<string, unknown>[] = [
  { verifier: {} },
  { verifier: 'https://acme.example/ci' },
  { verifier: { id: '' } },
  { verifier: { id: 7 } },
  { timeVerified: undefined },
  { timeVerified: 7 },
  { timeVerified: 'yesterday' },
  { resourceUri: undefined },
  { resourceUri: ['weighmark://a/b?env=c'] },
  { policy: undefined },
  { policy: { digest: HEX } },
  { policy: { digest: { sha256: HEX.toUpperCase() } } },
  { policy: { digest: { sha256: HEX.slice(2) } } },
  { inputAttestations: HEX },
  { inputAttestations: [HEX] },
  { inputAttestations: [{ digest: { sha256: HEX } }, { digest: { sha512: HEX } }] },
  { inputAttestations: [{ digest: { sha256: 'short' } }] },
  { slsaVersion: undefined },
  { slsaVersion: '1.3' },
  { slsaVersion: 1.2 },
  { verifiedLevels: undefined },
  { verifiedLevels: levelOf('prod-eu') },
  { verifiedLevels: [levelOf('prod-eu'), 7] },
  { verificationResult: undefined },
  { verificationResult: 'passed' },
  { verificationResult: 'WARNED' },
  { more: true },
];

test('a field that is missing or not as it should be makes it nothing', () => {
  for (const over of NONE) assert.equal(read(over), null, JSON.stringify(over));
  assert.equal(read({}, PREDICATES.approval), null);
});

test('versions 1.0 to 1.2 are read, and a summary without inputs', () => {
  for (const slsaVersion of ['1.0', '1.1', '1.2']) assert.ok(read({ slsaVersion }));
  assert.deepEqual(read({ inputAttestations: undefined })?.inputs, []);
});

test('a FAILED withdraws with whatever fields more, but not without those it needs', () => {
  const failed = read({ verificationResult: 'FAILED', more: true });
  assert.deepEqual([failed?.passed, failed?.environment], [false, 'prod-eu']);
  assert.equal(read({ verificationResult: 'FAILED', more: true, slsaVersion: '1.3' }), null);
});

test('the environment counts only if the levels say it too; the door that was broken is said there', () => {
  assert.equal(read({ verifiedLevels: [] })?.environment, null);
  assert.equal(read({ verifiedLevels: [levelOf('prod')] })?.environment, null);
  assert.equal(read({ verifiedLevels: [levelOf('prod-eu'), 'WEIGHMARK_BREAK_GLASS'] })?.breakGlass, true);
  assert.deepEqual(buildPromotion({ ...PARTS, breakGlass: true })['verifiedLevels'], [
    levelOf('prod-eu'),
    'WEIGHMARK_BREAK_GLASS',
  ]);
  assert.deepEqual(buildPromotion({ ...PARTS, passed: false })['verifiedLevels'], ['FAILED']);
  assert.equal(buildPromotion({ ...PARTS, passed: false })['verificationResult'], 'FAILED');
});

test('a resource that is not ours is no environment of ours', () => {
  for (const resourceUri of [
    'https://example.org/x?env=prod-eu',
    'weighmark://log?env=prod-eu',
    'weighmark://a/b?env=',
    'x',
  ]) {
    const found = read({ resourceUri });
    assert.deepEqual([found?.resource, found?.environment, found?.resourceUri], [null, null, resourceUri]);
  }
});
