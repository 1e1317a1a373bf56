import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as library from '../../src/index.ts';
import { mustBeSilent } from './silent.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-records-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mustBeSilent();

const cache = join(folder, 'cache');

async function dataset(name: string, rows: readonly number[]): Promise<string> {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'rows.jsonl'), rows.map((id) => `{"id":${id}}\n`).join(''));
  await library.indexDataset(path, { cache });
  return path;
}

async function person(name: string) {
  const made = await library.keygen(join(folder, name));
  const pem = readFileSync(made.publicKey, 'utf8');
  const trust = [{ name, anchor: { kind: 'key' as const, pem } }];
  return { spki: made.spki, signer: await library.keySigner(made.privateKey), trust };
}

async function registryAt(name: string) {
  const [env, logKeyFile] = [{ HOME: folder }, join(folder, `${name}-log.key`)];
  const { location, vkeys } = await library.initRegistry(join(folder, name), { env, logKeyFile });
  return library.openRegistry(location, { env, logVkeys: vkeys, logKeyFile });
}

test('indexDataset keeps its index where it is told, and none without a cache', async () => {
  const path = join(folder, 'plain');
  mkdirSync(path);
  writeFileSync(join(path, 'rows.csv'), 'a\n1\n2\n2\n');
  const alone = await library.indexDataset(path);
  assert.deepEqual([alone.roots.records, alone.roots.distinct, alone.index], [3, 2, null]);
  await assert.rejects(library.proveRecords(path, { position: 0 }, { cache }), { code: 'not-found' });
  const kept = await library.indexDataset(path, { cache });
  assert.deepEqual(kept.roots, alone.roots);
  assert.ok(kept.index?.startsWith(cache) && readdirSync(cache).length > 0);
  await assert.rejects(library.indexDataset(path, { secret: new Uint8Array(31) }), { code: 'key-unusable' });
  const odd = join(folder, 'odd.bin');
  writeFileSync(odd, 'x');
  await assert.rejects(library.indexDataset(odd), { code: 'usage' });
});

test('diffDatasets tells what changed, to the cell by a key, and refuses a column that is not there', async () => {
  const [a, b] = [await dataset('a', [1, 2, 3]), await dataset('b', [1, 3, 4])];
  const { removed, added, common, differs } = await library.diffDatasets(a, b, { cache });
  assert.deepEqual([removed, added, common, differs], [1, 1, 2, true]);
  assert.equal((await library.diffDatasets(a, a, { cache })).differs, false);
  await assert.rejects(library.diffDatasets(a, b, { cache, label: 'none' }), { code: 'usage' });
});

test('a proof that a record is there, is not, or that records were only added holds without the dataset; another does not', async () => {
  const [before, after_] = [await dataset('before', [1, 2]), await dataset('after', [1, 2, 3])];
  const proofAt = join(folder, 'proof.json');
  for (const [asked, kind] of [
    [{ record: '{"id":3}' }, 'present'],
    [{ position: 2 }, 'present'],
    [{ record: '{"id":9}' }, 'absent'],
    [{ extends: before }, 'extends'],
  ] as const) {
    const { proof, proven, seen } = await library.proveRecords(after_, asked, { cache });
    assert.deepEqual([proven.kind, seen], [kind, true]);
    writeFileSync(proofAt, proof);
    const of = 'position' in asked ? {} : asked;
    assert.equal((await library.checkProof(proofAt, after_, of)).proven.kind, kind);
    await assert.rejects(library.checkProof(proofAt, before, of), { code: 'proof-invalid' });
  }
  await assert.rejects(library.checkProof(proofAt, after_, { record: '{"id":1}' }), { code: 'proof-invalid' });
  await assert.rejects(library.proveRecords(after_, { position: -1 }, { cache }), { code: 'usage' });
});

test('a step, a split and a removal are recomputed from the datasets, and refused where they were not', async () => {
  const [all, train, held] = [
    await dataset('all', [1, 2, 3]),
    await dataset('train', [1, 2]),
    await dataset('held', [3]),
  ];
  const made = await library.checkDerivation('filter', { from: [all], to: [train] }, { cache });
  assert.equal(made.outcome, 'verified');
  const back = await library.checkDerivation('filter', { from: [train], to: [all] }, { cache });
  assert.equal(back.exitCode, 1);
  await assert.rejects(library.checkDerivation('filter', { from: [], to: [all] }, { cache }), { code: 'usage' });
  assert.equal((await library.checkDisjoint(train, held, { cache })).outcome, 'verified');
  assert.equal((await library.checkDisjoint(all, held, { cache })).exitCode, 1);
  const { proof } = await library.proveRecords(all, { record: '{"id":3}' }, { cache });
  const list = join(folder, 'removed');
  writeFileSync(list, `weighmark-removed/1\n${(JSON.parse(proof) as { record: string }).record}\n`);
  assert.equal((await library.checkRemoved(train, list, { cache })).outcome, 'verified');
  assert.equal(library.findingsOf(await library.checkRemoved(all, list, { cache }))[0]?.code, 'removed-record');
});

test('the log is shown, proven, checked offline, and verified; another key is refused', async () => {
  const [anna, registry] = [await person('anna'), await registryAt('logged')];
  const [model, other] = [join(folder, 'm'), join(folder, 'o')];
  for (const path of [model, other]) {
    mkdirSync(path);
    writeFileSync(join(path, 'w.bin'), path);
  }
  const { id } = await library.seal(model, { signer: anna.signer, name: 'm:1' });
  await library.push(model, registry);
  await library.push(other, registry, { as: 'o:1' });
  const whole = await library.showLog(registry, { trust: anna.trust });
  assert.ok(whole.size > 1 && whole.actors?.length === whole.entries.length);
  assert.ok(whole.actors.some(({ name }) => name === 'anna'));
  const about = await library.showLog(registry, { about: 'm:1', kind: 'push', last: 1 });
  assert.deepEqual([about.entries.map(({ leaf }) => leaf.manifest), about.actors], [[id], undefined]);
  assert.ok((await library.showLog(registry, { about: 'o' })).entries.every(({ leaf }) => leaf.name === 'o'));
  assert.deepEqual(await library.showLog(registry, { last: 1 }).then(({ entries }) => entries.length), 1);
  await assert.rejects(library.showLog(registry, { about: 'none:1' }), { code: 'not-found' });
  await assert.rejects(library.showLog(registry, { last: 0 }), { code: 'usage' });

  const proven = await library.proveLogged(registry, { about: 'm:1', kind: 'push' });
  assert.equal((await library.proveLogged(registry, proven.index)).leaf.manifest, id);
  const { vkeys } = await library.verifyLog(registry);
  assert.equal((await library.checkLogProof(proven.proof, { vkeys })).leaf.manifest, id);
  const stranger = await registryAt('stranger');
  await assert.rejects(library.checkLogProof(proven.proof, { vkeys: stranger.log.vkeys }), {
    code: 'log-key-mismatch',
  });
  await assert.rejects(library.checkLogProof(proven.proof, { vkeys: [] }), { code: 'trust-missing' });
  await assert.rejects(library.proveLogged(registry, -1), { code: 'usage' });
  assert.equal((await library.integrate(registry)).size, whole.size);
});

test('a policy is held to its log, is tested by cases, and promotes again all that it lets in', async () => {
  const [anna, registry, stranger] = [
    await person('gate-anna'),
    await registryAt('gated'),
    await registryAt('elsewhere'),
  ];
  const policyOf = (key: string, more = ''): string => `format: weighmark-policy/1
name: demo
version: 1
expires: 2099-01-01
principals: { anna: { keys: [${anna.spki}] } }
roles: { publisher: [anna], trainer: [anna], promoter: [anna] }
log: { key: "${key}" }
environments: [{ name: prod${more} }]
`;
  const [own] = registry.log.vkeys;
  const policy = policyOf(own ?? '');
  const model = join(folder, 'gated-model');
  mkdirSync(model);
  writeFileSync(join(model, 'rows.csv'), 'a,b\n1,2\n');
  const { id } = await library.seal(model, { signer: anna.signer, name: 'demo:1' });
  await library.push(model, registry);
  const gate = { registry, policy, name: 'demo', reference: '1', environment: 'prod' };
  assert.equal((await library.promote({ ...gate, signer: anna.signer })).promoted?.by, 'anna');
  const foreign = policyOf(stranger.log.vkeys[0] ?? '');
  for (const refused of [
    () => library.promote({ ...gate, policy: foreign, signer: anna.signer, dryRun: true }),
    () => library.explain({ ...gate, policy: foreign }),
    () => library.audit({ registry, policy: foreign }),
    () => library.integrate(registry, { policy: foreign }),
    () => library.inventory({ paths: [model], promotion: { registry, policy: foreign } }),
  ])
    await assert.rejects(refused, { code: 'log-key-mismatch' });

  const again = { registry, environment: 'prod', signer: anna.signer };
  const holds = await library.promoteAll({ ...again, policy });
  assert.deepEqual(
    holds.map(({ name, result }) => [name, result]),
    [['demo', 'holds']],
  );
  const stricter = policyOf(own ?? '', ', require: [evaluation]');
  const [refused] = await library.promoteAll({ ...again, policy: stricter });
  assert.deepEqual([refused?.result, refused?.verdict.exitCode === 0], ['refused', false]);

  const asked = { paths: [model], hash: true, promotion: { registry, policy, environment: 'prod' } };
  const { items } = await library.inventory(asked);
  assert.deepEqual(
    items.map((item) => [item.id, item.promoted, item.signature?.by]),
    [[id, ['prod'], 'anna']],
  );

  const cases = join(folder, 'cases.yaml');
  writeFileSync(join(folder, 'claims.jsonl'), readFileSync(join(model, 'claims.jsonl')));
  const one = (expect: string): string =>
    `cases:\n  - { name: one, claims: [claims.jsonl], expect: ${expect}, environment: prod, artifact: demo, id: "${id}", at: 2026-11-21T12:00:00Z }\n`;
  writeFileSync(cases, one('pass'));
  const parsed = await library.parsePolicy(policy);
  assert.deepEqual(
    (await library.testPolicy(parsed, cases)).map(({ passed }) => passed),
    [true],
  );
  writeFileSync(cases, one('[approval-missing]'));
  assert.deepEqual(
    (await library.testPolicy(parsed, cases)).map(({ passed }) => passed),
    [false],
  );
  writeFileSync(cases, 'cases: []\n');
  await assert.rejects(library.testPolicy(parsed, cases), { name: 'WeighmarkError' });
  await assert.rejects(library.testPolicy(parsed, join(folder, 'none.yaml')), { code: 'not-found' });
});
