import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildScanPredicate } from '../../../src/domain/scan/scan-claim.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { ScanFinding, Unexamined } from '../../../src/domain/scan/index.ts';
import { MODEL, NOW, PRINCIPALS, ROLES, claim, codes, decide, facts, hex, honest, policy } from './world.ts';

const PROD = '\n  - name: prod\n    scan: { failOn: high }';
const finding: ScanFinding = {
  rule: 'WM-PICKLE-001',
  severity: 'critical',
  message: 'calls os.system',
  place: { path: 'old/model.pt' },
};
const content = {
  formats: new Map([['old/model.pt', 'torch-zip']]),
  declaredBases: [],
  digests: new Map([['old/model.pt', hex('f0')]]),
};

async function scanned(
  findings: readonly ScanFinding[],
  unexamined: readonly Unexamined[] = [],
): Promise<readonly VerifiedClaim[]> {
  const times = { startedOn: '2026-11-19T10:00:00Z', finishedOn: '2026-11-19T10:00:01Z' };
  const scan = await claim({
    by: 'erin',
    type: PREDICATES.vulns,
    about: MODEL,
    predicate: buildScanPredicate({ version: '1.0.0', ...times, findings, unexamined }),
    at: '2026-11-19T11:00:00Z',
  });
  return [...Object.values(await honest()), scan];
}

function suppressing(words: string): ReturnType<typeof policy> {
  return policy(PROD, `suppressions: [{ ${words} }]`);
}

const WHY = 'reason: reviewed by anna';

test('a suppressed finding is evidence with its reason, and refuses nothing', async () => {
  const claims = await scanned([finding]);
  assert.deepEqual(codes(decide(facts(claims, { content }), policy(PROD))), ['scan-finding']);
  const evaluation = decide(
    facts(claims, { content }),
    suppressing(
      `rule: WM-PICKLE-001, path: "old/*.pt", sha256: ${hex('f0')}, models: [acme/*], ${WHY}, expires: 2027-01-01`,
    ),
  );
  assert.deepEqual(codes(evaluation), []);
  const scan = evaluation.checks.find(({ name }) => name === 'scan');
  assert.match(
    scan?.evidence[0]?.what ?? '',
    /WM-PICKLE-001 \(critical\) in old\/model\.pt; suppressed until 2027-01-01: reviewed by anna/,
  );
});

test('everything it names must match: rule, path, bytes, model', async () => {
  const claims = await scanned([finding]);
  for (const other of [
    'rule: WM-PICKLE-002',
    'rule: WM-PICKLE-001, path: "*.pt"',
    `rule: WM-PICKLE-001, sha256: ${hex('f1')}`,
    'rule: WM-PICKLE-001, models: [other/**]',
  ]) {
    assert.deepEqual(
      codes(decide(facts(claims, { content }), suppressing(`${other}, ${WHY}, expires: 2027-01-01`))),
      ['scan-finding'],
      other,
    );
  }
  const unread = { formats: content.formats, declaredBases: [] };
  assert.deepEqual(
    codes(
      decide(
        facts(claims, { content: unread }),
        suppressing(`rule: WM-PICKLE-001, sha256: ${hex('f0')}, ${WHY}, expires: 2027-01-01`),
      ),
    ),
    ['scan-finding'],
    'bytes nobody read match no digest',
  );
  const elsewhere = await scanned([finding, { ...finding, place: { path: 'new.pt' } }]);
  assert.deepEqual(
    codes(
      decide(
        facts(elsewhere, { content }),
        suppressing(`rule: WM-PICKLE-001, path: old/model.pt, ${WHY}, expires: 2027-01-01`),
      ),
    ),
    ['scan-finding'],
  );
});

test('an expired one counts again, and says so', async () => {
  const evaluation = decide(
    facts(await scanned([finding]), { content }),
    suppressing(`rule: WM-PICKLE-001, ${WHY}, expires: ${NOW.toISOString().slice(0, 10)}`),
  );
  assert.deepEqual(codes(evaluation), ['scan-finding']);
  assert.match(
    findingsOf(evaluation)
      .map(({ message }) => message)
      .join(),
    /its suppression expired on 2026-11-20: reviewed by anna/,
  );
});

test('what was not examined cannot be suppressed', async () => {
  const claims = await scanned([], [{ place: { path: 'old/model.pt' }, reason: 'too deep' }]);
  assert.deepEqual(
    codes(
      decide(facts(claims, { content }), suppressing(`rule: WM-PICKLE-001, path: "**", ${WHY}, expires: 2027-01-01`)),
    ),
    ['scan-finding'],
  );
  assert.throws(() => suppressing(`rule: not-examined, ${WHY}, expires: 2027-01-01`), { code: 'policy-invalid' });
});

test('a reason and a real day are wanted; lint knows the rules', () => {
  for (const bad of [
    `rule: WM-PICKLE-001, expires: 2027-01-01`,
    `rule: WM-PICKLE-001, ${WHY}`,
    `rule: WM-PICKLE-001, ${WHY}, expires: 2027-02-30`,
    `rule: WM-PICKLE-001, ${WHY}, expires: 2027-01-01, severity: low`,
  ]) {
    assert.throws(() => suppressing(bad), { code: 'policy-invalid' }, bad);
  }
  const text = (rule: string): Buffer =>
    Buffer.from(
      `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\nroles:${ROLES}\nsuppressions: [{ rule: ${rule}, ${WHY}, expires: 2029-01-01 }]\nenvironments:${PROD}\n`,
    );
  const advice = (rule: string): readonly string[] =>
    lintPolicy(parsePolicy(text(rule)), NOW)
      .filter(({ place }) => place.startsWith('suppressions'))
      .map(({ message }) => message);
  assert.deepEqual(advice('WM-NONE-999'), [
    'there is no scan rule WM-NONE-999',
    'suppresses WM-NONE-999 in every file: name a path or a sha256',
  ]);
  assert.equal(advice('WM-PICKLE-001').length, 1);
});
