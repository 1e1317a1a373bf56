import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { scanDenials } from '../../../src/domain/policy/content-rules.ts';
import { MODEL, caseFor, claim, decide, facts, honest, policy, type Name } from './world.ts';

const RULES = policy('\n  - name: prod\n    scan: { failOn: high }');
const AT = '2026-11-19T11:00:00Z';

const vulns = (result: unknown, by: Name = 'erin', at: string | undefined = AT) =>
  claim({ by, type: PREDICATES.vulns, about: MODEL, predicate: { scanner: { result } }, at });
const scai = (attributes: unknown) =>
  claim({ by: 'erin', type: PREDICATES.scai, about: MODEL, predicate: { attributes }, at: AT });
const found = (id: string, ...scores: readonly unknown[]) => ({ id, severity: scores.map((score) => ({ score })) });

/** What the scans say, a finding or a piece of evidence each. */
async function said(...scans: readonly VerifiedClaim[]): Promise<readonly string[]> {
  const { checks } = decide(facts([...Object.values(await honest()), ...scans]), RULES);
  const [check] = checks.filter(({ name }) => name === 'scan');
  const findings = findingsOf({ checks }).map(({ message }) => message);
  return findings.length > 0 ? findings : (check?.evidence ?? []).map(({ what }) => what);
}

const CLEAN = ['scanned by erin: nothing high or worse'];

test('a scan is wanted; one that found nothing is evidence, by its scanner and severity', async () => {
  assert.deepEqual(await said(), ['it has no scan by a scanner']);
  assert.deepEqual(await said(await vulns([], 'anna')), ['it has no scan by a scanner']);
  assert.deepEqual(await said(await vulns([])), CLEAN);
  assert.deepEqual(await said(await scai([{ attribute: 'WEIGHMARK_SCANNED' }])), CLEAN);
});

test('words and CVSS scores: at the severity the policy fails on and above, and nothing below it', async () => {
  for (const score of ['high', 'CRITICAL', 'Critical', 9, 9.8, '7.0', '10', 7])
    assert.equal((await said(await vulns([found('A', score)]))).length, 1, String(score));
  for (const score of ['medium', 'LOW', 6.9, '4.0', 0, '0'])
    assert.deepEqual(await said(await vulns([found('A', score)])), CLEAN, String(score));
  const severity = async (score: unknown) =>
    /\((\w+)\)/.exec((await said(await vulns([found('A', score)]))).join())?.[1];
  assert.deepEqual(await Promise.all([9, 8.9, 7, '8.9', '9.0'].map(severity)), [
    'critical',
    'high',
    'high',
    'high',
    'critical',
  ]);
  const low = policy('\n  - name: prod\n    scan: { failOn: low }');
  const words = async (score: unknown) =>
    findingsOf(decide(facts([...Object.values(await honest()), await vulns([found('A', score)])]), low))[0]?.message;
  assert.equal(await words(4), 'erin found A (medium)');
  assert.equal(await words('3.9'), 'erin found A (low)');
});

test('the worst of several scores counts; info and none are harmless only where nothing else is said', async () => {
  assert.deepEqual(await said(await vulns([found('A', 'low', 'high')])), ['erin found A (high)']);
  assert.deepEqual(await said(await vulns([found('A', 'info'), found('B', 'none', 'info')])), CLEAN);
  assert.deepEqual(await said(await vulns([found('A', 'info', 'high')])), ['erin found A (critical)']);
});

test('what a scan says that nobody can read counts as the worst', async () => {
  for (const [result, message] of [
    [undefined, 'erin found a result that cannot be read (critical)'],
    ['none', 'erin found a result that cannot be read (critical)'],
    [[{ id: 'A' }], 'erin found A (critical)'],
    [[{ id: 7, severity: [] }], 'erin found (no id) (critical)'],
    [['A'], 'erin found (no id) (critical)'],
    [[{ id: 'A', severity: ['high'] }], 'erin found A (critical)'],
    [[found('A', 'dreadful')], 'erin found A (critical)'],
    [[found('A', '7.')], 'erin found A (critical)'],
    [[found('A', 'x7.1')], 'erin found A (critical)'],
  ] as const)
    assert.deepEqual(await said(await vulns(result)), [message], JSON.stringify(result));
  const none = await claim({ by: 'erin', type: PREDICATES.vulns, about: MODEL, predicate: { scanner: [] }, at: AT });
  assert.deepEqual(await said(none), ['erin found a result that cannot be read (critical)']);
  assert.deepEqual(await said(await scai('none')), ['erin found a result that cannot be read (critical)']);
  assert.deepEqual(await said(await scai([{}])), ['erin found (no attribute) (critical)']);
  assert.deepEqual(await said(await scai(['FOUND_LOW'])), ['erin found (no attribute) (critical)']);
});

test('attributes that name a finding say its severity by their prefix', async () => {
  assert.deepEqual(await said(await scai([{ attribute: 'FOUND_HIGH_pickle' }])), [
    'erin found FOUND_HIGH_pickle (high)',
  ]);
  assert.deepEqual(await said(await scai([{ attribute: 'weighmark_finding_critical' }])), [
    'erin found weighmark_finding_critical (critical)',
  ]);
  assert.deepEqual(await said(await scai([{ attribute: 'FOUND_MEDIUM' }, { attribute: 'NOT_FOUND_HIGH' }])), CLEAN);
});

test('a finding has its file, and is about the artifact, with the claim that says so', async () => {
  const scan = await vulns([{ ...found('A', 'high'), annotations: { path: 'a.pt' } }]);
  const [finding] = findingsOf(decide(facts([...Object.values(await honest()), scan]), RULES));
  assert.equal(finding?.message, 'erin found A (high) in a.pt');
  assert.deepEqual([finding.code, finding.subject], ['scan-finding', `sha256:${MODEL}`]);
  assert.deepEqual(finding.facts, { claim: `sha256:${scan.bundle}` });
  const odd = await vulns([{ ...found('A', 'high'), annotations: { path: 7 } }]);
  assert.deepEqual(await said(odd), ['erin found A (high)']);
});

test('of very many findings twenty are said', async () => {
  const scan = await vulns(Array.from({ length: 25 }, (_, at) => found(`A${at}`, 'high')));
  assert.equal((await said(scan)).length, 20);
});

test('a bad scan blocks beside a good one, and where no scan is fresh enough', async () => {
  const [good, bad] = [await vulns([]), await vulns([found('A', 'high')])];
  assert.deepEqual(await said(good, bad), ['erin found A (high)']);
  const fresh = policy('\n  - name: prod\n    scan: { failOn: high, maxAge: 7d }');
  const old = await vulns([found('A', 'high')], 'erin', '2026-11-01T00:00:00Z');
  const codes = async (...scans: readonly VerifiedClaim[]) =>
    findingsOf(decide(facts([...Object.values(await honest()), ...scans]), fresh)).map(({ code }) => code);
  assert.deepEqual(await codes(old), ['scan-finding', 'claim-stale']);
  assert.deepEqual(await codes(await vulns([], 'erin', '2026-11-01T00:00:00Z')), ['claim-stale']);
  assert.deepEqual(await codes(await vulns([])), []);
});

test('a finding by a scanner lost since, undated, leaves it open; dated before, it stands', async () => {
  const target = { kind: 'principal', name: 'erin', since: '2026-11-19T00:00:00Z' };
  const predicate = { version: 1, action: 'revoke', target, reason: 'left' };
  const lost = await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate });
  const codes = async (scan: VerifiedClaim) =>
    findingsOf(
      decide(facts([...Object.values(await honest()), scan], { revocations: [{ claim: lost, index: 1 }] }), RULES),
    )
      .filter(({ facts: given }) => given?.['claim'] === `sha256:${scan.bundle}`)
      .map(({ code, message }) => `${code}: ${message}`);
  const [bad, clean] = [
    { ...(await vulns([found('A', 'high')])), times: [] },
    { ...(await vulns([])), times: [] },
  ];
  assert.deepEqual(await codes(bad), [
    'denial-unconfirmed: erin found something in it; nothing shows that this was before erin was lost',
  ]);
  assert.deepEqual(await codes(clean), []);
  assert.deepEqual(await codes(await vulns([found('A', 'high')], 'erin', '2026-11-18T00:00:00Z')), [
    'scan-finding: erin found A (high)',
  ]);
});

test('what is in an environment already does not stay there with a finding; where no scan is asked for, none is heard', async () => {
  const denials = (under: typeof RULES, ...scans: readonly VerifiedClaim[]) =>
    scanDenials(caseFor(facts(scans), under)).map(({ code }) => code);
  assert.deepEqual(denials(RULES, await vulns([found('A', 'high')])), ['scan-finding']);
  assert.deepEqual(denials(RULES, await vulns([found('A', 'low')])), []);
  assert.deepEqual(denials(RULES), []);
  assert.deepEqual(denials(policy('\n  - name: prod'), await vulns([found('A', 'high')])), []);
  const evaluators = policy('\n  - name: prod\n    scan: { failOn: high, role: evaluator }');
  assert.deepEqual(denials(evaluators, await vulns([found('A', 'high')])), [], 'by another role');
});
