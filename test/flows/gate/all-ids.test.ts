import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { revocationPredicate } from '../../../src/domain/authority/revocation.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { show, placeOfDigest } from '../../../src/flows/registry/registry-show.ts';
import { checkEnvironment, type EnvironmentQuestion } from '../../../src/flows/gate/environment.ts';
import type { ManifestVersion } from '../../../src/domain/digest/manifest.ts';
import { bundleFor } from '../../domain/policy/world.ts';
import {
  approvalBundle,
  bare,
  idOf,
  inWorld,
  MODEL_FILES,
  modelClaims,
  policyText,
  promoteAs,
  stepBundle,
  type GateWorld,
} from '../gate-world.ts';

/** An artifact has one id in each version of the manifest; whatever names one of them means both. */
const POLICY = parsePolicy(policyText());
const BOTH: readonly ManifestVersion[] = [1, 2];
const DATA = { 'rows.csv': 'a,b\n1,2\n' };

/** The dataset and the model, each pushed by one of its ids; all claims name those that `named` says. */
async function story(
  world: GateWorld,
  pushed: ManifestVersion,
  named: ManifestVersion = pushed,
): Promise<{ model: string; dataset: string }> {
  const describe = (id: string) =>
    bundleFor({
      by: 'dana',
      type: PREDICATES.reference,
      about: bare(id),
      predicate: { attester: { id: 'dana' }, references: [] },
      name: 'acme/data',
    });
  const dataset = await world.publish('acme/data:1', DATA, (id) => [describe(id)], pushed);
  const model = await world.publish(
    'acme/enc:1.0',
    MODEL_FILES,
    (id) => modelClaims(id, idOf(DATA, named)).map(([, bundle]) => bundle),
    pushed,
  );
  return { model, dataset };
}

async function ask(world: GateWorld, id: string, over: Partial<EnvironmentQuestion> = {}): Promise<readonly string[]> {
  const pinned = await world.registry.log.verify();
  const question = { id, name: 'acme/enc', policy: POLICY, environment: 'staging', pinned, ...over };
  const { checks } = await checkEnvironment(question, world.registry, world.ports);
  return [...new Set(findingsOf(verdictOf({ subject: id, checks })).map(({ code }) => code))].toSorted();
}

async function codesOf(promoting: ReturnType<typeof promoteAs>): Promise<readonly string[]> {
  return [...new Set(findingsOf((await promoting).verdict).map(({ code }) => code))].toSorted();
}

/** A revocation as 0.1 and others write it: one id and nothing else. */
function revocationOf(id: string): Uint8Array {
  const target = { kind: 'artifact', sha256: bare(id) } as const;
  const predicate = revocationPredicate({ action: 'revoke', target, reason: 'poisoned' });
  return bundleFor({ by: 'rita', type: PREDICATES.revocation, about: bare(id), predicate, name: 'acme/enc' });
}

for (const version of BOTH) {
  const other: ManifestVersion = version === 1 ? 2 : 1;

  test(`revoked by id ${other}, pushed as ${version}: refused`, () =>
    inWorld(async (world) => {
      const { model } = await story(world, version);
      assert.deepEqual(await codesOf(promoteAs(world, 'ci', 'staging')), []);
      assert.deepEqual(await ask(world, model), []);
      const bundle = revocationOf(idOf(MODEL_FILES, other));
      await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, world.registry);
      assert.deepEqual(await ask(world, model), ['revoked']);
      assert.deepEqual(
        await ask(world, idOf(MODEL_FILES, other), { ids: BOTH.map((each) => idOf(MODEL_FILES, each)) }),
        ['revoked'],
      );
      assert.deepEqual(await codesOf(promoteAs(world, 'ci', 'staging')), ['revoked']);
    }));

  test(`an input revoked by id ${other}, pushed as ${version}, takes down what was made from it`, () =>
    inWorld(async (world) => {
      const { model, dataset } = await story(world, version);
      await promoteAs(world, 'ci', 'staging');
      const bundle = revocationOf(idOf(DATA, other));
      await attachClaim({ name: 'acme/data', manifest: dataset, bundle, kind: 'revocation' }, world.registry);
      assert.deepEqual(await ask(world, model), ['revoked']);
    }));

  test(`a lineage edge that names id ${other} of what lies there as ${version}`, () =>
    inWorld(async (world) => {
      await story(world, version, other);
      assert.deepEqual(await codesOf(promoteAs(world, 'ci', 'staging')), []);
      assert.deepEqual(await codesOf(promoteAs(world, 'ci', 'prod')), []);
    }));

  test(`an approval of id ${other} approves what was pushed as ${version}; what is logged of it and absent is missed`, () =>
    inWorld(async (world) => {
      const dataset = await world.publish('acme/data:1', DATA, () => [], version);
      const own = idOf(MODEL_FILES, version);
      const claims = modelClaims(own, dataset).filter(([name]) => name !== 'approval');
      const model = await world.publish('acme/enc:1.0', MODEL_FILES, () => claims.map(([, bundle]) => bundle), version);
      assert.equal(model, own);
      const missing = await codesOf(promoteAs(world, 'ci', 'prod'));
      const approval = approvalBundle('bob', bare(idOf(MODEL_FILES, other)));
      await attachClaim({ name: 'acme/enc', manifest: model, bundle: approval, kind: 'claim' }, world.registry);
      const approved = await codesOf(promoteAs(world, 'ci', 'prod'));
      assert.deepEqual([missing.includes('approval-missing'), approved.includes('approval-missing')], [true, false]);
      const about = { v: 1, kind: 'claim', name: 'acme/enc', manifest: idOf(MODEL_FILES, other) } as const;
      await world.registry.log.append([{ ...about, bundle: `sha256:${'7'.repeat(64)}` }]);
      assert.ok((await codesOf(promoteAs(world, 'ci', 'prod'))).includes('claim-missing'));
    }));

  test(`promoted as ${version}: the same bytes in hand are promoted by whichever id`, () =>
    inWorld(async (world) => {
      await story(world, version);
      await promoteAs(world, 'ci', 'staging');
      const ids = BOTH.map((each) => idOf(MODEL_FILES, each));
      for (const id of ids) {
        assert.deepEqual(await ask(world, id, { ids }), []);
        assert.deepEqual(await ask(world, id, { ids, name: null }), []);
      }
      const shown = await show({ name: 'acme/enc', reference: '1.0' }, world.registry);
      assert.deepEqual(shown.ids.toSorted(), ids.toSorted());
      for (const id of ids) assert.equal((await placeOfDigest(id, world.registry)).name, 'acme/enc');
    }));
}

test('pushed again by its other id, it is the same thing: promoted, and its own history', () =>
  inWorld(async (world) => {
    await story(world, 1);
    await promoteAs(world, 'ci', 'staging');
    const again = await world.publish(
      'acme/enc:2',
      MODEL_FILES,
      (id) => [stepBundle('train', bare(id), [], 'mallory')],
      2,
    );
    assert.equal(again, idOf(MODEL_FILES, 2));
    assert.deepEqual(await ask(world, again), []);
  }));

test('another artifact is no other id', () =>
  inWorld(async (world) => {
    const { model } = await story(world, 2);
    await promoteAs(world, 'ci', 'staging');
    const bundle = revocationOf(idOf({ ...MODEL_FILES, 'config.json': '{"v":2}' }, 1));
    await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'revocation' }, world.registry);
    assert.deepEqual(await ask(world, model), []);
  }));
