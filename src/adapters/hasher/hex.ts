import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';

export function hexDigests(digests: Readonly<Partial<Record<HashAlgorithm, Uint8Array>>>): Digests {
  return Object.fromEntries(Object.entries(digests).map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]));
}
