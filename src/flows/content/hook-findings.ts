import type { Source } from '../../domain/base/source.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import type { ScanResult } from '../../domain/scan/types.ts';
import type { Candidate, HookFinding } from './hook-types.ts';

/** A list that nobody signed makes nothing safe: what is sealed is scanned as well. */
export async function scanContent(path: string, source: Source): Promise<readonly HookFinding[]> {
  const { scanFile } = await import('../../domain/scan/index.ts');
  return scanFindings(await scanFile({ path, source }));
}

export function unsealedChange({ shown, input }: Candidate, sealed: ListedFile, oid: string | null): HookFinding {
  return {
    code: 'unsealed-change',
    level: input.unsealed === 'error' ? 'error' : 'warning',
    subject: shown,
    message:
      oid === null
        ? `${shown} changed since it was sealed`
        : `the ${oid.startsWith('sha256:') ? 'LFS' : 'annex'} pointer ${shown} does not point to what was sealed`,
    facts: { sealed: `sha256:${sealed.sha256}`, ...(oid === null ? {} : { pointer: oid }) },
    hint: 'CI seals what is merged; or seal it now with `weighmark seal`',
  };
}

function scanFindings(result: ScanResult): readonly HookFinding[] {
  const found = result.findings.map((finding): HookFinding | null => {
    if (finding.severity !== 'critical' && finding.severity !== 'high' && finding.severity !== 'medium') return null;
    const member = finding.place.member === undefined ? '' : ` (in ${finding.place.member})`;
    const level = finding.severity === 'medium' ? 'warning' : 'error';
    return {
      code: 'scan-finding',
      level,
      subject: result.path,
      message: `${result.path}${member}: ${finding.message}`,
      facts: { rule: finding.rule, severity: finding.severity },
    };
  });
  const unexamined = result.unexamined.map(({ reason }): HookFinding => ({
    code: 'scan-incomplete',
    level: 'error',
    subject: result.path,
    message: `${result.path} could not be examined: ${reason}`,
  }));
  return [...found.filter((finding) => finding !== null), ...unexamined];
}
