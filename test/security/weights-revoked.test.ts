import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { subject } from '../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { ATTACHMENTS } from '../../src/domain/registry/referrer.ts';
import { formatWeightsList, type ListedWeights } from '../../src/domain/weights/list.ts';
import { weightsRoots } from '../../src/domain/weights/identity.ts';
import { findWeights } from '../../src/flows/registry/find-weights.ts';
import { lineage } from '../../src/flows/gate/lineage.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { impactOfWeights } from '../../src/flows/watch/impact-weights.ts';
import { policyTrust } from '../../src/domain/authority/authority.ts';
import { bomOf, bundleFor, hex, manifest, type Name } from '../domain/policy/world.ts';
import {
  MODEL_FILES,
  bare,
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  stepBundle,
  type GateWorld,
} from '../flows/gate-world.ts';
import { answerOf, answers, attach } from './denials-world.ts';

/** What is known to be bad is found in every container: a revocation names weights, and reaches who was signed to have them. */
const POLICY = parsePolicy(policyText());
const SHARED = hex('a tensor that others have too');
const BAD = { digest: hex('bad') };

async function listOf(world: GateWorld, digests: readonly string[], name = 'model.safetensors') {
  const { tree } = await world.ports.hasher();
  const tensors = digests.map((digest, at) => ({ name: `t${at}`, dtype: 'F32', shape: [2, 2], digest }));
  const set: ListedWeights = { name, tensors, ...weightsRoots((bytes) => tree.digest(bytes), tensors) };
  return { set, text: formatWeightsList([set]) };
}

/** Signs, beside the story's claims, a BOM that binds the list; lays the list beside the artifact unless it is lost. */
async function bind(
  world: GateWorld,
  id: string,
  text: string,
  { by = 'anna', lost = false, name = 'acme/enc' }: { by?: Name; lost?: boolean; name?: string } = {},
): Promise<void> {
  const about = [manifest(bare(id), name), subject('list', '.weighmark/weights', sha256Hex(text))];
  await attach(world, id, bundleFor({ by, type: PREDICATES.bom, about, predicate: bomOf('Apache-2.0') }), { name });
  if (!lost) await world.registry.putAttachment(name, id, ATTACHMENTS.weights, Buffer.from(text));
}

async function revokeWeights(world: GateWorld, blake3: string, by: Name = 'rita'): Promise<void> {
  const target = { kind: 'weights' as const, blake3 };
  const input = { action: 'revoke' as const, target, reason: 'backdoor', artifact: null, policy: POLICY };
  await revoke(input, { ...world.ports, registry: world.registry, signer: signerOf(by) });
}

async function lineageCodes(world: GateWorld, name = 'acme/enc') {
  const place = { kind: 'registry' as const, name, reference: '1.0', registry: world.registry };
  const ports = { ...world.ports, trust: async () => [] } as unknown as Parameters<typeof lineage>[1];
  const asked = { shown: name, place, policy: POLICY, environment: null, timestampAuthorities: [] };
  return answerOf((await lineage(asked, ports)).verdict);
}

const NO = [['revoked'], 1] as const;
const OPEN = [['weights-unlisted'], 4] as const;

async function everywhere(world: GateWorld, model: string, expected: readonly [readonly string[], number]) {
  const said = await answers(world, model);
  for (const [question, answer] of Object.entries({ ...said, lineage: await lineageCodes(world) }))
    assert.deepEqual(answer, expected, question);
}

test('a root of each kind and a single tensor reach what was signed to have them; other weights are not meant', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { set, text } = await listOf(world, [BAD.digest, SHARED]);
    await bind(world, model, text);
    await promoteAs(world, 'ci', 'staging');
    const verification = { trust: policyTrust(POLICY), keyless: null, now: world.ports.clock.now() };
    for (const blake3 of [set.names, set.multiset, set.set, BAD.digest]) {
      const found = await findWeights([blake3], { ...world.ports, registry: world.registry, verification });
      assert.deepEqual(
        [found.holders.map(({ id }) => id), found.unexamined],
        [[model], []],
        'listed by each of its digests',
      );
      assert.notEqual(found.holders[0]?.signedBy, null);
    }
    await revokeWeights(world, hex('others'));
    await everywhere(world, model, [[], 0]);
    await revokeWeights(world, BAD.digest);
    await everywhere(world, model, NO);
  }));

for (const kind of ['names', 'multiset', 'set'] as const)
  test(`a revocation of the root ${kind} is a no`, () =>
    inWorld(async (world) => {
      const { model } = await publishStory(world);
      const { set, text } = await listOf(world, [BAD.digest, SHARED, SHARED]);
      await bind(world, model, text);
      await promoteAs(world, 'ci', 'staging');
      await revokeWeights(world, set[kind]);
      await everywhere(world, model, NO);
    }));

test('a list that is signed and not here leaves it open, and never passes', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { text } = await listOf(world, [BAD.digest]);
    await bind(world, model, text, { lost: true });
    await promoteAs(world, 'ci', 'staging');
    await everywhere(world, model, [[], 0]);
    await revokeWeights(world, hex('others'));
    await everywhere(world, model, OPEN);
    // Other bytes under its name are not the list.
    const other = await listOf(world, [SHARED]);
    await world.registry.putAttachment('acme/enc', model, ATTACHMENTS.weights, Buffer.from(other.text));
    await everywhere(world, model, OPEN);
    await world.registry.putAttachment('acme/enc', model, ATTACHMENTS.weights, Buffer.from(text));
    await everywhere(world, model, [[], 0]);
  }));

test('bytes that are no list are open, though somebody signed their digest', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { text } = await listOf(world, [BAD.digest]);
    await bind(world, model, text.replace(/^names .*$/m, `names ${hex('x')}`));
    await promoteAs(world, 'ci', 'staging');
    await revokeWeights(world, hex('others'));
    await everywhere(world, model, OPEN);
  }));

test('a list by nobody the policy names says nothing, for and against', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { text } = await listOf(world, [BAD.digest]);
    await bind(world, model, text, { by: 'mallory', lost: true });
    await promoteAs(world, 'ci', 'staging');
    await revokeWeights(world, BAD.digest);
    await everywhere(world, model, [[], 0]);
  }));

test('who is no revoker revokes no weights; what two revokers take back counts again', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { set, text } = await listOf(world, [BAD.digest]);
    await bind(world, model, text);
    await promoteAs(world, 'ci', 'staging');
    await assert.rejects(revokeWeights(world, set.set, 'anna'), { code: 'wrong-signer' });
    await revokeWeights(world, set.set);
    await everywhere(world, model, NO);
    for (const by of ['rita', 'rob'] as const) {
      const target = { kind: 'weights' as const, blake3: set.set };
      const input = { action: 'reinstate' as const, target, reason: by, artifact: null, policy: POLICY };
      await revoke(input, { ...world.ports, registry: world.registry, signer: signerOf(by) });
    }
    await everywhere(world, model, [[], 0]);
  }));

test('one tensor in common makes no two models one: revoked by its id, a model falls alone', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    await bind(world, model, (await listOf(world, [BAD.digest, SHARED])).text);
    const files = { ...MODEL_FILES, 'config.json': '{"other":true}' };
    const other = await world.publish('acme/other:1.0', files, (id) => [
      ...modelClaims(id, dataset).map(([, bundle]) => bundle),
    ]);
    await bind(world, other, (await listOf(world, [hex('good'), SHARED])).text, { name: 'acme/other' });
    const target = { kind: 'artifact' as const, sha256: bare(other) };
    const artifact = { name: 'acme/other', id: other };
    const input = { action: 'revoke' as const, target, reason: 'bad', artifact, policy: POLICY };
    await revoke(input, { ...world.ports, registry: world.registry, signer: signerOf('rita') });
    await revokeWeights(world, hex('others'));
    assert.deepEqual(await lineageCodes(world), [[], 0]);
  }));

test('impact of weights: every container that has them, and what was made from any', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await bind(world, model, (await listOf(world, [BAD.digest, SHARED])).text);
    const converted = await world.publish('acme/gguf:1.0', { 'model.gguf': 'other bytes' }, () => []);
    await bind(world, converted, (await listOf(world, [SHARED, BAD.digest], 'model.gguf')).text, { name: 'acme/gguf' });
    const child = await world.publish('acme/child:1.0', { 'child.safetensors': 'c' }, (id) => {
      const input = { role: 'base-model' as const, of: 'acme/gguf', digest: { sha256: bare(converted) } };
      return [stepBundle('fine-tune', bare(id), [input])];
    });
    const { set } = await listOf(world, [SHARED, BAD.digest]);
    const input = { wanted: [set.set], trust: policyTrust(POLICY), timestampAuthorities: [] };
    const outcome = await impactOfWeights(input, world.registry, world.ports);
    assert.deepEqual(outcome.weights.holders.map(({ id }) => id).toSorted(), [model, converted].toSorted());
    assert.deepEqual(
      outcome.weights.holders.map(({ matches }) => matches.map(({ by }) => by)),
      [['multiset'], ['multiset']],
    );
    assert.deepEqual(
      outcome.descendants.map(({ id }) => id),
      [child],
    );
  }));
