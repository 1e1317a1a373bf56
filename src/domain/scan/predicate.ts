import { atLeast, type ScanFinding, type Unexamined } from './types.ts';
import { RULES } from './rules.ts';

export interface PredicateFacts {
  readonly findings: readonly ScanFinding[];
  readonly unexamined: readonly Unexamined[];
  /** weighmark's own version. */
  readonly version: string;
  readonly started: Date;
  readonly finished: Date;
}

export const SCANNER_URI = 'https://weighmark.dev/scan';

/**
 * The body of an in-toto vulns/v0.2 claim: one result a rule that found something at low or above, with the worst severity.
 * What could not be examined is a critical result: an incomplete scan never passes for a clean one.
 * @see https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md
 */
export function vulnsPredicate({ findings, unexamined, version, started, finished }: PredicateFacts): Record<string, unknown> {
  const worst = new Map<string, ScanFinding>();
  for (const finding of findings.filter(({ severity }) => atLeast(severity, 'low'))) {
    const known = worst.get(finding.rule);
    if (known === undefined || !atLeast(known.severity, finding.severity)) worst.set(finding.rule, finding);
  }
  const result = [...worst].map(([id, { severity }]) => resultOf(id, severity, RULES[id]?.title ?? id));
  if (unexamined.length > 0) result.push(resultOf('WM-INCOMPLETE', 'critical', `${unexamined.length} parts could not be examined`));
  return {
    scanner: { uri: SCANNER_URI, version, db: { uri: `${SCANNER_URI}/rules`, version, lastUpdate: started.toISOString() }, result },
    metadata: { scanStartedOn: started.toISOString(), scanFinishedOn: finished.toISOString() },
  };
}

function resultOf(id: string, severity: string, title: string): Record<string, unknown> {
  return { id, severity: [{ method: 'weighmark', score: severity }], annotations: [{ title }] };
}
