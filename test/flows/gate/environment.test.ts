import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildPromotion } from '../../../src/domain/authority/vsa.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { aboutOf, attachClaim } from '../../../src/flows/registry/attach.ts';
import { verdictOf, findingsOf } from '../../../src/domain/base/verdict.ts';
import { audit } from '../../../src/flows/watch/audit.ts';
import { checkEnvironment, type EnvironmentQuestion } from '../../../src/flows/gate/environment.ts';
import { impact } from '../../../src/flows/watch/impact.ts';
import { revoke, takeSnapshot } from '../../../src/flows/gate/revoke.ts';
import { rollback } from '../../../src/flows/gate/rollback.ts';
import { policyTrust } from '../../../src/domain/authority/authority.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { bundleFor, type Name } from '../../domain/policy/world.ts';
import {
  STAGES,
  bare,
  breakGlassAs,
  gateWorld,
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../gate-world.ts';

const POLICY = parsePolicy(policyText());

async function ask(world: GateWorld, id: string, over: Partial<EnvironmentQuestion> = {}): Promise<readonly string[]> {
  const { size } = await world.registry.log.verify();
  const { checks } = await checkEnvironment(
    { id, name: 'acme/enc', policy: POLICY, environment: 'staging', pinned: await pinned(world), ...over },
    world.registry,
    world.ports,
  );
  assert.ok(size > 0);
  return [...new Set(findingsOf(verdictOf({ subject: id, checks })).map(({ code }) => code))].toSorted();
}

async function pinned({ registry }: GateWorld): Promise<{ size: number; root: string }> {
  return registry.log.verify();
}

test('promoted and nothing else: another id, name, environment, policy or signer is not it', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    assert.deepEqual(await ask(world, model), ['not-promoted']);
    await promoteAs(world, 'ci', 'staging');
    assert.deepEqual(await ask(world, model), []);
    assert.deepEqual(await ask(world, model, { name: null }), []);
    assert.deepEqual(await ask(world, model, { environment: 'prod' }), ['not-promoted']);
    assert.deepEqual(
      await ask(world, model, { policy: parsePolicy(policyText(STAGES.replace('approvals: 1', 'approvals: 2'))) }),
      ['policy-mismatch'],
    );
    assert.deepEqual(await ask(world, dataset, { name: 'acme/data' }), ['not-promoted']);
  }));

test('the newest entry decides: a later version, a withdrawal; junk by strangers does not', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const junk = (by: Name, passed: boolean): Uint8Array =>
      bundleFor({
        by,
        type: PREDICATES.promotion,
        about: bare(model),
        name: 'acme/enc',
        predicate: buildPromotion({
          verifier: 'x',
          at: new Date('2026-11-20T12:00:00Z'),
          origin: world.registry.log.origin,
          name: 'acme/enc',
          environment: 'staging',
          policy: POLICY,
          inputs: [],
          passed,
        }),
      });
    await attachClaim(
      { name: 'acme/enc', manifest: model, bundle: junk('mallory', false), kind: 'promotion', env: 'staging' },
      world.registry,
    );
    await attachClaim(
      { name: 'acme/enc', manifest: model, bundle: junk('anna', false), kind: 'promotion', env: 'staging' },
      world.registry,
    );
    assert.deepEqual(await ask(world, model), []);
    const newer = await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    await promoteAs(world, 'ci', 'staging', { target: { name: 'acme/enc', reference: '2.0' } });
    assert.deepEqual(await ask(world, model), ['not-promoted']);
    assert.deepEqual(await ask(world, newer), []);
    const back = await rollback(
      { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging' },
      world.ports,
      { registry: world.registry, signer: async () => signerOf('ci') },
    );
    assert.deepEqual([back.id, back.from], [model, newer]);
    assert.deepEqual(await ask(world, model), []);
    await rollback(
      { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging', to: null },
      world.ports,
      { registry: world.registry, signer: async () => signerOf('ci') },
    );
    assert.deepEqual(await ask(world, model), ['not-promoted']);
  }));

test('never back to a revoked one, nor to one that was never there', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    await world.publish('acme/enc:3.0', { 'config.json': '{"v":3}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    await promoteAs(world, 'ci', 'staging', { target: { name: 'acme/enc', reference: '2.0' } });
    const work = { registry: world.registry, signer: async () => signerOf('ci') };
    const input = { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging' };
    await assert.rejects(
      rollback({ ...input, to: '3.0' }, world.ports, work),
      (error) => error instanceof WeighmarkError && error.code === 'not-promoted',
    );
    await revokeAs(world, 'rita', model);
    const refused = await rollback(input, world.ports, work);
    assert.deepEqual(
      findingsOf(refused.verdict).map(({ code }) => code),
      ['revoked'],
    );
    assert.equal(refused.done, null);
  }));

async function revokeAs(
  world: GateWorld,
  by: Name,
  id: string,
  action: 'revoke' | 'reinstate' = 'revoke',
): Promise<void> {
  const ports = { ...world.ports, registry: world.registry, signer: signerOf(by) };
  await revoke(
    {
      action,
      target: { kind: 'artifact', sha256: bare(id) },
      artifact: { name: 'acme/enc', id },
      reason: 'bad',
      policy: POLICY,
    },
    ports,
  );
}

test('a revoked dataset takes down what was made from it; two revokers undo it, one does not', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const found = await impact(
      { digest: bare(dataset), trust: policyTrust(POLICY), timestampAuthorities: [] },
      world.registry,
      world.ports,
    );
    assert.deepEqual(
      found.descendants.map(({ id, names, environments }) => ({
        id,
        names,
        where: environments.map(({ environment }) => environment),
      })),
      [{ id: model, names: ['acme/enc:1.0', 'acme/enc:staging'], where: ['staging'] }],
    );
    const ports = { ...world.ports, registry: world.registry, signer: signerOf('rita') };
    const target = { kind: 'artifact', sha256: bare(dataset) } as const;
    const about = { target, artifact: { name: 'acme/data', id: dataset }, reason: 'poisoned', policy: POLICY };
    await revoke({ ...about, action: 'revoke' }, ports);
    assert.deepEqual(await ask(world, model), ['revoked']);
    assert.deepEqual(
      (await audit({ policy: POLICY }, world.registry, world.ports)).promotions.map(({ verdict }) => verdict.exitCode),
      [1],
    );
    await revoke({ ...about, action: 'reinstate' }, ports);
    await revoke({ ...about, action: 'reinstate', reason: 'again' }, ports);
    assert.deepEqual(await ask(world, model), ['revoked'], 'one person twice is one');
    await revoke({ ...about, action: 'reinstate' }, { ...ports, signer: signerOf('rob') });
    assert.deepEqual(await ask(world, model), []);
  }));

test('only a revoker revokes', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    for (const by of ['mallory', 'anna'] as const) {
      await assert.rejects(
        revokeAs(world, by, model),
        (error) => error instanceof WeighmarkError && error.code === 'wrong-signer',
        by,
      );
    }
  }));

test('where the environment wants a snapshot, an old, expired or missing one leaves it undecided', () =>
  inWorld(async (world) => {
    const stages = '\n  - name: staging\n    require: [bom]\n    revocations: { required: true }';
    const policy = parsePolicy(policyText(stages));
    const { model } = await publishStory(world);
    const ports = { ...world.ports, registry: world.registry, signer: signerOf('rita') };
    const promote = (): ReturnType<typeof promoteAs> => promoteAs(world, 'ci', 'staging', { text: policyText(stages) });
    const codes = async (over: Partial<EnvironmentQuestion> = {}): Promise<readonly string[]> =>
      ask(world, model, { policy, ...over });
    assert.deepEqual(
      findingsOf((await promote()).verdict).map(({ code }) => code),
      ['revocations-stale'],
    );
    await takeSnapshot({ policy, validMs: 3_600_000 }, ports);
    assert.equal((await promote()).verdict.exitCode, 0);
    assert.deepEqual(await codes(), ['revocations-stale'], 'older than the promotion');
    const { snapshot } = await takeSnapshot({ policy, validMs: 3_600_000 }, ports);
    assert.equal(snapshot.version, 2);
    assert.deepEqual(await codes(), []);
    const other = await gateWorld();
    await other.ports.versions.remember(`snapshot ${world.registry.log.origin}`, 3);
    const elsewhere = { ...world, ports: { ...world.ports, versions: other.ports.versions } };
    assert.deepEqual(await ask(elsewhere, model, { policy }), ['revocations-stale'], 'a higher version was seen');
    assert.deepEqual(
      findingsOf((await promoteAs(elsewhere, 'ci', 'staging', { text: policyText(stages) })).verdict).map(
        ({ code }) => code,
      ),
      ['revocations-stale'],
      'nor is anything promoted by it',
    );
    await other.close();
    assert.equal(
      await world.ports.versions.highest(`snapshot ${world.registry.log.origin}`),
      2,
      'what was relied on is remembered',
    );
    const late = { ...world.ports, clock: { now: () => new Date('2026-11-20T14:00:00Z') } };
    const { checks } = await checkEnvironment(
      { id: model, name: 'acme/enc', policy, environment: 'staging', pinned: await pinned(world) },
      world.registry,
      late,
    );
    assert.equal(verdictOf({ subject: model, checks }).exitCode, 4, 'expired');
    const byStranger = { ...ports, signer: signerOf('anna') };
    await assert.rejects(
      takeSnapshot({ policy, validMs: 3_600_000 }, byStranger),
      (error) => error instanceof WeighmarkError && error.code === 'wrong-signer',
    );
  }));

test('a broken glass does not last, and satisfies no `after`', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world, { without: 'bom' });
    await breakGlassAs(world, 'glen', 'staging', { breakGlass: 'outage' });
    assert.deepEqual(
      await ask(world, model),
      ['no-verified-time'],
      'without a verified time nobody knows when it ends',
    );
    const prod = await promoteAs(world, 'ci', 'prod', { dryRun: true });
    assert.ok(
      findingsOf(prod.verdict).some(
        ({ code, message }) => code === 'not-promoted' && message.includes('breaking the glass'),
      ),
    );
  }));

test('a promotion falls with what it rests on: an approver’s key that was lost, a claim taken out', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    await promoteAs(world, 'ci', 'prod');
    assert.deepEqual(await ask(world, model, { environment: 'prod' }), []);
    const ports = { ...world.ports, registry: world.registry, signer: signerOf('rita') };
    await revoke(
      {
        action: 'revoke',
        target: { kind: 'principal', name: 'bob', since: '2026-01-01T00:00:00Z' },
        artifact: null,
        reason: 'stolen laptop',
        policy: POLICY,
      },
      ports,
    );
    assert.deepEqual(await ask(world, model, { environment: 'prod' }), ['revoked']);
    assert.deepEqual(await ask(world, model), [], 'staging did not rest on it');
    const withoutBom: GateWorld['registry'] = {
      ...world.registry,
      claims: async (name, id) =>
        (await world.registry.claims(name, id)).filter((bundle) => aboutOf(bundle).predicateType !== PREDICATES.bom),
    };
    const { checks } = await checkEnvironment(
      { id: model, name: 'acme/enc', policy: POLICY, environment: 'staging', pinned: await pinned(world) },
      withoutBom,
      world.ports,
    );
    assert.deepEqual(
      [...new Set(findingsOf(verdictOf({ subject: model, checks })).map(({ code }) => code))],
      ['claim-missing'],
    );
  }));
