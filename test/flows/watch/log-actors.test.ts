import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { policyTrust } from '../../../src/domain/authority/authority.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import type { Actor } from '../../../src/domain/authority/actor.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { actorsOf } from '../../../src/flows/watch/log-actors.ts';
import { bundleFor } from '../../domain/policy/world.ts';
import { bare, MODEL_FILES, inWorld, policyText, promoteAs, publishStory, type GateWorld } from '../gate-world.ts';

const TRUST = policyTrust(parsePolicy(policyText()));

/** The log as `kind actor`, in order. */
async function told({ registry, ports }: GateWorld, trust = TRUST): Promise<readonly string[]> {
  const entries = await registry.log.entries(0, 1000);
  const actors = await actorsOf(
    entries.map(({ leaf }) => leaf),
    registry,
    { trust, keyless: ports.keyless, now: ports.clock.now() },
  );
  return actors.map((actor, at) => `${entries[at]?.leaf.kind ?? ''} ${word(actor)}`);
}

function word({ standing, name, finding }: Actor): string {
  return standing === 'verified' ? `by ${name}` : `${standing}${finding === null ? '' : ` ${finding.code}`}`;
}

test('every entry names who signed what is behind it, verified now', () =>
  inWorld(async (world) => {
    await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    assert.deepEqual(await told(world), [
      'push by dana',
      'claim by dana',
      'push by anna',
      'claim by anna',
      'claim by anna',
      'claim by erin',
      'claim by bob',
      'promotion by ci',
    ]);
  }));

test('whom the present trust does not name is not verified, and an unsigned push is by nobody', () =>
  inWorld(async (world) => {
    await publishStory(world);
    await world.publish('acme/raw:1', { 'rows.csv': '1\n' }, () => []);
    const some = TRUST.filter(({ name }) => name === 'anna');
    assert.deepEqual(await told(world, some), [
      'push unverified signer-untrusted',
      'claim unverified signer-untrusted',
      'push by anna',
      'claim by anna',
      'claim by anna',
      'claim unverified signer-untrusted',
      'claim unverified signer-untrusted',
      'push unsigned',
    ]);
    assert.deepEqual(
      (await told(world, [])).filter((each) => each.includes('by ')),
      [],
    );
  }));

test('a bundle that the registry lost is absent; one that lies with a later push is found there', () =>
  inWorld(async (world) => {
    const { dataset } = await publishStory(world);
    const late = bundleFor({
      by: 'dana',
      type: PREDICATES.reference,
      about: bare(dataset),
      predicate: { attester: { id: 'late' }, references: [] },
      name: 'acme/data',
    });
    await world.publish('acme/enc:2', { ...MODEL_FILES, more: 'x' }, () => [late]);
    assert.deepEqual((await told(world)).slice(-2), ['push unverified subject-mismatch', 'claim by dana']);
    for (const { leaf } of await world.registry.log.find({ bundle: ociDigest(late) })) await lose(world, leaf);
    assert.deepEqual((await told(world)).slice(-2), ['push absent claim-missing', 'claim absent claim-missing']);
  }));

/** The claim of an entry as if it had never been stored. */
async function lose({ folder }: GateWorld, { name }: LogLeaf): Promise<void> {
  await rm(join(folder, 'registry', 'models', name, 'index.json'), { force: true });
}

test('an entry that says something else than its claim is not verified, whoever signed the claim', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const { promoted } = await promoteAs(world, 'ci', 'staging');
    const bundles = await world.registry.claims('acme/enc', model);
    const bundle = bundles.find((each) => ociDigest(each) === promoted?.bundle) ?? Buffer.alloc(0);
    const approval =
      bundles.find((each) => Buffer.from(each).toString().length > 0 && each !== bundle) ?? Buffer.alloc(0);
    await attachClaim({ name: 'acme/enc', manifest: model, bundle, kind: 'promotion', env: 'prod' }, world.registry);
    await attachClaim(
      { name: 'acme/data', manifest: dataset, bundle, kind: 'promotion', env: 'staging' },
      world.registry,
    );
    await attachClaim({ name: 'acme/data', manifest: dataset, bundle, kind: 'revocation' }, world.registry);
    await attachClaim({ name: 'acme/data', manifest: dataset, bundle: approval }, world.registry);
    await attachClaim(
      { name: 'acme/enc', manifest: model, bundle: approval, kind: 'promotion', env: 'staging' },
      world.registry,
    );
    assert.deepEqual((await told(world)).slice(-6), [
      'promotion by ci',
      ...['promotion', 'promotion', 'revocation', 'claim', 'promotion'].map(
        (kind) => `${kind} unverified subject-mismatch`,
      ),
    ]);
  }));
