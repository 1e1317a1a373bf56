import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { approve } from '../../../src/flows/gate/approve.ts';
import { namedPolicies } from '../../../src/flows/gate/earlier-policies.ts';
import { checkEnvironment } from '../../../src/flows/gate/environment.ts';
import { readContent } from '../../../src/flows/gate/gate-content.ts';
import { lineage } from '../../../src/flows/gate/lineage.ts';
import { requireFreshLog } from '../../../src/flows/gate/log-freshness.ts';
import { promoteAll } from '../../../src/flows/gate/promote-all.ts';
import { claimTarget, revoke } from '../../../src/flows/gate/revoke.ts';
import { voidEntry } from '../../../src/flows/gate/revoke-again.ts';
import { rollback, type RollbackInput } from '../../../src/flows/gate/rollback.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { bundleFor, type Name } from '../../domain/policy/world.ts';
import {
  AUTHORITY_PEM,
  bare,
  breakGlassAs,
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  said,
  signerOf,
  type GateWorld,
} from '../gate-world.ts';

const BYTES = policyText();
const POLICY = parsePolicy(BYTES);
const changed = (from: string, to: string) => Buffer.from(BYTES.toString().replace(from, to));
const codes = (verdict: Parameters<typeof findingsOf>[0]) => findingsOf(verdict).map(({ code }) => code);

/** The same registry, but for what is given. */
function but(registry: Registry, over: Partial<Registry>): Registry {
  return Object.assign(Object.create(registry) as Registry, over);
}

/** One whose log's key lies elsewhere: what is appended waits. */
function waiting(registry: Registry): Registry {
  const append = async (leaves: readonly LogLeaf[]) => Promise.resolve(leaves.map((leaf) => ({ index: null, leaf })));
  const log = Object.assign(Object.create(registry.log) as Registry['log'], { append });
  return but(registry, { log });
}

function backAs(world: GateWorld, by: Name, over: Partial<RollbackInput> = {}) {
  return rollback(
    { name: 'acme/enc', policy: POLICY, policyBytes: BYTES, environment: 'staging', ...over },
    world.ports,
    { registry: world.registry, signer: async () => Promise.resolve(signerOf(by)) },
  );
}

function againIn(world: GateWorld, policyBytes = BYTES) {
  return promoteAll({ policy: parsePolicy(policyBytes), policyBytes, environment: 'staging' }, world.ports, {
    registry: world.registry,
    signer: async () => Promise.resolve(signerOf('ci')),
  });
}

test('a rollback is by a promoter, to what was promoted by one, or to nothing; what was withdrawn stays out', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    await assert.rejects(backAs(world, 'ci'), {
      code: 'not-promoted',
      message: 'nothing else was ever promoted to staging',
    });
    const strict = parsePolicy(changed('promoter: [ci]', 'promoter: [dana]'));
    await assert.rejects(backAs(world, 'ci', { policy: strict }), {
      code: 'not-promoted',
      message: 'nothing of acme/enc is promoted to staging',
    });
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    const { promoted } = await promoteAs(world, 'ci', 'staging', { target: { name: 'acme/enc', reference: '2.0' } });
    assert.ok(promoted !== null);
    const size = (await world.registry.log.find({})).length;
    const refused = await backAs(world, 'bob');
    assert.deepEqual([codes(refused.verdict), refused.done], [['wrong-signer'], null]);
    assert.equal((await world.registry.log.find({})).length, size, 'nothing was logged');
    const back = await backAs(world, 'ci', { to: model });
    assert.deepEqual([back.verdict.exitCode, back.id, back.from], [0, model, promoted.logged.leaf.manifest]);
    const gone = await backAs(world, 'ci', { to: null });
    assert.deepEqual([gone.verdict.exitCode, gone.id, gone.done !== null], [0, null, true]);
    assert.deepEqual(await againIn(world), []);
  }));

test('what a stranger logs as a promotion is none: all is judged by the newest that counts', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const newer = await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    const [stored] = await world.registry.log.find({ kind: 'promotion' });
    const bundles = await world.registry.claims('acme/enc', model);
    const own = bundles.find(
      (bytes) => parseStatement(parseBundle(bytes).payload).predicateType === PREDICATES.promotion,
    );
    const { predicate } = parseStatement(parseBundle(own ?? Buffer.of()).payload);
    const forged = bundleFor({ by: 'anna', type: PREDICATES.promotion, about: bare(newer), predicate });
    const entry = { name: 'acme/enc', manifest: newer, kind: 'promotion', env: 'staging' } as const;
    await attachClaim({ ...entry, bundle: forged }, world.registry);
    const [one, ...others] = await againIn(world);
    assert.deepEqual([one?.result, one?.id, others, stored?.leaf.manifest], ['holds', model, [], model]);
  }));

test('what was never promoted is in no environment; a registry that cannot be asked is no answer', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const question = { id: model, name: null, policy: POLICY, environment: 'staging' };
    const never = await checkEnvironment(question, world.registry, world.ports);
    assert.deepEqual(
      [never.name, said(verdictOf({ subject: model, checks: never.checks }))],
      [null, ['not-promoted: it was never promoted to staging']],
    );
    await promoteAs(world, 'ci', 'staging');
    const asked = await checkEnvironment(question, world.registry, world.ports);
    assert.deepEqual([asked.name, asked.checks.every(({ passed }) => passed)], ['acme/enc', true]);
    const down = new WeighmarkError('network', 'it does not answer');
    const offline = but(world.registry, { resolve: async () => Promise.reject(down) });
    await assert.rejects(checkEnvironment(question, offline, world.ports), down);
  }));

test('a broken glass stands for what it set aside when every rule is asked again', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world, { without: 'bom' });
    const { promoted, verdict } = await breakGlassAs(world, 'glen', 'staging', { breakGlass: 'outage' });
    assert.ok(promoted !== null, said(verdict).join());
    const asked = async (withRules: boolean) => {
      const { checks } = await checkEnvironment(
        {
          id: model,
          name: 'acme/enc',
          policy: POLICY,
          environment: 'staging',
          withRules,
          timestampAuthorities: [AUTHORITY_PEM],
        },
        world.registry,
        world.ports,
      );
      return said(verdictOf({ subject: model, checks }));
    };
    assert.deepEqual([await asked(false), await asked(true)], [[], []]);
  }));

test('what is done rather than judged asks for a fresh log, and says what is wrong with this one', async () => {
  const read = { origin: 'log', checkpoint: null, entries: { length: 0, rootAt: () => null } } as never;
  const registry = { log: { vkeys: [], anchored: false, anchor: async () => Promise.resolve() } } as never;
  const rules = { rule: undefined, now: new Date() };
  await assert.rejects(requireFreshLog(read, { ...rules, pinned: { size: 9, root: '' } }, registry), {
    code: 'log-rollback',
    subject: 'log',
    hint: undefined,
  });
  await assert.rejects(requireFreshLog(read, { ...rules, pinned: undefined }, registry), {
    code: 'log-freshness-unknown',
    hint: /./,
  });
});

test('an approval is by an approver, or it is not stored; one that waits for the log’s operator says so', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const approveAs = (by: Name, registry: Registry, environment = 'prod') =>
      approve({ target: { name: 'acme/enc', reference: '1.0' }, policy: POLICY, environment }, world.ports, {
        registry,
        signer: async () => Promise.resolve(signerOf(by)),
        confirm: async () => Promise.resolve(true),
      });
    const before = (await world.registry.claims('acme/enc', model)).length;
    for (const environment of ['prod', 'staging']) {
      const refused = await approveAs('erin', world.registry, environment);
      assert.deepEqual([refused.asked, refused.approved], [true, null]);
      assert.ok(codes(refused.verdict).includes('wrong-signer'), said(refused.verdict).join());
    }
    assert.equal((await world.registry.claims('acme/enc', model)).length, before);
    const waits = await approveAs('carol', waiting(world.registry));
    assert.deepEqual([waits.approved?.logged.index, waits.waiting?.code], [null, 'log-pending']);
    assert.equal((await approveAs('bob', world.registry)).waiting, undefined);
  }));

test('of an entry that is not there, or whose bundle is, nobody says that it is void; what is no statement has no act', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const ports = { ...world.ports, registry: world.registry, signer: signerOf('rita') };
    const about = { reason: 'lost', policy: POLICY };
    await assert.rejects(voidEntry({ ...about, index: 999 }, ports), { code: 'not-found' });
    await assert.rejects(voidEntry({ ...about, index: 0 }, ports), { code: 'usage', hint: /revoke --claim/ });
    const torn = Buffer.from('{}');
    const registry = but(world.registry, { claims: async () => Promise.resolve([torn]) });
    const digest = (await import('../../../src/domain/digest/hex.ts')).sha256Hex(torn);
    await assert.rejects(claimTarget(digest, { name: 'acme/enc', id: model }, registry), {
      code: 'signature-malformed',
    });
  }));

test('a lineage counts strangers, and names what an earlier policy heard and this one does not', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const look = async (policy: typeof POLICY) => {
      const { verdict } = await lineage(
        {
          shown: 'acme/enc',
          place: { kind: 'registry', name: 'acme/enc', reference: model, registry: world.registry },
          policy,
          environment: policy.environments[0] ?? null,
          timestampAuthorities: [],
        },
        { ...world.ports, files: createFiles(), trust: async () => Promise.resolve([]) } as never,
      );
      return [codes(verdict), verdict.notes];
    };
    assert.deepEqual(await look(POLICY), [[], []]);
    const predicate = { result: 'PASSED' };
    const bundle = bundleFor({ by: 'mallory', type: PREDICATES.evaluation, about: bare(model), predicate });
    await attachClaim({ name: 'acme/enc', manifest: model, bundle }, world.registry);
    assert.deepEqual(await look(POLICY), [[], ['1 claim by nobody trusted, ignored']]);
    await revoke(
      {
        action: 'revoke',
        target: { kind: 'artifact', sha256: bare(model) },
        artifact: { name: 'acme/enc', id: model },
        reason: 'bad',
        policy: POLICY,
      },
      { ...world.ports, registry: world.registry, signer: signerOf('rita') },
    );
    assert.deepEqual((await look(POLICY))[0], ['revoked']);
    const later = parsePolicy(changed('revoker: [rita, rob]', 'revoker: [rob]'));
    assert.deepEqual((await look(later))[0], ['revocation-orphaned']);
  }));

test('a registry that gives other bytes for a manifest has said nothing; blobs without a place are read', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const read = async (over: Partial<Registry>) => {
      const { check, files } = await readContent(
        { name: 'acme/enc', id: model },
        but(world.registry, over),
        world.ports,
      );
      return [codes({ checks: [check] }), files.length];
    };
    const other = async () => Promise.resolve(Buffer.from('{"schemaVersion":2}'));
    assert.deepEqual(await read({ getManifest: other }), [['digest-mismatch'], 0]);
    assert.deepEqual(await read({ blobFile: (() => undefined) as never }), [[], 2]);
    assert.deepEqual(await read({ openBlob: async () => Promise.reject(new Error('torn')) }), [
      ['unreadable', 'unreadable'],
      2,
    ]);
  }));

test('an interrupted reading is no finding', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const stop = new AbortController();
    const openBlob = async () => (stop.abort(), Promise.reject(new Error('gone')));
    await assert.rejects(
      readContent({ name: 'acme/enc', id: model }, but(world.registry, { openBlob, blobFile: undefined as never }), {
        ...world.ports,
        signal: stop.signal,
      }),
      { message: 'gone' },
    );
  }));

test('policies that promotions name are read where they lie; only a network that fails is an error', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const bundles = await world.registry.claims('acme/enc', model);
    const claims = bundles.map((bytes) => ({ statement: parseStatement(parseBundle(bytes).payload) })) as never;
    const policy = parsePolicy(changed('version: 1', 'version: 2'));
    const find = async (registry: Registry, of = policy) => [
      ...(await namedPolicies({ name: 'acme/enc', id: model }, { policy: of, collected: { claims } }, registry)),
    ];
    assert.deepEqual(await find(world.registry), [[POLICY.digest, POLICY.meaning]]);
    const failing = (code: 'network' | 'not-found') =>
      but(world.registry, { attachments: async () => Promise.reject(new WeighmarkError(code, code)) });
    assert.deepEqual(await find(failing('not-found')), []);
    await assert.rejects(find(failing('network')), { code: 'network' });
    assert.deepEqual(await find(failing('network'), POLICY), [], 'the policy in force is at hand');
    const others = [Buffer.from('no policy'), policyText('\n  - name: staging')];
    assert.deepEqual(await find(but(world.registry, { attachments: async () => Promise.resolve(others) })), []);
  }));
