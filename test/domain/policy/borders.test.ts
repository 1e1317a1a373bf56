import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { findingsOf, type Finding } from '../../../src/domain/base/verdict.ts';
import { inForceOf, buildSnapshot } from '../../../src/domain/authority/snapshot.ts';
import { PREDICATES, STEPS, buildTypeOf } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { Signer, Subject, TrustEntry, VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { buildRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import { freshnessFindings } from '../../../src/domain/policy/freshness.ts';
import { NO_REVOCATIONS } from '../../../src/domain/authority/revocations.ts';
import { openRevocations } from '../../../src/domain/policy/open-revocations.ts';
import { newestPromotion, unplacedWithdrawals } from '../../../src/domain/policy/promotions.ts';
import { BESIDE_LINEAGE, silenceOf, silences, unreadFinding } from '../../../src/domain/policy/unread.ts';
import { formatCheckpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { columnsOf } from '../../../src/domain/tlog/columns.ts';
import {
  COSIGNATURE_ED25519,
  ED25519,
  cosignedMessage,
  formatNote,
  formatVkey,
  parseVkey,
  rawPublicKey,
} from '../../../src/domain/tlog/note.ts';
import { checkClosure } from '../../../src/domain/policy/closure-rule.ts';
import { conforms } from '../../../src/domain/policy/conforms.ts';
import { isSame } from '../../../src/domain/policy/content-rules.ts';
import type { GateFacts } from '../../../src/domain/policy/facts.ts';
import { checkDerivation } from '../../../src/domain/policy/derivation-rule.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import { neverHolds } from '../../../src/domain/policy/never-holds.ts';
import { peopleWhoSigned } from '../../../src/domain/policy/policy-signers.ts';
import { promotedUnder } from '../../../src/domain/policy/promoted-under.ts';
import { SUPPRESSIONS_SCHEMA } from '../../../src/domain/policy/schema.ts';
import { suppressionOf, suppressionText } from '../../../src/domain/policy/suppressions.ts';
import {
  BASE,
  ID,
  MODEL,
  NOW,
  ORIGIN,
  PROD,
  approval,
  bomOf,
  caseFor,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  honestBut,
  logged,
  manifest,
  people,
  policy,
  promotion,
  type Name,
  compileAnew,
} from './world.ts';

/** Where a decision turns: the last moment, the first that is too many, the one that is somebody else's. */
const PLAIN = policy('\n  - name: prod');
const revoking = async (target: object, by: Name = 'rita', index: number | null = 1) => ({
  claim: await claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 'blake3' in target ? 2 : 1, action: 'revoke', target, reason: 'bad' },
  }),
  index,
});
const takingBack = async (of: VerifiedClaim, by: Name) =>
  revoking({ kind: 'claim', sha256: of.bundle, pae: of.pae }, by);
const artifact = (sha256: string) => ({ kind: 'artifact', sha256 });
const losing = (name: Name) => ({ kind: 'principal', name, since: '2026-01-01T00:00:00Z' });
const told = (found: readonly Finding[]) => found.map(({ code, message }) => `${code}: ${message}`);
const evidenceOf = (result: ReturnType<typeof decide>, name: string): readonly string[] =>
  result.checks.flatMap((check) => (check.name === name ? check.evidence.map(({ what }) => what) : []));
async function decided(over: Parameters<typeof honestBut>[0], under = PLAIN, more: Partial<GateFacts> = {}) {
  return decide(facts(await honestBut(over), more), under);
}

test('a policy, an exception and a grace end at their moment, not after it', async () => {
  const until = (expires: string) => ({ ...PLAIN, expires });
  assert.deepEqual(codes(await decided({}, until('2026-11-20T12:00:01Z'))), []);
  assert.deepEqual(codes(await decided({}, until('2026-11-20T12:00:00Z'))), ['policy-refused']);
  const excepted = (expires: string) =>
    policy(
      PROD,
      `exceptions: [{ code: claim-missing, id: "${ID}", environment: prod, reason: as agreed, expires: ${expires} }]`,
    );
  assert.deepEqual(codes(await decided({ bom: null }, excepted('2026-11-20T12:00:01Z'))), ['licence-refused']);
  assert.deepEqual(codes(await decided({ bom: null }, excepted('2026-11-20T12:00:00Z'))), [
    'claim-missing',
    'licence-refused',
  ]);
  const digest = `sha256:${hex('old')}`;
  const under = (end: string, over: object = {}) => {
    const given = policy('\n  - name: prod', `accepts: [{ digest: "${digest}", until: ${end} }]`);
    const promoted = { policyDigest: digest, breakGlass: false, environment: 'prod', ...over };
    const found = promotedUnder(caseFor(facts([]), given), promoted as never, false);
    return 'code' in found ? found : found.standing;
  };
  assert.equal(under('2026-11-20T12:00:01Z'), 'grace');
  assert.equal(under('2026-12-20T12:00:00Z'), 'grace');
  for (const [end, why] of [
    ['2026-11-20T12:00:00Z', /accepted until 2026-11-20$/],
    ['2026-12-20T12:00:01Z', /more than 30 days ahead/],
  ] as const)
    assert.match((under(end) as Finding).message, why);
  const other = under('2026-12-01', { policyDigest: `sha256:${hex('another')}` }) as Finding;
  assert.match(other.message, /under another policy$/, 'another digest than the one that is let count');
  assert.match(other.hint ?? '', /promote again/);
  const nowhere = under('2026-12-01', { policyDigest: '', environment: null }) as Finding;
  assert.deepEqual([nowhere.message, nowhere.hint], ['it was promoted to it under another policy', undefined]);
});

test('a clock behind what anybody vouched for, now or before, judges nothing', async () => {
  const later = await evaluation('PASSED', '2026-11-20T12:01:01Z');
  assert.deepEqual(codes(await decided({ evaluation: later })), ['clock-behind']);
  assert.deepEqual(codes(await decided({ evaluation: await evaluation('PASSED', '2026-11-20T12:01:00Z') })), []);
  assert.deepEqual(codes(await decided({}, PLAIN, { vouchedBefore: NOW.getTime() + 60_001 })), ['clock-behind']);
});

test('whoever made it does not count as independent, and is named as who they are', async () => {
  const byAnna = await approval('anna');
  assert.deepEqual(told(findingsOf(await decided({ carol: byAnna }, policy(PROD)))), [
    'separation-of-duties: anna approved what they made themselves',
  ]);
});

test('an approval that was taken back, or that its clock spoils, is one by an approver, and is no other claim', async () => {
  const scan = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  const mine = await approval('erin');
  const short = async (more: Partial<GateFacts>, ...claims: readonly VerifiedClaim[]) =>
    told(findingsOf(decide(facts([...(await honestBut({ carol: null })), ...claims], more), policy(PROD)))).filter(
      (each) => !each.startsWith('claim'),
    );
  const missing = ['approval-missing: 1 of 2 approvals by approver are there'];
  assert.deepEqual(await short({ revocations: [await takingBack(scan, 'anna')] }, scan), missing);
  assert.deepEqual(await short({ revocations: [await takingBack(mine, 'erin')] }, mine), missing);
  const broken = await approval('glen');
  assert.deepEqual(
    await short({ revocations: [await takingBack(broken, 'glen')] }, broken),
    missing,
    'in another role',
  );
  const ahead = await evaluation('PASSED', '2026-11-19T00:00:00Z', 'bob');
  assert.deepEqual(
    await short(
      {},
      { ...ahead, statement: { ...ahead.statement, predicate: { timeCreated: '2030-01-01T00:00:00Z' } } },
    ),
    missing,
  );
});

test('a BOM that was taken back is why there is no licence; another claim that was is not', async () => {
  const { bom, evaluation: passed } = await honest();
  const why = async (of: VerifiedClaim, by: Name) =>
    told(
      findingsOf(
        await decided({ bom: of === bom ? bom : null }, policy('\n  - name: prod\n    licences: { allow: [MIT] }'), {
          revocations: [await takingBack(of, by)],
        }),
      ),
    );
  assert.deepEqual(await why(bom, 'anna'), ['revoked: its BOM no longer counts: bad']);
  assert.deepEqual(await why(passed, 'erin'), ['licence-refused: no BOM by a trusted signer says its licence']);
  const stranger = await claim({ by: 'mallory', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  const claims = [{ ...stranger, bundle: '0'.repeat(64) }, bom, { ...stranger, pae: hex('x'), bundle: 'f'.repeat(64) }];
  const among = decide(
    facts(claims, { revocations: [await takingBack(bom, 'anna')] }),
    policy('\n  - name: prod\n    lineage: { required: false }\n    licences: { allow: [MIT] }'),
  );
  assert.deepEqual(codes(among), ['revoked']);
  const other = await claim({ by: 'dana', type: PREDICATES.bom, about: MODEL, predicate: bomOf('GPL-2.0-only') });
  const licences = policy('\n  - name: prod\n    licences: { allow: [Apache-2.0] }');
  const both = await decided({ carol: other }, licences, { revocations: [await takingBack(other, 'dana')] });
  assert.deepEqual([codes(both), evidenceOf(both, 'licences')], [[], ['licence Apache-2.0']]);
});

test('formats are evidence where all are allowed', async () => {
  const under = policy('\n  - name: prod\n    formats: { allow: [gguf] }');
  const content = (...formats: readonly (readonly [string, string])[]) =>
    ({ content: { formats: new Map(formats), declaredBases: [] } }) as unknown as Partial<GateFacts>;
  const good = await decided({}, under, content(['a', 'gguf'], ['b', 'gguf']));
  assert.deepEqual([codes(good), evidenceOf(good, 'formats')], [[], ['formats gguf']]);
  const bad = await decided({}, under, content(['a', 'gguf'], ['b', 'pickle']));
  assert.deepEqual([codes(bad), evidenceOf(bad, 'formats')], [['format-refused'], []]);
});

test('a base is the same by its digest, else by the last two parts of its name; without a name it is none', () => {
  const same = (name: string, other: string, to = '', sha256: string | null = null) =>
    isSame({ to, name }, { name: other, sha256 });
  assert.equal(same('qwen/enc', 'Qwen/Enc:1'), true);
  assert.equal(same('', ''), false);
  assert.equal(same('/', '//'), false);
  assert.equal(same('a//enc', 'a/enc'), true);
  assert.equal(same('', '', BASE, BASE), true);
});

test('of a dataset’s licences nothing is known where there is no dataset', async () => {
  const under = policy(
    '\n  - name: prod\n    lineage: { required: false }\n    datasets: { licences: { allow: [MIT] } }',
  );
  const result = decide(facts([]), under);
  assert.ok(told(findingsOf(result)).includes('licence-refused: no dataset is known whose licence could be looked at'));
});

test('what a scanner that was lost found is open, and what it did not find is nothing', async () => {
  const scan = (...found: readonly object[]) =>
    claim({ by: 'erin', type: PREDICATES.vulns, about: MODEL, predicate: { scanner: { result: found } } });
  const under = policy('\n  - name: prod\n    scan: { failOn: high }');
  const revocations = [await revoking(losing('erin'))];
  const of = async (...found: readonly object[]) =>
    codes(await decided({ evaluation: null, bom: await scan(...found) }, under, { revocations }));
  assert.deepEqual(await of({ id: 'V', severity: [{ score: 'high' }] }), ['claim-missing', 'denial-unconfirmed']);
  assert.deepEqual(await of({ id: 'V', severity: [{ score: 'low' }] }), ['claim-missing']);
  const looked = { ...under, suppressions: [{ rule: 'V', reason: 'as agreed', expires: '2030-01-01T00:00:00Z' }] };
  const accepted = await decided(
    { evaluation: null, bom: await scan({ id: 'V', severity: [{ score: 'high' }] }) },
    looked,
    { revocations },
  );
  assert.deepEqual(codes(accepted), ['claim-missing'], 'what the policy accepts is none');
});

test('of many findings and many that are suppressed twenty each are told', async () => {
  const found = (rule: string) => Array.from({ length: 21 }, () => ({ id: rule, severity: [{ score: 'high' }] }));
  const predicate = { scanner: { result: [...found('WM-PKL-001'), ...found('V1')] } };
  const scan = await claim({ by: 'erin', type: PREDICATES.vulns, about: MODEL, predicate, at: '2026-11-19T00:00:00Z' });
  const given = policy('\n  - name: prod\n    scan: { failOn: high }');
  const under = {
    ...given,
    suppressions: [{ rule: 'WM-PKL-001', reason: 'as agreed', expires: '2030-01-01T00:00:00Z' }],
  };
  const result = await decided({ bom: scan }, under);
  const [check] = result.checks.filter(({ name }) => name === 'scan');
  assert.deepEqual([findingsOf(result).length, check?.evidence.length], [20, 20]);
  const rules = ['2026-01-01T00:00:00Z', '2030-01-01T00:00:00Z'].map((end) => ({
    rule: 'V',
    reason: end,
    expires: end,
  }));
  const word = (of: typeof rules) => suppressionOf(of, { rule: 'V' }, { name: null, now: NOW })?.state;
  assert.deepEqual(
    [word(rules), word(rules.toReversed()), word(rules.slice(0, 1)), word([])],
    ['active', 'active', 'expired', undefined],
  );
  const expires = '2026-12-01T00:00:00Z';
  assert.equal(suppressionText({ reason: 'r', expires, state: 'active' }), 'suppressed until 2026-12-01: r');
  assert.equal(suppressionText({ reason: 'r', expires, state: 'expired' }), 'its suppression expired on 2026-12-01: r');
});

test('an evaluation by whoever was lost is open; one that was taken back is why there is none, and no other is', async () => {
  const failed = await evaluation('FAILED');
  const lost = { revocations: [await revoking(losing('erin'))] };
  assert.deepEqual(told(findingsOf(await decided({ evaluation: { ...failed, times: [] } }, PLAIN, lost))), [
    'denial-unconfirmed: erin evaluated it, and the result is not a pass; nothing shows that this was before erin was lost',
  ]);
  const { bom, evaluation: passed } = await honest();
  const why = async (of: VerifiedClaim, by: Name) =>
    told(
      findingsOf(
        await decided(
          { evaluation: of === passed ? passed : null },
          policy('\n  - name: prod\n    require: [evaluation]'),
          { revocations: [await takingBack(of, by)] },
        ),
      ),
    );
  assert.deepEqual(await why(passed, 'erin'), ['revoked: its evaluation no longer counts: bad']);
  assert.deepEqual(await why(bom, 'anna'), ['claim-missing: it has no evaluation']);
  const aged = policy('\n  - name: prod\n    require: [{ claim: evaluation, maxAge: 1d }]');
  const at = async (time: string) => codes(await decided({ evaluation: await evaluation('PASSED', time) }, aged));
  assert.deepEqual([await at('2026-11-19T12:00:00Z'), await at('2026-11-19T11:59:59Z')], [[], ['claim-stale']]);
});

test('a revocation reaches by each name that somebody gave, and by the artifact’s own; what a revoker tore is open', async () => {
  const root = hex('root');
  const named = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: [subject('manifest', 'acme/enc', MODEL), subject('root', 'acme/enc', root)],
    predicate: bomOf('MIT'),
  });
  assert.deepEqual(codes(await decided({ bom: named }, PLAIN, { revocations: [await revoking(artifact(root))] })), [
    'revoked',
  ]);
  const doubted = { revocations: [await revoking(losing('rita'), 'rob'), await revoking(artifact(MODEL), 'rita', 2)] };
  assert.deepEqual(codes(await decided({}, PLAIN, doubted)), ['denial-unconfirmed']);
  const torn = await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate: { version: 9 } });
  const open = await decided({}, PLAIN, { revocations: [{ claim: torn, index: 1 }] });
  assert.deepEqual(told(findingsOf(open)), [
    'claim-malformed: a revoker signed something that cannot be understood, which might revoke anything',
  ]);
});

test('where all revocations must be known, those among the entries that the snapshot counted are', async () => {
  const under = policy('\n  - name: prod\n    revocations: { complete: true }');
  const asOf = { origin: ORIGIN, size: 5, root: hex('root') };
  const snapshot = async (bundles: readonly string[], index = 9) => ({
    claim: await claim({
      by: 'rita',
      type: PREDICATES.revocation,
      about: MODEL,
      predicate: buildSnapshot({ version: 1, asOf, expires: '2027-01-01T00:00:00Z', inForce: inForceOf(bundles) }),
    }),
    index,
  });
  const other = artifact(hex('other'));
  const [among, next, loose] = [
    await revoking(other, 'rita', 4),
    await revoking(artifact(hex('more')), 'rita', 5),
    await revoking(artifact(hex('loose')), 'rita', null),
  ];
  const log = { ...facts([]).log, rootAt: (size: number) => (size === 5 ? asOf.root : null) };
  const of = async (...revocations: readonly (typeof among)[]) =>
    told(findingsOf(await decided({}, under, { revocations, log })));
  assert.deepEqual(await of(among, next, loose, await snapshot([among.claim.bundle])), []);
  const wrong = ['revocations-stale: the revocations in force here are not those that the revokers’ snapshot counted'];
  assert.deepEqual(await of(among, next, await snapshot([among.claim.bundle, next.claim.bundle])), wrong);
  assert.deepEqual(await of(next, loose, await snapshot([among.claim.bundle])), wrong);
  const kept = await snapshot([]);
  const back = await takingBack(kept.claim, 'rita');
  assert.match(
    (await of(kept, { ...back, index: 10 })).join(),
    /^revocations-stale: no revoker says/,
    'it was taken back',
  );
});

test('an environment takes what is promoted in the one before it, and uses that promotion', async () => {
  const under = policy('\n  - name: staging\n  - name: prod\n    after: staging');
  const vsa = await promotion(under, { environment: 'staging' });
  const log = (env: string) => ({ log: { ...facts([]).log, promotions: [logged(3, vsa, env)] } });
  const good = await decided({ bom: vsa }, under, log('staging'));
  assert.deepEqual([codes(good), good.used.includes(vsa)], [[], true]);
  assert.match(evidenceOf(good, 'after').join(), /^promoted to staging by ci, log entry 3/);
  assert.deepEqual(codes(await decided({ bom: vsa }, under, log('prod'))), ['not-promoted']);
  assert.deepEqual(codes(await decided({}, under)), ['not-promoted']);
  const absent = { ...facts([]).log, findings: [{ code: 'log-freshness-unknown', message: 'old' } as const] };
  assert.deepEqual(codes(await decided({}, PLAIN, { log: absent })), ['log-freshness-unknown']);
});

test('promotions count in the order of the log, however they were read', async () => {
  const under = policy('\n  - name: staging\n  - name: prod\n    after: staging');
  const first = await promotion(under, { environment: 'staging' });
  const out = await promotion(under, {
    environment: 'staging',
    passed: false,
    inputs: [first.bundle],
    at: new Date('2026-11-20T11:00:00Z'),
  });
  const entries = [logged(3, first, 'staging'), logged(4, out, 'staging'), logged(5, first, 'staging')];
  for (const promotions of [entries, entries.toReversed()])
    assert.deepEqual(
      codes(await decided({ bom: first, carol: out }, under, { log: { ...facts([]).log, promotions } })),
      ['not-promoted'],
    );
});

test('what a loader fetches is an input that somebody answers for', async () => {
  const under = policy('\n  - name: prod\n    closure: covered');
  const edge = (over: object) => ({
    word: 'w',
    role: null,
    to: BASE,
    name: 'acme/base',
    standing: 'attested',
    ...over,
  });
  const asked = (edges: readonly object[], fetched: readonly string[] | null = ['acme/base']) => {
    const content = {
      formats: new Map(),
      declaredBases: [],
      ...(fetched === null ? {} : { fetched: fetched.map((name) => ({ name, where: 'config.json' })) }),
    };
    const { evidence, findings } = checkClosure(caseFor(facts([], { content }), under), {
      nodes: new Map([[MODEL, { edges }]]),
    } as never);
    return [...told(findings), ...evidence.map(({ what }) => what)];
  };
  const all = ['all of 1 that loading it fetches are attested inputs'];
  for (const standing of ['attested', 'described', 'trusted-leaf', 'summary'])
    assert.deepEqual(asked([edge({ standing })]), all, standing);
  const makes = 'config.json makes a loader fetch acme/base, which is';
  assert.deepEqual(asked([edge({ standing: 'refused' })]), [`lineage-unattested: ${makes} attested by nobody`]);
  assert.deepEqual(asked([edge({ to: '' })]), [`dependency-unpinned: ${makes} attested by nobody`]);
  assert.deepEqual(asked([]), [`undeclared-input: ${makes} no input of its provenance`]);
  assert.deepEqual(asked([], []), ['loading it fetches nothing']);
  assert.deepEqual(asked([], null), [
    'undeclared-input: what loading it fetches is not known: its files were not read',
  ]);
});

test('a step that must be recomputed was, by whoever may say so, of each model that it names', () => {
  const asked = (edges: readonly object[], role?: string, name = 'acme/enc') => {
    const derivation = { steps: { quantize: 'recomputed' }, ...(role === undefined ? {} : { role }) };
    const of = { environment: { derivation } };
    const lineage = { nodes: new Map([[MODEL, { digest: MODEL, name, step: 'quantize', edges }]]) };
    return checkDerivation(of as never, lineage as never).findings.map(({ message }) => message);
  };
  const edge = (verified: readonly object[] | undefined, name = 'base') => ({ to: BASE, name, verified });
  const byErin = { word: 'recomputed', by: 'erin', roles: ['evaluator'] };
  assert.deepEqual(asked([edge([byErin]), edge(undefined)]), []);
  assert.deepEqual(asked([edge([byErin])], 'evaluator'), []);
  const must = 'the quantize of acme/enc must be recomputed, and';
  assert.deepEqual(asked([edge([byErin])], 'trainer'), [`${must} nobody in the role trainer recomputed it from base`]);
  assert.deepEqual(asked([edge([])]), [`${must} nobody who may say so recomputed it from base`]);
  assert.deepEqual(asked([edge([], '')]), [`${must} nobody who may say so recomputed it from sha256:${BASE}`]);
  assert.deepEqual(asked([edge([{ ...byErin, word: 'bounded' }])]), [`${must} of base it is bounded, says erin`]);
  assert.deepEqual(asked([edge(undefined)]), [`${must} its provenance names no model that it was made from`]);
  assert.match(asked([], undefined, '').join(), /^the quantize of it must be/);
});

test('all files were read by whoever’s BOM says so', async () => {
  const result = await decided({}, policy('\n  - name: prod\n    workerDigests: refuse'));
  assert.deepEqual(evidenceOf(result, 'worker-digests'), ['all files read by anna']);
  assert.ok(result.used.some(({ statement }) => statement.predicateType === PREDICATES.bom));
});

test('rule 12: no order of signatures changes who signed', () => {
  const signer = (name: string): Signer => ({ kind: 'key', fingerprint: hex(name), keyType: 'P-256' });
  const entry = (name: string): TrustEntry => ({ name, anchor: { kind: 'key', pem: '' } });
  const [a, b, c] = [
    { signer: signer('a'), trustedBy: [entry('one')] },
    { signer: signer('b'), trustedBy: [entry('one'), entry('two')] },
    { signer: signer('c'), trustedBy: [entry('two')] },
  ];
  assert.ok(a && b && c);
  const orders = [
    [a, b, c],
    [a, c, b],
    [b, a, c],
    [b, c, a],
    [c, a, b],
    [c, b, a],
  ].map((each) => peopleWhoSigned(each).join());
  assert.equal(new Set(orders).size, 1);
});

test('a value is of its kind and within its bounds, or is told what it must be', () => {
  const said = (schema: Parameters<typeof conforms>[0], value: unknown) =>
    conforms(schema, value, '').map(({ message }) => message);
  const bounded = { type: 'integer', minimum: 1, maximum: 3 } as const;
  assert.deepEqual(
    [0, 1, 3, 4].map((value) => said(bounded, value)),
    [['must be at least 1'], [], [], ['must be at most 3']],
  );
  const listed = { type: 'array', minItems: 1, maxItems: 2, items: { type: 'integer' } } as const;
  assert.deepEqual(
    [[], [1], [1, 2], [1, 2, 3]].map((value) => said(listed, value)),
    [['must have at least 1 items'], [], [], ['must have at most 2 items']],
  );
  assert.deepEqual(said({ type: 'object', minProperties: 1 }, {}), ['must not be empty']);
  const kinds = ['array', 'object', 'integer', 'string', 'boolean'] as const;
  assert.deepEqual(
    kinds.map((type) => said({ type }, null)[0]),
    ['must be an array', 'must be an object', 'must be an integer', 'must be a string', 'must be a boolean'],
  );
  const object = {
    type: 'object',
    properties: { $schema: { type: 'string' }, name: { type: 'string' } },
    additionalProperties: false,
  } as const;
  assert.deepEqual(said(object, { other: 1 }), ['other is not known here: name are']);
  const either = {
    anyOf: [
      { type: 'integer' },
      { type: 'array' },
      { anyOf: [{ type: 'boolean' }, { type: 'string', enum: ['x', 'y'] }] },
    ],
  } as const;
  assert.match(said(either, {}).join(), /a number, .*a list, .*a boolean, or one of x, y/);
});

test('an expression is judged by what it would cost, and refused with the reason where it cannot be', () => {
  const invalid = (message: RegExp) => ({ code: 'policy-invalid', message });
  const two = 'a.all(x, b.all(y, x == y))';
  assert.equal(compileAnew(two).ask({ a: [1], b: [1] }).holds, true);
  assert.throws(() => compileAnew('a.all(x, b.all(y, c.all(z, x == z)))'), invalid(/nests its loops deeper than 2/));
  for (const taken of ['name.matches(pattern)', '[1].all(x, true) && name.matches(pattern)'])
    assert.throws(() => compileAnew(taken), invalid(/`matches` needs a literal pattern/), taken);
  assert.equal(compileAnew("name.matches('^a')").ask({ name: 'ab' }).holds, true);
  assert.throws(() => compileAnew('a ='), invalid(/^not a CEL expression: (?!Error)/));
  const many = Array.from({ length: 3000 }, (_, at) => at);
  assert.match(compileAnew(two).ask({ a: many, b: many }).why, /it would take too long/);
  assert.match(compileAnew('size(name) > 0').ask({ name: 'x'.repeat(1 << 28) }).why, /it would take too long/);
  assert.match(compileAnew('a.b == 1').ask({ a: { c: 1 } }).why, /could not be evaluated: (?!Error)/);
  assert.deepEqual(compileAnew('has(a.b)').ask({ a: { b: undefined } }), { holds: false, why: 'it is false' });
  assert.equal(compileAnew('size(a) == 0').ask({ a: { b: undefined } }).holds, true, 'what is not said is not there');
  assert.equal(compileAnew('a == null').ask({ a: null }).holds, true);
  assert.equal(compileAnew("b'x' == b'x' && a == null").ask({ a: null }).holds, true);
  for (const inner of ['size(a) == 0 && a.all(x, x)', '[a.all(x, x)][0]', '{1: a.all(x, x)}[1]'])
    assert.equal(compileAnew(inner).ask({ a: [] }).holds, false, `${inner} about an empty list`);
  const most = (length: number) => compileAnew('a').ask({ a: 'x'.repeat(64 * length) }).why;
  assert.deepEqual(
    [most(5_000_000 - 2), most(5_000_000 - 1)],
    ['it is neither true nor false', 'it would take too long on this much data'],
  );
});

const EMPTY = {
  principals: [],
  roles: [],
  environments: [],
  leaves: [],
  summaries: [],
  exceptions: [],
  suppressions: [],
};

test('lint tells what ends, to the second, and what was never named', () => {
  const at = '2026-11-20T12:00:00Z';
  const advice = (over: object) =>
    lintPolicy({ ...PLAIN, ...EMPTY, expires: '2030-01-01T00:00:00Z', ...over }, NOW)
      .map(({ place, message }) => `${place}: ${message}`)
      .filter((each) => /expire|follows|witness/.test(each));
  const dated = (field: string, more: object) => advice({ [field]: [more] });
  assert.deepEqual(advice({ expires: at }), ['expires: expired on 2026-11-20: everything is refused']);
  const environment = (name: string, after?: string) => ({
    name,
    require: [],
    separation: [],
    assert: [],
    lineage: { required: false, maxDepth: 9 },
    ...(after === undefined ? {} : { after }),
  });
  assert.deepEqual(
    [undefined, 'a'].map(
      (after) =>
        advice({ environments: [environment('a'), environment('b', after)] }).filter((each) => /follows no/.test(each))
          .length,
    ),
    [1, 0],
  );
  assert.deepEqual(dated('accepts', { digest: 'd', until: at }), ['accepts[0]: expired on 2026-11-20']);
  assert.deepEqual(dated('accepts', { digest: 'd', until: '2026-11-20T12:00:01Z' }), []);
  assert.deepEqual(dated('exceptions', { code: 'c', expires: at }), ['exceptions[0]: expired on 2026-11-20']);
  assert.ok(
    dated('suppressions', { rule: 'WM-PKL-001', expires: at }).includes('suppressions[0]: expired on 2026-11-20'),
  );
  assert.deepEqual(advice({ expires: '2026-12-20T11:59:59Z' }), ['expires: expires soon, on 2026-12-20']);
  assert.deepEqual(advice({ expires: '2026-12-20T12:00:00Z' }), []);
  const log = { key: 'k' };
  assert.equal(advice({ log }).filter((each) => each.startsWith('log.witnesses: no witnesses')).length, 1);
});

test('what a policy asks and nothing can satisfy is told, and nothing else', () => {
  const person = (name: string, kind: 'key' | 'oidc', more: object = {}) => ({
    name,
    ids: [],
    anchors: [
      kind === 'key'
        ? { kind, pem: people.anna.pem }
        : { kind, issuer: 'https://i.example', identity: 'a@acme.example', ...more },
    ],
  });
  const role = (name: string, predicates: readonly string[] = [], ...principals: readonly string[]) => ({
    name,
    principals,
    predicates,
    buildTypes: [],
    models: ['**'],
    vouches: [],
  });
  const never = (over: object, environment: object = {}) =>
    neverHolds(
      {
        ...PLAIN,
        ...EMPTY,
        principals: [person('kim', 'key'), person('tim', 'oidc')],
        environments: [
          {
            name: 'prod',
            require: [],
            separation: [],
            assert: [],
            lineage: { required: false, maxDepth: 9 },
            ...environment,
          },
        ],
        ...over,
      },
      { now: NOW, timestampAuthorities: [] },
    ).map(({ place, message }) => `${place}: ${message}`);
  assert.deepEqual(never({}), []);
  assert.match(never({ expires: '2026-11-20T12:00:00Z' }).join(), /^expires: expired on 2026-11-20/);
  assert.deepEqual(never({ expires: '2026-11-20T12:00:01Z' }), []);
  const ages: readonly (readonly [string, object, string])[] = [
    ['promoter', { maxAgeMs: 1 }, 'environments.prod.maxAge'],
    ['approver', { approvals: { count: 1, role: 'approver', maxAgeMs: 1 } }, 'environments.prod.approvals.maxAge'],
    ['scanner', { scan: { failOn: 'high', role: 'scanner', maxAgeMs: 1 } }, 'environments.prod.scan.maxAge'],
  ];
  for (const [name, environment, place] of ages) {
    const by = (...principals: readonly string[]) =>
      never({ roles: [role('other', [], 'kim'), role(name, [], ...principals)] }, environment);
    assert.match(
      by('kim').join(),
      new RegExp(`^${place}: asks for an age, and nobody but kim would say when kim signed`),
      name,
    );
    assert.deepEqual(by('tim'), [], name);
    assert.deepEqual(never({ roles: [role('other', [], 'kim')] }, environment), [], name);
  }
  const unaged = { approvals: { count: 1, role: 'approver' }, scan: { failOn: 'high', role: 'scanner' } };
  assert.deepEqual(never({ roles: [role('approver', [], 'kim'), role('scanner', [], 'kim')] }, unaged), []);
  const two = never(
    { roles: [role('approver', [], 'kim', 'tim')] },
    { approvals: { count: 2, role: 'approver', maxAgeMs: 1 } },
  );
  assert.match(two.join(), /nobody but kim would say when kim signed/);
  const required = { lineage: { required: true, maxDepth: 9 } };
  const made = 'environments.prod.lineage: asks how a model was made, and nobody may sign a step';
  assert.deepEqual(never({}, required), [made]);
  assert.deepEqual(never({ roles: [role('evaluator', [PREDICATES.evaluation], 'kim')] }, required), [made]);
  assert.deepEqual(never({ roles: [role('trainer', [PREDICATES.provenance], 'kim')] }, required), []);
  for (const way of [{ leaves: [{ expires: '2030-01-01' }] }, { summaries: [{}] }])
    assert.deepEqual(never(way, required), []);
  const derivation = (wanted?: string) => ({
    derivation: { steps: {}, ...(wanted === undefined ? {} : { role: wanted }) },
  });
  assert.match(never({}, derivation()).join(), /: nobody may sign that a step was recomputed/);
  assert.match(never({}, derivation('evaluator')).join(), /: nobody in the role evaluator may sign/);
  const accepts = (digest: string, until: string) => never({ accepts: [{ digest, until }] });
  assert.deepEqual(accepts(PLAIN.digest, '2026-12-01T00:00:00Z'), ['accepts[0]: accepts itself']);
  assert.deepEqual(accepts('other', '2026-12-20T12:00:00Z'), []);
  assert.match(accepts('other', '2026-12-20T12:00:01Z').join(), /more than 30 days ahead/);
  const named = (more: object) => never({ principals: [person('ci', 'oidc', more)] });
  assert.deepEqual(named({ identity: undefined, identityPattern: '.+@example\\.com' }), []);
  assert.equal(named({ identity: 'a@example.com' }).length, 1);
});

test('the rules of a policy that are not given are absent, and those of former people are kept', () => {
  const under = policy(
    '\n  - name: prod\n    revocations: { required: false }',
    `formerly: [{ name: old, until: 2026-11-01, keys: [${people.mallory.line}], roles: [revoker] }]`,
  );
  assert.deepEqual(Object.keys(under.environments[0]?.revocations ?? {}), ['required', 'reinstate']);
  assert.deepEqual(under.formerly?.[0]?.roles, ['revoker']);
  const wrong = (rest: string) => () => policy('\n  - name: prod', rest);
  assert.throws(wrong(`summaries: [{ principal: nobody, environment: prod, policies: ["sha256:${hex('p')}"] }]`), {
    code: 'policy-invalid',
    message: /there is no principal nobody/,
  });
  assert.throws(() => policy("\n  - name: prod\n    assert: [{ cel: 'a =', message: no }]"), {
    code: 'policy-invalid',
    message: /a =: not a CEL expression/,
  });
});

test('assertions that hold are evidence', async () => {
  const under = policy(
    "\n  - name: prod\n    assert: [{ cel: 'environment == \"prod\"', message: is prod }, { cel: 'false', message: is not }]",
  );
  const result = await decided({}, under);
  assert.deepEqual(evidenceOf(result, 'assertions'), ['asserted: is prod']);
  assert.deepEqual(told(findingsOf(result)), ['policy-refused: not so: is not (it is false)']);
});

test('a no about this and something else at once is one about this, and is told once though it is logged', async () => {
  const said = async (about: readonly Subject[]) =>
    claim({ by: 'erin', type: PREDICATES.evaluation, about, predicate: { result: 'FAILED', configuration: [] } });
  const other = manifest(hex('other'), 'acme/other');
  const both = await said([manifest(MODEL), other]);
  assert.deepEqual(codes(await decided({ evaluation: both })), ['claim-negative']);
  const entry = (of: VerifiedClaim) =>
    ({
      index: 4,
      leaf: { v: 1, kind: 'claim', name: 'acme/enc', manifest: ID, bundle: `sha256:${of.bundle}` },
    }) as const;
  const logOf = (of: VerifiedClaim) => ({ log: { ...facts([]).log, claims: [entry(of)] } });
  const own = await evaluation('FAILED');
  assert.deepEqual(codes(await decided({ evaluation: own }, PLAIN, logOf(own))), ['claim-negative']);
  const unread = await said([other, { name: 'acme/enc', digest: { sha512: 'ab' }, annotations: { kind: 'manifest' } }]);
  assert.deepEqual(codes(await decided({ evaluation: unread }, PLAIN, logOf(unread))), ['claim-malformed']);
  const elsewhere = await said([other, manifest(hex('third'), 'acme/other')]);
  assert.deepEqual(codes(await decided({ evaluation: elsewhere }, PLAIN, logOf(elsewhere))), []);
  const split = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: [manifest(MODEL), other],
    predicate: bomOf('MIT'),
  });
  const wanted = (what: string) => policy(`\n  - name: prod\n    require: [${what}]`);
  assert.deepEqual(codes(await decided({ bom: split, evaluation: null }, wanted('evaluation'))), ['claim-missing']);
  assert.deepEqual(codes(await decided({ bom: split }, wanted('bom'))), ['subject-ambiguous']);
});

test('a revocation in doubt of a single file’s content is one of the artifact', async () => {
  const content = hex('content');
  const revocations = [await revoking(losing('rita'), 'rob'), await revoking(artifact(content), 'rita', 2)];
  assert.deepEqual(codes(await decided({}, PLAIN, { revocations, aliases: [content] })), ['denial-unconfirmed']);
  assert.deepEqual(codes(await decided({}, PLAIN, { revocations })), []);
});

test('weights are a model’s under their own name or packed; packed data are not', async () => {
  const described = await claim({
    by: 'dana',
    type: PREDICATES.reference,
    about: MODEL,
    predicate: { attester: { id: 'dana' }, references: [] },
  });
  const answer = (path: string, format: string) =>
    codes(decide(facts([described], { content: { formats: new Map([[path, format]]), declaredBases: [] } }), PLAIN));
  for (const [path, format] of [
    ['m.weights.h5', 'hdf5'],
    ['m.safetensors.gz', 'gzip'],
    ['m.gguf.tar.zst', 'unknown'],
  ] as const)
    assert.deepEqual(answer(path, format), ['lineage-missing'], path);
  for (const [path, format] of [
    ['rows.h5', 'hdf5'],
    ['rows.npy.gz', 'gzip'],
    ['rows.pkl.gz', 'gzip'],
    ['rows.joblib.xz', 'unknown'],
  ] as const)
    assert.deepEqual(answer(path, format), [], path);
});

test('of what cannot be read each entry is told by its own signer; one that is void, or by nobody who may, is not', () => {
  const silence = silenceOf(caseFor(facts([]), policy(PROD)));
  const entry = (kind: 'claim' | 'push' | 'promotion', bundle: string) =>
    ({
      index: 4,
      leaf: { v: 1, kind, name: 'acme/enc', manifest: ID, bundle: `sha256:${bundle}`, env: 'prod' },
    }) as const;
  const unread = (names: readonly string[], of: ReturnType<typeof entry>) =>
    ({
      bundle: of.leaf.bundle.slice(7),
      pae: hex(names.join()),
      names,
      proven: true,
      statement: null,
      why: { code: 'claim-malformed', message: 'torn' },
      entry: of,
    }) as never;
  const absent = [entry('claim', hex('a'))];
  assert.equal(silences({ absent }, silence).length, 1);
  const voided = { ...silence, revocations: { ...silence.revocations, voided: () => true } };
  assert.deepEqual(silences({ absent }, voided), []);
  const once = {
    ...silence,
    policy: { ...policy(PROD), formerly: [{ name: 'old', anchors: [], until: '2030-01-01' }] },
  };
  const pushed = entry('push', hex('b'));
  const of = (name: string) => unreadFinding(once, unread([name], pushed), 'it', 'claim-malformed')?.code ?? null;
  assert.deepEqual([of('old'), of('erin')], ['claim-malformed', null]);
  const under = policy('\n  - name: prod');
  const [first, second] = [entry('promotion', hex('one')), entry('promotion', hex('two'))];
  const log = { ...facts([]).log, promotions: [second], unread: [unread(['erin'], first), unread(['ci'], second)] };
  const newest = newestPromotion(caseFor(facts([], { log }), under), under.environments[0] as never);
  assert.match('finding' in newest ? newest.finding.message : '', /is by ci and cannot be read/);
});

test('records to remove are asked of the artifact itself where it has records, and of each list by its own key', async () => {
  const under = policy('\n  - name: prod\n    removedRecords: refuse');
  const wanted = (by: Name, key: string | null) =>
    claim({
      by,
      type: PREDICATES['removed-records'],
      about: hex('data'),
      predicate: {
        ...buildRemovedRecords({
          hashing: key === null ? 'open' : 'keyed',
          key,
          profile: 'typed',
          records: [hex('r')],
        }),
      },
    });
  const own = await claim({
    by: 'dana',
    type: PREDICATES.bom,
    about: [manifest(MODEL), subject('list', '.weighmark/records', hex('list'))],
    predicate: bomOf('MIT'),
  });
  const of = async (...more: readonly VerifiedClaim[]) =>
    findingsOf(
      decide(
        facts([...(await honestBut({ bom: own })), ...more], { revocations: [await revoking(losing('rob'), 'rita')] }),
        under,
      ),
    );
  assert.ok((await of(await wanted('rita', null))).some(({ subject: about }) => about === ID));
  const found = (await of(await wanted('rob', hex('key')), await wanted('rita', null))).filter(
    ({ code, subject: about }) => code === 'removed-record' && about === ID,
  );
  assert.deepEqual(
    found.map(({ facts: more }) => more?.['key']),
    [undefined],
  );
  const keyed = (await of(await wanted('rita', hex('key')))).find(({ code }) => code === 'removed-record');
  assert.equal(keyed?.facts?.['key'], hex('key'));
});

test('witnesses vouch by the number that is wanted, and no two of them by one key', () => {
  const party = (name: string, type: number, pair = generateKeyPairSync('ed25519')) => {
    const vkey = formatVkey(name, type, rawPublicKey(pair.publicKey));
    return { pair, vkey, key: parseVkey(vkey) };
  };
  const log = party('log.example', ED25519);
  const [one, two] = [party('w1.example', COSIGNATURE_ED25519), party('w2.example', COSIGNATURE_ED25519)];
  const root = columnsOf([]).rootAt(0) ?? '';
  const text = formatCheckpoint({ origin: 'log.example', size: 0, root: Buffer.from(root, 'hex') });
  const seconds = NOW.getTime() / 1000;
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  const cosigned = Buffer.concat([
    time,
    sign(null, cosignedMessage(text, one.key, seconds) ?? Buffer.alloc(0), one.pair.privateKey),
  ]);
  const checkpoint = formatNote({
    text,
    signatures: [
      { name: 'log.example', id: log.key.id, signature: sign(null, Buffer.from(text), log.pair.privateKey) },
      { name: 'w1.example', id: one.key.id, signature: cosigned },
    ],
  });
  const asked = (keys: readonly string[], quorum: number) =>
    told(
      freshnessFindings({
        checkpoint,
        entries: columnsOf([]),
        vkeys: [log.vkey],
        anchored: false,
        pinned: false,
        rule: { key: log.vkey, witnesses: { keys, quorum } },
        now: NOW,
      }),
    );
  assert.deepEqual(asked([one.vkey, two.vkey], 1), []);
  assert.deepEqual(asked([one.vkey, two.vkey], 2), ['log-freshness-unknown: 1 of 2 witnesses vouch for the log']);
  const twice = formatVkey('w3.example', COSIGNATURE_ED25519, rawPublicKey(one.pair.publicKey));
  assert.throws(() => asked([one.vkey, twice], 1), { code: 'policy-invalid', message: /share a key/ });
});

test('what somebody signed about a claim of their own that nobody understands leaves it open; about another’s it says nothing', async () => {
  const [own, other] = [await evaluation('PASSED'), await evaluation('FAILED', undefined, 'bob')];
  const saying = (predicate: object, by: Name = 'erin') =>
    claim({ by, type: PREDICATES.revocation, about: MODEL, predicate: { version: 9, ...predicate } });
  const told = async (said: VerifiedClaim, copies: readonly VerifiedClaim[] = [other, own]) =>
    openRevocations({ ...NO_REVOCATIONS, unclear: [said] }, { id: ID, digests: [], claims: [], copies }).map(
      ({ code, subject: about, facts: more }) => [code, about, more?.['claim']],
    );
  for (const named of [{ target: own.pae }, { deep: [{ what: own.bundle.toUpperCase() }] }]) {
    const said = await saying(named);
    assert.deepEqual(await told(said), [['claim-malformed', ID, `sha256:${said.bundle}`]]);
    assert.deepEqual(await told(said, [other]), []);
  }
  assert.deepEqual(await told(await saying({ target: other.pae })), []);
  assert.deepEqual(await told(await saying({ target: own.pae }, 'mallory')), []);
});

test('a withdrawal that the log has in its place is none that waits', async () => {
  const under = policy('\n  - name: staging');
  const out = await promotion(under, { environment: 'staging', passed: false });
  const unplaced = (promotions: ReturnType<typeof logged>[]) =>
    unplacedWithdrawals(
      caseFor(facts([out], { log: { ...facts([]).log, promotions } }), under, 'staging'),
      under.environments[0] as never,
    );
  assert.deepEqual([unplaced([]), unplaced([logged(4, out, 'staging')])], [[out], []]);
});

test('no exception sets aside what the log shows, what was revoked, or what the environment before holds', async () => {
  const exception = `exceptions: [{ code: no-verified-time, id: "${ID}", environment: prod, reason: as agreed, expires: 2030-01-01 }]`;
  const under = policy('\n  - name: staging\n    maxAge: 30d\n  - name: prod\n    after: staging', exception);
  const vsa = await promotion(under, { environment: 'staging', verified: null });
  const log = { ...facts([]).log, promotions: [logged(3, vsa, 'staging')] };
  assert.deepEqual(codes(await decided({ bom: vsa }, under, { log })), ['no-verified-time']);
});

test('by default a trainer takes every step but the preparing of data, and an ancestry does not rest on what is beside it', () => {
  const trainer = PLAIN.roles.find(({ name }) => name === 'trainer');
  assert.deepEqual(trainer?.buildTypes, STEPS.filter((each) => each !== 'preprocess').map(buildTypeOf));
  const { vulns, scai } = PREDICATES;
  assert.deepEqual(BESIDE_LINEAGE, [vulns, scai, PREDICATES['removed-records'], PREDICATES['records-check']]);
  assert.deepEqual(
    conforms(SUPPRESSIONS_SCHEMA, {}, '').map(({ message }) => message),
    ['format is missing', 'suppressions is missing'],
  );
});
