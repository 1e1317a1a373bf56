import { WeighmarkError } from '../base/errors.ts';
import type { NamedSource } from '../formats/types.ts';
import { examine } from './dispatch.ts';
import { leaveOut, newSession, spotOf } from './session.ts';
import { SEVERITIES, verdictOfScan, type ScanResult } from './types.ts';

export { describedNumbers, withDescribed } from './described.ts';
export { RULES } from './rules.ts';
export type { Rule } from './rules/rule.ts';
export {
  atLeast,
  isCounted,
  SEVERITIES,
  verdictOfScan,
  type Place,
  type ScanFinding,
  type ScanResult,
  type ScanVerdict,
  type Severity,
  type Unexamined,
  type WeightsOnly,
} from './types.ts';

/**
 * Everything one file holds that would do harm when it is loaded, by its bytes: nothing is executed, unpickled, rendered
 * or fetched. Formats are recognised by content; every one that matches is scanned, archives and encodings are followed.
 * A file that cannot be examined is `incomplete`, never passed.
 * @throws WeighmarkError only what `source.read` throws: `file-changed`, `unreadable`, `interrupted`.
 */
export async function scanFile({ path, source }: NamedSource): Promise<ScanResult> {
  const session = newSession(path, examine);
  const spot = spotOf(session);
  try {
    await examine(spot, { path, source });
  } catch (error) {
    if (isReading(error)) throw error;
    leaveOut(spot, `the scan stopped: ${error instanceof Error ? error.message : String(error)}`);
  }
  const findings = session.findings.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  return {
    path,
    sizeBytes: source.size,
    formats: [...session.formats],
    findings,
    unexamined: session.unexamined,
    ...(session.weightsOnly === undefined ? {} : { weightsOnly: session.weightsOnly }),
    verdict: verdictOfScan(findings, session.unexamined),
  };
}

function isReading(error: unknown): boolean {
  return (
    error instanceof WeighmarkError && ['file-changed', 'unreadable', 'interrupted', 'not-found'].includes(error.code)
  );
}
