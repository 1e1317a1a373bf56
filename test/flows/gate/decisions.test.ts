import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRegistries } from '../../../src/adapters/registries/index.ts';
import { policyTrust } from '../../../src/domain/authority/authority.ts';
import { checkOf, findingsOf, refusedCheck, verdictOf, type Finding } from '../../../src/domain/base/verdict.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { paeDigest } from '../../../src/domain/claims/dsse.ts';
import { buildPackageStep } from '../../../src/domain/claims/package-step.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { TimeMemory } from '../../../src/domain/ports/trust.ts';
import { approve } from '../../../src/flows/gate/approve.ts';
import { breakGlassChecks, whileBroken } from '../../../src/flows/gate/break-glass.ts';
import { orphanFindings, type FoundOrphan } from '../../../src/flows/gate/earlier-policies.ts';
import { checkEnvironment } from '../../../src/flows/gate/environment.ts';
import { environmentOf } from '../../../src/flows/gate/gate.ts';
import { lineage } from '../../../src/flows/gate/lineage.ts';
import { logFreshness } from '../../../src/flows/gate/log-freshness.ts';
import { testPolicy } from '../../../src/flows/gate/policy-test.ts';
import { verifierId } from '../../../src/flows/gate/promote.ts';
import { claimTarget, revoke } from '../../../src/flows/gate/revoke.ts';
import { rollback } from '../../../src/flows/gate/rollback.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { ID, caseFor, bomOf, bundleFor, evaluation, facts, hex, policy, type Name } from '../../domain/policy/world.ts';
import {
  MODEL_FILES,
  STAGES,
  bare,
  breakGlassAs,
  idOf,
  inWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  said,
  signerOf,
  stepBundle,
  type GateWorld,
} from '../gate-world.ts';

const POLICY = parsePolicy(policyText());

function revokeAs(world: GateWorld, target: Parameters<typeof revoke>[0]['target'], id: string, by: Name = 'rita') {
  return revoke(
    { action: 'revoke', target, artifact: { name: 'acme/enc', id }, reason: 'lost', policy: POLICY },
    { ...world.ports, registry: world.registry, signer: signerOf(by) },
  );
}

function approveAs(world: GateWorld, by: Name, confirm = true) {
  return approve({ target: { name: 'acme/enc', reference: '1.0' }, policy: POLICY, environment: 'prod' }, world.ports, {
    registry: world.registry,
    signer: async () => signerOf(by),
    confirm: async () => Promise.resolve(confirm),
  });
}

test('an approval is asked for with all there is to see, names its policy, and is the remedy for one that was lost', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const since = '2026-01-01T00:00:00Z';
    await revokeAs(world, { kind: 'principal', name: 'bob', since }, model);
    const declined = await approveAs(world, 'carol', false);
    assert.deepEqual([declined.asked, declined.approved], [true, null]);
    assert.ok(declined.verdict.checks.some(({ name }) => name === 'content'));
    assert.deepEqual(
      said(declined.verdict).filter((each) => each.startsWith('revoked')),
      ['revoked: an approval no longer counts: lost'],
    );
    const { approved } = await approveAs(world, 'carol');
    assert.equal(approved?.by, 'carol');
    const bundles = await world.registry.claims('acme/enc', model);
    const stored = bundles.find((bytes) => `sha256:${sha256Hex(bytes)}` === approved.bundle);
    assert.deepEqual(parseStatement(parseBundle(stored ?? Buffer.of()).payload).predicate['verifier'], {
      id: 'weighmark:verifier/acme',
      policies: [{ uri: 'weighmark:policy/acme@1', digest: { sha256: bare(POLICY.digest) } }],
    });
    await revokeAs(world, { kind: 'artifact', sha256: bare(model) }, model);
    const revoked = await approveAs(world, 'carol');
    assert.deepEqual([revoked.asked, revoked.approved], [false, null], 'what is revoked nobody approves');
  }));

test('a broken glass sets aside what is not yet there, and nothing that is wrong; only where somebody may break it', () => {
  const finding = (code: Finding['code']): Finding => ({ code, message: code });
  const of = caseFor(facts([]), POLICY);
  const checks = [
    refusedCheck('approvals', [finding('approval-missing'), finding('revoked')]),
    refusedCheck('scan', [finding('claim-missing')]),
    refusedCheck('claim bom', [finding('claim-missing')]),
    checkOf('policy', [{ what: 'p' }], []),
  ];
  const [own, ...rest] = breakGlassChecks(of, checks, 'outage');
  assert.deepEqual(own, {
    name: 'break-glass',
    passed: true,
    evidence: [{ what: 'BREAK-GLASS for 24 h: outage', data: { reason: 'outage' } }],
  });
  assert.deepEqual(rest, whileBroken(checks));
  assert.deepEqual(
    rest.map(({ name, passed, evidence }) => [name, passed, evidence.map(({ what }) => what)]),
    [
      ['approvals', false, ['set aside: approval-missing']],
      ['scan', false, []],
      ['claim bom', true, ['set aside: claim-missing']],
      ['policy', true, ['p']],
    ],
  );
  assert.deepEqual(
    findingsOf({ checks: rest }).map(({ code }) => code),
    ['revoked', 'claim-missing'],
  );
  const nobody = policy('\n  - name: prod', '', '\n  promoter: [ci]\n  trainer: [anna]');
  assert.deepEqual(said({ checks: breakGlassChecks(caseFor(facts([]), nobody), [], 'outage') }), [
    'policy-refused: the policy lets nobody break the glass',
  ]);
});

test('an orphan concerns a decision about what it was said of, or about what that was made from', async () => {
  const no = await evaluation('FAILED');
  const saying = (predicateType: string, digest: string) =>
    ({
      orphan: {
        claim: { ...no, statement: { ...no.statement, predicateType, subject: [{ digest: { sha256: digest } }] } },
        what: 'it',
        by: 'erin',
        target: null,
        entry: null,
      },
      before: POLICY,
    }) as unknown as FoundOrphan;
  const count = (each: FoundOrphan, environment: object = {}) =>
    orphanFindings([each], {
      digests: [bare(ID)],
      name: 'acme/enc',
      environment: { name: 'prod', ...environment },
      lineage: new Set([ID, `sha256:${hex('data')}`]),
    }).length;
  assert.equal(count(saying(PREDICATES.evaluation, bare(ID))), 1);
  assert.equal(count(saying(PREDICATES.evaluation, hex('other'))), 0);
  assert.equal(count(saying(PREDICATES.revocation, hex('other'))), 1);
  const checked = { datasets: { require: [] } };
  assert.equal(count(saying(PREDICATES['records-check'], hex('data')), checked), 1);
  assert.equal(count(saying(PREDICATES['records-check'], hex('other')), checked), 0);
  assert.equal(count(saying(PREDICATES['records-check'], hex('data'))), 0, 'nobody asks for checks');
  assert.equal(count(saying(PREDICATES['removed-records'], hex('other')), { removedRecords: 'refuse' }), 1);
  assert.equal(count(saying(PREDICATES['removed-records'], hex('other'))), 0);
});

const LICENSED =
  '\n  - name: staging\n    require: [bom]\n    licences: { allow: [Apache-2.0] }\n  - name: prod\n    after: staging\n    require: [bom]';

async function answerOf(world: GateWorld, id: string, environment: string, text = policyText(LICENSED)) {
  const { checks } = await checkEnvironment(
    {
      id,
      name: 'acme/enc',
      policy: parsePolicy(text),
      environment,
      withRules: true,
      pinned: await world.registry.log.verify(),
    },
    world.registry,
    world.ports,
  );
  return said(verdictOf({ subject: id, checks }));
}

test('every rule holds for what is in an environment, but for the way in; a broken glass sets aside as it did', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const text = policyText(LICENSED);
    await promoteAs(world, 'ci', 'staging', { text });
    await promoteAs(world, 'ci', 'prod', { text });
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    await promoteAs(world, 'ci', 'staging', { text, target: { name: 'acme/enc', reference: '2.0' } });
    assert.deepEqual(await answerOf(world, model, 'prod'), [], 'staging has moved on');
    await promoteAs(world, 'ci', 'staging', { text });
    assert.deepEqual(await answerOf(world, model, 'staging'), []);
    const bundle = bundleFor({
      by: 'anna',
      type: PREDICATES.bom,
      about: bare(model),
      predicate: bomOf('GPL-3.0-only'),
    });
    await attachClaim({ name: 'acme/enc', manifest: model, bundle }, world.registry);
    assert.match((await answerOf(world, model, 'staging')).join(), /^licence-refused: /);
  }));

test('a glass that is broken keeps what it set aside, is signed with its reason, and that is among what it rests on', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world, { without: 'bom' });
    const text = policyText(STAGES.replace('[bom]', '[bom, vulns]'));
    const { promoted, verdict } = await breakGlassAs(world, 'glen', 'staging', { text, breakGlass: 'outage 7' });
    assert.ok(promoted !== null, said(verdict).join());
    const statements = (await world.registry.claims('acme/enc', model)).map((bytes) => ({
      digest: sha256Hex(bytes),
      statement: parseStatement(parseBundle(bytes).payload),
    }));
    const reason = statements.find(({ statement }) =>
      JSON.stringify(statement.predicate['properties'] ?? '').includes('outage 7'),
    );
    assert.deepEqual(reason?.statement.predicate['verifier'], {
      id: 'weighmark:verifier/acme',
      policies: [{ uri: 'weighmark:policy/acme@1', digest: { sha256: bare(parsePolicy(text).digest) } }],
    });
    const vsa = statements.find(({ digest }) => `sha256:${digest}` === promoted.bundle)?.statement;
    const inputs = vsa?.predicate['inputAttestations'] as { digest: { sha256: string } }[];
    assert.ok(inputs.some(({ digest }) => digest.sha256 === reason.digest));
  }));

test('a machine that neither made the log nor is told of it promotes nothing from it; what others vouch for is remembered', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const env = {
      HOME: world.folder,
      XDG_STATE_HOME: join(world.folder, 'other-state'),
      XDG_CONFIG_HOME: join(world.folder, 'config'),
      XDG_DATA_HOME: join(world.folder, 'data'),
    };
    const elsewhere = createRegistries({ env, cwd: world.folder, signal: new AbortController().signal, offline: true });
    const registry = await elsewhere.open(join(world.folder, 'registry'));
    const dry = (over: object = {}) => promoteAs({ ...world, registry }, 'ci', 'staging', { dryRun: true, ...over });
    assert.deepEqual(
      said((await dry()).verdict).map((each) => each.slice(0, 21)),
      ['log-freshness-unknown'],
    );
    const pinned = await world.registry.log.verify();
    assert.deepEqual(said((await dry({ pinned })).verdict), []);
    const asked: (readonly string[])[] = [];
    const remembered: ReadonlyMap<string, number>[] = [];
    const times = (newest: number | null): TimeMemory => ({
      newest: async (anchors) => (asked.push(anchors), Promise.resolve(newest)),
      remember: async (found) => void (await Promise.resolve(remembered.push(found))),
      forget: async () => Promise.resolve(false),
    });
    const under = async (newest: number | null) => {
      const { verdict } = await promoteAs(
        { ...world, ports: { ...world.ports, times: times(newest) } },
        'ci',
        'staging',
        { dryRun: true },
      );
      return [said(verdict).map((each) => each.slice(0, 12)), verdict.notes];
    };
    assert.deepEqual(await under(null), [[], []]);
    assert.deepEqual(await under(Date.parse('2026-11-21T00:00:00Z')), [['clock-behind'], []]);
    assert.deepEqual(asked[0], ['policy acme of log.acme.example']);
    assert.ok(model !== '' && remembered.length === 2);
  }));

test('an edit of documentation keeps evaluations, recomputed from the files; an edit of anything else does not', () =>
  inWorld(async (world) => {
    const { dataset, model } = await publishStory(world);
    const text = policyText('\n  - name: staging\n    require: [evaluation]');
    const evaluated = (id: string) =>
      modelClaims(id, dataset)
        .filter(([name]) => name !== 'train')
        .map(([, bundle]) => bundle);
    const list = (files: object) =>
      Object.entries(files as Record<string, string>).map(([path, content]) => ({
        path,
        sizeBytes: Buffer.byteLength(content),
        sha256: sha256Hex(content),
      }));
    const edited = { ...MODEL_FILES, 'README.md': '# edited\n' };
    const step = buildPackageStep(list(MODEL_FILES), list(edited));
    assert.ok(step !== null);
    const packaged = (id: string) =>
      bundleFor({ by: 'anna', type: PREDICATES.provenance, about: bare(id), predicate: step });
    const own = modelClaims(model, dataset).map(([, bundle]) => bundle);
    await world.publish('acme/enc:1.1', edited, (id) => [packaged(id), ...own]);
    const target = (reference: string) => ({ text, dryRun: true, target: { name: 'acme/enc', reference } });
    assert.deepEqual(said((await promoteAs(world, 'ci', 'staging', target('1.1'))).verdict), []);
    await world.publish('acme/enc:1.2', { ...edited, 'config.json': '{"a":1}' }, (id) => [packaged(id), ...own]);
    const other = said((await promoteAs(world, 'ci', 'staging', target('1.2'))).verdict);
    assert.ok(
      other.some((each) => each.startsWith('claim-missing: it has no evaluation')),
      other.join(),
    );
    assert.ok(evaluated(model).length > 0 && idOf(MODEL_FILES) === model);
  }));

test('the graph is a check with its evidence; a single file is known by its content too', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const content = sha256Hex('alone');
    const byFile = bundleFor({
      by: 'anna',
      type: PREDICATES.provenance,
      about: [subject('file', 'w.safetensors', content)],
      predicate: {
        buildDefinition: { buildType: 'https://acme.example/made', externalParameters: {}, resolvedDependencies: [] },
        runDetails: { builder: { id: 'https://acme.example' } },
      },
    });
    const single = await world.publish('acme/single:1', { 'w.safetensors': 'alone' }, () => [byFile]);
    const look = async (name: string, reference: string) =>
      lineage(
        {
          shown: name,
          place: { kind: 'registry', name, reference, registry: world.registry },
          policy: null,
          environment: null,
          timestampAuthorities: [],
        },
        { ...world.ports, files: createFiles(), trust: async () => Promise.resolve(policyTrust(POLICY)) } as never,
      );
    const { verdict } = await look('acme/enc', model);
    assert.deepEqual(verdict.checks, [
      { name: 'lineage', passed: true, evidence: [{ what: '1 artifact, 0 steps deep, by 2 claims' }] },
    ]);
    const lone = await look('acme/single', single);
    assert.deepEqual(
      [lone.verdict.exitCode, lone.lineage.nodes.get(bare(single))?.step],
      [0, 'https://acme.example/made'],
    );
  }));

test('the graph of what is here by one id has what was said of another', () =>
  inWorld(async (world) => {
    const other = idOf(MODEL_FILES, 2);
    const id = await world.publish('acme/two:1', MODEL_FILES, (own) => [
      bundleFor({ by: 'anna', type: PREDICATES.bom, about: bare(own), predicate: bomOf('MIT') }),
    ]);
    const made = stepBundle('train', bare(other), [{ role: 'dataset', of: 'acme/data' }]);
    await attachClaim({ name: 'acme/two', manifest: id, bundle: made }, world.registry);
    assert.notEqual(id, other);
    const { lineage: graph } = await lineage(
      {
        shown: 'acme/two',
        place: { kind: 'registry', name: 'acme/two', reference: id, registry: world.registry },
        policy: null,
        environment: null,
        timestampAuthorities: [],
      },
      { ...world.ports, files: createFiles(), trust: async () => Promise.resolve(policyTrust(POLICY)) } as never,
    );
    assert.equal(graph.nodes.get(bare(id))?.step, 'train');
  }));

test('a log that somebody vouches for is remembered once; one that is refused is not', async () => {
  const read = { origin: 'log', checkpoint: null, entries: { length: 0, rootAt: () => '00' } } as never;
  const asked = async (over: { rule?: object; anchored?: boolean; pinned?: { size: number; root: string } }) => {
    let anchors = 0;
    const log = {
      vkeys: [],
      anchored: over.anchored === true,
      anchor: async () => void (await Promise.resolve((anchors += 1))),
    };
    const findings = await logFreshness(read, { rule: over.rule as never, pinned: over.pinned, now: new Date() }, {
      log,
    } as never);
    return [anchors, findings.map(({ code }) => code)];
  };
  const pinned = { size: 0, root: Buffer.from('00', 'hex').toString('base64') };
  assert.deepEqual(await asked({ pinned }), [1, []]);
  assert.deepEqual(await asked({ pinned, anchored: true }), [0, []]);
  assert.deepEqual(await asked({}), [0, ['log-freshness-unknown']]);
  assert.deepEqual(await asked({ anchored: true }), [0, []]);
  assert.deepEqual(await asked({ pinned: { size: 0, root: 'other' } }), [0, ['log-fork']]);
  assert.deepEqual(await asked({ rule: { key: 'k', witnesses: { keys: [], quorum: 1 } } }), [
    0,
    ['log-freshness-unknown'],
  ]);
});

test('policy test: a case passes that finds exactly the codes it expects, over promotions in their order', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    await mkdir(join(world.folder, 'cases'));
    const claims = await world.registry.claims('acme/enc', model);
    const data = (await world.registry.claims('acme/data', await world.registry.resolve('acme/data', '1'))) ?? [];
    await writeFile(
      join(world.folder, 'cases', 'claims.jsonl'),
      Buffer.concat([...data, ...claims].flatMap((each) => [each, Buffer.from('\n')])),
    );
    const one = {
      environment: 'prod',
      artifact: 'acme/enc',
      id: model,
      claims: ['claims.jsonl'],
      at: '2026-11-20T12:00:00Z',
      origin: 'log.acme.example',
    };
    const cases = [
      { ...one, name: 'in', expect: 'pass' },
      { ...one, name: 'elsewhere', origin: 'log.other', expect: ['not-promoted'] },
      {
        ...one,
        name: 'both',
        origin: 'log.other',
        claims: [],
        expect: ['not-promoted', 'claim-missing', 'lineage-missing', 'approval-missing'],
      },
      { ...one, name: 'wrong', expect: ['not-promoted'] },
    ];
    await writeFile(join(world.folder, 'cases', 'cases.yaml'), JSON.stringify({ cases }));
    const results = await testPolicy(
      {
        policy: POLICY,
        cases: join(world.folder, 'cases', 'cases.yaml'),
        timestampAuthorities: [],
        locate: (path) => join(world.folder, 'cases', path),
      },
      { files: createFiles(), keyless: world.ports.keyless },
    );
    assert.deepEqual(
      results.map(({ name, passed, found }) => [name, passed, found]),
      [
        ['in', true, []],
        ['elsewhere', true, ['not-promoted']],
        ['both', true, ['approval-missing', 'claim-missing', 'lineage-missing', 'not-promoted']],
        ['wrong', false, []],
      ],
    );
  }));

test('a promoter calls itself what the policy ties to it, and says which of several it is', () => {
  const tied = (ids: Readonly<Record<string, readonly string[]>>) => ({
    ...POLICY,
    principals: POLICY.principals.map((each) => ({ ...each, ids: ids[each.name] ?? [] })),
  });
  assert.equal(verifierId(POLICY, 'promoter'), 'weighmark:verifier/acme');
  assert.equal(verifierId(tied({ ci: ['https://ci.example'] }), 'promoter'), 'https://ci.example');
  const two = tied({ bob: ['b'], carol: ['c'] });
  assert.throws(() => verifierId(two, 'approver'), { code: 'usage', hint: 'say --as bob|carol' });
  assert.equal(verifierId(two, 'approver', 'carol'), 'c');
  assert.throws(() => verifierId(two, 'approver', 'ci'), { code: 'usage', hint: 'it has bob, carol' });
});

test('a claim is taken back by its digest, by its own signer or a revoker; of a claim that is not there nobody can', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const artifact = { name: 'acme/enc', id: model };
    const bundles = await world.registry.claims('acme/enc', model);
    const [bom] = bundles.filter(
      (bytes) => parseStatement(parseBundle(bytes).payload).predicateType === PREDICATES.bom,
    );
    assert.ok(bom !== undefined);
    const target = await claimTarget(sha256Hex(bom), artifact, world.registry);
    assert.deepEqual(target, { kind: 'claim', sha256: sha256Hex(bom), pae: paeDigest(parseBundle(bom).payload) });
    await assert.rejects(claimTarget(hex('none'), artifact, world.registry), {
      code: 'not-found',
      hint: /weighmark show/,
    });
    const ports = (by: Name) => ({ ...world.ports, registry: world.registry, signer: signerOf(by) });
    const about = { action: 'revoke', target, reason: 'wrong', policy: POLICY } as const;
    await assert.rejects(revoke({ ...about, artifact: null }, ports('anna')), { code: 'wrong-signer' });
    await assert.rejects(revoke({ ...about, artifact }, ports('erin')), { code: 'wrong-signer' });
    assert.equal((await revoke({ ...about, artifact }, ports('anna'))).by, 'anna');
    const own = bundles.find(
      (bytes) => parseStatement(parseBundle(bytes).payload).predicateType === PREDICATES.evaluation,
    );
    const evaluated = await claimTarget(sha256Hex(own ?? Buffer.of()), artifact, world.registry);
    assert.equal((await revoke({ ...about, target: evaluated, artifact }, ports('erin'))).by, 'erin');
  }));

test('a rollback: never from nothing, and what it sets aside is said', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const work = { registry: world.registry, signer: async () => Promise.resolve(signerOf('ci')) };
    const back = (environment: string) =>
      rollback({ name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment }, world.ports, work);
    await assert.rejects(back('staging'), {
      code: 'not-promoted',
      message: 'nothing of acme/enc is promoted to staging',
    });
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    const newer = { target: { name: 'acme/enc', reference: '2.0' } };
    for (const over of [{}, newer])
      for (const environment of ['staging', 'prod']) await promoteAs(world, 'ci', environment, over);
    await assert.rejects(
      rollback(
        {
          name: 'acme/enc',
          policy: POLICY,
          policyBytes: policyText(),
          environment: 'staging',
          to: 'sha256:'.padEnd(71, '0'),
        },
        world.ports,
        work,
      ),
    );
    const { verdict, id } = await back('prod');
    assert.deepEqual([id, said(verdict)], [model, []]);
    assert.deepEqual(
      verdict.checks.find(({ name }) => name === 'after')?.evidence.map(({ what }) => what),
      ['set aside: another version of acme/enc is promoted to staging'],
    );
  }));

test('an environment that the policy has not is a question of usage, with those there are', () => {
  assert.throws(() => environmentOf(POLICY, 'test'), { code: 'usage', hint: 'it has staging, prod' });
});
