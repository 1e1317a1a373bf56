import type { FormatId } from '../formats/types.ts';

export const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Where a finding is. `member` is a path inside an archive; nested archives are joined by `!/`. */
export interface Place {
  readonly path: string;
  readonly member?: string;
  /** Bytes from the start of the innermost file or member. */
  readonly offset?: number;
  readonly tensor?: string;
}

export interface ScanFinding {
  /** Stable id: a key of `RULES`. */
  readonly rule: string;
  readonly severity: Severity;
  /** One sentence: what was found here. May hold untrusted text. */
  readonly message: string;
  readonly place: Place;
  /** The policy's word on it: one in force means it is shown and does not count. */
  readonly suppression?: { readonly reason: string; readonly expires: string; readonly state: 'active' | 'expired' };
}

/** True unless the policy's suppression is in force. */
export function isCounted({ suppression }: ScanFinding): boolean {
  return suppression?.state !== 'active';
}

/** Something that could not be examined: never a pass. */
export interface Unexamined {
  readonly place: Place;
  readonly reason: string;
}

/** `block` from high, `review` from medium; `incomplete` where something was not examined and nothing blocks. */
export type ScanVerdict = 'block' | 'review' | 'pass' | 'incomplete';

/** Whether `torch.load(weights_only=True)` would accept the file's pickles, and the first reason why not. */
export interface WeightsOnly {
  readonly loads: boolean;
  readonly because?: string;
}

export interface ScanResult {
  readonly path: string;
  readonly sizeBytes: number;
  /** Every format the content matches; more than one was scanned as each. */
  readonly formats: readonly FormatId[];
  readonly findings: readonly ScanFinding[];
  readonly unexamined: readonly Unexamined[];
  /** Absent where the file holds no pickle. */
  readonly weightsOnly?: WeightsOnly;
  readonly verdict: ScanVerdict;
}

export function atLeast(severity: Severity, level: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(level);
}

export function verdictOfScan(findings: readonly ScanFinding[], unexamined: readonly Unexamined[]): ScanVerdict {
  const counted = findings.filter(isCounted);
  if (counted.some((finding) => atLeast(finding.severity, 'high'))) return 'block';
  if (unexamined.length > 0) return 'incomplete';
  return counted.some((finding) => finding.severity === 'medium') ? 'review' : 'pass';
}
