import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createUserTrustStore } from '../../../src/adapters/trust-store/index.ts';
import type { TrustStore } from '../../../src/domain/ports/trust.ts';
import { refuseInside } from '../../../src/domain/trust/anchors.ts';
import { makeEntry } from '../../../src/domain/trust/entry.ts';
import { usePatterns } from '../../../src/domain/base/pattern-engine.ts';
import { formatTrustFile, parseTrustFile } from '../../../src/domain/trust/store.ts';
import { trustAdd, trustExport, trustRemove } from '../../../src/flows/setup/trust.ts';
import { makeInstance } from '../sigstore/instance.ts';

const files = createFiles();
const pem = (): string =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
const KEY = pem();

function newStore(env: Record<string, string> = {}): TrustStore {
  const home = mkdtempSync(join(tmpdir(), 'weighmark-trust-'));
  return createUserTrustStore(files, { env: { XDG_CONFIG_HOME: home, ...env }, cwd: home, options: { offline: true } });
}

test('an empty store is nobody, and not an error', async () => {
  assert.deepEqual(await newStore().read(), { entries: [], allowed: [] });
});

test('a store that WEIGHMARK_TRUST names must be there', async () => {
  await assert.rejects(newStore({ WEIGHMARK_TRUST: 'nowhere.yaml' }).read(), { code: 'trust-unavailable' });
});

test('what is added is there, in a file of the user’s own, and goes when it is removed', async () => {
  const store = newStore();
  const anna = makeEntry({ name: 'anna', key: KEY, for: 'acme/*' });
  await trustAdd({ entry: anna, replace: false }, { store });
  await trustAdd(
    { entry: makeEntry({ name: 'ci', github: { repository: 'acme/models', ref: 'refs/heads/main' } }), replace: false },
    { store },
  );
  assert.deepEqual((await store.read()).entries[0], anna);
  assert.equal(statSync(store.location).mode & 0o777, 0o600);
  await assert.rejects(trustAdd({ entry: makeEntry({ name: 'anna', key: pem() }), replace: false }, { store }), {
    code: 'already-exists',
  });
  await trustAdd({ entry: makeEntry({ name: 'anna', key: pem() }), replace: true }, { store });
  assert.notDeepEqual((await trustExport(['anna'], { store })).entries, [anna]);
  await trustRemove('anna', { store });
  assert.deepEqual(
    (await store.read()).entries.map(({ name }) => name),
    ['ci'],
  );
  await assert.rejects(trustRemove('anna', { store }), { code: 'not-found' });
});

test('a store anybody may write is nobody’s trust', async () => {
  const store = newStore();
  await trustAdd({ entry: makeEntry({ name: 'anna', key: KEY }), replace: false }, { store });
  chmodSync(store.location, 0o666);
  await assert.rejects(store.read(), { code: 'trust-invalid', message: /every user/ });
});

test('every entry survives writing and reading', () => {
  usePatterns();
  const { trustedRoot } = makeInstance();
  const names = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,20}$/);
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
  const anchors = fc.oneof(
    fc.record({ key: fc.constant(KEY), until: fc.constantFrom(undefined, '2026-06-01') }),
    fc.record({
      identity: word.map((user) => `${user}@example.com`),
      issuer: word.map((host) => `https://${host}.example`),
      trustedRoot: fc.constantFrom(undefined, trustedRoot),
    }),
    fc.record({
      identityRegexp: fc.constantFrom('.+@example\\.com', 'a|b'),
      issuer: fc.constant('https://issuer.example'),
    }),
    fc.record({
      github: fc.record({
        repository: fc.tuple(word, word).map((parts) => parts.join('/')),
        ref: fc.constant('refs/tags/v1'),
        workflow: word,
        environment: word,
        trigger: word,
        repositoryId: fc.nat().map(String),
      }),
    }),
    fc.record({ gitlab: fc.record({ repository: fc.constant('group/sub/project') }) }),
  );
  const entries = fc.uniqueArray(fc.tuple(names, fc.constantFrom(undefined, 'acme/*', '**'), anchors), {
    selector: ([name]) => name,
    maxLength: 8,
  });
  fc.assert(
    fc.property(entries, (raw) => {
      const made = structuredClone(raw).map(([name, globs, anchor]) => makeEntry({ name, for: globs, ...anchor }));
      const allowed = [{ path: '/home/anna/project/weighmark.yaml', sha256: '0'.repeat(64) }];
      assert.deepEqual(parseTrustFile(formatTrustFile({ entries: made, allowed }), 'trust.yaml'), {
        entries: made,
        allowed,
      });
    }),
  );
});

test('a hostile or careless file is refused, never half read', () => {
  const good = `version: 1\ntrust:\n  - name: anna\n    key: |\n${KEY.replace(/^/gm, '      ')}`;
  assert.equal(parseTrustFile(good, 'f').entries.length, 1);
  assert.equal(
    parseTrustFile(JSON.stringify({ version: 1, trust: [{ name: 'anna', key: KEY }] }), 'f').entries.length,
    1,
  );
  const bad = [
    'version: 2',
    '',
    'trust: []',
    '[]',
    'version: 1\nversion: 1',
    'version: 1\ntrust: {}',
    'version: 1\nkeys: []',
    'version: 1\ntrust: [{name: a}]',
    'version: 1\ntrust: [{name: a, issuer: "https://i.example"}]',
    'version: 1\ntrust: [{name: a, key: rubbish}]',
    'version: 1\ntrust: [{name: a, identity: a@b.c, issuer: "https://i.example", verified: true}]',
    'version: 1\ntrust: [&x {name: a, identity: a@b.c, issuer: "https://i.example"}, *x]',
    `version: 1\ntrust: [{name: a, identity: a@b.c, issuer: "https://i.example"}, {name: a, identity: d@b.c, issuer: "https://i.example"}]`,
    'version: 1\ntrust: [{name: a, identity: 1, issuer: "https://i.example"}]',
    'version: 1\nallowed: [{path: x, sha256: y}]',
    'version: 1\ntrust: [{name: a, github: {repository: owner}}]',
    'version: 1\ntrust: [{name: a, github: {repository: o/r, ref: main}}]',
    'version: 1\ntrust: [{name: a, github: {repository: o/r, who: me}}]',
    'version: 1\ntrust: !!js/function x',
    '\u0000',
  ];
  for (const text of bad) assert.throws(() => parseTrustFile(text, 'f'), { code: 'trust-invalid' }, text);
});

test('rule 1: an anchor inside the artifact is refused, whatever link leads there', async () => {
  const artifact = mkdtempSync(join(tmpdir(), 'weighmark-artifact-'));
  const outside = mkdtempSync(join(tmpdir(), 'weighmark-outside-'));
  writeFileSync(join(artifact, 'signer.pub'), KEY);
  writeFileSync(join(outside, 'signer.pub'), KEY);
  symlinkSync(join(artifact, 'signer.pub'), join(outside, 'link.pub'));
  symlinkSync(artifact, join(outside, 'linked-artifact'));
  await refuseInside(files, join(outside, 'signer.pub'), [artifact]);
  await refuseInside(files, `${artifact}-beside`, [artifact]);
  for (const anchor of [join(artifact, 'signer.pub'), join(outside, 'link.pub')])
    await assert.rejects(refuseInside(files, anchor, [artifact]), { code: 'anchor-inside' });
  await assert.rejects(refuseInside(files, join(artifact, 'signer.pub'), [join(outside, 'linked-artifact')]), {
    code: 'anchor-inside',
  });
});
