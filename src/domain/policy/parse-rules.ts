import { predicateType } from './parse-role.ts';
import type { RawEnvironment, RawException, RawLeaf, RawLog } from './raw.ts';
import {
  APPROVER_ROLE,
  REINSTATE,
  type AcceptedPolicy,
  type Environment,
  type Exception,
  type LogRule,
  type RequiredClaim,
  type Suppression,
  type TrustedLeaf,
} from '../authority/types.ts';
import { LIMITS } from '../base/limits.ts';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `30d` in milliseconds; the schema has checked its form. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * UNIT_MS[text.at(-1) as keyof typeof UNIT_MS];
}

/** A day alone means its first instant, UTC. */
export function timeOf(text: string): string {
  return text.includes('T') ? text : `${text}T00:00:00Z`;
}

export function environmentOf(raw: RawEnvironment): Environment {
  const { name, after, licences, datasets, formats, closure, removedRecords, workerDigests, bom, maxAge } = raw;
  return {
    name,
    require: (raw.require ?? []).map(requiredOf),
    separation: raw.separation ?? [],
    lineage: lineageOf(raw.lineage ?? {}),
    assert: raw.assert ?? [],
    ...given({
      after,
      licences,
      datasets: datasetsOf(datasets),
      formats,
      closure,
      removedRecords,
      workerDigests,
      bom,
      maxAgeMs: optionalMs(maxAge),
    }),
    ...given({
      approvals: approvalsOf(raw.approvals),
      derivation: derivationOf(raw.derivation),
      scan: scanOf(raw.scan),
      revocations: revocationsOf(raw.revocations),
    }),
  };
}

export function acceptedOf({ digest, until }: AcceptedPolicy): AcceptedPolicy {
  return { digest, until: timeOf(until) };
}

export function leafOf(raw: RawLeaf): TrustedLeaf {
  return { ...raw, expires: timeOf(raw.expires) };
}

export function exceptionOf(raw: RawException): Exception {
  return { ...raw, expires: timeOf(raw.expires) };
}

export function suppressionOf(raw: Suppression): Suppression {
  return { ...raw, expires: timeOf(raw.expires) };
}

export function logOf(raw: RawLog): LogRule {
  return { key: raw.key, ...given({ witnesses: raw.witnesses, maxAgeMs: optionalMs(raw.maxAge) }) };
}

function requiredOf(raw: NonNullable<RawEnvironment['require']>[number]): RequiredClaim {
  const { claim, role, maxAge, where } = typeof raw === 'string' ? { claim: raw } : raw;
  return { predicateType: predicateType(claim), label: claim, ...given({ role, where, maxAgeMs: optionalMs(maxAge) }) };
}

function datasetsOf(raw: RawEnvironment['datasets']): Environment['datasets'] {
  if (raw === undefined) return undefined;
  return given({ licences: raw.licences, require: raw.require?.map(requiredOf) });
}

function lineageOf(raw: NonNullable<RawEnvironment['lineage']>): Environment['lineage'] {
  return {
    required: raw.required ?? true,
    maxDepth: raw.maxDepth ?? LIMITS.lineageDepth,
    ...given({ maxAgeMs: optionalMs(raw.maxAge) }),
  };
}

function approvalsOf(raw: RawEnvironment['approvals']): Environment['approvals'] {
  if (raw === undefined) return undefined;
  const { count, role, maxAge } = typeof raw === 'number' ? { count: raw } : raw;
  return { count, role: role ?? APPROVER_ROLE, ...given({ maxAgeMs: optionalMs(maxAge) }) };
}

function derivationOf(raw: RawEnvironment['derivation']): Environment['derivation'] {
  if (raw === undefined) return undefined;
  const { role, ...steps } = raw;
  return { steps, ...given({ role }) };
}

function scanOf(raw: RawEnvironment['scan']): Environment['scan'] {
  if (raw === undefined) return undefined;
  return { failOn: raw.failOn ?? 'high', role: raw.role ?? 'scanner', ...given({ maxAgeMs: optionalMs(raw.maxAge) }) };
}

function revocationsOf(raw: RawEnvironment['revocations']): Environment['revocations'] {
  if (raw === undefined) return undefined;
  const { required = true, reinstate = REINSTATE, complete } = raw;
  return { required, reinstate, ...given({ complete }) };
}

function optionalMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : durationMs(text);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Only what is there: an absent rule is an absent field. */
function given<T extends object>(fields: T): Given<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>;
}
