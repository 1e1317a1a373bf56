import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Proof, ProofOptions } from '../../../src/adapters/sigstore/proof.ts';
import { createKeylessVerifier } from '../../../src/adapters/sigstore/verifier.ts';
import { WeighmarkError, type Code } from '../../../src/domain/base/errors.ts';
import { mismatch } from '../../../src/domain/trust/match.ts';

/** Bundles by other tools: cosign 3.1.3 and sigstore-js on a private Sigstore, model_signing on the public-good one. */

const VECTORS = process.env['WEIGHMARK_VECTORS'] ?? '../shared/vectors';
const there = existsSync(join(VECTORS, 'sigstore', 'manifest.json'));
const skip = there || process.env['CI'] === 'true' ? false : `no test vectors in ${VECTORS}`;
const read = (name: string): Buffer => readFileSync(join(VECTORS, name));
const text = (name: string): string => read(`sigstore/${name}`).toString('utf8');

const verifier = createKeylessVerifier(async () => Promise.resolve(text('public-good-trusted_root.json')));
const prove = async (name: string, options: ProofOptions): Promise<Proof> =>
  verifier.prove(read(`sigstore/${name}`), options);
const artifact = (): Uint8Array => createHash('sha256').update(read('sigstore/weights.bin')).digest();
const root = (): { trustedRoot: string } => ({ trustedRoot: text('trusted_root.json') });

/** How each file of the manifest is asked about. */
const CASES: Readonly<Record<string, () => ProofOptions>> = {
  'dsse.sigstore.json': () => root(),
  'msg.sigstore.json': () => ({ ...root(), artifact: artifact() }),
  'cosign-c1.json': () => ({ ...root(), artifact: artifact() }),
  'cosign-k1.json': () => ({ key: text('ck.pub'), artifact: artifact() }),
  'cosign-k3.json': () => ({ ...root(), key: text('ck.pub'), artifact: artifact() }),
  'cosign-k4.json': () => ({ ...root(), key: text('ck.pub') }),
  'js-p256-dsse.json': () => ({ ...root(), key: text('p256.pub') }),
  'js-p256-dsse-nokeyid.json': () => ({ ...root(), key: text('p256.pub') }),
  'js-p256-msg.json': () => ({ ...root(), key: text('p256.pub'), artifact: artifact() }),
};

test('every expected verdict of vectors/sigstore', { skip }, async () => {
  const { expected_by_strict_verifier: expected } = JSON.parse(text('manifest.json')) as {
    expected_by_strict_verifier: Record<string, string>;
  };
  for (const [name, verdict] of Object.entries(expected)) {
    if (verdict.startsWith('MUST FAIL')) await assertRefused(prove(name, root()), 'signature-invalid', /another key/);
    else if (verdict.includes('only with tlogThreshold 0')) await onlyWithoutLog(name);
    else await assertProven(name, CASES[name]);
  }
});

async function assertProven(name: string, options: (() => ProofOptions) | undefined): Promise<void> {
  assert.ok(options !== undefined, `the test knows how to ask about ${name}`);
  const { signer } = await prove(name, options());
  if (signer.kind === 'key') return;
  const anchor = {
    kind: 'oidc',
    issuer: 'http://127.0.0.1:18100',
    identity: 'builder@example.com',
    ...root(),
  } as const;
  assert.equal(mismatch(signer, anchor), null, name);
  assert.equal(mismatch(signer, { ...anchor, identity: 'builder@example.co' })?.what, 'identity', name);
  assert.equal(mismatch(signer, { ...anchor, issuer: 'http://127.0.0.1:18101' })?.what, 'issuer', name);
}

async function onlyWithoutLog(name: string): Promise<void> {
  await assertRefused(prove(name, root()), 'signature-invalid', /transparency log/);
  assert.equal((await prove(name, { ...root(), logs: 0 })).times.length, 1);
}

test('the wrong key, the wrong artifact, the wrong instance', { skip }, async () => {
  await assertRefused(
    prove('cosign-k1.json', { key: text('p256.pub'), artifact: artifact() }),
    'signature-invalid',
    /not by the key/,
  );
  await assertRefused(
    prove('cosign-k1.json', { key: text('ck.pub'), artifact: createHash('sha256').digest() }),
    'signature-invalid',
    /another artifact/,
  );
  await assertRefused(prove('cosign-c1.json', { artifact: artifact() }), 'signature-invalid', /./);
  await assertRefused(
    prove('js-rsa3072-pkcs1-dsse.json', { key: text('p256.pub') }),
    'signature-invalid',
    /not by the key/,
  );
});

test('real public-good bundles of model_signing verify offline, by the root built in', { skip }, async () => {
  for (const [version, logged] of [
    ['v0.3.1', '84437787'],
    ['v1.1.0', '476246824'],
  ]) {
    const { signer, times, logEntries } = await verifier.verify(read(`oms-history/${version}-sigstore/model.sig`));
    const anchor = {
      kind: 'oidc',
      issuer: 'https://sigstore.verify.ibm.com/oauth2',
      identity: 'stefanb@us.ibm.com',
    } as const;
    assert.equal(mismatch(signer, anchor), null);
    assert.equal(mismatch(signer, { ...anchor, identity: 'stefanb@us.ibm.co' })?.what, 'identity');
    assert.equal(mismatch(signer, { ...anchor, issuer: 'https://accounts.google.com' })?.what, 'issuer');
    assert.deepEqual(logEntries, [{ log: 'rekor.sigstore.dev', index: logged }]);
    assert.ok(times.length > 0);
  }
});

test('a public-good bundle does not verify under a private root, nor the other way round', { skip }, async () => {
  await assertRefused(
    verifier.verify(read('oms-history/v1.1.0-sigstore/model.sig'), text('trusted_root.json')),
    'signature-invalid',
    /./,
  );
  await assertRefused(verifier.verify(read('sigstore/dsse.sigstore.json')), 'signature-invalid', /./);
});

async function assertRefused(work: Promise<unknown>, code: Code, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof WeighmarkError);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}
