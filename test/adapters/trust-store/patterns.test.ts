import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createUserTrustStore } from '../../../src/adapters/trust-store/index.ts';
import { compilePattern } from '../../../src/domain/trust/identity.ts';
import { mismatch } from '../../../src/domain/trust/match.ts';

/** In a file of its own, so that nothing else in its process has made patterns ready. */

const kim = {
  kind: 'oidc' as const,
  instance: 'public-good',
  issuer: 'https://issuer.example',
  san: { type: 'email' as const, value: 'kim@acme.example' },
  extensions: {},
  notBefore: '2026-01-01T00:00:00Z',
};

async function storeOf(text: string) {
  const home = mkdtempSync(join(tmpdir(), 'weighmark-patterns-'));
  writeFileSync(join(home, 'trust.yaml'), text);
  const store = createUserTrustStore(createFiles(), {
    env: { XDG_CONFIG_HOME: home, WEIGHMARK_TRUST: join(home, 'trust.yaml') },
    cwd: home,
    options: { offline: true },
  });
  return (await store.read()).entries;
}

const entry = (key: string) =>
  `version: 1\ntrust:\n  - name: kim\n    ${key}: '[a-z]+@acme[.]example'\n    issuer: https://issuer.example\n`;

test('before anybody asked for patterns none is compiled, and nothing passes for it', () => {
  assert.throws(() => compilePattern('.+@acme[.]example'), { code: 'internal' });
  assert.throws(() => mismatch(kim, { kind: 'oidc', issuer: kim.issuer, identityPattern: '.+@acme[.]example' }), {
    code: 'internal',
  });
});

test('a trust store that holds a pattern makes them ready, however its key is spelled', async () => {
  for (const key of ['"identity\\u002dregexp"', 'identity-regexp']) {
    const [made] = await storeOf(entry(key));
    assert.equal(made === undefined ? undefined : mismatch(kim, made.anchor), null);
  }
});
