import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { orphanFinding, orphansBetween } from '../../../src/domain/policy/orphans.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import type { LogEntry } from '../../../src/domain/tlog/leaf.ts';
import {
  D0,
  ID,
  MODEL,
  ORIGIN,
  PROD,
  ROLES,
  claim,
  evaluation,
  hex,
  logged,
  policy,
  promotion,
  type Name,
} from './world.ts';

const before = policy(PROD);
/** Rita, Erin and Ci are nobody any more. */
const roles = ROLES.replace('[rita, rob]', '[rob]').replaceAll('[erin]', '[dana]').replace('[ci]', '[bob]');
const today = policy(PROD, '', roles);

const record = (word: string): string => hex(word);
const removal = (by: Name, records: readonly string[], over: { hashing?: 'open' | 'keyed'; profile?: 'text' } = {}) =>
  claim({
    by,
    type: PREDICATES['removed-records'],
    about: D0,
    predicate: buildRemovedRecords({
      key: null,
      hashing: over.hashing ?? 'open',
      profile: over.profile ?? 'typed',
      records: records.map(record),
    }),
    name: 'acme/data:1',
  });
const check = (by: Name, result: string) =>
  claim({
    by,
    type: PREDICATES['records-check'],
    about: D0,
    predicate: { check: 'overlap', result },
    name: 'acme/data',
  });
const revocation = (by: Name, target: object, action = 'revoke') =>
  claim({ by, type: PREDICATES.revocation, about: MODEL, predicate: { version: 1, action, reason: 'so', target } });
const revoking = (of: VerifiedClaim, index: number): LogEntry => ({
  index,
  leaf: { v: 1, kind: 'revocation', name: 'acme/enc', manifest: ID, bundle: `sha256:${of.bundle}` },
});

const found = (claims: readonly VerifiedClaim[], entries: readonly LogEntry[] = [], then: Policy = today) =>
  orphansBetween({ policy: before, claims }, { policy: then, claims }, { origin: ORIGIN, entries });
const words = (...args: Parameters<typeof found>): readonly string[] =>
  found(...args).map(({ what, by }) => `${what} by ${by}`);

test('a list of records that must go outlives its speaker, until somebody of today wants the same records gone', async () => {
  const list = await removal('rita', ['a', 'b']);
  assert.deepEqual(words([list]), ['2 records of acme/data must go, by a list by rita']);
  assert.deepEqual(words([list, await removal('rob', ['a'])]).length, 1, 'one of them stays');
  assert.deepEqual(words([list, await removal('rob', ['a']), await removal('rob', ['b', 'c'])]), []);
  assert.deepEqual(words([list, await removal('rob', ['a', 'b'], { hashing: 'keyed' })]).length, 1, 'other hashes');
  assert.deepEqual(words([list, await removal('rob', ['a', 'b'], { profile: 'text' })]).length, 1, 'other words');
  assert.deepEqual(words([list, await removal('dana', ['a', 'b'])]).length, 1, 'not by a revoker');
  assert.deepEqual(words([await removal('rob', ['a']), await removal('mallory', ['a'])]), [], 'heard, and never heard');
  const broken = await claim({ by: 'rita', type: PREDICATES['removed-records'], about: D0, predicate: {}, name: 'x' });
  assert.deepEqual(words([broken, await removal('rob', ['a'])]), [
    'records that cannot be read of x must go, by a list by rita',
  ]);
});

test('a check of records that failed outlives its speaker; one that passed says nothing', async () => {
  const failed = await check('erin', 'FAILED');
  assert.deepEqual(words([failed, await check('erin', 'PASSED')]), [
    'acme/data was evaluated, scanned or checked, and not with a pass by erin',
  ]);
  const gone = await revocation('rob', { kind: 'artifact', sha256: D0 });
  assert.deepEqual(words([failed, gone], [revoking(gone, 3)]), [], 'what it is about is revoked by somebody of today');
});

test('what somebody of today takes back is no orphan; nor what was taken back before', async () => {
  const list = await removal('rita', ['a']);
  const lifting = async (by: Name) => revocation(by, { kind: 'claim', sha256: list.bundle, pae: list.pae });
  const [rob, rita, dana] = await Promise.all([lifting('rob'), lifting('rita'), lifting('dana')]);
  assert.deepEqual(words([list, rob], [revoking(rob, 1)]), []);
  assert.deepEqual(words([list, rita], [revoking(rita, 1)]), [], 'by herself, while she might');
  assert.equal(words([list, dana], [revoking(dana, 1)]).length, 1, 'by somebody who may not');
  assert.equal(words([list, rob]).length, 1, 'and it is in the log');
  const yes = await evaluation('PASSED');
  const taken = await revocation('rita', { kind: 'claim', sha256: yes.bundle, pae: yes.pae });
  assert.equal(words([yes, taken], [revoking(taken, 1)]).length, 1, 'who took back a yes said no');
});

test('a revocation in force, or one that cannot be read, is an orphan; what was settled since is none', async () => {
  const target = { kind: 'artifact', sha256: MODEL };
  const said = await revocation('rita', target);
  assert.deepEqual(words([said], [revoking(said, 1)]), [`artifact sha256:${MODEL} was revoked by rita`]);
  const again = await revocation('rob', target);
  assert.deepEqual(words([said, again], [revoking(said, 1), revoking(again, 2)]), []);
  const odd = await revocation('rita', { kind: 'planet' });
  const [orphan] = found([odd], [revoking(odd, 1)]);
  assert.deepEqual([orphan?.what, orphan?.target, orphan?.entry?.index], ['a revocation that cannot be read', null, 1]);
});

test('what was open before is an orphan; what was let count again before is none', async () => {
  const three = policy(PROD, '', ROLES.replace('[rita, rob]', '[rita, rob, dana]'));
  const undone = await revocation('dana', { kind: 'artifact', sha256: MODEL });
  const undoing = await Promise.all(
    (['rob', 'dana'] as const).map((by) => revocation(by, { kind: 'artifact', sha256: MODEL }, 'reinstate')),
  );
  const lost = await revocation('rob', { kind: 'principal', name: 'rita', since: '2026-01-01T00:00:00Z' });
  const open = await revocation('rita', { kind: 'artifact', sha256: D0 });
  const claims = [undone, ...undoing, lost, open];
  const entries = claims.map(revoking);
  const orphans = orphansBetween({ policy: three, claims }, { policy: today, claims }, { origin: ORIGIN, entries });
  assert.deepEqual(
    orphans.map(({ claim: { bundle }, entry }) => [bundle, entry?.index]),
    [[open.bundle, 4]],
  );
});

test('who is not there under the later policy at all is heard no more', async () => {
  const list = await removal('rita', ['a']);
  assert.equal(
    orphansBetween({ policy: before, claims: [list] }, { policy: today, claims: [] }, { origin: ORIGIN, entries: [] })
      .length,
    1,
  );
});

test('a withdrawal holds until somebody of today promotes the same name to the same place', async () => {
  const withdrawn = await promotion(before, { passed: false });
  const newer = await promotion(today, { by: 'bob' });
  const by = (env: string, over = {}) => [logged(4, withdrawn, 'prod'), logged(5, newer, env, over)];
  assert.deepEqual(words([withdrawn], [logged(4, withdrawn, 'prod')]), ['acme/enc was withdrawn from prod by ci']);
  assert.deepEqual(words([withdrawn, newer], by('prod')), []);
  assert.equal(words([withdrawn, newer], by('staging')).length, 1);
  assert.equal(words([withdrawn, newer], by('prod', { name: 'acme/other' })).length, 1);
  assert.equal(words([withdrawn, newer], by('prod', { kind: 'claim' })).length, 1);
  assert.equal(words([withdrawn, newer], [logged(6, withdrawn, 'prod'), logged(5, newer, 'prod')]).length, 1, 'older');
  for (const by of ['carol', 'glen'] as const) {
    const other = await promotion(today, { by });
    assert.equal(words([withdrawn, other], [logged(4, withdrawn, 'prod'), logged(5, other, 'prod')]).length, 1, by);
  }
});

test('a withdrawal that is not logged as one holds until somebody of today promotes upon it', async () => {
  const withdrawn = await promotion(before, { passed: false });
  const said = ['acme/enc was withdrawn from prod by ci'];
  const asClaim = logged(4, withdrawn, 'prod', { kind: 'claim' });
  for (const entries of [[], [asClaim], [logged(4, withdrawn, 'staging')]])
    assert.deepEqual(words([withdrawn], entries), said, 'wherever it lies');
  const [upon, without] = [
    await promotion(today, { by: 'bob', inputs: [withdrawn.bundle] }),
    await promotion(today, { by: 'bob', inputs: [hex('another')] }),
  ];
  const stranger = await promotion(today, { by: 'mallory', inputs: [withdrawn.bundle] });
  assert.deepEqual(words([withdrawn, upon], [logged(3, upon, 'prod')]), []);
  assert.deepEqual(words([withdrawn, upon], [asClaim, logged(5, upon, 'prod')]), []);
  assert.deepEqual(words([withdrawn, without], [logged(5, without, 'prod')]), said, 'it does not know of it');
  assert.deepEqual(words([withdrawn, stranger], [logged(5, stranger, 'prod')]), said);
  assert.deepEqual(words([withdrawn, upon], [logged(5, upon, 'staging')]), said, 'another place');
  assert.deepEqual(words([withdrawn, upon], [logged(5, upon, 'prod', { kind: 'claim' })]), said, 'no promotion');
  assert.deepEqual(words([withdrawn, upon], [logged(5, upon, 'prod', { name: 'acme/other' })]), said, 'another name');
});

test('a copy of a withdrawal is judged in the place of the first one', async () => {
  const withdrawn = await promotion(before, { passed: false });
  const copy = { ...withdrawn, bundle: hex('wrapped anew') };
  const newer = await promotion(today, { by: 'bob' });
  const entries = [logged(4, withdrawn, 'prod'), logged(5, newer, 'prod')];
  assert.deepEqual(words([withdrawn, copy, newer], entries), []);
  assert.deepEqual(words([withdrawn, copy, newer], [...entries, logged(6, copy, 'prod')]), []);
  const [first] = found([copy, withdrawn], [logged(6, copy, 'prod'), logged(4, withdrawn, 'prod')]);
  assert.deepEqual([first?.entry?.index, first?.place], [4, { name: 'acme/enc', environment: 'prod', origin: ORIGIN }]);
});

test('a withdrawal from a place of another log is none; one that does not say from where is of its entry', async () => {
  const withdrawn = await promotion(before, { passed: false });
  const saying = (resourceUri: unknown): VerifiedClaim => {
    const predicate = { ...withdrawn.statement.predicate, resourceUri };
    return { ...withdrawn, statement: { ...withdrawn.statement, predicate } };
  };
  const at = [logged(4, withdrawn, 'prod')];
  for (const uri of ['weighmark://log.other.example/acme/enc?env=prod', 'acme/enc', ''])
    assert.deepEqual(words([saying(uri)], at), [], uri);
  const newer = await promotion(today, { by: 'bob' });
  for (const uri of [undefined, 7]) {
    assert.deepEqual(words([saying(uri)], at), ['acme/enc was withdrawn from prod by ci']);
    assert.deepEqual(words([saying(uri), newer], [...at, logged(5, newer, 'prod')]), []);
    assert.deepEqual(words([saying(uri), newer], [logged(5, newer, 'prod')]), [
      'acme/enc was withdrawn from an environment that is not said by ci',
    ]);
    const [nowhere] = found([saying(uri)]);
    assert.deepEqual([nowhere?.place, nowhere?.entry], [null, null]);
  }
});

test('an evaluation is heard by its role; each orphan says how somebody of today says the same', async () => {
  const no = await evaluation('FAILED');
  assert.deepEqual(words([no, await evaluation('PASSED')]), [
    'acme/enc was evaluated, scanned or checked, and not with a pass by erin',
  ]);
  assert.deepEqual(words([no, await evaluation('FAILED', undefined, 'mallory')], [], before), [], 'nothing changed');
  const [list, said] = [await removal('rita', ['a']), await revocation('rita', { kind: 'artifact', sha256: MODEL })];
  const withdrawn = await promotion(before, { passed: false });
  const all = found([no, list, said, withdrawn], [revoking(said, 1), logged(4, withdrawn, 'prod')]);
  const hints = all.map((each) => orphanFinding(each, before)).map(({ code, hint }) => `${code} ${hint}`);
  assert.equal(hints.length, 4);
  for (const [index, word] of [
    'weighmark revoke`',
    'attest --type removed-records',
    'revoke --again',
    'rollback',
  ].entries())
    assert.match(hints[index] ?? '', new RegExp(`^revocation-orphaned .*${word}`));
  assert.deepEqual(
    hints.map((hint) => (hint.includes('--undo') ? 'undo' : 'claim')),
    ['claim', 'claim', 'undo', 'claim'],
  );
  assert.equal(orphanFinding(all[0]!, before).facts?.['policy'], `acme version 1, ${before.digest}`);
});
