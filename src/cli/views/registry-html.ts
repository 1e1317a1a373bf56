import type { OverviewPromotion, RegistryReport } from '../../flows/watch/report-registry.ts';
import { findingsOf, type Verdict } from '../../domain/base/verdict.ts';
import { FIND_IN_TABLE } from './find-in-table.ts';
import { changesSection } from './changes.ts';
import { badge, html, page, table, type Html } from './html.ts';
import { nameOf, standingCounts, versionsSection, type PageOf } from './registry-versions.ts';

/** A registry on one page: counts, what is wrong first, what runs and whether it may. No network; one script that finds and sorts. */
export function registryHtml(report: RegistryReport, version: string, pageOf: PageOf = () => null): string {
  const body = html`
<h1>Registry ${report.location}</h1>
<p class="lead">Log <code>${report.origin}</code></p>
${summaryCard(report)}
<nav aria-label="Sections"><ul><li><a href="#versions">Versions</a></li><li><a href="#promoted">Promoted</a></li><li><a href="#changes">What changed</a></li><li><a href="#findings">Scan findings</a></li><li><a href="#revocations">Revocations</a></li></ul></nav>
${versionsSection(report, pageOf)}
${promotedSection(report)}
${changesSection(report.changes, report.generated)}
${findingsSection(report)}
${revocationsSection(report)}
<footer>Made by weighmark ${version} on ${report.generated}. ${report.policy === null ? 'No policy was asked: promotions are listed by those who are trusted here, and not judged.' : ''}</footer>`;
  return page(`${report.location}: registry`, body, FIND_IN_TABLE);
}

/** How many of what: `2 models, 3 versions, …`. */
export function registryCounts({ versions, promotions, revocations }: RegistryReport): string {
  const counts: readonly (readonly [number, string, string])[] = [
    [new Set(versions.map(({ name }) => name)).size, 'model', 'models'],
    [versions.length, 'version', 'versions'],
    [promotions.filter(({ id }) => id !== null).length, 'promoted', 'promoted'],
    [
      promotions.filter(({ verdict }) => verdict !== null && verdict.exitCode !== 0).length,
      'promotion refused',
      'promotions refused',
    ],
    [versions.reduce((sum, { findings }) => sum + findings.length, 0), 'scan finding', 'scan findings'],
    [revocations.length, 'revocation', 'revocations'],
  ];
  return counts.map(([count, one, many]) => `${count} ${count === 1 ? one : many}`).join(', ');
}

function summaryCard(report: RegistryReport): Html {
  const refused = report.promotions.filter(({ verdict }) => verdict !== null && verdict.exitCode !== 0);
  const kind = report.log.exitCode !== 0 || refused.length > 0 ? 'bad' : 'good';
  const title =
    report.log.exitCode !== 0
      ? 'The log does not hold'
      : refused.length > 0
        ? `${refused.length} promoted, but refused now`
        : report.policy === null
          ? 'The log holds'
          : 'All that is promoted still may be';
  const sentence = findingsOf(report.log)[0]?.message ?? registryCounts(report);
  const rule =
    report.policy === null
      ? 'No policy was asked.'
      : `Policy ${report.policy.name} version ${report.policy.version}, ${report.policy.digest}.`;
  return html`<div class="verdict ${kind}"><strong>${title}</strong><p>${sentence}.</p><p>${standingCounts(report)}.</p><p class="lead">${rule}</p></div>`;
}

function promotedSection({ promotions }: RegistryReport): Html {
  const rows = promotions.map((each) => [
    each.name,
    each.environment,
    each.id === null ? 'nothing' : html`<code>${each.id.slice(0, 23)}</code>`,
    standing(each.verdict),
    each.by,
    each.time ?? (each.claimedTime === null ? null : html`${each.claimedTime} ${badge('warn', 'claimed')}`),
    ageText(each),
    each.logIndex,
  ]);
  const columns = [
    { title: 'Model' },
    { title: 'Environment' },
    { title: 'Artifact' },
    { title: 'Now' },
    { title: 'By' },
    { title: 'Time' },
    { title: 'Age', numeric: true },
    { title: 'Entry', numeric: true },
  ];
  return html`<h2 id="promoted">Promoted</h2>${table('What is promoted where', columns, rows)}`;
}

function standing(verdict: Verdict | null): Html {
  if (verdict === null) return badge('plain', 'not judged');
  if (verdict.exitCode === 0) return badge('good', 'holds');
  const words = verdict.exitCode === 4 ? badge('warn', 'undecided') : badge('bad', 'refused');
  return html`${words} ${findingsOf(verdict)
    .slice(0, 5)
    .map(({ code, message }) => html`<div><code>${code}</code> ${message}</div>`)}`;
}

/** `3 d`; empty where nobody says when. */
export function ageText({ ageDays }: Pick<OverviewPromotion, 'ageDays'>): string {
  return ageDays === null ? '' : `${ageDays} d`;
}

function findingsSection({ versions }: RegistryReport): Html {
  const rows = versions.flatMap(({ name, id, tags, findings }) =>
    findings
      .slice(0, 100)
      .map((each) => [
        nameOf({ name, tags }),
        html`<code>${id.slice(0, 23)}</code>`,
        each.severity,
        html`<code>${each.rule}</code>`,
        each.path,
        each.message,
      ]),
  );
  const columns = [
    { title: 'Version' },
    { title: 'Id' },
    { title: 'Severity' },
    { title: 'Rule' },
    { title: 'File' },
    { title: 'What' },
  ];
  return html`<h2 id="findings">Scan findings</h2><p>Of medium severity and above, from signed scans. A version without a scan is in the table of versions.</p>${table('Findings', columns, rows)}`;
}

/** A version is called what people call it. */
function revocationsSection({ revocations, versions }: RegistryReport): Html {
  const names = new Map(versions.map((each) => [each.id.replace('sha256:', 'artifact '), nameOf(each)]));
  const rows = revocations.map((each) => [
    each.logIndex,
    badge(each.action === 'revoke' ? 'bad' : 'warn', each.action),
    html`${names.has(each.target) ? html`<div>${names.get(each.target)}</div>` : null}<code>${each.target}</code>`,
    each.since,
    each.reason,
    each.by,
  ]);
  return html`<h2 id="revocations">Revocations</h2>${table('In the order of the log', [{ title: 'Entry', numeric: true }, { title: 'Action' }, { title: 'Of' }, { title: 'Since' }, { title: 'Reason' }, { title: 'By' }], rows)}`;
}
