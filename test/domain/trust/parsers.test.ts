import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { TAG, childrenOf, der, derInteger, derOid, oidOf, readDer, timeOf } from '../../../src/domain/pki/der.ts';
import { verifyDigest } from '../../../src/domain/pki/ecdsa.ts';
import { globMatches } from '../../../src/domain/base/glob.ts';
import { parseTrustedRoot } from '../../../src/domain/trust/trusted-root.ts';
import { parseSigstoreBundle } from '../../../src/domain/trust/sigstore-bundle.ts';
import { parseStrictYaml } from '../../../src/domain/base/yaml.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';

test('DER: what is built is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 5 }), (parts) => {
      const read = readDer(der(TAG.sequence, ...parts.map((part) => der(TAG.octetString, part))));
      assert.deepEqual(
        childrenOf(read).map(({ body }) => Buffer.from(body)),
        parts.map((part) => Buffer.from(part)),
      );
    }),
  );
  for (const oid of ['1.2.840.113549.1.9.16.1.4', '2.16.840.1.101.3.4.2.1', '1.3.6.1.4.1.57264.1.12', '2.999'])
    assert.equal(oidOf(readDer(derOid(oid))), oid);
  assert.deepEqual([...derInteger(Buffer.from([0, 0, 0x80]))], [2, 2, 0, 0x80]);
});

test('DER: any bytes are read or refused with a code; BER forms are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        childrenOf(readDer(bytes));
      } catch (error) {
        assert.ok(error instanceof WeighmarkError && error.code === 'signature-malformed');
      }
    }),
  );
  for (const hex of ['3080', '30800000', '308100', '30810100', '3084ffffffff', '3085000000000000', '1f0100', '', '30'])
    assert.throws(() => readDer(Buffer.from(hex, 'hex')), WeighmarkError, hex);
  for (const text of ['20260101', '202601010000Z', '20261301000000Z', '20260101000000+0100'])
    assert.throws(() => timeOf(readDer(der(TAG.generalizedTime, Buffer.from(text)))), WeighmarkError, text);
});

test('ECDSA by digest agrees with OpenSSL, and with nothing else', () => {
  for (const namedCurve of ['P-256', 'P-384']) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(), (message, flip) => {
        const digest = createHash('sha256').update(message).digest();
        const signature = sign('sha256', message, privateKey);
        assert.ok(verifyDigest(digest, publicKey, signature));
        const at = flip % (8 * digest.length);
        digest[at >> 3] = (digest[at >> 3] ?? 0) ^ (1 << (at & 7));
        assert.ok(!verifyDigest(digest, publicKey, signature));
      }),
      { numRuns: 20 },
    );
    for (const wrong of ['', '3006020100020100', '3006020101020100', '30060201ff0201ff', '3000'])
      assert.ok(!verifyDigest(createHash('sha256').digest(), publicKey, Buffer.from(wrong, 'hex')), wrong);
  }
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  assert.ok(!verifyDigest(createHash('sha256').digest(), rsa.publicKey, Buffer.from('3000', 'hex')));
});

test('globs: a star stays within a part, two stars cross parts, nothing else is special', async () => {
  const yes = [
    ['acme/*', 'acme/enc'],
    ['**', 'a/b/c'],
    ['a/**/z', 'a/b/c/z'],
    ['acme/enc-*', 'acme/enc-'],
    ['a.c', 'a.c'],
  ] as const;
  const no = [
    ['acme/*', 'acme/a/b'],
    ['acme/*', 'acme'],
    ['a.c', 'abc'],
    ['acme/*', 'xacme/a'],
    ['*', 'a/b'],
    ['', 'a'],
  ] as const;
  for (const [glob, name] of yes) assert.ok(globMatches(glob, name), `${glob} ${name}`);
  for (const [glob, name] of no) assert.ok(!globMatches(glob, name), `${glob} ${name}`);
  for (const stars of [50, 100]) {
    const { steps, result } = await workOf(() => globMatches('*a'.repeat(stars), 'a'.repeat(stars - 1)));
    assert.equal(result, false);
    assert.ok(steps <= 20 * stars ** 2, `${steps} steps for ${stars} stars: more than the product of the lengths`);
  }
});

test('YAML is 1.2, one document, without duplicates, anchors, aliases, merges, tags, directives or depth', () => {
  const options = { code: 'config-invalid', subject: 'f' } as const;
  assert.deepEqual(parseStrictYaml('a: yes\nb: 0o14\nc: [x, {y: 1.5}]\nd: ~', options), {
    a: 'yes',
    b: 12,
    c: ['x', { y: 1.5 }],
    d: null,
  });
  const bad = [
    'a: 1\na: 2',
    'a: &x 1',
    'a: *x',
    '<<: {a: 1}',
    'a: !!str 1',
    '- !!seq []',
    '! a',
    'a: !x 1',
    '%YAML 1.1\n--- \na: 1',
    'a: 1\n---\nb: 2',
    '__proto__: 1',
    '? [a]\n: 1',
    '['.repeat(65) + ']'.repeat(65),
    '['.repeat(50_000),
    'a: "\\x"',
    '{a: 1, a: 2}',
  ];
  for (const text of bad)
    assert.throws(() => parseStrictYaml(text, options), { code: 'config-invalid' }, text.slice(0, 40));
  assert.throws(() => parseStrictYaml(Buffer.from([0xff]), options), { code: 'config-invalid' });
  assert.throws(() => parseStrictYaml('a'.repeat(100), { ...options, maxBytes: 10 }), { code: 'limit-exceeded' });
});

interface RootJson {
  mediaType: string;
  certificateAuthorities: object[];
  tlogs: { publicKey: { validFor?: object } }[];
  ctlogs: { publicKey: { validFor?: object } }[];
  timestampAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
}

test('a trusted root is read strictly; one inside a client trust config too', () => {
  const { trustedRoot } = makeInstance();
  assert.equal(parseTrustedRoot(trustedRoot).logs.length, 2);
  const config = {
    mediaType: 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json',
    trustedRoot: JSON.parse(trustedRoot),
  };
  assert.equal(parseTrustedRoot(JSON.stringify(config)).logs.length, 2);
  const change = (edit: (root: RootJson) => void): string => {
    const root = JSON.parse(trustedRoot) as RootJson;
    edit(root);
    return JSON.stringify(root);
  };
  const bad = [
    '{}',
    '[]',
    'x',
    change((root) => {
      root.mediaType = 'application/vnd.dev.sigstore.trustedroot+json;version=9';
    }),
    change((root) => {
      root.certificateAuthorities = [];
    }),
    change((root) => {
      delete root.ctlogs[0]!.publicKey.validFor;
    }),
    change((root) => {
      root.tlogs[0]!.publicKey.validFor = { start: 'soon' };
    }),
    change((root) => {
      root.timestampAuthorities[0]!.certChain.certificates = [];
    }),
    change((root) => {
      root.timestampAuthorities[0]!.certChain.certificates[0]!.rawBytes = 'AAAA';
    }),
    change((root) => {
      root.tlogs = Array<RootJson['tlogs'][number]>(100).fill(root.tlogs[0]!);
    }),
  ];
  for (const text of bad) assert.throws(() => parseTrustedRoot(text), { code: 'trust-invalid' }, text.slice(0, 80));
});

describe('what of a trusted root cannot be read is no open door', () => {
  const { trustedRoot } = makeInstance();
  const changed = (part: 'certificateAuthorities' | 'timestampAuthorities' | 'tlogs', value: object): string => {
    const root = JSON.parse(trustedRoot) as Record<string, object[]>;
    return JSON.stringify({ ...root, [part]: [{ ...root[part]?.[0], ...value }] });
  };
  for (const part of ['certificateAuthorities', 'timestampAuthorities'] as const) {
    for (const validFor of [7, 'always', [], '', { start: 7 }, { start: 'soon' }, { end: [] }])
      test(`${part}: the window ${JSON.stringify(validFor)}`, () => {
        assert.throws(() => parseTrustedRoot(changed(part, { validFor })), { code: 'trust-invalid' });
      });
    for (const validFor of [undefined, null, {}])
      test(`${part}: no window, ${JSON.stringify(validFor)}: that of the certificates`, () => {
        assert.equal(parseTrustedRoot(changed(part, { validFor })).timestampAuthorities[0]?.anchors.length, 1);
      });
    for (const certChain of [undefined, {}, { certificates: [] }, { certificates: [{ rawBytes: 'MQA=' }] }])
      test(`${part}: the certificates ${JSON.stringify(certChain)}`, () => {
        assert.throws(() => parseTrustedRoot(changed(part, { certChain })), { code: 'trust-invalid' });
      });
  }

  test('a log whose id is no base64', () => {
    assert.throws(() => parseTrustedRoot(changed('tlogs', { logId: { keyId: '?' } })), { code: 'trust-invalid' });
  });
});

test('the number of a log entry is a number, as written or left out', () => {
  const bundle = JSON.parse(Buffer.from(makeInstance().bundle()).toString()) as {
    verificationMaterial: { tlogEntries: Record<string, unknown>[] };
  };
  const withNumber = (logIndex: unknown): Buffer => {
    const [entry] = bundle.verificationMaterial.tlogEntries;
    const tlogEntries = [{ ...entry, logIndex }];
    return Buffer.from(
      JSON.stringify({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries } }),
    );
  };
  for (const number of ['12345678', 7, undefined]) parseSigstoreBundle(withNumber(number));
  for (const number of ['x', '', '-1', 1.5, [], {}, true])
    assert.throws(
      () => parseSigstoreBundle(withNumber(number)),
      { code: 'signature-malformed' },
      JSON.stringify(number),
    );
});
