import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { mergeClaims, splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { BUNDLE_MEDIA_TYPE, IN_TOTO_PAYLOAD, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import type { TrustEntry } from '../../../src/domain/claims/types.ts';
import { verifyClaim } from '../../../src/domain/trust/verify-claim.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { omsHint } from '../../../src/domain/pki/keys.ts';
import { needVectors, VECTORS } from '../../flows/claims-world.ts';
import { runs } from '../../thorough.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const TRUST: readonly TrustEntry[] = [{ name: 'anna', anchor: { kind: 'key', pem: PEM } }];
const PAYLOAD = buildStatement(
  [{ name: 'm', digest: { sha256: sha256Hex('m') }, annotations: { kind: 'manifest' } }],
  PREDICATES.evaluation,
  { result: 'PASSED', configuration: [] },
);

interface Json {
  mediaType: unknown;
  verificationMaterial: Record<string, unknown>;
  dsseEnvelope: { payload: string; payloadType: string; signatures: Record<string, unknown>[] };
  [key: string]: unknown;
}

function bundleJson(payload: Uint8Array = PAYLOAD): Json {
  const sig = sign('sha256', preAuthEncoding(payload), privateKey).toString('base64');
  return {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint: omsHint(PEM) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: Buffer.from(payload).toString('base64'),
      payloadType: IN_TOTO_PAYLOAD,
      signatures: [{ sig, keyid: '' }],
    },
  };
}

function changed(change: (json: Json) => void): Uint8Array {
  const json = bundleJson();
  change(json);
  return Buffer.from(JSON.stringify(json));
}

const judge = (bytes: Uint8Array) => verifyClaim(bytes, { trust: TRUST, keyless: null, now: new Date('2026-11-20') });
const codeOf = async (bytes: Uint8Array) => {
  const outcome = await judge(bytes);
  return outcome.trusted ? 'trusted' : outcome.refusal.code;
};

test('a claim by a trusted key is trusted, and says by whom', async () => {
  const outcome = await judge(changed(() => {}));
  assert.ok(outcome.trusted);
  assert.deepEqual(
    [outcome.trustedBy[0].name, outcome.claim.signer.kind, outcome.claim.pae],
    ['anna', 'key', sha256Hex(preAuthEncoding(PAYLOAD))],
  );
});

const MALFORMED: readonly (readonly [string, (json: Json) => void])[] = [
  ['another version', (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1')],
  ['a version to come', (json) => (json.mediaType = 'application/vnd.dev.sigstore.bundle.v9.9+json')],
  ['an unknown field', (json) => (json['extra'] = 1)],
  ['an unknown field in the material', (json) => (json.verificationMaterial['extra'] = 1)],
  ['two kinds of keys', (json) => (json.verificationMaterial['certificate'] = { rawBytes: 'AAAA' })],
  ['no key', (json) => delete json.verificationMaterial['publicKey']],
  ['two signatures', (json) => json.dsseEnvelope.signatures.push({ sig: 'AAAA' })],
  ['no signature', (json) => (json.dsseEnvelope.signatures = [])],
  ['another payload type', (json) => (json.dsseEnvelope.payloadType = 'application/json')],
  ['a payload that is no base64', (json) => (json.dsseEnvelope.payload += '!')],
  ['a payload with stray bits', (json) => (json.dsseEnvelope.payload = 'AB==')],
  ['an empty chain', (json) => (json.verificationMaterial = { x509CertificateChain: { certificates: [] } })],
  [
    'too many certificates',
    (json) =>
      (json.verificationMaterial = {
        x509CertificateChain: { certificates: Array.from({ length: 17 }, () => ({ rawBytes: 'AAAA' })) },
      }),
  ],
  [
    'too many timestamps',
    (json) =>
      (json.verificationMaterial['timestampVerificationData'] = {
        rfc3161Timestamps: Array.from({ length: 33 }, () => ({ signedTimestamp: 'AAAA' })),
      }),
  ],
  [
    'too many log entries',
    (json) => (json.verificationMaterial['tlogEntries'] = Array.from({ length: 33 }, () => ({}))),
  ],
  ['a log entry of another shape', (json) => (json.verificationMaterial['tlogEntries'] = [{ surprise: 1 }])],
  ['a signature of bytes beside the statement', (json) => (json['messageSignature'] = {})],
  ['a hint that is no text', (json) => (json.verificationMaterial['publicKey'] = { hint: 7 })],
  [
    'a key id that is no text',
    (json) => (json.dsseEnvelope.signatures = [{ ...json.dsseEnvelope.signatures[0], keyid: 7 }]),
  ],
  ['no verification material', (json) => delete (json as Partial<Json>).verificationMaterial],
  ['verification material that is a list', (json) => ((json as Record<string, unknown>)['verificationMaterial'] = [])],
  [
    'signatures that are no list',
    (json) =>
      ((json.dsseEnvelope as Record<string, unknown>)['signatures'] = {
        length: 1,
        0: json.dsseEnvelope.signatures[0],
      }),
  ],
  ['an empty signature', (json) => (json.dsseEnvelope.signatures = [{ sig: '' }])],
  ['one field under both its names', (json) => (json['media_type'] = json.mediaType)],
];

for (const [what, change] of MALFORMED)
  test(`malformed: ${what}`, async () => assert.equal(await codeOf(changed(change)), 'signature-malformed'));

test('null is absent, and protobuf names are read too', async () => {
  assert.equal(
    await codeOf(
      changed((json) => (json.dsseEnvelope.signatures[0] = { ...json.dsseEnvelope.signatures[0], keyid: null })),
    ),
    'trusted',
  );
  const text = Buffer.from(changed(() => {}))
    .toString()
    .replace('mediaType', 'media_type')
    .replace('dsseEnvelope', 'dsse_envelope');
  assert.equal(await codeOf(Buffer.from(text)), 'trusted');
});

test('the hint decides nothing but a contradiction', async () => {
  const hinted = (hint: unknown) => codeOf(changed((json) => (json.verificationMaterial['publicKey'] = { hint })));
  for (const hint of ['', 'key-1', null, omsHint(PEM)]) assert.equal(await hinted(hint), 'trusted', String(hint));
  for (const hint of ['0'.repeat(64), `${'A'.repeat(43)}=`]) assert.equal(await hinted(hint), 'signer-untrusted', hint);
});

test('a key inside the bundle is never used', async () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const bytes = changed((json) => {
    const sig = sign('sha256', preAuthEncoding(PAYLOAD), other.privateKey).toString('base64');
    json.dsseEnvelope.signatures = [{ sig }];
    json.verificationMaterial = {
      publicKey: {
        rawBytes: Buffer.from(other.publicKey.export({ type: 'spki', format: 'pem' })).toString('base64'),
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      },
    };
  });
  assert.equal(await codeOf(bytes), 'signature-invalid');
});

test('a raw (P1363) signature is not DER, and is refused', async () => {
  const sig = sign('sha256', preAuthEncoding(PAYLOAD), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString(
    'base64',
  );
  assert.equal(await codeOf(changed((json) => (json.dsseEnvelope.signatures = [{ sig }]))), 'signature-invalid');
});

test('property: whatever single byte of a bundle changes, nothing is trusted but what was signed', async () => {
  const original = changed(() => {});
  await fc.assert(
    fc.asyncProperty(fc.nat(original.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const bytes = Buffer.from(original);
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      const outcome = await judge(bytes);
      return (
        !outcome.trusted ||
        (outcome.claim.pae === sha256Hex(preAuthEncoding(PAYLOAD)) &&
          Buffer.from(parseBundle(bytes).signature).equals(parseBundle(original).signature))
      );
    }),
    { numRuns: runs(2000) },
  );
});

test('property: random bytes are refused, never a crash', async () => {
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => !(await judge(bytes)).trusted));
});

test('bundles of other tools are read', async (t) => {
  if (!needVectors(t)) return;
  const read = async (name: string) => readFile(join(VECTORS, 'sigstore', name));
  const trust = async (name: string): Promise<readonly TrustEntry[]> => [
    { name, anchor: { kind: 'key', pem: (await read(name)).toString() } },
  ];
  const by = async (bundle: string, key: string) =>
    verifyClaim(await read(bundle), { trust: await trust(key), keyless: null, now: new Date() });
  for (const [bundle, key] of [
    ['cosign-k4.json', 'ck.pub'],
    ['js-p256-dsse.json', 'p256.pub'],
    ['js-p256-dsse-nokeyid.json', 'p256.pub'],
    ['js-p256-dsse-keyonly.json', 'p256.pub'],
  ] as const) {
    assert.equal((await by(bundle, key)).trusted, true, bundle);
    assert.equal((await by(bundle, 'kid.pub')).trusted, false, bundle);
  }
});

test('statements: v1 and v0.1 are read, unknown fields are passed over, missing parts are not', () => {
  const make = (change: object) =>
    Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v0.1',
        subject: [{ digest: { sha256: 'ab' } }],
        predicateType: 'https://x.example/v1',
        predicate: {},
        ...change,
      }),
    );
  assert.equal(parseStatement(make({})).predicateType, 'https://x.example/v1');
  assert.deepEqual(parseStatement(make({ surprise: 1 })), parseStatement(make({})));
  assert.deepEqual(parseStatement(make({ predicate: null })), parseStatement(make({})));
  for (const wrong of [
    { _type: 'https://in-toto.io/Statement/v2' },
    { subject: [] },
    { subject: [{}] },
    { subject: [{ digest: {} }] },
    { predicateType: '' },
    { predicate: [] },
  ]) {
    assert.throws(() => parseStatement(make(wrong)), { code: 'claim-malformed' });
  }
});

test('claims are merged once by what they say and who signed', () => {
  const one = changed(() => {});
  const rewrapped = Buffer.from(JSON.stringify(JSON.parse(Buffer.from(one).toString()), null, 2));
  const other = changed((json) => (json.verificationMaterial['publicKey'] = { hint: 'somebody-else' }));
  const merged = mergeClaims(mergeClaims(null, [one]), [one, rewrapped, other]);
  assert.equal(splitClaims(merged).length, 2);
  assert.deepEqual(splitClaims(rewrapped), [rewrapped]);
  assert.equal(splitClaims(Buffer.from('not json\n\n{}\n')).length, 2);
});
