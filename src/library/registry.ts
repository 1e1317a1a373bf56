import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { initRegistry as initFlow, openRegistry as openFlow } from '../adapters/registries/index.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Finding, Verdict } from '../domain/base/verdict.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { Collected, NewRegistry, Registry, RegistryEntry } from '../domain/ports/registry.ts';
import type { CopyOutcome } from '../flows/registry/copy.ts';
import type { PullOutcome } from '../flows/registry/pull.ts';
import type { PushOutcome } from '../flows/registry/push.ts';
import { verify } from './artifact.ts';
import type { Pushed } from '../flows/watch/pushes.ts';
import { writing } from './gate.ts';
import { callPorts, keyless, placeIn, type CallOptions } from './ports.ts';

export interface RegistryOptions {
  /** Private key of the log, for calls that add to it; default: the user's own, where `env` says. */
  readonly logKeyFile?: string;
  /** Verifier keys the log must have. */
  readonly logVkeys?: readonly string[];
  /**
   * What a command takes from its environment: where state and keys lie (HOME, XDG_*), credentials, proxies. Default: nothing but
   * the home folder of this process's user: the state of a log that was seen, and its keys, are remembered there as the commands do, so
   * that a log that was rolled back is noticed. `process.env` is what the command has.
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
  const { push: flow } = await import('../flows/registry/push.ts');
  const { as, jobs } = options;
  const input = { ...(as === undefined ? {} : { as }), ...(jobs === undefined ? {} : { jobs }) };
  return flow({ ...input, root: resolve(path) }, callPorts(options), registry);
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
    import('../flows/registry/pull.ts'),
    import('../adapters/staging.ts'),
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

export interface ListOptions extends CallOptions {
  /** Only this name. */
  readonly name?: string;
  /** By whom who-pushed-what is verified; absent: names, ids and tags alone, and no log is read. */
  readonly trust?: readonly TrustEntry[];
  readonly timestampAuthorities?: readonly string[];
}

export interface Listed {
  readonly registry: string;
  readonly artifacts: readonly RegistryEntry[];
  /** Who pushed each and when, as far as that is proven; absent where no trust was given. */
  readonly pushes?: readonly Pushed[];
  /** Why nobody can say who pushed what; null if the log answers. */
  readonly problem?: Finding | null;
}

/** What a registry holds. A log that cannot be read is in `problem` and hides no artifact. @throws WeighmarkError `network`. */
export async function list(registry: Registry, options: ListOptions = {}): Promise<Listed> {
  const { name, trust, timestampAuthorities = [] } = options;
  const artifacts = (await registry.list()).filter((entry) => name === undefined || entry.name === name);
  if (trust === undefined) return { registry: registry.location, artifacts };
  const { pushesOf } = await import('../flows/watch/pushes.ts');
  const verification = { trust, timestampAuthorities, keyless, now: new Date() };
  return { registry: registry.location, artifacts, ...(await pushesOf(artifacts, registry, async () => verification)) };
}

/**
 * Takes an artifact to another registry with all that makes it verifiable there: ancestors, claims, proofs, every revocation the
 * source knows. Blobs are hashed on the way. An entry of `logged` whose `index` is null waits for the log's operator.
 * @param ref `NAME:TAG`, `NAME@sha256:…` or `sha256:…` of the source.
 * @throws WeighmarkError `not-found`, `digest-mismatch`, `usage` for a path, and what either registry throws.
 */
export async function copy(
  ref: string,
  between: { readonly source: Registry; readonly target: Registry },
  options: CallOptions = {},
): Promise<CopyOutcome> {
  const [{ copy: flow }, { createStagings }] = await Promise.all([
    import('../flows/registry/copy.ts'),
    import('../adapters/staging.ts'),
  ]);
  const { name, id } = await placeIn(ref, between.source);
  const { source, target } = between;
  const remote = target.location.startsWith('oci://');
  const scratch = remote ? join(tmpdir(), `weighmark-copy-${randomUUID()}`) : resolve(target.location, 'copying');
  const ports = { stagings: createStagings(), progress: callPorts(options).progress };
  return flow({ place: { name, reference: id }, scratch }, ports, { source, target: await writing(target, null) });
}

/**
 * Removes what interrupted writes left in a registry's folder; never what a manifest, a claim or the log names. Sizes are bytes.
 * @throws WeighmarkError `usage` for a remote registry.
 */
export async function collectGarbage(
  registry: Registry,
  { dryRun = false, olderThanHours = 24 }: { readonly dryRun?: boolean; readonly olderThanHours?: number } = {},
): Promise<Collected> {
  if (!(Number.isFinite(olderThanHours) && olderThanHours >= 0))
    throw new WeighmarkError('usage', `${olderThanHours} is not a number of hours`);
  return registry.collectGarbage({ dryRun, olderThanMs: olderThanHours * 3_600_000 });
}
