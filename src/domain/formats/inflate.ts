import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from 'node:zlib';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { beyond, invalid } from './problem.ts';

export type Compression = 'deflate' | 'zlib' | 'gzip' | 'zstd' | 'brotli';

export interface InflateLimits {
  /** Bytes that may come out; default `LIMITS.archiveInflatedBytes`. */
  readonly maxBytes?: number;
  /** Output bytes per input byte, once 1 MiB is out; default `LIMITS.archiveRatio`. */
  readonly maxRatio?: number;
}

const CHUNK = 256 << 10;
const RATIO_FROM = 1 << 20;

/** The bytes of a source in chunks. */
export async function* chunksOf(source: Source): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < source.size; at += CHUNK) yield await source.read(at, Math.min(CHUNK, source.size - at));
}

/**
 * Decompresses a source chunk by chunk; memory does not grow with either size. Returns how many bytes the stream has.
 * @throws WeighmarkError `format-invalid` on a broken or truncated stream, `limit-exceeded` for a bomb.
 */
export async function* inflate(
  source: Source,
  compression: Compression,
  limits: InflateLimits = {},
): AsyncGenerator<Uint8Array, number> {
  const { maxBytes = LIMITS.archiveInflatedBytes, maxRatio = LIMITS.archiveRatio } = limits;
  const stream = DECOMPRESSORS[compression]();
  const feeding = feed(stream, source);
  let total = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > maxBytes) throw beyond(`decompresses to more than ${maxBytes} bytes`);
      if (total > RATIO_FROM && total > source.size * maxRatio)
        throw beyond(`decompresses to more than ${maxRatio} times its size`);
      yield chunk;
    }
    await feeding.done;
    return stream.bytesWritten;
  } catch (error) {
    throw (
      feeding.failure() ??
      (error instanceof WeighmarkError ? error : invalid(`a broken ${compression} stream`, { cause: error }))
    );
  } finally {
    stream.destroy();
  }
}

const DECOMPRESSORS = {
  deflate: () => createInflateRaw(),
  zlib: () => createInflate(),
  gzip: () => createGunzip(),
  zstd: () => createZstdDecompress(),
  brotli: () => createBrotliDecompress(),
} as const;

type Decompressor = ReturnType<(typeof DECOMPRESSORS)[Compression]>;

/** Writes the source into the stream as it drains; a failing read destroys the stream and is kept. */
function feed(stream: Decompressor, source: Source): { done: Promise<void>; failure: () => unknown } {
  let failure: unknown;
  const write = async (): Promise<void> => {
    for await (const chunk of chunksOf(source)) {
      if (stream.destroyed || stream.writableEnded) return;
      if (!stream.write(chunk)) await drained(stream);
    }
    stream.end();
  };
  const done = write().catch((error: unknown) => {
    failure = error;
    stream.destroy(error instanceof Error ? error : new Error('reading failed'));
  });
  return { done, failure: () => failure };
}

function drained(stream: Decompressor): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      stream.off('drain', settle).off('close', settle).off('error', settle);
      resolve();
    };
    stream.on('drain', settle).on('close', settle).on('error', settle);
    if (stream.destroyed) settle();
  });
}

/** All of a stream in memory. @throws WeighmarkError `limit-exceeded` beyond `maxBytes`. */
export async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    total += chunk.length;
    if (total > maxBytes) throw beyond(`longer than ${maxBytes} bytes`);
    parts.push(chunk);
  }
  return Buffer.concat(parts);
}

/** The first `length` bytes of a stream, fewer if it ends; what follows is not decompressed. */
export async function firstBytes(chunks: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    total += chunk.length;
    if (total >= length) break;
  }
  return Buffer.concat(parts).subarray(0, length);
}
