import { requireLinear } from '../work.ts';
import assert from 'node:assert/strict';
import { X509Certificate, createHash, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { WeighmarkError } from '../../src/domain/base/errors.ts';
import { LIMITS } from '../../src/domain/base/limits.ts';
import { verifiedTime } from '../../src/domain/trust/timestamp-authority.ts';
import { base64, makeInstance } from '../adapters/sigstore/instance.ts';
import { assertLibraryAccepts, assertRefused, changed, instance, verifierFor } from './support.ts';
import { runs } from '../thorough.ts';

/** Whatever cannot be read, or is too much, is a refusal with a code. */

test('sigstore table row 6: an envelope with two signatures', async () => {
  const bundle = changed(instance.bundle(), ({ dsseEnvelope }) =>
    dsseEnvelope.signatures.push({ ...dsseEnvelope.signatures[0] }),
  );
  await assertRefused(bundle, { code: 'signature-malformed', reason: /2 signatures/ });
});

test('sigstore table row 19: a media type or a member that nobody knows', async () => {
  const future = instance.bundle({ mediaType: 'application/vnd.dev.sigstore.bundle.v9.9+json' });
  assertLibraryAccepts(future);
  await assertRefused(future, { code: 'signature-malformed', reason: /media type/ });
  const unknown = instance.bundle({ extra: { verified: true } });
  assertLibraryAccepts(unknown);
  await assertRefused(unknown, { code: 'signature-malformed', reason: /unknown/ });
});

test('sigstore table row 20: the keyid is not signed, so it decides nothing', async () => {
  const bundle = changed(instance.bundle(), ({ dsseEnvelope }) =>
    Object.assign(dsseEnvelope.signatures[0]!, { keyid: 'evil' }),
  );
  assert.equal((await verifierFor().verify(bundle)).signer.san.value, 'anna@example.com');
});

test('sigstore table row 21, GHSA-cq38-jh5f-37mq, CVE-2023-46737: more of anything than there are authorities', async () => {
  const many = (member: string, count: number) =>
    changed(instance.bundle(), ({ verificationMaterial }) => {
      const list =
        member === 'tlogEntries'
          ? verificationMaterial.tlogEntries
          : verificationMaterial.timestampVerificationData.rfc3161Timestamps;
      while (list.length < count) list.push(list[0]);
    });
  await requireLinear(
    2500,
    (count) => () =>
      assertRefused(many('rfc3161Timestamps', count), { code: 'signature-malformed', reason: /more than 32/ }),
  );
  await assertRefused(many('tlogEntries', LIMITS.logEntriesPerBundle + 1), {
    code: 'signature-malformed',
    reason: /more than 32/,
  });
});

test('sigstore table row 22: a trusted root whose log is valid since nobody says when', async () => {
  const trusted = makeInstance({ logWithoutStart: true });
  const bundle = trusted.bundle();
  assertLibraryAccepts(bundle, { trusted });
  await assertRefused(bundle, { trusted, code: 'trust-invalid', reason: /since when/ });
});

test('sigstore table row 9: a message signature over another artifact than the one at hand', async () => {
  const { bundle, key, artifact } = messageBundle();
  assert.equal((await verifierFor().prove(bundle, { key, artifact })).signer.kind, 'key');
  const other = createHash('sha256').update('other').digest();
  await assertRefused(bundle, { options: { key, artifact: other }, reason: /another artifact/ });
  const lying = changed(bundle, ({ messageSignature }) =>
    Object.assign(messageSignature.messageDigest, { digest: base64(other) }),
  );
  await assertRefused(lying, { options: { key, artifact }, reason: /another artifact/ });
  await assertRefused(lying, { options: { key, artifact: other }, reason: /not by the key/ });
});

test('sigstore table row 8: a message signature is verified by the digest alone, whatever the size of the artifact', async () => {
  const { bundle, key, artifact } = messageBundle('P-384');
  assert.equal((await verifierFor().prove(bundle, { key, artifact })).payload, null);
  await assertRefused(bundle, { options: { key }, reason: /another artifact/ });
});

test('a bundle by a key where an identity is asked for, and the other way round', async () => {
  const { bundle, key } = messageBundle();
  await assertRefused(bundle, { code: 'signer-untrusted', reason: /no key is trusted/ });
  await assertRefused(instance.bundle(), { code: 'signer-untrusted', options: { key }, reason: /by an identity/ });
});

test('duplicate keys in the bundle, which two readers could read differently', async () => {
  const text = Buffer.from(instance.bundle()).toString('utf8');
  await assertRefused(Buffer.from(text.replace('"dsseEnvelope":', '"dsseEnvelope":{},"dsseEnvelope":')), {
    code: 'signature-malformed',
    reason: /twice/,
  });
});

test('GHSA-w6c6-c85g-mmv6, CVE-2026-39395: whatever is broken, the answer is a refusal with a code, never a pass or a crash', async () => {
  const bundle = Buffer.from(instance.bundle()).toString('utf8');
  const verifier = verifierFor();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(bundle.length - 1),
      fc.constantFrom('', 'A', '"', '}', '0', '{', '\\', 'é'),
      async (at, replacement) => {
        const broken = bundle.slice(0, at) + replacement + bundle.slice(at + 1);
        if (broken === bundle || isUnsigned(bundle, broken)) return;
        await assert.rejects(verifier.verify(Buffer.from(broken)), WeighmarkError);
      },
    ),
    { numRuns: runs(150) },
  );
});

/**
 * What nothing signs may differ, for nothing of it is shown as verified: the DSSE keyid, the log's own index, a token's
 * wrapping, and how a checkpoint's signature line is written: the key is found by its id, not by the name before it.
 */
function isUnsigned(bundle: string, broken: string): boolean {
  const strip = (text: string): string => {
    const json = JSON.parse(text);
    const {
      tlogEntries: [entry],
      timestampVerificationData: {
        rfc3161Timestamps: [token],
      },
    } = json.verificationMaterial;
    const signature = Buffer.from(json.dsseEnvelope.signatures[0].sig, 'base64');
    Object.assign(token, {
      signedTimestamp: verifiedTime(Buffer.from(token.signedTimestamp, 'base64'), signature, authority),
    });
    const { checkpoint } = entry.inclusionProof;
    checkpoint.envelope = checkpoint.envelope.replace(/^— \S+ (\S+)$/gm, (_: string, text: string) =>
      Buffer.from(text, 'base64').toString('hex'),
    );
    delete entry.logIndex;
    delete json.dsseEnvelope.signatures[0].keyid;
    return JSON.stringify(json);
  };
  try {
    return strip(bundle) === strip(broken);
  } catch {
    return false;
  }
}

const [tsa] = instance.authorities;
assert.ok(tsa !== undefined);
const authority = {
  name: 'tsa',
  anchors: [new X509Certificate(tsa.root)],
  intermediates: [new X509Certificate(tsa.certificate)],
};

function messageBundle(namedCurve = 'P-256'): { bundle: Uint8Array; key: string; artifact: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  const content = Buffer.from('weights');
  const artifact = createHash('sha256').update(content).digest();
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: base64(artifact) },
      signature: base64(sign('sha256', content, privateKey)),
    },
  };
  return {
    bundle: Buffer.from(JSON.stringify(bundle)),
    key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    artifact,
  };
}
