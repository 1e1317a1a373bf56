import { isJsonObject } from '../../domain/base/json.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';
import { findingsOf, type Check, type Evidence, type Finding } from '../../domain/base/verdict.ts';
import type { ReportedClaim } from '../../domain/report/facts.ts';
import type { Report } from '../../flows/watch/report.ts';
import { wayOutOf } from '../errors.ts';
import { badge, html, raw, type Html } from './html.ts';

const MAX_LINES = 20;

/** Why, as a tree from each rule to the claims it rests on, to who signed them, to the bytes; then what would change the answer. */
export function decisionTree(report: Report): Html {
  const claims = new Map(report.facts.claims.map((claim) => [claim.bundle, claim]));
  return html`<h2 id="why">Why</h2>
<ul class="tree decision">${report.verdict.checks.map((check) => rule(check, { report, claims }))}</ul>
<h3>What would change it</h3>
<ul>${whatWouldChange(report).map((line) => html`<li>${line}</li>`)}</ul>`;
}

interface Around {
  readonly report: Report;
  readonly claims: ReadonlyMap<string, ReportedClaim>;
}

function rule(check: Check, around: Around): Html {
  const answer = check.passed ? badge('good', 'passed') : badge('bad', 'refused');
  const findings = check.passed ? [] : check.findings;
  const lines = [
    ...findings.slice(0, MAX_LINES).map(refusal),
    ...check.evidence.slice(0, MAX_LINES).map((evidence) => rests(evidence, around)),
  ];
  const left = findings.length + check.evidence.length - lines.length;
  const more = left > 0 ? html`<li class="none">and ${left} more</li>` : null;
  const first = check.passed ? (check.evidence[0]?.what ?? '') : (findings[0]?.message ?? '');
  return html`<li><details${check.passed ? null : raw(' open')}><summary>${answer} <strong>${check.name}</strong> <span class="lead">${first}</span></summary><ul>${lines}${more}</ul></details></li>`;
}

function refusal(finding: Finding): Html {
  return html`<li><code>${finding.code}</code> ${finding.message}<ul><li>Way out: ${wayOutOf(finding)}</li></ul></li>`;
}

function rests({ what, data }: Evidence, { report, claims }: Around): Html {
  const bundle =
    isJsonObject(data) && typeof data['bundle'] === 'string' ? data['bundle'].replace('sha256:', '') : null;
  const claim = bundle === null ? undefined : claims.get(bundle);
  if (bundle === null) return html`<li>${what}</li>`;
  const signer =
    claim === undefined ? null : html`<li>signed by ${claim.signer}${timeOf(claim)}${bytesOf(report)}</li>`;
  const logged = claim?.logIndex == null ? '' : `, log entry ${claim.logIndex}`;
  return html`<li>${what}<ul><li>claim <code>${bundle}</code>${logged}<ul>${signer}</ul></li></ul></li>`;
}

function timeOf({ time }: ReportedClaim): string {
  return time === null ? ', at a time that nobody else vouches for' : `, existed by ${time}`;
}

function bytesOf({ id, files }: Report): Html {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return html`<ul><li>about <code>${id}</code>: ${counted(files.length, 'file')}, ${formatBytes(bytes)}, read back in this run</li></ul>`;
}

/** For a refusal the way out of each reason, once; for a yes what would take it away. */
function whatWouldChange({ verdict, facts, policy }: Report): readonly string[] {
  if (verdict.exitCode !== 0) return [...new Set(findingsOf(verdict).map((each) => `${each.code}: ${wayOutOf(each)}`))];
  const signers = new Set(facts.claims.filter(({ counts }) => counts).map(({ signer }) => signer));
  return [
    'One byte of one file: the id would be another, and no claim would be about it.',
    ...(signers.size === 0 ? [] : [`A claim taken back by its signer (${[...signers].join('; ')}), or by a revoker.`]),
    policy === null
      ? 'Somebody trusted here ceasing to be.'
      : `Another meaning of policy ${policy.name} version ${policy.version}, an age it allows running out, somebody leaving it.`,
  ];
}
