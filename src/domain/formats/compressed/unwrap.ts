import { WeighmarkError } from '../../base/errors.ts';
import { bytesSource, readAll, windowSource, type Source } from '../../base/source.ts';
import { inflate } from '../inflate.ts';
import { beyond } from '../problem.ts';
import { streamSource } from '../stream-source.ts';
import type { FormatId } from '../types.ts';
import { decodeLz4 } from './lz4.ts';
import { decodeLzma, type Decoded } from './lzma.ts';

/** What a compressed file holds, as far as it was decoded. */
export interface Unwrapped {
  readonly source: Source;
  /** Why not all of it is there; undefined if it is. */
  readonly cut?: string;
  /** True if the reason is that it expands beyond measure. */
  readonly bomb?: boolean;
}

export type Wrapper = Extract<FormatId, 'gzip' | 'zlib' | 'zstd' | 'bzip2' | 'xz' | 'lzma' | 'lz4'>;

/** Output kept in memory; what is larger is decoded again as it is read. */
const KEPT = 32 << 20;
/** Decoders that cannot stream see this much input at most. */
const WHOLE_INPUT = 64 << 20;

export function isWrapper(format: FormatId): format is Wrapper {
  return ['gzip', 'zlib', 'zstd', 'bzip2', 'xz', 'lzma', 'lz4'].includes(format);
}

/** Opens a compressed source; null if it is not what its magic says. Never more than `budget` bytes come out. */
export async function unwrap(source: Source, wrapper: Wrapper, budget: number): Promise<Unwrapped | null> {
  if (wrapper === 'gzip' || wrapper === 'zlib' || wrapper === 'zstd') return unwrapStream(source, wrapper, budget);
  if (source.size > WHOLE_INPUT)
    return {
      source: bytesSource(new Uint8Array(0)),
      cut: `${wrapper} data beyond ${WHOLE_INPUT} bytes is not decoded`,
    };
  const { bytes, complete } = await decodeWhole(await readAll(source), wrapper, Math.min(KEPT, budget));
  if (bytes.length === 0 && !complete) return null;
  if (complete) return { source: bytesSource(bytes) };
  return {
    source: bytesSource(bytes),
    cut:
      bytes.length >= Math.min(KEPT, budget)
        ? `only the first ${bytes.length} bytes were decoded`
        : `the ${wrapper} stream is broken`,
  };
}

/** The same for bytes in memory, whatever they are wrapped in; null if they are not. */
export async function unwrapBytes(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | null> {
  const wrapper = wrapperOf(bytes);
  const opened = wrapper === null ? null : await unwrap(bytesSource(bytes), wrapper, maxBytes);
  return opened === null ? null : opened.source.read(0, Math.min(opened.source.size, maxBytes));
}

function wrapperOf([a, b]: Uint8Array): Wrapper | null {
  if (a === 0x1f && b === 0x8b) return 'gzip';
  if (a === 0x78) return 'zlib';
  if (a === 0x42 && b === 0x5a) return 'bzip2';
  return a === 0xfd && b === 0x37 ? 'xz' : null;
}

async function unwrapStream(
  source: Source,
  wrapper: 'gzip' | 'zlib' | 'zstd',
  budget: number,
): Promise<Unwrapped | null> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let failure: WeighmarkError | undefined;
  try {
    for await (const chunk of membersOf(source, wrapper, budget)) {
      size += chunk.length;
      if (size <= KEPT) parts.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded'))
      throw error;
    failure = error;
  }
  if (size === 0 && failure !== undefined) return null;
  const kept =
    size <= KEPT ? bytesSource(Buffer.concat(parts)) : streamSource(size, () => membersOf(source, wrapper, budget));
  if (failure === undefined) return { source: kept };
  return {
    source: size <= KEPT ? kept : bytesSource(Buffer.concat(parts)),
    cut: failure.message,
    bomb: failure.code === 'limit-exceeded',
  };
}

const MEMBERS = 1000;

/**
 * Streams one after another, zeros between them passed over, as Python's `gzip` and joblib read on; Node's gunzip stops at
 * a zero, its inflate at the first end.
 */
async function* membersOf(
  source: Source,
  wrapper: 'gzip' | 'zlib' | 'zstd',
  budget: number,
): AsyncGenerator<Uint8Array, void> {
  let [at, total] = [0, 0];
  for (let member = 0; at < source.size; member++) {
    if (member === MEMBERS) throw beyond(`more than ${MEMBERS} ${wrapper} streams`);
    const stream = inflate(windowSource(source, at, source.size - at), wrapper, { maxBytes: budget });
    let next = await stream.next();
    for (; next.done !== true; next = await stream.next()) {
      total += next.value.length;
      if (total > budget) throw beyond(`decompresses to more than ${budget} bytes`);
      yield next.value;
    }
    at = await nextStart(source, at + next.value);
    if (wrapper === 'zstd' || wrapperOf(await source.read(at, 2)) !== wrapper) return;
  }
}

/** Where the zeros at a place end, at most a chunk further. */
async function nextStart(source: Source, from: number): Promise<number> {
  const bytes = await source.read(from, 1 << 16);
  const at = bytes.findIndex((byte) => byte !== 0);
  return at < 0 ? source.size : from + at;
}

async function decodeWhole(bytes: Uint8Array, wrapper: Wrapper, maxBytes: number): Promise<Decoded> {
  if (wrapper === 'xz' || wrapper === 'lzma') return decodeLzma(bytes, maxBytes);
  if (wrapper === 'lz4') return decodeLz4(bytes, maxBytes);
  return decodeBzip2(bytes, maxBytes);
}

async function decodeBzip2(bytes: Uint8Array, maxBytes: number): Promise<Decoded> {
  const { default: Bunzip } = await import('seek-bzip');
  let out = new Uint8Array(1 << 16);
  let length = 0;
  const writeByte = (byte: number): void => {
    if (length >= maxBytes) throw new RangeError('the output limit');
    if (length >= out.length) out = grown(out, maxBytes);
    out[length++] = byte;
  };
  try {
    Bunzip.decode(bytes, { writeByte }, true);
    return { bytes: out.subarray(0, length), complete: true };
  } catch {
    return { bytes: out.subarray(0, length), complete: false };
  }
}

function grown(bytes: Uint8Array, limit: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(limit, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
