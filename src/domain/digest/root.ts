import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

/**
 * OMS root digest: SHA-256 over the raw digests of the resources in their order (OMS v1.0 section 5.2.3). It hashes no
 * names, so it never identifies an artifact alone.
 * @param digests lower-case hex, in listed order.
 */
export function omsRoot(digests: Iterable<string>): string {
  const hash = createHash('sha256');
  const some = Buffer.allocUnsafe(HASHED_AT_ONCE);
  let at = 0;
  for (const digest of digests) {
    if (at + digest.length / 2 > some.length) {
      hash.update(some.subarray(0, at));
      at = 0;
    }
    at += some.write(digest, at, 'hex');
  }
  return hash.update(some.subarray(0, at)).digest('hex');
}

/** A call costs as much as hashing several digests. */
const HASHED_AT_ONCE = 64 << 10;
