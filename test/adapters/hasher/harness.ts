import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { hashOnLanes } from '../../../src/adapters/hasher/lanes-hasher.ts';
import { hashNatively } from '../../../src/adapters/hasher/native-hasher.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import { sized } from '../../../src/adapters/hasher/open-file.ts';
import type { HashJob, HashOptions, HashResult } from '../../../src/domain/ports/hasher.ts';

export const { tree } = await createHasher({ kernel: 'wasm' });

/** One way of hashing, with segments as small as a test wants. */
export interface Engine {
  readonly name: string;
  /** Why it cannot be tested here, or false. */
  readonly skip: string | false;
  hash(jobs: readonly HashJob[], options: HashOptions, segmentBytes?: number): Promise<readonly HashResult[]>;
}

const addon = loadAddon();

export const ENGINES: readonly Engine[] = [
  {
    name: 'WebAssembly on this thread',
    skip: false,
    hash: (jobs, options, segmentBytes = 1 << 24) =>
      hashOnLanes(jobs.map(sized), options, tree, { segmentBytes, workersFromBytes: Infinity }),
  },
  {
    name: 'WebAssembly on workers',
    skip: false,
    hash: (jobs, options, segmentBytes = 1 << 24) =>
      hashOnLanes(jobs.map(sized), { jobs: 3, ...options }, tree, { segmentBytes, workersFromBytes: 0 }),
  },
  {
    name: 'native threads',
    skip: addon === null ? 'no addon: `npm run build:kernel` builds it where Rust is installed' : false,
    hash: (jobs, options, segmentBytes = 1 << 22) => {
      if (addon === null) throw new Error('no addon');
      return hashNatively(addon, jobs.map(sized), { jobs: 3, ...options }, segmentBytes);
    },
  },
];

export function folder(): string {
  return mkdtempSync(join(tmpdir(), 'weighmark-hasher-'));
}

/** The pattern of the BLAKE3 test vectors. */
export function pattern(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => index % 251);
}

export function fileOf(bytes: Uint8Array, name = 'file'): string {
  const path = join(folder(), name);
  writeFileSync(path, bytes);
  return path;
}
