import { X509Certificate, sign } from 'node:crypto';
import { verifiedTime } from '../../src/domain/trust/timestamp-authority.ts';
import { verifyClaim, type Verification } from '../../src/domain/trust/verify-claim.ts';
import { verifyFileSignature } from '../../src/domain/trust/verify-file.ts';
import { ISSUER, SIGNED_AT, makeInstance, timestampToken, type Instance } from '../adapters/sigstore/instance.ts';
import { bundleFor, hex, people } from '../domain/policy/world.ts';
import { createKeylessVerifier } from '../../src/adapters/sigstore/verifier.ts';
import type { Target } from './targets.ts';

/** What is signed, whole: whoever changes a byte of it is refused, or has changed nothing of what is believed. */
const instance: Instance = makeInstance();
const [authority] = instance.authorities;
if (authority === undefined) throw new Error('the instance has no timestamp authority');
const SIGNATURE = Buffer.from('a signature');
const token = timestampToken(authority, SIGNATURE, SIGNED_AT);
const now = new Date('2026-11-20T12:00:00Z');

/** Right inputs of parsers for which the fixtures hold none, made anew with keys of their own. */
export const STARTS: Readonly<Record<string, readonly Uint8Array[]>> = {
  readTimestamp: [token],
  readDer: [token, authority.certificate],
  readCertificate: [authority.certificate, leafIn(instance.bundle())],
  readFulcioCertificate: [leafIn(instance.bundle())],
  parseSigstoreBundle: [instance.bundle()],
  parseBundle: [instance.bundle()],
  parseTrustedRoot: [Buffer.from(instance.trustedRoot)],
};

export async function signed(): Promise<readonly Target[]> {
  const byKey = bundleFor({ by: 'anna', type: 'https://example.org/x', about: hex('x'), predicate: { yes: true } });
  const anna = { name: 'anna', anchor: { kind: 'key', pem: people.anna.pem } } as const;
  const mail = { issuer: ISSUER, identity: 'anna@example.com', trustedRoot: instance.trustedRoot };
  const keyless = createKeylessVerifier(() => Promise.resolve(instance.trustedRoot));
  return [
    await claims('trust:verifyClaim', byKey, { trust: [anna], keyless: null, now }),
    await claims('trust:verifyClaim-keyless', instance.bundle(), {
      trust: [{ name: 'anna', anchor: { kind: 'oidc', ...mail } }],
      keyless: () => Promise.resolve(keyless),
      now,
    }),
    await files({ trust: [anna], keyless: null, now }),
    times(),
  ];
}

/** What `cosign sign-blob` writes beside a file. */
function fileSignature(): Uint8Array {
  const [content, { key }] = [Buffer.from('weights'), people.anna];
  return Buffer.from(
    JSON.stringify({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: '' }, tlogEntries: [], timestampVerificationData: null },
      messageSignature: {
        messageDigest: { algorithm: 'SHA2_256', digest: Buffer.from(hex('weights'), 'hex').toString('base64') },
        signature: sign('sha256', content, key).toString('base64'),
      },
    }),
  );
}

async function files(verification: Verification): Promise<Target> {
  const honest = fileSignature();
  const first = await verifyFileSignature(honest, verification);
  if (!first.trusted) throw new Error(`the honest signature is refused: ${first.refusal.message}`);
  const { sha256, signer } = first.signature;
  return {
    name: 'trust:verifyFileSignature',
    run: async (bytes) => {
      const outcome = await verifyFileSignature(bytes, verification);
      if (!outcome.trusted) return;
      const { signature } = outcome;
      if (signature.sha256 !== sha256 || signature.times.length > 0 || signature.signer.kind !== signer.kind)
        throw new TypeError('another file, signer or time is trusted');
    },
    seeds: (path) => /\.sig(?:store(?:\.json)?)?$/.test(path),
    starts: [honest],
  };
}

async function claims(name: string, honest: Uint8Array, verification: Verification): Promise<Target> {
  const first = await verifyClaim(honest, verification);
  if (!first.trusted) throw new Error(`the honest bundle is refused: ${first.refusal.message}`);
  const { pae, signer, times: believed } = first.claim;
  const said = JSON.stringify([pae, signer, believed]);
  return {
    name,
    run: async (bytes) => {
      const outcome = await verifyClaim(bytes, verification);
      if (!outcome.trusted) return;
      const { claim } = outcome;
      const proven = claim.times.every((time) =>
        believed.some((each) => JSON.stringify(each) === JSON.stringify(time)),
      );
      if (!proven || JSON.stringify([claim.pae, claim.signer, believed]) !== said)
        throw new TypeError('another statement, signer or time is trusted');
    },
    seeds: (path) => /claims\.jsonl$|\.sig$/.test(path),
    starts: [honest],
  };
}

function times(): Target {
  const made = authority as NonNullable<typeof authority>;
  const believed = {
    name: 'tsa',
    anchors: [new X509Certificate(made.root)],
    intermediates: [new X509Certificate(made.certificate)],
  };
  if (verifiedTime(token, SIGNATURE, believed) === null) throw new Error('the honest token is refused');
  return {
    name: 'trust:verifiedTime',
    run: (bytes) => {
      const found = verifiedTime(bytes, SIGNATURE, believed);
      if (found !== null && found.time !== SIGNED_AT.toISOString()) throw new TypeError('another time is believed');
    },
    seeds: () => false,
    starts: [token],
  };
}

function leafIn(bundle: Uint8Array): Uint8Array {
  const json = JSON.parse(Buffer.from(bundle).toString()) as {
    verificationMaterial: { certificate: { rawBytes: string } };
  };
  return Buffer.from(json.verificationMaterial.certificate.rawBytes, 'base64');
}
