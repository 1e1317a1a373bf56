import { resolve } from 'node:path';
import { initRegistry as initFlow, openRegistry as openFlow } from '../adapters/registries/index.ts';
import type { Verdict } from '../domain/base/verdict.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { NewRegistry, Registry } from '../domain/ports/registry.ts';
import type { PullOutcome } from '../flows/registry/pull.ts';
import type { PushOutcome } from '../flows/registry/push.ts';
import { verify } from './artifact.ts';
import { callPorts, type CallOptions } from './ports.ts';

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
