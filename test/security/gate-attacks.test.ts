import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { policyTrust } from '../../src/domain/authority/authority.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { approvalProperty, buildPromotion, policyUri } from '../../src/domain/authority/vsa.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { attachClaim } from '../../src/flows/registry/attach.ts';
import { findingsOf, verdictOf } from '../../src/domain/base/verdict.ts';
import { audit } from '../../src/flows/watch/audit.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import { verifyClaim } from '../../src/domain/trust/verify-claim.ts';
import { bundleFor, type Name } from '../domain/policy/world.ts';
import {
  MODEL_FILES,
  STAGES,
  approvalBundle,
  bare,
  gateWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  stepBundle,
  type GateWorld,
} from '../flows/gate-world.ts';

/** Attacks on the gate with real claims in a real registry and log: each is refused, and for the reason that is true. */
async function world(t: TestContext): Promise<GateWorld> {
  const made = await gateWorld();
  t.after(made.close);
  return made;
}

const POLICY = parsePolicy(policyText());

async function promoted(
  of: GateWorld,
  environment: string,
  text = policyText(),
  by: Name = 'ci',
  reference = '1.0',
): Promise<readonly string[]> {
  return codesOf((await promoteAs(of, by, environment, { text, target: { name: 'acme/enc', reference } })).verdict);
}

async function verified(
  { registry, ports }: GateWorld,
  id: string,
  environment: string,
  policy = POLICY,
): Promise<readonly string[]> {
  const { checks } = await checkEnvironment({ id, name: 'acme/enc', policy, environment }, registry, ports);
  return codesOf(verdictOf({ subject: id, checks }));
}

function codesOf(verdict: Parameters<typeof findingsOf>[0]): readonly string[] {
  return [...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted();
}

function hiding(of: GateWorld, bundle: Uint8Array): GateWorld {
  const claims: Registry['claims'] = async (name, id) =>
    (await of.registry.claims(name, id)).filter((each) => sha256Hex(each) !== sha256Hex(bundle));
  return { ...of, registry: { ...of.registry, claims } };
}

test('an exception for a missing evaluation hides no logged claim: one that was taken out might say no', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of, { without: 'evaluation' });
  await promoted(of, 'staging');
  const text = policyText(
    STAGES.replace('after: staging', ''),
    `exceptions: [{ code: claim-missing, id: "${model}", environment: prod, reason: evaluated on paper, expires: 2027-01-01 }]`,
  );
  assert.deepEqual(await promoted(of, 'prod', text), [], 'the exception holds');
  const failed = bundleFor({
    by: 'erin',
    type: PREDICATES.evaluation,
    about: bare(model),
    predicate: { result: 'FAILED', configuration: [] },
  });
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: failed }, of.registry);
  assert.deepEqual(await promoted(of, 'prod', text), ['claim-negative', 'policy-refused']);
  assert.deepEqual(
    await promoted(hiding(of, failed), 'prod', text),
    ['claim-missing'],
    'taken out of the registry, it is still in the log',
  );
});

test('what was approved under a sandbox’s policy is not approved here, though bytes, name, person and environment are the same', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of, { without: 'approval' });
  await promoted(of, 'staging');
  const under = (uri: string, digest = 'a'.repeat(64)): Uint8Array =>
    bundleFor({
      by: 'bob',
      type: PREDICATES.approval,
      about: bare(model),
      predicate: {
        verifier: { id: 'bob', policies: [{ uri, digest: { sha256: digest } }] },
        timeCreated: '2026-11-19T13:00:00Z',
        properties: [approvalProperty('prod')],
      },
    });
  for (const uri of [
    'weighmark:policy/sandbox@1',
    'weighmark:policy/acme-sandbox@1',
    'weighmark:policy/acm@1',
    'acme',
    '',
  ]) {
    await attachClaim({ name: 'acme/enc', manifest: model, bundle: under(uri) }, of.registry);
    assert.deepEqual(await promoted(of, 'prod'), ['approval-missing'], uri);
  }
  await attachClaim(
    { name: 'acme/enc', manifest: model, bundle: under(policyUri({ name: 'acme', version: 7 })) },
    of.registry,
  );
  assert.deepEqual(await promoted(of, 'prod'), []);
});

test('an approval of another version, of the same name, travels along and counts for nothing', async (t) => {
  const of = await world(t);
  const { model, dataset } = await publishStory(of);
  await of.publish('acme/enc:2.0', { ...MODEL_FILES, 'model.safetensors': 'other' }, (id) => [
    ...modelClaims(id, dataset)
      .filter(([what]) => what !== 'approval')
      .map(([, bundle]) => bundle),
    approvalBundle('bob', bare(model)),
    approvalBundle('carol', bare(model)),
  ]);
  await promoted(of, 'staging', policyText(), 'ci', '2.0');
  assert.deepEqual(await promoted(of, 'prod', policyText(), 'ci', '2.0'), ['approval-missing']);
});

test('an evaluation of another model, or of one file, is none of this one', async (t) => {
  const of = await world(t);
  const { model, dataset } = await publishStory(of, { without: 'evaluation' });
  const other = await of.publish('acme/enc:other', { 'model.safetensors': 'other', 'config.json': '{}' }, (id) =>
    modelClaims(id, dataset).map(([, bundle]) => bundle),
  );
  const about = (subject: object): Uint8Array =>
    bundleFor({
      by: 'erin',
      type: PREDICATES.evaluation,
      about: [subject as never],
      predicate: { result: 'PASSED', configuration: [] },
    });
  const file = { name: 'model.safetensors', digest: { sha256: sha256Hex('weights') }, annotations: { kind: 'file' } };
  const bundles = [
    about({ name: 'acme/enc', digest: { sha256: bare(other) }, annotations: { kind: 'manifest' } }),
    about(file),
    about({ ...file, annotations: undefined }),
    about({ name: 'acme/enc', digest: { sha256: bare(model).toUpperCase() }, annotations: { kind: 'manifest' } }),
  ];
  for (const bundle of bundles) await attachClaim({ name: 'acme/enc', manifest: model, bundle }, of.registry);
  await promoted(of, 'staging');
  assert.deepEqual(await promoted(of, 'prod'), ['claim-missing']);
});

test('a promotion that was withdrawn does not come back by being wrapped and logged anew', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoted(of, 'staging');
  const [old] = (await of.registry.claims('acme/enc', model)).filter(
    (each) =>
      JSON.parse(Buffer.from(JSON.parse(Buffer.from(each).toString()).dsseEnvelope.payload, 'base64').toString())
        .predicateType === PREDICATES.promotion,
  );
  assert.ok(old !== undefined);
  const input = { policy: POLICY, policyBytes: policyText(), environment: 'staging', name: 'acme/enc', to: null };
  await rollback(input, of.ports, { registry: of.registry, signer: async () => signerOf('ci') });
  assert.deepEqual(await verified(of, model, 'staging'), ['not-promoted']);
  const rewrapped = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(old).toString()), null, 1));
  assert.equal(
    (await verifyClaim(rewrapped, { trust: policyTrust(POLICY), keyless: null, now: of.ports.clock.now() })).trusted,
    true,
    'a good signature',
  );
  await attachClaim(
    { name: 'acme/enc', manifest: model, bundle: rewrapped, kind: 'promotion', env: 'staging' },
    of.registry,
  );
  assert.deepEqual(await verified(of, model, 'staging'), ['not-promoted']);
  assert.deepEqual(
    (await audit({ policy: POLICY }, of.registry, of.ports)).promotions.map(({ verdict }) => codesOf(verdict)),
    [[]],
    'withdrawn, and nothing wrong with that',
  );
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: old, kind: 'promotion', env: 'staging' }, of.registry);
  assert.deepEqual(await verified(of, model, 'staging'), ['not-promoted'], 'nor by the old entry logged twice');
});

test('a promotion for one environment, name or log is none for another, wherever it is logged', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const vsa = (over: object): Uint8Array =>
    bundleFor({
      by: 'ci',
      type: PREDICATES.promotion,
      about: bare(model),
      name: 'acme/enc',
      predicate: buildPromotion({
        verifier: 'x',
        at: of.ports.clock.now(),
        origin: of.registry.log.origin,
        name: 'acme/enc',
        environment: 'prod',
        policy: POLICY,
        inputs: [],
        passed: true,
        ...over,
      }),
    });
  for (const over of [{ environment: 'staging' }, { name: 'acme/other' }, { origin: 'log.elsewhere.example' }]) {
    await attachClaim(
      { name: 'acme/enc', manifest: model, bundle: vsa(over), kind: 'promotion', env: 'prod' },
      of.registry,
    );
    assert.deepEqual(await verified(of, model, 'prod'), ['not-promoted'], JSON.stringify(over));
  }
  await of.registry.putClaim('acme/enc', model, vsa({}));
  assert.deepEqual(await verified(of, model, 'prod'), ['not-promoted'], 'signed, but not logged');
});

test('who made a model rolls nobody back to it where the roles are kept apart', async (t) => {
  const of = await world(t);
  const { dataset } = await publishStory(of);
  const roles = (text: Buffer): Buffer =>
    Buffer.from(text.toString().replace('promoter: [ci]', 'promoter: [ci, anna]'));
  const text = roles(policyText('\n  - name: staging\n    require: [bom]\n    separation: [[trainer, promoter]]'));
  assert.deepEqual(await promoted(of, 'staging', text, 'anna'), ['separation-of-duties']);
  assert.deepEqual(await promoted(of, 'staging', text), []);
  await of.publish('acme/enc:2.0', { ...MODEL_FILES, 'model.safetensors': 'other' }, (id) =>
    modelClaims(id, dataset).map(([, bundle]) => bundle),
  );
  assert.deepEqual(await promoted(of, 'staging', text, 'ci', '2.0'), []);
  const back = async (by: Name): Promise<readonly string[]> =>
    codesOf(
      (
        await rollback(
          { policy: parsePolicy(text), policyBytes: text, environment: 'staging', name: 'acme/enc', to: '1.0' },
          of.ports,
          { registry: of.registry, signer: async () => signerOf(by) },
        )
      ).verdict,
    );
  const size = async (): Promise<number> => (await of.registry.log.verify()).size;
  const before = await size();
  assert.deepEqual(await back('anna'), ['separation-of-duties']);
  assert.equal(await size(), before, 'nothing was logged');
  assert.deepEqual(await back('ci'), []);
});

test('an approval is worth nothing after its approver was lost, and signing again with the lost key mends nothing', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoted(of, 'staging');
  await revoke(
    {
      action: 'revoke',
      target: { kind: 'principal', name: 'bob', since: '2026-11-01T00:00:00.000Z' },
      reason: 'key lost',
      artifact: null,
      policy: POLICY,
    },
    { ...of.ports, registry: of.registry, signer: signerOf('rita') },
  );
  assert.deepEqual(await promoted(of, 'prod'), ['revoked']);
  const again = bundleFor({
    by: 'bob',
    type: PREDICATES.approval,
    about: bare(model),
    predicate: {
      verifier: { id: 'bob', policies: [] },
      timeCreated: '2030-01-01T00:00:00Z',
      properties: [approvalProperty('prod')],
    },
  });
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: again }, of.registry);
  assert.deepEqual(await promoted(of, 'prod'), ['revoked']);
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: approvalBundle('carol', bare(model)) }, of.registry);
  assert.deepEqual(await promoted(of, 'prod'), [], 'somebody else’s does');
});

test('two accounts of one origin refuse, in whatever order and however often they are logged', async (t) => {
  const of = await world(t);
  const { model, dataset } = await publishStory(of);
  const other = stepBundle('train', bare(model), [
    { role: 'dataset', of: 'acme/data', digest: { sha256: bare(dataset) } },
    { role: 'config', of: 'recipe', digest: { sha256: 'c'.repeat(64) } },
  ]);
  for (const name of ['acme/enc', 'acme/else'])
    await attachClaim({ name, manifest: model, bundle: other }, of.registry).catch(() => undefined);
  assert.deepEqual(await promoted(of, 'staging'), ['claim-conflict']);
});

test('a BOM that says otherwise does not make the licence better: every one by a trusted signer must pass', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const text = policyText('\n  - name: staging\n    require: [bom]\n    licences: { deny: [GPL-3.0-only] }');
  assert.deepEqual(await promoted(of, 'staging', text), []);
  const second = bundleFor({
    by: 'anna',
    type: PREDICATES.bom,
    about: bare(model),
    predicate: {
      bomFormat: 'CycloneDX',
      specVersion: '1.7',
      metadata: {
        component: {
          type: 'machine-learning-model',
          name: 'enc',
          version: '1',
          licenses: [{ license: { id: 'GPL-3.0-only' } }],
        },
      },
    },
  });
  await attachClaim({ name: 'acme/enc', manifest: model, bundle: second }, of.registry);
  assert.deepEqual(await promoted(of, 'staging', text), ['licence-refused']);
});

test('an environment that is nearly named is none', async (t) => {
  const of = await world(t);
  await publishStory(of);
  for (const name of ['Staging', 'staging ', 'stagin', 'prod,staging', 'staging/../prod', '']) {
    await assert.rejects(promoteAs(of, 'ci', name), { code: 'usage' }, name);
  }
});
