import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { promoteAll, type Promotion } from '../../../src/flows/gate/promote-all.ts';
import {
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  STAGES,
  type GateWorld,
} from '../gate-world.ts';

async function all(world: GateWorld, policyBytes: Buffer, options: { dryRun?: boolean; env?: string } = {}) {
  let asked = 0;
  const signer = async () => ((asked += 1), signerOf('ci'));
  const input = {
    policy: parsePolicy(policyBytes),
    policyBytes,
    environment: options.env ?? 'staging',
    dryRun: options.dryRun === true,
  };
  const promotions = await promoteAll(input, world.ports, { registry: world.registry, signer });
  return { promotions, asked };
}

function results(promotions: readonly Promotion[]): Readonly<Record<string, string>> {
  return Object.fromEntries(promotions.map(({ name, result }) => [name, result]));
}

const CHANGED = policyText(STAGES.replace('    require: [bom]\n', '    require: [bom, evaluation]\n'));

test('a changed policy: all that is there is judged again and promoted again, once; one refusal keeps nothing back', () =>
  inWorld(async (world) => {
    const { dataset } = await publishStory(world);
    const other = await world.publish('acme/dec:1', { 'model.safetensors': 'other' }, (id) =>
      modelClaims(id, dataset)
        .filter(([name]) => name !== 'evaluation')
        .map(([, bundle]) => bundle),
    );
    for (const target of [
      { name: 'acme/enc', reference: '1.0' },
      { name: 'acme/dec', reference: other },
    ])
      assert.deepEqual(findingsOf((await promoteAs(world, 'ci', 'staging', { target })).verdict), []);

    const size = (await world.registry.log.find({})).length;
    const tried = await all(world, CHANGED, { dryRun: true });
    assert.deepEqual(results(tried.promotions), { 'acme/dec': 'refused', 'acme/enc': 'promoted' });
    assert.equal(tried.asked, 0);
    assert.equal((await world.registry.log.find({})).length, size, 'a dry run changes nothing');

    const done = await all(world, CHANGED);
    assert.deepEqual(results(done.promotions), { 'acme/dec': 'refused', 'acme/enc': 'promoted' });
    assert.equal(done.asked, 1);
    const [refused] = done.promotions.filter(({ result }) => result === 'refused');
    assert.deepEqual(
      findingsOf(refused?.verdict ?? { checks: [] }).map(({ code }) => code),
      ['claim-missing'],
    );
    const again = await all(world, Buffer.from(`# reviewed\n${CHANGED.toString()}`));
    assert.deepEqual(results(again.promotions), { 'acme/dec': 'refused', 'acme/enc': 'holds' });
    assert.equal(again.asked, 0, 'nothing to sign, nobody asked');
    assert.deepEqual((await all(world, CHANGED, { env: 'prod' })).promotions, []);
  }));

test('what nobody promoted who may under the new policy is said, not passed over', () =>
  inWorld(async (world) => {
    await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const others = Buffer.from(policyText().toString().replace('promoter: [ci]', 'promoter: [dana]'));
    const { promotions } = await all(world, others);
    assert.deepEqual(results(promotions), { 'acme/enc': 'refused' });
    assert.match(findingsOf(promotions[0]?.verdict ?? { checks: [] })[0]?.message ?? '', /by those who may/);
  }));

test('a promotion whose age the environment asks for, and nobody vouches for, is not made', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const aged = policyText(STAGES.replace('  - name: staging\n', '  - name: staging\n    maxAge: 90d\n'));
    const size = (await world.registry.log.find({})).length;
    const outcome = await promoteAs(world, 'ci', 'staging', { text: aged });
    assert.deepEqual(
      findingsOf(outcome.verdict).map(({ code }) => code),
      ['no-verified-time'],
    );
    assert.equal(outcome.promoted, null);
    assert.equal((await world.registry.log.find({})).length, size);
  }));
