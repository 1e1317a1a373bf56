import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { makeEntry } from '../../../src/domain/trust/entry.ts';
import { parseSettings, tightenedBy } from '../../../src/domain/trust/settings.ts';
import { formatTrustFile, parseTrustFile, type TrustFile } from '../../../src/domain/trust/store.ts';
import { people } from '../policy/world.ts';

/** The files that say whose word counts: read whole or not at all. */

test('a configuration with a key nobody knows, or a wrong value, is refused; a project’s may not say a user’s', () => {
  const read = (text: string, kind: 'user' | 'project' = 'user') => parseSettings(text, 'config.yaml', kind);
  assert.deepEqual(read('jobs: 1\noffline: true\n$schema: x'), { jobs: 1, offline: true });
  assert.deepEqual(read('jobs: 1024'), { jobs: 1024 });
  assert.deepEqual(read('timestamp-authorities: [a.pem]'), { timestampAuthorities: ['a.pem'] });
  assert.deepEqual(read('hook: { unsealed: warn }', 'project'), { hook: { unsealed: 'warn' } });
  assert.deepEqual(read('hook: {}', 'project'), { hook: {} });
  const authorities = (count: number) =>
    read(`timestamp-authorities: [${Array.from({ length: count }, () => 'a').join()}]`);
  assert.equal(authorities(LIMITS.certificatesPerFile).timestampAuthorities?.length, LIMITS.certificatesPerFile);
  assert.throws(() => authorities(LIMITS.certificatesPerFile + 1), { code: 'config-invalid' });
  for (const bad of [
    'toString: 1',
    'jobs: 0',
    'jobs: 1025',
    'jobs: 1.5',
    "jobs: '2'",
    'offline: yes',
    "registry: ''",
    'registry: 7',
    'timestamp-authorities: a.pem',
    'timestamp-authorities: [7]',
    'hook: error',
    'hook: { unsealed: refuse }',
    'hook: { unsealed: warn, more: 1 }',
    'jobs: 1\njobs: 2',
    '- jobs',
  ])
    assert.throws(() => read(bad), { code: 'config-invalid' }, bad);
  for (const key of ['key', 'public-key', 'log-key', 'tsa', 'signing-config'])
    assert.throws(
      () => read(`${key}: x`, 'project'),
      { code: 'config-invalid', message: /belongs in the user's/ },
      key,
    );
});

test('a project that nobody allowed makes the hook stricter and nothing else', () => {
  const of = (text: string) => tightenedBy(Buffer.from(text), 'config.yaml');
  assert.deepEqual(of('hook: { unsealed: error }\npolicy: mine.yaml\nregistry: elsewhere\nsee: 1'), {});
  assert.deepEqual(of('hook: { unsealed: error }\npolicy: mine.yaml\nregistry: elsewhere'), {
    hook: { unsealed: 'error' },
  });
  for (const nothing of ['hook: { unsealed: warn }', 'policy: mine.yaml', 'key: x', '', '\0'])
    assert.deepEqual(of(nothing), {}, nothing);
});

test('a trust file says each entry once, wholly, and nothing that nobody knows', () => {
  const pem = people.anna.pem.trim().replaceAll('\n', '\n      ');
  const entry = (more = '', name = 'anna') => `  - name: ${name}\n    key: |\n      ${pem}\n${more}`;
  const read = (text: string) => parseTrustFile(`version: 1\n${text}`, 'trust.yaml');
  assert.equal(read(`trust:\n${entry()}`).entries[0]?.name, 'anna');
  assert.deepEqual(read('').entries, []);
  for (const bad of [
    `trust:\n${entry()}${entry()}`,
    `trust:\n${entry('    more: 1\n')}`,
    `trust:\n${entry('    threshold: two\n')}`,
    `trust:\n${entry("    for: 'acme/*'\n    for: x\n")}`,
    `trust:\n${entry('', '7')}`,
    'trust: anna',
    'trust: [anna]',
    'trust:\n  - name: anna',
    'more: 1',
    'allowed:\n  - path: /a',
    `allowed:\n  - sha256: ${'a'.repeat(64)}`,
    'allowed:\n  - path: /a\n    sha256: short',
    'allowed: {}',
  ])
    assert.throws(() => read(bad), { code: 'trust-invalid' }, bad);
  for (const version of ['version: 2', "version: '1'", 'trust: []'])
    assert.throws(() => parseTrustFile(version, 'trust.yaml'), { code: 'trust-invalid' }, version);
});

test('a trust file is written as it is read, and holds as many entries as the limit', () => {
  const { pem } = people.anna;
  const sha256 = 'a'.repeat(64);
  const files: readonly TrustFile[] = [
    { entries: [], allowed: [] },
    { entries: [makeEntry({ name: 'anna', key: pem })], allowed: [{ path: '/a', sha256 }] },
    {
      entries: [makeEntry({ name: 'boss', key: pem, for: 'policy/acme', threshold: 2, until: '2026-11-02' })],
      allowed: [{ path: '/a', sha256, names: [{ path: 'policy.yaml', sha256 }] }],
    },
  ];
  for (const file of files) assert.deepEqual(parseTrustFile(formatTrustFile(file), 'trust.yaml'), file);
  assert.doesNotMatch(formatTrustFile({ entries: [], allowed: [] }), /allowed/);
  assert.doesNotMatch(formatTrustFile({ entries: [], allowed: [{ path: '/a', sha256 }] }), /names/);
  assert.throws(
    () =>
      parseTrustFile(
        'version: 1\nallowed:\n  - { path: /a, sha256: ' + sha256 + ', names: [{ path: p }] }',
        'trust.yaml',
      ),
    { code: 'trust-invalid' },
  );
  const many = (count: number) =>
    formatTrustFile({ entries: [], allowed: Array.from({ length: count }, (_, at) => ({ path: `/${at}`, sha256 })) });
  assert.equal(parseTrustFile(many(LIMITS.trustEntries), 'trust.yaml').allowed.length, LIMITS.trustEntries);
  assert.throws(() => parseTrustFile(many(LIMITS.trustEntries + 1), 'trust.yaml'), { code: 'trust-invalid' });
});
