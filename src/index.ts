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
import type { ScanFinding, Severity } from './domain/scan/types.ts';
import { inspectPath, type InspectOutcome } from './flows/describe/inspect.ts';
import { scanArtifact, type ArtifactScan } from './flows/content/scan.ts';
import { seal as sealFlow, type SealOutcome } from './flows/sign/seal.ts';
import { verify as verifyFlow } from './flows/verify/verify.ts';
import type { ContentFile } from './flows/verify/question.ts';
import type { VerifyOutcome } from './flows/verify/types.ts';
import type { Policy } from './domain/authority/types.ts';
import type { Advice } from './domain/policy/advice.ts';
import type { Step } from './domain/claims/predicates.ts';
import type { NewRegistry, Registry } from './domain/ports/registry.ts';
import type { VersionMemory } from './domain/ports/trust.ts';
import type { Verdict } from './domain/base/verdict.ts';
import { initRegistry as initFlow, openRegistry as openFlow } from './adapters/registries/index.ts';
import type { ApprovalView, ApproveOutcome } from './flows/gate/approve.ts';
import type { GatePorts } from './flows/gate/gate.ts';
import type { LineageOutcome } from './flows/gate/lineage.ts';
import type { PromoteOutcome } from './flows/gate/promote.ts';
import type { RevokeOutcome } from './flows/gate/revoke.ts';
import type { RollbackOutcome } from './flows/gate/rollback.ts';
import type { AttestOutcome } from './flows/sign/attest.ts';
import type { KeygenOutcome } from './flows/sign/keygen.ts';
import type { Report } from './flows/watch/report.ts';
import type { PullOutcome } from './flows/registry/pull.ts';
import type { PushOutcome } from './flows/registry/push.ts';
import type { AuditOutcome } from './flows/watch/audit.ts';

export { CODES, WeighmarkError, type Code, type ErrorDetail, type ExitCode } from './domain/base/errors.ts';
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
export type { NewRegistry, Policy, Registry, Step };
export type { ArtifactScan, InspectOutcome, LineageOutcome, PromoteOutcome, PushOutcome, SealOutcome, VerifyOutcome };
export type { Advice, AttestOutcome, KeygenOutcome, Report };
export type { ApprovalView, ApproveOutcome, AuditOutcome, PullOutcome, RevokeOutcome, RollbackOutcome };

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
  const outcome = await verifyFlow({ ...asked, root: resolve(path), shown: path }, ports);
  // Of many files they are places in columns, which no copy and no JSON of them would show.
  const plain = ({ path: file, location, sizeBytes, digests }: ContentFile): ContentFile => ({
    path: file,
    location,
    sizeBytes,
    digests,
  });
  return { ...outcome, files: outcome.files.map(plain) };
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

/** A finding with the file it is in; `file` is empty of what is about the artifact as a whole. */
export type FileFinding = ScanFinding & { readonly file: string };

export interface ScanOutcome extends Omit<ArtifactScan, 'findings'> {
  /** All of them, of every file and of the artifact. */
  readonly findings: readonly FileFinding[];
}

/** What content would do when it is loaded; nothing is ever loaded. */
export async function scan(path: string, options: CallOptions = {}): Promise<ScanOutcome> {
  const { files, progress, signal } = callPorts(options);
  const scanned = await scanArtifact(await files.walk(resolve(path), { bookkeeping: 'scanned' }), {
    files,
    progress,
    signal: signal ?? new AbortController().signal,
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
  const { keySigner: open } = await import('./adapters/keys/signer.ts');
  return open(createFiles(), { keyFile: resolve(keyFile), password: async () => password });
}

/** `NAME.key` and `NAME.pub` from a path without an ending; nothing is overwritten. @throws WeighmarkError `already-exists`, `write-refused`. */
export async function keygen(path: string, password: string | null = null): Promise<KeygenOutcome> {
  const [{ keygen: flow }, { generateKey }] = await Promise.all([
    import('./flows/sign/keygen.ts'),
    import('./adapters/keys/private-key.ts'),
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
    import('./flows/sign/attest.ts'),
    import('./domain/claims/attestations.ts'),
  ]);
  const { signal: _signal, onProgress: _progress, jobs: _jobs, signer, registry, type, to, ...given } = options;
  const { inputs = [], parameters = {}, metrics = {}, references = [], ...rest } = given;
  const made = { inputs, parameters, metrics, references: references.map((path) => resolve(path)) };
  const input = { ...rest, ...made, ref, type: claimTypeOf(type), ...(to === undefined ? {} : { to: resolve(to) }) };
  return flow(input, { ...callPorts(options), ...placesOf(registry), signer });
}

export interface RegistryOptions {
  /** Private key of the log, for calls that add to it; default: the user's own, where `env` says. */
  readonly logKeyFile?: string;
  /** Verifier keys the log must have. */
  readonly logVkeys?: readonly string[];
  /**
   * What a command takes from its environment: where state and keys lie (HOME, XDG_*), credentials, proxies. Default: nothing,
   * and nothing is remembered: a log that was rolled back cannot be noticed. `process.env` is what the command has.
   */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly offline?: boolean;
  readonly signal?: AbortSignal;
}

/** A folder, or `oci://host/prefix`. @throws WeighmarkError `not-found`, `name-invalid`, `log-key-mismatch`, `network`. */
export async function openRegistry(location: string, options: RegistryOptions = {}): Promise<Registry> {
  return openFlow(location, { ...options, env: options.env ?? {} });
}

/**
 * Makes an empty registry and the key of its log, which stays outside it. @returns where both are, and the log's verifier keys.
 * @throws WeighmarkError `already-exists`, `name-invalid`, `write-refused`.
 */
export async function initRegistry(
  location: string,
  options: RegistryOptions & { readonly origin?: string } = {},
): Promise<NewRegistry> {
  const { env = {}, origin, logKeyFile, ...rest } = options;
  const made = { ...(origin === undefined ? {} : { origin }), ...(logKeyFile === undefined ? {} : { logKeyFile }) };
  return initFlow(location, made, { ...rest, env });
}

/**
 * Stores an artifact with its claims and logs it. A repeat changes nothing.
 * @param as `NAME:TAG`; absent: what its claims were signed for.
 * @throws WeighmarkError `digest-mismatch`, `name-invalid`, `key-unusable` without the log's key, and what hashing throws.
 */
export async function push(
  path: string,
  registry: Registry,
  options: CallOptions & { readonly as?: string } = {},
): Promise<PushOutcome> {
  const { push: flow } = await import('./flows/registry/push.ts');
  const { as, jobs } = options;
  const input = { ...(as === undefined ? {} : { as }), ...(jobs === undefined ? {} : { jobs }) };
  return flow({ ...input, root: resolve(path) }, callPorts(options), registry);
}

/** A policy from its YAML. @throws WeighmarkError `policy-invalid` with every problem in `facts`, `limit-exceeded`. */
export async function parsePolicy(yaml: string | Uint8Array): Promise<Policy> {
  const { parsePolicy: parse } = await import('./domain/policy/parse.ts');
  return parse(typeof yaml === 'string' ? Buffer.from(yaml) : yaml);
}

/** What a valid policy leaves open; `never` where an environment can never be entered. */
export async function lintPolicy(policy: Policy, now: Date = new Date()): Promise<readonly Advice[]> {
  const { lintPolicy: lint } = await import('./domain/policy/lint.ts');
  return lint(policy, now);
}

export interface GateOptions extends CallOptions {
  readonly registry: Registry;
  /** The policy's YAML: a promotion keeps its very bytes for the auditor. */
  readonly policy: string | Uint8Array;
  readonly name: string;
  /** Tag, or `sha256:…`. */
  readonly reference: string;
  /** PEM chains of RFC 3161 authorities to believe besides the policy's. */
  readonly timestampAuthorities?: readonly string[];
  /** Where the versions of revocation snapshots are remembered; absent: for as long as the call takes. */
  readonly stateFolder?: string;
}

export interface PromoteOptions extends GateOptions {
  readonly environment: string;
  readonly signer: ClaimSigner;
  /** Decide, and sign nothing. */
  readonly dryRun?: boolean;
  /** Which principal signs, where several may. */
  readonly as?: string;
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: { readonly size: number; readonly root: string };
}

/**
 * Verifies everything, asks the policy, and only if all of it holds signs and logs the promotion. A refusal is in
 * `outcome.verdict`, with every reason. @throws WeighmarkError `policy-invalid`, `not-found`, `usage`, and what signing throws.
 */
export async function promote(options: PromoteOptions): Promise<PromoteOutcome> {
  const { promote: flow } = await import('./flows/gate/promote.ts');
  const { environment, signer, dryRun, as, pinned } = options;
  const asked = await gateInput(options);
  const given = {
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(as === undefined ? {} : { as }),
    ...(pinned === undefined ? {} : { pinned }),
  };
  const work = { registry: await writing(options.registry, asked.policy), signer: async () => signer };
  return flow({ ...asked, ...given, environment }, await gatePorts(options), work);
}

export interface ApproveOptions extends Omit<PromoteOptions, 'dryRun'> {
  /** Asked once, with the id, what was verified and what is still missing. Only `true` signs. */
  readonly confirm: (view: ApprovalView) => Promise<boolean>;
}

/**
 * Shows what would be approved, asks, then signs and logs the id, never a tag. What no approval is for (revoked, changed, a log
 * of unknown age) is not asked: `outcome.asked` is false. @throws as `promote`.
 */
export async function approve(options: ApproveOptions): Promise<ApproveOutcome> {
  const { approve: flow } = await import('./flows/gate/approve.ts');
  const { environment, signer, as, pinned, confirm } = options;
  const { policyBytes: _bytes, ...asked } = await gateInput(options);
  const given = { ...(as === undefined ? {} : { as }), ...(pinned === undefined ? {} : { pinned }) };
  const registry = await writing(options.registry, asked.policy);
  return flow({ ...asked, ...given, environment }, await gatePorts(options), {
    registry,
    signer: async () => signer,
    confirm,
  });
}

export interface RollbackOptions extends Omit<PromoteOptions, 'dryRun' | 'reference'> {
  /** Tag or digest to go back to; `null`: nothing is promoted; absent: what was promoted before. */
  readonly to?: string | null;
}

/**
 * Back to an id that was promoted there before, or to nothing; never to one that is revoked.
 * @throws WeighmarkError `not-promoted` if there is nothing to go back from or to, and as `promote`.
 */
export async function rollback(options: RollbackOptions): Promise<RollbackOutcome> {
  const { rollback: flow } = await import('./flows/gate/rollback.ts');
  const { name, environment, signer, as, pinned, to } = options;
  const { target: _target, ...asked } = await gateInput({ ...options, reference: '' });
  const given = {
    ...(as === undefined ? {} : { as }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(to === undefined ? {} : { to }),
  };
  const work = { registry: await writing(options.registry, asked.policy), signer: async () => signer };
  return flow({ ...asked, ...given, name, environment }, await gatePorts(options), work);
}

export interface RevokeOptions extends GateOptions {
  readonly signer: ClaimSigner;
  readonly reason: string;
  /** Lets it count again; takes as many revokers as the policy says. */
  readonly undo?: boolean;
}

/** Signs and logs that an artifact counts no longer. @throws WeighmarkError `wrong-signer` before anything is stored. */
export async function revoke(options: RevokeOptions): Promise<RevokeOutcome> {
  const { revoke: flow } = await import('./flows/gate/revoke.ts');
  const { name, reference, signer, reason, undo } = options;
  const { policy } = await gateInput(options);
  const registry = await writing(options.registry, policy);
  const id = await registry.resolve(name, reference);
  const target = { kind: 'artifact', sha256: id.slice('sha256:'.length) } as const;
  const action = undo === true ? 'reinstate' : 'revoke';
  const ports = { ...(await gatePorts(options)), registry, signer };
  return flow({ action, target, reason, artifact: { name, id }, policy }, ports);
}

export interface AuditOptions extends Omit<GateOptions, 'name' | 'reference'> {
  /** Default: all of the policy. */
  readonly environments?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: { readonly size: number; readonly root: string };
}

/** Everything promoted, looked at again: the log, each artifact's bytes, its claims, ages, revocations and rules. */
export async function audit(options: AuditOptions): Promise<AuditOutcome> {
  const { audit: flow } = await import('./flows/watch/audit.ts');
  const { environments, pinned, registry } = options;
  const { policy, timestampAuthorities } = await gateInput({ ...options, name: '', reference: '' });
  const given = {
    ...(environments === undefined ? {} : { environments }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(timestampAuthorities === undefined ? {} : { timestampAuthorities }),
  };
  return flow({ policy, ...given }, registry, await gatePorts(options));
}

export interface PullOptions extends CallOptions {
  readonly name: string;
  /** Tag, or `sha256:…`. */
  readonly reference: string;
  /** Only files that match; they replace their namesakes in a folder that is there. */
  readonly only?: string;
  /** Whose signatures count: what is pulled is verified before it gets its name; absent: only the digests are. */
  readonly trust?: readonly TrustEntry[];
}

/**
 * Brings an artifact out of a registry, every byte hashed as it is written, its files read-only. Nothing is at `folder` unless all
 * of it is right; a refusal is in `outcome.verdict`.
 * @throws WeighmarkError `digest-mismatch`, `already-exists`, `not-found`, `network`, `disk-full`.
 */
export async function pull(folder: string, registry: Registry, options: PullOptions): Promise<PullOutcome> {
  const [{ pull: flow }, { createStagings }] = await Promise.all([
    import('./flows/registry/pull.ts'),
    import('./adapters/staging.ts'),
  ]);
  const { name, reference, only, trust } = options;
  const gate = async (staged: { readonly root: string }): Promise<Verdict> =>
    (await verify(staged.root, { ...options, trust: trust ?? [] })).verdict;
  const input = {
    place: { name, reference },
    target: resolve(folder),
    ...(only === undefined ? {} : { only }),
    ...(trust === undefined ? {} : { gate }),
  };
  return flow(input, { ...callPorts(options), stagings: createStagings() }, registry);
}

/** What the policy says rule by rule, a verdict for each environment, or for the one asked. Nothing is signed or changed. */
export async function explain(options: GateOptions & { readonly environment?: string }): Promise<readonly Verdict[]> {
  const { explain: flow } = await import('./flows/gate/policy-explain.ts');
  const environment = options.environment === undefined ? {} : { environment: options.environment };
  return flow({ ...(await gateInput(options)), ...environment }, options.registry, await gatePorts(options));
}

/** The verified ancestry, judged by the policy's roles. */
export async function lineage(options: GateOptions): Promise<LineageOutcome> {
  const { lineage: flow } = await import('./flows/gate/lineage.ts');
  const { name, reference, registry, timestampAuthorities = [] } = options;
  const { policy } = await gateInput(options);
  const place = { kind: 'registry' as const, name, reference, registry };
  const ports = { ...(await gatePorts(options)), ...callPorts(options), ...placesOf(registry), trust: async () => [] };
  return flow({ shown: `${name}@${reference}`, place, policy, environment: null, timestampAuthorities }, ports);
}

export interface ReportOptions extends GateOptions {
  /** Judged by this environment. */
  readonly environment?: string;
  /** RFC 3339: what was promoted to the environment at that moment. */
  readonly at?: string;
}

/** The evidence of `weighmark report`, as data: read back and verified in this call, claimed told apart from verified. */
export async function report(options: ReportOptions): Promise<Report> {
  const { report: flow } = await import('./flows/watch/report.ts');
  const { name, reference, registry, environment = null, at = null, timestampAuthorities = [] } = options;
  const { policy } = await gateInput(options);
  const ports = { ...(await gatePorts(options)), ...callPorts(options), ...placesOf(registry), trust: async () => [] };
  return flow({ name, reference, policy, environment, at, timestampAuthorities }, ports, registry);
}

/**
 * Whose signatures count by a trust store: what `weighmark trust add` wrote. @param file default: the user's own, by `env`.
 * @throws WeighmarkError `trust-invalid`, `trust-unavailable` where the file named is not there.
 */
export async function trustStore(
  file: string | { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<readonly TrustEntry[]> {
  const { createUserTrustStore } = await import('./adapters/trust-store/index.ts');
  const env = typeof file === 'string' ? { WEIGHMARK_TRUST: resolve(file) } : file.env;
  return (await createUserTrustStore(createFiles(), { env, cwd: process.cwd(), options: { offline: true } }).read())
    .entries;
}

type Asked = Pick<GateOptions, 'policy' | 'name' | 'reference' | 'timestampAuthorities'>;

async function gateInput({ policy: text, name, reference, timestampAuthorities }: Asked) {
  const policyBytes = typeof text === 'string' ? Buffer.from(text) : text;
  const authorities = timestampAuthorities === undefined ? {} : { timestampAuthorities };
  return { policy: await parsePolicy(policyBytes), policyBytes, target: { name, reference }, ...authorities };
}

async function gatePorts(options: CallOptions & Pick<GateOptions, 'stateFolder'>): Promise<GatePorts> {
  const { files: _files, ...ports } = callPorts(options);
  return { ...ports, keyless, versions: await versionsOf(options.stateFolder) };
}

async function versionsOf(stateFolder: string | undefined): Promise<VersionMemory> {
  if (stateFolder !== undefined) {
    const { createVersionMemory } = await import('./adapters/version-memory.ts');
    return createVersionMemory(createFiles(), resolve(stateFolder));
  }
  const seen = new Map<string, number>();
  return {
    highest: async (line) => seen.get(line) ?? null,
    remember: async (line, version) => void seen.set(line, Math.max(version, seen.get(line) ?? 0)),
    keptIn: () => 'nowhere',
  };
}

/** Who has the log's key integrates by promoting, as the command does. */
async function writing(registry: Registry, policy: Policy): Promise<Registry> {
  if (policy.log?.witnesses !== undefined) return registry;
  const [{ integrating }, { doorOf }] = await Promise.all([
    import('./flows/registry/integrating.ts'),
    import('./flows/registry/door.ts'),
  ]);
  const verification = { keyless, now: new Date(), timestampAuthorities: policy.timestampAuthorities };
  return integrating(registry, (own) => doorOf({ policy, verification }, own));
}

function placesOf(registry: Registry | undefined) {
  return {
    locate: (text: string) => resolve(text),
    registry: registry === undefined ? noRegistry : async () => registry,
  };
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
  throw new WeighmarkError('usage', 'inputs are named by path or digest here, or give a `registry`');
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
