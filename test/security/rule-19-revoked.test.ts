import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import type { LoggedRevocation } from '../../src/domain/authority/revocations.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { checkOf, verdictOf, type Finding } from '../../src/domain/base/verdict.ts';
import { verdictText } from '../../src/cli/views/verdict.ts';
import { PLAIN } from '../../src/cli/style.ts';
import {
  BASE,
  D0,
  PROD,
  approval,
  codes,
  claim,
  decide,
  facts,
  hex,
  honest,
  policy,
  type Name,
} from '../domain/policy/world.ts';

const prod = policy(PROD);

async function entry(
  by: Name,
  index: number | null,
  target: Record<string, unknown>,
  over: Record<string, unknown> = {},
): Promise<LoggedRevocation> {
  const predicate = { version: 1, action: 'revoke', target, reason: 'lost', ...over };
  return {
    claim: await claim({ by, type: PREDICATES.revocation, about: hex(JSON.stringify(predicate)), predicate }),
    index,
  };
}

async function answer(...revocations: readonly LoggedRevocation[]): Promise<readonly string[]> {
  return codes(decide(facts(Object.values(await honest()), { revocations }), prod));
}

const ARTIFACT = { kind: 'artifact', sha256: D0 };

test('rule 19: revokers revoke; others do not', async () => {
  assert.deepEqual(await answer(await entry('rita', 5, ARTIFACT)), ['revoked']);
  assert.deepEqual(
    await answer(await entry('rita', null, ARTIFACT)),
    ['revoked'],
    'one that came beside the log counts too',
  );
  assert.deepEqual(await answer(await entry('anna', 5, ARTIFACT)), []);
  assert.deepEqual(await answer(await entry('mallory', 5, ARTIFACT)), []);
});

test('rule 19: what a revoker signed and nobody understands refuses', async () => {
  for (const over of [
    { version: 3 },
    { action: 'maybe' },
    { reason: '' },
    { target: { kind: 'planet', sha256: D0 } },
  ]) {
    assert.deepEqual(await answer(await entry('rita', 5, ARTIFACT, over)), ['claim-malformed'], JSON.stringify(over));
  }
  for (const over of [{ version: 2 }, { extra: true }, { target: { ...ARTIFACT, also: 1 } }])
    assert.deepEqual(await answer(await entry('rita', 5, ARTIFACT, over)), ['revoked'], JSON.stringify(over));
});

test('rule 19: undoing takes two people, in the log, after the revocation', async () => {
  const revoked = await entry('rita', 5, ARTIFACT);
  const undo = (by: Name, index: number | null, reason = 'undo'): Promise<LoggedRevocation> =>
    entry(by, index, ARTIFACT, { action: 'reinstate', reason });
  assert.deepEqual(await answer(revoked, await undo('rita', 6)), ['revoked']);
  assert.deepEqual(await answer(revoked, await undo('rita', 6), await undo('rita', 7, 'again')), ['revoked']);
  assert.deepEqual(await answer(revoked, await undo('rita', 6), await undo('rob', 7)), []);
  assert.deepEqual(
    await answer(revoked, await undo('rita', 3), await undo('rob', 4)),
    ['revoked'],
    'undone before it was done',
  );
  assert.deepEqual(
    await answer(revoked, await undo('rita', null), await undo('rob', null)),
    ['revoked'],
    'not in the log',
  );
  assert.deepEqual(
    await answer(await undo('rob', 7), revoked, await undo('rita', 6)),
    [],
    'the order they come in does not matter',
  );
});

test('rule 19: of a lost signer only what verifiably came before still stands', async () => {
  const lost = (since: string): Promise<LoggedRevocation> =>
    entry('rita', 5, { kind: 'principal', name: 'anna', since });
  assert.deepEqual(await answer(await lost('2026-11-10T00:00:00Z')), []);
  assert.deepEqual(await answer(await lost('2026-11-02T00:00:00Z')), ['revoked']);
  const claims = await honest();
  const undated = { ...claims, base: { ...claims.base, times: [] } };
  const given = facts(Object.values(undated), { revocations: [await lost('2026-11-10T00:00:00Z')] });
  assert.deepEqual(codes(decide(given, prod)), ['revoked'], 'without a verified time all fall');
});

test('rule 19: a revoker counts as of its place in the log', async () => {
  const before = await entry('rita', 5, ARTIFACT);
  const lostRita = await entry('rob', 6, { kind: 'principal', name: 'rita', since: '2020-01-01T00:00:00Z' });
  const after = await entry('rita', 7, { kind: 'artifact', sha256: BASE });
  assert.deepEqual(await answer(before, lostRita), ['revoked']);
  assert.deepEqual(await answer(lostRita, after), ['denial-unconfirmed'], 'nobody can tell whether that was before');
  const again = await entry('rob', 8, { kind: 'artifact', sha256: BASE });
  assert.deepEqual(await answer(lostRita, after, again), ['revoked'], 'confirmed');
  const lifted = await entry('rob', 8, { kind: 'claim', sha256: after.claim.bundle, pae: after.claim.pae });
  assert.deepEqual(await answer(lostRita, after, lifted), [], 'lifted');
});

test('rule 19: what a lost revoker says of an input leaves the answer open, by whatever digest they name it', async () => {
  const lostRita = await entry('rob', 6, { kind: 'principal', name: 'rita', since: '2020-01-01T00:00:00Z' });
  const root = omsRoot([hex('rows')]);
  const known = [{ id: `sha256:${D0}`, root, files: new Map([['rows.csv', hex('rows')]]), single: true }];
  for (const sha256 of [D0, root, hex('rows')]) {
    const after = await entry('rita', 7, { kind: 'artifact', sha256 });
    const given = facts(Object.values(await honest()), { revocations: [lostRita, after], known });
    assert.deepEqual(codes(decide(given, prod)), ['denial-unconfirmed'], sha256);
  }
  assert.deepEqual(await answer(lostRita, await entry('rita', 7, { kind: 'artifact', sha256: hex('other') })), []);
});

test('rule 19: a claim is revoked however it is wrapped; who is no revoker takes back only their own', async () => {
  const claims = await honest();
  const target = { kind: 'claim', sha256: claims.carol.bundle, pae: claims.carol.pae };
  const rewrapped = { ...claims.carol, bundle: 'f'.repeat(64) };
  const given = (by: Name) =>
    entry(by, 5, target).then((revocation) =>
      codes(decide(facts(Object.values({ ...claims, carol: rewrapped }), { revocations: [revocation] }), prod)),
    );
  assert.deepEqual(await given('rita'), ['revoked']);
  assert.deepEqual(await given('carol'), ['revoked']);
  assert.deepEqual(await given('bob'), []);
});

test('a yes says whether any revocation concerns it, not only how many there are', async () => {
  const claims = Object.values(await honest());
  const said = (given: typeof claims, ...revocations: readonly LoggedRevocation[]): readonly string[] =>
    decide(facts(given, { revocations }), prod)
      .checks.filter(({ name }) => name === 'revocation')
      .flatMap(({ evidence }) => evidence.map(({ what }) => what));
  const elsewhere = await entry('rita', 5, { kind: 'artifact', sha256: hex('elsewhere') });
  assert.deepEqual(said(claims), ['0 revocations known to the log']);
  assert.deepEqual(said(claims, elsewhere), ['1 revocation known to the log, none concerns it']);
  const words = ['2 revocations known to the log, of which one at least concerns this'];
  assert.deepEqual(said(claims, elsewhere, await entry('rita', 6, ARTIFACT)), words, 'an ancestor');
  const extra = await approval('bob', 'prod', undefined, '2026-11-19T14:00:00Z');
  const target = { kind: 'claim', sha256: extra.bundle, pae: extra.pae };
  assert.deepEqual(said([...claims, extra], elsewhere, await entry('rita', 6, target)), words, 'one of its claims');
});

test('that it was revoked leads the last line, whatever else is wrong', () => {
  const finding = (code: Finding['code'], message: string) => checkOf('x', [], [{ code, message }]);
  const checks = [
    finding('policy-mismatch', 'promoted under another policy'),
    finding('revoked', 'it was revoked by rita'),
  ];
  const verdict = verdictOf({ subject: 'acme/enc:1', checks });
  assert.match(
    verdictText({ verdict, by: null }, PLAIN),
    /\nFAILED: acme\/enc:1: it was revoked by rita; do not load\n$/,
  );
});
