import { CHANGES, CHANGES_DAYS, type Change, type Changes } from '../../domain/report/changes.ts';
import { counted } from '../../domain/base/units.ts';
import { greatest } from '../../domain/base/lists.ts';
import { badge, html, raw, table, type Html } from './html.ts';

const DAY_MS = 86_400_000;
const BAR = { width: 9, gap: 2, height: 120, foot: 18 };
/** Colours of the page's own palette, and a hatch by height for who sees none: the numbers stand in the table. */
const COLOURS: Readonly<Record<Change['what'], string>> = {
  promoted: 'var(--good)',
  withdrawn: 'var(--warn)',
  revoked: 'var(--bad)',
  reinstated: 'var(--warn)',
  approved: 'var(--link)',
  evaluated: 'var(--fg)',
  claimed: 'var(--dim)',
};
const MAX_ROWS = 100;

/** What happened in the last 90 days: a bar a day, then the newest, by name. */
export function changesSection({ changes, since, undated }: Changes, generated: string): Html {
  const open =
    undated === 0
      ? null
      : html`<p class="none">${counted(undated, 'entry', 'entries')} of the log without a time, neither proven nor claimed, cannot be placed.</p>`;
  if (changes.length === 0)
    return html`<h2 id="changes">What changed</h2><p class="none">Nothing dated in the last ${CHANGES_DAYS} days.</p>${open}`;
  const shown = changes
    .toSorted((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.logIndex - a.logIndex))
    .filter(({ what }) => what !== 'claimed')
    .slice(0, MAX_ROWS);
  return html`<h2 id="changes">What changed</h2>
<p>${countsText(changes)} in the last ${CHANGES_DAYS} days, since ${since.slice(0, 10)}.</p>
${legend(changes)}
${bars(changes, generated)}
${table(
  'The newest, but for plain claims',
  [
    { title: 'Day' },
    { title: 'What' },
    { title: 'Model' },
    { title: 'Environment' },
    { title: 'By' },
    { title: 'Entry', numeric: true },
  ],
  shown.map(rowOf),
)}${open}`;
}

function rowOf({ time, says, what, name, environment, by, logIndex }: Change): readonly (Html | string | number)[] {
  const day = time.slice(0, 10);
  const kind =
    what === 'revoked'
      ? 'bad'
      : what === 'withdrawn' || what === 'reinstated'
        ? 'warn'
        : what === 'promoted'
          ? 'good'
          : 'plain';
  return [
    says === 'others' ? day : html`${day} ${badge('warn', says === 'signer' ? 'claimed' : 'or later')}`,
    badge(kind, what),
    name,
    environment ?? '',
    by,
    logIndex,
  ];
}

function countsText(changes: readonly Change[]): string {
  const present = CHANGES.map((what) => [what, changes.filter((each) => each.what === what).length] as const);
  return present.flatMap(([what, count]) => (count === 0 ? [] : [`${count} ${what}`])).join(', ');
}

function legend(changes: readonly Change[]): Html {
  const present = CHANGES.filter((what) => changes.some((each) => each.what === what));
  return html`<ul class="legend">${present.map((what) => html`<li><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="2" fill="${raw(COLOURS[what])}"/></svg> ${what}</li>`)}</ul>`;
}

/** Oldest day left; each day's changes stacked, the gravest at the foot. */
function bars(changes: readonly Change[], generated: string): Html {
  const end = Date.parse(generated.slice(0, 10)) + DAY_MS;
  const byDay = Map.groupBy(changes, ({ time }) =>
    Math.min(CHANGES_DAYS - 1, Math.max(0, CHANGES_DAYS - 1 - Math.floor((end - 1 - Date.parse(time)) / DAY_MS))),
  );
  const most = greatest([...byDay.values()].map(({ length }) => length));
  const unit = (BAR.height - 4) / most;
  const step = BAR.width + BAR.gap;
  const width = CHANGES_DAYS * step;
  const columns = [...byDay].map(([day, all]) => column(all, { x: day * step, unit, date: dateOf(end, day) }));
  const marks = [0, 30, 60, CHANGES_DAYS - 1].map(
    (day) =>
      html`<text x="${day * step + (day === CHANGES_DAYS - 1 ? BAR.width : 0)}" y="${BAR.height + 14}"${raw(day === CHANGES_DAYS - 1 ? ' text-anchor="end"' : '')} fill="var(--dim)">${dateOf(end, day)}</text>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Changes a day"><svg viewBox="0 0 ${width} ${BAR.height + BAR.foot}" width="${width}" height="${BAR.height + BAR.foot}" role="img" aria-label="${`Changes a day, ${most} on the busiest; the table below names them`}" font-family="system-ui, sans-serif" font-size="11">
<line x1="0" y1="${BAR.height + 0.5}" x2="${width}" y2="${BAR.height + 0.5}" stroke="var(--line)"/>${columns}${marks}</svg></div>`;
}

function column(
  all: readonly Change[],
  { x, unit, date }: { readonly x: number; readonly unit: number; readonly date: string },
): Html {
  const ordered = ['revoked', 'withdrawn', 'reinstated', 'promoted', 'approved', 'evaluated', 'claimed'] as const;
  let y = BAR.height;
  const parts = ordered.flatMap((what) => {
    const count = all.filter((each) => each.what === what).length;
    if (count === 0) return [];
    const height = Math.max(1, count * unit);
    y -= height;
    return [
      html`<rect x="${x}" y="${y.toFixed(1)}" width="${BAR.width}" height="${height.toFixed(1)}" fill="${raw(COLOURS[what])}"/>`,
    ];
  });
  return html`<g><title>${date}: ${countsText(all)}</title>${parts}</g>`;
}

function dateOf(end: number, day: number): string {
  return new Date(end - (CHANGES_DAYS - day) * DAY_MS).toISOString().slice(0, 10);
}
