import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import type { Signer, TrustAnchor, TrustEntry, VerifiedTime } from '../../../src/domain/claims/types.ts';
import { TAG, der, derOid } from '../../../src/domain/pki/der.ts';
import { readPublicKey } from '../../../src/domain/pki/keys.ts';
import { readFulcioCertificate } from '../../../src/domain/trust/fulcio.ts';
import { GITHUB_ISSUER, GITLAB_ISSUER } from '../../../src/domain/trust/identity.ts';
import { entriesFor, entryOf, mismatch, namesInCertificate } from '../../../src/domain/trust/match.ts';
import { SIGNED_AT } from '../../adapters/sigstore/instance.ts';
import {
  CODE_SIGNING,
  DIGITAL_SIGNATURE,
  alternativeNames,
  certificate,
  extension,
  utf8,
} from '../../adapters/sigstore/x509.ts';
import { NOW, people } from '../policy/world.ts';

const anchor = (name: 'anna' | 'bob', more: object = {}): TrustAnchor => ({
  kind: 'key',
  pem: people[name].pem,
  ...more,
});
const anna: Signer = { kind: 'key', fingerprint: readPublicKey(people.anna.pem).fingerprint, keyType: 'P-256' };
const at = (time: string): VerifiedTime => ({ time, source: 'rfc3161', authority: 'tsa' });

test('the first entry that names the signer is theirs; a retired key until the very moment that is given', () => {
  const until = '2026-11-02T00:00:00.000Z';
  const entries: readonly TrustEntry[] = [
    { name: 'bob', anchor: anchor('bob') },
    { name: 'old', anchor: anchor('anna', { until }) },
    { name: 'first', anchor: anchor('anna') },
    { name: 'second', anchor: anchor('anna') },
  ];
  assert.equal(entryOf(anna, entries)?.name, 'first');
  assert.equal(entryOf(anna, entries, [at(until)])?.name, 'old');
  assert.equal(entryOf(anna, entries, [at('2026-11-02T00:00:01Z')])?.name, 'first');
  assert.equal(entryOf(anna, entries.slice(0, 1)), null);
});

test('trust for some names is trust for those, and for nothing without a name', () => {
  const entries: readonly TrustEntry[] = [
    { name: 'all', anchor: anchor('anna') },
    { name: 'acme', for: 'acme/*', anchor: anchor('anna') },
  ];
  const counting = (name: string | null) => entriesFor(entries, name).map((entry) => entry.name);
  assert.deepEqual([counting('acme/enc'), counting('evil/enc'), counting(null)], [['all', 'acme'], ['all'], ['all']]);
});

test('a certificate calls its holder by all of its names, each on a line of its own', () => {
  const sans = [{ type: 'email', value: 'a@b.example' }] as const;
  assert.deepEqual(namesInCertificate({ sans, subject: 'O=acme\nCN=kim' }), ['a@b.example', 'kim']);
});

const PATH = 'acme/enc/.github/workflows/a.yml@refs/heads/main';
const workload = (issuer: string, uri: string, extensions: Readonly<Record<string, string>> = {}): Signer => ({
  kind: 'oidc',
  instance: 'public-good',
  issuer,
  san: { type: 'uri', value: uri },
  extensions,
  notBefore: '',
});

/** By a workload's own name alone: it counts for whoever holds the workflow, and not when strangers' code runs. */
test('a workflow named alone counts for the repository that holds it, as the certificate says now or said once', () => {
  const named = (issuer: string, uri: string, extensions: Readonly<Record<string, string>>) =>
    mismatch(workload(issuer, uri, extensions), { kind: 'oidc', issuer, identity: uri })?.what ?? null;
  const github = (extensions: Readonly<Record<string, string>>) =>
    named(GITHUB_ISSUER, `https://github.com/${PATH}`, extensions);
  assert.equal(github({}), null);
  assert.equal(github({ 12: 'https://github.com/acme/enc' }), null);
  assert.equal(github({ 12: 'https://github.com/evil/enc' }), 'calling repository');
  assert.equal(github({ 5: 'acme/enc' }), null);
  assert.equal(github({ 5: 'evil/enc' }), 'calling repository', 'an early certificate');
  assert.equal(github({ 12: 'https://github.com/acme/enc', 5: 'evil/enc' }), 'calling repository');
  assert.equal(github({ 20: 'push', 2: 'push' }), null);
  assert.equal(github({ 20: 'pull_request' }), 'trigger');
  assert.equal(github({ 2: 'pull_request_target' }), 'trigger', 'an early certificate');
  const uri = 'https://gitlab.com/acme/enc//.gitlab-ci.yml@refs/heads/main';
  assert.equal(named(GITLAB_ISSUER, uri, { 12: 'https://gitlab.com/acme/enc' }), null);
  assert.equal(named(GITLAB_ISSUER, uri, { 12: 'https://gitlab.com/evil/enc' }), 'calling repository');
  assert.equal(named(GITLAB_ISSUER, uri, { 5: 'evil/enc' }), 'calling repository');
  assert.equal(named('https://issuer.example', uri, { 12: 'https://gitlab.com/evil/enc', 20: 'pull_request' }), null);
});

test('a workload is its repository on its issuer’s own forge', () => {
  const asked = (issuer: string, uri: string, repository: string, kind: 'github' | 'gitlab') =>
    mismatch(workload(issuer, uri, { 12: repository }), { kind: 'oidc', issuer, [kind]: { repository: 'acme/enc' } });
  const own = 'https://ghe.example/_services/token';
  assert.equal(asked(GITHUB_ISSUER, `https://github.com/${PATH}`, 'https://github.com/acme/enc', 'github'), null);
  assert.equal(asked(GITLAB_ISSUER, 'https://gitlab.com/x', 'https://gitlab.com/acme/enc', 'gitlab'), null);
  assert.equal(asked(own, `https://ghe.example/${PATH}`, 'https://ghe.example/acme/enc', 'github'), null);
  for (const issuer of [GITLAB_ISSUER, own])
    assert.equal(asked(issuer, 'https://x', 'https://github.com/acme/enc', 'github')?.what, 'repository', issuer);
});

test('a certificate names one issuer, as Fulcio writes it now or wrote it once; its name may be of the other kind', () => {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const read = (...extensions: readonly Uint8Array[]) =>
    readFulcioCertificate(
      certificate({
        subject: '',
        key,
        issuer: { subject: 'ca', key },
        notBefore: SIGNED_AT,
        notAfter: NOW,
        extensions: [DIGITAL_SIGNATURE, CODE_SIGNING, ...extensions],
      }),
    );
  const name = alternativeNames('email:a@b.example');
  const old = (text: string) => extension('1.3.6.1.4.1.57264.1.1', Buffer.from(text));
  const current = (text: string) => extension('1.3.6.1.4.1.57264.1.8', utf8(text));
  const invalid = (message: RegExp) => ({ code: 'signature-invalid', message });
  assert.equal(read(name, old('https://a')).issuer, 'https://a');
  assert.equal(read(name, current('https://a')).issuer, 'https://a');
  assert.equal(read(name, old('https://a'), current('https://a')).issuer, 'https://a');
  assert.throws(() => read(name, old('https://a'), current('https://b')), invalid(/names two issuers/));
  assert.throws(() => read(name), invalid(/who vouches for the identity/));
  const other = (tag: number, ...more: readonly Uint8Array[]) =>
    extension('2.5.29.17', der(TAG.sequence, der(tag, derOid('1.3.6.1.4.1.57264.1.7'), ...more)), true);
  const san = read(other(0xa0, der(0xa0, utf8('anna!example.com'))), current('https://a')).san;
  assert.deepEqual(san, { type: 'other', value: 'anna!example.com' });
  for (const wrong of [other(0xa0), other(0xa3, der(0xa0, utf8('a'))), other(0xa0, der(0xa0, der(TAG.octetString)))])
    assert.throws(() => read(wrong, current('https://a')), { code: 'signature-malformed' });
});
