import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { buildPackageStep } from '../../../src/domain/claims/package-step.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { revocationPredicate, type RevocationTarget } from '../../../src/domain/authority/revocation.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { ATTACHMENTS } from '../../../src/domain/registry/referrer.ts';
import { columnsOf } from '../../../src/domain/tlog/columns.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import { gather, type GateQuestion } from '../../../src/flows/gate/gate.ts';
import { lineage, type LineageInput } from '../../../src/flows/gate/lineage.ts';
import { contentCheck } from '../../../src/flows/gate/promote.ts';
import { rollback } from '../../../src/flows/gate/rollback.ts';
import { testPolicy } from '../../../src/flows/gate/policy-test.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { bomOf, bundleFor, hex, type Name } from '../../domain/policy/world.ts';
import {
  AUTHORITY_PEM,
  MODEL_FILES,
  bare,
  datedSigner,
  idOf,
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  said,
  signerOf,
  stepBundle,
  type GateWorld,
} from '../gate-world.ts';

const POLICY = parsePolicy(policyText());
const [STAGING] = POLICY.environments;

function ask(world: GateWorld, over: Partial<GateQuestion> = {}, registry: Registry = world.registry) {
  assert.ok(STAGING !== undefined);
  const target = { name: 'acme/enc', reference: '1.0' };
  const question = { target, policy: POLICY, environment: STAGING, withContent: false, ...over };
  return gather(question, registry, world.ports);
}

function look(world: GateWorld, over: Partial<LineageInput>) {
  const place = { kind: 'registry', name: 'acme/enc', reference: '1.0', registry: world.registry } as const;
  const input = { shown: 'it', place, policy: POLICY, environment: null, timestampAuthorities: [], ...over };
  const trust = async () => Promise.resolve([]);
  return lineage(input, { ...world.ports, files: createFiles(), trust } as never);
}

function revocationOf(target: RevocationTarget, by: Name, about: Parameters<typeof bundleFor>[0]['about']): Uint8Array {
  const predicate = revocationPredicate({ action: 'revoke', target, reason: 'bad' });
  return bundleFor({ by, type: PREDICATES.revocation, about, predicate });
}

const FAILED = (by: Name, about: string) =>
  bundleFor({ by, type: PREDICATES.evaluation, about, predicate: { result: 'FAILED', configuration: [] } });

test('how old the log may be is asked by who acts on it, or where the policy names witnesses', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const log = Object.assign(Object.create(world.registry.log) as Registry['log'], { anchored: false });
    const elsewhere = Object.assign(Object.create(world.registry) as Registry, { log });
    const found = async (over: Partial<GateQuestion>) =>
      (await ask(world, over, elsewhere)).of.facts.log.findings.map(({ code }) => code);
    const witnesses = { keys: [], quorum: 1 };
    const vkey = world.registry.log.vkeys[0] ?? '';
    const witnessed = { ...POLICY, log: { key: vkey, witnesses } } as unknown as typeof POLICY;
    assert.deepEqual(
      [await found({}), await found({ needsFreshLog: true }), await found({ policy: witnessed })],
      [[], ['log-freshness-unknown'], ['log-freshness-unknown']],
    );
  }));

test('claims of other versions are gathered where records of one must go from all', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const other = await world.publish('acme/data:2', { 'rows.csv': 'a,b\n' }, () => []);
    const bundle = FAILED('erin', bare(other));
    await attachClaim({ name: 'acme/data', manifest: other, bundle }, world.registry);
    const hasIt = async (more: object) => {
      const { collected } = await ask(world, { environment: { ...STAGING, ...more } as never });
      return collected.bundles.has(sha256Hex(bundle));
    };
    assert.deepEqual([await hasIt({}), await hasIt({ removedRecords: 'refuse' })], [false, true]);
  }));

test('what is judged is known by all of its files, and its claims are told in the order of the log, whichever id they name', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const other = [1, 2].map((version) => idOf(MODEL_FILES, version as 1 | 2)).find((id) => id !== model) ?? '';
    const leaf = (manifest: string, word: string): LogLeaf => ({
      v: 1,
      kind: 'claim',
      name: 'acme/enc',
      manifest,
      bundle: `sha256:${hex(word)}`,
    });
    const entries = columnsOf([leaf(other, 'a'), leaf(model, 'b'), leaf(other, 'c')]);
    const { of } = await ask(world, { given: { log: { origin: 'log', checkpoint: null, entries } } });
    assert.deepEqual(
      of.facts.log.claims?.map(({ index }) => index),
      [0, 1, 2],
    );
    const own = (of.facts.known ?? []).find(({ id }) => id === model);
    assert.deepEqual([...(own?.files?.keys() ?? [])].toSorted(), Object.keys(MODEL_FILES).toSorted());
  }));

test('an edit of documentation carries claims to the artifact that its step is about, and to no other', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const edited = { ...MODEL_FILES, 'README.md': '# edited\n' };
    const list = (files: Readonly<Record<string, string>>) =>
      Object.entries(files).map(([path, text]) => ({ path, sizeBytes: text.length, sha256: sha256Hex(text) }));
    const predicate = buildPackageStep(list(MODEL_FILES), list(edited)) ?? {};
    const step = (about: string) => bundleFor({ by: 'anna', type: PREDICATES.provenance, about, predicate });
    const carried = async (tag: string, about: (id: string) => string) => {
      await world.publish(`acme/enc:${tag}`, edited, (id) => [step(about(id))]);
      const target = { name: 'acme/enc', reference: tag };
      return (await ask(world, { target, withContent: true })).of.facts.carriedFrom.length;
    };
    assert.equal(await carried('1.1', () => hex('another')), 0);
    assert.ok((await carried('1.2', bare)) > 0);
  }));

test('where weights are revoked the lists that claims bind are looked for under every name the log knows', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const bundle = revocationOf({ kind: 'weights', blake3: hex('w') }, 'rita', bare(model));
    await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, world.registry);
    const { of } = await ask(world);
    assert.deepEqual([of.facts.weights?.size, of.facts.revocations.length], [0, 1]);
    assert.deepEqual(said((await look(world, {})).verdict), []);
  }));

test('a lineage believes the authorities of time that the policy names, and those that the caller does', () =>
  inWorld(async (world) => {
    const id = await world.publish('acme/enc:1.0', MODEL_FILES, () => []);
    const statement = stepBundle('train', bare(id), []);
    const bundle = await datedSigner('anna', new Date('2026-11-19T10:00:00Z')).sign(parseBundle(statement).payload);
    await attachClaim({ name: 'acme/enc', manifest: id, bundle }, world.registry);
    const environment = { ...STAGING, lineage: { ...STAGING?.lineage, maxAgeMs: 7 * 86_400_000 } } as never;
    const found = async (over: Partial<LineageInput>) =>
      findingsOf((await look(world, { environment, ...over })).verdict).some(({ code }) => code === 'no-verified-time');
    const named = { ...POLICY, timestampAuthorities: [AUTHORITY_PEM] };
    assert.deepEqual(
      [await found({}), await found({ timestampAuthorities: [AUTHORITY_PEM] }), await found({ policy: named })],
      [true, false, false],
    );
  }));

test('beside a file a no of its content by somebody lost since leaves it open; what is no revocation is none', () =>
  inWorld(async (world) => {
    const location = join(world.folder, 'w.bin');
    await writeFile(location, 'alone');
    const digest = sha256Hex('alone');
    const about = [subject('file', 'w.bin', digest)];
    const found = async (...bundles: readonly Uint8Array[]) => {
      await writeFile(`${location}.claims.jsonl`, Buffer.concat(bundles.flatMap((each) => [each, Buffer.from('\n')])));
      const { verdict } = await look(world, { place: { kind: 'path', location } });
      return findingsOf(verdict).flatMap(({ code }) => (code === 'lineage-missing' ? [] : [code]));
    };
    const lost = revocationOf({ kind: 'principal', name: 'rita', since: '2026-01-01T00:00:00.000Z' }, 'rob', about);
    const said = () => revocationOf({ kind: 'artifact', sha256: digest }, 'rita', about);
    let no = said();
    // Beside files nothing is logged: the order is that of the bundles' digests.
    while (sha256Hex(no) < sha256Hex(lost)) no = said();
    const failed = bundleFor({ by: 'rita', type: PREDICATES.evaluation, about, predicate: { result: 'FAILED' } });
    assert.deepEqual(
      [await found(no), await found(no, lost), await found(failed)],
      [['revoked'], ['denial-unconfirmed'], []],
    );
  }));

test('policy test hears the revocations among the claims of a case, and takes no other no for one', () =>
  inWorld(async (world) => {
    const id = `sha256:${hex('m')}`;
    const bom = bundleFor({ by: 'anna', type: PREDICATES.bom, about: hex('m'), predicate: bomOf('MIT') });
    const found = async (...claims: readonly Uint8Array[]) => {
      await writeFile(
        join(world.folder, 'claims.jsonl'),
        Buffer.concat(claims.flatMap((each) => [each, Buffer.from('\n')])),
      );
      const one = { name: 'one', environment: 'staging', artifact: 'acme/enc', id, claims: ['claims.jsonl'] };
      const cases = [{ ...one, at: '2026-11-20T12:00:00Z', expect: 'pass' }];
      await writeFile(join(world.folder, 'cases.json'), JSON.stringify({ cases }));
      const policy = parsePolicy(
        policyText('\n  - name: staging\n    require: [bom]\n    lineage: { required: false }'),
      );
      const locate = (path: string) => join(world.folder, path);
      const input = { policy, cases: locate('cases.json'), timestampAuthorities: [], locate };
      return (await testPolicy(input, { files: createFiles(), keyless: world.ports.keyless }))[0]?.found;
    };
    const no = revocationOf({ kind: 'artifact', sha256: hex('m') }, 'rita', hex('m'));
    assert.deepEqual(
      [await found(bom), await found(bom, FAILED('rita', hex('m'))), await found(bom, no)],
      [[], [], ['revoked']],
    );
  }));

test('an ancestry is told of orphaned revocations alone; content that was not read is refused', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    await attachClaim({ name: 'acme/enc', manifest: model, bundle: FAILED('erin', bare(model)) }, world.registry);
    const text = policyText().toString().replace('evaluator: [erin]', 'evaluator: [dana]');
    const policy = parsePolicy(Buffer.from(text.replace('version: 1', 'version: 2')));
    assert.equal((await ask(world, { policy })).of.facts.log.orphans?.length, 1);
    assert.deepEqual(said((await look(world, { policy })).verdict), []);
    assert.deepEqual(said(verdictOf({ subject: 'x', checks: [contentCheck({ content: null })] })), [
      'unreadable: the content was not read',
    ]);
  }));

test('a rollback sets aside age, and nothing else beside it; who made it does not bring it back where that is kept apart', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const claims = (id: string) => modelClaims(id, dataset).map(([, bundle]) => bundle);
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, claims);
    for (const reference of ['1.0', '2.0'])
      await promoteAs(world, 'ci', 'staging', { target: { name: 'acme/enc', reference } });
    const back = async (by: Name, change: (text: string) => string) => {
      const policyBytes = Buffer.from(change(policyText().toString()));
      const input = {
        name: 'acme/enc',
        policy: parsePolicy(policyBytes),
        policyBytes,
        environment: 'staging',
        to: model,
      };
      const signer = async () => Promise.resolve(signerOf(by));
      const { verdict, done } = await rollback(input, world.ports, { registry: world.registry, signer });
      const aside = verdict.checks.flatMap(({ evidence }) =>
        evidence.filter(({ what }) => what.startsWith('set aside')),
      );
      return { codes: findingsOf(verdict).map(({ code }) => code), aside: aside.length, isDone: done !== null };
    };
    const asked = 'require: [{ claim: bom, maxAge: 1d }, vulns]';
    assert.deepEqual(await back('ci', (text) => text.replace('require: [bom]', asked)), {
      codes: ['claim-missing'],
      aside: 1,
      isDone: false,
    });
    const apart = (text: string) =>
      text
        .replace('promoter: [ci]', 'promoter: [ci, anna]')
        .replace('require: [bom]', 'require: [bom]\n    separation: [[trainer, promoter]]');
    assert.deepEqual(await back('anna', apart), { codes: ['separation-of-duties'], aside: 0, isDone: false });
    assert.deepEqual(await back('ci', apart), { codes: [], aside: 0, isDone: true });
    const kept = await world.registry.attachments('acme/enc', model, ATTACHMENTS.policy);
    assert.ok(
      kept.some((bytes) => Buffer.from(bytes).toString() === apart(policyText().toString())),
      'its policy lies with it',
    );
  }));
