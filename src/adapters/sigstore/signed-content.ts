import { createHash, verify as verifySignature, type KeyObject } from 'node:crypto';
import type { SignedEntity } from '@sigstore/verify';
import { preAuthEncoding } from '../../domain/claims/dsse.ts';
import { verifyDigest } from '../../domain/pki/ecdsa.ts';
import { curveOf } from '../../domain/pki/keys.ts';
import { spkiOf } from '../../domain/pki/spki.ts';
import { sha256, type Bound } from '../../domain/trust/log-binding.ts';
import type { SigstoreBundle } from '../../domain/trust/sigstore-bundle.ts';
import { type ProofOptions, type Claimant, invalid } from './proof.ts';

/** The content of the bundle as the library asks for it, bound to the artifact and to the hash that goes with the key. */
export function signedBy(
  bundle: SigstoreBundle,
  key: KeyObject,
  { artifact }: ProofOptions,
): SignedEntity['signature'] & { readonly digest: Uint8Array } {
  const { content } = bundle;
  const { hash } = curveOf(key, 'signature-invalid');
  const signature = Buffer.from(content.signature);
  if (content.kind === 'message' && (artifact === undefined || !Buffer.from(content.digest).equals(artifact)))
    throw invalid('it signs another artifact');
  const encoded = content.kind === 'dsse' ? preAuthEncoding(content.payload, content.payloadType) : null;
  const digest = encoded === null ? Buffer.from(artifact ?? []) : createHash('sha256').update(encoded).digest();
  return {
    digest,
    signature,
    compareSignature: (other) => signature.equals(other),
    compareDigest: (other) =>
      content.kind === 'dsse' ? Buffer.from(sha256(content.payload)).equals(other) : digest.equals(other),
    compareSignedDigest: (other) => digest.equals(other),
    verifySignature: (candidate) =>
      encoded === null
        ? verifyDigest(digest, candidate, signature)
        : verifySignature(hash, encoded, candidate, signature),
  };
}

export function boundOf(
  bundle: SigstoreBundle,
  signed: { readonly digest: Uint8Array },
  { certificate, key }: Claimant,
): Bound {
  return {
    signedDigest: signed.digest,
    payloadDigest: bundle.content.kind === 'dsse' ? sha256(bundle.content.payload) : null,
    signature: bundle.content.signature,
    verifier: certificate === undefined ? { spki: spkiOf(key) } : { certificate },
  };
}
