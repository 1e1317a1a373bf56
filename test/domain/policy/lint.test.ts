import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { CODES } from '../../../src/domain/base/errors.ts';
import { parseCases } from '../../../src/domain/policy/cases.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { COSIGNATURE_ED25519, ED25519, formatVkey, rawPublicKey } from '../../../src/domain/tlog/note.ts';
import { NOW, PRINCIPALS, PROD, ROLES, hex, people, policy } from './world.ts';
import { makeCertificate } from '../pki/make-certificate.ts';

type Advice = readonly (readonly [place: string, message: string])[];

function advice(under: ReturnType<typeof policy>, place: string, timestampAuthorities: readonly string[] = []): Advice {
  return lintPolicy(under, NOW, { timestampAuthorities })
    .filter((each) => each.place === place)
    .map((each) => [each.place, each.message] as const);
}

const withPrincipal = (who: string, roles = ROLES) =>
  parsePolicy(
    Buffer.from(
      `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\n  kim: ${who}\nroles:${roles}\nenvironments:${PROD}\n`,
    ),
  );

test('lint: what of a workload’s identity is open is said, each thing once', () => {
  const told = (who: string) => advice(withPrincipal(who), 'principals.kim').map(([, message]) => message);
  assert.deepEqual(told('{ github: [{ repository: acme/models }] }'), [
    'holds no role',
    'acme/models: any branch or tag may sign; name a ref',
    'acme/models: names can be taken over; add repositoryId',
    'acme/models: any workflow may sign; name one',
  ]);
  const whole =
    '{ repository: acme/models, ref: refs/heads/main, repositoryId: "7", workflow: .github/workflows/a.yml }';
  assert.deepEqual(told(`{ github: [${whole}] }`), ['holds no role']);
  assert.equal(told('{ gitlab: [{ repository: acme/models }] }').length, 4);
  assert.deepEqual(told('{ identities: [{ issuer: https://i.example, pattern: ".*@acme.example" }] }'), [
    'holds no role',
    'a pattern names nobody in particular: all it matches count as one',
  ]);
  assert.deepEqual(told('{ identities: [{ issuer: https://i.example, identity: kim@acme.example }] }'), [
    'holds no role',
  ]);
});

test('lint: who may break the glass for every model, and who may not', () => {
  const glass = 'roles.break-glass';
  assert.deepEqual(
    advice(policy(PROD), glass, ['a TSA']).map(([, message]) => message),
    ['may break the glass for every model'],
  );
  const limited = ROLES.replace('break-glass: [glen]', 'break-glass: { principals: [glen], models: [acme/enc] }');
  assert.deepEqual(advice(policy(PROD, '', limited), glass, ['a TSA']), []);
});

test('lint: a suppression of a rule that there is, in one file or of known bytes, is fine', () => {
  const told = (words: string) =>
    advice(
      policy(PROD, `suppressions: [{ rule: WM-PICKLE-001, ${words} reason: reviewed, expires: 2029-01-01 }]`),
      'suppressions[0]',
    ).map(([, message]) => message);
  assert.deepEqual(told('path: old.pt,'), []);
  assert.deepEqual(told(`sha256: ${hex('f')},`), []);
  assert.deepEqual(told(''), ['suppresses WM-PICKLE-001 in every file: name a path or a sha256']);
});

test('lint: what ends within thirty days is said, to the day; what is over, too', () => {
  const until = (day: string) =>
    advice(
      policy(PROD, `leaves: [{ sha256: ${hex('d')}, role: dataset, reason: public, expires: ${day} }]`),
      'leaves[0]',
    ).map(([, message]) => message);
  assert.deepEqual(until('2026-12-21'), []);
  assert.deepEqual(until('2026-12-20'), ['expires soon, on 2026-12-20']);
  assert.deepEqual(until('2026-11-20'), ['expired on 2026-11-20']);
});

test('lint: a claim that nobody may sign in the role that is asked for, and one that somebody may', () => {
  const asked = (rule: string) =>
    advice(policy(`\n  - name: prod\n    require: [${rule}]`), 'environments.prod.require[0]').map(
      ([, words]) => words,
    );
  assert.deepEqual(asked('{ claim: evaluation, role: evaluator }'), []);
  assert.deepEqual(asked('evaluation'), []);
  assert.deepEqual(asked('{ claim: evaluation, role: trainer }'), [
    'nobody may sign evaluation as trainer: give a role `signs`',
  ]);
  assert.deepEqual(asked('"https://acme.example/review/v1"'), [
    'nobody may sign https://acme.example/review/v1: give a role `signs`',
  ]);
});

function refused(text: string, why: RegExp): void {
  assert.throws(() => parsePolicy(Buffer.from(text)), { code: 'policy-invalid', message: why });
}

const text = (over: { principals?: string; roles?: string; rest?: string; environments?: string } = {}): string =>
  `format: weighmark-policy/1\nname: acme\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${over.principals ?? PRINCIPALS}\nroles:${over.roles ?? ROLES}\n${over.rest ?? ''}\nenvironments:${over.environments ?? PROD}\n`;

test('a policy is refused where a name resolves to nothing, wherever it stands', () => {
  refused(text({ environments: '\n  - name: prod\n    scan: { failOn: high, role: judge }' }), /no role judge/);
  refused(text({ environments: '\n  - name: prod\n    separation: [[trainer, judge]]' }), /no role judge/);
  refused(text({ environments: '\n  - name: prod\n    approvals: { count: 1, role: judge }' }), /no role judge/);
  refused(text({ roles: `${ROLES}\n  other: { principals: [bob] }` }), /says nothing it may sign: add `signs`/);
  refused(text({ roles: ROLES.replace('[ci]', '[ci, ci]') }), /names a principal twice/);
  refused(text({ roles: ROLES.replace('[ci]', '[ci, glen]') }), /glen also holds the role promoter/);
  const exception = `exceptions: [{ code: claim-stale, id: "sha256:${hex('d')}", environment: test, reason: why, expires: 2027-01-01 }]`;
  refused(text({ rest: exception }), /there is no environment test/);
});

test('a role is principals, or what more is said of them; it has principals in any case', () => {
  parsePolicy(Buffer.from(text({ roles: `${ROLES}\n  other: { principals: [bob], signs: [bom] }` })));
  parsePolicy(
    Buffer.from(text({ roles: `${ROLES}\n  other: { principals: [bob], builds: ["https://b.example/x"] }` })),
  );
  refused(text({ roles: `${ROLES}\n  other: { signs: [bom] }` }), /principals/);
  refused(text({ environments: '\n  - name: prod\n    removedRecords: allow' }), /must be one of refuse/);
  refused(text({ environments: '\n  - name: prod\n    workerDigests: allow' }), /must be one of refuse/);
});

test('one key, identity or certificate is one principal’s, once', () => {
  const line = people.bob.line;
  refused(text({ principals: `${PRINCIPALS}\n  kim: { keys: [${line}] }` }), /kim shares a key or identity with bob/);
  const key = people.mallory.line;
  refused(
    text({ principals: `${PRINCIPALS}\n  kim: { keys: [${key}, ${key}] }` }),
    /kim gives one key or identity twice/,
  );
  const identity = '{ issuer: https://i.example, identity: kim@acme.example }';
  refused(
    text({ principals: `${PRINCIPALS}\n  kim: { identities: [${identity}] }\n  tim: { identities: [${identity}] }` }),
    /tim shares a key or identity with kim/,
  );
  const chain = JSON.stringify(makeCertificate({ name: 'root' }).pem);
  const certified = (name: string, who: string) =>
    `  ${name}: { certificates: [{ chain: ${chain}, identity: ${who} }] }`;
  const both = (a: string, b: string) =>
    text({ principals: [PRINCIPALS, certified('kim', a), certified('tim', b)].join('\n') });
  refused(both('kim@acme.example', 'kim@acme.example'), /tim shares a key or identity with kim/);
  parsePolicy(Buffer.from(both('kim@acme.example', 'tim@acme.example')));
  const former = `formerly: [{ name: kim, until: 2026-01-01, keys: [${line}] }]`;
  refused(text({ rest: former }), /shares a key or identity with bob/);
  parsePolicy(Buffer.from(text({ rest: former.replace('kim', 'bob') })));
});

test('a principal whose key cannot be read is refused with the reason; one without any, too', () => {
  refused(text({ principals: `${PRINCIPALS}\n  kim: { keys: [AAAA] }` }), /the principal kim: (?!\w*Error)/);
  refused(text({ principals: `${PRINCIPALS}\n  kim: { ids: [x] }` }), /the principal kim has no key and no identity/);
});

test('witnesses: the quorum is no more than there are names, no key stands twice, nor is the log’s own one', () => {
  const keys = [1, 2, 3].map(() => rawPublicKey(generateKeyPairSync('ed25519').publicKey));
  const vkey = (name: string, of: number) =>
    formatVkey(name, name === 'log.example' ? ED25519 : COSIGNATURE_ED25519, keys[of - 1] ?? new Uint8Array());
  const log = (quorum: number, ...given: readonly string[]) =>
    text({
      rest: `log: { key: "${vkey('log.example', 1)}", witnesses: { quorum: ${quorum}, keys: ${JSON.stringify(given)} } }`,
    });
  parsePolicy(Buffer.from(log(2, vkey('w1', 2), vkey('w2', 3))));
  refused(log(3, vkey('w1', 2), vkey('w2', 3)), /the quorum is larger than the number of witnesses/);
  refused(log(2, vkey('w1', 2), vkey('w1', 3)), /the quorum is larger than the number of witnesses/);
  refused(log(1, vkey('w1', 2), vkey('w2', 2)), /w2 has a key that stands there already/);
  refused(log(1, vkey('w1', 1)), /w1 has a key that stands there already/);
  parsePolicy(Buffer.from(text({ rest: `log: { key: "${vkey('log.example', 1)}" }` })));
});

test('cases of `policy test`: read whole, or refused by the place that is wrong', () => {
  const one = {
    name: 'a',
    environment: 'prod',
    artifact: 'acme/enc',
    id: `sha256:${hex('m')}`,
    claims: ['claims.jsonl'],
    at: '2026-11-20T12:00:00Z',
    expect: 'pass',
  };
  const read = (cases: unknown) => parseCases(Buffer.from(JSON.stringify(cases)), 'cases.yaml');
  assert.deepEqual(read({ cases: [one, { ...one, expect: ['claim-missing'] }] }), [
    one,
    { ...one, expect: ['claim-missing'] },
  ]);
  assert.ok('claim-missing' in CODES);
  for (const [wrong, why] of [
    [{}, /^cases\.yaml: {2}cases is missing$/],
    [{ cases: [] }, /\/cases must have at least 1 items/],
    [{ cases: [{ ...one, at: 'now' }] }, /\/cases\/0\/at must match/],
    [{ cases: [{ ...one, expect: [] }] }, /\/cases\/0\/expect must have at least 1 items/],
    [{ cases: [{ ...one, expect: ['no-such-code'] }] }, /\/cases\/0\/expect\/0 must be one of/],
    [{ cases: [{ ...one, more: 1 }] }, /\/cases\/0\/more more is not known here/],
    [{ cases: [{ ...one, name: 'x'.repeat(501) }] }, /\/cases\/0\/name must have at most 500 characters/],
  ] as const)
    assert.throws(() => read(wrong), { code: 'policy-invalid', message: why }, JSON.stringify(wrong));
  assert.equal(read({ cases: [{ ...one, name: 'x'.repeat(500) }] }).length, 1);
  for (const key of Object.keys(one))
    assert.throws(() => read({ cases: [Object.fromEntries(Object.entries(one).filter(([name]) => name !== key))] }), {
      code: 'policy-invalid',
      message: new RegExp(`/cases/0 ${key} is missing`),
    });
});
