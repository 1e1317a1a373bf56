import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { TAG } from './der.ts';

/**
 * One key has many encodings: a point compressed, hybrid or whole, a curve by name or by its parameters, bytes after the end.
 * This is the one that everything here is computed from: a named curve and an uncompressed point (RFC 5480 section 2), as
 * OpenSSL writes it. Keys of other kinds have one encoding once they were read.
 */
export function canonicalKey(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve === undefined) return key;
  return createPublicKey({ key: key.export({ format: 'jwk' }), format: 'jwk' });
}

/** The canonical DER of a public key. */
export function spkiOf(key: KeyObject): Uint8Array {
  return canonicalKey(key).export({ type: 'spki', format: 'der' });
}

/** SHA-256 of the canonical DER, lower-case hex: what makes two keys the same key. */
export function keyFingerprint(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest('hex');
}

/** AlgorithmIdentifiers of id-ecPublicKey with a named curve (RFC 5480 section 2.1.1). */
const ALGORITHMS: Readonly<Record<string, string>> = {
  prime256v1: '301306072a8648ce3d020106082a8648ce3d030107',
  secp384r1: '301006072a8648ce3d020106052b81040022',
  secp521r1: '301006072a8648ce3d020106052b81040023',
};

/**
 * The key with its point compressed and hybrid (SEC 1 section 2.3.3), as some tools write it: hints and revocations made before
 * there was one encoding here name a key by the SHA-256 of these.
 */
export function otherSpkis(key: KeyObject): readonly Uint8Array[] {
  const algorithm = ALGORITHMS[key.asymmetricKeyDetails?.namedCurve ?? ''];
  const { x = '', y = '' } = algorithm === undefined ? {} : key.export({ format: 'jwk' });
  const [across, up] = [Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')];
  if (algorithm === undefined || across.length === 0) return [];
  const parity = (up.at(-1) ?? 0) & 1;
  const points = [[Uint8Array.of(2 + parity), across] as const, [Uint8Array.of(6 + parity), across, up] as const];
  return points.map((point) =>
    der(TAG.sequence, [Buffer.from(algorithm, 'hex'), der(TAG.bitString, [Uint8Array.of(0), ...point])]),
  );
}

/** For contents below 256 bytes, which every key on these curves has. */
function der(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.from(body.length < 0x80 ? [tag, body.length] : [tag, 0x81, body.length]), body]);
}
