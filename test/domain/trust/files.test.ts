import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSettings, tightenedBy } from '../../../src/domain/trust/settings.ts';
import { parseTrustFile } from '../../../src/domain/trust/store.ts';
import { people } from '../policy/world.ts';

/** The files that say whose word counts: read whole or not at all. */

test('a configuration with a key nobody knows, or a wrong value, is refused; a project’s may not say a user’s', () => {
  const read = (text: string, kind: 'user' | 'project' = 'user') => parseSettings(text, 'config.yaml', kind);
  assert.deepEqual(read('jobs: 1\noffline: true\n$schema: x'), { jobs: 1, offline: true });
  assert.deepEqual(read('jobs: 1024'), { jobs: 1024 });
  assert.deepEqual(read('timestamp-authorities: [a.pem]'), { timestampAuthorities: ['a.pem'] });
  assert.deepEqual(read('hook: { unsealed: warn }', 'project'), { hook: { unsealed: 'warn' } });
  assert.deepEqual(read('hook: {}', 'project'), { hook: {} });
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
