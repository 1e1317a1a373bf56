import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindingOf } from '../../src/domain/claims/binding.ts';
import { namesFrom, namesIn } from '../../src/domain/claims/names.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { subject, subjectsOf } from '../../src/domain/claims/subjects.ts';
import type { Subject, VerifiedClaim } from '../../src/domain/claims/types.ts';
import { manifestId, type ManifestFile } from '../../src/domain/digest/manifest.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { indexClaims } from '../../src/domain/lineage/index-claims.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { approvalProperty } from '../../src/domain/authority/vsa.ts';
import { policyTrust } from '../../src/domain/authority/authority.ts';
import { impact } from '../../src/flows/watch/impact.ts';
import { lineage } from '../../src/flows/gate/lineage.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import { findingsOf, verdictOf } from '../../src/domain/base/verdict.ts';
import {
  MODEL,
  approval,
  built,
  bundleFor,
  claim,
  codes,
  decide,
  facts,
  hex,
  honest,
  policy,
  PROD,
} from '../domain/policy/world.ts';
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

/** Which thing a claim or an input means: by kind and digest, whole, in one way everywhere (security rule 6). */
const OTHER = hex('other');
const statement = (subjects: readonly Subject[], predicateType: string = PREDICATES.approval) => ({
  statement: { _type: 'https://in-toto.io/Statement/v1', subject: subjects, predicateType, predicate: {} },
});
const own = subjectsOf({ id: `sha256:${MODEL}`, root: hex('root'), name: 'acme/enc:1' });
const unsaid = (sha256: string): Subject => ({ name: 'acme/enc', digest: { sha256 } });

test('one right subject and foreign ones bind nothing, in whatever order and of whatever kind', () => {
  assert.equal(bindingOf(statement(own)).kind, 'one');
  const foreign: readonly Subject[] = [
    subject('manifest', 'other/x', OTHER),
    subject('root', 'other/x', OTHER),
    subject('file', 'w.bin', OTHER),
    subject('list', '.weighmark/files', OTHER),
    subject('bom', '.weighmark/bom.cdx.json', OTHER),
    unsaid(OTHER),
    { name: 'x', digest: { blake3: OTHER } },
    { name: 'x', digest: { sha256: OTHER }, annotations: { kind: 'tensor' } },
    { name: 'x', digest: { sha256: MODEL.toUpperCase() } },
  ];
  for (const each of foreign)
    for (const subjects of [
      [...own, each],
      [each, ...own],
    ])
      assert.equal(bindingOf(statement(subjects)).kind, 'ambiguous', JSON.stringify(each));
  assert.equal(bindingOf(statement([...own, subject('manifest', 'other/x:1', MODEL)])).kind, 'ambiguous', 'two names');
});

test('an approval about two things is none; a failed evaluation about two things is still no pass', async () => {
  const claims = await honest();
  const predicate = {
    verifier: { id: 'bob', policies: [] },
    timeCreated: '2026-11-19T13:00:00Z',
    properties: [approvalProperty('prod')],
  };
  for (const foreign of [
    subject('root', 'x', OTHER),
    subject('file', 'w', OTHER),
    subject('list', 'l', OTHER),
    subject('manifest', 'x', OTHER),
  ]) {
    const about = [subject('manifest', 'acme/enc', MODEL), subject('root', 'acme/enc', hex('r')), foreign];
    const bob = await claim({ by: 'bob', type: PREDICATES.approval, about, predicate });
    assert.notDeepEqual(
      codes(decide(facts(Object.values({ ...claims, bob })), policy(PROD))),
      [],
      JSON.stringify(foreign),
    );
  }
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, bob: await approval('bob') })), policy(PROD))), []);
});

test('what the files at hand say, a claim must say too: root and files', async () => {
  const claims = await honest();
  const known = [{ id: `sha256:${MODEL}`, root: hex('the root'), files: new Map([['w.bin', hex('w')]]) }];
  const wrong = await claim({
    by: 'erin',
    type: PREDICATES.evaluation,
    about: [subject('manifest', 'acme/enc', MODEL), subject('root', 'acme/enc', OTHER)],
    predicate: { result: 'PASSED', configuration: [] },
    at: '2026-11-19T12:00:00Z',
  });
  const given = { ...claims, evaluation: wrong };
  assert.deepEqual(codes(decide(facts(Object.values(given)), policy(PROD))), [], 'without files, one root is believed');
  assert.deepEqual(codes(decide(facts(Object.values(given), { known }), policy(PROD))), ['subject-ambiguous']);
});

test('a manifest is no file, a file no manifest: claims and inputs', async () => {
  const file = await claim({
    by: 'dana',
    type: PREDICATES.reference,
    about: [subject('file', 'f', OTHER)],
    predicate: {},
  });
  const manifest = await claim({
    by: 'dana',
    type: PREDICATES.reference,
    about: [subject('manifest', 'm', OTHER)],
    predicate: {},
  });
  const both = indexClaims([file, manifest]);
  assert.deepEqual(
    [both.about(OTHER, 'file'), both.about(OTHER, 'manifest')].map((found) => found.map((each) => each.claim.bundle)),
    [[file.bundle], [manifest.bundle]],
  );
  assert.deepEqual(
    both.about(OTHER).map((each) => each.claim.bundle),
    [manifest.bundle],
    'never both',
  );
  // An input said to be a manifest is not described by a description of a file with those bytes.
  const claims = await honest();
  const described = (kind: string): Promise<VerifiedClaim> =>
    claim({
      by: 'dana',
      type: PREDICATES.reference,
      about: [subject(kind as 'file', 'acme/data', hex('d0'))],
      predicate: { attester: {}, references: [] },
      at: '2026-11-01T08:00:00Z',
    });
  const trained = (kind?: string): Promise<VerifiedClaim> => {
    const predicate = built('train', [{ role: 'dataset', of: 'd0' }], {
      startedOn: '2026-11-01T09:30:00Z',
      finishedOn: '2026-11-01T10:00:00Z',
    });
    const definition = predicate['buildDefinition'] as {
      resolvedDependencies: { annotations: Record<string, unknown> }[];
    };
    for (const input of definition.resolvedDependencies) if (kind !== undefined) input.annotations['kind'] = kind;
    return claim({
      by: 'anna',
      type: PREDICATES.provenance,
      about: hex('base'),
      predicate,
      at: '2026-11-01T10:00:00Z',
    });
  };
  const decided = async (described0: string, said?: string) =>
    codes(
      decide(
        facts(Object.values({ ...claims, d0: await described(described0), base: await trained(said) })),
        policy(PROD),
      ),
    );
  assert.deepEqual(await decided('manifest', 'manifest'), []);
  assert.deepEqual(await decided('file'), [], 'an input without a kind may be a file');
  assert.deepEqual(await decided('file', 'manifest'), ['lineage-unattested']);
});

test('a file whose bytes are the manifest of an approved model inherits nothing of it', () =>
  inWorld(async (of) => {
    const { model, dataset } = await publishStory(of);
    assert.deepEqual(findingsOf((await promoteAs(of, 'ci', 'staging')).verdict), []);
    const manifest = Buffer.from(await of.registry.getManifest('acme/enc', model)).toString();
    assert.equal(sha256Hex(manifest), bare(model));
    const files = { 'model.json': manifest };
    // The claims of the approved model lie beside the evil file; one more is by a tool that knows no kinds.
    const unsaidBom = bundleFor({
      by: 'anna',
      type: PREDICATES.bom,
      about: [unsaid(bare(model))],
      predicate: { bomFormat: 'CycloneDX' },
    });
    await of.publish('acme/enc:2.0', files, () => [
      ...modelClaims(model, dataset).map(([, bundle]) => bundle),
      unsaidBom,
    ]);
    const { verdict } = await promoteAs(of, 'ci', 'staging', { target: { name: 'acme/enc', reference: '2.0' } });
    const found = findingsOf(verdict).map(({ code }) => code);
    assert.ok(found.includes('subject-ambiguous') && found.includes('lineage-missing'), found.join());
  }));

/** A dataset of one file, a model that names it in some other way than by its id, promoted; then the dataset is revoked. */
async function revokedDataset(
  of: GateWorld,
  files: Readonly<Record<string, string>>,
  named: (id: string) => string,
  isManifest = false,
): Promise<{ dataset: string; model: string }> {
  const dataset = await of.publish('acme/data:1', files, () => []);
  const described = [named(dataset)].flatMap((digest) =>
    (['manifest', 'file'] as const).map((kind) =>
      bundleFor({
        by: 'dana',
        type: PREDICATES.reference,
        about: [subject(kind, 'acme/data', digest)],
        predicate: { attester: { id: 'dana' }, references: [] },
      }),
    ),
  );
  const model = await of.publish('acme/enc:1.0', MODEL_FILES, (id) => [
    ...described.slice(isManifest || named(dataset) === bare(dataset) ? 0 : 1),
    stepBundle('train', bare(id), [{ role: 'dataset', of: 'acme/data', digest: { sha256: named(dataset) } }]),
    ...modelClaims(id, dataset)
      .slice(1)
      .map(([, bundle]) => bundle),
  ]);
  return { dataset, model };
}

const POLICY = parsePolicy(policyText());

async function revokeDataset(of: GateWorld, dataset: string): Promise<void> {
  const input = {
    action: 'revoke' as const,
    target: { kind: 'artifact' as const, sha256: bare(dataset) },
    reason: 'poisoned',
    artifact: { name: 'acme/data', id: dataset },
    policy: POLICY,
  };
  await revoke(input, { ...of.ports, registry: of.registry, signer: signerOf('rita') });
}

async function asked(of: GateWorld, model: string): Promise<Record<string, readonly string[]>> {
  const promoted = await promoteAs(of, 'ci', 'staging', { dryRun: true });
  const { checks } = await checkEnvironment(
    { id: model, name: 'acme/enc', policy: POLICY, environment: 'staging' },
    of.registry,
    of.ports,
  );
  const place = { kind: 'registry' as const, name: 'acme/enc', reference: '1.0', registry: of.registry };
  const graph = await lineage(
    { shown: 'acme/enc:1.0', place, policy: POLICY, environment: null, timestampAuthorities: [] },
    { ...of.ports, trust: async () => [] } as unknown as Parameters<typeof lineage>[1],
  );
  const codesIn = (verdict: Parameters<typeof findingsOf>[0]) =>
    [...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted();
  return {
    promote: codesIn(promoted.verdict),
    verify: codesIn(verdictOf({ subject: model, checks })),
    lineage: codesIn(graph.verdict),
  };
}

const ROWS = 'a,b\n1,2\n';
for (const [how, files, named] of [
  ['its id', { 'rows.csv': ROWS }, bare],
  ['the digest of its only file', { 'rows.csv': ROWS }, () => sha256Hex(ROWS)],
  ['its root', { 'rows.csv': ROWS, 'more.csv': 'x' }, () => omsRoot([sha256Hex('x'), sha256Hex(ROWS)])],
] as const)
  test(`a revocation reaches who names the dataset by ${how}, and impact lists it`, () =>
    inWorld(async (of) => {
      const { dataset, model } = await revokedDataset(of, files, named);
      assert.deepEqual(findingsOf((await promoteAs(of, 'ci', 'staging')).verdict), []);
      const before = await impact(
        { digest: bare(dataset), trust: policyTrust(POLICY), timestampAuthorities: [] },
        of.registry,
        of.ports,
      );
      assert.deepEqual(
        before.descendants.map(({ id }) => id),
        [model],
      );
      assert.deepEqual((await asked(of, model))['verify'], []);
      await revokeDataset(of, dataset);
      assert.deepEqual(await asked(of, model), { promote: ['revoked'], verify: ['revoked'], lineage: ['revoked'] });
    }));

for (const [how, named] of [
  ['the id that it was not pushed by', (files: readonly ManifestFile[]) => bare(manifestId(files, 1))],
  [
    'the id of the same content under other names',
    (files: readonly ManifestFile[]) => bare(manifestId(renamed(files), 2)),
  ],
] as const)
  test(`a revocation reaches who names the dataset by ${how}, though a claim came along that names it so`, () =>
    inWorld(async (of) => {
      const files = { 'rows.csv': ROWS, 'more.csv': 'x' };
      const listed = Object.entries(files).map(([path, text]) => ({
        path,
        sizeBytes: Buffer.byteLength(text),
        sha256: sha256Hex(text),
      }));
      const other = Object.fromEntries(renamed(listed).map(({ path }, at) => [path, Object.values(files)[at] ?? '']));
      if (how.includes('other names')) await of.publish('acme/data:2', other, () => []);
      const { dataset, model } = await revokedDataset(of, files, () => named(listed), true);
      assert.notEqual(bare(dataset), named(listed));
      assert.deepEqual(findingsOf((await promoteAs(of, 'ci', 'staging')).verdict), []);
      await revokeDataset(of, dataset);
      assert.deepEqual(await asked(of, model), { promote: ['revoked'], verify: ['revoked'], lineage: ['revoked'] });
    }));

function renamed(files: readonly ManifestFile[]): readonly ManifestFile[] {
  return files.map((file) => ({ ...file, path: `z-${file.path}` }));
}

test('a revocation of 0.1, which says no other digest, reaches as far: the manifest in the registry does', () =>
  inWorld(async (of) => {
    const { dataset, model } = await revokedDataset(of, { 'rows.csv': ROWS }, () => sha256Hex(ROWS));
    assert.deepEqual(findingsOf((await promoteAs(of, 'ci', 'staging')).verdict), []);
    const old = signerOf('rita');
    const signer = {
      ...old,
      sign: (payload: Uint8Array) => {
        const said = JSON.parse(Buffer.from(payload).toString()) as { subject: unknown[] };
        return old.sign(Buffer.from(JSON.stringify({ ...said, subject: said.subject.slice(0, 1) })));
      },
    };
    await revoke(
      {
        action: 'revoke',
        target: { kind: 'artifact', sha256: bare(dataset) },
        reason: 'poisoned',
        artifact: { name: 'acme/data', id: dataset },
        policy: POLICY,
      },
      { ...of.ports, registry: of.registry, signer },
    );
    assert.deepEqual(await asked(of, model), { promote: ['revoked'], verify: ['revoked'], lineage: ['revoked'] });
  }));

test('never by one file of several: a licence text that both hold binds nothing', () =>
  inWorld(async (of) => {
    const { dataset, model } = await revokedDataset(of, { 'rows.csv': ROWS, LICENSE: 'MIT' }, () => sha256Hex('MIT'));
    await promoteAs(of, 'ci', 'staging');
    await revokeDataset(of, dataset);
    assert.deepEqual((await asked(of, model))['verify'], []);
    const { descendants } = await impact(
      { digest: bare(dataset), trust: policyTrust(POLICY), timestampAuthorities: [] },
      of.registry,
      of.ports,
    );
    assert.deepEqual(descendants, []);
  }));

test('the lists of records and weights name an artifact; other lists, and files of several, do not', () => {
  const root = hex('r');
  const subjects = [
    ...subjectsOf({ id: `sha256:${MODEL}`, root, name: 'm' }),
    subject('list', '.weighmark/records', hex('records')),
    subject('list', '.weighmark/weights', hex('weights')),
    subject('list', '.weighmark/files', hex('files')),
    subject('file', 'LICENSE', hex('licence')),
  ];
  assert.deepEqual(namesIn(statement(subjects, PREDICATES.bom).statement), [
    MODEL,
    root,
    hex('records'),
    hex('weights'),
  ]);
  const single = [
    ...subjectsOf({ id: `sha256:${MODEL}`, root: omsRoot([hex('f')]), name: 'm' }),
    subject('file', 'f', hex('f')),
  ];
  assert.deepEqual(namesIn(statement(single, PREDICATES.bom).statement), [MODEL, omsRoot([hex('f')]), hex('f')]);
  assert.deepEqual(
    namesFrom([['a', 'b'], ['c', 'd'], ['b', 'c'], []])
      .sameAs('a')
      .toSorted(),
    ['a', 'b', 'c', 'd'],
  );
  assert.deepEqual(namesFrom([]).sameAs('x'), ['x']);
});
