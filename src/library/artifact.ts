import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Step } from '../domain/claims/predicates.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { HashAlgorithm } from '../domain/digest/algorithm.ts';
import type { HashResult } from '../domain/ports/hasher.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { ClaimSigner } from '../domain/ports/signing.ts';
import type { ScanFinding, Severity } from '../domain/scan/types.ts';
import { scanArtifact, type ArtifactScan } from '../flows/content/scan.ts';
import { inspectPath, type InspectOutcome } from '../flows/describe/inspect.ts';
import type { AttestOutcome } from '../flows/sign/attest.ts';
import type { KeygenOutcome } from '../flows/sign/keygen.ts';
import { seal as sealFlow, type SealOutcome } from '../flows/sign/seal.ts';
import type { SignOutcome } from '../flows/sign/sign.ts';
import type { ContentFile } from '../flows/verify/question.ts';
import type { VerifyOutcome } from '../flows/verify/types.ts';
import { verify as verifyFlow } from '../flows/verify/verify.ts';
import { callPorts, keyless, placesOf, sharedHasher, signalOf, VERSION, type CallOptions } from './ports.ts';

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
  const outcome = await verifyFlow({ ...asked, root: resolve(path), shown: path }, ports);
  return { ...outcome, files: outcome.files.map(plain) };
}

/** Of many files they are places in columns, which no copy and no JSON of them would show. */
function plain({ path, location, sizeBytes, digests }: ContentFile): ContentFile {
  return { path, location, sizeBytes, digests };
}

export interface SealOptions extends CallOptions {
  /** Makes the signatures; from `keySigner`, or the caller's own (a KMS, an HSM). */
  readonly signer: ClaimSigner;
  /** `NAME:VERSION`, signed with every claim. */
  readonly name?: string;
  /** Findings of this severity forbid sealing; default `high`. */
  readonly failOn?: Exclude<Severity, 'info'>;
  readonly allowSymlinks?: boolean;
  /** Where it came from, a URI; cited in the BOM. */
  readonly source?: string;
  /** What made it, from what: inputs are `ROLE=PATH`, `ROLE=sha256:…`, or names in `registry`; parameters are signed as given. */
  readonly step?: {
    readonly step: Step;
    readonly inputs: readonly string[];
    readonly parameters?: Readonly<Record<string, unknown>>;
  };
  /** Where inputs that are named as `NAME:TAG` are looked up. */
  readonly registry?: Registry;
}

/** Scans, describes and signs an artifact in one go. With findings, `outcome.written` is false and nothing was written. */
export async function seal(path: string, options: SealOptions): Promise<SealOutcome> {
  const { signal: _signal, onProgress: _onProgress, signer, failOn = 'high', step, registry, ...asked } = options;
  const ports = { ...callPorts(options), signer, ...placesOf(registry) };
  const made = step === undefined ? {} : { step: { ...step, parameters: step.parameters ?? {} } };
  return sealFlow({ ...asked, ...made, root: resolve(path), failOn, version: VERSION }, ports);
}

export interface SignOptions extends CallOptions {
  readonly signer: ClaimSigner;
  /** Where to write; default: `model.sig` inside the folder, `FILE.sig` beside the file. */
  readonly signature?: string;
  /** Paths of the artifact to leave out; the signature says so. */
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  /** Of the digests that are signed; default SHA-256, others are read by few. */
  readonly algorithm?: HashAlgorithm;
  /** Sign ranges of this many bytes, 1000 at least; empty files are then not covered. */
  readonly shardBytes?: number;
}

/**
 * The OpenSSF Model Signing signature alone; `seal` does it all. `sizeBytes` is of what is covered.
 * @throws WeighmarkError `not-found`, `empty-artifact`, `lfs-pointer`, `already-exists` for another signer's file, `usage`, and
 * what hashing and signing throw.
 */
export async function sign(path: string, options: SignOptions): Promise<SignOutcome> {
  const { sign: flow } = await import('../flows/sign/sign.ts');
  const { signal: _signal, onProgress: _onProgress, signer, signature, shardBytes, ...asked } = options;
  if (shardBytes !== undefined && !(Number.isSafeInteger(shardBytes) && shardBytes >= 1000))
    throw new WeighmarkError('usage', `ranges are of 1000 bytes at least, not ${shardBytes}`);
  const given = {
    ...(signature === undefined ? {} : { signature: resolve(signature) }),
    ...(shardBytes === undefined ? {} : { shardBytes }),
  };
  return flow({ ...asked, ...given, root: resolve(path) }, { ...callPorts(options), signer });
}

/** A finding with the file it is in; `file` is empty of what is about the artifact as a whole. */
export type FileFinding = ScanFinding & { readonly file: string };

export interface ScanOutcome extends Omit<ArtifactScan, 'findings'> {
  /** All of them, of every file and of the artifact. */
  readonly findings: readonly FileFinding[];
}

/** What content would do when it is loaded; nothing is ever loaded. */
export async function scan(path: string, options: CallOptions = {}): Promise<ScanOutcome> {
  const { files, progress } = callPorts(options);
  const scanned = await scanArtifact(await files.walk(resolve(path), { bookkeeping: 'scanned' }), {
    files,
    progress,
    signal: signalOf(options),
  });
  const own = scanned.findings.map((each) => ({ ...each, file: '' }));
  const ofFiles = scanned.files.flatMap((file) => file.findings.map((each) => ({ ...each, file: file.path })));
  return { ...scanned, findings: [...own, ...ofFiles] };
}

/** Formats, tensors, parameters and what the files claim of themselves. */
export async function inspect(
  path: string,
  options: Pick<CallOptions, 'signal'> & { readonly allowSymlinks?: boolean } = {},
): Promise<InspectOutcome> {
  return inspectPath(resolve(path), { files: createFiles() }, options);
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
  const { keySigner: open } = await import('../adapters/keys/signer.ts');
  return open(createFiles(), { keyFile: resolve(keyFile), password: async () => password });
}

/** `NAME.key` and `NAME.pub` from a path without an ending; nothing is overwritten. @throws WeighmarkError `already-exists`, `write-refused`. */
export async function keygen(path: string, password: string | null = null): Promise<KeygenOutcome> {
  const [{ keygen: flow }, { generateKey }] = await Promise.all([
    import('../flows/sign/keygen.ts'),
    import('../adapters/keys/private-key.ts'),
  ]);
  return flow(
    { base: resolve(path), password },
    { files: createFiles(), signers: { generate: async (secret) => generateKey(secret) } },
  );
}

export interface AttestOptions extends CallOptions {
  readonly signer: ClaimSigner;
  /** As `weighmark attest --type`: `evaluation`, a step such as `train`, `dataset`, `bom`…, or a URI. */
  readonly type: string;
  /** The whole predicate; absent: it is made from the members below. */
  readonly predicate?: Readonly<Record<string, unknown>>;
  readonly step?: Step;
  /** `ROLE=REF`. */
  readonly inputs?: readonly string[];
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly metrics?: Readonly<Record<string, unknown>>;
  readonly result?: 'passed' | 'failed';
  readonly url?: string;
  readonly builder?: string;
  /** Paths of documents that describe the artifact. */
  readonly references?: readonly string[];
  /** NAME:VERSION in the claim. */
  readonly name?: string;
  /** Where to write it, instead of beside the artifact or into the registry. */
  readonly to?: string;
  /** Where `NAME:TAG` is looked up and the claim logged. */
  readonly registry?: Registry;
}

/**
 * Signs one more claim about a path or an artifact of the registry, checked against its type before.
 * @throws WeighmarkError `usage`, `claim-malformed`, `not-found`, and what hashing and signing throw.
 */
export async function attest(ref: string, options: AttestOptions): Promise<AttestOutcome> {
  const [{ attest: flow }, { claimTypeOf }] = await Promise.all([
    import('../flows/sign/attest.ts'),
    import('../domain/claims/attestations.ts'),
  ]);
  const { signal: _signal, onProgress: _progress, jobs: _jobs, signer, registry, type, to, ...given } = options;
  const { inputs = [], parameters = {}, metrics = {}, references = [], ...rest } = given;
  const made = { inputs, parameters, metrics, references: references.map((path) => resolve(path)) };
  const input = { ...rest, ...made, ref, type: claimTypeOf(type), ...(to === undefined ? {} : { to: resolve(to) }) };
  return flow(input, { ...callPorts(options), ...placesOf(registry), signer });
}
