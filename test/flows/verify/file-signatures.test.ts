import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MessageSignatureBundleBuilder } from '@sigstore/sign';
import { bundleToJSON } from '@sigstore/bundle';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { claimsWorld, needVectors, refusals, VECTORS } from '../claims-world.ts';

/** `cosign sign-blob` and `sigstore sign`: this file, by this signer, under no name. */

const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.bundle+json;version=0.1',
  'application/vnd.dev.sigstore.bundle+json;version=0.2',
  'application/vnd.dev.sigstore.bundle+json;version=0.3',
  'application/vnd.dev.sigstore.bundle.v0.3+json',
];

interface KeyPair {
  readonly trust: TrustEntry;
  readonly signed: (content: string, change?: object) => string;
}

function keyPair(name: string, namedCurve = 'prime256v1'): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const hint = createHash('sha256').update(der).digest('base64');
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    trust: { name, anchor: { kind: 'key', pem } },
    signed: (content, change = {}) =>
      JSON.stringify({
        mediaType: MEDIA_TYPES[3],
        verificationMaterial: { publicKey: { hint }, tlogEntries: [], timestampVerificationData: null },
        messageSignature: {
          messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(content).digest('base64') },
          signature: sign('sha256', Buffer.from(content), privateKey).toString('base64'),
        },
        ...change,
      }),
  };
}

test('a signature of the file is found beside it by every name and media type, and says whose it is', async (t) => {
  const world = await claimsWorld(t);
  const anna = keyPair('anna');
  for (const [index, mediaType] of MEDIA_TYPES.entries())
    for (const name of ['w.bin.sigstore.json', 'w.bin.sigstore', 'w.bin.bundle', 'w.bin.sig', 'result.sigstore']) {
      const root = await world.tree(`m${index}-${name}`, {
        'w.bin': 'weights',
        [name]: anna.signed('weights', { mediaType }),
      });
      const outcome = await world.verify(join(root, 'w.bin'), [anna.trust]);
      assert.equal(
        outcome.verdict.outcome,
        'verified',
        `${name} ${mediaType}: ${JSON.stringify(outcome.verdict.checks)}`,
      );
      assert.equal(outcome.by, 'anna');
      const [, check] = outcome.verdict.checks;
      assert.match(
        check?.evidence[0]?.what ?? '',
        new RegExp(`^${name} by anna, key SHA256:.*: this file, under no name`),
      );
    }
});

test('other bytes, another signer, a changed digest and a torn bundle are refused, each with its code', async (t) => {
  const world = await claimsWorld(t);
  const [anna, eve] = [keyPair('anna'), keyPair('eve')];
  const digest = { algorithm: 'SHA2_256', digest: createHash('sha256').update('weights').digest('base64') };
  const { messageSignature } = JSON.parse(anna.signed('others')) as { messageSignature: { signature: string } };
  const cases: readonly (readonly [string, string, string])[] = [
    ['other bytes', anna.signed('others'), 'digest-mismatch w.bin'],
    ['another signer', eve.signed('weights'), 'signer-untrusted w.bin.sigstore.json'],
    [
      'a changed digest',
      anna.signed('weights', { messageSignature: { ...messageSignature, messageDigest: digest } }),
      'signature-invalid w.bin.sigstore.json',
    ],
    ['a torn bundle', anna.signed('weights').slice(0, -20), 'signature-malformed w.bin.sigstore.json'],
    [
      'a media type of tomorrow',
      anna.signed('weights', { mediaType: 'application/vnd.dev.sigstore.bundle.v0.9+json' }),
      'signature-malformed w.bin.sigstore.json',
    ],
  ];
  for (const [what, bundle, refusal] of cases) {
    const root = await world.tree(what.replaceAll(' ', '-'), { 'w.bin': 'weights', 'w.bin.sigstore.json': bundle });
    const outcome = await world.verify(join(root, 'w.bin'), [anna.trust]);
    assert.deepEqual(refusals(outcome), [refusal], what);
    assert.equal(outcome.id, null);
  }
});

test('one that --claims or --signature names counts, in a folder it does not, and other tools’ files are passed over', async (t) => {
  const world = await claimsWorld(t);
  const anna = keyPair('anna');
  const root = await world.tree('m', {
    'w.bin': 'weights',
    'w.bin.bundle': '# v2 git bundle\n',
    'w.bin.sig': randomBytes(70),
    'elsewhere.json': anna.signed('weights'),
  });
  const file = join(root, 'w.bin');
  const named = join(root, 'elsewhere.json');
  assert.equal((await world.verify(file, [anna.trust], { claims: [named] })).verdict.outcome, 'verified');
  assert.equal((await world.verify(file, [anna.trust], { signature: named })).verdict.outcome, 'verified');
  assert.deepEqual(refusals(await world.verify(file, [anna.trust])), ['signature-malformed w.bin.sig']);
  const folder = await world.verify(root, [anna.trust], { claims: [named] });
  assert.deepEqual(refusals(folder), ['signer-untrusted']);
  assert.match(findingsOf(folder.verdict)[0]?.message ?? '', /cannot be read/);
});

test('beside a seal it must agree, a stranger’s is noted, and trust that is limited to names does not count', async (t) => {
  const world = await claimsWorld(t);
  const [anna, eve] = [keyPair('anna'), keyPair('eve')];
  const bert = await world.person('bert');
  const root = await world.tree('m', { 'w.bin': 'weights' });
  const file = join(root, 'w.bin');
  await world.sign(file, bert);
  await writeFile(`${file}.sigstore.json`, anna.signed('weights'));
  const both = await world.verify(file, [bert.trust, anna.trust]);
  assert.deepEqual(
    both.verdict.checks.map(({ name }) => name),
    ['content', 'signature', 'file-signature'],
  );
  await writeFile(`${file}.sigstore.json`, anna.signed('before'));
  assert.deepEqual(refusals(await world.verify(file, [bert.trust, anna.trust])), ['digest-mismatch w.bin']);
  await writeFile(`${file}.sigstore.json`, eve.signed('weights'));
  const noted = await world.verify(file, [bert.trust, anna.trust]);
  assert.equal(noted.verdict.outcome, 'verified');
  assert.match(noted.verdict.notes.join('\n'), /w\.bin\.sigstore\.json does not count \(signer-untrusted\)/);
  const alone = await world.tree('alone', { 'w.bin': 'weights', 'w.bin.sigstore.json': anna.signed('weights') });
  const limited = await world.verify(join(alone, 'w.bin'), [{ ...anna.trust, for: 'acme/**' }]);
  assert.deepEqual(refusals(limited), ['signer-untrusted w.bin.sigstore.json']);
});

test('under a policy it counts where the policy says whose does', async (t) => {
  const world = await claimsWorld(t);
  const anna = keyPair('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'w.bin.sigstore.json': anna.signed('weights') });
  const file = join(root, 'w.bin');
  const silent = await world.verify(file, [anna.trust], { underPolicy: true }, { fileTrust: async () => [] });
  assert.deepEqual(refusals(silent), ['policy-refused w.bin.sigstore.json']);
  const said = await world.verify(file, [anna.trust], { underPolicy: true }, { fileTrust: async () => [anna.trust] });
  assert.equal(said.verdict.outcome, 'verified');
});

test('what @sigstore/sign builds verifies', async (t) => {
  const world = await claimsWorld(t);
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signer = {
    sign: async (data: Buffer) =>
      Promise.resolve({
        signature: sign('sha256', data, privateKey),
        key: { $case: 'publicKey' as const, publicKey: pem, hint: '' },
      }),
  };
  const bundle = await new MessageSignatureBundleBuilder({ signer, witnesses: [] }).create({
    data: Buffer.from('weights'),
  });
  const root = await world.tree('m', {
    'w.bin': 'weights',
    'w.bin.sigstore.json': JSON.stringify(bundleToJSON(bundle)),
  });
  const outcome = await world.verify(join(root, 'w.bin'), [{ name: 'anna', anchor: { kind: 'key', pem } }]);
  assert.equal(outcome.verdict.outcome, 'verified', JSON.stringify(outcome.verdict.checks));
});

test('real bundles of cosign and sigstore-js, by key and by identity', async (t) => {
  if (!needVectors(t)) return;
  const world = await claimsWorld(t, new Date('2026-11-22T12:00:00Z'));
  const text = async (name: string): Promise<string> => readFile(join(VECTORS, 'sigstore', name), 'utf8');
  const key = { name: 'ck', anchor: { kind: 'key', pem: await text('ck.pub') } } as const;
  const identity = {
    name: 'builder',
    anchor: {
      kind: 'oidc',
      issuer: 'http://127.0.0.1:18100',
      identity: 'builder@example.com',
      trustedRoot: await text('trusted_root.json'),
    },
  } as const;
  const other = { ...identity, anchor: { ...identity.anchor, identity: 'builder@example.co' } };
  await mkdir(join(world.folder, 'm'));
  const file = join(world.folder, 'm', 'weights.bin');
  await copyFile(join(VECTORS, 'sigstore', 'weights.bin'), file);
  for (const [bundle, trust] of [
    ['cosign-k1.json', key],
    ['cosign-k3.json', key],
    ['cosign-c1.json', identity],
    ['msg.sigstore.json', identity],
  ] as const) {
    await copyFile(join(VECTORS, 'sigstore', bundle), `${file}.sigstore.json`);
    const outcome = await world.verify(file, [trust]);
    assert.equal(outcome.verdict.outcome, 'verified', `${bundle}: ${JSON.stringify(outcome.verdict.checks)}`);
    const stranger = await world.verify(file, [trust === key ? keyPair('eve').trust : other]);
    assert.match(refusals(stranger).join(), /^(?:signer-untrusted|identity-mismatch) /, bundle);
  }
});

test('the signature of a folder by the name NVIDIA’s catalogue gives it', async (t) => {
  const world = await claimsWorld(t);
  const bert = await world.person('bert');
  const root = await world.tree('m', { 'w.bin': 'weights' });
  await world.sign(root, bert, { signature: join(root, 'result.sigstore') });
  const outcome = await world.verify(root, [bert.trust]);
  assert.equal(outcome.verdict.outcome, 'verified', JSON.stringify(outcome.verdict.checks));
  await writeFile(join(root, 'w.bin'), 'changed');
  assert.deepEqual(refusals(await world.verify(root, [bert.trust])), ['digest-mismatch w.bin']);
});
