import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { bundleOf, type KeyPart } from '../../../src/adapters/keys/bundle.ts';
import { buildEvaluation, claimTypeOf, isBuilt } from '../../../src/domain/claims/attestations.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { mergeClaims, splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { historicPreAuthEncoding, preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { looseEnvelope } from '../../../src/domain/claims/loose-envelope.ts';
import { buildOms, parseOms } from '../../../src/domain/claims/oms.ts';
import { signsFiles } from '../../../src/domain/claims/oms-match.ts';
import { buildPackageStep, checkPackageStep, packagedFrom } from '../../../src/domain/claims/package-step.ts';
import { trustedPairs, type PairsQuestion } from '../../../src/domain/claims/pairs.ts';
import { IN_TOTO_PAYLOAD, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildProvenance, checkStep, readParameters, splitInput } from '../../../src/domain/claims/provenance.ts';
import { checkRecordsCheck } from '../../../src/domain/claims/records-check.ts';
import { predicateOfList, readRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import { namesSameSigner } from '../../../src/domain/claims/same-key.ts';
import { describeSigner, describeTimes, nameOf, sameSigner } from '../../../src/domain/claims/signers.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { manifestOf, subject } from '../../../src/domain/claims/subjects.ts';
import { titleOf } from '../../../src/domain/claims/titles.ts';
import type { Signer, Statement, VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { verifyWithChain, verifyWithKey } from '../../../src/domain/claims/verify-signature.ts';
import { idsOf, manifestId } from '../../../src/domain/digest/manifest.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { formatRemovals } from '../../../src/domain/records/removals.ts';
import { makeCertificate } from '../pki/make-certificate.ts';

const hex = sha256Hex;
const statement = (type: string, predicate: object, subjects = [subject('manifest', 'm', hex('m'))]): Statement =>
  parseStatement(buildStatement(subjects, type, { ...predicate }));

test('a type of claim: its short name, a step, a URI; an OMS signature is none, and what is none says what there is', () => {
  assert.deepEqual(claimTypeOf('train'), { predicateType: PREDICATES.provenance, step: 'train' });
  assert.deepEqual(claimTypeOf('scan'), { predicateType: PREDICATES.vulns });
  assert.deepEqual(claimTypeOf('https://acme.example/x/v1'), { predicateType: 'https://acme.example/x/v1' });
  assert.throws(() => claimTypeOf(PREDICATES.integrity), { code: 'usage', message: /made by `weighmark sign`/ });
  for (const word of ['nothing', 'https://', 'mailto:x', 'constructor'])
    assert.throws(() => claimTypeOf(word), { code: 'usage', hint: /^types: .*evaluation.*, quantize/ }, word);
  assert.deepEqual([PREDICATES.provenance, PREDICATES.evaluation, PREDICATES.reference, PREDICATES.bom].map(isBuilt), [
    true,
    true,
    true,
    false,
  ]);
});

test('an evaluation has its inputs, and its figures as one entry more; without figures there is none', () => {
  const input = { role: 'dataset', name: 'acme/data', id: `sha256:${hex('d')}` } as const;
  const of = (metrics: object) =>
    buildEvaluation({ result: 'failed', inputs: [input], metrics: { ...metrics }, url: 'https://x.example' });
  const descriptor = {
    name: 'acme/data',
    digest: { sha256: hex('d') },
    annotations: { role: 'dataset', kind: 'manifest' },
  };
  assert.deepEqual(of({}), { result: 'FAILED', configuration: [descriptor], url: 'https://x.example' });
  const figures = {
    name: 'metrics',
    mediaType: 'application/json',
    content: Buffer.from('{"f1":0.9}').toString('base64'),
    annotations: { f1: 0.9 },
  };
  assert.deepEqual(of({ f1: 0.9 })['configuration'], [descriptor, figures]);
});

test('a step is built with what is said of it and no empty member', () => {
  const bare = buildProvenance({ step: 'train', inputs: [], parameters: {} });
  assert.deepEqual(Object.keys(bare['runDetails'] as object), ['builder']);
  const times = { startedOn: '2026-01-01T00:00:00Z', finishedOn: '2026-01-02T00:00:00Z', invocation: 'run 7' };
  const full = buildProvenance({ step: 'train', inputs: [], parameters: { epochs: 1 }, builder: 'b', ...times });
  assert.deepEqual(full['runDetails'], {
    builder: { id: 'b' },
    metadata: { invocationId: 'run 7', startedOn: times.startedOn, finishedOn: times.finishedOn },
  });
});

test('words of the command line: a step, ROLE=REF, NAME=VALUE; what is none is a question of usage', () => {
  assert.equal(checkStep('merge'), 'merge');
  assert.throws(() => checkStep('cook'), { code: 'usage', hint: /steps: .*merge/ });
  assert.deepEqual(splitInput('dataset=acme/x=1'), { role: 'dataset', ref: 'acme/x=1' });
  for (const wrong of ['dataset=', '=x', 'x', 'planet=x', 'dataset'])
    assert.throws(() => splitInput(wrong), { code: 'usage', hint: /roles: .*dataset/ }, wrong);
  assert.deepEqual(readParameters(['a=1', 'b=true', 'c=x=y', 'd=', 'e=1e3', 'f=01']), {
    a: 1,
    b: true,
    c: 'x=y',
    d: '',
    e: 1000,
    f: '01',
  });
  for (const wrong of [['a'], ['=1'], ['a=1', 'A=2']]) assert.throws(() => readParameters(wrong), { code: 'usage' });
});

const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const PEM = keys.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const PAYLOAD = buildStatement([subject('manifest', 'm', hex('m'))], PREDICATES.evaluation, { result: 'PASSED' });
const bundle = (key: KeyPart, payload: Uint8Array = PAYLOAD) =>
  bundleOf({ key, payload, signature: sign('sha384', preAuthEncoding(payload), keys.privateKey) });

test('a payload type that is not there is said to be absent', () => {
  const json = JSON.parse(Buffer.from(bundle({ hint: '' })).toString()) as { dsseEnvelope: Record<string, unknown> };
  delete json.dsseEnvelope['payloadType'];
  assert.throws(() => parseBundle(Buffer.from(JSON.stringify(json))), {
    code: 'signature-malformed',
    message: new RegExp(`payload type is absent, not ${IN_TOTO_PAYLOAD.replace('+', '\\+')}`),
  });
});

test('the lines of a claims file: whatever ends them; one bundle in many lines is one, though they begin empty', () => {
  const one = Buffer.from(bundle({ hint: '' })).toString();
  const pretty = JSON.stringify(JSON.parse(one), null, 2);
  const split = (text: string) => splitClaims(Buffer.from(text)).map((line) => Buffer.from(line).toString());
  assert.deepEqual(split(`${one}\r\n`), [one]);
  assert.deepEqual(split(`${one} \t\r\n${one}\n`), [`${one} \t`, one]);
  assert.deepEqual(split(`\n${pretty}`), [`\n${pretty}`]);
  assert.deepEqual(split(`${one}\n\n\n${one}`), [one, one]);
});

test('claims that differ in who signed both stay, by key, certificate or chain', () => {
  const [a, b] = [makeCertificate({ name: 'a' }), makeCertificate({ name: 'b' })];
  const different: readonly (readonly [KeyPart, KeyPart])[] = [
    [{ hint: 'a' }, { hint: 'b' }],
    [{ leaf: a.der }, { leaf: b.der }],
    [{ chain: [a.der] }, { chain: [b.der] }],
    [{ hint: 'a' }, { leaf: a.der }],
  ];
  for (const [one, other] of different)
    assert.equal(
      splitClaims(mergeClaims(null, [bundle(one), bundle(other), bundle(one)])).length,
      2,
      Object.keys(one).join(),
    );
});

test('whose file is replaced: the same hint, or the same names in the certificate; no hint is nobody’s', () => {
  const [a, again, b] = ['a', 'a', 'b'].map((name) => makeCertificate({ name, email: [`${name}@acme.example`] }));
  assert.ok(a && again && b);
  const other = makeCertificate({ name: 'a', email: ['b@acme.example'] });
  const same = (one: KeyPart, two: KeyPart) => namesSameSigner(parseBundle(bundle(one)), parseBundle(bundle(two)));
  assert.deepEqual([same({ hint: 'x' }, { hint: 'x' }), same({ hint: 'x' }, { hint: 'y' })], [true, false]);
  assert.equal(same({ hint: '' }, { hint: '' }), false);
  for (const wrap of [(der: Buffer) => ({ leaf: der }), (der: Buffer) => ({ chain: [der] })]) {
    assert.equal(same(wrap(a.der), wrap(again.der)), true);
    assert.equal(same(wrap(a.der), wrap(b.der)), false, 'another subject');
    assert.equal(same(wrap(a.der), wrap(other.der)), false, 'another name');
  }
  assert.equal(same({ hint: 'x' }, { leaf: a.der }), false);
  assert.equal(same({ leaf: a.der }, { hint: 'x' }), false);
  assert.equal(same({ leaf: a.der }, { chain: [a.der] }), false);
});

test('what model_signing 0.2.0 signed: the payload as Python shows bytes', () => {
  const shown = (text: string) => {
    const [, , , , ...rest] = Buffer.from(historicPreAuthEncoding(Buffer.from(text, 'latin1')))
      .toString('latin1')
      .split(' ');
    return rest.join(' ');
  };
  assert.equal(shown('{"a": 1}'), `b'{"a": 1}'`);
  assert.equal(shown(`it's`), `b"it's"`);
  assert.equal(shown(`"it's"`), `b'"it\\'s"'`);
  assert.equal(shown('\\ \n\r\t\0\x1f ~\x7f\xff'), "b'\\\\ \\n\\r\\t\\x00\\x1f ~\\x7f\\xff'");
  const payload = Buffer.from('{}');
  const signed = (hash: string) =>
    parseBundle(
      bundleOf({
        key: { hint: '' },
        payload,
        signature: sign(hash, historicPreAuthEncoding(payload), keys.privateKey),
      }),
    );
  for (const hash of ['sha256', 'sha384']) {
    assert.equal(verifyWithKey(signed(hash), PEM, { historic: true }).keyType, 'P-384', hash);
    assert.throws(() => verifyWithKey(signed(hash), PEM), { code: 'signature-invalid' }, hash);
  }
  assert.throws(() => verifyWithKey(signed('sha512'), PEM, { historic: true }), { code: 'signature-invalid' });
});

test('who trusts a certificate root alone is told of a signature by a key, and the other way round', () => {
  const root = makeCertificate({ name: 'root' });
  const chain = { pem: root.pem, at: new Date() };
  assert.throws(() => verifyWithChain(parseBundle(bundle({ hint: '' })), chain), {
    code: 'signer-untrusted',
    message: /without a certificate chain, and only a certificate root is trusted/,
  });
  assert.throws(() => verifyWithKey(parseBundle(bundle({ leaf: root.der })), PEM), { code: 'signer-untrusted' });
});

interface LooseJson extends Record<string, unknown> {
  dsseEnvelope?: Record<string, unknown>;
}

test('an envelope that the strict reader refuses is read far enough to ask whose it is, in either spelling', () => {
  const loose = (change: (json: LooseJson) => void, key: KeyPart = { hint: 'h' }) => {
    const json = JSON.parse(Buffer.from(bundle(key)).toString()) as LooseJson;
    json['later'] = 1;
    change(json);
    return looseEnvelope(Buffer.from(JSON.stringify(json)));
  };
  const { der } = makeCertificate({ name: 'a' });
  assert.deepEqual(loose(() => {})?.payloads, [{ payload: Buffer.from(PAYLOAD), type: IN_TOTO_PAYLOAD }]);
  assert.deepEqual([loose(() => {})?.hints, loose(() => {})?.bundle], [['h'], null]);
  const snake = loose((json) => {
    json['dsse_envelope'] = json.dsseEnvelope;
    json['verification_material'] = { public_key: { hint: 'h' } };
    delete json.dsseEnvelope;
    delete json['verificationMaterial'];
  });
  assert.deepEqual([snake?.hints, snake?.signatures.length], [['h'], 1]);
  assert.deepEqual(loose(() => {}, { leaf: der })?.certificates, [der]);
  assert.deepEqual(loose(() => {}, { chain: [der, makeCertificate({ name: 'b' }).der] })?.certificates.length, 2);
  const bare = loose((json) => delete json['verificationMaterial']);
  assert.deepEqual([bare?.hints, bare?.certificates], [[], []]);
  assert.equal(
    loose((json) => (json.dsseEnvelope = { ...json.dsseEnvelope, payload: '!' })),
    null,
  );
  for (const none of [[], {}])
    assert.equal(
      loose((json) => (json.dsseEnvelope = { ...json.dsseEnvelope, signatures: none })),
      null,
    );
  assert.equal(looseEnvelope(Buffer.from('no json')), null);
  assert.equal(looseEnvelope(bundle({ hint: '' }), 10), null, 'too long');
});

const file = (path: string, text = path) => ({ path, sizeBytes: text.length, sha256: hex(text) });

test('whether a bundle signs exactly these files', () => {
  const files = [file('a.bin'), file('b.bin')];
  const { payload } = buildOms({
    name: 'm',
    resources: files.map(({ path, sha256 }) => ({ path, digest: sha256 })),
    single: false,
    allowSymlinks: false,
    ignorePaths: [],
  });
  const signed = bundle({ hint: '' }, payload);
  assert.equal(signsFiles(signed, files), true);
  for (const other of [[file('a.bin')], [...files, file('c.bin')], [file('a.bin'), file('b.bin', 'x')]])
    assert.equal(signsFiles(signed, other), false);
  assert.equal(signsFiles(Buffer.from('{}'), files), false);
  assert.equal(signsFiles(bundle({ hint: '' }), files), false, 'no OMS signature');
});

test('an edit of documentation leads from one id to the next, recomputed; anything else does not', () => {
  const before = [file('w.bin'), file('README.md')];
  const after = [file('w.bin'), file('README.md', 'edited'), file('NOTICE')];
  const built = buildPackageStep(before, after);
  assert.ok(built !== null);
  const made = statement(PREDICATES.provenance, built);
  const id = manifestId(before);
  assert.equal(packagedFrom(made), id);
  const ids = checkPackageStep(made, after);
  assert.equal(ids[0], id);
  assert.deepEqual([...ids].toSorted(), [...new Set(idsOf(before))].toSorted());
  const conflict = { code: 'claim-conflict', message: /does not lead to these files/ };
  assert.throws(() => checkPackageStep(made, [...after, file('x.bin')]), conflict);
  assert.throws(() => checkPackageStep(made, after.slice(0, 2)), conflict, 'a page it says was added is not there');
  assert.equal(buildPackageStep(before, before), null);
  assert.equal(buildPackageStep(before, [file('w.bin', 'other'), file('README.md')]), null);
  const saying = (pages: unknown) => {
    const definition = built['buildDefinition'] as { externalParameters: object };
    return statement(PREDICATES.provenance, {
      ...built,
      buildDefinition: { ...definition, externalParameters: { ...definition.externalParameters, removed: pages } },
    });
  };
  for (const wrong of [
    'none',
    [7],
    [{ ...file('README.md'), path: 7 }],
    [{ ...file('README.md'), sizeBytes: '1' }],
    [{ ...file('README.md'), sha256: 'x' }],
    [file('w.py')],
  ])
    assert.throws(() => checkPackageStep(saying(wrong), after), { code: 'claim-malformed' }, JSON.stringify(wrong));
  assert.throws(() => checkPackageStep(statement(PREDICATES.bom, {}), after), { code: 'claim-malformed' });
});

test('pairs of digests count where the signer of the files signed list, id and root together', () => {
  const listed = { ...file('a.bin'), blake3: hex('blake') };
  const signer: Signer = { kind: 'key', fingerprint: hex('anna'), keyType: 'P-256' };
  const { payload, root } = buildOms({
    name: 'm',
    resources: [{ path: 'a.bin', digest: listed.sha256 }],
    single: false,
    allowSymlinks: false,
    ignorePaths: [],
  });
  const subjects = [
    subject('list', 'files', hex('list')),
    subject('manifest', 'm', hex('id')),
    subject('root', 'm', root),
  ];
  const bom = (of = subjects, type: string = PREDICATES.bom, by = signer) =>
    ({ statement: statement(type, {}, of), signer: by }) as VerifiedClaim;
  const question = (claims: readonly VerifiedClaim[], over: Partial<PairsQuestion> = {}): PairsQuestion => ({
    manifest: parseOms(parseStatement(payload)),
    signer,
    list: [listed],
    listDigest: hex('list'),
    listIds: [`sha256:${hex('other version')}`, `sha256:${hex('id')}`],
    claims,
    ...over,
  });
  assert.deepEqual(trustedPairs(question([bom()]))?.get('a.bin'), listed);
  assert.equal(trustedPairs(question([])), null);
  for (const missing of [0, 1, 2])
    assert.equal(trustedPairs(question([bom(subjects.filter((_, at) => at !== missing))])), null, String(missing));
  assert.equal(trustedPairs(question([bom(subjects, PREDICATES.evaluation)])), null);
  assert.equal(trustedPairs(question([bom(subjects, PREDICATES.bom, { ...signer, fingerprint: hex('bob') })])), null);
  assert.equal(trustedPairs(question([bom()], { list: [listed, { ...listed, path: 'b.bin' }] })), null);
  assert.throws(() => trustedPairs(question([bom()], { list: [{ ...listed, sha256: hex('x') }] })), {
    code: 'digest-conflict',
  });
  assert.throws(() => trustedPairs(question([bom()], { list: [] })), { code: 'digest-conflict' });
});

test('a check of records says what was checked, how it went, and of which datasets', () => {
  const dataset = { digest: { sha256: hex('d') }, set: hex('s') };
  const good = { check: 'overlap', result: 'FAILED', of: [dataset], against: [dataset] };
  checkRecordsCheck(good);
  for (const wrong of [
    { check: '' },
    { result: 'OK' },
    { of: [] },
    { against: [] },
    { against: 'none' },
    { of: [{ ...dataset, set: 'x' }] },
    { against: [{ ...dataset, digest: {} }] },
  ])
    assert.throws(() => checkRecordsCheck({ ...good, ...wrong }), {
      code: 'claim-malformed',
      message: /^not a check of records: /,
    });
});

test('a list of records to remove becomes a claim; other bytes are none', () => {
  const records = [hex('b'), hex('a')];
  assert.deepEqual(predicateOfList(Buffer.from(formatRemovals({ key: null, records }))), {
    hashing: 'open',
    profile: 'typed',
    records: records.toSorted(),
  });
  const keyed = Buffer.from(formatRemovals({ key: hex('c'), records }));
  const predicate = { hashing: 'keyed', key: hex('c'), profile: 'typed', records: records.toSorted() };
  assert.deepEqual(predicateOfList(keyed), predicate);
  assert.deepEqual(readRemovedRecords(predicate), predicate);
  for (const wrong of [{ hashing: 'open' }, { key: 'c' }, { key: 7 }])
    assert.throws(() => readRemovedRecords({ ...predicate, ...wrong }), { code: 'claim-malformed' });
  for (const wrong of ['weighmark-removed/2\n', `weighmark-removed/2\n${hex('a')}\n`, `${String(keyed)}\n`])
    assert.throws(() => predicateOfList(Buffer.from(wrong)), { code: 'format-invalid' });
  assert.equal(predicateOfList(Buffer.from('{}')), null);
});

test('a signer by what identifies it, and by the name the caller gave', () => {
  const key: Signer = { kind: 'key', fingerprint: hex('k'), keyType: 'P-256' };
  const certificate = {
    kind: 'certificate',
    root: hex('r'),
    subject: 'CN=a\nO=b',
    sans: [],
    fingerprint: hex('c'),
    notBefore: '',
  } as const;
  const oidc = {
    kind: 'oidc',
    instance: 'public-good',
    issuer: 'https://i.example',
    san: { type: 'email', value: 'a@b.example' },
    extensions: {},
    notBefore: '',
  } as const;
  const differing: readonly (readonly [Signer, Signer])[] = [
    [key, { ...key, fingerprint: hex('other') }],
    [certificate, { ...certificate, root: hex('other') }],
    [certificate, { ...certificate, subject: 'CN=b' }],
    [oidc, { ...oidc, issuer: 'https://j.example' }],
    [oidc, { ...oidc, instance: 'private' }],
    [key, oidc],
  ];
  for (const [one, other] of differing) assert.equal(sameSigner(one, other), false);
  for (const [one, again] of [
    [key, { ...key, keyType: 'P-384' }],
    [certificate, { ...certificate, fingerprint: hex('renewed') }],
    [oidc, { ...oidc, notBefore: '2026-01-01T00:00:00Z' }],
  ] as const)
    assert.equal(sameSigner(one as Signer, again as Signer), true);
  const named = (signer: Signer, name = 'command-line') => nameOf(signer, { name, anchor: { kind: 'key', pem: '' } });
  assert.equal(named(key, 'anna'), 'anna');
  assert.match(named(key), /^key SHA256:.{16}…$/);
  assert.equal(named(oidc), 'a@b.example');
  assert.equal(named(certificate), 'CN=a, O=b');
  assert.match(describeSigner({ ...oidc, instance: 'x' }), /on a private Sigstore$/);
  const at = (time: string) => ({ time, source: 'rfc3161', authority: time.slice(0, 4) }) as const;
  assert.equal(
    describeTimes({ times: [at('2026-02-01T10:00:00Z'), at('2025-01-01T09:30:00Z')] }),
    'signed 2025-01-01 09:30 UTC, says 2025',
  );
  assert.equal(describeTimes({ times: [] }), '');
});

test('a statement without a type is not built; what it is about is its one manifest', () => {
  assert.throws(() => buildStatement([subject('manifest', 'm', hex('m'))], '', {}), { code: 'claim-malformed' });
  const of = (...subjects: Parameters<typeof buildStatement>[0]) =>
    manifestOf(parseStatement(buildStatement(subjects, PREDICATES.bom, {})));
  assert.equal(of(subject('root', 'm', hex('r')), subject('manifest', 'm', hex('m'))), `sha256:${hex('m')}`);
  assert.equal(of(subject('root', 'm', hex('r'))), null);
  assert.equal(of(subject('manifest', 'm', hex('m')), subject('manifest', 'n', hex('n'))), null);
  assert.equal(of({ name: 'm', digest: { sha256: 'short' }, annotations: { kind: 'manifest' } }), null);
});

test('what kind of claim it is, for people', () => {
  const title = (type: string, predicate: object = {}) => titleOf({ predicateType: type, predicate: { ...predicate } });
  assert.equal(title(PREDICATES.bom), 'ML-BOM');
  assert.equal(title('https://x.example'), 'https://x.example');
  assert.equal(title(PREDICATES.derivation), 'verified derivation that cannot be read');
  const parents = [{ name: 'p', digest: { sha256: hex('p') } }];
  assert.equal(
    title(PREDICATES.derivation, { step: 'cast', word: 'equal', parents }),
    'verified derivation (cast: equal)',
  );
  assert.equal(
    title(PREDICATES.provenance, buildProvenance({ step: 'merge', inputs: [], parameters: {} })),
    'provenance (merge)',
  );
  assert.equal(
    title(PREDICATES.provenance, { buildDefinition: { buildType: 'https://ci.example/x' } }),
    'provenance (https://ci.example/x)',
  );
  for (const definition of [undefined, null, [], 'x', { buildType: 7 }])
    assert.equal(title(PREDICATES.provenance, { buildDefinition: definition }), 'provenance ()');
});
