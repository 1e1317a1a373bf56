import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { Batch } from './batch.ts';
import type { BulkHasher } from './blake3.ts';
import { RECORD } from './keys.ts';
import { equal } from './ordered.ts';
import { RECORD_BYTES } from './problem.ts';
import { textReader } from './readers.ts';
import type { Reading } from './reading.ts';

const CHUNK = 1 << 20;
/** Places that are told; the others are counted. */
const TOLD = 20;

export interface Wanted {
  /** Its hash in the open. */
  readonly record: Uint8Array;
  readonly hasher: BulkHasher;
}

/**
 * Records of a file of text that are this one, whatever their bytes: the numbers of the first, from 1, and how many there
 * are. Null: it does not read so. Memory does not grow with the file.
 */
export async function findInSource(
  source: Source,
  reading: Reading,
  { record, hasher }: Wanted,
): Promise<{ readonly lines: readonly number[]; readonly count: number } | null> {
  const reader = textReader(reading, new Map());
  const batch = new Batch();
  const lines: number[] = [];
  let [base, seen, count, rest]: [number, number, number, Uint8Array] = [0, 0, 0, new Uint8Array(0)];
  for (let at = 0, last = false; !last;) {
    const more = await source.read(at, Math.max(CHUNK, rest.length));
    at += more.length;
    last = at >= source.size;
    const bytes = rest.length === 0 ? more : Buffer.concat([rest, more]);
    const used = readOrNull(() => reader.read({ bytes, base, last }, batch));
    if (used === null || bytes.length - used > RECORD_BYTES) return null;
    [base, rest] = [base + used, bytes.subarray(used)];
    const hashes = hasher.hash(RECORD, batch.view(), Uint32Array.from(batch.ends));
    for (let index = 0; index < batch.ends.length; index += 1) {
      if (!equal(hashes.subarray(32 * index, 32 * index + 32), record)) continue;
      count += 1;
      if (lines.length < TOLD) lines.push(seen + index + 1);
    }
    seen += batch.ends.length;
    batch.clear();
  }
  return { lines, count };
}

function readOrNull(read: () => number): number | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'record-invalid') return null;
    throw error;
  }
}
