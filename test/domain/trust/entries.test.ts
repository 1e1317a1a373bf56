import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { usePatterns } from '../../../src/domain/base/pattern-engine.ts';
import { makeEntry } from '../../../src/domain/trust/entry.ts';
import { compilePattern } from '../../../src/domain/trust/identity.ts';
import { parseSigstoreBundle } from '../../../src/domain/trust/sigstore-bundle.ts';
import { parseTrustedRoot } from '../../../src/domain/trust/trusted-root.ts';
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
});
