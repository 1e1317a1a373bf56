import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { certificatesPemOf, isPrivate, keyFormOf, pemOf, publicPemOf } from '../../../src/domain/pki/key-forms.ts';
import { AUTHORITY, certificate } from '../../adapters/sigstore/x509.ts';

/** One key is one key however its file is written; what is not plain is refused with the way out. */

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const spki = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();
const pem = spki(pair.publicKey);
const der = (key: KeyObject): Buffer => key.export({ type: 'spki', format: 'der' });
const jwk = (key: KeyObject): string => JSON.stringify(key.export({ format: 'jwk' }));
const own = certificate({
  subject: 'anna',
  key: pair.privateKey,
  issuer: { subject: 'anna', key: pair.privateKey },
  notBefore: new Date('2026-01-01'),
  notAfter: new Date('2027-01-01'),
  extensions: AUTHORITY,
});
const certificatePem = pemOf('CERTIFICATE', own);

const FORMS: Readonly<Record<string, string | Buffer>> = {
  PEM: pem,
  'PEM with Windows line ends': pem.replaceAll('\n', '\r\n'),
  'PEM with a byte order mark': `\uFEFF${pem}`,
  'PEM as PowerShell writes it': Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(pem, 'utf16le')]),
  'PEM with text before and after': `Anna's key, 2026\n${pem}-- \nAnna\n`,
  'PEM twice': pem + pem,
  DER: der(pair.publicKey),
  'the base64 of its DER': der(pair.publicKey).toString('base64'),
  JWK: jwk(pair.publicKey),
  'a set of one JWK': `{"keys":[${jwk(pair.publicKey)}]}`,
  'a certificate': certificatePem,
  'a certificate in DER': Buffer.from(own),
  'a certificate and its key': certificatePem + pem,
};

for (const [what, content] of Object.entries(FORMS))
  test(`a public key is read from ${what}`, () => {
    assert.equal(publicPemOf(Buffer.from(content), 'trust-invalid', 'key'), pem);
  });

const REFUSED: readonly (readonly [string, string | Buffer, RegExp, RegExp | null])[] = [
  ['two keys', pem + spki(other.publicKey), /2 keys/, /openssl x509 -in FILE -pubkey -noout/],
  ['a set of two', `{"keys":[${jwk(pair.publicKey)},${jwk(other.publicKey)}]}`, /a set of 2 keys/, /one of them/],
  ['a private key', pair.privateKey.export({ type: 'sec1', format: 'pem' }), /private key/, /openssl pkey/],
  ['a private key in DER', pair.privateKey.export({ type: 'pkcs8', format: 'der' }), /private key/, /openssl pkey/],
  ['a private JWK', jwk(pair.privateKey), /private key/, /openssl pkey/],
  ['an SSH key', 'ecdsa-sha2-nistp256 AAAAE2VjZHNh anna@laptop\n', /an SSH public key/, /ssh-keygen -e -m PKCS8/],
  [
    'an OpenSSH private key',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
    /an OpenSSH private key/,
    /ssh-keygen -p -m PKCS8/,
  ],
  ['a PKCS #12 store', Buffer.from('300a020103300506033a0a0b', 'hex'), /PKCS #12/, /openssl pkcs12/],
  ['a PKCS #7 bundle', '-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n', /PKCS #7/, /openssl pkcs7/],
  ['JSON', '{"a":1}', /JSON, and no key/, null],
  ['a text', 'hello', /no key/, null],
  ['nothing', '', /no key/, null],
];

for (const [what, content, message, hint] of REFUSED)
  test(`${what} is no public key, and the way out is named`, () => {
    assert.throws(
      () => publicPemOf(Buffer.from(content), 'trust-invalid', 'key'),
      (error) => {
        assert.ok(error instanceof WeighmarkError);
        assert.equal(error.code, 'trust-invalid');
        assert.match(error.message, message);
        if (hint === null) assert.equal(error.hint, undefined);
        else assert.match(error.hint ?? '', hint);
        return true;
      },
    );
  });

test('certificates in DER and with a mark before them are read as PEM; a chain keeps its order', () => {
  assert.equal(certificatesPemOf(own), certificatePem);
  assert.equal(certificatesPemOf(Buffer.from(`\uFEFF${certificatePem.replaceAll('\n', '\r\n')}`)), certificatePem);
  assert.equal(certificatesPemOf(Buffer.from('nothing')), 'nothing');
});

test('no bytes make it throw anything but a refusal', () => {
  const starts = Object.values(FORMS).map((content) => Buffer.from(content));
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.nat(), fc.integer({ min: 0, max: 255 }), (start, at, value) => {
      const bytes = Buffer.from(start);
      bytes[at % bytes.length] = value;
      isPrivate(keyFormOf(bytes));
      try {
        publicPemOf(bytes, 'trust-invalid', 'key');
      } catch (error) {
        assert.ok(error instanceof WeighmarkError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});
