import { FRAMEWORKS, type Framework } from '../../domain/report/controls/catalogue.ts';
import type { Lineage, LineageEdge, LineageNode } from '../../domain/lineage/types.ts';
import type { ReportedClaim } from '../../domain/report/facts.ts';
import type { BomSummary, RelatedComponent } from '../../domain/report/bom-summary.ts';
import type { Report } from '../../flows/watch/report.ts';
import { findingsOf } from '../../domain/base/verdict.ts';
import { badge, html, page, raw, table, type Html } from './html.ts';
import { decisionTree } from './decision-tree.ts';
import { lineageTree } from './lineage-tree.ts';
import { derivationWords } from './lineage-text.ts';
import { lineageDrawing, type PageOfDigest } from './lineage-drawing.ts';
import { MOVE_DRAWING } from './move-drawing.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';

const MAX_ROWS = 500;

/** Other pages, for a page among them. */
export interface SiteOfPage {
  readonly home: string;
  readonly pageOf: PageOfDigest;
}

/**
 * The evidence on one page: what was decided and why, verified apart from claimed. No network; one script that moves the picture.
 * @param site where the page that lists all is, and those of others, if there are any
 */
export function reportHtml(report: Report, version: string, site: SiteOfPage | null = null): string {
  const release = report.facts.bom?.version ?? null;
  const title = release === null ? report.name : `${report.name} ${release}`;
  const drawing = lineageDrawing(report.lineage, site?.pageOf);
  const body = html`
${site === null ? null : html`<p><a href="${site.home}">All versions</a></p>`}
<h1>${title}</h1>
<p class="lead"><code>${report.id}</code></p>
${verdictCard(report)}
${denialsCard(report)}
${contents()}
${past(report)}
${decisionTree(report)}
${lineageSection(report.lineage, drawing)}
${verifiedSection(report)}
${bomSection(report)}
${filesSection(report)}
${scanSection(report)}
${promotionsSection(report)}
${controlsSection(report)}
<footer>Made by weighmark ${version} on ${report.generated}. Evidence, never a claim of conformity: what a control asks of people stays with them.</footer>`;
  return page(`${title}: evidence`, body, drawing === null ? null : MOVE_DRAWING);
}

const SECTIONS = [
  ['why', 'Why'],
  ['lineage', 'Lineage'],
  ['claims', 'Verified claims'],
  ['description', 'Description'],
  ['files', 'Files'],
  ['scan', 'Scan'],
  ['promotions', 'Promotions'],
  ['controls', 'Controls'],
] as const;

function contents(): Html {
  return html`<nav aria-label="Sections"><ul>${SECTIONS.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`;
}

function verdictCard({ verdict, policy, serving }: Report): Html {
  const passed = verdict.exitCode === 0;
  const kind = passed ? 'good' : verdict.exitCode === 4 ? 'warn' : 'bad';
  const findings = findingsOf(verdict);
  const sentence = passed
    ? `${verdict.checks.length} of ${verdict.checks.length} checks passed.`
    : (findings[0]?.message ?? 'Nothing could be verified.');
  const rule =
    policy === null ? 'No policy was asked.' : `Policy ${policy.name} version ${policy.version}, ${policy.digest}.`;
  return html`<div class="verdict ${kind}"><strong>${passed ? 'Verified' : verdict.exitCode === 4 ? 'Undecided' : 'Not verified'}</strong><p>${sentence}</p>${serving.length === 0 ? null : html`<p>Promoted to ${serving.join(', ')} now.</p>`}<p class="lead">${rule}</p></div>`;
}

/** What was taken back stands in red above all evidence: who said so, when, and why. */
function denialsCard({ revocations }: Report): Html | null {
  if (revocations.length === 0) return null;
  const lines = revocations.map(({ takes, reason, by, time, claimedTime, logIndex }) => {
    const what = takes === 'artifact' ? 'This version' : takes.join(', ');
    const when =
      time ??
      (claimedTime === null ? 'at a time that nobody states' : html`${claimedTime} ${badge('warn', 'claimed')}`);
    return html`<li><strong>${what}</strong>: ${reason}<br>by ${by}, ${when}${logIndex === null ? ', not logged' : `, log entry ${logIndex}`}</li>`;
  });
  return html`<div class="verdict bad" id="revoked"><strong class="bad">${revocations.some(({ takes }) => takes === 'artifact') ? 'Revoked' : 'Claims taken back'}</strong><ul>${lines}</ul></div>`;
}

function past({ past: then }: Report): Html | null {
  if (then === null) return null;
  const { promotion } = then;
  const answer =
    promotion === null
      ? html`<p>Nothing was promoted to ${then.environment} by then.</p>`
      : html`<dl>
<dt>Promoted</dt><dd><code>${promotion.id}</code></dd>
<dt>By</dt><dd>${promotion.signer}</dd>
<dt>Time</dt><dd>${promotion.time ?? html`${promotion.claimedTime} ${badge('warn', 'says the promotion itself')}`}</dd>
<dt>Policy</dt><dd><code>${promotion.policyDigest}</code></dd>
<dt>Log entry</dt><dd>${promotion.logIndex}</dd></dl>`;
  return html`<h2 id="past">In ${then.environment} at ${then.at}</h2>${answer}`;
}

function lineageSection(lineage: Lineage, drawing: Html | null): Html {
  const rows = [...lineage.nodes.values()]
    .slice(0, 2000)
    .flatMap((node) => node.edges.map((edge) => edgeRow(node, edge)));
  return html`<h2 id="lineage">Lineage</h2>
<p>${counted(lineage.nodes.size, 'artifact')}, ${counted(lineage.depth, 'step')} deep, resting on ${counted(lineage.used.length, 'signed claim')}.</p>
${drawing}
${lineageTree(lineage)}
<details${rows.length <= 40 ? raw(' open') : null}><summary>Every step</summary>${table('Steps', [{ title: 'Artifact' }, { title: 'Relation' }, { title: 'Input' }, { title: 'Digest' }, { title: 'Standing' }, { title: 'Derivation' }], rows)}</details>`;
}

function edgeRow(node: LineageNode, edge: LineageEdge): readonly (Html | string)[] {
  const standing = edge.standing === 'refused' ? badge('bad', 'not attested') : badge('good', edge.standing);
  return [
    html`<span id="step-${node.digest}">${node.name === '' ? node.digest.slice(0, 12) : node.name}</span>`,
    edge.word,
    edge.name,
    html`<code>${edge.to.slice(0, 16)}</code>`,
    standing,
    derivationWords(edge) ?? '',
  ];
}

function verifiedSection({ facts }: Report): Html {
  const rows = facts.claims.map((claim) => [
    html`${claim.title}${standing(claim)}`,
    claim.signer,
    claim.time ?? badge('plain', 'no verified time'),
    claim.logIndex ?? 'not logged',
    html`<code>${claim.bundle.slice(0, 16)}</code>`,
  ]);
  return html`<h2 id="claims">Verified claims</h2>
<p>Signed by somebody trusted, and about this very artifact; what was taken back, or is not its signer’s to say, is no evidence. A time is given only if somebody else than the signer vouches for it.</p>
${table('Claims', [{ title: 'What' }, { title: 'By' }, { title: 'Existed by' }, { title: 'Log entry', numeric: true }, { title: 'Bundle' }], rows)}
${table(
  'Evaluations',
  [{ title: 'Result' }, { title: 'By' }, { title: 'Figures' }],
  facts.evaluations.map(({ result, signer, metrics }) => [
    badge(result === 'PASSED' ? 'good' : 'bad', result),
    signer,
    Object.entries(metrics).map(([name, value]) => html`<div>${name} ${value}</div>`),
  ]),
)}`;
}

function standing({ counts, revoked }: Pick<ReportedClaim, 'counts' | 'revoked'>): Html | null {
  if (revoked !== null) return html` ${badge('bad', 'revoked')} ${revoked}`;
  return counts ? null : html` ${badge('warn', 'not its signer’s to say')}`;
}

function bomSection({ facts: { bom } }: Report): Html {
  if (bom === null) return html`<h2 id="description">Description</h2><p class="none">No signed ML-BOM.</p>`;
  const rows: readonly (readonly [string, string | null])[] = [
    ['Name', bom.name],
    ['Version', bom.version],
    ['Supplier', bom.supplier],
    ['Licences', bom.licences.join(', ') || null],
    ['Task', bom.task],
    ['Architecture', bom.architecture],
    ['Inputs and outputs', bom.interfaces.join(', ') || null],
    ['Made by', bom.tools.join(', ') || null],
  ];
  const columns = [{ title: 'Name' }, { title: 'Version' }, { title: 'Licences' }, { title: 'Digests' }];
  const relatedRows = (components: readonly RelatedComponent[]) =>
    components
      .slice(0, MAX_ROWS)
      .map((each) => [each.name, each.version, each.licences.join(', '), html`<code>${each.digests.join(' ')}</code>`]);
  return html`<h2 id="description">Description</h2>
<p>From the signed ML-BOM: its signer vouches for it; where a fact came from is in its citations.</p>
<dl>${rows.map(([label, value]) => html`<dt>${label}</dt><dd>${value ?? badge('plain', 'not stated')}</dd>`)}</dl>
${table('Datasets', columns, relatedRows(bom.datasets))}
${table('Base models', columns, relatedRows(bom.ancestors))}
${table('Software', columns, relatedRows(bom.software))}
${table(
  'Properties',
  [{ title: 'Name' }, { title: 'Value' }],
  ofPeople(bom.properties)
    .slice(0, MAX_ROWS)
    .map(({ name, value }) => [name, value]),
)}`;
}

/** Notes that weighmark leaves in a BOM for itself tell a reader nothing. */
function ofPeople(properties: BomSummary['properties']): BomSummary['properties'] {
  return properties.filter(({ name }) => !name.startsWith('weighmark:'));
}

function filesSection({ files }: Report): Html {
  const rows = files
    .slice(0, MAX_ROWS)
    .map((file) => [file.path, formatBytes(file.sizeBytes), html`<code>${file.sha256}</code>`]);
  const more = files.length > MAX_ROWS ? html`<p>and ${files.length - MAX_ROWS} more, all bound by the id.</p>` : null;
  return html`<h2 id="files">Files</h2>${table('Files, read back in this run', [{ title: 'Path' }, { title: 'Size', numeric: true }, { title: 'SHA-256' }], rows)}${more}`;
}

function scanSection({ facts }: Report): Html {
  const rows = facts.scans.flatMap(({ signer, results }) =>
    results
      .slice(0, MAX_ROWS)
      .map((result) => [html`<code>${result.rule}</code>`, result.severity, result.path, result.message, signer]),
  );
  const clean =
    facts.scans.length > 0 && rows.length === 0
      ? html`<p>Scanned, says ${facts.scans.map(({ signer }) => signer).join(', ')}: nothing found.</p>`
      : null;
  const none = facts.scans.length === 0 ? html`<p class="none">No signed scan.</p>` : null;
  return html`<h2 id="scan">Scan</h2>${none}${clean}${rows.length === 0 ? null : table('Findings', [{ title: 'Rule' }, { title: 'Severity' }, { title: 'File' }, { title: 'What' }, { title: 'By' }], rows)}`;
}

function promotionsSection({ facts, id }: Report): Html {
  const rows = facts.promotions.map((each) => [
    each.logIndex,
    html`${each.environment}${standing(each)}`,
    html`<code>${each.id.slice(0, 23)}</code>${each.id === id ? ' this one' : ''}`,
    badge(each.result === 'PASSED' ? 'good' : 'bad', each.result),
    each.time ?? html`${each.claimedTime} ${badge('warn', 'claimed')}`,
    each.signer,
    html`<code>${each.policyDigest?.slice(0, 23)}</code>`,
  ]);
  return html`<h2 id="promotions">Promotions</h2>${table('Of this name, in the order of the log', [{ title: 'Entry', numeric: true }, { title: 'Environment' }, { title: 'Artifact' }, { title: 'Result' }, { title: 'Time' }, { title: 'By' }, { title: 'Policy' }], rows)}`;
}

const STATUS = {
  evidenced: badge('good', 'evidenced'),
  partly: badge('warn', 'partly'),
  human: badge('plain', 'human'),
};

function controlsSection({ controls }: Report): Html {
  const frameworks = Object.entries(FRAMEWORKS) as [Framework, string][];
  const tables = frameworks.map(([framework, title]) => {
    const rows = controls
      .filter(({ control }) => control.framework === framework)
      .map(({ control, status }) => [
        control.id,
        control.title,
        STATUS[status],
        control.needs.join(', '),
        control.human ?? '',
      ]);
    return html`<h3>${title}</h3>${table(title, [{ title: 'Control' }, { title: 'Asks for' }, { title: 'Status' }, { title: 'Evidence it rests on' }, { title: 'Left to people' }], rows)}`;
  });
  return html`<h2 id="controls">Controls</h2><p>Which evidence on this page serves which control. <em>Human</em>: nothing here evidences it.</p>${tables}`;
}
