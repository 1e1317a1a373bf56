import { ABSENT, type Actor } from '../domain/authority/actor.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { Registry } from '../domain/ports/registry.ts';
import { parseReference } from '../domain/registry/reference.ts';
import type { LogLeaf, LogQuery } from '../domain/tlog/leaf.ts';
import type { QuorumResult } from '../domain/tlog/quorum.ts';
import type { AboutIds, Integrated, LogHead, LogShown, ProvenEntry } from '../flows/registry/log.ts';
import { parsePolicy, requireLogOf } from './gate.ts';
import { keyless, placeIn, type CallOptions } from './ports.ts';

export interface LogAsked {
  /** `NAME`, `NAME:TAG`, `NAME@sha256:…` or `sha256:…`; absent: everything. */
  readonly about?: string;
  /** Only entries of a kind. */
  readonly kind?: LogLeaf['kind'];
}

export interface ShowLogOptions extends LogAsked {
  /** Only the newest so many. */
  readonly last?: number;
  /** By whom who is behind each entry is verified; absent: nobody is asked. */
  readonly trust?: readonly TrustEntry[];
  readonly timestampAuthorities?: readonly string[];
}

export interface ShownLog extends LogShown {
  /** Who is behind each entry, then behind each that waits; absent where no trust was given. */
  readonly actors?: readonly Actor[];
}

/**
 * What is logged, proven under the signed checkpoint; `pending` waits for the operator and is not. `root` is base64.
 * @throws WeighmarkError `log-invalid`, `log-key-mismatch`, `log-rollback`, `not-found`, `usage`, `network`.
 */
export async function showLog(registry: Registry, options: ShowLogOptions = {}): Promise<ShownLog> {
  const { showLog: flow } = await import('../flows/registry/log.ts');
  const { last, trust, timestampAuthorities = [] } = options;
  if (last !== undefined && !(Number.isSafeInteger(last) && last > 0))
    throw new WeighmarkError('usage', `${last} is not a number of entries`);
  const asked = await questionOf(registry, options);
  const shown = await flow(asked ?? (last === undefined ? {} : { last }), registry);
  const kept = { ...shown, entries: last === undefined ? shown.entries : shown.entries.slice(-last) };
  if (trust === undefined) return kept;
  const { actorsOf } = await import('../flows/watch/log-actors.ts');
  const leaves = [...kept.entries.map(({ leaf }) => leaf), ...kept.pending];
  const actors = await actorsOf(leaves, registry, { trust, timestampAuthorities, keyless, now: new Date() });
  return { ...kept, actors: leaves.map((_leaf, at) => actors[at] ?? ABSENT) };
}

/** A REF asks about one artifact by all its ids, a bare NAME about all of that name. Null: about everything. */
async function questionOf(
  registry: Registry,
  { about, kind }: LogAsked,
): Promise<(AboutIds & { query: LogQuery }) | null> {
  const ofKind = kind === undefined ? {} : { kind };
  if (about === undefined) return kind === undefined ? null : { query: ofKind };
  if (parseReference(about).kind === 'path') return { query: { name: about, ...ofKind } };
  const [{ artifactIn }, { name, id }] = await Promise.all([
    import('../flows/registry/known.ts'),
    placeIn(about, registry),
  ]);
  const ids = (await artifactIn(registry, name, id))?.ids ?? [];
  return { query: { name, ...ofKind }, ids: [id, ...ids] };
}

/**
 * Reads every tile of the log, proves them under the signed checkpoint and holds that against what was seen before.
 * @param witnessPolicy text of a C2SP tlog-policy whose quorum must have cosigned.
 * @throws WeighmarkError `log-invalid`, `log-key-mismatch`, `log-rollback`, `no-rollback-protection` with too few witnesses.
 */
export async function verifyLog(
  registry: Registry,
  witnessPolicy?: string,
): Promise<LogHead & { readonly quorum: QuorumResult | null }> {
  const { verifyLog: flow } = await import('../flows/registry/log.ts');
  return flow(witnessPolicy === undefined ? {} : { witnessPolicy }, registry);
}

export interface LoggedProof {
  readonly index: number;
  /** C2SP tlog-proof text: what `checkLogProof` reads, offline. */
  readonly proof: string;
  readonly leaf: LogLeaf;
}

/** The proof of one entry by its index, or of the newest that is asked for. @throws WeighmarkError `not-found`, `usage`. */
export async function proveLogged(registry: Registry, asked: number | LogAsked): Promise<LoggedProof> {
  const { proveLogged: flow } = await import('../flows/registry/log.ts');
  if (typeof asked !== 'number') return flow((await questionOf(registry, asked)) ?? { query: {} }, registry);
  if (!(Number.isSafeInteger(asked) && asked >= 0))
    throw new WeighmarkError('usage', `${asked} is no index of an entry`);
  return flow({ index: asked }, registry);
}

/**
 * Verifies the text of a proof offline, under the log's keys that the caller names.
 * @throws WeighmarkError `trust-missing` without a key, `log-key-mismatch`, `log-invalid`, `no-rollback-protection`.
 */
export async function checkLogProof(
  proof: string,
  trust: { readonly vkeys: readonly string[]; readonly witnessPolicy?: string },
): Promise<ProvenEntry> {
  const { verifyProofFile } = await import('../flows/registry/log.ts');
  return verifyProofFile(proof, trust);
}

export interface IntegrateOptions extends CallOptions {
  /** Who may promote and revoke, as YAML; absent: pushes and claims alone are admitted. */
  readonly policy?: string | Uint8Array;
  /** Text of a C2SP tlog-policy; its witnesses with a URL are asked. */
  readonly witnessPolicy?: string;
}

/**
 * For the log's operator: logs what waits and the door admits, and asks witnesses. `kept` waits on, `swept` was nobody's; a
 * `quorum` that is not met is what the command ends with 4 for.
 * @throws WeighmarkError `key-unusable` without the log's key, `policy-invalid`, `log-key-mismatch` under another log's policy.
 */
export async function integrate(registry: Registry, options: IntegrateOptions = {}): Promise<Integrated> {
  const [{ integrateLog }, { doorOf }, { followTags }] = await Promise.all([
    import('../flows/registry/log.ts'),
    import('../flows/registry/door.ts'),
    import('../flows/registry/integrating.ts'),
  ]);
  const { policy: text, witnessPolicy } = options;
  const policy = text === undefined ? null : await parsePolicy(text);
  if (policy !== null) requireLogOf(policy, registry);
  const verification = { keyless, now: new Date(), timestampAuthorities: policy?.timestampAuthorities ?? [] };
  const asked = {
    door: doorOf({ policy, verification }, registry),
    ...(witnessPolicy === undefined ? {} : { witnessPolicy }),
  };
  const integrated = await integrateLog(asked, registry);
  await followTags(integrated.added, registry);
  return integrated;
}
