import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatReference,
  parseAsked,
  parseOciLocation,
  parseReference,
  placeOf,
  repositoryOf,
} from '../../../src/domain/registry/reference.ts';

const HEX = 'ab'.repeat(32);

const CASES: readonly [string, object][] = [
  ['./x', { kind: 'path', path: './x' }],
  ['x/', { kind: 'path', path: 'x/' }],
  ['./x:1', { kind: 'path', path: './x:1' }],
  ['/srv/models/x', { kind: 'path', path: '/srv/models/x' }],
  ['../x@y', { kind: 'path', path: '../x@y' }],
  ['model.safetensors', { kind: 'path', path: 'model.safetensors' }],
  ['C:\\models\\x', { kind: 'path', path: 'C:\\models\\x' }],
  ['s3://bucket/x', { kind: 'path', path: 's3://bucket/x' }],
  [`${'a'.repeat(200)}:1`, { kind: 'name', name: 'a'.repeat(200), tag: '1' }],
  ['acme/enc:1.4', { kind: 'name', name: 'acme/enc', tag: '1.4' }],
  [`acme/enc@sha256:${HEX}`, { kind: 'name', name: 'acme/enc', digest: `sha256:${HEX}` }],
  [`sha256:${HEX}`, { kind: 'digest', digest: `sha256:${HEX}` }],
  ['oci://ghcr.io/acme/enc:1', { kind: 'oci', host: 'ghcr.io', repository: 'acme/enc', tag: '1' }],
  ['oci://localhost:5000/enc:1', { kind: 'oci', host: 'localhost:5000', repository: 'enc', tag: '1' }],
  ['oci://docker.io/acme/enc:1', { kind: 'oci', host: 'docker.io', repository: 'acme/enc', tag: '1' }],
  ['oci://index.docker.io/acme/enc:1', { kind: 'oci', host: 'docker.io', repository: 'acme/enc', tag: '1' }],
  ['oci://registry-1.docker.io/acme/enc:1', { kind: 'oci', host: 'docker.io', repository: 'acme/enc', tag: '1' }],
  ['oci://docker.io/enc:1', { kind: 'oci', host: 'docker.io', repository: 'library/enc', tag: '1' }],
  ['oci://docker.io.evil.example/enc:1', { kind: 'oci', host: 'docker.io.evil.example', repository: 'enc', tag: '1' }],
  [
    `oci://[::1]:5000/enc@sha256:${HEX}`,
    { kind: 'oci', host: '[::1]:5000', repository: 'enc', digest: `sha256:${HEX}` },
  ],
];

for (const [text, expected] of CASES) {
  test(`${text} is ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(parseReference(text), expected);
    assert.deepEqual(parseAsked(text), expected, 'for looking too');
  });
}

const REFUSED = [
  '',
  'Acme/enc:1',
  'acme/enc:',
  'acme/enc:.x',
  'acme//enc:1',
  'acme/enc@sha256:12',
  `acme/enc@sha256:${HEX.toUpperCase()}`,
  `acme/enc@md5:${HEX}`,
  'sha256:12@x',
  'oci://ghcr.io/acme/enc',
  'oci://ghcr.io',
  'oci://user:pw@ghcr.io/enc:1',
  'a/blobs:1',
  'a/index.json/b:1',
  `${'a'.repeat(201)}:1`,
  `x:${'1'.repeat(129)}`,
  'a/weighmark-log:1',
  'oci://ghcr.io/../x:1',
  'a:b:c',
];

for (const text of REFUSED) {
  test(`${JSON.stringify(text.slice(0, 40))} is refused, never guessed`, () => {
    assert.throws(() => parseReference(text), { code: 'name-invalid' });
  });
}

test('a registry alone is told that it names no repository', () => {
  assert.throws(() => parseReference('oci://ghcr.io'), { code: 'name-invalid', message: /names no repository/ });
  assert.throws(() => parseReference('oci://ghcr.io/enc'), {
    code: 'name-invalid',
    message: /names neither a tag nor a digest/,
  });
});

test('a short digest is for looking alone', () => {
  for (const [text, of] of [
    [`sha256:${HEX.slice(0, 12)}`, null],
    [`acme/enc@sha256:${HEX.slice(0, 63)}`, 'acme/enc'],
    [`oci://ghcr.io/enc@sha256:${HEX.slice(0, 20)}`, 'oci://ghcr.io/enc'],
  ] as const) {
    assert.deepEqual(parseAsked(text), { kind: 'short', of, start: text.slice(text.indexOf('sha256:')) });
    assert.throws(() => parseReference(text), { code: 'name-invalid', message: /is a short digest/ });
  }
  assert.throws(() => parseAsked(`acme/enc@sha256:${HEX.slice(0, 11)}`), { code: 'name-invalid' });
});

test('what is formatted reads back the same', () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `m${parts.join('/')}`);
  fc.assert(
    fc.property(name, fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/), (base, tag) => {
      const ref = parseReference(`${base}:${tag}`);
      assert.deepEqual(ref, { kind: 'name', name: base, tag });
      assert.equal(formatReference(ref), `${base}:${tag}`);
    }),
  );
});

test('an oci reference lies below the configured registry, or its last part is the name', () => {
  const ref = parseReference('oci://ghcr.io/acme/models/enc:1');
  assert.ok(ref.kind === 'oci');
  assert.deepEqual(placeOf(ref, 'oci://ghcr.io/acme'), {
    location: 'oci://ghcr.io/acme',
    name: 'models/enc',
    reference: '1',
  });
  assert.deepEqual(placeOf(ref, 'oci://ghcr.io/ac'), {
    location: 'oci://ghcr.io/acme/models',
    name: 'enc',
    reference: '1',
  });
  const named = parseReference('acme/enc:1');
  assert.ok(named.kind === 'name');
  assert.deepEqual(placeOf(named), { name: 'acme/enc', reference: '1' });
  assert.deepEqual(placeOf(named, '/srv/registry'), { name: 'acme/enc', reference: '1', location: '/srv/registry' });
  assert.deepEqual(placeOf(ref), { location: 'oci://ghcr.io/acme/models', name: 'enc', reference: '1' });
});

test('a registry location is a host and a prefix, nothing else', () => {
  assert.deepEqual(parseOciLocation('oci://GHCR.io/acme/'), { host: 'ghcr.io', prefix: 'acme' });
  assert.deepEqual(parseOciLocation('oci://localhost:5000'), { host: 'localhost:5000', prefix: '' });
  for (const bad of ['oci://', 'oci://a@b/c', 'http://a/b', 'oci://a/B', 'oci://a/../b', 'oci://a?x/b']) {
    assert.throws(() => parseOciLocation(bad), { code: 'name-invalid' }, bad);
  }
});

test('a name is in one repository, however Docker Hub is spelled', () => {
  for (const location of ['oci://docker.io', 'oci://index.docker.io/', 'oci://registry-1.docker.io']) {
    assert.equal(repositoryOf(parseOciLocation(location), 'enc'), 'library/enc');
    assert.equal(repositoryOf(parseOciLocation(location), 'acme/enc'), 'acme/enc');
    assert.equal(repositoryOf(parseOciLocation(`${location.replace(/\/$/, '')}/acme`), 'enc'), 'acme/enc');
  }
  assert.equal(repositoryOf(parseOciLocation('oci://ghcr.io'), 'enc'), 'enc');
});
