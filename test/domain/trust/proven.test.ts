import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { readPublicKey, shownFingerprint } from '../../../src/domain/pki/keys.ts';
import { verifyClaim } from '../../../src/domain/trust/verify-claim.ts';
import { MODEL, NOW, bundleFor, people, type Name } from '../policy/world.ts';

const bundle = bundleFor({ by: 'mallory', type: PREDICATES.evaluation, about: MODEL, predicate: { result: 'PASSED' } });

async function trustedAs(names: readonly Name[]): Promise<string | undefined> {
  const trust = names.map((name): TrustEntry => ({ name, anchor: { kind: 'key', pem: people[name].pem } }));
  const outcome = await verifyClaim(bundle, { trust, keyless: null, now: NOW });
  assert.ok(!outcome.trusted);
  assert.equal(outcome.refusal.code, 'signer-untrusted');
  return outcome.refusal.facts?.['trusted'];
}

const shown = (name: Name): string => `${name} ${shownFingerprint(readPublicKey(people[name].pem).fingerprint)}`;

test('a stranger’s signature is told from those trusted by their names and the fingerprints that keygen prints', async () => {
  assert.equal(await trustedAs(['anna']), shown('anna'));
  assert.equal(await trustedAs(['anna', 'bob']), `${shown('anna')}, ${shown('bob')}`);
  const five = await trustedAs(['anna', 'bob', 'carol', 'ci', 'rita']);
  assert.ok(five?.endsWith(shown('rita')), five);
  const six = await trustedAs(['anna', 'bob', 'carol', 'ci', 'rita', 'rob', 'glen']);
  assert.ok(six?.endsWith(`${shown('rita')} and 2 more`), six);
});

test('keys that the hint excludes are not asked: of many trusted, each costs next to nothing', async () => {
  const names = ['anna', 'bob', 'carol', 'ci', 'rita', 'rob', 'glen', 'mallory'] as const;
  const trust = names.map((name): TrustEntry => ({ name, anchor: { kind: 'key', pem: people[name].pem } }));
  const stepsAmong = async (entries: readonly TrustEntry[]): Promise<number> => {
    const { steps, result } = await workOf(() => verifyClaim(bundle, { trust: entries, keyless: null, now: NOW }));
    assert.deepEqual(result.trusted && result.trustedBy.map(({ name }) => name), ['mallory']);
    return steps;
  };
  await stepsAmong(trust);
  const alone = await stepsAmong(trust.slice(-1));
  const among = await stepsAmong(trust);
  assert.ok(among - alone < 7 * 30, `${alone} steps alone, ${among} among eight`);
});
