import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { setPatternEngine } from '../../../src/domain/base/pattern.ts';
import { usePatterns } from '../../../src/domain/base/pattern-engine.ts';
import { makeEntry } from '../../../src/domain/trust/entry.ts';
import { checkIdentity, compilePattern } from '../../../src/domain/trust/identity.ts';
import { parseSigstoreBundle } from '../../../src/domain/trust/sigstore-bundle.ts';
import { certificateAuthorities, parseTrustedRoot } from '../../../src/domain/trust/trusted-root.ts';
import { makeInstance } from '../../adapters/sigstore/instance.ts';
import { makeCertificate } from '../pki/make-certificate.ts';
import { people } from '../policy/world.ts';

usePatterns();
const instance = makeInstance();
const invalid = (message: RegExp) => ({ code: 'trust-invalid', message });

test('trust is for names by a pattern, and for policies by so many people', () => {
  const entry = (more: object) => makeEntry({ name: 'boss', key: people.anna.pem, ...more });
  assert.deepEqual(Object.keys(entry({})), ['name', 'anchor']);
  assert.equal(entry({ for: 'acme/*' }).for, 'acme/*');
  for (const wrong of ['Acme', '/acme', 'acme enc', ''])
    assert.throws(() => entry({ for: wrong }), invalid(/a pattern of artifact names/), wrong);
  assert.equal(entry({ for: 'policy/acme', threshold: 2 }).threshold, 2);
  assert.throws(() => entry({ threshold: 2 }), invalid(/a threshold, which is for policies/));
  for (const threshold of [0, 1.5, LIMITS.trustEntries + 1])
    assert.throws(() => entry({ for: 'policy/acme', threshold }), invalid(/no number of people/), String(threshold));
  assert.equal(entry({ for: 'policy/acme', threshold: 1 }).threshold, 1);
  assert.equal(entry({ for: 'policy/acme', threshold: LIMITS.trustEntries }).threshold, LIMITS.trustEntries);
});

test('what goes with a certificate chain is one exact identity; with a key none at all', () => {
  const { pem } = makeCertificate({ name: 'root' });
  const chain = (more: object) => makeEntry({ name: 'ca', certificateChain: pem, ...more });
  const { anchor } = chain({ identity: 'kim@acme.example' });
  assert.deepEqual([anchor.kind, 'identity' in anchor && anchor.identity], ['certificate', 'kim@acme.example']);
  for (const more of [{ identityRegexp: '.+' }, { trustedRoot: instance.trustedRoot }]) {
    assert.throws(() => chain(more), invalid(/only an exact identity goes with it/));
    assert.throws(
      () => makeEntry({ name: 'k', key: people.anna.pem, ...more }),
      invalid(/an identity does not go with it/),
    );
  }
  assert.throws(() => chain({ until: '2026-01-01' }), invalid(/`until`, which goes with a key alone/));
  assert.throws(() => chain({ key: people.anna.pem }), invalid(/exactly one of a key, a certificate chain/));
});

test('whoever is named by an identity is named by one, under the issuer of the forge or the one that is given', () => {
  const [issuer, identity] = ['https://accounts.example.com', 'a@example.com'];
  const both = { issuer, identity, identityRegexp: '.+@example\\.com' };
  assert.throws(() => makeEntry({ name: 'a', ...both }), invalid(/both an identity and a pattern/));
  const issuerOf = (more: object) => {
    const { anchor } = makeEntry({ name: 'ci', ...more });
    return anchor.kind === 'oidc' && anchor.issuer;
  };
  const repository = 'acme/enc';
  assert.equal(issuerOf({ github: { repository } }), 'https://token.actions.githubusercontent.com');
  assert.equal(issuerOf({ gitlab: { repository } }), 'https://gitlab.com');
  assert.equal(issuerOf({ gitlab: { repository }, issuer }), issuer);
  for (const host of ['127.0.0.1:8080', 'localhost', '[::1]'])
    assert.equal(issuerOf({ issuer: `http://${host}`, identity }), `http://${host}`);
  for (const wrong of ['http://accounts.example.com', 'ftp://localhost', `${issuer}?a=1`, `${issuer}#a`, 'accounts'])
    assert.throws(() => issuerOf({ issuer: wrong, identity }), invalid(/the issuer .* (?:is not|has)/), wrong);
});

test('an identity has as many characters as the limit, and no more, by name or by pattern', () => {
  const longest = `${'a'.repeat(LIMITS.identityBytes - 2)}@b`;
  assert.equal(checkIdentity(longest), longest);
  assert.throws(() => checkIdentity(`a${longest}`), invalid(/empty or too long/));
  const matches = compilePattern('a+@b');
  assert.deepEqual([matches(longest), matches(`a${longest}`)], [true, false]);
});

test('a pattern before there is an engine is a fault of ours, and matches nobody', () => {
  setPatternEngine(undefined as never);
  assert.throws(() => compilePattern('a+'), { code: 'internal' });
  usePatterns();
  assert.equal(compilePattern('a+')('aa'), true);
});

test('a pattern is of as many bytes as the limit, and no more, and matches no empty identity', () => {
  const longest = `a${'b'.repeat(LIMITS.patternBytes - 1)}`;
  assert.equal(compilePattern(longest)(longest), true);
  for (const wrong of [`${longest}b`, '']) assert.throws(() => compilePattern(wrong), invalid(/1 to \d+ characters/));
  assert.throws(() => compilePattern('a*'), invalid(/matches even an empty identity/));
  assert.throws(() => compilePattern('(?=a)'), invalid(/is not one RE2 understands/));
});

test('a Sigstore bundle is within its limit, and its texts are text', () => {
  const bytes = instance.bundle();
  assert.equal(parseSigstoreBundle(bytes, bytes.length).content.kind, 'dsse');
  assert.throws(() => parseSigstoreBundle(bytes, bytes.length - 1), { code: 'claims-limit' });
  const json = JSON.parse(Buffer.from(bytes).toString()) as { dsseEnvelope: Record<string, unknown> };
  for (const mediaType of [undefined, 7, null])
    assert.throws(() => parseSigstoreBundle(Buffer.from(JSON.stringify({ ...json, mediaType }))), {
      code: 'signature-malformed',
      message: /mediaType is missing or not text/,
    });
});

test('each log of a trusted root has its key, id and address', () => {
  const root = JSON.parse(instance.trustedRoot) as { tlogs: Record<string, unknown>[] };
  const withLog = (change: (log: Record<string, unknown>) => void) => {
    const copy = structuredClone(root);
    change(copy.tlogs[0] ?? {});
    return () => parseTrustedRoot(JSON.stringify(copy));
  };
  assert.doesNotThrow(withLog(() => {}));
  for (const change of [
    (log: Record<string, unknown>) => delete log['publicKey'],
    (log: Record<string, unknown>) => delete log['baseUrl'],
    (log: Record<string, unknown>) => (log['logId'] = {}),
    (log: Record<string, unknown>) => ((log['logId'] = 'x'), delete log['checkpointKeyId']),
  ])
    assert.throws(withLog(change), invalid(/a log has no key, id or address/));
  for (const baseUrl of ['log.example', 'https://log.example/a b'])
    assert.throws(
      withLog((log) => (log['baseUrl'] = baseUrl)),
      invalid(/a log has no address/),
    );
  const trailing = (log: Record<string, unknown>) => {
    const key = log['publicKey'] as { rawBytes: string };
    key.rawBytes = Buffer.concat([Buffer.from(key.rawBytes, 'base64'), Buffer.from([0])]).toString('base64');
  };
  assert.throws(withLog(trailing), invalid(/the key of a log is not in DER/));
  assert.doesNotThrow(
    withLog((log) => (log['publicKey'] = { ...(log['publicKey'] as object), rawBytes: 'AAAA' })),
    'what is no SPKI the library judges',
  );
});

test('lists of a trusted root are as long as the limit, and no longer; an authority goes by its address or its root’s name', () => {
  const root = JSON.parse(instance.trustedRoot) as Record<string, object[]>;
  const [authority] = root['timestampAuthorities'] ?? [];
  const parsed = (timestampAuthorities: readonly object[]) =>
    parseTrustedRoot(JSON.stringify({ ...root, timestampAuthorities })).timestampAuthorities;
  const many = (count: number) => Array.from({ length: count }, () => authority as object);
  assert.equal(parsed(many(LIMITS.certificatesPerFile)).length, LIMITS.certificatesPerFile);
  assert.throws(() => parsed(many(LIMITS.certificatesPerFile + 1)), invalid(/is not a list of at most/));
  const names = [{ uri: 'https://tsa.example' }, { uri: '' }, { uri: 7 }].map(
    (more) => parsed([{ ...authority, ...more }])[0]?.name,
  );
  assert.deepEqual(names, ['https://tsa.example', 'CN=tsa-a-root', 'CN=tsa-a-root']);
});

test('who issues identities is each authority’s root, and what stands below it', () => {
  const [authority, ...others] = certificateAuthorities(instance.trustedRoot);
  assert.deepEqual([authority?.roots.length, authority?.intermediates.length, others], [1, 0, []]);
});

test('why a trusted root cannot be used is kept where something else said it', () => {
  const root = JSON.parse(instance.trustedRoot) as { tlogs: object[]; certificateAuthorities: object[] };
  const causeOf = (over: object): unknown => {
    try {
      return parseTrustedRoot(JSON.stringify({ ...root, ...over }));
    } catch (error) {
      return (error as Error).cause;
    }
  };
  const certificates = [{ rawBytes: 'MQA=' }];
  assert.ok(causeOf({ certificateAuthorities: [{ certChain: { certificates } }] }) instanceof Error);
  assert.equal(causeOf({ certificateAuthorities: [] }), undefined);
});
