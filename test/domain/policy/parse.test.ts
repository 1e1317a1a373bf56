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
  assert.deepEqual(lintPolicy(parsed, new Date('2026-11-20T00:00:00Z')), []);
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
    { numRuns: 1500 },
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
  refuses(whole('\n  - name: prod\n    approvals: true'), /shape|integer/);
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
