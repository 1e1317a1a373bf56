import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { initRegistry, openRegistry } from '../../src/adapters/registries/index.ts';
import { WeighmarkError } from '../../src/domain/base/errors.ts';
import { hear } from '../../src/domain/authority/speaker.ts';
import { policyHearing } from '../../src/domain/authority/authority.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import type { Policy } from '../../src/domain/authority/types.ts';
import { attachClaim } from '../../src/flows/registry/attach.ts';
import { doorOf } from '../../src/flows/registry/door.ts';
import { integrateLog } from '../../src/flows/registry/log.ts';
import { revoke, takeSnapshot } from '../../src/flows/gate/revoke.ts';
import { revokeAgain, voidEntry } from '../../src/flows/gate/revoke-again.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { startRegistry, type TestRegistry } from '../adapters/registries/server.ts';
import { modelOf, putModel } from '../adapters/registries/scratch.ts';
import { makeInstance } from '../adapters/sigstore/instance.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { bundleFor, manifest } from '../domain/policy/world.ts';
import { bare, policyText, promoteAs, publishStory, signerOf } from '../flows/gate-world.ts';
import {
  PREDICATES,
  REVOCATION,
  answers,
  attach,
  certified,
  hashOf,
  policyWith,
  revocationOf,
  world,
} from './denials-world.ts';

/** Whoever may push may ask for an entry in the log: what comes through its door is what somebody of the policy signed. */
const rosa = certified('rosa@acme.example', '2026-11-01T00:00:00Z');
const TEXT = policyWith('rosa', { certificates: [{ chain: rosa.chain, identity: rosa.identity }] }, ['revoker']);
const POLICY = parsePolicy(TEXT);

interface Gatehouse {
  readonly server: TestRegistry;
  readonly registry: Registry;
  readonly model: string;
  readonly integrate: (policy: Policy | null, at?: string) => Promise<Told>;
}

interface Told {
  readonly added: readonly string[];
  readonly swept: readonly string[];
  readonly kept: readonly string[];
}

async function gatehouse(t: TestContext): Promise<Gatehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-door-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await startRegistry(t);
  let now = new Date('2026-11-20T12:00:00Z');
  const deps = { env: { HOME: folder }, now: () => now };
  const location = `oci://${server.host}/acme`;
  await initRegistry(location, {}, deps);
  const registry = await openRegistry(location, deps);
  const model = await putModel(registry, 'acme/enc', { text: 'one', tag: '1' });
  const integrate: Gatehouse['integrate'] = async (policy, at) => {
    now = new Date(at ?? '2026-11-20T12:00:00Z');
    const door = doorOf({ policy, verification: { keyless: null, now } }, registry);
    const { added, swept, kept } = await integrateLog({ door }, registry);
    const shown = (leaf: { kind: string } | null): string => leaf?.kind ?? '-';
    return {
      added: added.map(({ leaf }) => leaf.kind),
      swept: swept.map(({ leaf, why }) => `${shown(leaf)}: ${why}`),
      kept: kept.map(({ leaf, why }) => `${shown(leaf)}: ${why}`),
    };
  };
  return { server, registry, model, integrate };
}

function no(model: string, by: 'rita' | 'mallory'): Uint8Array {
  return bundleFor({ by, type: PREDICATES.revocation, about: bare(model), predicate: revocationOf(model) });
}

test('an entry whose bundle does not exist waits a day and is swept, and no decision ever meets it', async (t) => {
  const { registry, model, integrate } = await gatehouse(t);
  await registry.log.append([
    { v: 1, kind: 'revocation', name: 'acme/enc', manifest: model, bundle: `sha256:${'a'.repeat(64)}` },
  ]);
  assert.deepEqual(await integrate(POLICY), {
    added: [],
    swept: [],
    kept: ['revocation: what it names is not there (yet)'],
  });
  assert.equal((await registry.log.pending()).length, 1);
  assert.deepEqual((await integrate(POLICY, '2026-11-21T11:00:00Z')).swept, [], 'not yet a day');
  const { swept } = await integrate(POLICY, '2026-11-21T12:00:00Z');
  assert.deepEqual(swept, ['revocation: what it names did not come within a day']);
  assert.deepEqual(await registry.log.pending(), []);
  assert.equal(await registry.log.checkpoint(), null, 'nothing was ever logged');
});

test('a stranger’s revocation is swept, somebody’s is admitted, what may be somebody’s waits and is said', async (t) => {
  const { registry, model, integrate } = await gatehouse(t);
  const put = (bundle: Uint8Array) =>
    attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, registry);
  await put(no(model, 'mallory'));
  await put(no(model, 'rita'));
  const double = certified(rosa.identity, '2026-11-01T00:00:00Z');
  await put(double.sign(PREDICATES.revocation, bare(model), revocationOf(model)));
  const { added, swept, kept } = await integrate(POLICY);
  assert.deepEqual(added, ['revocation']);
  assert.equal(swept.length, 1);
  assert.match(swept[0] ?? '', /by nobody whom the policy names/);
  assert.equal(kept.length, 1);
  assert.match(kept[0] ?? '', /says to be by rosa/);
  const later = await integrate(POLICY, '2027-11-20T12:00:00Z');
  assert.deepEqual([later.swept.length, later.kept.length], [0, 1], 'never swept');
});

test('without a policy pushes and claims alone are admitted', async (t) => {
  const { registry, model, integrate } = await gatehouse(t);
  await registry.log.append([{ v: 1, kind: 'push', name: 'acme/enc', manifest: model, bundle: model }]);
  const claim = bundleFor({ by: 'mallory', type: PREDICATES.bom, about: bare(model), predicate: {} });
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: claim }, registry);
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: no(model, 'rita'), kind: 'revocation' }, registry);
  const told = await integrate(null);
  assert.deepEqual(told.added.toSorted(), ['claim', 'push']);
  assert.match(told.kept.join(), /^revocation: .*--policy/);
  assert.deepEqual((await integrate(POLICY)).added, ['revocation']);
});

test('what is no entry, or names no signed statement, is swept', async (t) => {
  const { registry, model, integrate } = await gatehouse(t);
  const bundle = Buffer.from('{"not":"a bundle"}');
  await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, registry);
  await registry.log.append([
    { v: 1, kind: 'push', name: 'acme/enc', manifest: modelOf('x').manifest.id, bundle: modelOf('x').manifest.id },
  ]);
  const { added, swept, kept } = await integrate(POLICY);
  assert.deepEqual([added, swept], [[], ['revocation: its bundle holds no signed statement']]);
  assert.deepEqual(kept, ['push: what it names is not there (yet)']);
});

test('a stranger’s certificate without a subject, as Sigstore’s are, stops neither the door nor a decision', async (t) => {
  const stranger = (model: string) => {
    const payload = buildStatement([manifest(bare(model))], PREDICATES.revocation, revocationOf(model)).toString();
    return makeInstance().bundle({ payload, entries: [], timestamps: [] });
  };
  const { registry, model, integrate } = await gatehouse(t);
  const bundle = stranger(model);
  await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, registry);
  const { added, swept } = await integrate(POLICY);
  assert.deepEqual(added, []);
  assert.match(swept.join(), /^revocation: .*by nobody whom the policy names/);
  const of = await world(t);
  const { model: id } = await publishStory(of);
  await attach(of, id, stranger(id), REVOCATION);
  assert.deepEqual((await answers(of, id, TEXT))['promote'], [[], 0]);
});

/** A bundle that the registry's readers refuse to read: so is one of more than 1 GiB. */
function unreadable(registry: Registry, code: 'limit-exceeded' | 'claim-missing'): Registry {
  const claims: Registry['claims'] = async () => {
    throw new WeighmarkError(code, 'it was not read');
  };
  return Object.assign(Object.create(registry) as Registry, { claims });
}

test('a bundle that is too large to be read, or is lost beside others, is nobody’s no and no stranger’s: it is kept', async (t) => {
  const { registry, model } = await gatehouse(t);
  const verification = { keyless: null, now: new Date('2026-12-20') };
  const leaf = {
    v: 1,
    kind: 'revocation',
    name: 'acme/enc',
    manifest: model,
    bundle: `sha256:${'d'.repeat(64)}`,
  } as const;
  for (const code of ['limit-exceeded', 'claim-missing'] as const)
    for (const [policy, kind] of [
      [POLICY, 'revocation'],
      [POLICY, 'claim'],
      [null, 'claim'],
    ] as const) {
      const door = doorOf({ policy, verification }, unreadable(registry, code));
      const { answer, ...told } = await door({ ...leaf, kind }, new Date('2026-11-20'));
      assert.deepEqual([answer, told], ['kept', { why: 'it is not read: it was not read' }], `${code} ${kind}`);
    }
  const broken = Object.assign(Object.create(registry) as Registry, {
    claims: () => Promise.reject(new WeighmarkError('network', 'cut')),
  });
  await assert.rejects(async () => doorOf({ policy: POLICY, verification }, broken)(leaf, new Date()), {
    code: 'network',
  });
  const anybodys = await hear(no(model, 'rita'), { trust: policyHearing(POLICY), ...verification, maxBytes: 100 });
  assert.equal(anybodys.standing, 'unread');
  assert.ok(anybodys.standing === 'unread' && anybodys.names.length === 0 && anybodys.why.code === 'claims-limit');
  assert.ok(anybodys.standing === 'unread' && anybodys.pae === anybodys.bundle && !anybodys.proven);
});

test('a referrer whose bytes are gone takes no other’s along: somebody’s no beside it is not swept', async (t) => {
  const { server, registry, model, integrate } = await gatehouse(t);
  const put = (by: 'rita' | 'mallory') =>
    attachClaim({ name: 'acme/enc', manifest: model, bundle: no(model, by), kind: 'revocation' }, registry);
  await put('rita');
  const strangers = no(model, 'mallory');
  await registry.putClaim('acme/enc', model, strangers);
  server.blobs.delete(`sha256:${sha256Hex(strangers)}`);
  await assert.rejects(registry.claims('acme/enc', model), { code: 'claim-missing' });
  assert.deepEqual((await integrate(POLICY)).swept, []);
  const later = await integrate(POLICY, '2026-12-20T12:00:00Z');
  assert.deepEqual([later.added, later.swept, later.kept.length], [[], [], 1]);
  server.blobs.set(`sha256:${sha256Hex(strangers)}`, Buffer.from(strangers));
  assert.deepEqual((await integrate(POLICY, '2026-12-21T12:00:00Z')).added, ['revocation']);
});

test('of a name with more versions than are looked through, nothing is swept because it was not found', async (t) => {
  const { registry, model } = await gatehouse(t);
  const versions = (count: number) => Array.from({ length: count }, (_, at) => `sha256:${hashOf(String(at))}`);
  const bundle = no(model, 'rita');
  const door = (count: number, holder: string | undefined) => {
    const crowd: Registry = Object.assign(Object.create(registry) as Registry, {
      list: async () => versions(count).map((id) => ({ name: 'acme/enc', id, tags: [] })),
      claims: async (_name: string, id: string) => (id === holder ? [bundle] : []),
    });
    return doorOf({ policy: POLICY, verification: { keyless: null, now: new Date('2026-12-20') } }, crowd)(
      { v: 1, kind: 'revocation', name: 'acme/enc', manifest: model, bundle: `sha256:${sha256Hex(bundle)}` },
      new Date('2026-11-20'),
    );
  };
  assert.equal((await door(100, undefined)).answer, 'swept', 'it is nowhere');
  assert.equal((await door(101, undefined)).answer, 'kept');
  assert.equal((await door(101, versions(101)[100])).answer, 'admitted', 'with the newest');
  assert.equal((await door(101, versions(101)[0])).answer, 'kept', 'with the oldest');
});

const VOID = { reason: 'never had a bundle', policy: parsePolicy(policyText()) };

test('an entry that never had a bundle is void once two revokers say so; a bundle that is there says what it says', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  const bundle = `sha256:${'b'.repeat(64)}`;
  await of.registry.log.append([{ v: 1, kind: 'revocation', name: 'acme/enc', manifest: model, bundle }]);
  const index = (await of.registry.log.verify()).size - 1;
  const by = (name: 'rita' | 'rob' | 'anna') => ({ ...of.ports, registry: of.registry, signer: signerOf(name) });
  for (const answer of Object.values(await answers(of, model))) assert.deepEqual(answer, [['claim-missing'], 1]);
  await assert.rejects(voidEntry({ ...VOID, index }, by('anna')), { code: 'wrong-signer' });
  await assert.rejects(voidEntry({ ...VOID, index: 0 }, by('rita')), { code: 'usage' });
  await voidEntry({ ...VOID, index }, by('rita'));
  await voidEntry({ ...VOID, index }, by('rita'));
  for (const answer of Object.values(await answers(of, model))) assert.deepEqual(answer, [['claim-missing'], 1]);
  await voidEntry({ ...VOID, index }, by('rob'));
  for (const [way, answer] of Object.entries(await answers(of, model))) assert.deepEqual(answer, [[], 0], way);
  const late = no(model, 'rita');
  const other = await world(t);
  const { model: id } = await publishStory(other);
  await promoteAs(other, 'ci', 'staging');
  await other.registry.log.append([
    { v: 1, kind: 'revocation', name: 'acme/enc', manifest: id, bundle: `sha256:${sha256Hex(late)}` },
  ]);
  const at = (await other.registry.log.verify()).size - 1;
  for (const name of ['rita', 'rob'] as const)
    await voidEntry({ ...VOID, index: at }, { ...other.ports, registry: other.registry, signer: signerOf(name) });
  await other.registry.putClaim('acme/enc', id, late);
  assert.deepEqual((await answers(other, id))['verify'], [['revoked'], 1], 'it came after all');
});

test('what a lost revoker revoked is said again by one of today', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const by = (name: 'rita' | 'rob') => ({ ...of.ports, registry: of.registry, signer: signerOf(name) });
  await promoteAs(of, 'ci', 'staging');
  const artifact = { name: 'acme/enc', id: model };
  const policy = VOID.policy;
  await revoke(
    { action: 'revoke', target: { kind: 'artifact', sha256: bare(model) }, reason: 'bad', artifact, policy },
    by('rita'),
  );
  const after = Buffer.from(
    policyText().toString().replace('[rita, rob]', '[rob]').replace('version: 1', 'version: 2'),
  );
  assert.deepEqual((await answers(of, model, after))['promote'], [['revocation-orphaned'], 1]);
  assert.equal((await revokeAgain(parsePolicy(after), by('rob'))).length, 1);
  assert.deepEqual((await answers(of, model, after))['promote'], [['revoked'], 1]);
  assert.equal((await revokeAgain(parsePolicy(after), by('rob'))).length, 0);
});

test('a snapshot counts the revocations in force where the policy asks for it; an older form does where it does not', async (t) => {
  const rule = (more: string) =>
    policyText(`\n  - name: staging\n    require: [bom]\n    revocations: { required: true${more} }`);
  const [old, complete] = [rule(''), rule(', complete: true')];
  const of = await world(t);
  const { model } = await publishStory(of);
  const ports = { ...of.ports, registry: of.registry, signer: signerOf('rita') };
  const snap = async (text: Buffer) =>
    (await takeSnapshot({ policy: parsePolicy(text), validMs: 86_400_000, pinned: await pinned() }, ports)).snapshot;
  const pinned = async () => {
    const { size, root } = await of.registry.log.verify();
    return { size, root };
  };
  assert.equal((await snap(old)).inForce, undefined);
  const ask = async (text: Buffer) =>
    (await promoteAs(of, 'ci', 'staging', { text, dryRun: true })).verdict.checks.flatMap((check) =>
      check.passed ? [] : check.findings.map(({ code }) => code),
    );
  assert.deepEqual(await ask(old), []);
  assert.deepEqual(await ask(complete), ['revocations-stale']);
  assert.deepEqual((await snap(complete)).inForce?.number, 0);
  assert.deepEqual(await ask(complete), []);
  assert.deepEqual(await ask(old), []);
  await attach(of, model, no(model, 'rita'), REVOCATION);
  assert.equal((await snap(complete)).inForce?.number, 1);
  assert.deepEqual(await ask(complete), ['revoked']);
  const gone = Buffer.from(complete.toString().replace('[rita, rob]', '[rob]'));
  const byRob = { ...ports, signer: signerOf('rob') };
  await takeSnapshot({ policy: parsePolicy(complete), validMs: 86_400_000, pinned: await pinned() }, byRob);
  assert.ok((await ask(gone)).includes('revocations-stale'), 'one that is not heard any more is missed');
});
