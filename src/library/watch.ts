import { resolve } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { TrustEntry } from '../domain/claims/types.ts';
import type { Registry } from '../domain/ports/registry.ts';
import { parseReference } from '../domain/registry/reference.ts';
import type { AuditOutcome } from '../flows/watch/audit.ts';
import type { RecordImpact } from '../flows/watch/impact-record.ts';
import type { WeightsImpact } from '../flows/watch/impact-weights.ts';
import type { ImpactOutcome } from '../flows/watch/impact.ts';
import type { Report } from '../flows/watch/report.ts';
import { gateInput, gatePorts, parsePolicy, requireLogOf, type GateOptions } from './gate.ts';
import { callPorts, keyless, placeIn, placesOf, weighPorts, type CallOptions } from './ports.ts';

export interface AuditOptions extends Omit<GateOptions, 'name' | 'reference'> {
  /** Default: all of the policy. */
  readonly environments?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: { readonly size: number; readonly root: string };
}

/** Everything promoted, looked at again: the log, each artifact's bytes, its claims, ages, revocations and rules. */
export async function audit(options: AuditOptions): Promise<AuditOutcome> {
  const { audit: flow } = await import('../flows/watch/audit.ts');
  const { environments, pinned, registry } = options;
  const { policy, timestampAuthorities } = await gateInput({ ...options, name: '', reference: '' });
  const given = {
    ...(environments === undefined ? {} : { environments }),
    ...(pinned === undefined ? {} : { pinned }),
    ...(timestampAuthorities === undefined ? {} : { timestampAuthorities }),
  };
  return flow({ policy, ...given }, registry, await gatePorts(options));
}

export interface ReportOptions extends GateOptions {
  /** Judged by this environment. */
  readonly environment?: string;
  /** RFC 3339: what was promoted to the environment at that moment. */
  readonly at?: string;
}

/** The evidence of `weighmark report`, as data: read back and verified in this call, claimed told apart from verified. */
export async function report(options: ReportOptions): Promise<Report> {
  const { report: flow } = await import('../flows/watch/report.ts');
  const { name, reference, registry, environment = null, at = null, timestampAuthorities = [] } = options;
  const { policy } = await gateInput(options);
  const ports = { ...(await gatePorts(options)), ...callPorts(options), ...placesOf(registry), trust: async () => [] };
  return flow({ name, reference, policy, environment, at, timestampAuthorities }, ports, registry);
}

export interface ImpactOptions extends CallOptions {
  readonly registry: Registry;
  /** Whose provenance counts: these people's, or a policy's. Neither, or nobody, is refused: nothing would be found. */
  readonly trust?: readonly TrustEntry[];
  readonly policy?: string | Uint8Array;
  readonly timestampAuthorities?: readonly string[];
}

/**
 * Everything in the registry that was made from an artifact, however far down, and where it is promoted.
 * @param ref a path, `NAME:TAG`, `NAME@sha256:…`, or `sha256:…` of an artifact or a file, which need not be in the registry.
 * @throws WeighmarkError `trust-missing`, `policy-invalid`, `log-key-mismatch`, `not-found`, `usage`, and what hashing a path throws.
 */
export async function impact(ref: string, options: ImpactOptions): Promise<ImpactOutcome> {
  const [{ impact: flow }, { idOf }] = await Promise.all([
    import('../flows/watch/impact.ts'),
    import('../flows/registry/resolve-inputs.ts'),
  ]);
  const { registry } = options;
  const trusted = await trustOf(options);
  const byItself = ['path', 'digest'].includes(parseReference(ref).kind);
  const id = byItself
    ? await idOf(ref, { ...callPorts(options), ...placesOf(registry) })
    : (await placeIn(ref, registry)).id;
  return flow({ digest: id.slice('sha256:'.length), ...trusted }, registry, callPortsOfImpact(options));
}

/**
 * Which sealed versions have these weights, whatever the container, and what was made from those. Versions whose list cannot be
 * read are in `weights.unexamined`, and the answer is then open: the command ends with 4.
 * @param weights a root or a tensor, `blake3:…` (64 hex digits), or a path, whose weights are read whole.
 * @throws WeighmarkError `trust-missing`, `policy-invalid`, `usage`, `not-found` without weights, `scan-incomplete`.
 */
export async function impactOfWeights(weights: string, options: ImpactOptions): Promise<WeightsImpact> {
  const [{ impactOfWeights: flow }, { weightsAsked }] = await Promise.all([
    import('../flows/watch/impact-weights.ts'),
    import('../flows/describe/weights-asked.ts'),
  ]);
  const trusted = await trustOf(options);
  const ports = { ...weighPorts(options), files: callPorts(options).files, locate: (path: string) => resolve(path) };
  const wanted = await weightsAsked(weights, ports);
  return flow({ wanted, ...trusted }, options.registry, callPortsOfImpact(options));
}

/**
 * Which versions of a dataset hold one record, and what was made from those. Files that could hold it all the same are in
 * `record.unexamined`, and the answer is then open: the command ends with 4.
 * @param ref `NAME:TAG`, `NAME@sha256:…` or `sha256:…`: every version of the name is read.
 * @param record JSON or a line as it stands in its file; `sha256:…` of that, or `blake3:…` of the record, where it must not be told.
 * @throws WeighmarkError `trust-missing`, `policy-invalid`, `usage` for a path or more than a line, `not-found`.
 */
export async function impactOfRecord(ref: string, record: string, options: ImpactOptions): Promise<RecordImpact> {
  const [{ impactOfRecord: flow }, { recordAsked }, { createWasmKernel }] = await Promise.all([
    import('../flows/watch/impact-record.ts'),
    import('../flows/watch/record-asked.ts'),
    import('../adapters/records/wasm-kernel.ts'),
  ]);
  const trusted = await trustOf(options);
  const { registry, name, id } = await placeIn(ref, options.registry);
  const { clock } = callPortsOfImpact(options);
  const ports = { clock, keyless, hasher: createWasmKernel() };
  return flow({ name, id, ...recordAsked(record), ...trusted }, registry, ports);
}

function callPortsOfImpact(options: CallOptions) {
  const { clock, hasher } = callPorts(options);
  return { clock, hasher, keyless };
}

async function trustOf({ registry, trust = [], policy: text, timestampAuthorities = [] }: ImpactOptions) {
  const policy = text === undefined ? null : await parsePolicy(text);
  if (policy !== null) requireLogOf(policy, registry);
  const { policyHearing } = await import('../domain/authority/authority.ts');
  const trusted = policy === null ? trust : policyHearing(policy);
  if (trusted.length === 0)
    throw new WeighmarkError('trust-missing', 'nobody is trusted to say what was made from what');
  return { trust: trusted, timestampAuthorities: [...(policy?.timestampAuthorities ?? []), ...timestampAuthorities] };
}
