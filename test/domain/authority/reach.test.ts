import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authority } from '../../../src/domain/authority/authority.ts';
import { reaching, revocationTargets } from '../../../src/domain/authority/reach.ts';
import type { Revocations } from '../../../src/domain/authority/revocations.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { Subject, VerifiedClaim } from '../../../src/domain/claims/types.ts';

const [ID, ROOT, OTHER] = ['a', 'e', '0'].map((digit) => digit.repeat(64)) as [string, string, string];
const claim = (predicateType: string, subjects: readonly Subject[], predicate: Record<string, unknown> = {}) =>
  ({ bundle: 'b', statement: { _type: 'x', subject: subjects, predicateType, predicate } }) as unknown as VerifiedClaim;
const bom = claim(PREDICATES.bom, [subject('manifest', 'acme/enc:1', ID), subject('root', 'acme/enc:1', ROOT)]);

/** Only this digest is revoked; only whoever may speak of `acme/enc` may speak. */
const revoked = (digest: string): Revocations =>
  ({ ofArtifact: (asked: string) => (asked === digest ? { reason: 'bad' } : null) }) as unknown as Revocations;
const speaks = {
  rolesOf: (_: unknown, name: string) => (name === 'acme/enc' ? ['publisher'] : []),
} as unknown as Authority;
const silent = { rolesOf: () => [] } as unknown as Authority;

const reach = (digest: string, asked: string, authority: Authority, claims: readonly VerifiedClaim[] = [bom]) =>
  reaching(revoked(digest), { claims, known: new Map(), authority }).ofArtifact(asked)?.reason ?? null;

test('a revocation reaches who names the artifact by another digest that somebody entitled signed', () => {
  assert.equal(reach(ID, ID, silent), 'bad');
  assert.equal(reach(ID, ROOT, speaks), 'bad');
  assert.equal(reach(ROOT, ID, speaks), 'bad');
  assert.equal(reach(ID, OTHER, speaks), null);
  assert.equal(reach(OTHER, ID, speaks), null);
});

test('and by what is at hand, whoever signed it', () => {
  const known = new Map([[ID, { id: `sha256:${ID}`, root: ROOT }]]);
  const { ofArtifact } = reaching(revoked(ID), { claims: [], known, authority: silent });
  assert.equal(ofArtifact(ROOT)?.reason, 'bad');
  assert.equal(ofArtifact(OTHER), null);
});

test('what somebody signs who may not speak of that name spreads no revocation', () => {
  assert.equal(reach(ID, ROOT, silent), null);
  const named = claim(PREDICATES.bom, [subject('manifest', 'other/x:1', ID), subject('root', 'other/x:1', ROOT)]);
  assert.equal(reach(ID, ROOT, speaks, [named]), null);
});

const [LIST, WEIGHTS] = ['c', 'd'].map((digit) => digit.repeat(64)) as [string, string];
const weighed = claim(PREDICATES.bom, [
  subject('manifest', 'acme/enc:1', ID),
  subject('list', '.weighmark/weights', LIST),
]);
/** Its weights are revoked, or nobody's are. */
const weightsReach = (namesWeights: boolean, weights: ReadonlyMap<string, ReadonlySet<string>>) =>
  reaching(
    { ...revoked(`blake3:${WEIGHTS}`), namesWeights },
    { claims: [weighed, bom], known: new Map(), authority: speaks, weights },
  );

test('a revocation of weights reaches who has them by a list that was bound; one that is not here leaves it open', () => {
  const here = weightsReach(true, new Map([[LIST, new Set([WEIGHTS])]]));
  assert.equal(here.ofArtifact(ID)?.reason, 'bad');
  assert.equal(here.ofArtifact(ROOT)?.reason, 'bad');
  assert.equal(here.ofArtifact(OTHER), null);
  assert.equal(here.unlisted(ID), null);
  const absent = weightsReach(true, new Map());
  assert.deepEqual([absent.ofArtifact(ID), absent.unlisted(ID), absent.unlisted(OTHER)], [null, LIST, null]);
  const other = weightsReach(true, new Map([[LIST, new Set([OTHER])]]));
  assert.deepEqual([other.ofArtifact(ID), other.unlisted(ID)], [null, null]);
});

test('what is no list that was bound says nothing of weights, and nothing is asked where none are revoked', () => {
  const unbound = weightsReach(true, new Map([[ROOT, new Set([WEIGHTS])]]));
  assert.deepEqual([unbound.ofArtifact(ID), unbound.unlisted(ID)], [null, LIST]);
  const unasked = weightsReach(false, new Map([[LIST, new Set([WEIGHTS])]]));
  assert.equal(unasked.ofArtifact(ID), null);
  assert.equal(weightsReach(false, new Map()).unlisted(ID), null);
});

const revocation = (subjects: readonly Subject[], target: unknown, type: string = PREDICATES.revocation) =>
  revocationTargets(claim(type, subjects, { target }));
const target = { kind: 'artifact', sha256: ID };

test('a revoked artifact is looked up by the name its signer gives, and it is told whether its other digests are said', () => {
  const own = subject('manifest', 'acme/enc:1', ID);
  assert.deepEqual(revocation([own], target), [{ name: 'acme/enc', id: `sha256:${ID}`, isSaid: false }]);
  assert.deepEqual(revocation([subject('manifest', 'x', OTHER), own], target), [
    { name: 'acme/enc', id: `sha256:${ID}`, isSaid: false },
  ]);
  assert.deepEqual(revocation([own, subject('root', 'acme/enc:1', ROOT)], target), [
    { name: 'acme/enc', id: `sha256:${ID}`, isSaid: true },
  ]);
  assert.deepEqual(revocation([subject('manifest', 'x', OTHER)], target), []);
  assert.deepEqual(revocation([own], { ...target, kind: 'claim' }), []);
  assert.deepEqual(revocation([own], { ...target, sha256: 'short' }), []);
  assert.deepEqual(revocation([own], null), []);
  assert.deepEqual(revocation([own], target, PREDICATES.approval), []);
});
