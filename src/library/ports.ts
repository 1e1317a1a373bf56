import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { createHasher } from '../adapters/hasher/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Hasher } from '../domain/ports/hasher.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { Progress } from '../domain/ports/terminal.ts';
import type { KeylessVerifier } from '../domain/trust/keyless-verifier.ts';

/** What every call takes. */
export interface CallOptions {
  /** Aborting makes the call throw WeighmarkError `interrupted`. */
  readonly signal?: AbortSignal;
  /** Called with the bytes done and the bytes there are, for each piece of long work. */
  readonly onProgress?: (label: string, done: number, total: number) => void;
  /** Threads at most; default: the cores there are. */
  readonly jobs?: number;
}

export function callPorts(options: CallOptions) {
  return {
    files: createFiles(),
    hasher: sharedHasher,
    progress: progressOf(options),
    clock: { now: () => new Date() },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
}

function progressOf({ onProgress }: CallOptions): Progress {
  return {
    start: (label, total) => {
      let done = 0;
      return { advance: (bytes) => onProgress?.(label, (done += bytes), total), end: () => undefined };
    },
  };
}

export function placesOf(registry: Registry | undefined) {
  return {
    locate: (text: string) => resolve(text),
    registry: registry === undefined ? noRegistry : async () => registry,
  };
}

async function noRegistry(): Promise<never> {
  throw new WeighmarkError('usage', 'inputs are named by path or digest here, or give a `registry`');
}

export const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** One kernel a process: it is code, not state. */
let hasherMade: Promise<Hasher> | undefined;

export const sharedHasher = (): Promise<Hasher> => (hasherMade ??= createHasher());

export async function keyless(): Promise<KeylessVerifier> {
  const { createUserVerifier } = await import('../adapters/sigstore/index.ts');
  return createUserVerifier(createFiles(), {});
}
