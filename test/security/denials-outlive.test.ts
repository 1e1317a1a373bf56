import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { buildPromotion } from '../../src/domain/authority/vsa.ts';
import { findingsOf } from '../../src/domain/base/verdict.ts';
import { paeDigest } from '../../src/domain/claims/dsse.ts';
import { buildRemovedRecords } from '../../src/domain/claims/removed-records.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { orphansAgainst } from '../../src/flows/gate/earlier-policies.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import { bundleFor, manifest, people, signBundle, type Name } from '../domain/policy/world.ts';
import {
  MODEL_FILES,
  bare,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../flows/gate-world.ts';
import { PREDICATES, REVOCATION, answers, attach, failed, hashOf, revocationOf, world } from './denials-world.ts';

/** A "no" outlives its speaker: who leaves the policy takes nothing with them that they said against anything. */
const BEFORE = policyText();
const POLICY = parsePolicy(BEFORE);

/** A later policy in which `gone` holds nothing any more, and `then` what they held. */
function without(gone: Name, then: Name, rest = ''): Buffer {
  return Buffer.from(
    policyText(undefined, rest)
      .toString()
      .replace('version: 1', 'version: 2')
      .replace(new RegExp(`\\n  ${gone}: .*`), '')
      .replace(/\nroles:[\s\S]*?\n(?=\n|environments|formerly)/, (roles) =>
        roles.replaceAll(`${gone}, `, '').replaceAll(`, ${gone}`, '').replaceAll(`[${gone}]`, `[${then}]`),
      ),
  );
}

function formerly(name: Name, more = ''): string {
  return `formerly: [{ name: ${name}, keys: [${people[name].line}], until: 2026-12-01${more} }]`;
}

async function revoked(of: GateWorld, id: string, by: Name, policy = POLICY): Promise<void> {
  await revoke(
    {
      action: 'revoke',
      target: { kind: 'artifact', sha256: bare(id) },
      reason: 'bad',
      artifact: { name: 'acme/enc', id },
      policy,
    },
    { ...of.ports, registry: of.registry, signer: signerOf(by) },
  );
}

async function every(of: GateWorld, id: string, text: Buffer, codes: readonly string[], exit: number): Promise<void> {
  for (const [way, [found, code]] of Object.entries(await answers(of, id, text))) {
    assert.deepEqual(
      found.filter((each) => !['policy-mismatch', 'not-promoted'].includes(each)),
      codes,
      way,
    );
    assert.equal(code === exit || found.length > codes.length, true, way);
  }
}

test('a revoker is replaced: what they revoked is refused until somebody current decides about it', async (t) => {
  for (const promotedBefore of [false, true]) {
    const of = await world(t);
    const { model } = await publishStory(of);
    if (promotedBefore) await promoteAs(of, 'ci', 'staging');
    await revoked(of, model, 'rita');
    const after = without('rita', 'rob');
    await every(of, model, after, ['revocation-orphaned'], 1);
    await every(of, model, without('rita', 'rob', formerly('rita')), ['revoked'], 1);
    await revoked(of, model, 'rob', parsePolicy(after));
    await every(of, model, after, ['revoked'], 1);
  }
});

test('who stays and holds the role no more is replaced too', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await revoked(of, model, 'rita');
  const after = Buffer.from(
    policyText()
      .toString()
      .replace('revoker: [rita, rob]', 'revoker: [rob]')
      .replace('evaluator: [erin]', 'evaluator: [erin, rita]'),
  );
  await every(of, model, after, ['revocation-orphaned'], 1);
});

test('a list of records that must go and a failed check of a dataset stay, where the environment asks for them', async (t) => {
  const of = await world(t);
  const { dataset, model } = await publishStory(of);
  const list = bundleFor({
    by: 'rita',
    type: PREDICATES['removed-records'],
    about: bare(dataset),
    predicate: buildRemovedRecords({ hashing: 'open', key: null, profile: 'typed', records: [hashOf('a record')] }),
    name: 'acme/data',
  });
  const check = bundleFor({
    by: 'erin',
    type: PREDICATES['records-check'],
    about: bare(dataset),
    predicate: { check: 'overlap', result: 'FAILED' },
    name: 'acme/data',
  });
  for (const bundle of [list, check]) await attach(of, dataset, bundle, { name: 'acme/data' });
  const asking = (rule: string, text: Buffer): Buffer =>
    Buffer.from(text.toString().replace('- name: staging', `- name: staging\n    ${rule}`));
  const removals = 'removedRecords: refuse';
  const checks = 'datasets: { require: [reference] }';
  await every(of, model, asking(removals, BEFORE), ['removed-record'], 4);
  await every(of, model, asking(checks, BEFORE), ['claim-negative'], 1);
  await promoteAs(of, 'ci', 'staging');
  const noRita = without('rita', 'rob');
  await every(of, model, asking(removals, noRita), ['revocation-orphaned'], 1);
  await every(of, model, asking(checks, without('erin', 'dana')), ['revocation-orphaned'], 1);
  await every(of, model, asking(checks, noRita), ['claim-negative'], 1);
  await every(of, model, noRita, [], 0);
  await every(of, model, asking(removals, without('rita', 'rob', formerly('rita'))), ['removed-record'], 4);
  const verification = { keyless: of.ports.keyless, now: of.ports.clock.now() };
  const lint = await orphansAgainst(POLICY, { registry: of.registry, policy: parsePolicy(noRita), verification });
  assert.deepEqual(
    lint.map(({ orphan }) => `${orphan.what} by ${orphan.by}`),
    ['1 record of acme/data must go, by a list by rita'],
  );
});

test('however much was promoted elsewhere since, a no by somebody who left is not lost', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  const predicate = revocationOf(model);
  const no = bundleFor({ by: 'rita', type: PREDICATES.revocation, about: bare(model), predicate });
  await attach(of, model, no, REVOCATION);
  const since = Array.from({ length: 210 }, (_, at) => ({
    v: 1 as const,
    kind: 'promotion' as const,
    name: `acme/m${at}`,
    manifest: `sha256:${hashOf(`${at}`)}`,
    bundle: `sha256:${hashOf(`bundle ${at}`)}`,
    env: 'staging',
  }));
  await of.registry.log.append(since);
  const policy = parsePolicy(without('rita', 'rob'));
  const { checks } = await checkEnvironment(
    { id: model, name: 'acme/enc', policy, environment: 'staging' },
    of.registry,
    of.ports,
  );
  const codes = checks.flatMap((check) => (check.passed ? [] : check.findings.map(({ code }) => code)));
  assert.ok(codes.includes('revocation-orphaned'), codes.join());
});

test('a check of a dataset that failed is heard though it names another beside it', async (t) => {
  const of = await world(t);
  const { dataset, model } = await publishStory(of);
  const text = Buffer.from(
    policyText().toString().replace('- name: staging', '- name: staging\n    datasets: { require: [reference] }'),
  );
  await promoteAs(of, 'ci', 'staging', { text });
  await every(of, model, text, [], 0);
  const about = [manifest(bare(dataset), 'acme/data'), manifest(hashOf('the test data'), 'acme/test-data')];
  const predicate = { check: 'overlap', result: 'FAILED' };
  const check = bundleFor({ by: 'erin', type: PREDICATES['records-check'], about, predicate });
  await attach(of, dataset, check, { name: 'acme/data' });
  await every(of, model, text, ['claim-negative'], 1);
});

test('what a scanner finds after the promotion is heard where only the promotion is asked about', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const found = (result: readonly object[]) =>
    bundleFor({ by: 'erin', type: PREDICATES.vulns, about: bare(model), predicate: { scanner: { uri: 'x', result } } });
  await attach(of, model, found([]));
  const rules = 'scan: { role: scanner, failOn: high }';
  const text = (rest = '') =>
    Buffer.from(
      policyText(undefined, rest)
        .toString()
        .replace('evaluator: [erin]', 'evaluator: [erin]\n  scanner: [erin]')
        .replace('- name: staging', `- name: staging\n    ${rules}`),
    );
  await promoteAs(of, 'ci', 'staging', { text: text() });
  // What audit's own scan says of these few bytes is another matter.
  const heard = async (policy: Buffer) =>
    Object.values(await answers(of, model, policy)).map(([codes]) => codes.includes('scan-finding'));
  assert.deepEqual(await heard(text()), [false, false, false]);
  const severity = [{ method: 'weighmark', score: 'high' }];
  await attach(of, model, found([{ id: 'WM-PICKLE-001', severity, annotations: { path: 'config.json' } }]));
  assert.deepEqual(await heard(text()), [true, true, true]);
  const named = `rule: WM-PICKLE-001, path: config.json, reason: seen, expires: 2027-01-01`;
  const suppressed = (sha256: string) => text(`suppressions: [{ ${named}, sha256: ${sha256} }]`);
  assert.deepEqual(await heard(suppressed(hashOf(MODEL_FILES['config.json']))), [false, false, false]);
  assert.deepEqual(await heard(suppressed(hashOf('other bytes'))), [true, true, true]);
});

test('whoever wants records gone, or saw a check fail, and was lost since leaves it open, not refused', async (t) => {
  const removal = buildRemovedRecords({ hashing: 'open', key: null, profile: 'typed', records: [hashOf('a record')] });
  for (const [by, type, predicate, rule] of [
    ['rita', 'removed-records', removal, 'removedRecords: refuse'],
    ['erin', 'records-check', { check: 'overlap', result: 'FAILED' }, 'datasets: { require: [reference] }'],
  ] as const) {
    const of = await world(t);
    const { dataset, model } = await publishStory(of);
    const said = { type: PREDICATES[type], about: bare(dataset), predicate, name: 'acme/data' };
    await attach(of, dataset, bundleFor({ by, ...said }), { name: 'acme/data' });
    const text = Buffer.from(BEFORE.toString().replace('- name: staging', `- name: staging\n    ${rule}`));
    const lost = { kind: 'principal', name: by, since: '2026-01-01T00:00:00.000Z' } as const;
    const ports = { ...of.ports, registry: of.registry, signer: signerOf('rob') };
    await revoke({ action: 'revoke', reason: 'lost', policy: POLICY, target: lost, artifact: null }, ports);
    await every(of, model, text, ['denial-unconfirmed'], 4);
  }
});

test('what was let count again under the earlier policy is no orphan; nor is what a stranger says', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  await revoked(of, model, 'rita');
  for (const by of ['rita', 'rob'] as const)
    await revoke(
      {
        action: 'reinstate',
        target: { kind: 'artifact', sha256: bare(model) },
        reason: 'fine after all',
        artifact: { name: 'acme/enc', id: model },
        policy: POLICY,
      },
      { ...of.ports, registry: of.registry, signer: signerOf(by) },
    );
  await every(of, model, without('rita', 'rob'), [], 0);
});

test('an evaluator and a promoter are replaced: their no still stands in the way', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  const no = bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: bare(model), predicate: failed() });
  await attach(of, model, no);
  await every(of, model, without('erin', 'dana'), ['revocation-orphaned'], 1);
  await every(of, model, without('erin', 'dana', formerly('erin')), ['claim-negative'], 1);
  const other = await world(t);
  const { model: id } = await publishStory(other);
  const two = Buffer.from(BEFORE.toString().replace('promoter: [ci]', 'promoter: [ci, anna]'));
  await promoteAs(other, 'anna', 'staging', { text: two });
  await rollback(
    { policy: parsePolicy(two), policyBytes: two, environment: 'staging', name: 'acme/enc', to: null },
    other.ports,
    { registry: other.registry, signer: async () => signerOf('ci') },
  );
  const only = Buffer.from(
    two
      .toString()
      .replace('promoter: [ci, anna]', 'promoter: [anna]')
      .replace(/\n {2}ci: .*/, ''),
  );
  const { verify } = await answers(other, id, only);
  assert.ok(verify?.[0].includes('revocation-orphaned'), String(verify));
});

test('a promoter leaves whose withdrawal is not logged: it stands in the way until somebody of today withdraws too', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const two = Buffer.from(BEFORE.toString().replace('promoter: [ci]', 'promoter: [ci, anna]'));
  const only = Buffer.from(
    two
      .toString()
      .replace('promoter: [ci, anna]', 'promoter: [anna]')
      .replace(/\n {2}ci: .*/, ''),
  );
  await promoteAs(of, 'anna', 'staging', { text: two });
  const place = { origin: of.registry.log.origin, name: 'acme/enc', environment: 'staging' };
  const withdrawing = (over: object) =>
    buildPromotion({
      ...{ ...place, verifier: 'x', at: new Date('2026-11-20T11:00:00Z'), inputs: [], passed: false },
      ...{ policy: parsePolicy(two), ...over },
    });
  const put = (over: object = {}) =>
    of.registry.putClaim(
      'acme/enc',
      model,
      bundleFor({ by: 'ci', type: PREDICATES.promotion, about: bare(model), predicate: withdrawing(over) }),
    );
  await put({ environment: 'prod' });
  await put({ origin: 'log.other.example' });
  const back = (to: string | null) =>
    rollback({ policy: parsePolicy(only), policyBytes: only, environment: 'staging', name: 'acme/enc', to }, of.ports, {
      registry: of.registry,
      signer: async () => signerOf('anna'),
    });
  const verified = async () => (await answers(of, model, only))['verify']?.[0] ?? [];
  const promoted = async () => findingsOf((await promoteAs(of, 'anna', 'staging', { text: only })).verdict);
  assert.ok(!(await verified()).includes('revocation-orphaned'), 'another environment, another log');
  await put();
  assert.ok((await verified()).includes('revocation-orphaned'));
  assert.deepEqual(
    (await promoted()).map(({ code }) => code),
    ['revocation-orphaned'],
  );
  assert.ok(findingsOf((await back('1.0')).verdict).some(({ code }) => code === 'revocation-orphaned'));
  assert.equal((await back(null)).verdict.exitCode, 0);
  assert.deepEqual(await promoted(), [], 'upon that it is promoted again');
  assert.deepEqual(await verified(), []);
});

test('what was open since its speaker was lost stays in the way when they leave as well', async (t) => {
  for (const [gone, then, target] of [
    ['erin', 'dana', null],
    ['rita', 'rob', { kind: 'artifact' }],
  ] as const) {
    const of = await world(t);
    const { model } = await publishStory(of);
    await promoteAs(of, 'ci', 'staging');
    const lost = { kind: 'principal', name: gone, since: '2026-01-01T00:00:00.000Z' } as const;
    const ports = { ...of.ports, registry: of.registry };
    const said = { action: 'revoke', reason: 'lost', policy: POLICY } as const;
    await revoke({ ...said, target: lost, artifact: null }, { ...ports, signer: signerOf('rob') });
    if (target === null)
      await attach(
        of,
        model,
        bundleFor({ by: gone, type: PREDICATES.evaluation, about: bare(model), predicate: failed() }),
      );
    else await revoked(of, model, gone);
    await every(of, model, BEFORE, ['denial-unconfirmed'], 4);
    await every(of, model, without(gone, then), ['revocation-orphaned'], 1);
  }
});

test('what nobody could read stays in the way when its speaker leaves, until it is taken back', async (t) => {
  for (const [gone, then, type, over] of [
    ['rita', 'rob', PREDICATES.revocation, { kind: 'revocation' }],
    ['erin', 'dana', PREDICATES.evaluation, {}],
  ] as const) {
    const of = await world(t);
    const { model } = await publishStory(of);
    await promoteAs(of, 'ci', 'staging');
    const predicate = { ...failed(), ...revocationOf(model) };
    const text = Buffer.from(buildStatement([manifest(bare(model))], type, predicate)).toString();
    const unread = (by: Name) => signBundle(by, Buffer.from(`{"predicateType":"x",${text.slice(1)}`));
    const said = unread(gone);
    await attach(of, model, said, over);
    await attach(of, model, unread('mallory'), over);
    await every(of, model, BEFORE, ['claim-malformed'], 4);
    await every(of, model, without(gone, then, formerly(gone)), ['claim-malformed'], 4);
    await every(of, model, without(gone, then), ['revocation-orphaned'], 1);
    const lint = await orphansAgainst(POLICY, {
      registry: of.registry,
      policy: parsePolicy(without(gone, then)),
      verification: { keyless: of.ports.keyless, now: of.ports.clock.now() },
    });
    assert.deepEqual(
      lint.map(({ orphan: { what, by } }) => [what.replace(/\d+/, 'N'), by]),
      [['log entry N, which cannot be read and might say no, was signed', gone]],
    );
    const pae = paeDigest(parseBundle(said, 1 << 20).payload);
    const target = { kind: 'claim', sha256: sha256Hex(said), pae };
    const lift = { ...revocationOf(model), target };
    await attach(
      of,
      model,
      bundleFor({ by: 'rob', type: PREDICATES.revocation, about: bare(model), predicate: lift }),
      { kind: 'revocation' },
    );
    const [codes] = (await answers(of, model, without(gone, then)))['promote'] ?? [[]];
    assert.deepEqual(codes, [], `${gone}: lifted`);
  }
});

test('formerly: only in the roles named, only what is not proven to be later, and never a yes', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of, { without: 'evaluation' });
  await revoked(of, model, 'rita');
  await every(of, model, without('rita', 'rob', formerly('rita', ', roles: [evaluator]')), ['revocation-orphaned'], 1);
  const other = await world(t);
  const { model: id } = await publishStory(other);
  const gone = without('erin', 'dana', formerly('erin'));
  assert.deepEqual((await promoteAs(other, 'ci', 'staging', { text: gone })).verdict.exitCode, 0);
  const { verdict } = await promoteAs(other, 'ci', 'prod', { text: gone });
  assert.ok(verdict.exitCode === 1, 'erin’s PASSED does not count any more');
  assert.ok(id.startsWith('sha256:'));
});

test('a former principal’s key is nobody else’s', () => {
  const shared = policyText(undefined, `formerly: [{ name: zoe, keys: [${people.rita.line}], until: 2026-12-01 }]`);
  assert.throws(() => parsePolicy(shared), /shares a key or identity with rita/);
  parsePolicy(policyText(undefined, formerly('rita')));
});
