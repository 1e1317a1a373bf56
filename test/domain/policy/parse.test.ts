import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { parse as parseYaml } from 'yaml';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { conforms } from '../../../src/domain/policy/conforms.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { policyFileTrust } from '../../../src/domain/authority/authority.ts';
import { POLICY_SCHEMA } from '../../../src/domain/policy/schema.ts';
import { lintPolicy } from '../../../src/domain/policy/lint.ts';
import { PRINCIPALS, PROD, ROLES, policy } from './world.ts';
import { runs } from '../../thorough.ts';

const published = JSON.parse(readFileSync(new URL('../../../schemas/policy.schema.json', import.meta.url), 'utf8')) as {
  properties: object;
};
const minimal = readFileSync(new URL('../../../fixtures/policy/minimal.yaml', import.meta.url));
const validate = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false }).compile(published);

test('editors and the parser read one schema', () => {
  assert.deepEqual(published, JSON.parse(JSON.stringify(POLICY_SCHEMA)));
});

test('the minimal policy is valid, in about thirty lines', () => {
  const parsed = parsePolicy(minimal);
  assert.deepEqual(
    parsed.environments.map(({ name, after }) => [name, after]),
    [
      ['staging', undefined],
      ['prod', 'staging'],
    ],
  );
  assert.ok(minimal.toString().trim().split('\n').length <= 36);
  assert.ok(validate(parseYaml(minimal.toString())), JSON.stringify(validate.errors));
});

test('the complete policy says everything, and is valid', () => {
  const complete = readFileSync(new URL('../../../fixtures/policy/complete.yaml', import.meta.url));
  const parsed = parsePolicy(complete);
  assert.deepEqual(lintPolicy(parsed, new Date('2026-11-20T00:00:00Z'), { timestampAuthorities: ['a TSA'] }), []);
  const missing = Object.keys(published.properties).filter(
    (name) => !Object.hasOwn(parseYaml(complete.toString()) as object, name),
  );
  assert.deepEqual(
    missing,
    ['$schema', 'timestampAuthorities'],
    'certificates would bury the rest; the schema is named in a comment',
  );
  assert.ok(validate(parseYaml(complete.toString())), JSON.stringify(validate.errors));
});

test('our reading of the schema and a full validator agree on every mutation', () => {
  const base = parseYaml(minimal.toString()) as Record<string, unknown>;
  const rich = {
    ...base,
    leaves: [{ sha256: 'a'.repeat(64), role: 'dataset', reason: 'public', expires: '2030-01-01' }],
    log: { key: 'k', maxAge: '1h' },
  };
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom<unknown>(
        undefined,
        null,
        '',
        'x',
        1,
        -1,
        1.5,
        true,
        [],
        {},
        [1],
        { a: 1 },
        'https://x.example/y',
        '30d',
        '2030-02-31',
      ),
      fc.boolean(),
      (where, value, add) => {
        const document = mutate(rich, where, value, add);
        const ours = conforms(POLICY_SCHEMA, document).length === 0;
        assert.equal(ours, validate(document), JSON.stringify(validate.errors?.slice(0, 3)));
      },
    ),
    { numRuns: runs(1500) },
  );
});

/** Replaces, removes (undefined) or adds at the n-th place. */
function mutate(document: unknown, where: number, value: unknown, add: boolean): unknown {
  const copy = structuredClone(document);
  const holders: (Record<string, unknown> | unknown[])[] = [];
  const visit = (each: unknown): void => {
    if (typeof each !== 'object' || each === null) return;
    holders.push(each as Record<string, unknown>);
    Object.values(each).forEach(visit);
  };
  visit(copy);
  const holder = holders[where % holders.length] as Record<string, unknown>;
  const keys = Object.keys(holder);
  const key =
    add || keys.length === 0 ? 'another' : (keys[Math.floor(where / holders.length) % keys.length] ?? 'another');
  if (Array.isArray(holder)) {
    if (value !== undefined) holder.push(value);
    else holder.pop();
  } else if (value === undefined) delete holder[key];
  else holder[key] = value;
  return copy;
}

function refuses(text: string, why: RegExp): void {
  assert.throws(
    () => parsePolicy(Buffer.from(text)),
    (error) => error instanceof WeighmarkError && error.code === 'policy-invalid' && why.test(error.message),
    text.slice(0, 60),
  );
}

const HEAD = `format: weighmark-policy/1\nname: a\nversion: 1\nexpires: 2030-01-01\nprincipals:\n${PRINCIPALS}\n`;
const whole = (environments: string, rest = ''): string =>
  `${HEAD}roles:${ROLES}\n${rest}\nenvironments:${environments}\n`;

test('what is not understood is refused, never skipped', () => {
  refuses(whole(PROD, 'enviroments: []'), /enviroments is not known/);
  refuses(whole(PROD, 'name: b'), /unique|duplicate/i);
  refuses(whole(`${PROD}\n    aprovals: 3`), /aprovals/);
  refuses(whole(PROD).replace('weighmark-policy/1', 'weighmark-policy/2'), /weighmark-policy\/1/);
  refuses(whole(PROD).replace('expires: 2030-01-01', 'expires: 2030-02-31'), /no such time/);
  refuses(whole('\n  - &a { name: prod }\n  - *a'), /anchors|aliases/);
  refuses(whole('\n  - !!map { name: prod }'), /tags/);
  refuses(whole('\n  - name: prod\n    approvals: true'), /must be a number, or \{ count, role, maxAge \}/);
  refuses(whole('\n  - name: prod\n    approvals: 4'), /has 3 principals/);
  refuses(whole('\n  - name: prod\n    after: staging'), /no earlier environment/);
  refuses(whole('\n  - name: prod\n  - name: prod'), /two environments/);
  refuses(whole('\n  - name: prod\n    require: [{ claim: evaluation, role: judge }]'), /no role judge/);
  refuses(whole('\n  - name: prod\n    assert: [{ cel: "1 +", message: m }]'), /CEL/);
  refuses(whole(PROD).replace('promoter: [ci]', 'promoter: [nobody]'), /no principal nobody/);
  refuses(whole(PROD).replace('  promoter: [ci]\n', ''), /nobody may promote/);
  refuses('', /missing/);
  refuses('[]', /mapping/);
  refuses('{'.repeat(5000), /./);
  refuses('- '.repeat(20_000), /./);
});

test('identities that could be mistaken for others are refused', () => {
  const identity = (text: string): string =>
    whole(PROD).replace(
      'principals:\n',
      `principals:\n  kim: { identities: [{ issuer: "https://accounts.example", identity: "${text}" }] }\n`,
    );
  parsePolicy(Buffer.from(identity('kim@acme.example')));
  for (const text of ['kïm@acme.example', 'kim@acme.example.', 'https://u@acme.example/x', 'kim%40acme.example', ''])
    refuses(identity(text), /kim|must/);
});

test('environments whose names a VSA cannot tell apart', () => {
  refuses(whole('\n  - name: eu-prod\n  - name: eu.prod'), /tell apart/);
});

test('lint says what a valid policy leaves open', () => {
  const places = lintPolicy(policy(PROD), new Date('2029-12-20T00:00:00Z')).map(({ place }) => place);
  for (const place of ['expires', 'log', 'roles.break-glass', 'environments.prod'])
    assert.ok(places.includes(place), place);
});

test('lint names that a scan counts for nobody where no role may sign one', () => {
  const counts = (roles: string): boolean =>
    !lintPolicy(policy(PROD, '', roles), new Date('2026-11-20T00:00:00Z')).some(({ message }) =>
      /scan that `seal` signs counts for nobody/.test(message),
    );
  assert.equal(counts(ROLES), true);
  assert.equal(counts(ROLES.replace(/\n {2}scanner: .*/, '')), false);
  assert.equal(counts(ROLES.replace('scanner: [erin]', 'other: { principals: [erin], signs: [scai] }')), true);
});

test('who may sign a bare file is whom a role without limits says so of', () => {
  const raw = parseYaml(minimal.toString()) as { roles: Record<string, unknown> };
  const [name] = Object.keys((raw as unknown as { principals: object }).principals);
  const trusted = (signs: readonly string[], models?: readonly string[]): readonly string[] => {
    const role = { principals: [name], signs, ...(models === undefined ? {} : { models }) };
    const text = JSON.stringify({ ...raw, roles: { ...raw.roles, files: role } });
    return policyFileTrust(parsePolicy(Buffer.from(text))).map((entry) => entry.name);
  };
  assert.deepEqual(policyFileTrust(parsePolicy(minimal)), []);
  assert.deepEqual(trusted(['integrity']), []);
  assert.deepEqual([...new Set(trusted(['file-signature']))], [name]);
  assert.deepEqual(trusted(['file-signature'], ['acme/*']), [], 'a bare signature names no model');
});

test('a problem has its line and column, and says what there is to choose', () => {
  const refusal = (text: string): WeighmarkError => {
    try {
      parsePolicy(Buffer.from(text), 'policy.yaml');
    } catch (error) {
      if (error instanceof WeighmarkError) return error;
    }
    throw new Error('it is valid');
  };
  const scan = refusal(whole('\n  - name: prod\n    require:\n      - bom\n      - scan'));
  const line = whole('').split('\n').length;
  assert.match(
    scan.message,
    new RegExp(`^policy.yaml:${line + 3}:9: /environments/0/require/1 must be a URI or one of .*vulns`),
  );
  assert.match(scan.message, /\(a scan is vulns here\)$/);
  assert.deepEqual(scan.facts, {}, 'one problem is said once');
  const shape = refusal(whole('\n  - name: prod\n    approvals: two'));
  assert.match(shape.message, /:16: \/environments\/0\/approvals must be a number, or \{ count, role, maxAge \}$/);
  const several = refusal(whole('\n  - { name: prod, aprovals: 3, maxAge: soon }'));
  assert.deepEqual(Object.keys(several.facts), [
    `${line}:29 /environments/0/aprovals`,
    `${line}:40 /environments/0/maxAge`,
  ]);
  assert.match(Object.values(several.facts)[0] ?? '', /^aprovals is not known here: name, after, require, approvals, /);
  const reference = refusal(whole('\n  - name: prod\n    after: staging'));
  assert.match(reference.message, /^policy.yaml:\d+:12: \/environments\/0\/after staging is no earlier environment$/);
});

test('lint finds what can never hold', () => {
  const NOW = new Date('2026-11-20T00:00:00Z');
  const never = (text: string, timestampAuthorities: readonly string[] = []): readonly string[] =>
    lintPolicy(parsePolicy(Buffer.from(text)), NOW, { timestampAuthorities })
      .filter((each) => each.never === true)
      .map(({ place }) => place);
  const ENV = '\n  - name: prod\n    require: [bom]';
  const plain = whole(ENV).replace(/ {2}break-glass: .*\n/, '');
  assert.deepEqual(never(plain), []);
  assert.deepEqual(never(whole(`${ENV}\n    maxAge: 90d`)), ['environments.prod.maxAge', 'roles.break-glass']);
  assert.deepEqual(never(whole(`${ENV}\n    maxAge: 90d`), ['a TSA']), []);
  const aged = plain.replace('[bom]', '[{ claim: evaluation, maxAge: 7d }, vsa]').replace(', vsa', '');
  assert.deepEqual(never(aged), ['environments.prod.require[0].maxAge']);
  assert.deepEqual(never(plain.replace('[bom]', '["https://acme.example/review/v1"]')), [
    'environments.prod.require[0]',
  ]);
  assert.deepEqual(never(plain.replace('[bom]', '[{ claim: bom, role: evaluator }]')), [
    'environments.prod.require[0]',
  ]);
  assert.deepEqual(never(plain.replace('2030-01-01', '2026-01-01')), ['expires']);
  const grace = (until: string) => `${plain}accepts: [{ digest: "sha256:${'a'.repeat(64)}", until: ${until} }]\n`;
  assert.deepEqual(never(grace('2026-12-01')), []);
  assert.deepEqual(never(grace('2027-12-01')), ['accepts[0]']);
  const someone = (who: string) => plain.replace('principals:\n', `principals:\n  kim: ${who}\n`);
  assert.deepEqual(never(someone('{ github: [{ repository: ACME/MODELS }] }')), ['principals.kim']);
  assert.deepEqual(
    never(someone('{ identities: [{ issuer: https://accounts.google.com, identity: kim@example.com }] }')),
    ['principals.kim'],
  );
  assert.deepEqual(never(someone('{ github: [{ repository: acme/models }] }')), []);
  const revokers = lintPolicy(parsePolicy(Buffer.from(plain.replace(/revoker: \[.*\]/, 'revoker: [rita]'))), NOW);
  assert.ok(revokers.some(({ place, message }) => place === 'roles.revoker' && message.includes('takes 2 revokers')));
});
