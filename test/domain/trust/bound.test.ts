import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import type { Json } from '../../../src/domain/base/json.ts';
import { requireBound, sha256 as sha256Of } from '../../../src/domain/trust/log-binding.ts';
import { parseSigstoreBundle, type LogEntry } from '../../../src/domain/trust/sigstore-bundle.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';
import { makeCertificate } from '../pki/make-certificate.ts';

/** A log entry of each kind that is read, about one signature by a key or a certificate. */
const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64');
const sha256 = (text: string): Buffer => Buffer.from(sha256Of(Buffer.from(text)));
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const signature = sign('sha256', Buffer.from('signed'), privateKey);
const [signedDigest, payloadDigest] = [sha256('signed'), sha256('payload')];
const SPKI = publicKey.export({ type: 'spki', format: 'der' });
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const LEAF = makeCertificate({ name: 'leaf' });

type Fields = Record<string, Json>;
const byKey = { publicKey: { rawBytes: base64(SPKI) } };
const byLeaf = { x509Certificate: { rawBytes: base64(LEAF.der) } };
const hex = (digest: Buffer) => ({ algorithm: 'sha256', value: digest.toString('hex') });

/** What each kind records; `hash` and `signed` as it spells them. */
const KINDS = {
  'hashedrekord/0.0.1': ({ pem = PEM, hash = hex(signedDigest) } = {}): Fields => ({
    data: { hash },
    signature: { content: base64(signature), publicKey: { content: base64(pem) } },
  }),
  'dsse/0.0.1': ({ pem = PEM, hash = hex(payloadDigest) } = {}): Fields => ({
    payloadHash: hash,
    signatures: [{ signature: base64(signature), verifier: base64(pem) }],
  }),
  'intoto/0.0.2': ({ pem = PEM, hash = hex(payloadDigest) } = {}): Fields => ({
    content: {
      payloadHash: hash,
      envelope: { signatures: [{ sig: base64(base64(signature)), publicKey: base64(pem) }] },
    },
  }),
};
const NEWER = {
  'hashedrekord/0.0.2': (verifier: Fields = byKey, algorithm = 'SHA2_256'): Fields => ({
    hashedRekordV002: {
      data: { algorithm, digest: base64(signedDigest) },
      signature: { content: base64(signature), verifier },
    },
  }),
  'dsse/0.0.2': (verifier: Fields = byKey, algorithm = 'SHA2_256'): Fields => ({
    dsseV002: {
      payloadHash: { algorithm, digest: base64(payloadDigest) },
      signatures: [{ content: base64(signature), verifier }],
    },
  }),
};

type Bound = Parameters<typeof requireBound>[1];
const OF_KEY: Bound = { signedDigest, payloadDigest, signature, verifier: { spki: SPKI } };
const OF_LEAF: Bound = { ...OF_KEY, verifier: { certificate: LEAF.der } };

function ask(kind: string, spec: Fields, bound: Bound): void {
  const [name = '', version = ''] = kind.split('/');
  const body = Buffer.from(JSON.stringify({ kind: name, apiVersion: version, spec }));
  requireBound({ kind: name, version, body } as unknown as LogEntry, bound);
}

const unbound = (message: RegExp) => ({ code: 'signature-invalid', message });
const olds = Object.entries(KINDS);
const news = Object.entries(NEWER);

test('an entry of each kind is about this signature by this key or certificate, and about no other', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'der' });
  const wrong: readonly (readonly [RegExp, Partial<Bound>])[] = [
    [/another artifact/, { signedDigest: sha256('x'), payloadDigest: sha256('x') }],
    [/another signature/, { signature: sign('sha256', Buffer.from('signed'), privateKey) }],
    [/another key/, { verifier: { spki: other } }],
    [/another key/, { verifier: { certificate: LEAF.der } }],
  ];
  for (const [kind, spec] of [...olds, ...news]) {
    ask(kind, spec(), OF_KEY);
    for (const [message, over] of wrong)
      assert.throws(() => ask(kind, spec(), { ...OF_KEY, ...over }), unbound(message), kind);
  }
  for (const [kind, spec] of olds) ask(kind, spec({ pem: LEAF.pem }), OF_LEAF);
  for (const [kind, spec] of news) ask(kind, spec(byLeaf), OF_LEAF);
  for (const kind of ['dsse/0.0.1', 'intoto/0.0.2'] as const)
    assert.throws(() => ask(kind, KINDS[kind](), { ...OF_KEY, payloadDigest: null }), unbound(/another artifact/));
});

test('one that does not say so in full is about nothing', () => {
  for (const [kind, spec] of olds) {
    for (const pem of ['no key', LEAF.pem.replace('MI', 'AA')])
      assert.throws(() => ask(kind, spec({ pem }), OF_KEY), unbound(/a key that cannot be read/), kind);
    for (const hash of [
      { algorithm: 'sha512', value: 'a' },
      { algorithm: 'sha256', value: 'short' },
    ])
      assert.throws(() => ask(kind, spec({ hash }), OF_KEY), unbound(/does not use SHA-256/), kind);
  }
  for (const [kind, spec] of news) {
    assert.throws(() => ask(kind, spec(byKey, 'SHA2_512'), OF_KEY), unbound(/does not use SHA-256/), kind);
    for (const verifier of [{}, { ...byKey, ...byLeaf }])
      assert.throws(() => ask(kind, spec(verifier), OF_KEY), unbound(/records no key, or two/), kind);
    const unread = { publicKey: { rawBytes: base64('no key') } };
    assert.throws(() => ask(kind, spec(unread), OF_KEY), unbound(/a key that cannot be read/), kind);
    for (const rawBytes of ['', '?'])
      assert.throws(() => ask(kind, spec({ publicKey: { rawBytes } }), OF_KEY), unbound(/lacks a member/), kind);
  }
  const [signed] = KINDS['dsse/0.0.1']()['signatures'] as Json[];
  for (const signatures of [[], [signed, signed], signed, [7]] as Json[])
    assert.throws(
      () => ask('dsse/0.0.1', { ...KINDS['dsse/0.0.1'](), signatures }, OF_KEY),
      unbound(/exactly one signature|lacks a member/),
    );
  const said = { kind: 'dsse', apiVersion: '0.0.1', spec: KINDS['dsse/0.0.1']() };
  for (const other of [{ kind: 'intoto' }, { version: '0.0.2' }]) {
    const entry = { kind: 'dsse', version: '0.0.1', body: Buffer.from(JSON.stringify(said)), ...other };
    assert.throws(() => requireBound(entry as never, OF_KEY), unbound(/of another kind than the bundle says/));
  }
  assert.throws(() => ask('rfc3161/0.0.1', {}, OF_KEY), unbound(/a kind that is not known \(rfc3161\/0\.0\.1\)/));
});

test('a key counts in whatever encoding the log recorded it', () => {
  const short = Buffer.concat([
    SPKI.subarray(0, -65),
    Buffer.from([2 + ((SPKI.at(-1) ?? 0) & 1)]),
    SPKI.subarray(-64, -32),
  ]);
  short[1] = 0x39;
  short[SPKI.length - 67] = 0x22;
  assert.ok(createPublicKey({ key: short, format: 'der', type: 'spki' }).equals(publicKey));
  for (const [kind, spec] of news) ask(kind, spec({ publicKey: { rawBytes: base64(short) } }), OF_KEY);
});

const CHANGED = JSON.parse(Buffer.from(makeInstance().bundle({ integratedTime: '5' })).toString()) as {
  verificationMaterial: Fields & { tlogEntries: Fields[] };
  dsseEnvelope: Json;
};
const message = { messageDigest: { algorithm: 'SHA2_256', digest: base64(sha256('weights')) }, signature: 'AAAA' };

/** A bundle with some of its members another; undefined: without them. */
function parsed(over: object, material: object = {}): ReturnType<typeof parseSigstoreBundle> {
  const verificationMaterial = { ...CHANGED.verificationMaterial, ...material };
  return parseSigstoreBundle(Buffer.from(JSON.stringify({ ...CHANGED, verificationMaterial, ...over })));
}

test('a Sigstore bundle has one key and one signature, of a statement or of a file by its SHA-256', () => {
  const malformed = (words: RegExp) => ({ code: 'signature-malformed', message: words });
  assert.throws(() => parsed({}, { certificate: undefined }), malformed(/names 0 keys, not one/));
  assert.throws(() => parsed({}, { publicKey: { hint: '' } }), malformed(/names 2 keys, not one/));
  assert.throws(() => parsed({ dsseEnvelope: undefined }), malformed(/no signature, or two kinds/));
  assert.throws(() => parsed({ messageSignature: message }), malformed(/no signature, or two kinds/));
  const file = (messageDigest: object) =>
    parsed({ dsseEnvelope: undefined, messageSignature: { ...message, messageDigest } });
  assert.equal(file(message.messageDigest).content.kind, 'message');
  assert.throws(
    () => file({ ...message.messageDigest, algorithm: 'SHA2_512' }),
    malformed(/is SHA2_512, not SHA2_256/),
  );
  assert.throws(() => file({ ...message.messageDigest, digest: 'AAAA' }), malformed(/not 32 bytes/));
  for (const digest of ['', '?', 'AAA'])
    assert.throws(() => file({ ...message.messageDigest, digest }), malformed(/digest is empty or not base64/), digest);
  const [entry] = CHANGED.verificationMaterial.tlogEntries;
  const times = [entry, { ...entry, integratedTime: undefined }].map(
    (each) => parsed({}, { tlogEntries: [each] }).logEntries[0]?.integratedTime,
  );
  assert.deepEqual(times, [5, null]);
});
