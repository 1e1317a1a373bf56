import assert from 'node:assert/strict';
import { ECDH, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { curveOf, omsHint, readPublicKey } from '../../../src/domain/pki/keys.ts';
import { keyFingerprint, otherSpkis, spkiOf } from '../../../src/domain/pki/spki.ts';
import { encodingsOf, pemOf } from './encodings.ts';

for (const curve of ['prime256v1', 'secp384r1', 'secp521r1']) {
  test(`a key on ${curve} is one key in every encoding`, () => {
    const encodings = encodingsOf(curve);
    const known = readPublicKey(pemOf(encodings.named));
    assert.equal(Object.keys(encodings).length, 6);
    for (const [name, der] of Object.entries(encodings)) {
      const key = readPublicKey(pemOf(der));
      assert.deepEqual([key.fingerprint, key.pem], [known.fingerprint, known.pem], name);
      assert.deepEqual(Buffer.from(spkiOf(key.key)), encodings.named, name);
    }
    assert.equal(known.pem, pemOf(encodings.named), 'what OpenSSL writes is the canonical one');
  });

  test(`the other encodings of a key on ${curve} are those that OpenSSL reads`, () => {
    const { named, compressed, hybrid } = encodingsOf(curve);
    const key = createPublicKey({ key: named, format: 'der', type: 'spki' });
    assert.deepEqual(
      otherSpkis(key).map((der) => Buffer.from(der).toString('hex')),
      [compressed, hybrid].map((der) => der.toString('hex')),
    );
    assert.deepEqual(
      readPublicKey(pemOf(named)).hints,
      [named, compressed, hybrid].map((der) => omsHint(pemOf(der))),
    );
  });
}

test('parameters that are almost those of the curve are no curve', () => {
  const { explicit } = encodingsOf('prime256v1');
  const generator = Buffer.from('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296', 'hex');
  const at = explicit.indexOf(generator);
  assert.notEqual(at, -1);
  // The point itself as the generator: the private key is then 1 (CVE-2020-0601).
  const point = ECDH.convertKey(explicit.subarray(-65), 'prime256v1', undefined, undefined, 'uncompressed') as Buffer;
  const moved = Buffer.concat([explicit.subarray(0, at - 1), point, explicit.subarray(at + 64)]);
  assert.throws(() => readPublicKey(pemOf(moved)), { code: 'trust-invalid' });
});

test('other kinds of key have one encoding once they are read', () => {
  for (const [type, options] of [
    ['ed25519', {}],
    ['rsa', { modulusLength: 2048 }],
  ] as const) {
    const { publicKey } = generateKeyPairSync(type as 'rsa', options as { modulusLength: number });
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const trailing = createPublicKey({ key: Buffer.concat([der, Buffer.from([0])]), format: 'der', type: 'spki' });
    assert.equal(keyFingerprint(trailing), keyFingerprint(publicKey), type);
    assert.deepEqual(otherSpkis(publicKey), []);
    assert.throws(() => curveOf(publicKey), { code: 'key-unusable' });
  }
  // An RSA modulus with a needless zero byte before it.
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const padded = paddedRsa(der);
  assert.equal(
    keyFingerprint(createPublicKey({ key: padded, format: 'der', type: 'spki' })),
    keyFingerprint(publicKey),
  );
});

/** SubjectPublicKeyInfo of RSA 2048, whose INTEGER modulus gets one zero byte more. */
function paddedRsa(der: Buffer): Buffer {
  const integer = der.indexOf(Buffer.from('02820101', 'hex'));
  const padded = Buffer.concat([der.subarray(0, integer), Buffer.from('0282010200', 'hex'), der.subarray(integer + 4)]);
  // Outer SEQUENCE, BIT STRING and inner SEQUENCE are each one byte longer; all of them have two length bytes.
  for (const at of [2, padded.indexOf(Buffer.from('0382', 'hex')) + 2, integer - 2])
    padded.writeUInt16BE(padded.readUInt16BE(at) + 1, at);
  return padded;
}
