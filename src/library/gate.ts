import { dirname, resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import type { Policy } from '../domain/authority/types.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Verdict } from '../domain/base/verdict.ts';
import type { Advice } from '../domain/policy/advice.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { ClaimSigner } from '../domain/ports/signing.ts';
import type { VersionMemory } from '../domain/ports/trust.ts';
import type { ApprovalView, ApproveOutcome } from '../flows/gate/approve.ts';
import type { GatePorts } from '../flows/gate/gate.ts';
import type { LineageOutcome } from '../flows/gate/lineage.ts';
import type { CaseResult } from '../flows/gate/policy-test.ts';
import type { Promotion } from '../flows/gate/promote-all.ts';
import type { PromoteOutcome } from '../flows/gate/promote.ts';
import type { RevokeOutcome } from '../flows/gate/revoke.ts';
import type { RollbackOutcome } from '../flows/gate/rollback.ts';
import { callPorts, keyless, placesOf, type CallOptions } from './ports.ts';

/** A policy from its YAML. @throws WeighmarkError `policy-invalid` with every problem in `facts`, `limit-exceeded`. */
export async function parsePolicy(yaml: string | Uint8Array): Promise<Policy> {
  const { parsePolicy: parse } = await import('../domain/policy/parse.ts');
  return parse(typeof yaml === 'string' ? Buffer.from(yaml) : yaml);
}

/** What a valid policy leaves open; `never` where an environment can never be entered. */
export async function lintPolicy(policy: Policy, now: Date = new Date()): Promise<readonly Advice[]> {
  const { lintPolicy: lint } = await import('../domain/policy/lint.ts');
  return lint(policy, now);
}

/**
 * Asks a policy about the cases of a file and compares with what each expects; `passed` says whether it came so.
 * @param cases a YAML file; claims that its cases name lie beside it.
 * @throws WeighmarkError `policy-invalid`, `not-found`, `claims-limit`, `usage` for a file without cases.
 */
export async function testPolicy(
  policy: Policy,
  cases: string,
  timestampAuthorities: readonly string[] = [],
): Promise<readonly CaseResult[]> {
  const { testPolicy: flow } = await import('../flows/gate/policy-test.ts');
  const file = resolve(cases);
  const input = { policy, cases: file, timestampAuthorities, locate: (path: string) => resolve(dirname(file), path) };
  const results = await flow(input, { files: createFiles(), keyless });
  if (results.length === 0) throw new WeighmarkError('usage', `${cases} has no cases`, { subject: cases });
  return results;
}

export interface GateOptions extends CallOptions {
  /** Refused with `log-key-mismatch` unless its log has the key that the policy names, if it names one. */
  readonly registry: Registry;
  /** The policy's YAML: a promotion keeps its very bytes for the auditor. */
  readonly policy: string | Uint8Array;
  readonly name: string;
  /** Tag, or `sha256:…`. */
  readonly reference: string;
  /** PEM chains of RFC 3161 authorities to believe besides the policy's. */
  readonly timestampAuthorities?: readonly string[];
  /**
   * Where the newest verified times and the versions of revocation snapshots are remembered, as the commands do in theirs; absent:
   * for as long as the call takes.
   */
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
  const { promote: flow } = await import('../flows/gate/promote.ts');
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

/**
 * Everything that is in an environment now, promoted again under this policy, each judged like any promotion. What holds already
 * is left alone, and one refusal keeps no other from being promoted: each has its own `result` and `verdict`.
 * @throws WeighmarkError `policy-invalid`, `usage` for an environment the policy has not, `log-invalid`.
 */
export async function promoteAll(options: Omit<PromoteOptions, 'name' | 'reference'>): Promise<readonly Promotion[]> {
  const { promoteAll: flow } = await import('../flows/gate/promote-all.ts');
  const { environment, signer, dryRun, as, pinned } = options;
  const { target: _target, ...asked } = await gateInput({ ...options, name: '', reference: '' });
  const given = { ...(as === undefined ? {} : { as }), ...(pinned === undefined ? {} : { pinned }) };
  const work = { registry: await writing(options.registry, asked.policy), signer: async () => signer };
  return flow({ ...asked, ...given, environment, dryRun: dryRun === true }, await gatePorts(options), work);
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
  const { approve: flow } = await import('../flows/gate/approve.ts');
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
  const { rollback: flow } = await import('../flows/gate/rollback.ts');
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
  const { revoke: flow } = await import('../flows/gate/revoke.ts');
  const { name, reference, signer, reason, undo } = options;
  const { policy } = await gateInput(options);
  const registry = await writing(options.registry, policy);
  const id = await registry.resolve(name, reference);
  const target = { kind: 'artifact', sha256: id.slice('sha256:'.length) } as const;
  const action = undo === true ? 'reinstate' : 'revoke';
  const ports = { ...(await gatePorts(options)), registry, signer };
  return flow({ action, target, reason, artifact: { name, id }, policy }, ports);
}

/** What the policy says rule by rule, a verdict for each environment, or for the one asked. Nothing is signed or changed. */
export async function explain(options: GateOptions & { readonly environment?: string }): Promise<readonly Verdict[]> {
  const { explain: flow } = await import('../flows/gate/policy-explain.ts');
  const environment = options.environment === undefined ? {} : { environment: options.environment };
  return flow({ ...(await gateInput(options)), ...environment }, options.registry, await gatePorts(options));
}

/** The verified ancestry, judged by the policy's roles. */
export async function lineage(options: GateOptions): Promise<LineageOutcome> {
  const { lineage: flow } = await import('../flows/gate/lineage.ts');
  const { name, reference, registry, timestampAuthorities = [] } = options;
  const { policy } = await gateInput(options);
  const place = { kind: 'registry' as const, name, reference, registry };
  const ports = { ...(await gatePorts(options)), ...callPorts(options), ...placesOf(registry), trust: async () => [] };
  return flow({ shown: `${name}@${reference}`, place, policy, environment: null, timestampAuthorities }, ports);
}

type Asked = Pick<GateOptions, 'policy' | 'name' | 'reference' | 'timestampAuthorities' | 'registry'>;

export async function gateInput({ policy: text, name, reference, timestampAuthorities, registry }: Asked) {
  const policyBytes = typeof text === 'string' ? Buffer.from(text) : text;
  const authorities = timestampAuthorities === undefined ? {} : { timestampAuthorities };
  const policy = await parsePolicy(policyBytes);
  requireLogOf(policy, registry);
  return { policy, policyBytes, target: { name, reference }, ...authorities };
}

/** The commands open a registry under the policy's log key; here the caller opened it, perhaps under what it says of itself. */
export function requireLogOf({ log }: Policy, registry: Registry): void {
  if (log === undefined || registry.log.vkeys.includes(log.key)) return;
  throw new WeighmarkError('log-key-mismatch', "the registry's log is not the one that the policy names", {
    subject: registry.log.origin,
    facts: { policy: log.key, registry: registry.log.vkeys.join(' ') || 'none' },
  });
}

export async function gatePorts(options: CallOptions & Pick<GateOptions, 'stateFolder'>): Promise<GatePorts> {
  const { files: _files, ...ports } = callPorts(options);
  const { stateFolder } = options;
  return {
    ...ports,
    keyless,
    ...(stateFolder === undefined ? { versions: forgotten() } : await remembered(stateFolder)),
  };
}

/** What the commands remember of a policy's log, in a folder of the caller's. */
async function remembered(stateFolder: string): Promise<Required<Pick<GatePorts, 'versions' | 'times'>>> {
  const [{ createVersionMemory }, { createTimeMemory }] = await Promise.all([
    import('../adapters/version-memory.ts'),
    import('../adapters/time-memory.ts'),
  ]);
  const [files, folder] = [createFiles(), resolve(stateFolder)];
  return { versions: createVersionMemory(files, folder), times: createTimeMemory(files, folder) };
}

function forgotten(): VersionMemory {
  const seen = new Map<string, number>();
  return {
    highest: async (line) => seen.get(line) ?? null,
    remember: async (line, version) => void seen.set(line, Math.max(version, seen.get(line) ?? 0)),
    keptIn: () => 'nowhere',
  };
}

/** Who has the log's key integrates by adding to it, as the commands do. */
export async function writing(registry: Registry, policy: Policy | null): Promise<Registry> {
  if (policy?.log?.witnesses !== undefined) return registry;
  const [{ integrating }, { doorOf }] = await Promise.all([
    import('../flows/registry/integrating.ts'),
    import('../flows/registry/door.ts'),
  ]);
  const verification = { keyless, now: new Date(), timestampAuthorities: policy?.timestampAuthorities ?? [] };
  return integrating(registry, (own) => doorOf({ policy, verification }, own));
}
