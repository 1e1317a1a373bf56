import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf, verdictOf, refusedCheck, type Finding } from '../../../src/domain/base/verdict.ts';
import { buildDerivation } from '../../../src/domain/claims/derivation.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { assertionData } from '../../../src/domain/policy/assertions.ts';
import { auditState } from '../../../src/domain/policy/audit-events.ts';
import { datasetDenials } from '../../../src/domain/policy/dataset-claims-rule.ts';
import { caseOf, evaluate, lineageOf } from '../../../src/domain/policy/evaluate.ts';
import type { UnreadEntry } from '../../../src/domain/policy/facts.ts';
import { silenceOf, silences, unreadFinding } from '../../../src/domain/policy/unread.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import {
  D0,
  ID,
  MODEL,
  PROD,
  TUNED,
  approval,
  bomOf,
  caseFor,
  claim,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  honestBut,
  logged,
  people,
  policy,
  said,
  type Name,
  compileAnew,
} from './world.ts';

const revoking = (by: Name, target: object) =>
  claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 1, action: 'revoke', target, reason: 'so' },
  });

const TWO = policy('\n  - name: prod\n    approvals: 2');

test('an approval that was taken back, or whose signer’s certificate was over, is why there are too few', async () => {
  const { carol, ...rest } = await honest();
  const taken = await revoking('rita', { kind: 'claim', sha256: carol.bundle, pae: carol.pae });
  const claims = [...Object.values(rest), carol];
  assert.deepEqual(said(findingsOf(decide(facts(claims, { revocations: [{ claim: taken, index: 1 }] }), TWO))), [
    'revoked 1: an approval no longer counts: so',
  ]);
  const onlyNo = { code: 'certificate-expired', message: 'it was over' } as const;
  const lapsed = (of: VerifiedClaim) =>
    said(findingsOf(decide(facts([...Object.values(rest), { ...of, onlyNo }]), TWO)));
  assert.deepEqual(lapsed(carol), ['certificate-expired 1: an approval by carol does not count: it was over']);
  const MISSING = ['approval-missing 1: 1 of 2 approvals by approver are there'];
  assert.deepEqual(lapsed(await approval('erin')), MISSING, 'by somebody who may not');
  const dana = await claim({ by: 'dana', type: PREDICATES.reference, about: MODEL, predicate: { references: [] } });
  assert.deepEqual(lapsed(dana), MISSING, 'no approval');
});

test('who approves twice too little is told by whose age, and that clocks disagree', async () => {
  const rules = policy('\n  - name: prod\n    approvals: { count: 2, maxAge: 1d }');
  const { carol: _, ...rest } = await honest();
  const old = {
    ...(await approval('carol')),
    times: [{ time: '2026-11-01T00:00:00Z', source: 'rfc3161', authority: 'tsa' }],
  };
  const decided = (each: VerifiedClaim) => said(findingsOf(decide(facts([...Object.values(rest), each]), rules)));
  assert.deepEqual(decided(old as VerifiedClaim), [
    'claim-stale 1: the approval by carol is 19 days old; 24 h are allowed',
  ]);
  const ahead = await approval('carol', 'prod', MODEL, '2027-01-01T00:00:00Z');
  assert.match(decided(ahead).join(), /^clock-disagrees \d: the approval states a time far ahead/);
});

test('assertions see every file, claim and step, whole numbers as such', async () => {
  const of = caseFor(facts(await honestBut()), policy(PROD));
  const data = assertionData(of, lineageOf(of));
  assert.deepEqual(data['files'], [{ path: 'model.gguf', format: 'gguf' }]);
  assert.deepEqual(data['artifact'], { id: ID, name: 'acme/enc' });
  const asks = (cel: string, given: Record<string, unknown>) => compileAnew(cel).ask(given);
  assert.ok(asks('p.x + 1 == 3 && type(p.x) == int', { p: { x: 2 } }).holds);
  assert.ok(asks('type(p.x) == double && p.x > 0.5', { p: { x: 0.75 } }).holds);
  assert.ok(asks('type(p.x) == double', { p: { x: 2 ** 60 } }).holds, 'what is no whole number any more');
  assert.equal(asks('p.x == 3', { p: { x: 2 } }).why, 'it is false');
  assert.equal(asks('p.x', { p: { x: 2 } }).why, 'it is neither true nor false');
  assert.match(asks('p.y == 1', { p: { x: 2 } }).why, /^it could not be evaluated: /);
});

test('about an empty list `all` says nothing; `exists` and `map` over one do', () => {
  const asks = (cel: string, l: readonly unknown[]) => compileAnew(cel).ask({ l }).holds;
  assert.ok(asks('l.all(x, x > 1)', [2, 3]) && !asks('l.all(x, x > 1)', []));
  assert.ok(asks('l.exists(x, x > 2)', [2, 3]) && !asks('l.exists(x, x > 3)', [2, 3]));
  assert.ok(asks('!l.exists(x, x > 1)', []), 'there is none');
  assert.ok(asks('l.map(x, x + 1) == []', []) && asks('l.filter(x, x > 2) == [3]', [2, 3]));
});

test('a state of an audit has each code once, sorted', () => {
  const finding = (code: Finding['code']): Finding => ({ code, message: 'm' });
  const checks = [refusedCheck('a', [finding('revoked'), finding('claim-stale'), finding('revoked')])];
  const verdict = verdictOf({ subject: 's', checks });
  assert.deepEqual(auditState('p', 'sha256:a', verdict), {
    place: 'p',
    id: 'sha256:a',
    outcome: 'failed',
    codes: ['claim-stale', 'revoked'],
  });
});

const check = (by: Name, result: string, about = D0) =>
  claim({ by, type: PREDICATES['records-check'], about, predicate: { check: 'overlap', result }, name: 'acme/data' });

test('a check of a dataset that failed blocks what was made from it, where the environment asks for checks', async () => {
  const rules = policy('\n  - name: prod\n    datasets: { require: [reference] }');
  const decided = async (under: Policy, ...more: readonly VerifiedClaim[]) => {
    const of = caseFor(facts([...(await honestBut()), ...more]), under);
    return { rule: said(findingsOf(evaluate(of))), denials: said(datasetDenials(of, lineageOf(of))) };
  };
  const failed = await check('dana', 'FAILED');
  const NO = ['claim-negative 1: dana checked a dataset it was made from (overlap), and it failed'];
  assert.deepEqual(await decided(rules, failed), { rule: NO, denials: NO });
  assert.deepEqual(await decided(rules, await check('dana', 'PASSED')), { rule: [], denials: [] });
  assert.deepEqual(await decided(rules, await check('mallory', 'FAILED')), { rule: [], denials: [] });
  assert.deepEqual(await decided(rules, await check('dana', 'FAILED', hex('other'))), { rule: [], denials: [] });
  assert.deepEqual(await decided(policy('\n  - name: prod'), failed), { rule: [], denials: [] });
  const lost = await revoking('rita', { kind: 'principal', name: 'dana', since: '2026-11-02T00:00:00Z' });
  const of = caseFor(facts([...(await honestBut()), failed], { revocations: [{ claim: lost, index: 1 }] }), rules);
  assert.deepEqual(said(datasetDenials(of, lineageOf(of))), [
    'denial-unconfirmed 4: dana saw a check of a dataset fail; nothing shows that this was before dana was lost',
  ]);
});

test('a step that was recomputed is evidence; where none is asked for, that is said', async () => {
  const rule = (words: string) => policy(`${PROD}\n    derivation: { ${words} }`);
  const predicate = buildDerivation({
    step: 'quantize',
    word: 'recomputed',
    parents: [{ name: 'acme/tuned', sha256: TUNED }],
    tensors: {},
    materials: [],
    tool: { name: 'weighmark', version: '1' },
  });
  const shown = await claim({ by: 'anna', type: PREDICATES.derivation, about: MODEL, predicate });
  const evidence = (under: Policy, ...more: readonly VerifiedClaim[]) =>
    honestBut().then((claims) =>
      decide(facts([...claims, ...more]), under)
        .checks.find(({ name }) => name === 'derivation')
        ?.evidence.map(({ what }) => what),
    );
  assert.deepEqual(await evidence(rule('quantize: recomputed'), shown), [
    '1 step recomputed as well as the policy asks',
  ]);
  assert.deepEqual(await evidence(rule('convert: recomputed'), shown), [
    'no step in the lineage is one that must be recomputed',
  ]);
  assert.deepEqual(await evidence(rule('quantize: recomputed')), [], 'refused');
});

test('weights by their bytes or by their name are a model’s; containers that data come in as well are not', async () => {
  const described = await claim({
    by: 'dana',
    type: PREDICATES.reference,
    about: MODEL,
    predicate: { attester: { id: 'dana' }, references: [] },
    at: '2026-11-01T08:00:00Z',
  });
  const answer = (path: string, format: string) =>
    findingsOf(
      decide(
        facts([described], { content: { formats: new Map([[path, format]]), declaredBases: [] } }),
        policy('\n  - name: prod'),
      ),
    ).map(({ code }) => code);
  assert.deepEqual(answer('rows.csv', 'csv'), []);
  for (const [path, format] of [
    ['rows.npy', 'npy'],
    ['rows.npz', 'npz'],
    ['rows.h5', 'hdf5'],
    ['rows.rds', 'r-data'],
  ] as const)
    assert.deepEqual(answer(path, format), [], path);
  for (const [path, format] of [
    ['rows.csv', 'gguf'],
    ['model.safetensors', 'unknown'],
    ['model.pt', 'csv'],
  ] as const)
    assert.notDeepEqual(answer(path, format), [], path);
});

test('an environment that comes after one that is not there lets nothing in', async () => {
  const under = policy('\n  - name: staging\n  - name: prod\n    after: staging');
  const [, prod] = under.environments;
  assert.ok(prod !== undefined);
  const of = caseOf(facts(await honestBut()), { ...under, environments: [prod] }, prod);
  assert.deepEqual(said(findingsOf(evaluate(of))), ['policy-invalid 2: there is no environment staging']);
});

test('why a claim is not there: nobody who may, with who could; a torn one; two things at once; how to make it', async () => {
  const absent = async (rule: string, ...more: readonly VerifiedClaim[]) => {
    const found = findingsOf(
      decide(
        facts([...(await honestBut({ evaluation: null, bom: null })), ...more]),
        policy(`\n  - name: prod\n    require: [${rule}]`),
      ),
    );
    return found
      .map(({ code, message, hint }) => `${code}: ${message}${hint === undefined ? '' : ` | ${hint}`}`)
      .join();
  };
  assert.match(await absent('bom'), /^claim-missing: it has no bom \| `weighmark seal PATH` makes one, by somebody/);
  assert.match(
    await absent('{ claim: evaluation, role: evaluator }'),
    new RegExp(
      `^claim-missing: it has no evaluation by a evaluator \\| .weighmark attest acme/enc@${ID} --type evaluation --result passed. makes one`,
    ),
  );
  assert.match(await absent('vulns'), /--type vulns` makes one/);
  const byBob = await evaluation('PASSED', '2026-11-19T12:00:00Z', 'bob');
  assert.match(
    await absent('evaluation', byBob),
    /^wrong-signer: its evaluation is signed by nobody who may say it of acme\/enc.*erin/,
  );
  assert.match(await absent('{ claim: evaluation, role: evaluator }', byBob), /^wrong-signer: .*erin/);
  const two = policy('\n  - name: prod\n    require: [{ claim: bom, role: trainer }]');
  const byErin = await claim({ by: 'erin', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  const [wrong] = findingsOf(decide(facts([...(await honestBut({ bom: null })), byErin]), two));
  assert.match(JSON.stringify(wrong), /anna/);
  assert.doesNotMatch(JSON.stringify(wrong), /dana/, 'a publisher may sign a BOM, and is not who is asked for');
});

test('an evaluation that was logged for the artifact and is about nothing that can be read leaves it open', async () => {
  const loose = (by: Name, result: string) =>
    claim({
      by,
      type: PREDICATES.evaluation,
      about: [{ name: 'acme/enc', digest: { sha256: MODEL }, annotations: { kind: 'root' } }],
      predicate: { result },
    });
  const decided = async (of: VerifiedClaim, revocations: readonly VerifiedClaim[] = []) => {
    const given = facts([...(await honestBut()), of], {
      revocations: revocations.map((each, index) => ({ claim: each, index })),
    });
    const entry = { ...logged(4, of, 'prod'), leaf: { ...logged(4, of, 'prod').leaf, kind: 'claim' as const } };
    return said(findingsOf(decide({ ...given, log: { ...given.log, claims: [entry] } }, policy('\n  - name: prod'))));
  };
  const failed = await loose('erin', 'FAILED');
  assert.deepEqual(await decided(failed), [
    'claim-malformed 4: erin evaluated something, not with a pass, and what cannot be read',
  ]);
  assert.deepEqual(await decided(await loose('erin', 'PASSED')), []);
  assert.deepEqual(await decided(await loose('bob', 'FAILED')), [], 'nobody of whom it is heard');
  const taken = await revoking('rita', { kind: 'claim', sha256: failed.bundle, pae: failed.pae });
  assert.deepEqual(await decided(failed, [taken]), []);
});

/** What the log holds and nobody here can judge. */
function unread(over: Partial<UnreadEntry> = {}): UnreadEntry {
  const bundle = hex('unread');
  return {
    entry: { index: 4, leaf: { v: 1, kind: 'claim', name: 'acme/enc', manifest: ID, bundle: `sha256:${bundle}` } },
    bundle,
    pae: hex('pae'),
    names: ['erin'],
    proven: true,
    statement: null,
    why: { code: 'claim-malformed', message: 'torn' },
    ...over,
  };
}

test('what cannot be read might say no, if it may be by somebody who could say so', async () => {
  const silence = (under: Policy | null, rest = '') =>
    under === null
      ? { ...silenceOf(caseFor(facts([]), policy(PROD))), policy: null, unasked: [] }
      : silenceOf(caseFor(facts([]), policy(PROD, rest)));
  const asked = (over: Partial<UnreadEntry> = {}, of = silence(policy(PROD))) =>
    said([unreadFinding(of, unread(over), 'it', 'claim-malformed')].flatMap((each) => each ?? []));
  const OPEN = ['claim-malformed 4: it is by erin and cannot be read: it might say no'];
  assert.deepEqual(asked(), OPEN);
  assert.deepEqual(asked({ proven: false }), [
    'signer-unverifiable 4: it says to be by erin, which cannot be proven here: it might say no',
  ]);
  assert.deepEqual(asked({ names: ['bob'] }), [], 'an approver says no to nothing');
  const large = { names: [], proven: false, why: { code: 'claims-limit', message: 'large' } } as const;
  const TOO_LARGE = ['claims-limit 4: it is too large to be read: it might say no'];
  assert.deepEqual(asked(large), TOO_LARGE, 'anybody may have signed it');
  assert.deepEqual(asked(large, silence(null)), TOO_LARGE);
  assert.deepEqual(asked({ names: ['bob'] }, silence(null)), [
    'claim-malformed 4: it is by bob and cannot be read: it might say no',
  ]);
  const leaf = (kind: 'revocation' | 'push' | 'promotion') => ({
    ...unread().entry,
    leaf: { ...unread().entry.leaf, kind },
  });
  assert.deepEqual(
    asked({ names: ['bob'], entry: leaf('revocation') }).length,
    1,
    'anybody takes back a claim of theirs',
  );
  assert.deepEqual(asked({ entry: leaf('push') }), []);
  assert.deepEqual(asked({ names: ['ci'], entry: leaf('promotion') }).length, 1);
  const former = `formerly: [{ name: bob, until: 2026-01-01, keys: [${people.mallory.line}] }]`;
  assert.deepEqual(asked({ names: ['bob'] }, silence(policy(PROD), former)).length, 1, 'formerly somebody');
  assert.deepEqual(asked({ ...large, entry: leaf('push') }), [], 'a push says no to nothing, of whatever size');
  assert.deepEqual(asked({ ...large, entry: leaf('push') }, silence(policy(PROD), former)).length, 1);
  const taken = await revoking('rita', { kind: 'claim', sha256: hex('unread'), pae: hex('pae') });
  const lifted = silenceOf(caseFor(facts([], { revocations: [{ claim: taken, index: 1 }] }), policy(PROD)));
  assert.deepEqual(asked({}, lifted), []);
});

test('what can be read and not proven is judged by what it says', async () => {
  const silence = silenceOf(caseFor(facts([]), policy(PROD)));
  const asked = async (made: Promise<VerifiedClaim>, names: readonly string[]) =>
    unreadFinding(
      silence,
      unread({ statement: (await made).statement, names, proven: false }),
      'it',
      'claim-malformed',
    ) !== null;
  assert.equal(await asked(evaluation('FAILED'), ['erin']), true);
  assert.equal(await asked(evaluation('PASSED'), ['erin']), false);
  assert.equal(await asked(evaluation('FAILED'), ['bob']), false);
  const vulns = claim({ by: 'erin', type: PREDICATES.vulns, about: MODEL, predicate: { scanner: {} } });
  assert.equal(await asked(vulns, ['erin']), false, 'no scan is asked for');
  assert.equal(await asked(revoking('bob', { kind: 'claim', sha256: hex('a'), pae: hex('b') }), ['bob']), true);
  assert.equal(await asked(revoking('bob', { kind: 'artifact', sha256: MODEL }), ['bob']), false, 'bob is no revoker');
  assert.equal(await asked(revoking('bob', { kind: 'artifact', sha256: MODEL }), ['rita']), true);
  assert.equal(await asked(revoking('bob', { kind: 'planet' }), ['bob']), false);
});

test('silences: what is absent, and what is unread but for promotions, which are asked of where they decide', () => {
  const silence = silenceOf(caseFor(facts([]), policy(PROD)));
  const entry = { index: 4, leaf: unread().entry.leaf };
  const promoted = { ...entry, leaf: { ...entry.leaf, kind: 'promotion' as const } };
  assert.deepEqual(
    said(
      silences(
        {
          absent: [entry],
          unread: [
            unread(),
            unread({ names: ['ci'], entry: promoted }),
            unread({ names: ['rita'], entry: { ...entry, index: null } }),
          ],
        },
        silence,
      ),
    ),
    [
      'claim-missing 1: log entry 4 is a claim that the registry no longer holds',
      'claim-malformed 4: log entry 4 is by erin and cannot be read: it might say no',
      'claim-malformed 4: a claim that lies with it, and is not logged, is by rita and cannot be read: it might say no',
    ],
  );
  assert.deepEqual(silences({}, silence), []);
});
