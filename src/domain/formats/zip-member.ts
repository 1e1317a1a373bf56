import { crc32 } from 'node:zlib';
import { LIMITS } from '../base/limits.ts';
import { windowSource, type Source } from '../base/source.ts';
import { chunksOf, inflate, type InflateLimits } from './inflate.ts';
import { beyond, invalid } from './problem.ts';
import { streamSource } from './stream-source.ts';
import type { ZipEntry } from './zip-entry.ts';

/** The compressed bytes of a member as they lie in the archive. */
export function rawMember(source: Source, entry: ZipEntry): Source {
  return windowSource(source, entry.dataStart, entry.compressedSize);
}

/**
 * A member's content as a stream. The encryption flag is not believed (loaders ignore it): bytes that do not inflate are
 * `format-invalid`. Checks size and CRC-32 at the end where `verify` is set.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for a bomb or an unknown method.
 */
export async function* openMember(
  source: Source,
  entry: ZipEntry,
  options: InflateLimits & { verify?: boolean } = {},
): AsyncGenerator<Uint8Array, void> {
  let [size, checksum] = [0, 0];
  for await (const chunk of contentOf(rawMember(source, entry), entry, options)) {
    size += chunk.length;
    if (options.verify === true) checksum = crc32(chunk, checksum);
    yield chunk;
  }
  const stated = entry.central ?? entry.local;
  if (options.verify !== true || stated === undefined) return;
  if (size !== stated.size || checksum !== stated.crc32)
    throw invalid('size or CRC-32 is not as stated', { subject: entry.name });
}

function contentOf(raw: Source, entry: ZipEntry, limits: InflateLimits): AsyncGenerator<Uint8Array, unknown> {
  if (entry.method === 0) return chunksOf(raw);
  if (entry.method === 8) return inflate(raw, 'deflate', limits);
  if (entry.method === 93) return inflate(raw, 'zstd', limits);
  throw beyond(`compression method ${entry.method} is not read`, { subject: entry.name });
}

/**
 * A member as a `Source` for the other readers: stored ones in place, compressed ones through `streamSource`. Its size is
 * the stated one, capped; a member that is shorter or longer than it states shows when it is read.
 */
export function memberSource(source: Source, entry: ZipEntry, limits: InflateLimits = {}): Source {
  if (entry.method === 0) return rawMember(source, entry);
  const maxBytes = limits.maxBytes ?? LIMITS.archiveInflatedBytes;
  if (entry.size > maxBytes)
    throw beyond(`states ${entry.size} bytes, the limit is ${maxBytes}`, { subject: entry.name });
  return streamSource(entry.size, () => openMember(source, entry, { ...limits, maxBytes }));
}
