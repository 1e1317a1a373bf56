import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { createKeylessVerifier } from '../../../src/adapters/sigstore/verifier.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { bundleOf } from '../../../src/adapters/keys/bundle.ts';
import { historicPreAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { setPatternEngine } from '../../../src/domain/base/pattern.ts';
import { HISTORIC_OMS, PREDICATES, STATEMENT_V1 } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { Signer, TrustAnchor, TrustEntry, VerifiedTime } from '../../../src/domain/claims/types.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { omsHint, readPublicKey } from '../../../src/domain/pki/keys.ts';
import { readFulcioCertificate } from '../../../src/domain/trust/fulcio.ts';
import { instanceOf } from '../../../src/domain/trust/instance.ts';
import { mismatch } from '../../../src/domain/trust/match.ts';
import { provenBy, strangerFinding, trustedTime } from '../../../src/domain/trust/proven.ts';
import { parseTrustFile } from '../../../src/domain/trust/store.ts';
import { parseSigstoreBundle } from '../../../src/domain/trust/sigstore-bundle.ts';
import {
  signedName,
  verifyClaim,
  type ClaimOutcome,
  type Verification,
} from '../../../src/domain/trust/verify-claim.ts';
import { isMessageBundle, verifyFileSignature, type FileOutcome } from '../../../src/domain/trust/verify-file.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { SIGNED_AT, makeInstance, timestampToken, type TestAuthority } from '../../adapters/sigstore/instance.ts';
import {
  CODE_SIGNING,
  DIGITAL_SIGNATURE,
  alternativeNames,
  certificate,
  extension,
  utf8,
} from '../../adapters/sigstore/x509.ts';
import { TAG, der } from '../../../src/domain/pki/der.ts';
import { makeCertificate } from '../pki/make-certificate.ts';
import { NOW, MODEL, bundleFor, manifest, people, signBundle } from '../policy/world.ts';

const instance = makeInstance();
const keyless = async () => Promise.resolve(createKeylessVerifier(async () => Promise.resolve(instance.trustedRoot)));

test('an identity certificate is for signatures, for code, and no authority’s', () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const issuer = { subject: 'ca', key };
  const issuerExtension = extension('1.3.6.1.4.1.57264.1.8', utf8('https://issuer.example'));
  const read = (...extensions: readonly Uint8Array[]) =>
    readFulcioCertificate(
      certificate({
        subject: '',
        key,
        issuer,
        notBefore: SIGNED_AT,
        notAfter: NOW,
        extensions: [alternativeNames('email:a@b.example'), issuerExtension, ...extensions],
      }),
    );
  const constraints = (...body: readonly Uint8Array[]) => extension('2.5.29.19', der(TAG.sequence, ...body), true);
  assert.deepEqual(read(DIGITAL_SIGNATURE, CODE_SIGNING).san, { type: 'email', value: 'a@b.example' });
  assert.equal(read(DIGITAL_SIGNATURE, CODE_SIGNING, constraints()).issuer, 'https://issuer.example');
  const invalid = (message: RegExp) => ({ code: 'signature-invalid', message });
  assert.throws(() => read(CODE_SIGNING), invalid(/not for signatures/));
  const encipherment = extension('2.5.29.15', der(TAG.bitString, Buffer.from([5, 0x20])), true);
  assert.throws(() => read(encipherment, CODE_SIGNING), invalid(/not for signatures/));
  assert.throws(() => read(DIGITAL_SIGNATURE), invalid(/not for code signing/));
  const authority = constraints(der(TAG.boolean, Buffer.from([0xff])));
  assert.throws(() => read(DIGITAL_SIGNATURE, CODE_SIGNING, authority), invalid(/an authority’s/));
});

test('a certificate without alternative names goes by its one common name', () => {
  const root = makeCertificate({ name: 'root' });
  const signer = (subjectName: string): Signer => ({
    kind: 'certificate',
    root: createHash('sha256').update(root.der).digest('hex'),
    subject: subjectName,
    sans: [],
    fingerprint: '',
    notBefore: '',
  });
  const anchor: TrustAnchor = { kind: 'certificate', pem: root.pem, identity: 'kim' };
  assert.equal(mismatch(signer('O=acme\nCN=kim'), anchor), null);
  assert.deepEqual(mismatch(signer('O=acme\nCN=tim'), anchor), { what: 'identity', expected: 'kim', found: 'tim' });
  assert.deepEqual(mismatch(signer('CN=kim\nCN=tim'), anchor), { what: 'identity', expected: 'kim', found: 'kim tim' });
  assert.deepEqual(mismatch(signer('O=kim'), anchor), { what: 'identity', expected: 'kim', found: '' });
});

const entry = (name: string): TrustEntry => ({ name, anchor: { kind: 'key', pem: people.anna.pem } });
const asAnna = async () => {
  const { createHash: hash, createPublicKey } = await import('node:crypto');
  const spki = createPublicKey(people.anna.pem).export({ type: 'spki', format: 'der' });
  return hash('sha256').update(spki).digest('hex');
};

test('entries that name the signer come first; of several refusals the most telling is kept', async () => {
  const fingerprint = await asAnna();
  const bob: TrustEntry = { name: 'bob', anchor: { kind: 'key', pem: people.bob.pem } };
  const signer: Signer = { kind: 'key', fingerprint, keyType: 'P-256' };
  const { proven } = await provenBy(
    [bob, entry('anna'), bob],
    async () => Promise.resolve({ signer, times: [] }),
    'with a key',
  );
  assert.deepEqual(
    proven.map(({ entry: { name }, difference }) => [name, difference === null]),
    [
      ['anna', true],
      ['bob', false],
      ['bob', false],
    ],
  );
  const codes = [
    'signature-invalid',
    'signer-untrusted',
    'trust-expired',
    'trust-invalid',
    'signature-malformed',
  ] as const;
  for (const [first, second, kept] of [
    ['signature-invalid', 'signer-untrusted', 'signature-invalid'],
    ['signer-untrusted', 'trust-expired', 'trust-expired'],
    ['signature-malformed', 'trust-invalid', 'signature-malformed'],
  ] as const) {
    const errors = [first, second].map((code) => new WeighmarkError(code, code));
    const asked = await provenBy([bob, entry('anna')], async () => Promise.reject(errors.shift()), 'with a key');
    assert.equal(asked.refusal.code, kept);
  }
  assert.ok(codes.length === 5);
  assert.match(
    (await provenBy([], async () => Promise.reject(new Error()), 'with a key')).refusal.message,
    /^signed with a key, and no such/,
  );
});

test('a good signature by another is told with what to trust instead, where that is known', () => {
  const told = (what: string, found: string) =>
    strangerFinding({
      entry: entry('ci'),
      signer: { kind: 'key', fingerprint: '', keyType: '' },
      times: [],
      difference: { what, expected: 'https://github.com/acme/models', found },
    });
  const named = told('identity', 'x');
  assert.deepEqual(
    [named.code, named.facts, named.hint],
    ['identity-mismatch', { trusted: 'https://github.com/acme/models', signed: 'x', entry: 'ci' }, undefined],
  );
  assert.match(told('calling repository', 'x').hint ?? '', /--github OWNER\/REPO/);
  const workflow: Signer = {
    kind: 'oidc',
    instance: 'public-good',
    issuer: 'https://token.actions.githubusercontent.com',
    san: { type: 'uri', value: 'https://github.com/acme/models/w.yml' },
    extensions: {},
    notBefore: '',
  };
  const difference = mismatch(workflow, {
    kind: 'oidc',
    issuer: workflow.issuer,
    github: { repository: 'acme/models' },
  });
  assert.ok(difference !== null);
  assert.match(told(difference.what, difference.found).hint ?? '', /names no repository.*`--identity` and `--issuer`/);
  assert.equal(told('repository', 'https://github.com/evil/models').hint, undefined);
});

test('a signature is judged at the earliest time that is verified, else now', () => {
  const at = (time: string): VerifiedTime => ({ time, source: 'rfc3161', authority: 'tsa' });
  assert.equal(
    trustedTime([at('2026-02-01T00:00:00Z'), at('2026-01-01T00:00:00Z')], NOW).toISOString(),
    '2026-01-01T00:00:00.000Z',
  );
  assert.equal(trustedTime([], NOW), NOW);
});

test('a Sigstore bundle with a chain of certificates is read; a chain with members nobody knows is not', () => {
  const json = JSON.parse(Buffer.from(instance.bundle()).toString()) as {
    verificationMaterial: Record<string, unknown>;
  };
  const { certificate: leaf, ...rest } = json.verificationMaterial;
  const chained = (chain: unknown) =>
    parseSigstoreBundle(
      Buffer.from(
        JSON.stringify({
          ...json,
          mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
          verificationMaterial: { ...rest, x509CertificateChain: chain },
        }),
      ),
    );
  assert.equal((chained({ certificates: [leaf] }).key as { kind: string }).kind, 'certificate');
  for (const wrong of [{ certificates: [] }, { certificates: [leaf], more: 1 }, {}, 7])
    assert.throws(() => chained(wrong), { code: 'signature-malformed' }, JSON.stringify(wrong).slice(0, 40));
});

test('a workload of the trust store is a mapping, of text', () => {
  const stored = (github: string) =>
    parseTrustFile(Buffer.from(`version: 1\ntrust:\n  - { name: ci, github: ${github} }\n`), 'trust.yaml');
  assert.equal(stored('{ repository: acme/models }').entries.length, 1);
  const invalid = (message: RegExp) => ({ code: 'trust-invalid', message });
  assert.throws(() => stored('acme/models'), invalid(/a workload is not a mapping/));
  assert.throws(() => stored('[acme/models]'), invalid(/a workload is not a mapping/));
  assert.throws(() => stored('{ repository: acme/models, ref: 7 }'), invalid(/ref is not text; quote it/));
  assert.throws(() => stored('{ repository: acme/models, branch: x }'), invalid(/unknown key "branch"/));
});

/** As in a process where nothing has needed one so far. */
function withoutPatternEngine(): void {
  setPatternEngine(undefined as never);
}

const PATTERN: TrustEntry = {
  name: 'anyone',
  anchor: {
    kind: 'oidc',
    issuer: 'https://issuer.example',
    identityPattern: '.+@example\\.com',
    trustedRoot: instance.trustedRoot,
  },
};

test('a pattern of the trust is compiled where there is one, whatever ran before', async () => {
  const asked = async (trust: readonly TrustEntry[]) => {
    withoutPatternEngine();
    const outcome = await verifyClaim(instance.bundle(), { trust, keyless, now: NOW });
    return outcome.trusted ? outcome.trustedBy.map(({ name }) => name) : outcome.refusal;
  };
  assert.deepEqual(await asked([PATTERN]), ['anyone']);
  assert.deepEqual(await asked([entry('anna'), PATTERN]), ['anyone']);
});

test('what a claim calls the artifact: by its manifest, else without a kind, else by its root or file; two names are none', () => {
  const named = (...subjects: Parameters<typeof buildStatement>[0]) =>
    signedName(parseStatement(buildStatement(subjects, PREDICATES.bom, {})));
  const digest = sha256Hex('x');
  assert.equal(named(subject('file', 'a.bin', digest), subject('manifest', 'acme/enc:1.0', digest)), 'acme/enc');
  assert.equal(named(subject('root', 'acme/enc', digest), subject('file', 'a.bin', digest)), 'acme/enc');
  assert.equal(named(subject('file', 'a.bin', digest)), 'a.bin');
  assert.equal(named({ name: 'bare', digest: { sha256: digest } }, subject('root', 'root', digest)), 'bare');
  assert.equal(named(subject('manifest', 'a', digest), subject('manifest', 'b', digest)), null);
  assert.equal(named(subject('manifest', 'a:1', digest), subject('manifest', 'a:2', digest)), 'a');
  assert.equal(named(subject('list', 'files', digest)), null);
});

test('a trusted key that cannot be read is asked all the same, and says so', async () => {
  const bundle = bundleFor({ by: 'anna', type: PREDICATES.evaluation, about: MODEL, predicate: { result: 'PASSED' } });
  const broken: TrustEntry = { name: 'broken', anchor: { kind: 'key', pem: 'no key' } };
  const outcome = await verifyClaim(bundle, { trust: [broken], keyless: null, now: NOW });
  assert.equal(!outcome.trusted && outcome.refusal.code, 'trust-invalid');
  assert.equal((await verifyClaim(bundle, { trust: [broken, entry('anna')], keyless: null, now: NOW })).trusted, true);
});

const MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

function fileBundle(over: object = {}, hint = ''): Uint8Array {
  const content = Buffer.from('weights');
  const digest = createHash('sha256').update(content).digest('base64');
  const messageSignature = {
    messageDigest: { algorithm: 'SHA2_256', digest },
    signature: sign('sha256', content, people.anna.key).toString('base64'),
  };
  const material = { publicKey: { hint }, tlogEntries: [], timestampVerificationData: null };
  return Buffer.from(
    JSON.stringify({ mediaType: MEDIA_TYPE, verificationMaterial: material, messageSignature, ...over }),
  );
}

test('a bundle over a file is told from one around a statement at a glance', () => {
  assert.equal(isMessageBundle(fileBundle()), true);
  assert.equal(isMessageBundle(Buffer.from('{"message_signature":{}}')), true);
  assert.equal(isMessageBundle(instance.bundle()), false);
  assert.equal(isMessageBundle(Buffer.from('{"messageSignature":{},"dsseEnvelope":{}}')), false);
  assert.equal(isMessageBundle(Buffer.from('{}')), false);
});

test('a file signature: by its key, whatever the hint says, unless that names another; keyless ones by pattern too', async () => {
  const judged = async (bytes: Uint8Array, trust: readonly TrustEntry[]) => {
    const outcome = await verifyFileSignature(bytes, { trust, keyless, now: NOW });
    return outcome.trusted
      ? outcome.signature.trustedBy[0].name
      : `${outcome.refusal.code}: ${outcome.refusal.message}`;
  };
  for (const hint of ['', 'free text', omsHint(people.anna.pem)])
    assert.equal(await judged(fileBundle({}, hint), [entry('anna')]), 'anna', hint);
  const outcome = await verifyFileSignature(fileBundle({}, omsHint(people.bob.pem)), {
    trust: [entry('anna')],
    keyless: null,
    now: NOW,
  });
  assert.ok(!outcome.trusted);
  assert.deepEqual([outcome.refusal.code, outcome.refusal.message], ['signer-untrusted', 'signed with another key']);
  assert.match(outcome.refusal.facts?.['signed'] ?? '', new RegExp(omsHint(people.bob.pem)));
  assert.match(await judged(instance.bundle(), [entry('anna')]), /^signature-malformed: the bundle signs a statement/);
  assert.match(await judged(fileBundle(), [PATTERN]), /^signer-untrusted: signed with a key, and no such/);
  const times: (readonly string[])[] = [];
  const verifier = async () =>
    Promise.resolve({
      timestamps: async (_: Uint8Array, authorities: readonly string[]) => (
        times.push(authorities),
        Promise.resolve([])
      ),
    });
  const asking = { trust: [entry('anna')], keyless: verifier as never, now: NOW, timestampAuthorities: ['a TSA'] };
  await verifyFileSignature(fileBundle(), asking);
  assert.deepEqual(times, [], 'without a timestamp nobody is asked');
  const stamped = {
    verificationMaterial: {
      publicKey: { hint: '' },
      tlogEntries: [],
      timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: Buffer.from('token').toString('base64') }] },
    },
  };
  assert.equal((await verifyFileSignature(fileBundle(stamped), asking)).trusted, true);
  assert.deepEqual(times, [['a TSA']]);
});

test('a file signature under a certificate root', async () => {
  const root = makeCertificate({ name: 'root', ca: true, keyUsage: [5] });
  const leaf = makeCertificate({ name: 'builder', issuer: root, email: ['build@acme.example'] });
  const content = Buffer.from('weights');
  const messageSignature = {
    messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(content).digest('base64') },
    signature: sign('sha256', content, leaf.key).toString('base64'),
  };
  const chain = { certificates: [leaf, root].map(({ der: bytes }) => ({ rawBytes: bytes.toString('base64') })) };
  const bundle = Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
      verificationMaterial: { x509CertificateChain: chain, tlogEntries: [] },
      messageSignature,
    }),
  );
  const judged = async (pem: string, identity: string) =>
    verifyFileSignature(bundle, {
      trust: [{ name: 'ca', anchor: { kind: 'certificate', pem, identity } }],
      keyless: null,
      now: new Date(),
    });
  const good = await judged(root.pem, 'build@acme.example');
  assert.deepEqual(good.trusted && [good.signature.sha256, good.signature.signer.kind], [
    sha256Hex('weights'),
    'certificate',
  ]);
  const other = await judged(root.pem, 'other@acme.example');
  assert.equal(!other.trusted && other.refusal.code, 'identity-mismatch');
  const stranger = await judged(makeCertificate({ name: 'else', ca: true, keyUsage: [5] }).pem, 'build@acme.example');
  assert.equal(!stranger.trusted && stranger.refusal.code, 'signer-untrusted');
});

/** What a claim's judgement rests on, in the few ways that differ between its signers. */
const STAMPED = signBundle(
  'anna',
  buildStatement([manifest(MODEL)], PREDICATES.evaluation, { result: 'PASSED' }),
  (over) => timestampToken(instance.authorities[0] as TestAuthority, over, SIGNED_AT),
);
const root = makeCertificate({ name: 'some root', ca: true, keyUsage: [5] });
const ROOT: TrustEntry = { name: 'ca', anchor: { kind: 'certificate', pem: root.pem } };
const identity = (of: string): TrustEntry => ({
  name: of,
  anchor: {
    kind: 'oidc',
    issuer: 'https://issuer.example',
    identity: `${of}@example.com`,
    trustedRoot: instance.trustedRoot,
  },
});

const judgedClaim = async (bytes: Uint8Array, trust: readonly TrustEntry[], over: Partial<Verification> = {}) =>
  verifyClaim(bytes, { trust, keyless, now: NOW, ...over });
const refusalOf = (outcome: ClaimOutcome | FileOutcome): string =>
  outcome.trusted ? 'trusted' : `${outcome.refusal.code}: ${outcome.refusal.message}`;

test('a claim by a key has the key’s fingerprints and the times that authorities say; without timestamps nobody is asked', async () => {
  const outcome = await judgedClaim(STAMPED, [entry('anna')]);
  assert.ok(outcome.trusted);
  assert.deepEqual(
    outcome.claim.times.map(({ time }) => time),
    [SIGNED_AT.toISOString()],
  );
  const { fingerprint, otherFingerprints } = readPublicKey(people.anna.pem);
  assert.deepEqual(outcome.claim.keys, [fingerprint, ...otherFingerprints]);
  const unasked = await judgedClaim(STAMPED, [entry('anna')], { keyless: null });
  assert.deepEqual(unasked.trusted && unasked.claim.times, []);
  const plain = bundleFor({ by: 'anna', type: PREDICATES.evaluation, about: MODEL, predicate: {} });
  const nobody = async () => Promise.reject(new Error('asked'));
  assert.equal((await judgedClaim(plain, [entry('anna')], { keyless: nobody })).trusted, true);
});

test('only trust of the kind that signed is asked, and only who is named trusts it', async () => {
  assert.match(
    refusalOf(await judgedClaim(STAMPED, [ROOT])),
    /^signer-untrusted: signed with a key, and no such signer/,
  );
  const keylessClaim = instance.bundle({ names: ['email:anna@example.com'] });
  const outcome = await judgedClaim(keylessClaim, [identity('bob'), identity('anna'), entry('key')]);
  assert.deepEqual(outcome.trusted && outcome.trustedBy.map(({ name }) => name), ['anna']);
  assert.ok(outcome.trusted && !('keys' in outcome.claim), 'its key is thrown away after each signature');
  assert.match(
    refusalOf(await judgedClaim(keylessClaim, [identity('bob')])),
    /^identity-mismatch: the signature is good/,
  );
  const unlooked = await judgedClaim(keylessClaim, [identity('anna')], { keyless: null });
  assert.match(refusalOf(unlooked), /^signer-untrusted: keyless signatures are not looked at here/);
});

test('of subjects there are as many as the limit, in the historic form as many as there are files', async () => {
  const said = async (type: string, count: number) => {
    const subjects = Array.from({ length: count }, (_, at) => subject('file', `f${at}`, sha256Hex(String(at))));
    const statement = { _type: STATEMENT_V1, subject: subjects, predicateType: type, predicate: {} };
    return refusalOf(await judgedClaim(signBundle('anna', Buffer.from(JSON.stringify(statement))), [entry('anna')]));
  };
  assert.equal(await said(PREDICATES.bom, LIMITS.subjectsPerStatement), 'trusted');
  assert.match(
    await said(PREDICATES.bom, LIMITS.subjectsPerStatement + 1),
    /^claim-malformed: .* more than 1024 subjects/,
  );
  assert.equal(await said(HISTORIC_OMS, LIMITS.subjectsPerStatement + 1), 'trusted');
});

test('the historic way to encode what is signed is one of historic signatures alone', async () => {
  const said = async (type: string) => {
    const payload = buildStatement([manifest(MODEL)], type, {});
    const signature = sign('sha256', historicPreAuthEncoding(payload), people.anna.key);
    return refusalOf(
      await judgedClaim(bundleOf({ key: { hint: '' }, payload, signature, timestamps: [] }), [entry('anna')]),
    );
  };
  assert.equal(await said(HISTORIC_OMS), 'trusted');
  assert.match(await said(PREDICATES.bom), /^signature-invalid/);
});

test('a keyless file signature is proven over the digest it names, and its pattern compiled', async () => {
  const der = Buffer.from('leaf').toString('base64');
  const bytes = fileBundle({ verificationMaterial: { certificate: { rawBytes: der }, tlogEntries: [] } });
  const asked: unknown[] = [];
  const signer: Signer = {
    kind: 'oidc',
    instance: instanceOf(instance.trustedRoot),
    issuer: 'https://issuer.example',
    san: { type: 'email', value: 'anna@example.com' },
    extensions: {},
    notBefore: '',
  };
  const verifier = async () =>
    Promise.resolve({
      verify: async (...given: readonly unknown[]) => (asked.push(given), Promise.resolve({ signer, times: [] })),
    });
  withoutPatternEngine();
  const ask = async (verifying: Verification['keyless']) =>
    verifyFileSignature(bytes, { trust: [entry('key'), PATTERN], keyless: verifying, now: NOW });
  const good = await ask(verifier as never);
  assert.deepEqual(good.trusted && good.signature.trustedBy.map(({ name }) => name), ['anyone']);
  assert.deepEqual(asked, [[bytes, instance.trustedRoot, createHash('sha256').update('weights').digest()]]);
  assert.match(refusalOf(await ask(null)), /^signer-untrusted: keyless signatures are not looked at here/);
});

test('a file signature that does not fit, or leads nowhere, is refused by its own code', async () => {
  const middle = makeCertificate({ name: 'middle', issuer: root, ca: true, keyUsage: [5] });
  const leaf = makeCertificate({ name: 'builder', issuer: middle, email: ['build@acme.example'] });
  const content = Buffer.from('weights');
  const said = async (pem: string, { signed = content, chain = [leaf, middle] } = {}) => {
    const certificates = chain.map(({ der: bytes }) => ({ rawBytes: bytes.toString('base64') }));
    const bytes = fileBundle({
      mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2',
      verificationMaterial: { x509CertificateChain: { certificates }, tlogEntries: [] },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(content).digest('base64') },
        signature: sign('sha256', signed, leaf.key).toString('base64'),
      },
    });
    const trust: TrustEntry = { name: 'ca', anchor: { kind: 'certificate', pem } };
    return refusalOf(await verifyFileSignature(bytes, { trust: [trust, entry('key')], keyless: null, now: NOW }));
  };
  assert.equal(await said(root.pem), 'trusted', 'through an authority that the bundle brings');
  assert.equal(await said(`${root.pem}${middle.pem}`, { chain: [leaf] }), 'trusted', 'or the trust');
  assert.match(await said(root.pem, { chain: [leaf] }), /^signer-untrusted/);
  assert.match(
    await said(root.pem, { signed: Buffer.from('other') }),
    /^signature-invalid: the signature does not fit/,
  );
  assert.match(await said(middle.pem), /^trust-invalid: no self-signed certificate/);
  const other = {
    messageSignature: { messageDigest: { algorithm: 'SHA2_256', digest: 'A'.repeat(43) + '=' }, signature: 'AAAA' },
  };
  const byKey = await verifyFileSignature(fileBundle(other), { trust: [entry('anna')], keyless: null, now: NOW });
  assert.match(refusalOf(byKey), /^signature-invalid: the signature does not fit/);
});
