import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import { ATTACHMENTS } from '../../../src/domain/registry/referrer.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { approve } from '../../../src/flows/gate/approve.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { PromoteOutcome } from '../../../src/flows/gate/promote.ts';
import {
  bare,
  breakGlassAs,
  gateWorld,
  MODEL_FILES,
  inWorld,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../gate-world.ts';
import { bomOf, bundleFor } from '../../domain/policy/world.ts';

function codes({ verdict }: PromoteOutcome): readonly string[] {
  return [...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted();
}

/** Everything in the registry that a refused promotion must leave alone. */
async function state({ registry, folder }: GateWorld): Promise<unknown> {
  return {
    list: await registry.list(),
    log: await registry.log.find({}),
    files: (await readdir(join(folder, 'registry', 'models'), { recursive: true })).toSorted(),
  };
}

test('staging, then prod: a pure VSA, logged, with every claim it rests on', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const staging = await promoteAs(world, 'ci', 'staging');
    assert.deepEqual(codes(staging), []);
    const prod = await promoteAs(world, 'ci', 'prod');
    assert.deepEqual(findingsOf(prod.verdict), []);
    assert.equal(prod.id, model);
    assert.equal(await world.registry.resolve('acme/enc', 'prod'), model);
    const [entry] = await world.registry.log.find({ kind: 'promotion', env: 'prod' });
    assert.equal(entry?.leaf.bundle, prod.promoted?.bundle);
    const bundles = await world.registry.claims('acme/enc', model);
    const statements = bundles.map((bytes) => parseStatement(parseBundle(bytes).payload));
    const vsa = statements.find(({ predicate }) => String(predicate['resourceUri']).endsWith('env=prod'));
    assert.deepEqual(Object.keys(vsa?.predicate ?? {}), [
      'verifier',
      'timeVerified',
      'resourceUri',
      'policy',
      'inputAttestations',
      'verificationResult',
      'verifiedLevels',
      'slsaVersion',
    ]);
    assert.equal(vsa?.predicate['resourceUri'], 'weighmark://log.acme.example/acme/enc?env=prod');
    assert.deepEqual(vsa?.predicate['verifiedLevels'], ['WEIGHMARK_ENV_PROD']);
    assert.deepEqual(vsa?.subject, [
      { name: 'acme/enc', digest: { sha256: bare(model) }, annotations: { kind: 'manifest' } },
    ]);
    assert.equal(
      (vsa?.predicate['inputAttestations'] as unknown[] | undefined)?.length,
      6,
      'reference, train, bom, evaluation, approval, staging promotion',
    );
    const [stored] = await world.registry.attachments('acme/enc', model, ATTACHMENTS.policy);
    assert.deepEqual(Buffer.from(stored ?? []), policyText());
  }));

test('refused: nothing changes, and every reason is listed', () =>
  inWorld(async (world) => {
    await publishStory(world, { without: 'bom' });
    const before = await state(world);
    const outcome = await promoteAs(world, 'ci', 'prod');
    assert.deepEqual(codes(outcome), ['claim-missing', 'not-promoted']);
    assert.equal(outcome.promoted, null);
    assert.deepEqual(await state(world), before);
  }));

test('a dry run decides and changes nothing', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const before = await state(world);
    const outcome = await promoteAs(world, 'ci', 'staging', { dryRun: true });
    assert.equal(outcome.verdict.exitCode, 0);
    assert.deepEqual(await state(world), before);
  }));

test('a signer the policy does not name as promoter promotes nothing', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const before = await state(world);
    for (const by of ['mallory', 'anna', 'glen'] as const) {
      assert.deepEqual(codes(await promoteAs(world, by, 'staging')), ['wrong-signer'], by);
    }
    assert.deepEqual(await state(world), before);
  }));

test('prod without staging', () =>
  inWorld(async (world) => {
    await publishStory(world);
    assert.deepEqual(codes(await promoteAs(world, 'ci', 'prod')), ['not-promoted']);
  }));

test('one byte of a stored file changed', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const blobs = join(world.folder, 'registry', 'models', 'acme', 'enc', 'blobs', 'sha256');
    const { sha256Hex } = await import('../../../src/domain/digest/hex.ts');
    const { chmod } = await import('node:fs/promises');
    await chmod(join(blobs, sha256Hex('weights')), 0o644);
    await writeFile(join(blobs, sha256Hex('weights')), 'Weights');
    const outcome = await promoteAs(world, 'ci', 'staging');
    assert.deepEqual(codes(outcome), ['digest-mismatch']);
    assert.equal(findingsOf(outcome.verdict)[0]?.subject, 'model.safetensors');
  }));

test('a claim that was logged and then taken out of the registry', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const { ociDigest } = await import('../../../src/domain/digest/hex.ts');
    const bundle = Buffer.from('{"not":"there"}');
    await world.registry.log.append([
      { v: 1, kind: 'claim', name: 'acme/enc', manifest: model, bundle: ociDigest(bundle) },
    ]);
    assert.deepEqual(codes(await promoteAs(world, 'ci', 'staging')), ['claim-missing']);
  }));

test('breaking the glass: by who may, marked, never over a revocation', () =>
  inWorld(async (world) => {
    await publishStory(world, { without: 'evaluation' });
    assert.deepEqual(codes(await promoteAs(world, 'ci', 'prod', { breakGlass: 'outage 4711' })), ['wrong-signer']);
    const undated = await promoteAs(world, 'glen', 'prod', { breakGlass: 'outage 4711' });
    assert.deepEqual([codes(undated), undated.promoted], [['no-verified-time'], null], 'no reader would accept it');
    const outcome = await breakGlassAs(world, 'glen', 'prod', { breakGlass: 'outage 4711' });
    assert.deepEqual(codes(outcome), []);
    const bundles = await world.registry.claims('acme/enc', outcome.id);
    const statements = bundles.map((bytes) => parseStatement(parseBundle(bytes).payload));
    assert.ok(
      statements.some(
        ({ predicate }) =>
          (predicate['verifiedLevels'] as string[] | undefined)?.includes('WEIGHMARK_BREAK_GLASS') === true,
      ),
    );
    assert.ok(
      statements.some(({ predicate }) => JSON.stringify(predicate['properties'] ?? '').includes('outage 4711')),
    );
  }));

test('a base that only the card names is an input nobody declared (rule 14)', async (t) => {
  const cards: readonly (readonly [string, readonly string[]])[] = [
    ['---\nlicense: mit\n---\n# A model\n', []],
    ['---\nbase_model: other/base\n---\n', ['undeclared-input']],
    ['---\nbase_model:\n  - other/one\n  - other/two\n---\n', ['undeclared-input']],
    ['---\nbase_model: [other/base\n---\n', ['undeclared-input']],
  ];
  for (const [card, codes] of cards) {
    const world = await gateWorld();
    t.after(world.close);
    await publishStory(world, { files: { ...MODEL_FILES, 'README.md': card } });
    const { verdict } = await promoteAs(world, 'ci', 'staging', { dryRun: true });
    assert.deepEqual([...new Set(findingsOf(verdict).map(({ code }) => code))], codes, card);
  }
});

test('an approval by whoever signed its BOM is refused before it is stored, with the reason', () =>
  inWorld(async (world) => {
    await publishStory(world, { without: 'approval' });
    const text = policyText().toString().replace('approver: [bob, carol]', 'approver: [bob, carol, anna]');
    const give = (by: 'anna' | 'bob') =>
      approve(
        { target: { name: 'acme/enc', reference: '1.0' }, policy: parsePolicy(Buffer.from(text)), environment: 'prod' },
        world.ports,
        { registry: world.registry, signer: async () => signerOf(by), confirm: async () => true },
      );
    const before = await state(world);
    const own = await give('anna');
    assert.equal(own.approved, null);
    const [finding] = findingsOf({ checks: own.verdict.checks.filter(({ name }) => name === 'signer') });
    assert.equal(finding?.code, 'separation-of-duties');
    assert.match(finding.message, /signed a BOM along the way: an approval by anna would not count/);
    assert.deepEqual(await state(world), before);
    assert.equal((await give('bob')).approved?.by, 'bob');
  }));

test('that it was signed by another name is told of those who may describe it, and of nobody else', async () => {
  for (const [by, told] of [
    ['anna', ['signed as other/x, and asked for as acme/enc: whoever may push can give it any name']],
    ['erin', []],
  ] as const)
    await inWorld(async (world) => {
      const { model } = await publishStory(world, { without: 'bom' });
      const about = [subject('manifest', 'other/x', bare(model))];
      const bom = bundleFor({ by, type: PREDICATES.bom, about, predicate: bomOf('MIT') });
      await world.registry.putClaim('acme/enc', model, bom);
      const { verdict } = await promoteAs(world, 'ci', 'staging');
      assert.deepEqual(
        verdict.notes?.filter((note) => note.startsWith('signed as')),
        told,
        by,
      );
    });
});
