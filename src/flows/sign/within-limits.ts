import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Room } from '../../domain/ports/files.ts';
import { memoryFor, requireRoom } from '../content/room.ts';

/** Of one resource in an OMS statement, besides its name and digest. */
const RESOURCE_BYTES = 46;
/** Of one line of a digest list, besides the path: two digests, the size, what separates them. */
const LINE_BYTES = 148;
/** Everything else in a bundle: certificates, timestamps, proofs. */
const AROUND_BYTES = 1 << 20;

export interface Signing {
  /** Every resource's path, one for each range of a file. */
  readonly paths: Iterable<string>;
  /** Hexadecimal digits of its digest. */
  readonly digestLength: number;
  readonly room?: Room | undefined;
}

/**
 * Refuses what no verifier would read, before the hours of hashing it: what is sealed can be verified.
 * @throws WeighmarkError `limit-exceeded`; `memory-short` where this machine cannot.
 */
export function requireReadable({ paths, digestLength, room }: Signing): void {
  let payload = 0;
  let list = 0;
  let files = 0;
  for (const path of paths) {
    files += 1;
    const bytes = Buffer.byteLength(path);
    payload += RESOURCE_BYTES + digestLength + bytes;
    list += LINE_BYTES + bytes;
  }
  requireRoom(files, room);
  const signature = Math.ceil(payload / 3) * 4 + AROUND_BYTES;
  if (signature <= LIMITS.signatureBytes && list <= LIMITS.digestListBytes) return;
  throw new WeighmarkError('limit-exceeded', 'a signature over so many files would be larger than anybody reads', {
    facts: { signature: `${signature} bytes`, limit: `${LIMITS.signatureBytes} bytes`, memory: memoryFor(files) },
    hint: 'seal parts of it as artifacts of their own, or pack the files: tar shards, Parquet, Arrow',
  });
}
