import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { bundleOf } from '../../../src/adapters/keys/bundle.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { checkOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { buildReference, checkPredicate } from '../../../src/domain/claims/attestations.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { mergeClaims, splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { buildDerivation, readDerivationPredicate } from '../../../src/domain/claims/derivation.ts';
import { actOf, preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { looseEnvelope } from '../../../src/domain/claims/loose-envelope.ts';
import { namesIn } from '../../../src/domain/claims/names.ts';
import { buildOms, parseOms, type OmsResource } from '../../../src/domain/claims/oms.ts';
import { signsFiles } from '../../../src/domain/claims/oms-match.ts';
import { spelledResources } from '../../../src/domain/claims/oms-spelled.ts';
import { trustedPairs } from '../../../src/domain/claims/pairs.ts';
import { HISTORIC_OMS, PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { readParameters, splitInput } from '../../../src/domain/claims/provenance.ts';
import { buildRecordsCheck, isFailedCheck } from '../../../src/domain/claims/records-check.ts';
import { readAbsence, readRemovedRecords, tryRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import { describeTimes } from '../../../src/domain/claims/signers.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { titleOf } from '../../../src/domain/claims/titles.ts';
import type { Statement, Subject, VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { hintFits, isByCertificate, mayBeByKey, verifyWithChain } from '../../../src/domain/claims/verify-signature.ts';
import { namesOfWeights } from '../../../src/domain/claims/weights-lists.ts';
import { sha256Hex as hex } from '../../../src/domain/digest/hex.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { formatProof } from '../../../src/domain/records/proof.ts';
import { formatRoots } from '../../../src/domain/records/roots.ts';
import { describeKey } from '../../../src/domain/pki/keys.ts';
import { makeCertificate } from '../pki/make-certificate.ts';

/** What the readers of claims take and refuse, each with the reason that is told. */
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const PAYLOAD = buildStatement([subject('manifest', 'm', hex('m'))], PREDICATES.evaluation, { result: 'PASSED' });
const SIGNATURE = sign('sha256', preAuthEncoding(PAYLOAD), privateKey);
const bundle = (more: Partial<Parameters<typeof bundleOf>[0]> = {}) =>
  bundleOf({ key: { hint: 'mine' }, payload: PAYLOAD, signature: SIGNATURE, ...more });
const changed = (from: string | RegExp, to: string): Buffer => {
  const text = Buffer.from(bundle()).toString();
  assert.notEqual(text.replace(from, to), text);
  return Buffer.from(text.replace(from, to));
};
const because = (code: string, message: RegExp) => ({ code, message });

test('a bundle has the size, the parts and the alphabet that it may have', () => {
  const entry = {
    logIndex: '1',
    logId: { keyId: 'AA==' },
    kindVersion: { kind: 'dsse', version: '0.0.1' },
    integratedTime: '1',
    inclusionPromise: { signedEntryTimestamp: 'AA==' },
    inclusionProof: { logIndex: '1', rootHash: 'AA==', treeSize: '2', hashes: [], checkpoint: { envelope: '' } },
    canonicalizedBody: 'AA==',
  };
  const whole = bundle({ timestamps: [Buffer.from('token')], logEntries: [entry] });
  const { timestamps, logEntries } = parseBundle(whole, whole.length);
  assert.deepEqual([timestamps.map(String), logEntries], [['token'], 1]);
  assert.throws(() => parseBundle(whole, whole.length - 1), because('claims-limit', /larger than \d+ bytes/));
  assert.deepEqual([...parseBundle(changed(/"sig":"[^"]*"/, '"sig":"____"')).signature], [0xff, 0xff, 0xff]);
  const missing = changed(/"verificationMaterial":\{.*?\]\}/, '"verificationMaterial":7');
  assert.throws(() => parseBundle(missing), because('signature-malformed', /is missing or not an object/));
});

test('a file of claims has as many, of as many bytes, as it may have; a bundle in many lines becomes one', () => {
  const lines = (count: number) => Buffer.from('x\n'.repeat(count));
  assert.equal(splitClaims(lines(LIMITS.claimsPerFile)).length, LIMITS.claimsPerFile);
  assert.throws(() => splitClaims(lines(LIMITS.claimsPerFile + 1)), because('claims-limit', /more than \d+ claims/));
  const large = (size: number) => () => splitClaims(Buffer.alloc(size));
  assert.throws(large(LIMITS.claimsFileBytes), because('claims-limit', /^claim 1 is larger/));
  assert.throws(large(LIMITS.claimsFileBytes + 1), because('claims-limit', /^the claims file is larger/));
  const document = Buffer.alloc(LIMITS.claimBytes + 1, ' ');
  document.write('{\n');
  document[LIMITS.claimBytes - 1] = 0x7d;
  assert.deepEqual(splitClaims(document.subarray(0, -1)).length, 1, 'one document');
  assert.deepEqual(splitClaims(document).length, 2, 'too long for one');
  const [spaced, pretty] = [' {"a": 1}', '{\n "b": 1\n}'].map((text) => Buffer.from(text)) as [Buffer, Buffer];
  assert.equal(mergeClaims(null, [spaced, pretty]).toString(), ' {"a": 1}\n{"b":1}\n');
});

test('predicates leave out what is not said, and say why they are none', () => {
  const reference = (more: object) =>
    (
      buildReference({ attester: 'a', references: [{ name: 'n', sha256: hex('r'), mediaType: 't', ...more }] })[
        'references'
      ] as object[]
    )[0];
  const plain = { name: 'n', mediaType: 't', digest: { sha256: hex('r') } };
  assert.deepEqual([reference({}), reference({ uri: 'u' })], [plain, { ...plain, uri: 'u' }]);
  const parents = [{ name: 'p', sha256: hex('p') }];
  const of = {
    step: 'cast',
    word: 'equal',
    parents,
    tensors: {},
    materials: [],
    tool: { name: 't', version: '1' },
  } as const;
  const built = buildDerivation(of);
  assert.equal('materials' in built, false);
  assert.deepEqual(buildDerivation({ ...of, materials: parents })['materials'], built['parents']);
  for (const word of ['equal', 'recomputed', 'nearest codes', 'bounded'])
    assert.equal(readDerivationPredicate({ ...built, word }).word, word);
  checkPredicate(PREDICATES.derivation, built);
  for (const none of [[], 'p', undefined])
    assert.throws(
      () => checkPredicate(PREDICATES.derivation, { ...built, parents: none }),
      because('claim-malformed', /without parents/),
    );
  assert.deepEqual(readParameters(['a=false', 'b=true', 'c=x']), { a: false, b: true, c: 'x' });
  assert.throws(() => splitInput('datasetx'), { code: 'usage' });
});

test('a kind of claim that nobody knows is called by its own type, whatever word that is', () => {
  for (const predicateType of ['https://x.example/y', 'constructor', '__proto__'])
    assert.equal(titleOf({ predicateType, predicate: {} }), predicateType);
  assert.equal(titleOf({ predicateType: PREDICATES.bom, predicate: {} }), 'ML-BOM');
});

test('copies of one signature are one act in either encoding, with zeros before r or without; another r is another', () => {
  const number = (byte: number, length: number, head: readonly number[] = []) => [
    ...head,
    ...Array<number>(length - head.length).fill(byte),
  ];
  const der = (r: readonly number[], s: readonly number[]) =>
    Buffer.from([0x30, 4 + r.length + s.length, 2, r.length, ...r, 2, s.length, ...s]);
  const s = number(5, 32);
  const act = (signature: Uint8Array) => actOf(PAYLOAD, signature);
  const high = number(0x80, 32);
  assert.equal(act(der([0, ...high], s)), act(Buffer.from([...high, ...s])));
  assert.equal(act(der(number(7, 31), s)), act(Buffer.from([0, ...number(7, 31), ...s])));
  assert.equal(act(der(high, s)), act(der(high, number(6, 32))), 's has a twin that anybody can write');
  assert.notEqual(act(der(high, s)), act(der(number(0x80, 32, [0x81]), s)));
  assert.notEqual(act(Buffer.from([...high, ...s])), act(Buffer.from([...number(0x80, 32, [0x81]), ...s])));
});

test('what is read loosely is bounded, and says all that it says of its signer', () => {
  const strict = bundle();
  const read = looseEnvelope(strict, strict.length);
  assert.deepEqual(
    [
      read?.hints,
      read?.signatures.map((each) => Buffer.from(each).equals(SIGNATURE)),
      read?.payloads.map(({ type }) => type),
    ],
    [['mine'], [true], ['application/vnd.in-toto+json']],
  );
  assert.equal(looseEnvelope(strict, strict.length - 1), null);
  const leaf = makeCertificate({ name: 'leaf' });
  const of = (key: Parameters<typeof bundleOf>[0]['key']) => {
    const { certificates, hints } = looseEnvelope(bundle({ key })) ?? {};
    return [certificates?.map((each) => Buffer.from(each).equals(leaf.der)), hints];
  };
  assert.deepEqual(of({ leaf: leaf.der }), [[true], []]);
  assert.deepEqual(of({ chain: [leaf.der, leaf.der] }), [[true, true], []]);
  const torn = (text: string) => looseEnvelope(Buffer.from(text));
  const typesOf = (text: string) => torn(`{"payload":"AAAA","sig":"AAAA",${text}`)?.payloads.map(({ type }) => type);
  assert.deepEqual(typesOf(''), ['application/vnd.in-toto+json']);
  assert.deepEqual(typesOf('"payloadType":"a","payload_type":"b","payloadType":"c"'), ['a', 'b']);
  const many = Array.from({ length: 9 }, (_, at) => `"sig":"${Buffer.from([at, 0, 0]).toString('base64')}"`);
  assert.equal(torn(`{"payload":"AAAA",${many.join()}`)?.signatures.length, 8);
  assert.equal(torn('{"sig":"AAAA","payload":"AAAA'), null, 'a text without an end is none');
  assert.deepEqual(torn('{"sig":"AAAA","payload":"AAAA","hint":"a\\"b"')?.hints, ['a"b']);
});

const named = (type: string, subjects: readonly Subject[]): Statement =>
  parseStatement(buildStatement(subjects, type, {}));

test('a file names an artifact only where the root shows that it is all there is: a licence of many names nobody', () => {
  const names = (...files: readonly string[]) => {
    const of = [subject('manifest', 'm', hex('m')), subject('root', 'm', omsRoot([hex('a')]))];
    return namesIn(named(PREDICATES.bom, [...of, ...files.map((each) => subject('file', each, hex(each)))]));
  };
  const own = [hex('m'), omsRoot([hex('a')])];
  assert.deepEqual(names('LICENSE'), own);
  assert.deepEqual(names('a', 'LICENSE'), [...own, hex('a')]);
});

const omsOf = (paths: readonly string[], more: Partial<Parameters<typeof buildOms>[0]> = {}) =>
  buildOms({
    name: 'm',
    resources: paths.map((path) => ({ path, digest: hex(path) })),
    single: false,
    allowSymlinks: false,
    ignorePaths: [],
    ...more,
  });
const FILE = { path: 'a', sizeBytes: 1, sha256: hex('a') };

test('one file is signed by a name of its own or as `.`, and paired so; of several none is', () => {
  const by = (payload: Uint8Array) => bundle({ payload, signature: SIGNATURE });
  const single = omsOf(['a'], { single: true });
  assert.equal(signsFiles(by(single.payload), [FILE]), true);
  assert.equal(signsFiles(by(single.payload), [{ ...FILE, path: 'other' }]), true);
  assert.equal(signsFiles(by(single.payload), [FILE, { ...FILE, path: 'b' }]), false);
  const pairs = ({ payload, root }: ReturnType<typeof omsOf>, paths: readonly string[]) => {
    const signer = { kind: 'key', fingerprint: hex('k'), keyType: 'P-256' } as const;
    const subjects = [
      subject('list', 'files', hex('list')),
      subject('manifest', 'm', hex('id')),
      subject('root', 'm', root),
    ];
    const claim = { statement: named(PREDICATES.bom, subjects), signer } as unknown as VerifiedClaim;
    const list = paths.map((path) => ({ path, sizeBytes: 1, sha256: hex('a'), blake3: hex('b') }));
    const listed = { list, listDigest: hex('list'), listIds: [`sha256:${hex('id')}`], claims: [claim], signer };
    return trustedPairs({ manifest: parseOms(parseStatement(payload)), ...listed })?.size;
  };
  assert.equal(pairs(single, ['any']), 1);
  assert.equal(pairs(omsOf(['a']), ['a']), 1);
  assert.throws(() => pairs(omsOf(['a']), ['any']), { code: 'digest-conflict' });
  assert.throws(() => pairs(single, ['a', 'b']), { code: 'digest-conflict' });
});

test('an OMS signature is built of files that are there, whole, in pieces of any number', () => {
  assert.throws(() => omsOf([]), { code: 'empty-artifact' });
  const paths = Array.from({ length: 1024 }, (_, at) => String(at).padStart(4, '0'));
  assert.equal(parseOms(parseStatement(omsOf(paths).payload)).resources.length, 1024);
  const short: readonly OmsResource[] = [{ path: 'a', digest: hex('a') }];
  assert.throws(() => omsOf([], { resources: short, algorithm: 'blake2b' }), { code: 'internal' });
});

test('of an OMS signature each thing that is wrong is told', () => {
  const shards = { method: 'shards', hash_type: 'sha256', allow_symlinks: false, shard_size: 4 };
  const files = { method: 'files', hash_type: 'sha256', allow_symlinks: false };
  const said = (resources: unknown, how: object = files, over: object = {}) => {
    const digests = Array.isArray(resources)
      ? resources.slice(0, 9).flatMap((each?: { digest: string }) => each?.digest ?? [])
      : [];
    const own = [{ name: 'm', digest: { sha256: omsRoot(digests) } }];
    const predicate = { serialization: how, resources };
    const statement = {
      ...named(PREDICATES.integrity, [subject('root', 'm', hex('m'))]),
      subject: own,
      predicate,
      ...over,
    };
    try {
      return parseOms(statement).resources.length;
    } catch (error) {
      return (error as Error).message;
    }
  };
  const of = (...names: readonly string[]) => names.map((name) => ({ name, algorithm: 'sha256', digest: hex(name) }));
  assert.equal(said(of('a')), 1);
  assert.equal(said(of('a:0:4', 'a:4:8', 'a:8:9'), shards), 3);
  assert.equal(said(of('a:0:4'), shards), 1, 'a last one that is full');
  const wrong: readonly (readonly [RegExp, Parameters<typeof said>])[] = [
    [/its hash_type is not/, [of('a'), { ...files, hash_type: 'md5' }]],
    [/its hash_type is not/, [of('a'), { ...files, hash_type: 7 }]],
    [/method and shard_size do not go together/, [of('a:0:4'), { ...shards, shard_size: 0 }]],
    [/ignore_paths is not a list/, [of('a'), { ...files, ignore_paths: 'a' }]],
    [/an ignore path is not text/, [of('a'), { ...files, ignore_paths: [7] }]],
    [/resources is not a list/, ['a']],
    [/is not path:start:end/, [of('a'), shards]],
    [/overlap or leave gaps/, [of('a:0:4', 'a:4:4'), shards]],
    [/overlap or leave gaps/, [of('a:0:5'), shards]],
    [/serialization is not an object/, [of('a'), 'files' as never]],
    [/not exactly one subject/, [of('a'), files, { subject: [] }]],
    [/no sha256 digest/, [of('a'), files, { subject: [{ name: 'm', digest: { sha512: 'x' } }] }]],
    [/its subject has no name/, [of('a'), files, { subject: [{ digest: { sha256: omsRoot([hex('a')]) } }] }]],
    [/it lists too many files/, [Array<object>(LIMITS.filesPerTree + 1)]],
  ];
  for (const [message, args] of wrong) assert.match(String(said(...args)), message);
  assert.doesNotMatch(String(said(Array<object>(LIMITS.filesPerTree))), /too many/);
  const historic = said(of('a'), files, { predicateType: HISTORIC_OMS });
  assert.match(String(historic), /a subject is not a file with its SHA-256/);
  const text = (count: number) => Buffer.from(JSON.stringify(of(...['a', 'b', 'c'].slice(0, count))));
  const how = { algorithm: 'sha256', shardBytes: null } as const;
  assert.deepEqual(
    [2, 3].map((count) => spelledResources(text(count), how, 2)?.length ?? null),
    [2, null],
  );
});

test('a check of records passed where nothing was found and all was read; its evidence is told', () => {
  const of = [{ name: 'd', id: `sha256:${hex('d')}`, records: 1, ordered: hex('o'), set: hex('s') }];
  const built = (...checks: Parameters<typeof verdictOf>[0]['checks']) =>
    buildRecordsCheck({ check: 'overlap', verdict: verdictOf({ subject: 'd', checks }), against: of, of });
  const good = built(checkOf('records', [{ what: '3 records' }], []));
  assert.deepEqual([good['result'], good['evidence'], isFailedCheck(good)], ['PASSED', ['3 records'], false]);
  const bad = built(checkOf('records', [], [{ code: 'scan-finding', message: 'shared' }]));
  assert.deepEqual([bad['result'], isFailedCheck(bad)], ['FAILED', true]);
});

test('removed records say how they were hashed, under which key, and which they are', () => {
  const good = { hashing: 'open', profile: 'text', records: [hex('a')] };
  assert.equal(readRemovedRecords(good).profile, 'text');
  const malformed = (message: RegExp) => because('claim-malformed', message);
  for (const wrong of [{ hashing: 'closed' }, { profile: 'loose' }])
    assert.throws(() => readRemovedRecords({ ...good, ...wrong }), malformed(/how the records were hashed/));
  for (const records of ['none', undefined, { length: 0 }])
    assert.throws(
      () => readRemovedRecords({ ...good, records }),
      (error: Error) =>
        /no list of hashes/.test(error.message) && /it has no records/.test((error.cause as Error).message),
    );
  const statement = (predicateType: string, predicate: object) => ({ predicateType, predicate }) as Statement;
  const type = PREDICATES['removed-records'];
  assert.equal(tryRemovedRecords(statement(type, good))?.records.length, 1);
  assert.equal(tryRemovedRecords(statement(type, { ...good, records: ['x'] })), null);
  assert.equal(tryRemovedRecords(statement(PREDICATES.bom, good)), null);
});

test('a proof of absence brings proofs, and of them counts what is about records', () => {
  const one = { records: 1, ordered: hex('o'), set: hex('s') };
  const roots = formatRoots({
    ...one,
    reading: { format: 'jsonl', profile: 'typed' },
    hashing: 'open',
    key: null,
    distinct: 1,
    columns: null,
    parts: [{ path: 'a', records: 1 }],
  });
  const grown = formatProof({ kind: 'extension', roots: one, before: { records: 1, ordered: hex('o') }, path: [] });
  const read = (...proofs: readonly unknown[]) => readAbsence({ roots, proofs });
  assert.equal(read().roots.records, 1);
  assert.equal(read(JSON.parse(grown)).shown.size, 0);
  for (const none of [7, [], null])
    assert.throws(() => read(none), because('claim-malformed', /a proof in it is none/));
});

test('a time is told by whoever says the earliest, of several the first', () => {
  const at = (time: string, authority: string) => ({ time, source: 'rfc3161', authority }) as const;
  const [one, two] = ['2026-11-02T10:14:00Z', '2026-11-03T10:14:00Z'];
  assert.equal(describeTimes({ times: [at(two, 'b'), at(one, 'a')] }), 'signed 2026-11-02 10:14 UTC, says a');
  assert.equal(describeTimes({ times: [at(one, 'a'), at(one, 'b')] }), 'signed 2026-11-02 10:14 UTC, says a');
  assert.equal(describeTimes({ times: [] }), '');
});

test('a statement has as many subjects as it may', () => {
  const of = Buffer.from(
    buildStatement(
      [1, 2].map((at) => subject('file', `f${at}`, hex(String(at)))),
      PREDICATES.bom,
      {},
    ),
  );
  assert.equal(parseStatement(of, 2).subject.length, 2);
  assert.throws(() => parseStatement(of, 1), because('claim-malformed', /it has more than 1 subjects/));
});

test('weights are called by their roots and their tensors', () => {
  const tensors = [{ name: 't', digest: hex('t') }];
  const sets = [{ names: hex('n'), multiset: hex('m'), set: hex('s'), tensors }];
  assert.deepEqual([...namesOfWeights(sets as never)], [hex('n'), hex('m'), hex('s'), hex('t')]);
});

test('whoever might say no is asked by any key, hash and encoding that tools sign with; another key is another', () => {
  const byLeaf = (key: KeyObject, signature: Uint8Array) =>
    isByCertificate({ payload: PAYLOAD, type: 'application/vnd.in-toto+json', signature }, {
      x509: { publicKey: key },
    } as never);
  const over = preAuthEncoding(PAYLOAD);
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  for (const hash of ['sha256', 'sha384', 'sha512'])
    for (const padding of [1, 6]) {
      const signature = sign(hash, over, { key: rsa.privateKey, padding });
      assert.deepEqual(
        [byLeaf(rsa.publicKey, signature), byLeaf(other, signature)],
        [true, false],
        `${hash} ${padding}`,
      );
    }
  const edwards = generateKeyPairSync('ed25519');
  assert.equal(byLeaf(edwards.publicKey, sign(null, over, edwards.privateKey)), true);
  assert.equal(byLeaf(edwards.publicKey, SIGNATURE), false);
  const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  for (const hash of ['sha256', 'sha512'])
    assert.equal(byLeaf(koblitz.publicKey, sign(hash, over, koblitz.privateKey)), true, hash);
  assert.equal(byLeaf(generateKeyPairSync('x25519').publicKey, SIGNATURE), false);
  assert.equal(
    isByCertificate({ payload: PAYLOAD, type: '', signature: SIGNATURE }, {} as never),
    false,
    'no key at all',
  );
});

test('a hint names a key by its fingerprint in any form that tools write; other words name none and exclude none', () => {
  const key = describeKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const [other] = [describeKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey)];
  const base64 = (of: string) => Buffer.from(of, 'hex').toString('base64');
  const loosely: readonly (readonly [boolean, string | undefined])[] = [
    [true, ''],
    [true, key.hints[0]],
    [true, key.fingerprint],
    [true, key.fingerprint.toUpperCase()],
    [true, key.otherFingerprints[0]],
    [true, base64(key.fingerprint)],
    [true, base64(key.otherFingerprints[0] ?? '')],
    [true, 'my key'],
    [false, other?.fingerprint],
    [false, other?.hints[0]],
    [false, base64(other?.fingerprint ?? '')],
  ];
  for (const [fits, hint = 'none'] of loosely) assert.equal(hintFits(hint, key, false), fits, hint);
  const strictly = ['', key.hints[0] ?? 'none', 'my key', base64(key.fingerprint)];
  assert.deepEqual(
    strictly.map((hint) => hintFits(hint, key, true)),
    [true, true, false, false],
  );
});

test('a key is asked where the bundle names it, no other, or says nothing of keys', () => {
  const pems = [0, 1].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey);
  const [own, other] = pems.map((each) => each.export({ type: 'spki', format: 'pem' }).toString());
  const hint = describeKey(pems[0] as KeyObject).hints[0] ?? '';
  const asked = (key: Parameters<typeof bundleOf>[0]['key'], pem = own) =>
    mayBeByKey(parseBundle(bundle({ key })), pem ?? '');
  assert.deepEqual([asked({ hint }), asked({ hint }, other), asked({ hint: '' }, other)], [true, false, true]);
  assert.equal(asked({ chain: [Buffer.from('leaf')] }), true, 'a certificate says nothing of keys');
});

test('a chain counts under a root that signed itself, through what the bundle or the trust holds', () => {
  const root = makeCertificate({ name: 'root', ca: true, keyUsage: [5] });
  const middle = makeCertificate({ name: 'middle', issuer: root, ca: true, keyUsage: [5] });
  const leaf = makeCertificate({ name: 'leaf', issuer: middle, email: ['a@b.example'] });
  const signature = sign('sha256', preAuthEncoding(PAYLOAD), leaf.key);
  const verify = (pem: string, chain = [leaf]) =>
    verifyWithChain(parseBundle(bundle({ key: { chain: chain.map(({ der }) => der) }, signature })), {
      pem,
      at: new Date('2026-11-20T12:00:00Z'),
    }).kind;
  assert.equal(verify(root.pem + middle.pem), 'certificate');
  assert.equal(verify(root.pem, [leaf, middle]), 'certificate');
  assert.throws(() => verify(root.pem), { code: 'signer-untrusted' });
  assert.throws(() => verify(middle.pem, [leaf, middle]), because('trust-invalid', /no self-signed certificate/));
});
