import assert from 'node:assert/strict';
import { constants } from 'node:buffer';
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { bundleOf, type KeyPart } from '../../../src/adapters/keys/bundle.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { splitClaims } from '../../../src/domain/claims/claims-file.ts';
import { buildDerivation, tryDerivation } from '../../../src/domain/claims/derivation.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { isTooLarge, looseEnvelope } from '../../../src/domain/claims/loose-envelope.ts';
import { namesIn } from '../../../src/domain/claims/names.ts';
import { buildOms, parseOms } from '../../../src/domain/claims/oms.ts';
import { matchNames, resourcesOf } from '../../../src/domain/claims/oms-match.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildAbsence, readAbsence, readRemovedRecords } from '../../../src/domain/claims/removed-records.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import { isByKey, verifyWithChain } from '../../../src/domain/claims/verify-signature.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { makeCertificate } from '../pki/make-certificate.ts';

const hex = sha256Hex;
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const PAYLOAD = buildStatement([subject('manifest', 'm', hex('m'))], PREDICATES.evaluation, { result: 'PASSED' });
const bundle = (key: KeyPart = { hint: '' }) =>
  bundleOf({ key, payload: PAYLOAD, signature: sign('sha384', preAuthEncoding(PAYLOAD), privateKey) });

interface Json extends Record<string, unknown> {
  verificationMaterial: Record<string, unknown>;
  dsseEnvelope: Record<string, unknown>;
}

function changed(change: (json: Json) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(bundle()).toString()) as Json;
  change(json);
  return Buffer.from(JSON.stringify(json));
}

test('a log entry has the parts that it may have, in either spelling, and no others', () => {
  const entry = (inclusionPromise: object) =>
    changed((json) => (json.verificationMaterial['tlogEntries'] = [{ logIndex: '1', inclusionPromise }]));
  for (const promise of [{ signedEntryTimestamp: 'AAAA' }, { signed_entry_timestamp: 'AAAA' }, {}])
    assert.doesNotThrow(() => parseBundle(entry(promise)));
  assert.throws(() => parseBundle(entry({ timestamp: 'AAAA' })), { code: 'signature-malformed' });
});

test('a payload in the alphabet of URLs is the same payload; one that is no base64 at all is none', () => {
  const statement = buildStatement([subject('manifest', '>>>???', hex('m'))], PREDICATES.bom, { a: '>>>>???' });
  const standard = Buffer.from(statement).toString('base64');
  assert.match(standard, /\+.*\/|\/.*\+/);
  for (const payload of [standard, standard.replaceAll('+', '-').replaceAll('/', '_')]) {
    const either = changed((json) => (json.dsseEnvelope['payload'] = payload));
    assert.deepEqual(Buffer.from(parseBundle(either).payload), Buffer.from(statement));
  }
  const signature = (text: string) => changed((json) => (json.dsseEnvelope['signatures'] = [{ sig: text, keyid: '' }]));
  assert.deepEqual(Buffer.from(parseBundle(signature('-_-_')).signature), Buffer.from('+/+/', 'base64'));
  assert.deepEqual(Buffer.from(parseBundle(signature('----')).signature), Buffer.from('++++', 'base64'));
  assert.throws(() => parseBundle(changed((json) => (json.dsseEnvelope['payload'] = '*'))), {
    code: 'signature-malformed',
  });
});

test('a claim may be as long as the limit, and no longer', () => {
  const line = Buffer.alloc(LIMITS.claimBytes + 2, 'x');
  line[LIMITS.claimBytes] = 0x0a;
  assert.equal(splitClaims(line).length, 2);
  line[LIMITS.claimBytes] = 0x78;
  assert.throws(() => splitClaims(line), { code: 'claims-limit', message: /^claim 1 is larger than/ });
});

test('a derivation keeps its source where there is one; a parent without a name is one all the same', () => {
  const of = {
    step: 'cast',
    word: 'equal',
    parents: [{ name: 'p', sha256: hex('p') }],
    tensors: {},
    materials: [],
    tool: { name: 't', version: '1' },
  } as const;
  assert.equal('source' in buildDerivation(of), false);
  assert.equal(buildDerivation({ ...of, source: 'llama.cpp b1' })['source'], 'llama.cpp b1');
  const read = (parent: object) =>
    tryDerivation({ predicateType: PREDICATES.derivation, predicate: { ...buildDerivation(of), parents: [parent] } });
  assert.deepEqual(read({ name: 'p', digest: { sha256: hex('p') } })?.parents, [{ name: 'p', sha256: hex('p') }]);
  assert.deepEqual(read({ digest: { sha256: hex('p') } })?.parents, [{ name: '', sha256: hex('p') }]);
  assert.equal(read({ name: 'p' }), null);
});

test('an envelope in the two-byte encoding of Windows is looked through as well', () => {
  const text = `${Buffer.from(bundle()).toString()} torn`;
  const wide = Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(text, 'utf16le')]);
  for (const bytes of [wide, Buffer.from(text)])
    assert.deepEqual(Buffer.from(looseEnvelope(bytes)?.payloads[0]?.payload ?? []), Buffer.from(PAYLOAD));
  assert.equal(looseEnvelope(Buffer.concat([Buffer.of(0xff, 0x20), Buffer.from(text, 'utf16le')])), null);
});

test('a statement names its artifact by id, root, and the lists of records and weights; no other list', () => {
  const statement = (...names: readonly string[]) =>
    parseStatement(
      buildStatement(
        [subject('manifest', 'm', hex('m')), ...names.map((name) => subject('list', name, hex(name)))],
        PREDICATES.bom,
        {},
      ),
    );
  assert.deepEqual(namesIn(statement('.weighmark/files')), [hex('m')]);
  assert.deepEqual(namesIn(statement('.weighmark/weights', '.weighmark/files')), [hex('m'), hex('.weighmark/weights')]);
});

test('empty files are beyond a signature by shards alone', () => {
  const files = [
    { path: 'a', sizeBytes: 1 },
    { path: 'empty', sizeBytes: 0 },
  ];
  const resources = [{ path: 'a', digest: hex('a'), range: { start: 0, end: 1 } }];
  const manifest = (shardBytes: number | null) => ({
    ...parseOms(parseStatement(oms({ names: ['a'] }))),
    shardBytes,
    resources,
  });
  const answer = (shardBytes: number | null) => {
    const { unsigned, unspoken } = matchNames(manifest(shardBytes), files, false);
    return [unsigned, unspoken];
  };
  assert.deepEqual(answer(5), [[], ['empty']]);
  assert.deepEqual(answer(null), [['empty'], []]);
});

function oms({ names, name = 'm' }: { names: readonly string[]; name?: string }): Uint8Array {
  return buildOms({
    name,
    resources: names.map((path) => ({ path, digest: hex(path) })),
    single: false,
    allowSymlinks: false,
    ignorePaths: [],
  }).payload;
}

test('what is signed stands sorted, whatever order it is given in, under a name in any case', () => {
  const of = (payload: Uint8Array) => {
    const { subject: subjects, predicate } = parseStatement(payload);
    return [subjects[0]?.name, (predicate['resources'] as { name: string }[]).map((each) => each.name)];
  };
  assert.deepEqual(of(oms({ names: ['b', 'a', 'a/b'] })), ['m', ['a', 'a/b', 'b']]);
  assert.deepEqual(of(oms({ names: ['a', 'b'], name: '' })), ['.', ['a', 'b']]);
  assert.deepEqual(Buffer.from(oms({ names: ['b', 'a'] })), Buffer.from(oms({ names: ['a', 'b'] })));
});

test('a list of files in another order is read; `.` stands alone, and no file twice', () => {
  const statement = (...names: readonly string[]) => ({
    ...parseStatement(oms({ names: ['a'] })),
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: [] },
      resources: names.map((name) => ({ name, algorithm: 'sha256', digest: hex(name) })),
    },
  });
  const read = (...names: readonly string[]) => {
    try {
      return parseOms(statement(...names)).resources.length;
    } catch (error) {
      return (error as Error).message.replace(/^.*: /, '');
    }
  };
  assert.match(String(read('b', 'a')), /root/, 'all that is wrong with it is the root of this test');
  assert.match(String(read('.')), /root/);
  assert.equal(read('b', '.'), 'it lists `.` beside other files');
  assert.equal(read('.', 'b'), 'it lists `.` beside other files');
  assert.equal(read('b', 'b'), 'it lists a file twice');
});

test('records that are no hashes are no list of them, and proofs that are no list prove nothing', () => {
  const list = (records: unknown) => () => readRemovedRecords({ hashing: 'open', profile: 'typed', records });
  assert.throws(list(['short']), { code: 'claim-malformed', message: /its records are no list of hashes/ });
  assert.throws(list('none'), { code: 'claim-malformed' });
  assert.throws(list([]), { code: 'claim-malformed', message: /its records are no list of hashes/ });
  assert.throws(() => readAbsence({ roots: 'r', proofs: {} }), {
    code: 'claim-malformed',
    message: /no roots, or no proofs/,
  });
  assert.throws(() => readAbsence({ roots: 7, proofs: [] }), {
    code: 'claim-malformed',
    message: /no roots, or no proofs/,
  });
  const proof = { kind: 'record' } as never;
  assert.throws(() => buildAbsence({ roots: 'r', proofs: [proof] }));
});

test('of a subject the names are text, its annotations an object, its digests few and text', () => {
  const digest = { sha256: hex('m') };
  const read = (each: unknown) => () =>
    parseStatement(
      Buffer.from(
        JSON.stringify({
          _type: 'https://in-toto.io/Statement/v1',
          subject: [each],
          predicateType: 'x',
          predicate: {},
        }),
      ),
    );
  read({ name: 'm', digest })();
  for (const [wrong, message] of [
    [{ digest, name: 7 }, /the name of a subject is not text/],
    [{ digest, uri: [] }, /the uri of a subject is not text/],
    [{ digest, mediaType: {} }, /the mediaType of a subject is not text/],
    [{ digest, downloadLocation: true }, /the downloadLocation of a subject is not text/],
    [{ digest, annotations: [] }, /the annotations of a subject are not an object/],
    ['m', /a subject is not an object/],
    [{ digest: { sha256: '' } }, /a digest of a subject is not text/],
    [{ digest: { sha256: 7 } }, /a digest of a subject is not text/],
  ] as const)
    assert.throws(read(wrong), { code: 'claim-malformed', message }, JSON.stringify(wrong));
  const many = (count: number) =>
    read({ digest: Object.fromEntries(Array.from({ length: count }, (_, at) => [`d${at}`, 'x'])) });
  many(LIMITS.digestsPerSubject)();
  assert.throws(many(LIMITS.digestsPerSubject + 1), { code: 'claim-malformed', message: /no digest, or too many/ });
});

test('a chain proves who signed only where its key did', () => {
  const root = makeCertificate({ name: 'root', ca: true, keyUsage: [5] });
  const leaf = makeCertificate({ name: 'leaf', issuer: root });
  const by = (key: typeof privateKey) =>
    parseBundle(
      bundleOf({
        key: { chain: [leaf.der, root.der] },
        payload: PAYLOAD,
        signature: sign('sha256', preAuthEncoding(PAYLOAD), key),
      }),
    );
  const options = { pem: root.pem, at: new Date() };
  assert.equal(verifyWithChain(by(leaf.key), options).kind, 'certificate');
  assert.throws(() => verifyWithChain(by(privateKey), options), { code: 'signature-invalid' });
});

test('of what may say no any way of signing is heard: other hashes, r and s side by side, other kinds of keys', () => {
  const signed = (signature: Uint8Array) => ({ payload: PAYLOAD, type: 'application/vnd.in-toto+json', signature });
  const bytes = preAuthEncoding(PAYLOAD);
  const heard = (signature: Uint8Array, pem = PEM) => isByKey(signed(signature), pem) !== null;
  for (const hash of ['sha256', 'sha384'])
    for (const dsaEncoding of ['der', 'ieee-p1363'] as const)
      assert.ok(heard(sign(hash, bytes, { key: privateKey, dsaEncoding })), `${hash} ${dsaEncoding}`);
  assert.ok(!heard(sign('sha384', Buffer.from('other'), privateKey)));
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    .publicKey.export({ type: 'spki', format: 'pem' })
    .toString();
  assert.ok(!heard(sign('sha384', bytes, privateKey), other));
  assert.equal(createPublicKey(PEM).asymmetricKeyType, 'ec');
});

test('what was signed of a file is its whole digest, or its shards in order; of none it is nothing', () => {
  const one = { path: 'w.bin', digest: '0a' } as const;
  const shards = [
    { path: 'w.bin', digest: '0b' },
    { path: 'w.bin', digest: '0c' },
  ];
  assert.deepEqual(resourcesOf(one as never), [one]);
  assert.deepEqual(resourcesOf({ path: 'w.bin', shards }), shards);
  assert.deepEqual(resourcesOf(undefined), []);
});

test('one bundle goes by one digest, whatever empty lines stand around it and however lines end', () => {
  const line = Buffer.from(bundle());
  const digests = (text: string): readonly string[] => splitClaims(Buffer.from(text)).map((each) => hex(each));
  const own = hex(line);
  const one = line.toString();
  for (const around of [
    one,
    `${one}\n`,
    `\n${one}`,
    `\n${one}\n`,
    `\r\n \n${one}\n\n`,
    `${one}\r\n`,
    `\n\t\r\n${one}\r\n\r\n`,
  ])
    assert.deepEqual(digests(around), [own], JSON.stringify(around.replace(one, 'ONE')));
  assert.deepEqual(digests(`\n${one}\r\n   \r\n${one}`), [own, own]);
  for (const nothing of ['', '\n', '\r\n', ' \n\t\n\r\n']) assert.deepEqual(digests(nothing), []);
  const pretty = JSON.stringify(JSON.parse(one), null, 2);
  for (const text of [pretty, `\n${pretty}\n`])
    assert.deepEqual(digests(text), [hex(text)], 'of many lines, as a whole');
  assert.equal(digests(` ${one} \n`).length, 1);
});

test('what is too large is told from what is none, by the smaller of both bounds', () => {
  const bytes = Buffer.alloc(10);
  assert.deepEqual([isTooLarge(bytes, 9), isTooLarge(bytes, 10), isTooLarge(bytes)], [true, false, false]);
  assert.equal(isTooLarge({ length: constants.MAX_STRING_LENGTH + 1 } as Uint8Array, 2 ** 40), true);
  assert.equal(isTooLarge({ length: constants.MAX_STRING_LENGTH } as Uint8Array, 2 ** 40), false);
});
