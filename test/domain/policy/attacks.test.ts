import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import {
  BASE,
  D0,
  ID,
  MODEL,
  PROD,
  TUNED,
  approval,
  bomOf,
  built,
  claim,
  codes,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  manifest,
  policy,
  step,
} from './world.ts';

const prod = policy(PROD);
type Claims = Awaited<ReturnType<typeof honest>>;

/** The honest claims with some replaced, or left out (null). */
function tampered(
  claims: Claims,
  changes: Partial<Record<keyof Claims, VerifiedClaim | null>>,
): readonly VerifiedClaim[] {
  return Object.entries({ ...claims, ...changes }).flatMap(([, each]) => each ?? []);
}

test('the honest artifact passes, with evidence for every rule', async () => {
  const result = decide(facts(Object.values(await honest())), prod);
  assert.deepEqual(findingsOf(result), []);
  assert.deepEqual(
    result.checks.map(({ name }) => name),
    ['policy', 'revocation', 'lineage', 'claim bom', 'claim evaluation', 'approvals', 'licences'],
  );
  assert.equal(result.lineage.nodes.size, 3);
  assert.equal(result.used.length, 9);
});

test('1 missing link: nobody says how the base was made', async () => {
  const result = decide(facts(tampered(await honest(), { base: null })), prod);
  assert.deepEqual(codes(result), ['lineage-missing']);
  assert.equal(findingsOf(result)[0]?.subject, `sha256:${BASE}`);
});

test('2 unattested dataset', async () => {
  const result = decide(facts(tampered(await honest(), { d1: null })), prod);
  assert.deepEqual(codes(result), ['lineage-unattested']);
});

test('3 digest swapped: the step names another dataset than the attested one', async () => {
  const tuned = await step(
    'fine-tune',
    TUNED,
    [
      { role: 'base-model', of: 'base' },
      { role: 'dataset', of: 'd1', digest: { sha256: hex('poison') } },
    ],
    '2026-11-02T10:00:00Z',
  );
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { tuned })), prod)), ['lineage-unattested']);
});

test('4 wrong signer for the stage: the evaluator signs the training', async () => {
  const base = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', 'erin');
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base })), prod)), ['wrong-signer']);
});

test('5 cycle: the base claims to come from the model', async () => {
  const base = await step('quantize', BASE, [{ role: 'base-model', of: 'model' }], '2026-11-01T10:00:00Z');
  const model = await claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: MODEL,
    predicate: built('quantize', [{ role: 'base-model', of: 'tuned' }]),
  });
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base, model })), prod)), ['lineage-cycle']);
});

test('6 stale evaluation, by verified time', async () => {
  const old = await evaluation('PASSED', '2026-09-01T00:00:00Z');
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { evaluation: old })), prod)), ['claim-stale']);
});

test('7 one of two approvals', async () => {
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { carol: null })), prod)), ['approval-missing']);
});

test('8 the same person twice', async () => {
  const again = await approval('bob', 'prod', MODEL, '2026-11-19T14:00:00Z');
  assert.deepEqual(codes(decide(facts([...tampered(await honest(), { carol: null }), again]), prod)), [
    'approver-duplicate',
  ]);
});

test('9 revoked ancestor', async () => {
  const predicate = { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: D0 }, reason: 'poisoned rows' };
  const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: D0, predicate });
  const result = decide(facts(Object.values(await honest()), { revocations: [{ claim: revocation, index: 7 }] }), prod);
  assert.deepEqual(codes(result), ['revoked']);
  assert.match(findingsOf(result)[0]?.message ?? '', /poisoned rows/);
});

test('10 a step began before its input existed', async () => {
  const base = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-02T12:00:00Z');
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base })), prod)), ['time-order']);
});

test('11 tampered payload: the signature no longer fits', async () => {
  const { verifyClaim } = await import('../../../src/domain/trust/verify-claim.ts');
  const { bundleOf } = await import('../../../src/adapters/keys/bundle.ts');
  const { buildStatement } = await import('../../../src/domain/claims/statement.ts');
  const { preAuthEncoding } = await import('../../../src/domain/claims/dsse.ts');
  const { sign } = await import('node:crypto');
  const { people, NOW } = await import('./world.ts');
  const { omsHint } = await import('../../../src/domain/pki/keys.ts');
  const signed = buildStatement([manifest(MODEL)], PREDICATES.evaluation, { result: 'FAILED' });
  const shown = buildStatement([manifest(MODEL)], PREDICATES.evaluation, { result: 'PASSED' });
  const signature = sign('sha256', preAuthEncoding(signed), people.erin.key);
  const bundle = bundleOf({ key: { hint: omsHint(people.erin.pem) }, payload: shown, signature });
  const outcome = await verifyClaim(bundle, {
    trust: [{ name: 'erin', anchor: { kind: 'key', pem: people.erin.pem } }],
    keyless: null,
    now: NOW,
  });
  assert.equal(outcome.trusted, false);
  assert.equal(outcome.trusted ? '' : outcome.refusal.code, 'signature-invalid');
});

test('12 unpinned dependency: a dataset by name and commit only', async () => {
  const base = await step(
    'train',
    BASE,
    [{ role: 'dataset', of: 'd0', digest: { gitCommit: 'b'.repeat(40) } }],
    '2026-11-01T10:00:00Z',
  );
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base })), prod)), ['dependency-unpinned']);
  const short = await step(
    'train',
    BASE,
    [{ role: 'dataset', of: 'd0', digest: { sha256: D0.slice(0, 40) } }],
    '2026-11-01T10:00:00Z',
  );
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base: short })), prod)), ['dependency-unpinned']);
  const upper = await step(
    'train',
    BASE,
    [{ role: 'dataset', of: 'd0', digest: { sha256: D0.toUpperCase() } }],
    '2026-11-01T10:00:00Z',
  );
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { base: upper })), prod)), ['dependency-unpinned']);
});

test('13 digests of one thing that disagree', async () => {
  const tuned = await step(
    'fine-tune',
    TUNED,
    [
      { role: 'base-model', of: 'base', digest: { sha256: BASE, blake3: hex('one') } },
      { role: 'dataset', of: 'd1' },
    ],
    '2026-11-02T10:00:00Z',
  );
  const model = await step(
    'merge',
    MODEL,
    [
      { role: 'base-model', of: 'tuned' },
      { role: 'base-model', of: 'base', digest: { sha256: BASE, blake3: hex('other') } },
    ],
    '2026-11-03T10:00:00Z',
  );
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { tuned, model })), prod)), ['digest-conflict']);
});

test('13 a step gives a dataset another BLAKE3 than who describes it; one that agrees, or none, is fine', async () => {
  const described = (blake3: string): Promise<VerifiedClaim> =>
    claim({
      by: 'dana',
      type: PREDICATES.reference,
      about: [{ ...manifest(D0, 'acme/data'), digest: { sha256: D0, blake3 } }],
      predicate: { attester: { id: 'dana' }, references: [] },
      at: '2026-11-01T08:00:00Z',
    });
  const base = (digest?: Record<string, string>): Promise<VerifiedClaim> =>
    step(
      'train',
      BASE,
      [{ role: 'dataset', of: 'd0', ...(digest === undefined ? {} : { digest }) }],
      '2026-11-01T10:00:00Z',
    );
  const said = async (digest?: Record<string, string>) =>
    codes(decide(facts(tampered(await honest(), { d0: await described(hex('one')), base: await base(digest) })), prod));
  assert.deepEqual(await said(), []);
  assert.deepEqual(await said({ sha256: D0, blake3: hex('one') }), []);
  assert.deepEqual(await said({ sha256: D0, blake3: hex('other') }), ['digest-conflict']);
});

test('an approver who trained it does not count as independent', async () => {
  const own = await approval('anna');
  assert.deepEqual(codes(decide(facts([...tampered(await honest(), { carol: null }), own]), prod)), [
    'separation-of-duties',
  ]);
});

test('a claim about two artifacts binds neither', async () => {
  const both = await claim({
    by: 'erin',
    type: PREDICATES.evaluation,
    about: [manifest(MODEL), manifest(hex('other'))],
    predicate: { result: 'PASSED' },
    at: '2026-11-19T12:00:00Z',
  });
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { evaluation: both })), prod)), ['subject-ambiguous']);
});

test('a root digest or a file alone binds nothing', async () => {
  for (const kind of ['root', 'list', 'bom']) {
    const about = [{ name: 'acme/enc', digest: { sha256: MODEL }, annotations: { kind } }];
    const other = await claim({
      by: 'erin',
      type: PREDICATES.evaluation,
      about,
      predicate: { result: 'PASSED' },
      at: '2026-11-19T12:00:00Z',
    });
    assert.deepEqual(
      codes(decide(facts(tampered(await honest(), { evaluation: other })), prod)),
      ['claim-missing'],
      kind,
    );
  }
});

test('a failed evaluation blocks, though a passed one is there too', async () => {
  const failed = await evaluation('FAILED');
  assert.deepEqual(codes(decide(facts([...Object.values(await honest()), failed]), prod)), ['claim-negative']);
});

test('its own signer takes a failed evaluation back by bundle digest; nobody else of the role-less can', async () => {
  const failed = await evaluation('FAILED');
  const claims = [...Object.values(await honest()), failed];
  const about = [{ name: 'acme/enc', digest: { sha256: failed.bundle }, annotations: { kind: 'manifest' } }];
  const predicate = {
    version: 1,
    action: 'revoke',
    target: { kind: 'claim', sha256: failed.bundle, pae: failed.pae },
    reason: 'wrong test set',
  };
  const byErin = await claim({ by: 'erin', type: PREDICATES.revocation, about, predicate });
  const byAnna = await claim({ by: 'anna', type: PREDICATES.revocation, about, predicate });
  assert.deepEqual(codes(decide(facts(claims, { revocations: [{ claim: byErin, index: 9 }] }), prod)), []);
  assert.deepEqual(codes(decide(facts(claims, { revocations: [{ claim: byAnna, index: 9 }] }), prod)), [
    'claim-negative',
  ]);
});

test('trusted signers who disagree about the origin', async () => {
  const other = await step('quantize', MODEL, [{ role: 'base-model', of: 'base' }], '2026-11-03T10:00:00Z');
  assert.deepEqual(codes(decide(facts([...Object.values(await honest()), other]), prod)), ['claim-conflict']);
});

test('one signer who says two things about the origin is named, with the way to take back either', async () => {
  const claims = await honest();
  const other = await step('quantize', MODEL, [{ role: 'base-model', of: 'base' }], '2026-11-03T10:00:00Z');
  for (const given of [
    [...Object.values(claims), other],
    [other, ...Object.values(claims)],
  ]) {
    const [found] = findingsOf(decide(facts(given), prod)).filter(({ code }) => code === 'claim-conflict');
    assert.equal(found?.message, 'anna says different things about how it was made');
    const both = [claims.model, other].map(({ bundle }) => `sha256:${bundle}`).toSorted();
    assert.deepEqual(found.facts, { 'by anna': both[0], 'by anna (2)': both[1] });
    for (const bundle of both)
      assert.ok(found.hint?.includes(`weighmark revoke sha256:${MODEL} --claim ${bundle} --reason TEXT`), found.hint);
  }
});

test('a licence the policy does not allow', async () => {
  const bom = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: MODEL,
    predicate: bomOf('AGPL-3.0-only'),
    at: '2026-11-03T11:00:00Z',
  });
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { bom })), prod)), ['licence-refused']);
});

test('a step that declares less than such a step needs', async () => {
  const tuned = await step('fine-tune', TUNED, [{ role: 'base-model', of: 'base' }], '2026-11-02T10:00:00Z');
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { tuned })), prod)), ['undeclared-input']);
});

test('a base that the adapter configuration names and the provenance does not', async () => {
  const content = { formats: new Map(), declaredBases: [{ name: 'Qwen/Qwen2.5-0.5B', where: 'adapter_config.json' }] };
  assert.deepEqual(codes(decide(facts(Object.values(await honest()), { content }), prod)), ['undeclared-input']);
});

test('age needs a verified time: what a claim says of itself is not one', async () => {
  const undated = { ...(await evaluation('PASSED')), times: [] };
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { evaluation: undated })), prod)), ['no-verified-time']);
  const selfMade: VerifiedClaim = {
    ...undated,
    times: [{ time: '2026-11-19T12:00:00Z', source: 'log', authority: 'own log' }],
  };
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { evaluation: selfMade })), prod)), [
    'no-verified-time',
  ]);
});

test('an old approval for another environment, or another id, does not count', async () => {
  const staging = await approval('carol', 'staging');
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { carol: staging })), prod)), ['approval-missing']);
  const elsewhere = await approval('carol', 'prod', hex('older'));
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { carol: elsewhere })), prod)), ['approval-missing']);
});

test('an expired policy refuses everything', async () => {
  const late = facts(Object.values(await honest()), { now: new Date('2030-01-02T00:00:00Z') });
  assert.ok(codes(decide(late, prod)).includes('policy-refused'));
});

test('a trusted leaf needs no claims, for its role and until its day', async () => {
  const claims = tampered(await honest(), { d1: null });
  const leaf = (role: string, expires: string): string =>
    `leaves: [{ sha256: ${hex('d1')}, role: ${role}, reason: public data, expires: ${expires} }]`;
  assert.deepEqual(codes(decide(facts(claims), policy(PROD, leaf('dataset', '2027-01-01')))), []);
  assert.deepEqual(codes(decide(facts(claims), policy(PROD, leaf('dataset', '2026-11-01')))), ['lineage-unattested']);
  assert.deepEqual(codes(decide(facts(claims), policy(PROD, leaf('base-model', '2027-01-01')))), [
    'lineage-unattested',
  ]);
});

test('an exception sets aside one finding for one artifact until its day', async () => {
  const claims = tampered(await honest(), { d1: null });
  const exception = (expires: string): string =>
    `exceptions: [{ code: lineage-unattested, id: "sha256:${hex('d1')}", environment: prod, reason: accepted risk, expires: ${expires} }]`;
  const excused = decide(facts(claims), policy(PROD, exception('2027-01-01')));
  assert.deepEqual(codes(excused), []);
  assert.ok(
    excused.checks.some((check) => check.passed && check.evidence.some(({ what }) => what.includes('accepted risk'))),
  );
  assert.deepEqual(codes(decide(facts(claims), policy(PROD, exception('2026-11-01')))), ['lineage-unattested']);
});

test('the id is what findings are about', async () => {
  const result = decide(facts(tampered(await honest(), { carol: null })), prod);
  assert.equal(findingsOf(result)[0]?.subject, ID);
});

test('an approval for another name does not count, though the bytes are the same', async () => {
  const { properties, verifier, timeCreated } = (await approval('carol')).statement.predicate;
  const elsewhere = await claim({
    by: 'carol',
    type: PREDICATES.approval,
    about: MODEL,
    name: 'acme/other:1',
    predicate: { verifier, timeCreated, properties },
  });
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { carol: elsewhere })), prod)), ['approval-missing']);
  const tagged = await claim({
    by: 'carol',
    type: PREDICATES.approval,
    about: MODEL,
    name: 'acme/enc:1.4',
    predicate: { verifier, timeCreated, properties },
  });
  assert.deepEqual(codes(decide(facts(tampered(await honest(), { carol: tagged })), prod)), []);
});
