import { forMarkdown } from '../../domain/base/text.ts';
import type { TensorChange } from '../../domain/scan/diff/tensor.ts';
import { counted, formatBytes, percent } from '../../domain/base/units.ts';
import type { DeriveStep } from '../../domain/derive/verdict.ts';
import type { Relation } from '../../flows/derive/relate.ts';
import type { DiffOutcome, FileDiff, TensorDiff } from '../../flows/describe/diff.ts';
import type { Style } from '../command.ts';

/** What changed, and what the weights are to each other where that is known. */
export interface Related extends DiffOutcome {
  readonly weights?: Relation;
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;
const MOST = 40;

export function diffText(outcome: Related, { verbose }: { verbose: boolean }, style: Style): string {
  const most = verbose ? Number.POSITIVE_INFINITY : MOST;
  const lines = [
    ...listed(
      outcome.files.map((file) => fileLines(file, style)),
      most,
      style,
    ),
    ...listed(
      explains(outcome) && !verbose ? [] : sorted(outcome.tensors).map((tensor) => [tensorLine(tensor, style)]),
      most,
      style,
    ),
    ...relationLines(outcome, most, style),
    ...outcome.claims.map(
      ({ field, before, after }) =>
        `${style.warn('~')} ${style.plain(field)}  ${style.plain(before.join(', ') || 'unknown')} → ${style.plain(after.join(', ') || 'unknown')}`,
    ),
    summary(outcome, style),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same weights under other names or as other types are no tensors that came and went. */
function explains({ weights }: Related): boolean {
  return weights !== undefined && weights.is !== 'undecided';
}

function relationLines(outcome: Related, most: number, style: Style): readonly string[] {
  const { weights } = outcome;
  if (weights === undefined || weights.is === 'undecided' || weights.is === 'same') return [];
  const lost = weights.missing.map((name) => `${style.bad('-')} ${style.plain(name)}  nothing is made of it`);
  const others = weights.others.map(
    ({ name, why }) => `${style.bad('✗')} ${style.plain(name)}${why === undefined ? '' : `  ${style.plain(why)}`}`,
  );
  return listed(
    [...others, ...lost].map((line) => [line]),
    most,
    style,
  );
}

const SAME_BY = {
  names: 'under the same names',
  multiset: 'under other names',
  set: 'under other names, tied copies kept or dropped',
} as const;

/** One sentence of the weights. */
function relationText({ a, b, weights }: Related): string | null {
  if (weights === undefined) return null;
  if (weights.is === 'same')
    return `the same weights: ${counted(weights.tensors, 'tensor')} ${SAME_BY[weights.by]} (set blake3:${weights.set})`;
  if (weights.is === 'undecided')
    return `whether the weights of one are made of the other's is undecided: ${weights.why}`;
  const { counts, made, step, types } = weights;
  const [child, parent] = made === 'a' ? [a, b] : [b, a];
  const most = `${STEP_WORDS[step]} of ${parent}`;
  const words = Object.entries(counts).map(([word, count]) => `${count} ${word}`);
  return `the weights of ${child} (${types.join(', ')}) are ${most}${weights.is === 'derived' ? '' : ' in part'}: ${words.join(', ')}`;
}

const STEP_WORDS: Readonly<Record<DeriveStep, string>> = {
  reshard: 'those',
  convert: 'a conversion of those',
  cast: 'a cast of those',
  quantize: 'a quantisation of those',
  'adapter-merge': 'a merge of an adapter into those',
  merge: 'a merge of those',
  prune: 'a pruning of those',
};

function listed(groups: readonly (readonly string[])[], most: number, style: Style): string[] {
  const shown = groups.slice(0, most).flat();
  return groups.length > most ? [...shown, style.dim(`  and ${groups.length - most} more (-v shows all)`)] : shown;
}

function sign(kind: FileDiff['kind'], style: Style): string {
  return style[kind === 'added' ? 'good' : kind === 'removed' ? 'bad' : 'warn'](SIGNS[kind]);
}

function fileLines({ path, kind, before, after, records, settings }: FileDiff, style: Style): string[] {
  const size =
    kind === 'changed'
      ? before === after
        ? 'same size'
        : `${formatBytes(before ?? 0)} → ${formatBytes(after ?? 0)}`
      : formatBytes(before ?? after ?? 0);
  const rows =
    records === undefined ? '' : `; ${records.added} records added, ${records.removed} removed of ${records.before}`;
  const values = (settings ?? [])
    .slice(0, 20)
    .map(
      (setting) =>
        `    ${style.plain(setting.pointer)}  ${style.plain(setting.before ?? '(none)')} → ${style.plain(setting.after ?? '(none)')}`,
    );
  return [`${sign(kind, style)} ${style.plain(path)}  ${size}${rows}`, ...values];
}

function tensorLine({ name, kind, before, after, change }: TensorDiff, style: Style): string {
  const form = [before, after].flatMap((side) =>
    side === undefined ? [] : [`${side.dtype} [${side.shape.join(', ')}]`],
  );
  return `${sign(kind, style)} ${style.plain(name)}  ${style.plain([...new Set(form)].join(' → '))}${change === undefined ? '' : `  ${changeText(change)}`}`;
}

/** `low-rank 8; 0.4 % of its norm, cosine 0.99999, max 0.012, mean 0.0004`. */
function changeText(change: TensorChange): string {
  const { pattern, rank, relative, cosine, maxAbs, meanAbs, changedElements, elements, changedRows, rows } = change;
  const where = {
    dense: 'everywhere',
    sparse: `${changedElements} of ${elements} elements`,
    spot: `a spot: ${changedElements} of ${elements} elements`,
    'few-rows': `${changedRows ?? 0} of ${rows ?? 0} rows`,
    'low-rank': `low rank (about ${rank ?? 0})`,
  }[pattern];
  const amount = relative === null ? '' : `, ${percent(relative)} of its norm`;
  return `${where}${amount}${cosine === null ? '' : `, cosine ${cosine.toPrecision(6)}`}, max ${maxAbs.toPrecision(3)}, mean ${meanAbs.toPrecision(3)}`;
}

/** The most changed first: what a reviewer looks for. */
function sorted(tensors: readonly TensorDiff[]): readonly TensorDiff[] {
  return tensors.toSorted(
    (a, b) => (b.change?.relative ?? Number.POSITIVE_INFINITY) - (a.change?.relative ?? Number.POSITIVE_INFINITY),
  );
}

function summary(outcome: Related, style: Style): string {
  const { a, b, differs, files, sameFiles, tensors, sameTensors } = outcome;
  if (!differs) return `${style.good('SAME')}: ${style.plain(a)} and ${style.plain(b)}: ${counted(sameFiles, 'file')}`;
  const differing = `${style.bad('DIFFER')}: ${style.plain(a)} and ${style.plain(b)}: ${files.length} of ${files.length + sameFiles} files`;
  const relation = relationText(outcome);
  if (relation !== null && explains(outcome)) return `${differing}; ${style.plain(relation)}`;
  const patterns = new Map<string, number>();
  for (const { change, kind } of tensors)
    patterns.set(change?.pattern ?? kind, (patterns.get(change?.pattern ?? kind) ?? 0) + 1);
  const kinds = [...patterns].map(([pattern, count]) => `${count} ${pattern}`).join(', ');
  const open = relation === null ? '' : `; ${style.plain(relation)}`;
  return `${differing}; ${counted(tensors.length, 'tensor')}${kinds === '' ? '' : ` (${kinds})`}, ${sameTensors} the same${open}`;
}

export function diffMarkdown(outcome: Related): string {
  const files = outcome.files.slice(0, 500).map(({ path, kind }) => `| ${kind} | ${forMarkdown(path)} | |`);
  const tensors = sorted(outcome.tensors)
    .slice(0, 500)
    .map(
      ({ name, kind, change }) =>
        `| ${kind} | ${forMarkdown(name)} | ${change === undefined ? '' : forMarkdown(changeText(change))} |`,
    );
  const table =
    files.length + tensors.length === 0
      ? ['The same.']
      : ['| kind | what | how much |', '|---|---|---|', ...files, ...tensors];
  const relation = relationText(outcome);
  const said = relation === null ? [] : [`${forMarkdown(relation)}.`, ''];
  return [`## ${forMarkdown(outcome.a)} → ${forMarkdown(outcome.b)}`, '', ...said, ...table, ''].join('\n');
}
