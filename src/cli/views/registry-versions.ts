import type { RegistryReport } from '../../flows/watch/report-registry.ts';
import { badge, html, raw, type Html } from './html.ts';

type Version = RegistryReport['versions'][number];

/** What a version is to whoever answers for it; worst first. */
const STANDINGS = ['refused', 'to look at', 'in order'] as const;
type Standing = (typeof STANDINGS)[number];

interface Row {
  readonly version: Version;
  readonly standing: Standing;
  /** Environments in which it runs. */
  readonly runs: readonly string[];
  readonly why: readonly string[];
}

/** Address of a version's own page, relative to the overview; null where there is none. */
export type PageOf = (version: Version) => string | null;

/** Every version: what is wrong first, then by name; found, filtered and sorted where scripts run. */
export function versionsSection(report: RegistryReport, pageOf: PageOf): Html {
  const rows = versionRows(report);
  if (rows.length === 0) return html`<h2 id="versions">Versions</h2><p class="none">None.</p>`;
  return html`<h2 id="versions">Versions</h2><p>Counted are claims by those who may make them${report.policy === null ? ' here: whoever is trusted' : ' under the policy'}; what a version lacks, nobody of those has signed.</p>
<p id="find" hidden><label>Find <input type="search"></label> <label>Standing <select><option value="">all</option>${STANDINGS.map((each) => html`<option>${each}</option>`)}</select></label> <output></output></p>
<div id="versions-table" class="scroll" tabindex="0" role="region" aria-label="Every version"><table><caption>Every version, what is wrong first</caption><thead><tr>${COLUMNS.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead><tbody>
${rows.map((row) => rowHtml(row, { generated: report.generated, page: pageOf(row.version) }))}</tbody></table></div>`;
}

const COLUMNS = ['Version', 'Standing', 'Runs in', 'Owner', 'Evaluated', 'Approved by', 'Licence', 'Claims', 'Id'];

/** `17 versions: 2 refused, 3 to look at, 12 in order; oldest evaluation 40 days`. */
export function standingCounts(report: RegistryReport): string {
  const rows = versionRows(report);
  const counts = STANDINGS.map((each) => `${rows.filter(({ standing }) => standing === each).length} ${each}`);
  const ages = rows.flatMap(({ version }) => ageDays(version.evaluated, report.generated) ?? []);
  const oldest = ages.reduce((most, age) => Math.max(most, age), 0);
  const old = ages.length === 0 ? '' : `; oldest evaluation ${oldest} ${oldest === 1 ? 'day' : 'days'}`;
  return `${rows.length} ${rows.length === 1 ? 'version' : 'versions'}: ${counts.join(', ')}${old}`;
}

function versionRows({ versions, promotions }: RegistryReport): readonly Row[] {
  const places = Map.groupBy(promotions, ({ name, id }) => `${name}@${id}`);
  const rows = versions.map((version): Row => {
    const here = places.get(`${version.name}@${version.id}`) ?? [];
    const refused = here.filter(({ verdict }) => verdict !== null && verdict.exitCode !== 0);
    const bad = [
      ...(version.revoked === null ? [] : [`revoked: ${version.revoked}`]),
      ...refused.map(({ environment }) => `refused in ${environment}`),
      ...(version.absent.length === 0 ? [] : [`claims gone: entry ${version.absent.join(', ')}`]),
    ];
    const look = [
      ...(version.findings.length === 0 ? [] : [`${version.findings.length} scan findings`]),
      ...(version.evaluation === 'failed' ? ['an evaluation failed'] : []),
      ...(version.missing.length === 0 ? [] : [`lacks ${version.missing.join(', ')}`]),
    ];
    const standing = bad.length > 0 ? 'refused' : look.length > 0 ? 'to look at' : 'in order';
    return { version, standing, runs: here.map(({ environment }) => environment), why: [...bad, ...look] };
  });
  return rows.toSorted((a, b) => STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing));
}

/** By name; with which key or identity on hovering, and on the version's own page. */
function person(signer: string): Html {
  const [, name, how] = /^(.+?) \((.+)\)$/s.exec(signer) ?? [];
  return name === undefined || how === undefined ? html`${signer}` : html`<span title="${how}">${name}</span>`;
}

const COLOURS = { refused: 'bad', 'to look at': 'warn', 'in order': 'good' } as const;

function rowHtml(
  { version, standing, runs, why }: Row,
  { generated, page }: { generated: string; page: string | null },
): Html {
  const name = nameOf(version);
  const age = ageDays(version.evaluated, generated);
  const evaluated =
    version.evaluation === null
      ? 'never'
      : `${version.evaluation}, ${age === null ? 'no verified time' : `${age} d ago`}`;
  const cells = [
    page === null ? name : html`<a href="${page}">${name}</a>`,
    html`${badge(COLOURS[standing], standing)} ${why.join('; ')}`,
    runs.join(', '),
    version.owner === null ? null : person(version.owner),
    evaluated,
    version.approvedBy.map((each, index) => html`${index === 0 ? '' : ', '}${person(each)}`),
    version.licences.join(', '),
    version.claims,
    html`<code>${version.id.slice(0, 23)}</code>`,
  ];
  const keys = new Map([
    [1, `${STANDINGS.indexOf(standing)}`],
    [4, `${age ?? (version.evaluation === null ? 9_999_999 : 9_999_998)}`],
  ]);
  const cell = (value: (typeof cells)[number], index: number): Html => {
    const key = keys.get(index);
    return html`<td${key === undefined ? null : raw(` data-sort="${key}"`)}>${value}</td>`;
  };
  return html`<tr data-kind="${standing}">${cells.map(cell)}</tr>\n`;
}

function ageDays(time: string | null, now: string): number | null {
  return time === null ? null : Math.max(0, Math.floor((Date.parse(now) - Date.parse(time)) / 86_400_000));
}

/** `acme/enc:1.4, latest`, or the name alone. */
export function nameOf({ name, tags }: { readonly name: string; readonly tags: readonly string[] }): string {
  return tags.length === 0 ? name : `${name}:${tags.join(', ')}`;
}
