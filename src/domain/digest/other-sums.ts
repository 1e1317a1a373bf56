import { createHash } from 'node:crypto';
import type { Source } from '../base/source.ts';
import { Blake2b256 } from './blake2b-256.ts';

/** Algorithms of checksum files that nothing else here speaks: computed only where a line may be of one. */
export type OtherAlgorithm = 'sha512' | 'blake2b-256';

const CHUNK = 1 << 20;

/** Lower-case hex of a source, in one streaming read. */
export async function otherSum(source: Source, algorithm: OtherAlgorithm): Promise<string> {
  const sha512 = createHash('sha512');
  const blake2b = new Blake2b256();
  const hash = algorithm === 'sha512' ? sha512 : blake2b;
  for (let offset = 0; offset < source.size; offset += CHUNK) hash.update(await source.read(offset, CHUNK));
  return algorithm === 'sha512' ? sha512.digest('hex') : blake2b.hex();
}
