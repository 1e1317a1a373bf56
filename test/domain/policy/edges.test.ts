import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { approvalProperty } from '../../../src/domain/authority/vsa.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import type { GateFacts } from '../../../src/domain/policy/facts.ts';
import { freshnessFindings } from '../../../src/domain/policy/freshness.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { checkPromoted } from '../../../src/domain/policy/promotions.ts';
import { suppressionOf } from '../../../src/domain/policy/suppressions.ts';
import { silenceOf } from '../../../src/domain/policy/unread.ts';
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
import {
  BASE,
  D0,
  MODEL,
  NOW,
  PROD,
  ROLES,
  TUNED,
  approval,
  caseFor,
  claim,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  honestBut,
  logged,
  policy,
  said,
  promotion,
  step,
  type Name,
} from './world.ts';

type Claims = Awaited<ReturnType<typeof honest>>;
const PLAIN = policy('\n  - name: prod');

test('an approval that names policies is of one of them: of this one in any version, or by its digest', async () => {
  const rules = policy('\n  - name: prod\n    approvals: 2');
  const given = async (policies: unknown) => {
    const carol = await claim({
      by: 'carol',
      type: PREDICATES.approval,
      about: MODEL,
      predicate: {
        verifier: { id: 'c', ...(policies === undefined ? {} : { policies }) },
        timeCreated: '2026-11-19T13:00:00Z',
        properties: [approvalProperty('prod')],
      },
    });
    return findingsOf(decide(facts(await honestBut({ carol })), rules)).length === 0;
  };
  const digest = (sha256: string) => ({ digest: { sha256 } });
  for (const policies of [
    [],
    [{ uri: 'weighmark:policy/acme@7' }],
    [{ uri: 'weighmark:policy/other@1' }, { uri: 'weighmark:policy/acme@1' }],
    [digest(rules.digest.slice(7))],
  ])
    assert.equal(await given(policies), true, JSON.stringify(policies));
  for (const policies of [
    undefined,
    'acme',
    [{ uri: 'weighmark:policy/other@1' }],
    [{ uri: 'weighmark:policy/acme2@1' }],
    [digest(hex('other'))],
    [{ digest: rules.digest }],
    [7],
  ])
    assert.equal(await given(policies), false, JSON.stringify(policies));
});

test('what was said of a package that differs in documentation alone carries over; approvals do not', async () => {
  const before = hex('before');
  const rules = policy('\n  - name: prod\n    require: [evaluation]\n    lineage: { required: false }');
  const passed = await claim({
    by: 'erin',
    type: PREDICATES.evaluation,
    about: before,
    predicate: { result: 'PASSED' },
  });
  assert.deepEqual(said(findingsOf(decide(facts([passed], { carriedFrom: [before] }), rules))), []);
  assert.match(said(findingsOf(decide(facts([passed]), rules))).join(), /^claim-missing/);
  const approved = policy('\n  - name: prod\n    approvals: 1\n    lineage: { required: false }');
  const bob = await approval('bob', 'prod', before);
  assert.match(said(findingsOf(decide(facts([bob], { carriedFrom: [before] }), approved))).join(), /^approval-missing/);
});

const revoking = (by: Name, target: object, name = 'acme/enc') =>
  claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    name,
    predicate: { version: 1, action: 'revoke', target, reason: 'so' },
  });

test('how many revocations there are is said, and whether one concerns this: what it was made of, or a claim of it', async () => {
  const words = async (target: object) => {
    const given = facts(await honestBut(), { revocations: [{ claim: await revoking('rita', target), index: 1 }] });
    const { checks } = decide(given, PLAIN);
    return checks.find(({ name }) => name === 'revocation')?.evidence.map(({ what }) => what);
  };
  const NONE = ['1 revocation known to the log, none concerns it'];
  const ONE = ['1 revocation known to the log, of which one at least concerns this'];
  assert.deepEqual(await words({ kind: 'artifact', sha256: hex('other') }), NONE);
  for (const sha256 of [MODEL, TUNED, BASE, D0])
    assert.deepEqual(await words({ kind: 'artifact', sha256 }), ONE, sha256);
  const { bom } = await honest();
  assert.deepEqual(await words({ kind: 'principal', name: 'bob', since: '2026-01-01T00:00:00Z' }), ONE);
  assert.deepEqual(await words({ kind: 'claim', sha256: hex('no'), pae: hex('such') }), NONE);
  assert.ok(bom.bundle.length === 64);
});

test('what a revoker said who was lost since is open, if it is about anything that this rests on', async () => {
  const lost = await revoking('rob', { kind: 'principal', name: 'rita', since: '2026-01-01T00:00:00Z' });
  const asked = async (target: object) => {
    const revocations = [lost, await revoking('rita', target)].map((each, index) => ({ claim: each, index }));
    return said(findingsOf(decide(facts(await honestBut(), { revocations }), PLAIN))).map((each) => each.slice(0, 40));
  };
  const OPEN = ['denial-unconfirmed 4: rita revoked artif'];
  for (const sha256 of [MODEL, D0]) assert.deepEqual(await asked({ kind: 'artifact', sha256 }), OPEN);
  assert.deepEqual(await asked({ kind: 'artifact', sha256: hex('other') }), []);
  assert.deepEqual(await asked({ kind: 'principal', name: 'anna', since: '2026-01-01T00:00:00Z' }), [
    'denial-unconfirmed 4: rita revoked princ',
  ]);
});

test('the lineage is evidence with each step and who signed it', async () => {
  const { checks } = decide(facts(await honestBut()), PLAIN);
  const [evidence] = checks.find(({ name }) => name === 'lineage')?.evidence ?? [];
  assert.equal(evidence?.what, 'lineage: 3 artifacts, 2 steps deep: quantize by anna');
  assert.deepEqual(evidence.data?.['steps'], [
    { id: `sha256:${MODEL}`, step: 'quantize', signedBy: 'anna' },
    { id: `sha256:${TUNED}`, step: 'fine-tune', signedBy: 'anna' },
    { id: `sha256:${BASE}`, step: 'train', signedBy: 'anna' },
  ]);
});

test('witnesses vouch for the entries that were read, by the root of just as many', () => {
  const entries = columnsOf([logged(0, { bundle: hex('b') } as VerifiedClaim, 'prod').leaf]);
  const person = (name: string, type: number) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    return { privateKey, vkey: formatVkey(name, type, rawPublicKey(publicKey)) };
  };
  const [log, witness] = [person('log.example', ED25519), person('w.example', COSIGNATURE_ED25519)];
  const seen = (root: string | null, size = 1, at = NOW) => {
    const text = `log.example\n${size}\n${Buffer.from(root ?? '', 'hex').toString('base64')}\n`;
    const [logKey, key] = [parseVkey(log.vkey), parseVkey(witness.vkey)];
    const seconds = Math.floor(at.getTime() / 1000);
    const stamp = Buffer.alloc(8);
    stamp.writeBigUInt64BE(BigInt(seconds));
    const cosigned = sign(null, cosignedMessage(text, key, seconds) ?? Buffer.of(), witness.privateKey);
    const checkpoint = formatNote({
      text,
      signatures: [
        { name: logKey.name, id: logKey.id, signature: sign(null, Buffer.from(text), log.privateKey) },
        { name: key.name, id: key.id, signature: Buffer.concat([stamp, cosigned]) },
      ],
    });
    const rule = { key: log.vkey, maxAgeMs: 3_600_000, witnesses: { keys: [witness.vkey], quorum: 1 } };
    const question = { checkpoint, entries, vkeys: [log.vkey], anchored: true, pinned: true, rule, now: NOW };
    return freshnessFindings(question).map(({ message }) => message);
  };
  const OTHERS = ['the entries that were read are not those of the checkpoint that witnesses saw'];
  assert.deepEqual(seen(entries.rootAt(1)), []);
  assert.deepEqual(seen(hex('other')), OTHERS);
  assert.deepEqual(seen(entries.rootAt(1), 2), OTHERS);
  assert.deepEqual(seen(entries.rootAt(1), 1, new Date(NOW.getTime() - 3_600_000)), []);
  assert.match(
    seen(entries.rootAt(1), 1, new Date(NOW.getTime() - 3_601_000)).join(),
    /^witnesses saw the log 1 h ago/,
  );
  assert.match(seen(entries.rootAt(1), 1, new Date(NOW.getTime() + 61_000)).join(), /this clock is behind/);
  assert.deepEqual(seen(entries.rootAt(1), 1, new Date(NOW.getTime() + 60_000)), []);
});

const advice = (under: Policy) => lintPolicy(under, NOW, { timestampAuthorities: ['a TSA'] });

test('lint: revokers that there are not, or too few, and a snapshot that nobody could sign', () => {
  const told = (under: Policy, place: string) =>
    advice(under)
      .filter((each) => each.place === place)
      .map(({ message }) => message);
  const none = ROLES.replace(/\n {2}revoker: .*/, '');
  assert.ok(told(policy(PROD, '', none), 'roles').includes('nobody may revoke: the role revoker is missing'));
  assert.deepEqual(told(policy(PROD), 'roles'), []);
  const required = '\n  - name: prod\n    revocations: { required: true }';
  const PLACE = 'environments.prod.revocations.required';
  assert.deepEqual(told(policy(required, '', none), PLACE), [
    'asks for a snapshot of the revocations, and nobody is a revoker',
  ]);
  assert.deepEqual(told(policy(required), PLACE), []);
  assert.deepEqual(
    told(policy('\n  - name: prod\n    revocations: { required: false, reinstate: 2 }', '', none), PLACE),
    [],
  );
  const few = (principals: string, reinstate: number) =>
    told(
      policy(
        `\n  - name: prod\n    revocations: { reinstate: ${reinstate} }`,
        '',
        ROLES.replace('[rita, rob]', principals),
      ),
      'roles.revoker',
    ).map((each) => each.slice(0, 52));
  assert.deepEqual(few('[rita]', 2), ['`revoke --undo` takes 2 revokers, and there is 1: se']);
  assert.deepEqual(few('[rita, rob]', 3), ['`revoke --undo` takes 3 revokers, and there are 2: s']);
  assert.deepEqual(few('[rita, rob]', 2), []);
});

test('lint: what the last environment leaves open', () => {
  const told = (rules: string) =>
    advice(policy(`\n  - name: prod\n${rules}`))
      .filter(({ place }) => place === 'environments.prod')
      .map(({ message }) => message.slice(0, 40));
  assert.deepEqual(told(''), [
    'nobody approves what enters the last env',
    'a promotion never expires: set maxAge (i',
    'old news of revocations will do: set rev',
    'requires no claim',
  ]);
  assert.deepEqual(
    told(
      '    require: [bom]\n    approvals: 1\n    maxAge: 90d\n    revocations: { required: true }\n    lineage: { required: false }',
    ),
    ['asks for no lineage'],
  );
});

test('a policy means what it demands, not which text of it this is, nor until when', () => {
  const text = (over: readonly (readonly [string, string])[] = []) =>
    over.reduce(
      (words, [from, to]) => words.replace(from, to),
      Buffer.from(policy(PROD).bytes ?? Buffer.of()).toString(),
    );
  const meaning = (...over: readonly (readonly [string, string])[]) => parsePolicy(Buffer.from(text(over))).meaning;
  assert.equal(meaning(['version: 1', 'version: 2'], ['2030-01-01', '2031-01-01']), meaning());
  assert.equal(meaning(['format:', '# reviewed\nformat:']), meaning());
  assert.notEqual(meaning(['approvals: 2', 'approvals: 1']), meaning());
  assert.notEqual(meaning(['name: acme', 'name: other']), meaning());
});

test('a file of suppressions alone is one where that is asked; whatever decides is read as a policy', () => {
  const alone = `format: weighmark-policy/1\nsuppressions: [{ rule: WM-PICKLE-001, path: a, reason: why, expires: 2027-01-01 }]\n`;
  const read = (text: string, suppressionsAlone = true) => parsePolicy(Buffer.from(text), 's', { suppressionsAlone });
  assert.equal(read(alone).suppressions.length, 1);
  assert.deepEqual(read(alone).environments, []);
  assert.throws(() => read(alone, false), { code: 'policy-invalid' });
  const begun = 'format: weighmark-policy/1\nname: p\n';
  assert.throws(
    () => read(begun),
    { code: 'policy-invalid', message: /version is missing/ },
    'a policy, as yet without its rules',
  );
  for (const decides of ['environments: []', 'roles: {}', 'principals: {}'])
    assert.throws(() => read(`${alone}${decides}\n`), { code: 'policy-invalid', message: /missing/ }, decides);
  assert.equal(read(Buffer.from(policy(PROD).bytes ?? Buffer.of()).toString()).environments.length, 1);
});

test('a promotion wrapped anew is the same act, at its first place, by the copy that is in order', async () => {
  const one = await promotion(PLAIN);
  const lapsed: VerifiedClaim = {
    ...one,
    bundle: hex('wrapped anew'),
    onlyNo: { code: 'no-verified-time', message: 'm' },
  };
  const plain = facts([lapsed, one]);
  const entries = [logged(3, lapsed, 'prod'), logged(5, one, 'prod')];
  const of = caseFor({ ...plain, log: { ...plain.log, promotions: entries } }, PLAIN);
  assert.match(
    checkPromoted(of, of.environment, { lasting: false }).evidence[0]?.what ?? '',
    /^promoted to prod by ci, log entry 3/,
  );
});

test('a no that was logged for this and cannot be bound is open, if its role is asked here and it may mean this', async () => {
  const asked = async (of: VerifiedClaim, under: Policy) => {
    const given = facts([...(await honestBut()), of]);
    const entry = { ...logged(4, of, 'prod'), leaf: { ...logged(4, of, 'prod').leaf, kind: 'claim' as const } };
    return said(findingsOf(decide({ ...given, log: { ...given.log, claims: [entry] } }, under))).filter((each) =>
      each.includes('not with a pass'),
    );
  };
  const about = (kind: string, sha256: string) => [{ name: 'acme/enc', digest: { sha256 }, annotations: { kind } }];
  const scan = await claim({
    by: 'erin',
    type: PREDICATES.vulns,
    about: about('root', MODEL),
    predicate: { scanner: { result: [{ id: 'A' }] } },
  });
  const scans = (role: string) => policy(`\n  - name: prod\n    scan: { failOn: high, role: ${role} }`);
  assert.deepEqual(await asked(scan, scans('scanner')), [
    'claim-malformed 4: erin scanned something, not with a pass, and what cannot be read',
  ]);
  assert.deepEqual(await asked(scan, scans('evaluator')), [], 'nobody asks her for scans in that role');
  assert.deepEqual(await asked(scan, PLAIN), [], 'nobody asks for scans');
  const failed = (kind: string, sha256: string) =>
    claim({ by: 'erin', type: PREDICATES.evaluation, about: about(kind, sha256), predicate: { result: 'FAILED' } });
  assert.equal((await asked(await failed('root', MODEL), PLAIN)).length, 1);
  assert.equal((await asked(await failed('file', MODEL), PLAIN)).length, 1, 'this, as something else');
  assert.deepEqual(await asked(await failed('manifest', hex('other')), PLAIN), [], 'it is about another');
});

test('a claim whose signer’s certificate was over is why there is none', async () => {
  const rules = policy('\n  - name: prod\n    require: [evaluation]');
  const lapsed: VerifiedClaim = {
    ...(await evaluation('PASSED')),
    onlyNo: { code: 'certificate-expired', message: 'it was over' },
  };
  assert.deepEqual(said(findingsOf(decide(facts(await honestBut({ evaluation: lapsed })), rules))), [
    'certificate-expired 1: its evaluation is by erin and does not count: it was over',
  ]);
  const stranger = { ...(await evaluation('PASSED', undefined, 'mallory')), onlyNo: lapsed.onlyNo };
  assert.match(
    said(findingsOf(decide(facts(await honestBut({ evaluation: stranger as VerifiedClaim })), rules))).join(),
    /^wrong-signer/,
  );
});

test('a suppression is over at its very end', () => {
  const expires = '2026-11-20T12:00:00Z';
  const state = (now: number) =>
    suppressionOf([{ rule: 'R', reason: 'r', expires }], { rule: 'R' }, { name: null, now: new Date(now) })?.state;
  assert.deepEqual([state(Date.parse(expires) - 1), state(Date.parse(expires))], ['active', 'expired']);
});

test('what an environment does not ask about is asked of nobody who cannot be read', () => {
  const unasked = (rules: string) => silenceOf(caseFor(facts([]), policy(`\n  - name: prod\n${rules}`))).unasked;
  const [scans, removed, checks] = [
    [PREDICATES.vulns, PREDICATES.scai],
    [PREDICATES['removed-records']],
    [PREDICATES['records-check']],
  ];
  assert.deepEqual([...unasked('')].toSorted(), [...scans, ...removed, ...checks].toSorted());
  assert.deepEqual([...unasked('    removedRecords: refuse')].toSorted(), [...scans, ...checks].toSorted());
  assert.deepEqual([...unasked('    scan: { failOn: high }')].toSorted(), [...removed, ...checks].toSorted());
  assert.deepEqual(
    [...unasked('    datasets: { require: [reference] }')].toSorted(),
    [...scans, ...removed].toSorted(),
  );
});

test('an input that is not as it should be is named, with why: without a digest, by a leaf that is over, about two things', async () => {
  const base = (of: string, digest?: Record<string, string>) =>
    step('train', BASE, [{ role: 'dataset', of, ...(digest === undefined ? {} : { digest }) }], '2026-11-01T10:00:00Z');
  const why = async (
    over: Partial<Record<keyof Claims, VerifiedClaim | null>>,
    under = PLAIN,
    more: Partial<GateFacts> = {},
  ) => said(findingsOf(decide(facts(await honestBut(over), more), under))).join();
  assert.match(
    await why({ base: await base('', { gitCommit: 'a' }) }),
    /the input \(unnamed\) of train has no SHA-256/,
  );
  assert.match(await why({ base: await base('d0', { gitCommit: 'a' }) }), /the input d0 of train has no SHA-256/);
  const gone = { revocations: [{ claim: await revoking('rita', { kind: 'artifact', sha256: D0 }), index: 1 }] };
  assert.match(await why({}, PLAIN, gone), /revoked 1: the input d0 was revoked by rita: so/);
  assert.match(
    await why({ base: await base('', { sha256: D0 }) }, PLAIN, gone),
    /revoked 1: an input was revoked by rita: so/,
  );
  const leaf = (sha256: string) =>
    policy('\n  - name: prod', `leaves: [{ sha256: ${sha256}, role: dataset, reason: public, expires: 2026-11-01 }]`);
  const OVER = 'lineage-unattested 1: nobody attests it, and the policy trusted it only until its exception ended';
  const NOBODY = 'lineage-unattested 1: nobody the policy names attests this input';
  assert.equal(await why({ d0: null }, leaf(D0)), OVER);
  assert.equal(await why({ d0: null }, leaf(hex('other'))), NOBODY);
  assert.equal(await why({ d0: null }), NOBODY);
  const torn = await claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: BASE,
    predicate: { buildDefinition: { buildType: 'https://weighmark.dev/x' } },
  });
  assert.notEqual(await why({ base: torn }), '');
  const both = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: [
      { name: 'a', digest: { sha256: hex('alias') }, annotations: { kind: 'file' } },
      { name: 'b', digest: { sha256: hex('another') }, annotations: { kind: 'file' } },
    ],
    predicate: {},
  });
  const alone = facts([both], { aliases: [hex('alias')] });
  assert.match(
    said(findingsOf(decide(alone, PLAIN))).join(),
    /^subject-ambiguous 1: a claim is about it and something else at once/,
  );
  assert.match(said(findingsOf(decide(facts([both]), PLAIN))).join(), /^lineage-missing/);
});

test('a model stands as a leaf in a model’s role, base or adapter, and in no other', () => {
  const answer = (role: string) => {
    const under = policy(
      '\n  - name: prod',
      `leaves: [{ sha256: ${MODEL}, role: ${role}, reason: public, expires: 2027-01-01 }]`,
    );
    return findingsOf(decide(facts([]), under)).map(({ code }) => code);
  };
  assert.deepEqual([answer('base-model'), answer('adapter'), answer('tokenizer')], [[], [], ['lineage-missing']]);
});

test('two accounts of a step that differ in the commit of their code are two', async () => {
  const made = (commit: string, by: Name = 'anna') =>
    step(
      'train',
      BASE,
      [
        { role: 'dataset', of: 'd0' },
        { role: 'code', of: 'git', digest: { gitCommit: commit.repeat(40) } },
      ],
      '2026-11-01T10:00:00Z',
      by,
    );
  const codes = async (...steps: readonly VerifiedClaim[]) =>
    findingsOf(decide(facts([...(await honestBut({ base: null })), ...steps]), PLAIN)).map(({ code }) => code);
  assert.deepEqual(await codes(await made('a')), []);
  assert.deepEqual(await codes(await made('a'), await made('b')), ['claim-conflict']);
  const other = await step('train', BASE, [{ role: 'dataset', of: 'd1' }], '2026-11-01T10:00:00Z');
  const same = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z');
  assert.deepEqual(await codes(same, other), ['claim-conflict']);
});

test('the age of a step is counted to the moment, and times are told as RFC 3339 has them', async () => {
  const rules = policy('\n  - name: prod\n    lineage: { maxAge: 19d }');
  const at = async (now: string) => said(findingsOf(decide(facts(await honestBut(), { now: new Date(now) }), rules)));
  assert.deepEqual(await at('2026-11-20T10:00:00Z'), []);
  assert.deepEqual(await at('2026-11-20T10:00:00.001Z'), [
    'claim-stale 1: its provenance is 19 days old; 19 days are allowed',
  ]);
  const late = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-02T12:00:00Z');
  const [found] = findingsOf(decide(facts(await honestBut({ base: late })), PLAIN));
  assert.deepEqual(
    [found?.facts?.['began'], found?.facts?.['input existed']],
    ['2026-11-02T09:30:00.000Z', '2026-11-02T12:00:00.000Z'],
  );
});
