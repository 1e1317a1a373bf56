import { FRAMEWORKS } from '../../domain/report/controls/catalogue.ts';
import type { ReportedClaim } from '../../domain/report/facts.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import type { Report } from '../../flows/watch/report.ts';
import { lineageMermaid } from './lineage-graph.ts';
import { markdownTable } from './markdown.ts';

/** The same evidence for a pull request or a wiki. */
export function reportMarkdown(report: Report): string {
  const { verdict, facts } = report;
  return `# ${forMarkdown(report.name)}

\`${report.id}\`: **${verdict.exitCode === 0 ? 'verified' : verdict.exitCode === 4 ? 'undecided' : 'not verified'}**${report.serving.length === 0 ? '' : `; promoted to ${report.serving.map(forMarkdown).join(', ')} now`}

${markdownTable(
  ['Check', 'Answer', 'Evidence or finding'],
  verdict.checks.map((check) => [
    check.name,
    check.passed ? 'passed' : 'refused',
    (check.passed
      ? check.evidence.map(({ what }) => what)
      : check.findings.map(({ code, message }) => `${code}: ${message}`)
    )
      .slice(0, 5)
      .join('; '),
  ]),
)}

## Lineage

\`\`\`mermaid
${lineageMermaid(report.lineage)}\`\`\`

## Verified claims

${markdownTable(
  ['What', 'By', 'Existed by', 'Log entry'],
  facts.claims.map((claim) => [
    `${claim.title}${standingWords(claim)}`,
    claim.signer,
    claim.time ?? 'no verified time',
    claim.logIndex === null ? 'not logged' : String(claim.logIndex),
  ]),
)}

## Promotions

${markdownTable(
  ['Entry', 'Environment', 'Artifact', 'Time', 'By'],
  facts.promotions.map((each) => [
    String(each.logIndex),
    `${each.environment}${standingWords(each)}`,
    each.id.slice(0, 23),
    each.time ?? `${each.claimedTime ?? ''} (claimed)`,
    each.signer,
  ]),
)}

## Controls

${markdownTable(
  ['Framework', 'Control', 'Asks for', 'Status'],
  report.controls.map(({ control, status }) => [FRAMEWORKS[control.framework], control.id, control.title, status]),
)}
`;
}

/** Why a listed claim is no evidence; empty where it is. */
function standingWords({ counts, revoked }: Pick<ReportedClaim, 'counts' | 'revoked'>): string {
  if (revoked !== null) return ` (revoked: ${revoked})`;
  return counts ? '' : ' (not its signer’s to say)';
}
