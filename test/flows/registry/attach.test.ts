import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { leafOfClaim } from '../../../src/flows/registry/attach.ts';
import { bundleFor } from '../../domain/policy/world.ts';

const ALONG = { name: 'acme/enc', id: `sha256:${'ab'.repeat(32)}` };
const OTHER = 'cd'.repeat(32);

test('a claim that came along names what it is about', () => {
  const bundle = bundleFor({
    by: 'anna',
    type: PREDICATES.evaluation,
    about: OTHER,
    predicate: { result: 'PASSED', configuration: [] },
  });
  assert.deepEqual(leafOfClaim(bundle, ALONG), {
    v: 1,
    kind: 'claim',
    name: 'acme/enc',
    manifest: `sha256:${OTHER}`,
    bundle: ociDigest(bundle),
  });
});

test('a revocation that came along says where it lies: every decision must find it', () => {
  const bundle = bundleFor({
    by: 'rita',
    type: PREDICATES.revocation,
    about: OTHER,
    predicate: { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: OTHER }, reason: 'x' },
  });
  assert.deepEqual(leafOfClaim(bundle, ALONG), {
    v: 1,
    kind: 'revocation',
    name: 'acme/enc',
    manifest: ALONG.id,
    bundle: ociDigest(bundle),
  });
});

test('a promotion that came along is history of another log: a claim', () => {
  const bundle = bundleFor({ by: 'ci', type: PREDICATES.promotion, about: ALONG.id.slice(7), predicate: {} });
  assert.equal(leafOfClaim(bundle, ALONG).kind, 'claim');
});

test('what cannot be read is logged as a claim of what it came along with', () => {
  assert.equal(leafOfClaim(Buffer.from('{'), ALONG).manifest, ALONG.id);
});
