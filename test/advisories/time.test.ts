import assert from 'node:assert/strict';
import { X509Certificate, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { makeEntry } from '../../src/domain/trust/entry.ts';
import { readPublicKey } from '../../src/domain/pki/keys.ts';
import { mismatch } from '../../src/domain/trust/match.ts';
import { authorityFromPem, verifiedTime, type TimestampAuthority } from '../../src/domain/trust/timestamp-authority.ts';
import {
  SIGNED_AT,
  base64,
  makeAuthority,
  makeInstance,
  timestampToken,
  type TestAuthority,
} from '../adapters/sigstore/instance.ts';
import { AUTHORITY, DIGITAL_SIGNATURE, certificate, extendedUse } from '../adapters/sigstore/x509.ts';
import { assertRefused, changed, instance, verifierFor } from './support.ts';

/** Only a signed time is a time: an inclusion promise or an RFC 3161 token. */

test('GHSA-hhfg-fwrw-87w7, CVE-2024-55655, CVE-2026-48816: an unsigned integratedTime is no time', async () => {
  const seconds = String(SIGNED_AT.getTime() / 1000);
  await assertRefused(instance.bundle({ timestamps: [], integratedTime: seconds }), { reason: /says when/ });
  const { times } = await verifierFor().verify(instance.bundle({ integratedTime: '1' }));
  assert.deepEqual(
    times.map(({ source }) => source),
    ['rfc3161'],
  );
});

test('CVE-2024-55655: a promise the log did not sign', async () => {
  const bundle = changed(instance.bundle({ integratedTime: '1780315200' }), (json) => {
    json.verificationMaterial.tlogEntries[0]!['inclusionPromise'] = {
      signedEntryTimestamp: base64(Buffer.from('no signature')),
    };
  });
  await assertRefused(bundle, { reason: /promise/ });
});

test('sigstore table row 18: a certificate without any time is a refusal, not a crash', async () => {
  await assertRefused(instance.bundle({ timestamps: [] }), { reason: /says when/ });
  await assertRefused(instance.bundle({ timestamps: [] }), { options: { timeAuthorities: 0 }, reason: /says when/ });
});

test('an expired certificate: the time is after its ten minutes', async () => {
  await assertRefused(instance.bundle({ timestamps: [{ by: 0, at: new Date(SIGNED_AT.getTime() + 3600_000) }] }), {
    reason: /valid at the time/,
  });
});

test('a token over another signature', async () => {
  await assertRefused(instance.bundle({ timestamps: [{ by: 0, at: SIGNED_AT, over: Buffer.from('another') }] }), {
    reason: /timestamp/,
  });
});

test('a token by an authority that nobody trusts', async () => {
  await assertRefused(
    instance.bundle({ timestamps: [{ by: 0, at: SIGNED_AT, token: { signer: makeAuthority('stranger') } }] }),
    { reason: /timestamp/ },
  );
});

test('CVE-2026-39984: a certificate that is not for time stamping vouches for no time, whoever issued it', () => {
  const signature = Buffer.from('signature');
  const time = (authority: TestAuthority): unknown =>
    verifiedTime(timestampToken(authority, signature, SIGNED_AT), signature, authorityOf(authority));
  assert.notEqual(time(makeAuthority('honest')), null);
  assert.equal(time(makeAuthority('not critical', false, extendedUse('1.3.6.1.5.5.7.3.8', false))), null);
  assert.equal(time(makeAuthority('for code', false, extendedUse('1.3.6.1.5.5.7.3.3', true))), null);
});

test('CVE-2026-24122: every certificate on the way is valid at the time, not the signer’s alone', () => {
  const [root, intermediate, signer] = [0, 1, 2].map(
    () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey,
  );
  assert.ok(root !== undefined && intermediate !== undefined && signer !== undefined);
  const days = (count: number): Date => new Date(SIGNED_AT.getTime() + count * 86_400_000);
  const ca = { subject: 'root', key: root };
  const build = (intermediateEnds: Date): unknown => {
    const middle = { subject: 'middle', key: intermediate };
    const rootDer = certificate({
      ...ca,
      issuer: ca,
      notBefore: days(-400),
      notAfter: days(400),
      extensions: AUTHORITY,
    });
    const middleDer = certificate({
      ...middle,
      issuer: ca,
      notBefore: days(-300),
      notAfter: intermediateEnds,
      extensions: AUTHORITY,
    });
    const leaf = certificate({
      subject: 'leaf',
      key: signer,
      issuer: middle,
      notBefore: days(-10),
      notAfter: days(10),
      extensions: [DIGITAL_SIGNATURE, extendedUse('1.3.6.1.5.5.7.3.8', true)],
    });
    const authority: TimestampAuthority = {
      name: 'a',
      anchors: [new X509Certificate(rootDer)],
      intermediates: [new X509Certificate(middleDer)],
    };
    const signature = Buffer.from('signature');
    return verifiedTime(
      timestampToken({ key: signer, certificate: leaf, root: rootDer, uri: '' }, signature, SIGNED_AT),
      signature,
      authority,
    );
  };
  assert.notEqual(build(days(5)), null);
  assert.equal(build(days(-1)), null);
});

test('sigstore table row 17, GHSA-wqqc, CVE-2026-54787: a retired key counts only for what is proven to be older', () => {
  const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
  const { anchor } = makeEntry({ name: 'old', key: pem, until: '2026-06-01' });
  const signer = { kind: 'key', fingerprint: readPublicKey(pem).fingerprint, keyType: 'P-256' } as const;
  const at = (time: string) => [{ time, source: 'rfc3161', authority: 'tsa' }] as const;
  assert.equal(mismatch(signer, anchor, at('2026-05-31T23:59:59Z')), null);
  assert.equal(mismatch(signer, anchor, at('2026-06-01T00:00:01Z'))?.what, 'time');
  assert.equal(mismatch(signer, anchor)?.found, 'no verified time');
  assert.throws(() => makeEntry({ name: 'x', key: pem, until: 'soon' }), { code: 'trust-invalid' });
  assert.throws(() => makeEntry({ name: 'x', issuer: 'https://i.example', identity: 'a@b.c', until: '2026-06-01' }), {
    code: 'trust-invalid',
  });
});

test('any RFC 3161 server: RSA authorities count too, by their PEM file', async () => {
  const authority = makeAuthority('rsa', true);
  const signature = Buffer.from('signature');
  const token = timestampToken(authority, signature, SIGNED_AT);
  assert.equal(verifiedTime(token, signature, authorityFromPem(pemOf(authority.root)))?.time, SIGNED_AT.toISOString());
  assert.equal(verifiedTime(token, signature, authorityFromPem(pemOf(makeAuthority('rsa', true).root))), null);
  const trusted = makeInstance({ rsaAuthority: true });
  assert.equal((await verifierFor(trusted).verify(trusted.bundle())).times.length, 1);
});

function authorityOf({ root, certificate: leaf }: TestAuthority): TimestampAuthority {
  return { name: 'test', anchors: [new X509Certificate(root)], intermediates: [new X509Certificate(leaf)] };
}

function pemOf(der: Uint8Array): string {
  return new X509Certificate(der).toString();
}
