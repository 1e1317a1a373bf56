import type { Source } from '../ports.ts';

/** Bytes already in memory as a `Source`; reads are copies. */
export function bytesSource(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.slice(offset, offset + length),
  };
}

/** The part [offset, offset + length) of a source as a source of its own; cut to what there is. */
export function windowSource(source: Source, offset: number, length: number): Source {
  const start = Math.min(Math.max(0, offset), source.size);
  const size = Math.min(Math.max(0, length), source.size - start);
  return {
    size,
    read: (at, count) => source.read(start + Math.min(at, size), Math.max(0, Math.min(count, size - at))),
  };
}

/** The whole source in memory. Only for sources the caller has already found to be small. */
export function readAll(source: Source): Promise<Uint8Array> {
  return source.read(0, source.size);
}
