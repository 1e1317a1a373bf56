import { createPublicKey, verify, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../../base/errors.ts';

/**
 * Checks a feed's detached signature: base64 of an Ed25519 signature, or of ECDSA (DER) or RSA over SHA-256, as
 * `cosign sign-blob` and `openssl dgst -sign` make them.
 * @throws WeighmarkError `signature-invalid`, `key-unusable`.
 */
export function checkFeedSignature(
  location: string,
  bytes: Uint8Array,
  proof: { signature: Uint8Array | undefined; keyPem: string },
): void {
  const key = publicKey(proof.keyPem);
  const text = Buffer.from(proof.signature ?? new Uint8Array(0))
    .toString('latin1')
    .trim();
  const signature = /^[A-Za-z0-9+/=\s]+$/.test(text)
    ? Buffer.from(text, 'base64')
    : Buffer.from(proof.signature ?? new Uint8Array(0));
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  if (signature.length === 0 || !verify(algorithm, bytes, key, signature))
    throw new WeighmarkError('signature-invalid', `the feed ${location} is not signed with the key given`);
}

function publicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new WeighmarkError('key-unusable', 'the feed key is no public key in PEM form', { cause });
  }
}
