import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';

/** Of one resource in an OMS statement, besides its name and digest. */
const RESOURCE_BYTES = 46;
/** Of one line of a digest list, besides the path: two digests, the size, what separates them. */
const LINE_BYTES = 148;
/** About, while it is sealed or verified. */
const MEMORY_A_FILE = 1024;
/** Everything else in a bundle: certificates, timestamps, proofs. */
const AROUND_BYTES = 1 << 20;

export interface Signing {
  /** Every resource's path, one for each range of a file. */
  readonly paths: Iterable<string>;
  /** Hexadecimal digits of its digest. */
  readonly digestLength: number;
}

/**
 * Refuses what no verifier would read, before the hours of hashing it: what is sealed can be verified.
 * @throws WeighmarkError `limit-exceeded`.
 */
export function requireReadable({ paths, digestLength }: Signing): void {
  let payload = 0;
  let list = 0;
  let files = 0;
  for (const path of paths) {
    files += 1;
    const bytes = Buffer.byteLength(path);
    payload += RESOURCE_BYTES + digestLength + bytes;
    list += LINE_BYTES + bytes;
  }
  const signature = Math.ceil(payload / 3) * 4 + AROUND_BYTES;
  if (signature <= LIMITS.signatureBytes && list <= LIMITS.digestListBytes) return;
  throw new WeighmarkError('limit-exceeded', 'a signature over so many files would be larger than anybody reads', {
    facts: {
      signature: `${signature} bytes`,
      limit: `${LIMITS.signatureBytes} bytes`,
      memory: `${Math.ceil((files * MEMORY_A_FILE + signature + list) / 2 ** 20)} MiB, to sign or verify it`,
    },
    hint: 'seal parts of it as artifacts of their own, or pack the files: tar shards, Parquet, Arrow',
  });
}
