import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthority } from '../../../src/domain/authority/authority.ts';
import { NO_REVOCATIONS } from '../../../src/domain/authority/revocations.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES, type Role, type Step } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { examine, type Examined } from '../../../src/domain/lineage/examine.ts';
import { indexClaims } from '../../../src/domain/lineage/index-claims.ts';
import { existedAt, stepFindings } from '../../../src/domain/lineage/step-rules.ts';
import { walk } from '../../../src/domain/lineage/walk.ts';
import {
  BASE,
  D0,
  MODEL,
  NOW,
  ROLES,
  TUNED,
  bomOf,
  built,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  honestBut,
  manifest,
  policy,
  promotion,
  step,
  type Name,
} from '../policy/world.ts';

const PLAIN = policy('\n  - name: prod');
type Over = Parameters<typeof honestBut>[0];

async function decided(over: Over = {}, under: Policy = PLAIN, more: Parameters<typeof facts>[1] = {}) {
  return decide(facts(await honestBut(over), more), under);
}

const revoking = async (target: object, by: Name = 'rita') => ({
  claim: await claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 'blake3' in target ? 2 : 1, action: 'revoke', target, reason: 'bad' },
  }),
  index: 1,
});
const artifact = (sha256: string) => ({ kind: 'artifact', sha256 });

test('a walk tells circles, the longest way down, and where it was cut', () => {
  const of = (graph: Readonly<Record<string, string>>, most = 9) =>
    walk('r', (node) => (graph[node] ?? '').split(''), most);
  assert.deepEqual(of({ r: 'ab', a: 'b' }), { order: ['b', 'a', 'r'], cycles: [], depth: 2, cut: false });
  assert.deepEqual(of({ r: 'a', a: 'r' }), { order: ['a', 'r'], cycles: ['r'], depth: 1, cut: false });
  assert.deepEqual(of({ r: 'a', a: 'b' }, 3), { order: ['b', 'a', 'r'], cycles: [], depth: 2, cut: false });
  assert.equal(of({ r: 'a', a: 'b' }, 2).cut, true);
});

test('an ancestry is as deep as it may be, and no deeper; what is wrong is told in one order', async () => {
  const deep = (maxDepth: number) => policy(`\n  - name: prod\n    lineage: { maxDepth: ${maxDepth} }`);
  assert.deepEqual(codes(await decided({}, deep(2))), []);
  const found = findingsOf(await decided({ d1: null, d0: null }, deep(1)));
  assert.deepEqual(
    found.map(({ code, message }) => `${code}: ${message}`),
    [
      'lineage-too-deep: its ancestry is 2 steps deep; 1 are allowed',
      ...[D0, hex('d1')].map(() => 'lineage-unattested: nobody the policy names attests this input'),
    ],
  );
  assert.deepEqual(
    found.slice(1).map(({ subject: about }) => about),
    [D0, hex('d1')].map((digest) => `sha256:${digest}`).toSorted(),
  );
});

test('what evaluations looked at is walked for revocations, as far as there is an end', async () => {
  const looked = (configuration: readonly object[], by: Name = 'erin') =>
    claim({ by, type: PREDICATES.evaluation, about: MODEL, predicate: { result: 'PASSED', configuration } });
  const data = (role: Role, of: string) => ({ name: of, digest: { sha256: hex(of) }, annotations: { role } });
  const revoked = { revocations: [await revoking(artifact(hex('bench')))] };
  const of = async (configuration: readonly object[], by?: Name) =>
    codes(await decided({ evaluation: await looked(configuration, by) }, PLAIN, revoked));
  assert.deepEqual(await of([data('dataset', 'bench')]), ['revoked']);
  assert.deepEqual(await of([data('code', 'bench')]), [], 'no data');
  assert.deepEqual(await of([data('dataset', 'bench')], 'bob'), [], 'by nobody who may say so');
  assert.deepEqual(await of([{ name: 'bench', annotations: { role: 'dataset' } }]), []);
  const many = Array.from({ length: LIMITS.lineageNodes }, (_, at) => data('dataset', String(at)));
  const cut = await decided({ evaluation: await looked(many) });
  assert.match(findingsOf(cut)[0]?.message ?? '', /^its ancestry has more than 20000 nodes/);
});

test('an ancestor is called as those call it who may; the artifact itself as it was asked for', async () => {
  const named = (name: string) =>
    claim({
      by: 'anna',
      type: PREDICATES.provenance,
      about: [manifest(BASE, name)],
      predicate: built('train', [{ role: 'dataset', of: 'd0' }]),
    });
  const limited = policy(
    '\n  - name: prod',
    '',
    ROLES.replace('trainer: [anna]', 'trainer: { principals: [anna], models: [acme/enc] }'),
  );
  assert.deepEqual(codes(await decided({ base: await named('acme/enc') }, limited)), []);
  assert.deepEqual(codes(await decided({ base: await named('acme/base') }, limited)), ['wrong-signer']);
  const revoked = { revocations: [await revoking(artifact(BASE))] };
  const found = findingsOf(await decided({ base: await named('acme/base') }, PLAIN, revoked));
  assert.deepEqual(
    found.map(({ message, facts: more }) => [message, more?.['of']]),
    [['the input base was revoked by rita: bad', `acme/base sha256:${BASE}`]],
  );
  const own = findingsOf(await decided({}, PLAIN, { revocations: [await revoking(artifact(MODEL))] }));
  assert.ok(own.some(({ message }) => message === 'acme/enc was revoked by rita: bad'));
});

test('nobody said how it was made, whatever else is wrong with it; unless what they said cannot be read', async () => {
  const torn = (about: string) => {
    const buildDefinition = { ...(built('train', [])['buildDefinition'] as object), resolvedDependencies: 'none' };
    return claim({ by: 'anna', type: PREDICATES.provenance, about, predicate: { buildDefinition } });
  };
  const revoked = { revocations: [await revoking(artifact(MODEL))] };
  assert.deepEqual(codes(await decided({ model: null }, PLAIN, revoked)), ['lineage-missing', 'revoked']);
  assert.deepEqual(codes(await decided({ model: await torn(MODEL) })), ['claim-malformed']);
  assert.deepEqual(codes(await decided({ base: await torn(BASE) })), ['claim-malformed']);
  const { base } = await honest();
  const taken = { revocations: [await revoking({ kind: 'claim', sha256: base.bundle, pae: base.pae }, 'anna')] };
  assert.deepEqual(codes(decide(facts([...(await honestBut()), await torn(BASE)], taken), PLAIN)), ['revoked']);
});

test('who described it by a BOM that was taken back is not told', async () => {
  const bom = await claim({ by: 'erin', type: PREDICATES.bom, about: TUNED, predicate: bomOf('MIT') });
  const back = { revocations: [await revoking({ kind: 'claim', sha256: bom.bundle, pae: bom.pae }, 'erin')] };
  const told = async (more: Parameters<typeof facts>[1]) =>
    (await decided({ carol: bom }, PLAIN, more)).lineage.nodes.get(TUNED)?.describedBy;
  assert.deepEqual([await told({}), await told(back)], [['erin'], []]);
});

test('a dataset rests on a description of data, by a reference or a BOM of one; anything else on a reference alone', async () => {
  const roles = `${ROLES}\n  upstream: { principals: [dana], signs: [reference, bom], vouches: [base-model, dataset] }`;
  const under = policy('\n  - name: prod', '', roles);
  const bom = (about: string, type: string) =>
    claim({
      by: 'dana',
      type: PREDICATES.bom,
      about,
      predicate: { ...bomOf('MIT'), metadata: { component: { type } } },
    });
  const reference = (about: string) =>
    claim({ by: 'dana', type: PREDICATES.reference, about, predicate: { attester: { id: 'dana' }, references: [] } });
  assert.deepEqual(codes(await decided({ d0: await bom(D0, 'data') }, under)), []);
  assert.deepEqual(codes(await decided({ d0: await bom(D0, 'machine-learning-model') }, under)), [
    'lineage-unattested',
  ]);
  assert.deepEqual(codes(await decided({ base: await reference(BASE) }, under)), []);
  assert.deepEqual(codes(await decided({ base: await bom(BASE, 'data') }, under)), ['lineage-missing']);
});

test('two who disagree are each told by their name, and one who says two things twice', async () => {
  const under = policy('\n  - name: prod', '', ROLES.replace('trainer: [anna]', 'trainer: [anna, dana]'));
  const told = async (by: Name) => {
    const other = await step('quantize', MODEL, [{ role: 'base-model', of: 'base' }], '2026-11-03T10:00:00Z', by);
    const found = findingsOf(decide(facts([...(await honestBut()), other]), under));
    return Object.keys(found.find(({ code }) => code === 'claim-conflict')?.facts ?? {}).toSorted();
  };
  assert.deepEqual(await told('dana'), ['by anna', 'by dana']);
  assert.deepEqual(await told('anna'), ['by anna', 'by anna (2)']);
});

test('what all say of an artifact: its name, its evaluations, and whether a step makes it a model', async () => {
  const rules = { authority: createAuthority(PLAIN), revocations: NO_REVOCATIONS };
  const of = (claims: readonly (readonly [VerifiedClaim, string])[]): Examined =>
    examine(
      claims.map(([each, name]) => ({ claim: each, digest: MODEL, of: 'manifest', name })),
      MODEL,
      null,
      rules,
    );
  const own = await honest();
  const all = of([
    [own.model, ''],
    [own.evaluation, 'acme/enc'],
    [own.bom, 'acme/other'],
    [await evaluation('PASSED', undefined, 'bob'), 'acme/enc'],
  ]);
  assert.deepEqual([all.name, all.evaluations, all.evaluatedOn], ['acme/enc', [own.evaluation], []]);
  const isModel = async (name: Step, by: Name = 'anna') =>
    of([[await step(name, MODEL, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', by), 'acme/enc']]).isModel;
  for (const name of ['train', 'merge', 'prune'] as const) assert.equal(await isModel(name), true, name);
  for (const name of ['convert', 'package', 'reshard'] as const) assert.equal(await isModel(name), false, name);
  assert.equal(await isModel('preprocess', 'dana'), false);
});

test('an input pinned by a commit is told by it; a leaf is trusted until its day, and not on it', async () => {
  const edges = (await decided()).lineage.nodes.get(TUNED)?.edges.map(({ to }) => to);
  assert.deepEqual(edges, [BASE, hex('d1'), `git:${'a'.repeat(40)}`]);
  const leaf = async (expires: string) =>
    codes(
      await decided(
        { base: null },
        policy(
          '\n  - name: prod',
          `leaves: [{ sha256: ${BASE}, role: base-model, reason: as agreed, expires: ${expires} }]`,
        ),
      ),
    );
  assert.deepEqual(await leaf('2026-11-20T12:00:01Z'), []);
  assert.deepEqual(await leaf('2026-11-20T12:00:00Z'), ['lineage-unattested']);
});

test('weights were revoked and the list of an input’s is not here: nobody can tell, of itself or of what a summary rests on', async () => {
  const listed = (about: string) =>
    claim({
      by: 'anna',
      type: PREDICATES.bom,
      about: [manifest(about), subject('list', '.weighmark/weights', hex('list'))],
      predicate: bomOf('MIT'),
    });
  const revoked = { revocations: [await revoking({ kind: 'weights', blake3: hex('weights') })] };
  const of = async (about: string) => {
    const found = findingsOf(decide(facts([...(await honestBut()), await listed(about)], revoked), PLAIN));
    return found.map(({ code, subject: of, facts: more }) => [code, of, more?.['list']]);
  };
  for (const about of [MODEL, TUNED])
    assert.deepEqual(await of(about), [['weights-unlisted', `sha256:${about}`, `sha256:${hex('list')}`]]);
});

test('a promotion that stands for an ancestor is used, and falls with what the claims that it rests on are about', async () => {
  const upstream = policy('\n  - name: prod', '# upstream');
  const under = policy(
    '\n  - name: prod',
    `summaries: [{ principal: ci, environment: prod, policies: ["${upstream.digest}"] }]`,
  );
  const { model, d1 } = await honest();
  const vsa = await promotion(upstream, { about: TUNED, inputs: [d1.bundle], name: 'acme/tuned' });
  const result = decide(facts([model, d1, vsa]), under);
  assert.deepEqual([codes(result), result.used.includes(vsa)], [[], true]);
  const revoked = { revocations: [await revoking(artifact(hex('d1')))] };
  assert.deepEqual(codes(decide(facts([model, d1, vsa], revoked), under)), ['revoked']);
});

test('claims are told in one order, whichever way they came; what an input is said to be a manifest of is no file', async () => {
  const claims = Object.values(await honest());
  const order = (given: readonly VerifiedClaim[]) => indexClaims(given).all.map(({ bundle }) => bundle);
  assert.deepEqual(order(claims), claims.map(({ bundle }) => bundle).toSorted());
  assert.deepEqual(order(claims.toReversed()), order(claims));
  const content = hex('content');
  const file = await claim({ by: 'anna', type: PREDICATES.bom, about: [subject('file', 'a', content)], predicate: {} });
  const input = { name: 'a', digest: { sha256: content }, annotations: { role: 'base-model', kind: 'manifest' } };
  const made = built('quantize', []);
  const says = await claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: MODEL,
    predicate: { ...made, buildDefinition: { ...(made['buildDefinition'] as object), resolvedDependencies: [input] } },
  });
  const found = (...given: readonly VerifiedClaim[]) => indexClaims(given).about(content).length;
  assert.deepEqual([found(file), found(file, says)], [1, 0]);
});

test('an artifact exists from when it is attested, or its maker says the step ended, whichever is later', async () => {
  const at = (time: string | undefined, finishedOn?: string) =>
    ({
      claim: {
        times: time === undefined ? [] : [{ time, source: 'rekor', authority: 'r' }],
        statement: { predicate: {} },
      },
      provenance: { inputs: [], ...(finishedOn === undefined ? {} : { finishedOn }) },
    }) as unknown as Examined['steps'][number];
  const existed = (
    steps: readonly Examined['steps'][number][],
    described: readonly Examined['steps'][number][] = [],
  ) => {
    const time = existedAt({ steps, described: described.map(({ claim: each }) => each) } as unknown as Examined);
    return time === null ? null : new Date(time).toISOString().slice(0, 10);
  };
  assert.equal(existed([]), null);
  assert.equal(existed([], [at('2026-01-02'), at('2026-01-01'), at(undefined)]), '2026-01-01');
  assert.equal(existed([at('2026-01-02')], [at('2026-01-01')]), '2026-01-02', 'its steps tell, not who describes it');
  assert.equal(existed([at('2026-01-02', '2026-01-03'), at('2026-01-04')]), '2026-01-03');
  assert.equal(existed([at('2026-01-02', '2026-01-01')]), '2026-01-02');
  assert.equal(existed([at(undefined)]), null);
});

test('a step begins a minute before its input at most, and a merge is of two models', () => {
  const madeBy = (name: Step, roles: readonly Role[]) => {
    const inputs = roles.map((role, of) => ({ role, sha256: hex(String(of)), digests: {}, name: role, commit: null }));
    const provenance = { step: name, inputs, builder: '', buildType: '', startedOn: '2026-11-01T10:00:00Z' };
    const accepted = { provenance, principal: 'anna', claim: { times: [], statement: { predicate: {} } } };
    return { digest: MODEL, step: accepted, steps: [accepted], described: [] } as unknown as Examined;
  };
  const found = (node: Examined, existed: string | null = null) =>
    stepFindings(node, () => (existed === null ? null : Date.parse(existed)), { now: NOW }).map(({ code }) => code);
  const quantized = madeBy('quantize', ['base-model']);
  assert.deepEqual(found(quantized, '2026-11-01T10:01:00Z'), []);
  assert.deepEqual(found(quantized, '2026-11-01T10:01:01Z'), ['time-order']);
  assert.deepEqual(found(madeBy('merge', ['base-model', 'adapter'])), []);
  for (const other of ['dataset', 'tokenizer'] as const)
    assert.deepEqual(found(madeBy('merge', ['base-model', other])), ['undeclared-input'], other);
});
