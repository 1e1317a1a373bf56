import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { createHasher } from '../adapters/hasher/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Hasher } from '../domain/ports/hasher.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { Progress } from '../domain/ports/terminal.ts';
import { parseReference, placeOf } from '../domain/registry/reference.ts';
import type { KeylessVerifier } from '../domain/trust/keyless-verifier.ts';
import { placeOfDigest } from '../flows/registry/registry-show.ts';

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

/** For flows that are always given a signal. */
export const signalOf = ({ signal }: CallOptions): AbortSignal => signal ?? new AbortController().signal;

/** What it takes to read weights whole. */
export function weighPorts(options: CallOptions) {
  const { hasher, progress } = callPorts(options);
  return { hasher, progress, signal: signalOf(options), ...(options.jobs === undefined ? {} : { jobs: options.jobs }) };
}

/** Where a REF that is no path lies in the caller's registry. @throws WeighmarkError `usage`, `not-found`, `name-invalid`. */
export async function placeIn(
  ref: string,
  registry: Registry | undefined,
): Promise<{ registry: Registry; name: string; id: string }> {
  const reference = parseReference(ref);
  if (reference.kind === 'path')
    throw new WeighmarkError('usage', `\`${ref}\` is a path, not an artifact in a registry`, { subject: ref });
  if (registry === undefined)
    throw new WeighmarkError('usage', `${ref} lies in a registry: give a \`registry\``, { subject: ref });
  if (reference.kind === 'digest') {
    const { name, reference: id } = await placeOfDigest(reference.digest, registry);
    return { registry, name, id };
  }
  const place = placeOf(reference, registry.location);
  if (place.location !== registry.location)
    throw new WeighmarkError('usage', `${ref} lies in another registry than ${registry.location}`, { subject: ref });
  return { registry, name: place.name, id: await registry.resolve(place.name, place.reference) };
}
