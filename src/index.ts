/**
 * weighmark as a library: the same flows as the commands, with the caller's own trust, signer, progress and abort signal.
 * Nothing is read from the environment or from configuration files, and no state is kept between calls.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createFiles } from './adapters/files/index.ts';
import { createHasher } from './adapters/hasher/index.ts';
import type { TrustEntry } from './domain/claims/types.ts';
import { WeighmarkError } from './domain/base/errors.ts';
import type { ClaimSigner } from './domain/ports/signing.ts';
import type { Hasher, HashResult } from './domain/ports/hasher.ts';
import type { HashAlgorithm } from './domain/digest/algorithm.ts';
import type { KeylessVerifier } from './domain/trust/keyless-verifier.ts';
import type { Progress } from './domain/ports/terminal.ts';
import type { Severity } from './domain/scan/types.ts';
import { inspectPath, type InspectOutcome } from './flows/describe/inspect.ts';
import { scanArtifact, type ArtifactScan } from './flows/content/scan.ts';
import { seal as sealFlow, type SealOutcome } from './flows/sign/seal.ts';
import { verify as verifyFlow } from './flows/verify/verify.ts';
import type { VerifyOutcome } from './flows/verify/types.ts';

export { WeighmarkError, type Code, type ErrorDetail, type ExitCode } from './domain/base/errors.ts';
export {
  findingsOf,
  type Check,
  type Evidence,
  type Finding,
  type Outcome,
  type Verdict,
} from './domain/base/verdict.ts';
export { buildManifest, parseManifest, type Manifest, type ManifestFile } from './domain/digest/manifest.ts';
export { formatDigestList, parseDigestList, type ListedFile } from './domain/digest/list.ts';
export { omsRoot } from './domain/digest/root.ts';
export { PREDICATES } from './domain/claims/predicates.ts';
export type {
  Signer,
  Statement,
  Subject,
  TrustAnchor,
  TrustEntry,
  VerifiedClaim,
  VerifiedTime,
} from './domain/claims/types.ts';
export type { ClaimSigner } from './domain/ports/signing.ts';
export type { HashAlgorithm } from './domain/digest/algorithm.ts';
export type { HashResult } from './domain/ports/hasher.ts';
export type { ArtifactScan, InspectOutcome, SealOutcome, VerifyOutcome };

/** What every call takes. */
export interface CallOptions {
  /** Aborting makes the call throw WeighmarkError `interrupted`. */
  readonly signal?: AbortSignal;
  /** Called with the bytes done and the bytes there are, for each piece of long work. */
  readonly onProgress?: (label: string, done: number, total: number) => void;
  /** Threads at most; default: the cores there are. */
  readonly jobs?: number;
}

export interface VerifyOptions extends CallOptions {
  /** Whose signatures count. Empty: everything signed is refused with `trust-missing`. */
  readonly trust: readonly TrustEntry[];
  /** Signature and claims, if they are not where `seal` puts them. */
  readonly signature?: string;
  readonly claims?: readonly string[];
  readonly allowSymlinks?: boolean;
  /** Glob of the only files to verify, or `FILE#TENSORS`; the verdict is then partial. */
  readonly only?: string;
  /** PEM chains of RFC 3161 authorities to believe. */
  readonly timestampAuthorities?: readonly string[];
}

/**
 * Is the artifact what somebody trusted signed? `outcome.verdict.outcome` is `verified` only with evidence.
 * @throws WeighmarkError `not-found`, `usage`, `trust-invalid`, `interrupted`; everything else is in the verdict.
 */
export async function verify(path: string, options: VerifyOptions): Promise<VerifyOutcome> {
  const { trust, timestampAuthorities = [], signal: _signal, onProgress: _onProgress, ...asked } = options;
  const ports = {
    ...callPorts(options),
    trust: async () => trust,
    timestampAuthorities: async () => timestampAuthorities,
    keyless,
  };
  return verifyFlow({ ...asked, root: resolve(path), shown: path }, ports);
}

export interface SealOptions extends CallOptions {
  /** Makes the signatures; from `keySigner`, or the caller's own (a KMS, an HSM). */
  readonly signer: ClaimSigner;
  /** `NAME:VERSION`, signed with every claim. */
  readonly name?: string;
  /** Findings of this severity forbid sealing; default `high`. */
  readonly failOn?: Exclude<Severity, 'info'>;
  readonly allowSymlinks?: boolean;
}

/** Scans, describes and signs an artifact in one go. With findings, `outcome.written` is false and nothing was written. */
export async function seal(path: string, options: SealOptions): Promise<SealOutcome> {
  const { signal: _signal, onProgress: _onProgress, signer, failOn = 'high', ...asked } = options;
  const ports = { ...callPorts(options), signer, locate: (text: string) => resolve(text), registry: noRegistry };
  return sealFlow({ ...asked, root: resolve(path), failOn, version: VERSION }, ports);
}

/** What content would do when it is loaded; nothing is ever loaded. */
export async function scan(path: string, options: CallOptions = {}): Promise<ArtifactScan> {
  const { files, progress, signal } = callPorts(options);
  return scanArtifact(await files.walk(resolve(path), { bookkeeping: 'scanned' }), {
    files,
    progress,
    signal: signal ?? new AbortController().signal,
  });
}

/** Formats, tensors, parameters and what the files claim of themselves. */
export async function inspect(path: string): Promise<InspectOutcome> {
  return inspectPath(resolve(path), { files: createFiles() }, {});
}

/** Digests of whole files, in their order. @throws WeighmarkError `not-found`, `unreadable`, `file-changed`, `interrupted`. */
export async function hash(
  paths: readonly string[],
  algorithms: readonly HashAlgorithm[] = ['blake3'],
  options: CallOptions = {},
): Promise<readonly HashResult[]> {
  const files = createFiles();
  const trees = await Promise.all(paths.map((path) => files.walk(resolve(path))));
  const entries = trees.flatMap((tree) => tree.entries);
  if (trees.some(({ kind }) => kind === 'directory'))
    throw new WeighmarkError('usage', 'hash takes files; a folder has an id: see `seal`');
  const hasher = await sharedHasher();
  return hasher.hash(entries, {
    algorithms,
    ...(options.jobs === undefined ? {} : { jobs: options.jobs }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** A signer from a private key file (PEM: P-256, P-384, P-521). @throws WeighmarkError `key-unusable`, `password-wrong`. */
export async function keySigner(keyFile: string, password: string | null = null): Promise<ClaimSigner> {
  const { keySigner: open } = await import('./adapters/keys/signer.ts');
  return open(createFiles(), { keyFile: resolve(keyFile), password: async () => password });
}

const { version: VERSION } = createRequire(import.meta.url)('../package.json') as { version: string };

/** One kernel a process: it is code, not state. */
let hasherMade: Promise<Hasher> | undefined;
const sharedHasher = (): Promise<Hasher> => (hasherMade ??= createHasher());

async function keyless(): Promise<KeylessVerifier> {
  const { createUserVerifier } = await import('./adapters/sigstore/index.ts');
  return createUserVerifier(createFiles(), {});
}

async function noRegistry(): Promise<never> {
  throw new WeighmarkError('usage', 'inputs are named by path or digest here');
}

function callPorts(options: CallOptions) {
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
