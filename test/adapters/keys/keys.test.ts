import assert from 'node:assert/strict';
import { X509Certificate, createHash, createPublicKey, generateKeyPairSync, verify, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createKeylessVerifier } from '../../../src/adapters/sigstore/verifier.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createUserSigners } from '../../../src/adapters/keys/index.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { keygen } from '../../../src/flows/sign/keygen.ts';
import { AUTHORITY, certificate, DIGITAL_SIGNATURE, CODE_SIGNING } from '../sigstore/x509.ts';
import { makeAuthority, makeInstance, timestampToken } from '../sigstore/instance.ts';
import { serve } from '../sigstore/services.ts';
import { TAG, childrenOf, childAt, readDer } from '../../../src/domain/pki/der.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-keys-'));
const files = createFiles();
const signers = createUserSigners(files, { env: {}, options: { offline: false } });
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const without = async (): Promise<null> => Promise.resolve(null);
const PAYLOAD = Buffer.from('{"_type":"https://in-toto.io/Statement/v1"}');

const CURVES = [
  ['P-256', 'sha256'],
  ['P-384', 'sha384'],
  ['P-521', 'sha512'],
] as const;

for (const [namedCurve, hash] of CURVES) {
  test(`a ${namedCurve} key signs with ${hash}, from PKCS#8 and SEC1, encrypted or not`, async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    const secret = { cipher: 'aes-256-cbc', passphrase: 'correct horse' };
    const forms = [
      privateKey.export({ type: 'pkcs8', format: 'pem' }),
      privateKey.export({ type: 'sec1', format: 'pem' }),
      privateKey.export({ type: 'pkcs8', format: 'pem', ...secret }),
      privateKey.export({ type: 'sec1', format: 'pem', ...secret }),
      privateKey.export({ type: 'pkcs8', format: 'der' }),
      privateKey.export({ type: 'sec1', format: 'der' }),
      privateKey.export({ type: 'pkcs8', format: 'der', ...secret }),
      JSON.stringify(privateKey.export({ format: 'jwk' })),
      `\uFEFFbag attributes\r\n${pem(privateKey).replaceAll('\n', '\r\n')}`,
    ];
    for (const form of forms) {
      const signer = await signers.key({
        keyFile: file('key.pem', form),
        password: async () => Promise.resolve('correct horse'),
      });
      const bundle = parseBundle(await signer.sign(PAYLOAD));
      assert.ok(verify(hash, preAuthEncoding(PAYLOAD), publicKey, bundle.signature));
      assert.deepEqual(bundle.key, { kind: 'key', hint: omsHintOf(publicKey) });
    }
  });
}

function omsHintOf(key: KeyObject): string {
  return createHash('sha256')
    .update(key.export({ type: 'spki', format: 'pem' }))
    .digest('hex');
}

test('the bundle is one line of v0.3 JSON with an empty keyid, as cosign and the Go port of OMS demand', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const text = Buffer.from(
    await (await signers.key({ keyFile: file('k.pem', pem(privateKey)), password: without })).sign(PAYLOAD),
  ).toString('utf8');
  assert.doesNotMatch(text, /\n/);
  const { mediaType, dsseEnvelope, verificationMaterial } = JSON.parse(text);
  assert.equal(mediaType, 'application/vnd.dev.sigstore.bundle.v0.3+json');
  assert.equal(dsseEnvelope.signatures[0].keyid, '');
  assert.deepEqual(verificationMaterial.tlogEntries, []);
});

test('keys that OMS does not know are refused', async () => {
  const others = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
  ];
  for (const key of others)
    await assert.rejects(signers.key({ keyFile: file('other.pem', pem(key)), password: without }), {
      code: 'key-unusable',
      message: /only P-256, P-384 and P-521/,
    });
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await assert.rejects(
    signers.key({
      keyFile: file('public.pem', publicKey.export({ type: 'spki', format: 'pem' }).toString()),
      password: without,
    }),
    { code: 'key-unusable', message: /public key/ },
  );
  await assert.rejects(
    signers.key({
      keyFile: file(
        'cosign.key',
        '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nx\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n',
      ),
      password: without,
    }),
    { code: 'key-unusable', message: /cosign/ },
  );
  await assert.rejects(signers.key({ keyFile: file('rubbish.pem', 'rubbish'), password: without }), {
    code: 'key-unusable',
  });
  const [one, two] = [0, 1].map(() => pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey));
  await assert.rejects(signers.key({ keyFile: file('two.pem', `${one}${two}`), password: without }), {
    code: 'key-unusable',
    message: /2 private keys/,
  });
  await assert.rejects(
    signers.key({
      keyFile: file('leaf.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      password: without,
    }),
    { code: 'key-unusable', message: /a certificate: signing needs its private key/, hint: /--certificate-chain/ },
  );
  await assert.rejects(signers.key({ keyFile: join(folder, 'nowhere.pem'), password: without }), { code: 'not-found' });
});

test('no secret in any error: neither the password nor the key', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const encrypted = privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'correct horse' })
    .toString();
  const location = file('encrypted.pem', encrypted);
  await assert.rejects(
    signers.key({ keyFile: location, password: async () => Promise.resolve('battery staple') }),
    (error) => {
      assert.ok(error instanceof WeighmarkError);
      assert.equal(error.code, 'password-wrong');
      const said = inspect(error, { depth: 20 }) + JSON.stringify(error);
      assert.doesNotMatch(said, /battery staple/);
      assert.ok(!said.includes(encrypted.split('\n')[1] ?? 'x'));
      return true;
    },
  );
  await assert.rejects(signers.key({ keyFile: location, password: without }), {
    code: 'password-wrong',
    hint: /WEIGHMARK_KEY_PASSWORD/,
  });
  const broken = pem(privateKey).replace(/\n.{20}/, '\nAAAAAAAAAAAAAAAAAAAA');
  await assert.rejects(signers.key({ keyFile: file('broken.pem', broken), password: without }), (error) => {
    assert.ok(!inspect(error, { depth: 20 }).includes(broken.split('\n')[1] ?? 'x'));
    return true;
  });
});

test('a certificate chain goes into the bundle, leaf first; one for another key is refused', async () => {
  const [ca, leafKey] = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  assert.ok(ca !== undefined && leafKey !== undefined);
  const window = { notBefore: new Date(Date.now() - 3_600_000), notAfter: new Date(Date.now() + 3_600_000) };
  const issuer = { subject: 'ca', key: ca };
  const leaf = certificate({
    subject: 'anna',
    key: leafKey,
    issuer,
    ...window,
    extensions: [DIGITAL_SIGNATURE, CODE_SIGNING],
  });
  const root = certificate({ ...issuer, issuer, ...window, extensions: AUTHORITY });
  const chain = file('chain.pem', [leaf, root].map(pemOf).join(''));
  const signer = await signers.key({
    keyFile: file('leaf.key', pem(leafKey)),
    certificateChainFile: chain,
    password: without,
  });
  const bundle = parseBundle(await signer.sign(PAYLOAD));
  assert.deepEqual(bundle.key.kind === 'chain' && bundle.key.certificates.map((der) => Buffer.from(der)), [
    Buffer.from(leaf),
    Buffer.from(root),
  ]);
  assert.match(signer.description, /^certificate SHA256:/);
  await assert.rejects(
    signers.key({ keyFile: file('ca.key', pem(ca)), certificateChainFile: chain, password: without }),
    { code: 'key-unusable', message: /another key/ },
  );
});

test('--tsa: an RFC 3161 timestamp over the signature goes into the bundle; an answer to another request does not', async () => {
  const authority = makeAuthority('tsa', true);
  let replay = false;
  let ahead = 0;
  const server = await serve(({ body }, response) => response.end(answerTo(body, authority, { replay, ahead })));
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const signer = await signers.key({ keyFile: file('k384.pem', pem(privateKey)), password: without, tsa: server.url });
  const bundle = await signer.sign(PAYLOAD);
  const verifier = createKeylessVerifier(async () => Promise.resolve(makeInstance().trustedRoot));
  const [time, ...others] = await verifier.timestamps(bundle, [new X509Certificate(authority.root).toString()]);
  assert.equal(time?.time, STAMPED_AT.toISOString());
  assert.match(time?.authority ?? '', /^tsa-root \(SHA256:/);
  assert.deepEqual(others, []);
  assert.deepEqual(
    await verifier.timestamps(bundle, [new X509Certificate(makeAuthority('other').root).toString()]),
    [],
  );
  for (ahead of [2 * 86_400_000, -2 * 86_400_000])
    await assert.rejects(signer.sign(PAYLOAD), { code: 'clock-disagrees' });
  replay = true;
  await assert.rejects(signer.sign(PAYLOAD), { code: 'network', message: /another request/ });
  server.close();
});

/** A whole second of this run: what the authority says, whenever it is read. */
const STAMPED_AT = new Date(Math.floor(Date.now() / 1000) * 1000);

function answerTo(
  request: Uint8Array,
  authority: ReturnType<typeof makeAuthority>,
  { replay, ahead }: { replay: boolean; ahead: number },
): Uint8Array {
  const [version, imprint, nonce, certificates, ...more] = childrenOf(readDer(request));
  assert.deepEqual(
    [version?.tag, imprint?.tag, nonce?.tag, certificates?.tag, more],
    [TAG.integer, TAG.sequence, TAG.integer, TAG.boolean, []],
  );
  return timestampToken(
    authority,
    { digest: childAt(imprint!, 1, TAG.octetString).body },
    new Date(STAMPED_AT.getTime() + ahead),
    replay ? {} : { nonce: nonce!.raw },
  );
}

test('keygen writes an encrypted P-256 key (0600) that signs, and never overwrites', async () => {
  const base = join(folder, 'anna');
  const { fingerprint } = await keygen({ base, password: 's3cret' }, { files, signers });
  assert.equal(statSync(`${base}.key`).mode & 0o777, 0o600);
  assert.match(readFileSync(`${base}.key`, 'utf8'), /^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
  assert.match(fingerprint, /^[0-9a-f]{64}$/);
  const signer = await signers.key({ keyFile: `${base}.key`, password: async () => Promise.resolve('s3cret') });
  assert.ok(
    verify(
      'sha256',
      preAuthEncoding(PAYLOAD),
      createPublicKey(readFileSync(`${base}.pub`)),
      parseBundle(await signer.sign(PAYLOAD)).signature,
    ),
  );
  await assert.rejects(keygen({ base, password: null }, { files, signers }), { code: 'already-exists' });
  writeFileSync(join(folder, 'half.pub'), 'x');
  await assert.rejects(keygen({ base: join(folder, 'half'), password: null }, { files, signers }), {
    code: 'already-exists',
  });
  assert.equal(await files.kindOf(join(folder, 'half.key')), 'none');
});

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${(
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  ).join('\n')}\n-----END CERTIFICATE-----\n`;
}
