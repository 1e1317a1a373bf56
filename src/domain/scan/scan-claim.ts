import { SEVERITIES, type ScanFinding, type Unexamined } from './types.ts';

export interface ScanClaimInput {
  readonly version: string;
  /** RFC 3339. */
  readonly startedOn: string;
  readonly finishedOn: string;
  readonly findings: readonly ScanFinding[];
  readonly unexamined: readonly Unexamined[];
}

const MAX_RESULTS = 5000;

/**
 * in-toto vulns v0.2: https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md. What was not examined is
 * a result of unknown severity, so that no policy takes silence for a clean bill. Where there is too much to say, the worst is said.
 */
export function buildScanPredicate(input: ScanClaimInput): Readonly<Record<string, unknown>> {
  const worstFirst = input.findings.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const found = worstFirst.map(({ rule, severity, message, place }) => ({
    id: rule,
    severity: [{ method: 'weighmark', score: severity }],
    annotations: { message, path: place.path, ...(place.member === undefined ? {} : { member: place.member }) },
  }));
  const open = input.unexamined.map(({ place, reason }) => ({
    id: 'not-examined',
    severity: [{ method: 'weighmark', score: 'unknown' }],
    annotations: { message: reason, path: place.path },
  }));
  const result = [...open, ...found].slice(0, MAX_RESULTS);
  return {
    scanner: { uri: `pkg:npm/weighmark@${input.version}`, version: input.version, db: {}, result },
    metadata: { scanStartedOn: input.startedOn, scanFinishedOn: input.finishedOn },
  };
}
