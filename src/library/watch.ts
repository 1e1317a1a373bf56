import type { AuditOutcome } from '../flows/watch/audit.ts';
import type { Report } from '../flows/watch/report.ts';
import { gateInput, gatePorts, type GateOptions } from './gate.ts';
import { callPorts, placesOf } from './ports.ts';

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
