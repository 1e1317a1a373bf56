import { availableParallelism } from 'node:os';
import { LIMITS } from '../../domain/base/limits.ts';
import { SIDECARS } from '../../domain/base/paths.ts';
import type { HashOptions, SumsOptions } from '../../domain/ports/hasher.ts';
import { reporter } from './native-hasher.ts';
import type { Addon } from './native.ts';

/** Below it lies what download tools keep, which is told apart by name. */
const UNUSUAL = ['.cache'];
const FLAG = { blake3: 1, sha256: 2 } as const;
const HEAD_BYTES = 24;

/**
 * The lines of a checksum file for plain files, or for a folder with nothing else in it, walked, hashed and written by the
 * addon. Null where anything is out of the ordinary, cannot be read or changes meanwhile: then all is asked again, file by file.
 */
export async function sumsNatively(
  addon: Addon,
  names: readonly string[],
  options: SumsOptions,
): Promise<Uint8Array | null> {
  const { algorithms, jobs, signal } = options;
  const wanted = flagsOf(algorithms);
  if (addon.sums === undefined || wanted === null || signal?.aborted === true) return null;
  const run = addon.create();
  const stop = () => addon.abort(run);
  const report = reporter(options, () => addon.progress(run));
  signal?.addEventListener('abort', stop);
  try {
    const answer = await addon.sums(run, requestOf(names, { wanted, threads: jobs ?? availableParallelism() }));
    return answer.length === 0 ? null : answer.subarray(1);
  } finally {
    report();
    signal?.removeEventListener('abort', stop);
  }
}

/** Null for other algorithms, and for another order of their lines. */
function flagsOf(algorithms: HashOptions['algorithms']): number | null {
  switch (algorithms.join(' ')) {
    case 'blake3':
      return FLAG.blake3;
    case 'sha256':
      return FLAG.sha256;
    case 'blake3 sha256':
      return FLAG.blake3 | FLAG.sha256;
    default:
      return null;
  }
}

/** Little-endian, as `kernel/src/sums.rs` reads it. */
function requestOf(names: readonly string[], { wanted, threads }: { wanted: number; threads: number }): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  const numbers = [wanted, threads, LIMITS.filesPerTree, names.length, SIDECARS.length, UNUSUAL.length];
  numbers.forEach((number, at) => head.writeUInt32LE(number, 4 * at));
  return Buffer.concat([head, Buffer.from(`${[...names, ...SIDECARS, ...UNUSUAL].join('\0')}\0`)]);
}
