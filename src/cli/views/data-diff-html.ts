import type { ChangedRecord, DataDiff, ToldRecord } from '../../flows/data/diff.ts';
import { balanceRows } from './data-diff.ts';
import { badge, html, page, table, type Html } from './html.ts';

/** One page that needs nothing else: what came, went and changed, to the cell; records only where they were asked for. */
export function dataDiffHtml([a, b]: readonly [string, string], diff: DataDiff): string {
  const title = `${a} and ${b}, record by record`;
  const { examples } = diff;
  const body = html`
<h1>${title}</h1>
<p>${badge(diff.differs ? 'warn' : 'good', diff.differs ? 'different' : 'the same')}</p>
${counts([a, b], diff)}
<h2>Changed</h2>
${more(diff.changed, examples.changed.length)}
${table('Changed records', [{ title: 'Record', numeric: true }, { title: 'File' }, { title: 'Cells' }], examples.changed.map(changedRow))}
<h2>Removed</h2>
${more(diff.removed, examples.removed.length)}
${records('Removed records', examples.removed)}
<h2>Added</h2>
${more(diff.added, examples.added.length)}
${records('Added records', examples.added)}
${diff.balance === undefined ? null : balance(diff)}`;
  return page(title, body);
}

function counts([a, b]: readonly [string, string], diff: DataDiff): Html {
  const { records: all, repeated, common, moved, removed, added, changed, sameSchema } = diff;
  return table(
    'Records',
    [{ title: '' }, { title: a, numeric: true }, { title: b, numeric: true }],
    [
      ['records', ...all],
      ['of them repeat others', ...repeated],
      ['in both', common, common],
      ['in both, and moved', moved, moved],
      ['changed', changed, changed],
      ['removed, added', removed, added],
      ['columns', sameSchema ? 'the same' : 'differ', ''],
    ],
  );
}

function more(count: number, shown: number): Html | null {
  return count <= shown ? null : html`<p>${count} in all; the first ${shown}:</p>`;
}

function changedRow({ before, after, cells }: ChangedRecord) {
  const told = cells.map(
    (cell) =>
      html`<div><b>${cell.column}</b>${'before' in cell ? html` <code class="bad">${JSON.stringify(cell.before)}</code> → <code class="good">${JSON.stringify(cell.after)}</code>` : null}</div>`,
  );
  return [`${before.position} → ${after.position}`, before.path, told] as const;
}

function records(caption: string, told: readonly ToldRecord[]): Html {
  const shows = told.some(({ record }) => record !== undefined);
  return table(
    caption,
    [{ title: 'Record', numeric: true }, { title: 'File' }, ...(shows ? [{ title: 'Content' }] : [])],
    told.map(({ position, path, record }) => [
      position,
      path,
      ...(shows ? [html`<code>${JSON.stringify(record)}</code>`] : []),
    ]),
  );
}

function balance(diff: DataDiff): Html {
  const columns = ['Label', 'Before', 'Share', 'After', 'Share', 'By'];
  return html`<h2>Class balance</h2>
${table(
  'Labels, those that changed most first',
  columns.map((title, at) => ({ title, numeric: at > 0 })),
  balanceRows(diff).map(({ value, counts: [before, after], shares, by }) => [
    html`<code>${value}</code>`,
    before,
    shares[0],
    after,
    shares[1],
    by > 0 ? `+${by}` : by,
  ]),
)}`;
}
