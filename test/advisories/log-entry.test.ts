import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { requireBound, sha256 } from '../../src/domain/trust/log-binding.ts';
import { parseSigstoreBundle, type LogEntry } from '../../src/domain/trust/sigstore-bundle.ts';
import { base64, makeInstance } from '../adapters/sigstore/instance.ts';
import { assertLibraryAccepts, assertRefused, changed, instance, verifierFor } from './support.ts';

/** The log entry is about this artifact, this signature and this very certificate. */

test('an honest bundle is proven', async () => {
  const { signer, logEntries } = await verifierFor().verify(instance.bundle());
  assert.equal(signer.san.value, 'anna@example.com');
  assert.deepEqual(logEntries, [{ log: 'log-a.example', index: '0' }]);
});

test('sigstore table row 15: an entry that records a bare key instead of the certificate', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const verifier = {
    publicKey: { rawBytes: base64(publicKey.export({ type: 'spki', format: 'der' })) },
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
  };
  const bundle = instance.bundle({ entry: { verifier } });
  assertLibraryAccepts(bundle);
  await assertRefused(bundle, { reason: /another key/ });
});

test('sigstore table row 16, GHSA-whqx-f9j3-ch6m, CVE-2026-22703: an entry that records another certificate', async () => {
  const other = JSON.parse(Buffer.from(instance.bundle()).toString('utf8')).verificationMaterial.certificate;
  const bundle = instance.bundle({
    entry: { verifier: { x509Certificate: other, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } },
  });
  assertLibraryAccepts(bundle);
  await assertRefused(bundle, { reason: /another key/ });
});

test('CVE-2022-23649, CVE-2024-53267: an entry about another artifact', async () => {
  await assertRefused(instance.bundle({ entry: { digest: createHash('sha256').update('other').digest() } }), {
    reason: /another artifact/,
  });
});

test('GHSA-8gw7-4j42-w388, CVE-2022-36056: an entry that records another signature', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await assertRefused(instance.bundle({ entry: { signature: sign('sha256', Buffer.from('x'), privateKey) } }), {
    reason: /another signature/,
  });
});

test('CVE-2022-36056: a log entry that cannot be verified is never success', async () => {
  const bundle = changed(instance.bundle(), (json) => {
    json.verificationMaterial.tlogEntries[0]!['canonicalizedBody'] = base64(Buffer.from('{}'));
  });
  await assertRefused(bundle, { reason: /kind/ });
});

test('GO-2025-3467: no log entry at all is no proof', async () => {
  await assertRefused(instance.bundle({ entries: [] }), { reason: /transparency log/ });
});

test('CVE-2024-54140: a checkpoint that the log did not sign', async () => {
  const bundle = changed(instance.bundle(), (json) => {
    const { checkpoint } = json.verificationMaterial.tlogEntries[0]!.inclusionProof;
    checkpoint.envelope = checkpoint.envelope.replace(/\S{8}\n$/, 'AAAAAAA=\n');
  });
  await assertRefused(bundle, { reason: /does not prove it/ });
});

test('a checkpoint of another log under a name that is part of ours', async () => {
  const bundle = instance.bundle({ origin: 'example' });
  assertLibraryAccepts(bundle);
  await assertRefused(bundle, { reason: /another log/ });
});

test('a checkpoint that the log’s key signed under another name, alone or beside its own; witnesses may sign it too', async () => {
  const lined = (lines: (line: string) => string) =>
    changed(instance.bundle(), (json) => {
      const { checkpoint } = json.verificationMaterial.tlogEntries[0]!.inclusionProof;
      checkpoint.envelope = checkpoint.envelope.replace(/\u2014 .*\n$/, lines);
    });
  const renamed = (line: string) => line.replace('log-a.example', 'example');
  for (const bundle of [
    lined(renamed),
    lined((line) => `${renamed(line)}${line}`),
    lined((line) => line + renamed(line)),
  ]) {
    assertLibraryAccepts(bundle);
    await assertRefused(bundle, { reason: /under another name/ });
  }
  const witness = `\u2014 witness.example ${base64(Buffer.alloc(72, 3))}\n`;
  await verifierFor().verify(lined((line) => `${line}${witness}`));
});

test('a proof that says another tree than its checkpoint', async () => {
  for (const wrong of [{ treeSize: '2' }, { rootHash: base64(Buffer.alloc(32)) }]) {
    const bundle = changed(instance.bundle(), (json) =>
      Object.assign(json.verificationMaterial.tlogEntries[0]!.inclusionProof, wrong),
    );
    assertLibraryAccepts(bundle);
    await assertRefused(bundle, { reason: /not about its checkpoint/ });
  }
});

test('an entry in a log that nobody trusts', async () => {
  const foreign = makeInstance();
  await assertRefused(foreign.bundle(), { reason: /authority|not proven/ });
  const bundle = changed(instance.bundle(), (json) => {
    json.verificationMaterial.tlogEntries[0]!.logId.keyId = base64(Buffer.alloc(32, 7));
  });
  await assertRefused(bundle, { reason: /log/ });
});

test('an entry in a log that was no longer in force when the signature was made', async () => {
  const trusted = makeInstance({ logEndsBefore: new Date('2026-01-01T00:00:00Z') });
  const bundle = trusted.bundle();
  assertLibraryAccepts(bundle, { trusted });
  await assertRefused(bundle, { trusted, reason: /not in force/ });
});

test('a member of the entry that is missing is a refusal, never a comparison skipped (CVE-2026-22703)', () => {
  const { entry, bound } = honestEntry();
  requireBound(entry, bound);
  const body = JSON.parse(Buffer.from(entry.body).toString('utf8'));
  for (const path of paths(body)) {
    const broken = structuredClone(body);
    remove(broken, path);
    const removed = { ...entry, body: Buffer.from(JSON.stringify(broken)) };
    if (path.join('.') === 'spec.hashedRekordV002.signature.verifier.keyDetails') continue;
    assert.throws(() => requireBound(removed, bound), { name: 'WeighmarkError' }, `without ${path.join('.')}`);
  }
});

function honestEntry(): { entry: LogEntry; bound: Parameters<typeof requireBound>[1] } {
  const bundle = parseSigstoreBundle(instance.bundle());
  const [entry] = bundle.logEntries;
  assert.ok(entry !== undefined && bundle.key.kind === 'certificate' && bundle.content.kind === 'dsse');
  const { payload, signature } = bundle.content;
  const encoded = Buffer.concat([Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `), payload]);
  return {
    entry,
    bound: {
      signedDigest: sha256(encoded),
      payloadDigest: sha256(payload),
      signature,
      verifier: { certificate: bundle.key.leaf },
    },
  };
}

function paths(value: unknown, at: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [[...at, key], ...paths(member, [...at, key])]);
}

interface Tree {
  [key: string]: Tree;
}

function remove(value: Tree, path: readonly string[]): void {
  const owner = path.slice(0, -1).reduce((member, key) => member[key] ?? {}, value);
  delete owner[path.at(-1) ?? ''];
}

test('the historic kinds of entry are bound the same way', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signature = sign('sha256', Buffer.from('signed'), privateKey);
  const bound = {
    signedDigest: sha256(Buffer.from('signed')),
    payloadDigest: sha256(Buffer.from('payload')),
    signature,
    verifier: { spki },
  };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const other = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
    .export({ type: 'spki', format: 'pem' })
    .toString();
  const kinds = (key: string): readonly [string, string, object][] => [
    [
      'hashedrekord',
      '0.0.1',
      {
        data: { hash: { algorithm: 'sha256', value: hex(bound.signedDigest) } },
        signature: { content: base64(signature), publicKey: { content: base64(Buffer.from(key)) } },
      },
    ],
    [
      'dsse',
      '0.0.1',
      {
        payloadHash: { algorithm: 'sha256', value: hex(bound.payloadDigest) },
        signatures: [{ signature: base64(signature), verifier: base64(Buffer.from(key)) }],
      },
    ],
    [
      'intoto',
      '0.0.2',
      {
        content: {
          envelope: {
            signatures: [{ sig: base64(Buffer.from(base64(signature))), publicKey: base64(Buffer.from(key)) }],
          },
          payloadHash: { algorithm: 'sha256', value: hex(bound.payloadDigest) },
        },
      },
    ],
  ];
  const entry = (kind: string, version: string, spec: object): LogEntry => ({
    logId: Buffer.alloc(32),
    kind,
    version,
    integratedTime: null,
    hasPromise: false,
    provenIndex: null,
    checkpoint: null,
    proofOf: null,
    body: Buffer.from(JSON.stringify({ kind, apiVersion: version, spec })),
  });
  for (const [kind, version, spec] of kinds(pem)) requireBound(entry(kind, version, spec), bound);
  for (const [kind, version, spec] of kinds(other))
    assert.throws(() => requireBound(entry(kind, version, spec), bound), /another key/, kind);
  assert.throws(() => requireBound(entry('rekord', '0.0.1', {}), bound), /not known/);
});
