import { createHash } from 'node:crypto';

/**
 * OMS root digest: SHA-256 over the raw digests of the resources in their order (OMS v1.0 section 5.2.3). It hashes no
 * names, so it never identifies an artifact alone.
 * @param digests lower-case hex, in listed order.
 */
export function omsRoot(digests: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const digest of digests) hash.update(digest, 'hex');
  return hash.digest('hex');
}
