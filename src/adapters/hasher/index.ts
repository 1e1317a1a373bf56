import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Hasher, HashResult } from '../../domain/ports/hasher.ts';
import { hexDigests } from './hex.ts';
import { BUFFER_BYTES, createKernel, type Kernel } from './kernel.ts';
import { hashNatively } from './native-hasher.ts';
import { sumsNatively } from './native-sums.ts';
import { loadAddon } from './native.ts';
import { sized } from './open-file.ts';

export interface HasherOptions {
  /** Forces a kernel; default: the fastest present. */
  readonly kernel?: 'wasm' | 'native';
}

/** @throws WeighmarkError `config-invalid` if a forced kernel is not there. */
export async function createHasher(options: HasherOptions = {}): Promise<Hasher> {
  const tree = lazyTree();
  const addon = options.kernel === 'wasm' ? null : loadAddon();
  if (addon === null && options.kernel === 'native') throw missingAddon();
  return {
    kernel: addon === null ? 'wasm' : 'native',
    tree,
    hash: async (jobs, how) => {
      const ready = jobs.map(sized);
      how.onTotal?.(ready.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
      if (addon !== null && !how.algorithms.includes('blake2b')) return hashNatively(addon, ready, how);
      const { hashOnLanes } = await import('./lanes-hasher.ts');
      return hashOnLanes(ready, how, tree);
    },
    hashStream,
    ...(addon === null ? {} : { sums: async (names, how) => sumsNatively(addon, names, how) }),
  };
}

function missingAddon(): WeighmarkError {
  return new WeighmarkError('config-invalid', 'there is no native kernel for this system', {
    subject: 'WEIGHMARK_KERNEL',
    hint: 'unset it, or build one: `npm run build:kernel` in a checkout, with Rust installed',
  });
}

/** The kernel is compiled when first asked. */
function lazyTree(): Blake3Tree {
  let made: Kernel | undefined;
  const kernel = () => (made ??= createKernel());
  return {
    digest: (bytes) => kernel().digest(bytes),
    subtree: (bytes, offset) => kernel().subtree(bytes, offset),
    parent: (left, right, isRoot) => kernel().parent(left, right, isRoot),
  };
}

/** Kernels whose stream has ended; making one costs as much as hashing a hundred kilobytes. */
const idle: Kernel[] = [];

async function hashStream(
  chunks: AsyncIterable<Uint8Array>,
  algorithms: readonly HashAlgorithm[],
): Promise<HashResult> {
  const { beginSequence } = await import('./tasks.ts');
  const kernel = idle.pop() ?? createKernel();
  const sequence = beginSequence(algorithms);
  let sizeBytes = 0;
  kernel.begin(0);
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    sequence.update(chunk);
    for (let at = 0; at < chunk.length; at += BUFFER_BYTES) absorb(kernel, chunk.subarray(at, at + BUFFER_BYTES));
  }
  const blake3 = algorithms.includes('blake3') ? { blake3: kernel.finish(true) } : {};
  idle.push(kernel);
  return { sizeBytes, digests: hexDigests({ ...sequence.finish(), ...blake3 }) };
}

function absorb(kernel: Kernel, piece: Uint8Array): void {
  kernel.input.set(piece);
  kernel.update(piece.length);
}
