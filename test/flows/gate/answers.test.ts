import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { policyTrust } from '../../../src/domain/authority/authority.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { columnsOf } from '../../../src/domain/tlog/columns.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import { findOrphans, orphansAgainst } from '../../../src/flows/gate/earlier-policies.ts';
import { checkEnvironment } from '../../../src/flows/gate/environment.ts';
import { lineage } from '../../../src/flows/gate/lineage.ts';
import { pinnedFindings } from '../../../src/flows/gate/log-freshness.ts';
import { explain } from '../../../src/flows/gate/policy-explain.ts';
import { testPolicy } from '../../../src/flows/gate/policy-test.ts';
import { promoteAll } from '../../../src/flows/gate/promote-all.ts';
import { revoke, takeSnapshot } from '../../../src/flows/gate/revoke.ts';
import { revokeAgain } from '../../../src/flows/gate/revoke-again.ts';
import { rollback } from '../../../src/flows/gate/rollback.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { bomOf, bundleFor, evaluation, hex, logged, NOW, type Name } from '../../domain/policy/world.ts';
import { certified, policyWith } from '../../security/denials-world.ts';
import {
  AUTHORITY_PEM,
  MODEL_FILES,
  bare,
  datedSigner,
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
const STAGING = '\n  - name: staging\n    require: [bom]';

function ports(world: GateWorld, by: Name) {
  return { ...world.ports, registry: world.registry, signer: signerOf(by) };
}

function revokeAs(world: GateWorld, by: Name, id: string, name = 'acme/enc', policy = POLICY) {
  const target = { kind: 'artifact', sha256: bare(id) } as const;
  return revoke({ action: 'revoke', target, artifact: { name, id }, reason: 'bad', policy }, ports(world, by));
}

/** Without rita. */
const LATER = parsePolicy(Buffer.from(policyText().toString().replace('revoker: [rita, rob]', 'revoker: [rob]')));

test('what a change of the policy would silence is found, and said again by somebody of today', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await revokeAs(world, 'rita', model);
    const verification = { keyless: world.ports.keyless, now: world.ports.clock.now() };
    const silenced = await orphansAgainst(POLICY, { registry: world.registry, policy: LATER, verification });
    assert.deepEqual(
      silenced.map(({ orphan: { by, what } }) => `${what} by ${by}`),
      [`artifact ${model} was revoked by rita`],
    );
    assert.deepEqual(await orphansAgainst(POLICY, { registry: world.registry, policy: POLICY, verification }), []);
    const again = await revokeAgain(LATER, ports(world, 'rob'));
    assert.deepEqual(
      again.map(({ by, target, logged: { leaf } }) => [by, target.kind, leaf.name, leaf.manifest]),
      [['rob', 'artifact', 'acme/enc', model]],
    );
    assert.deepEqual(await revokeAgain(LATER, ports(world, 'rob')), [], 'it is heard now');
  }));

test('without a no that nobody hears no earlier policy is looked for', async () => {
  const no = await evaluation('FAILED');
  const looked: string[] = [];
  const registry = {
    attachments: async (name: string) => (looked.push(name), Promise.resolve([])),
  } as unknown as Registry;
  const leaf = logged(0, { bundle: hex('promotion') } as VerifiedClaim, 'prod').leaf;
  const find = (claims: readonly VerifiedClaim[]) =>
    findOrphans({
      registry,
      log: { entries: columnsOf([leaf]) } as never,
      policy: POLICY,
      verification: { keyless: null, now: NOW },
      bundles: new Map([
        [
          no.bundle,
          bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: hex('m'), predicate: { result: 'FAILED' } }),
        ],
      ]),
      claims,
    });
  assert.deepEqual([await find([no]), looked], [[], []]);
  assert.deepEqual([await find([]), looked], [[], ['acme/enc']]);
});

test('a signature repeated says nothing new; a snapshot counts what is in force where an environment asks for all of it', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    const complete = parsePolicy(policyText(`${STAGING}\n    revocations: { required: true, complete: true }`));
    const first = await takeSnapshot({ policy: complete, validMs: 3_600_000 }, ports(world, 'rita'));
    assert.equal(first.snapshot.inForce?.number, 0);
    const { bundle } = await revokeAs(world, 'rita', model);
    const second = await takeSnapshot({ policy: complete, validMs: 3_600_000 }, ports(world, 'rita'));
    assert.deepEqual([second.snapshot.version, second.snapshot.inForce?.number], [2, 1]);
    const stored = (await world.registry.claims('acme/enc', model)).find(
      (bytes) => `sha256:${sha256Hex(bytes)}` === bundle,
    );
    const same = { description: 'same', sign: async () => Promise.resolve(stored ?? Buffer.of()) };
    const target = { kind: 'artifact', sha256: bare(model) } as const;
    const asked = {
      action: 'revoke',
      target,
      artifact: { name: 'acme/enc', id: model },
      reason: 'bad',
      policy: POLICY,
    } as const;
    await assert.rejects(revoke(asked, { ...ports(world, 'rita'), signer: same }), {
      code: 'usage',
      message: /is this very signature/,
    });
  }));

test('a single file goes by its content: claims of it count, a revocation names it, and one that is a manifest here is none', () =>
  inWorld(async (world) => {
    const text = policyText('\n  - name: staging\n    require: [bom]\n    lineage: { required: false }');
    const target = { name: 'acme/one', reference: '1' };
    const bom = (about: Parameters<typeof bundleFor>[0]['about']) =>
      bundleFor({ by: 'anna', type: PREDICATES.bom, about, predicate: bomOf('MIT') });
    const id = await world.publish('acme/one:1', { 'w.gguf': 'alone' }, () => [
      bom([subject('file', 'w.gguf', sha256Hex('alone'))]),
    ]);
    assert.deepEqual(said((await promoteAs(world, 'ci', 'staging', { text, target, dryRun: true })).verdict), []);
    const { bundle } = await revokeAs(world, 'rita', id, 'acme/one');
    const stored = (await world.registry.claims('acme/one', id)).find(
      (bytes) => `sha256:${sha256Hex(bytes)}` === bundle,
    );
    const { subject: subjects } = parseStatement(parseBundle(stored ?? Buffer.of()).payload);
    assert.deepEqual(
      subjects.map(({ name, annotations, digest }) => [annotations?.['kind'], name, digest['sha256']]).at(-1),
      ['file', 'w.gguf', sha256Hex('alone')],
    );
    const manifest = Buffer.from(await world.registry.getManifest('acme/one', id)).toString();
    await world.publish('acme/two:1', { 'm.json': manifest }, (own) => [bom(bare(own))]);
    const other = await promoteAs(world, 'ci', 'staging', {
      text,
      target: { name: 'acme/two', reference: '1' },
      dryRun: true,
    });
    assert.ok(
      said(other.verdict).includes('subject-ambiguous: its only file is the manifest of acme/one, which is not this'),
      said(other.verdict).join('\n'),
    );
  }));

test('an answer about an environment asks of the lineage what was revoked, and no more', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world);
    await promoteAs(world, 'ci', 'staging');
    const other = stepBundle('train', bare(model), [{ role: 'dataset', of: 'other' }]);
    await attachClaim({ name: 'acme/enc', manifest: model, bundle: other }, world.registry);
    const asked = async (withRules: boolean) => {
      const question = {
        id: model,
        name: 'acme/enc',
        policy: POLICY,
        environment: 'staging',
        withRules,
        pinned: await world.registry.log.verify(),
      };
      return said(
        verdictOf({ subject: model, checks: (await checkEnvironment(question, world.registry, world.ports)).checks }),
      );
    };
    assert.deepEqual(await asked(false), []);
    assert.match((await asked(true)).join(), /claim-conflict/);
  }));

test('times that others vouched for are remembered, of claims that count here', () =>
  inWorld(async (world) => {
    const { model } = await publishStory(world, { without: 'evaluation' });
    const at = new Date('2026-11-19T10:00:00Z');
    const evaluate = (by: Name) =>
      datedSigner(by, at).sign(
        buildStatement([subject('manifest', 'acme/enc', bare(model))], PREDICATES.evaluation, { result: 'PASSED', by }),
      );
    const remembered: (readonly number[])[] = [];
    const times = {
      newest: async () => Promise.resolve(null),
      remember: async (found: ReadonlyMap<string, number>) =>
        void (await Promise.resolve(remembered.push([...found.values()]))),
      forget: async () => Promise.resolve(false),
    };
    const dry = () =>
      promoteAs({ ...world, ports: { ...world.ports, times } }, 'ci', 'staging', {
        dryRun: true,
        timestampAuthorities: [AUTHORITY_PEM],
      });
    await attachClaim({ name: 'acme/enc', manifest: model, bundle: await evaluate('bob') }, world.registry);
    await dry();
    await attachClaim({ name: 'acme/enc', manifest: model, bundle: await evaluate('erin') }, world.registry);
    await dry();
    assert.deepEqual(remembered, [[], [at.getTime()]]);
  }));

test('explaining a policy looks at the content, in every environment or one, whatever the age of the log', () =>
  inWorld(async (world) => {
    await publishStory(world);
    const input = { target: { name: 'acme/enc', reference: '1.0' }, policy: POLICY };
    const verdicts = await explain(input, world.registry, world.ports);
    assert.deepEqual(
      verdicts.map(({ subject: of, checks }) => [of, checks[0]?.name]),
      [
        ['staging', 'content'],
        ['prod', 'content'],
      ],
    );
    const [one, ...others] = await explain({ ...input, environment: 'prod' }, world.registry, world.ports);
    assert.deepEqual([one?.subject, others.length], ['prod', 0]);
  }));

test('a lineage beside files hears the revocations there; what was not asked is said, with a policy and without', () =>
  inWorld(async (world) => {
    const root = join(world.folder, 'beside');
    await mkdir(root);
    for (const [path, text] of Object.entries(MODEL_FILES)) await writeFile(join(root, path), text);
    const { model } = await publishStory(world);
    const { bundle } = await revokeAs(world, 'rita', model);
    const claims = await world.registry.claims('acme/enc', model);
    const look = async (bundles: readonly Uint8Array[], policy: typeof POLICY | null) => {
      await writeFile(join(root, 'claims.jsonl'), Buffer.concat(bundles.flatMap((each) => [each, Buffer.from('\n')])));
      const found = await lineage(
        {
          shown: 'beside',
          place: { kind: 'path', location: root },
          policy,
          environment: null,
          timestampAuthorities: [],
        },
        { ...world.ports, files: createFiles(), trust: async () => Promise.resolve(policyTrust(POLICY)) } as never,
      );
      return [
        found.verdict.notAsked,
        findingsOf(found.verdict).flatMap(({ code, message }) => {
          if (code === 'revoked') return [code];
          return message.includes('cannot be read') ? [`${code}: ${message}`] : [];
        }),
      ];
    };
    const without = claims.filter((bytes) => `sha256:${sha256Hex(bytes)}` !== bundle);
    assert.deepEqual(await look(without, null), [['policy', 'content'], []]);
    assert.deepEqual(await look(claims, null), [['policy', 'content'], []], 'nobody is a revoker');
    assert.deepEqual(await look(without, POLICY), [['content'], []]);
    assert.deepEqual(await look(claims, POLICY), [['content'], ['revoked']]);
    const torn = await signerOf('rita').sign(Buffer.from('torn'));
    assert.deepEqual((await look([...without, torn], POLICY))[1], [
      `claim-malformed: claim ${without.length + 1} is by rita and cannot be read: it might say no`,
    ]);
  }));

test('a checkpoint that was brought along is one that the log continues', () => {
  const entries = { length: 2, rootAt: (size: number) => (size <= 2 ? '0a' : null) };
  const found = (size: number, root: string) =>
    pinnedFindings({ origin: 'log', checkpoint: null, entries } as never, { size, root }).map(
      ({ code, message }) => `${code}: ${message}`,
    );
  assert.deepEqual(found(2, Buffer.from('0a', 'hex').toString('base64')), []);
  assert.deepEqual(found(3, ''), ['log-rollback: the log has 2 entries; the checkpoint brought along has 3']);
  assert.deepEqual(found(1, 'other'), [
    "log-fork: the log's first 1 entries are not those of the checkpoint brought along",
  ]);
  assert.deepEqual(pinnedFindings({ entries } as never, undefined), []);
});

test('policy test believes the authorities of time that the caller names', () =>
  inWorld(async (world) => {
    const id = `sha256:${hex('m')}`;
    const statement = buildStatement([subject('manifest', 'acme/enc', hex('m'))], PREDICATES.bom, bomOf('MIT'));
    const bundle = await datedSigner('anna', new Date('2026-11-19T10:00:00Z')).sign(statement);
    await writeFile(join(world.folder, 'claims.jsonl'), bundle);
    const one = {
      name: 'dated',
      environment: 'staging',
      artifact: 'acme/enc',
      id,
      claims: ['claims.jsonl'],
      at: '2026-11-20T12:00:00Z',
      expect: 'pass',
    };
    await writeFile(join(world.folder, 'cases.json'), JSON.stringify({ cases: [one] }));
    const policy = parsePolicy(
      policyText('\n  - name: staging\n    require: [{ claim: bom, maxAge: 7d }]\n    lineage: { required: false }'),
    );
    const asked = async (timestampAuthorities: readonly string[]) =>
      testPolicy(
        {
          policy,
          cases: join(world.folder, 'cases.json'),
          timestampAuthorities,
          locate: (path) => join(world.folder, path),
        },
        { files: createFiles(), keyless: world.ports.keyless },
      );
    assert.deepEqual(
      (await asked([AUTHORITY_PEM])).map(({ passed, found }) => [passed, found]),
      [[true, []]],
    );
    assert.deepEqual(
      (await asked([])).map(({ passed, found }) => [passed, found]),
      [[false, ['no-verified-time']]],
    );
  }));

/** The same, whose log's key lies elsewhere: what is appended waits. */
function waiting(
  registry: Registry,
  waits: readonly LogLeaf[] = [],
): { readonly registry: Registry; readonly appended: LogLeaf[][] } {
  const appended: LogLeaf[][] = [];
  const append = async (leaves: readonly LogLeaf[]) => {
    appended.push([...leaves]);
    return Promise.resolve(leaves.map((leaf) => ({ index: null, leaf })));
  };
  const log = Object.assign(Object.create(registry.log) as Registry['log'], {
    append,
    pending: async () => Promise.resolve(waits),
  });
  return { registry: Object.assign(Object.create(registry) as Registry, { log }), appended };
}

test('all that is in an environment is promoted again by name; a dry run finishes nothing, and what cannot be read is refused', () =>
  inWorld(async (world) => {
    const { dataset } = await publishStory(world);
    const other = await world.publish('acme/dec:1', { 'model.safetensors': 'other' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    for (const target of [
      { name: 'acme/enc', reference: '1.0' },
      { name: 'acme/dec', reference: other },
    ])
      await promoteAs(world, 'ci', 'staging', { target });
    const bytes = policyText(STAGING);
    const input = { policy: parsePolicy(bytes), policyBytes: bytes, environment: 'staging' };
    const all = async (registry: Registry, dryRun: boolean) =>
      promoteAll({ ...input, dryRun }, world.ports, { registry, signer: async () => Promise.resolve(signerOf('ci')) });
    const dry = waiting(world.registry);
    assert.deepEqual(
      (await all(dry.registry, true)).map(({ name }) => name),
      ['acme/dec', 'acme/enc'],
    );
    assert.deepEqual(dry.appended, []);
    const wet = waiting(world.registry);
    await all(wet.registry, false);
    assert.deepEqual(wet.appended[0], [], 'what an interrupted writer left is ended first');
    const torn = Object.assign(Object.create(world.registry) as Registry, {
      resolve: async () => Promise.reject(new Error('the disk is gone')),
    });
    assert.deepEqual(
      (await all(torn, true)).map(({ result, verdict }) => [result, said(verdict)]),
      [
        ['refused', ['unreadable: the disk is gone']],
        ['refused', ['unreadable: the disk is gone']],
      ],
    );
  }));

test('who is refused learns what waits for the log’s operator; a rollback that waits says so', () =>
  inWorld(async (world) => {
    const { model, dataset } = await publishStory(world);
    const [first] = await world.registry.log.find({ name: 'acme/enc' });
    const { registry } = waiting(world.registry, first === undefined ? [] : [first.leaf]);
    const dry = async (environment: string) =>
      (await promoteAs({ ...world, registry }, 'ci', environment, { dryRun: true })).verdict;
    const [good, refused] = [await dry('staging'), await dry('prod')];
    assert.deepEqual([good.exitCode, good.notes], [0, []]);
    assert.notEqual(refused.exitCode, 0);
    assert.equal(refused.notes.length, 1);
    await world.publish('acme/enc:2.0', { 'config.json': '{"v":2}' }, (id) =>
      modelClaims(id, dataset).map(([, bundle]) => bundle),
    );
    for (const over of [{}, { target: { name: 'acme/enc', reference: '2.0' } }])
      await promoteAs(world, 'ci', 'staging', over);
    const back = await rollback(
      { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging' },
      world.ports,
      { registry, signer: async () => Promise.resolve(signerOf('ci')) },
    );
    assert.deepEqual([back.id, back.done?.logged.index], [model, null]);
    assert.match(said(back.verdict).join(), /^log-pending: /);
  }));

test('claims by strangers, and by people whose certificate was over, are counted and said', () =>
  inWorld(async (world) => {
    const kim = certified('kim@acme.example', '2025-01-01T00:00:00Z');
    const { model } = await publishStory(world);
    const text = policyWith('kim', { certificates: [{ chain: kim.chain, identity: kim.identity }] }, ['evaluator']);
    const notes = async () => (await promoteAs(world, 'ci', 'staging', { text, dryRun: true })).verdict.notes;
    assert.deepEqual(await notes(), []);
    const stranger = bundleFor({
      by: 'mallory',
      type: PREDICATES.evaluation,
      about: bare(model),
      predicate: { result: 'PASSED' },
    });
    const lapsed = kim.sign(PREDICATES.evaluation, bare(model), { result: 'PASSED', configuration: [] });
    for (const bundle of [stranger, lapsed])
      await attachClaim({ name: 'acme/enc', manifest: model, bundle }, world.registry);
    assert.deepEqual(await notes(), [
      '1 claims are not by anyone the policy names, and were ignored',
      '1 claims by people of the policy are not dated or not in order, and do not count',
    ]);
  }));
