import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CiIdentity, Signer, TrustAnchor } from '../../src/domain/claims/types.ts';
import { makeEntry } from '../../src/domain/trust/entry.ts';
import { compilePattern } from '../../src/domain/trust/identity.ts';
import { mismatch } from '../../src/domain/trust/match.ts';
import { usePatterns } from '../../src/domain/base/pattern-engine.ts';
import { utf8, extendedUse, extension } from '../adapters/sigstore/x509.ts';
import { assertLibraryAccepts, assertRefused, instance, verifierFor } from './support.ts';

/** Identities are compared byte for byte, and every option that is accepted is checked. */

usePatterns();

const ISSUER = 'https://token.actions.githubusercontent.com';
const person: Extract<Signer, { kind: 'oidc' }> = {
  kind: 'oidc',
  instance: 'public-good',
  issuer: 'https://accounts.example',
  san: { type: 'email', value: 'builder@example.com' },
  extensions: {},
  notBefore: '2026-06-01T00:00:00Z',
};
const workflow: Extract<Signer, { kind: 'oidc' }> = {
  ...person,
  issuer: ISSUER,
  san: { type: 'uri', value: 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main' },
  extensions: {
    12: 'https://github.com/acme/models',
    14: 'refs/heads/main',
    15: '4242',
    18: 'https://github.com/acme/models/.github/workflows/release.yml@refs/heads/main',
    20: 'push',
    23: 'production',
  },
};

const anchor = (fields: object): TrustAnchor => ({ kind: 'oidc', issuer: person.issuer, ...fields });

test('sigstore table row 10: an anchor without an identity matches nobody', () => {
  assert.equal(mismatch(person, anchor({}))?.what, 'identity');
  assert.notEqual(mismatch(person, anchor({ identity: '' })), null);
  assert.throws(() => makeEntry({ name: 'x', issuer: person.issuer }), /nobody there/);
});

test('sigstore table row 11: an identity is the whole identity, not a part and not a pattern', () => {
  assert.equal(mismatch(person, anchor({ identity: 'builder@example.com' })), null);
  for (const identity of [
    'builder@example.co',
    'r@e.ample',
    '.*',
    'Builder@example.com',
    'builder@example.com ',
    'xbuilder@example.com',
  ]) {
    assert.equal(mismatch(person, anchor({ identity }))?.what, 'identity', identity);
  }
});

test('sigstore table row 11: a pattern matches the whole identity, on whatever branch', () => {
  for (const pattern of ['builder@example\\.com', '.+@example\\.com', 'x|builder@example\\.com'])
    assert.equal(mismatch(person, anchor({ identityPattern: pattern })), null, pattern);
  for (const pattern of ['example', 'builder|evil@x\\.y', '(?m)^builder@example.com$\nx', 'builder@example.co'])
    assert.notEqual(mismatch(person, anchor({ identityPattern: pattern })), null, pattern);
});

test('rule 25: patterns run in linear time', () => {
  const started = performance.now();
  assert.equal(compilePattern('(a+)+$')(`${'a'.repeat(2000)}b`), false);
  assert.ok(performance.now() - started < 1000);
  for (const pattern of ['(a', 'a{1001}', '', '.*', 'x'.repeat(600), '(?=a)a', '(a)\\1'])
    assert.throws(() => compilePattern(pattern), { code: 'trust-invalid' }, pattern);
});

test('sigstore table row 12: the issuer is exact', () => {
  for (const issuer of [
    'https://accounts.example/',
    'https://accounts.exampl',
    'https://ACCOUNTS.example',
    'https://accounts.example.evil',
  ]) {
    assert.equal(mismatch(person, { kind: 'oidc', issuer, identity: 'builder@example.com' })?.what, 'issuer', issuer);
  }
});

test('rule 3: a private instance cannot speak for a public issuer, nor the other way round', () => {
  assert.equal(
    mismatch({ ...person, instance: 'trusted-root:00' }, anchor({ identity: 'builder@example.com' }))?.what,
    'Sigstore instance',
  );
  assert.equal(
    mismatch(person, anchor({ identity: 'builder@example.com', trustedRoot: '{}' }))?.what,
    'Sigstore instance',
  );
});

test('GHSA-52v5-3xc5-42qr, CVE-2026-48815: every part of a workload that is accepted is checked', () => {
  const all: CiIdentity = {
    repository: 'acme/models',
    repositoryId: '4242',
    workflow: 'release.yml',
    ref: 'refs/heads/main',
    environment: 'production',
    trigger: 'push',
  };
  assert.equal(mismatch(workflow, { kind: 'oidc', issuer: ISSUER, github: all }), null);
  for (const part of Object.keys(all)) {
    assert.notEqual(
      mismatch(workflow, { kind: 'oidc', issuer: ISSUER, github: { ...all, [part]: 'acme/other' } }),
      null,
      part,
    );
  }
  for (const arc of Object.keys(workflow.extensions)) {
    const { [arc]: _, ...extensions } = workflow.extensions;
    assert.notEqual(
      mismatch({ ...workflow, extensions }, { kind: 'oidc', issuer: ISSUER, github: all }),
      null,
      `without extension ${arc}`,
    );
  }
});

test('a reusable workflow speaks for its callers only if the callers are named', () => {
  const called = {
    ...workflow,
    extensions: {
      ...workflow.extensions,
      12: 'https://github.com/evil/repo',
      18: 'https://github.com/evil/repo/.github/workflows/x.yml@refs/heads/main',
    },
  };
  const bySan = { kind: 'oidc', issuer: ISSUER, identity: workflow.san.value } as const;
  assert.equal(mismatch(workflow, bySan), null);
  assert.equal(mismatch(called, bySan)?.what, 'calling repository');
  assert.equal(
    mismatch(called, { kind: 'oidc', issuer: ISSUER, github: { repository: 'acme/models' } })?.what,
    'repository',
  );
  assert.equal(mismatch(called, { kind: 'oidc', issuer: ISSUER, github: { repository: 'evil/repo' } }), null);
});

test('rule 3: triggers that run strangers’ code count only if they are named', () => {
  for (const trigger of ['pull_request', 'pull_request_target', 'workflow_run', 'issue_comment']) {
    const triggered = { ...workflow, extensions: { ...workflow.extensions, 20: trigger } };
    assert.equal(
      mismatch(triggered, { kind: 'oidc', issuer: ISSUER, github: { repository: 'acme/models' } })?.what,
      'trigger',
      trigger,
    );
    assert.equal(
      mismatch(triggered, { kind: 'oidc', issuer: ISSUER, identity: workflow.san.value })?.what,
      'trigger',
      trigger,
    );
    assert.equal(
      mismatch(triggered, { kind: 'oidc', issuer: ISSUER, github: { repository: 'acme/models', trigger } }),
      null,
      trigger,
    );
  }
});

test('rule 3: trust that two spellings could satisfy is refused where it is written', () => {
  for (const identity of [
    'аnna@example.com',
    'https://user@github.com/x',
    'https://github.com./x',
    'a%40b@example.com',
    'a\u0000b',
    'anna@example.com.',
    '',
  ]) {
    assert.throws(
      () => makeEntry({ name: 'x', issuer: person.issuer, identity }),
      { code: 'trust-invalid' },
      JSON.stringify(identity),
    );
  }
  for (const issuer of [
    'http://issuer.example',
    'https://u:p@issuer.example',
    'https://issuer.example?x',
    'issuer.example',
  ]) {
    assert.throws(() => makeEntry({ name: 'x', issuer, identity: 'a@b.c' }), { code: 'trust-invalid' }, issuer);
  }
});

test('rule 3: a certificate with several names is refused', async () => {
  const bundle = instance.bundle({ names: ['email:anna@example.com', 'email:evil@example.com'] });
  assertLibraryAccepts(bundle);
  await assertRefused(bundle, { reason: /2 names/ });
  await assertRefused(instance.bundle({ names: ['email:anna@example.com', 'uri:https://x.example'] }), {
    reason: /2 names/,
  });
});

test('a certificate that is not for code signing', async () => {
  const bundle = instance.bundle({ use: extendedUse('1.3.6.1.5.5.7.3.1') });
  assertLibraryAccepts(bundle);
  await assertRefused(bundle, { reason: /not for code signing/ });
});

test('a certificate whose two issuer extensions differ, or stand twice', async () => {
  const twice = instance.bundle({ extensions: [extension('1.3.6.1.4.1.57264.1.8', utf8('https://other.example'))] });
  assertLibraryAccepts(twice);
  await assertRefused(twice, { reason: /twice/ });
});

test('a certificate without a certificate-transparency promise', async () => {
  await assertRefused(instance.bundle({ withoutPromise: true }), { reason: /SCT/ });
});

test('a name with a NUL in it is no name', async () => {
  await assertRefused(instance.bundle({ names: ['email:anna@example.com\u0000.evil.example'] }), {
    reason: /control characters/,
  });
});

test('the identity comes out typed, with all that the certificate says of the workload', async () => {
  const { signer } = await verifierFor().verify(
    instance.bundle({
      names: [`uri:${workflow.san.value}`],
      issuer: ISSUER,
      extensions: [extension('1.3.6.1.4.1.57264.1.12', utf8('https://github.com/acme/models'))],
    }),
  );
  assert.deepEqual(
    [signer.san, signer.extensions['12'], signer.issuer],
    [workflow.san, 'https://github.com/acme/models', ISSUER],
  );
});
