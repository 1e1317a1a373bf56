import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { usePatterns } from '../../../src/domain/base/pattern-engine.ts';
import { makeEntry, type RawEntry } from '../../../src/domain/trust/entry.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';
import { people } from '../policy/world.ts';

/** Trust that is vague, doubled or contradicts itself is none. */

usePatterns();
const KEY = people.anna.pem;
const ISSUER = 'https://accounts.example.com';
const CHAIN = makeInstance().authorities.map(
  ({ certificate }) =>
    `-----BEGIN CERTIFICATE-----\n${Buffer.from(certificate).toString('base64')}\n-----END CERTIFICATE-----\n`,
)[0] as string;
const REPOSITORY = { repository: 'acme/enc' };

test('an entry names one anchor, and nothing that does not go with it', () => {
  for (const good of [
    { key: KEY },
    { key: KEY, until: '2026-11-02' },
    { certificateChain: CHAIN },
    { certificateChain: CHAIN, identity: 'anna@example.com' },
    { issuer: ISSUER, identity: 'anna@example.com' },
    { issuer: ISSUER, identityRegexp: '.*@example\\.com' },
    { github: REPOSITORY },
    { gitlab: { ...REPOSITORY, ref: 'refs/heads/main' } },
  ] satisfies readonly Partial<RawEntry>[])
    assert.equal(makeEntry({ name: 'anna', ...good }).name, 'anna');
  for (const bad of [
    {},
    { key: KEY, certificateChain: CHAIN },
    { key: KEY, issuer: ISSUER, identity: 'a@example.com' },
    { key: KEY, identity: 'a@example.com' },
    { key: KEY, identityRegexp: '.*' },
    { key: KEY, trustedRoot: '{}' },
    { key: KEY, until: 'tomorrow' },
    { key: KEY, until: '2026-13-40' },
    { certificateChain: CHAIN, until: '2026-11-02' },
    { certificateChain: CHAIN, identityRegexp: '.*' },
    { certificateChain: CHAIN, trustedRoot: '{}' },
    { issuer: ISSUER },
    { issuer: ISSUER, identity: 'a@example.com', identityRegexp: '.*' },
    { github: REPOSITORY, gitlab: REPOSITORY },
    { github: { repository: 'acme' } },
    { github: { ...REPOSITORY, ref: 'main' } },
    { gitlab: { ...REPOSITORY, ref: 'refs/heads/mäin' } },
  ] satisfies readonly Partial<RawEntry>[])
    assert.throws(() => makeEntry({ name: 'anna', ...bad }), { code: 'trust-invalid' }, JSON.stringify(bad));
});

test('names are short and plain, a pattern names artifacts, and a threshold counts people for policies', () => {
  const entry = (over: Partial<RawEntry>) => makeEntry({ name: 'anna', key: KEY, ...over });
  assert.equal(entry({ name: 'a'.repeat(100) }).name.length, 100);
  assert.equal(entry({ for: 'acme/*' }).for, 'acme/*');
  for (const threshold of [1, LIMITS.trustEntries])
    assert.equal(entry({ for: 'policy/acme', threshold }).threshold, threshold);
  for (const bad of [
    { name: '' },
    { name: 'a'.repeat(101) },
    { name: '-anna' },
    { name: 'änna' },
    { name: 'an na' },
    { for: '' },
    { for: 'Acme/*' },
    { for: 'a'.repeat(256) },
    { threshold: 1 },
    { for: 'acme/*', threshold: 1 },
    ...[0, -1, 1.5, LIMITS.trustEntries + 1, Number.NaN].map((threshold) => ({ for: 'policy/acme', threshold })),
  ])
    assert.throws(() => entry(bad), { code: 'trust-invalid' }, JSON.stringify(bad));
});
