import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { revocationPredicate } from '../../../src/domain/authority/revocation.ts';
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
import { claimTarget, revoke, takeSnapshot } from '../../../src/flows/gate/revoke.ts';
import { voidEntry } from '../../../src/flows/gate/revoke-again.ts';
import { rollback, type RollbackInput } from '../../../src/flows/gate/rollback.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { bundleFor, type Name } from '../../domain/policy/world.ts';
import {
  AUTHORITY_PEM,
  MODEL_FILES,
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

test('who made it does not approve it; what somebody else approves, enters', () =>
  inWorld(async (world) => {
    await publishStory(world, { without: 'approval' });
    const text = changed('approver: [bob, carol]', 'approver: [bob, carol, anna]');
    const approveAs = (by: Name) =>
      approve(
        { target: { name: 'acme/enc', reference: '1.0' }, policy: parsePolicy(text), environment: 'prod' },
        world.ports,
        {
          registry: world.registry,
          signer: async () => Promise.resolve(signerOf(by)),
          confirm: async () => Promise.resolve(true),
        },
      );
    await promoteAs(world, 'ci', 'staging', { text });
    const own = await approveAs('anna');
    assert.deepEqual([own.approved, own.asked], [null, true]);
    assert.ok(said(own.verdict).some((each) => each.startsWith('separation-of-duties: anna took a step')));
    const dry = () => promoteAs(world, 'ci', 'prod', { text, dryRun: true });
    assert.deepEqual(codes((await dry()).verdict), ['approval-missing']);
    assert.equal((await approveAs('carol')).approved?.by, 'carol');
    assert.deepEqual(codes((await dry()).verdict), []);
  }));

test('a promotion is by a promoter, of what was named, and moves no tag while it waits', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    for (const [by, message] of [
      ['bob', 'bob is no promoter for acme/enc'],
      ['mallory', 'the policy does not name this signer for acme/enc'],
    ] as const) {
      const { verdict, promoted } = await promoteAs(world, by, 'staging');
      assert.deepEqual([said(verdict), promoted], [[`wrong-signer: ${message}`], null]);
      assert.equal(findingsOf(verdict)[0]?.hint, 'the policy lets ci (promoter) sign this');
    }
    const waits = await promoteAs({ ...world, registry: waiting(world.registry) }, 'ci', 'staging');
    assert.deepEqual([codes(waits.verdict), waits.promoted?.logged.index], [['log-pending'], null]);
    await assert.rejects(world.registry.resolve('acme/enc', 'staging'), { code: 'not-found' });
    const target = { name: 'acme/enc', reference: model };
    const done = await promoteAs(world, 'ci', 'staging', { target });
    assert.deepEqual([done.verdict.subject, done.promoted?.by], [`acme/enc@${model}`, 'ci']);
    assert.ok(done.verdict.checks.some(({ evidence }) => evidence[0]?.what === 'promoted to staging by ci'));
    assert.equal(await world.registry.resolve('acme/enc', 'staging'), model);
  }));

test('what cannot be read, by somebody named, is said where it does not refuse', async () => {
  const torn = await signerOf('erin').sign(Buffer.from('torn'));
  await inWorld(async (world) => {
    const id = await world.publish('acme/t:1', { 'w.bin': 'w' }, () => [torn]);
    const { verdict } = await promoteAs(world, 'ci', 'staging', {
      target: { name: 'acme/t', reference: id },
      dryRun: true,
    });
    assert.ok(
      verdict.notes.includes('1 claims that may be by people of the policy cannot be read or proven here'),
      verdict.notes.join(),
    );
  });
});

test('nobody goes back to what only a broken glass let in, nor to a promotion that was revoked', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await breakGlassAs(world, 'glen', 'staging', { breakGlass: 'outage' });
    const versions = [2, 3, 4].map((v) => ({ reference: `${v}.0`, files: { 'config.json': `{"v":${v}}` } }));
    const ids: string[] = [];
    for (const { reference, files } of versions) {
      const claims = (id: string) => modelClaims(id, dataset).map(([, bundle]) => bundle);
      ids.push(await world.publish(`acme/enc:${reference}`, files, claims));
    }
    const enter = async (reference: string) => {
      const { promoted } = await promoteAs(world, 'ci', 'staging', { target: { name: 'acme/enc', reference } });
      assert.ok(promoted !== null);
      return promoted.bundle;
    };
    await enter('2.0');
    const over = { timestampAuthorities: [AUTHORITY_PEM] };
    await assert.rejects(backAs(world, 'ci', { ...over, to: model }), {
      code: 'not-promoted',
      message: `${model} was never promoted to staging`,
    });
    await assert.rejects(backAs(world, 'ci', over), { message: 'nothing else was ever promoted to staging' });
    const second = await enter('3.0');
    const fourth = await enter('4.0');
    const third = ids[1] ?? '';
    await revoke(
      {
        action: 'revoke',
        target: await claimTarget(bare(second), { name: 'acme/enc', id: third }, world.registry),
        artifact: { name: 'acme/enc', id: third },
        reason: 'by mistake',
        policy: POLICY,
      },
      { ...world.ports, registry: world.registry, signer: signerOf('rita') },
    );
    const revoked = await backAs(world, 'ci', { to: third }).then(
      ({ verdict, done }) => [codes(verdict).includes('revoked'), done],
      (error: unknown) => [error instanceof WeighmarkError && error.code === 'not-promoted', null],
    );
    assert.deepEqual(revoked, [true, null]);
    const back = await backAs(world, 'ci', { to: ids[0] ?? '' });
    assert.equal(back.verdict.exitCode, 0, said(back.verdict).join());
    assert.deepEqual(
      back.verdict.checks.find(({ name }) => name === 'history')?.evidence.map(({ what }) => what),
      [`from ${ids[2]} back to ${ids[0]}`],
    );
    const bundles = await world.registry.claims('acme/enc', ids[0] ?? '');
    const stored = bundles.find((bytes) => `sha256:${sha256Hex(bytes)}` === back.done?.bundle);
    const { predicate } = parseStatement(parseBundle(stored ?? Buffer.of()).payload);
    const inputs = (predicate['inputAttestations'] as { digest: { sha256: string } }[]).map(
      ({ digest }) => digest.sha256,
    );
    assert.ok(inputs.includes(bare(fourth)), 'what it takes the place of');
    assert.ok(inputs.length > 2, 'and what the earlier promotion rested on');
    assert.equal(await world.registry.resolve('acme/enc', 'staging'), ids[0]);
  }));

test('a revocation is by a revoker, names the artifact by all that it is known by, and a snapshot holds no more than is asked', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const ports = (by: Name) => ({ ...world.ports, registry: world.registry, signer: signerOf(by) });
    const target = { kind: 'artifact', sha256: bare(model) } as const;
    const artifact = { name: 'acme/enc', id: model };
    const input = { action: 'revoke', target, artifact, reason: 'bad', policy: POLICY } as const;
    await assert.rejects(revoke(input, ports('mallory')), {
      code: 'wrong-signer',
      message: 'the policy does not name this signer',
    });
    await assert.rejects(revoke(input, ports('bob')), {
      code: 'wrong-signer',
      message: 'bob is no revoker of the policy',
      hint: /rita/,
    });
    assert.equal((await world.registry.log.find({ kind: 'revocation' })).length, 0);
    const { snapshot } = await takeSnapshot({ policy: POLICY, validMs: 1000 }, ports('rita'));
    assert.deepEqual([snapshot.version, 'inForce' in snapshot], [1, false]);
    const { bundle } = await revoke(input, ports('rita'));
    const bundles = await world.registry.claims('acme/enc', model);
    const stored = bundles.find((bytes) => `sha256:${sha256Hex(bytes)}` === bundle);
    assert.deepEqual(
      parseStatement(parseBundle(stored ?? Buffer.of()).payload).subject.map(
        ({ annotations }) => annotations?.['kind'],
      ),
      ['manifest', 'root'],
    );
  }));

test('content goes by all of its ids: promoted by one, it is asked for by another', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const other = `sha256:${'ab'.repeat(32)}`;
    const ask = async (id: string, ids: readonly string[], name: string | null) => {
      const question = { id, ids, name, policy: POLICY, environment: 'staging' };
      const { checks, name: found } = await checkEnvironment(question, world.registry, world.ports);
      return [checks.every(({ passed }) => passed), found];
    };
    assert.deepEqual(await ask(other, [model], null), [true, 'acme/enc']);
    assert.deepEqual(await ask(other, [model], 'acme/enc'), [true, 'acme/enc']);
    assert.deepEqual(await ask(other, [], null), [false, null]);
    assert.deepEqual(await ask(model, [], null), [true, 'acme/enc']);
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
    const digest = sha256Hex(torn);
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

test('an artifact whose manifest is another enters nothing, and its revocation names no more than its id', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const registry = but(world.registry, { getManifest: async () => Promise.resolve(Buffer.from('{}')) });
    const torn = { ...world, registry };
    const { verdict, promoted } = await promoteAs(torn, 'ci', 'staging');
    assert.equal(promoted, null);
    assert.ok(codes(verdict).includes('digest-mismatch'), said(verdict).join());
    const { bundle } = await revoke(
      {
        action: 'revoke',
        target: { kind: 'artifact', sha256: bare(model) },
        artifact: { name: 'acme/enc', id: model },
        reason: 'torn',
        policy: POLICY,
      },
      { ...world.ports, registry, signer: signerOf('rita') },
    );
    const bundles = await world.registry.claims('acme/enc', model);
    const stored = bundles.find((bytes) => `sha256:${sha256Hex(bytes)}` === bundle);
    assert.equal(parseStatement(parseBundle(stored ?? Buffer.of()).payload).subject.length, 1);
    const { verdict: seen } = await lineage(
      {
        shown: 'acme/enc',
        place: { kind: 'registry', name: 'acme/enc', reference: model, registry },
        policy: POLICY,
        environment: null,
        timestampAuthorities: [],
      },
      { ...world.ports, files: createFiles(), trust: async () => Promise.resolve([]) } as never,
    );
    assert.deepEqual(codes(seen), ['revoked']);
  }));

test('a no that several earlier policies heard is told once, as the newest of them heard it', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const versions = [1, 2].map((version) => changed('version: 1', `version: ${version}`));
    for (const text of versions) assert.ok((await promoteAs(world, 'ci', 'staging', { text })).promoted !== null);
    const target = { kind: 'artifact', sha256: bare(model) } as const;
    const about = { action: 'revoke', target, artifact: { name: 'acme/enc', id: model }, reason: 'bad' } as const;
    const ports = { ...world.ports, registry: world.registry, signer: signerOf('rita') };
    await revoke({ ...about, policy: parsePolicy(versions[1] ?? BYTES) }, ports);
    const text = Buffer.from(
      BYTES.toString().replace('version: 1', 'version: 3').replace('revoker: [rita, rob]', 'revoker: [rob]'),
    );
    const { verdict } = await promoteAs(world, 'ci', 'staging', { text, dryRun: true });
    const orphaned = said(verdict).filter((each) => each.startsWith('revocation-orphaned'));
    assert.equal(orphaned.length, 1, said(verdict).join());
    assert.match(orphaned[0] ?? '', /rita/);
  }));

test('an answer about an environment is of the name that holds, of the content where it is asked, and of what was said since', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const claims = (id: string) => modelClaims(id, dataset).map(([, bundle]) => bundle);
    await world.publish('acme/other:1', MODEL_FILES, claims);
    const other = { target: { name: 'acme/other', reference: '1' } };
    for (const over of [other, {}]) {
      const { promoted, verdict } = await promoteAs(world, 'ci', 'staging', over);
      assert.ok(promoted !== null, said(verdict).join());
    }
    await promoteAs(world, 'ci', 'prod');
    await backAs(world, 'ci', { name: 'acme/other', to: null });
    const ask = async (over: object = {}, registry = world.registry) => {
      const question = { id: model, name: null, policy: POLICY, environment: 'prod', ...over };
      const { checks, name } = await checkEnvironment(question, registry, world.ports);
      return { name, names: checks.map((check) => check.name), found: codes({ checks }), all: said({ checks }) };
    };
    const plain = await ask({ environment: 'staging' });
    assert.deepEqual([plain.name, plain.found, plain.names.includes('content')], ['acme/enc', [], false]);
    for (const over of [{ withContent: true }, { withRules: true }]) {
      const { names, found } = await ask({ ...over, name: 'acme/enc' });
      assert.deepEqual([names[0], found], ['content', []], JSON.stringify(over));
    }
    const down = new WeighmarkError('network', 'it does not answer');
    const resolve: Registry['resolve'] = async (name, reference) =>
      reference === model ? Promise.reject(down) : world.registry.resolve(name, reference);
    const unknown = { id: `sha256:${'ab'.repeat(32)}`, ids: [model], name: 'acme/enc' };
    await assert.rejects(ask(unknown, but(world.registry, { resolve })), down, 'not that it is not there');
    const isBom = (bytes: Uint8Array) => parseStatement(parseBundle(bytes).payload).predicateType === PREDICATES.bom;
    const without = but(world.registry, {
      claims: async (name, id) => (await world.registry.claims(name, id)).filter((bytes) => !isBom(bytes)),
    });
    assert.ok(
      (await ask({ name: 'acme/enc' }, without)).all.includes(
        'claim-missing: a claim that its promotion rests on is not here',
      ),
    );
    const predicate = { result: 'FAILED', configuration: [] };
    const bundle = bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: bare(model), predicate });
    await attachClaim({ name: 'acme/enc', manifest: model, bundle }, world.registry);
    assert.notDeepEqual((await ask({ name: 'acme/enc' })).found, []);
  }));

test('content is read alike where it lies and through the registry, and it is told how far', () =>
  inWorld(async (world) => {
    const files = { ...MODEL_FILES, 'README.md': '---\nbase_model: acme/base\n---\n' };
    const id = await world.publish('acme/m:1', files, () => []);
    const read = async (registry: Registry) => {
      const told: number[] = [];
      const start = (_: string, total: number) => (
        told.push(total),
        { advance: (bytes: number) => void told.push(-bytes), end: () => {} }
      );
      const ports = { ...world.ports, progress: { start } as never };
      const { facts, blake3, check } = await readContent({ name: 'acme/m', id }, registry, ports);
      assert.ok(check.passed);
      assert.equal(
        told.reduce((sum, each) => sum + each),
        0,
        'all of it',
      );
      assert.equal(told[0], Object.values(files).join('').length);
      return { facts, blake3 };
    };
    const here = await read(world.registry);
    assert.deepEqual(await read(but(world.registry, { blobFile: (() => undefined) as never })), here);
    assert.equal(here.facts.digests?.get('config.json'), sha256Hex('{}'));
    assert.deepEqual(
      here.facts.declaredBases.map(({ name }) => name),
      ['acme/base'],
    );
  }));

test('a lineage beside a file is of the file, and counts whoever is nobody', () =>
  inWorld(async (world) => {
    const root = join(world.folder, 'w.bin');
    await writeFile(root, 'alone');
    const digest = sha256Hex('alone');
    const predicate = { result: 'PASSED' };
    const about = [subject('file', 'w.bin', digest)];
    const mallory = bundleFor({ by: 'mallory', type: PREDICATES.evaluation, about, predicate });
    const look = async (claims: readonly Uint8Array[]) => {
      await writeFile(`${root}.claims.jsonl`, Buffer.concat(claims.flatMap((each) => [each, Buffer.from('\n')])));
      const { verdict } = await lineage(
        {
          shown: 'w.bin',
          place: { kind: 'path', location: root },
          policy: POLICY,
          environment: null,
          timestampAuthorities: [],
        },
        { ...world.ports, files: createFiles(), trust: async () => Promise.resolve([]) } as never,
      );
      return [codes(verdict).includes('revoked'), verdict.notes];
    };
    assert.deepEqual(await look([mallory]), [false, ['1 claim by nobody trusted, ignored']]);
    const revoked = { action: 'revoke', target: { kind: 'artifact', sha256: digest }, reason: 'bad' } as const;
    const no = bundleFor({ by: 'rita', type: PREDICATES.revocation, about, predicate: revocationPredicate(revoked) });
    assert.deepEqual(await look([no]), [true, []]);
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
