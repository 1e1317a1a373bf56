import { forMarkdown } from '../../domain/base/text.ts';
import { grouped } from '../../domain/base/units.ts';
import { WORDS, type TensorVerdict } from '../../domain/derive/verdict.ts';
import { PROVES, type DeriveOutcome } from '../../flows/derive/outcome.ts';
import type { Style } from '../command.ts';

const LABEL = 11;
const SHOWN = 20;

/** How many tensors are what, the weakest in detail, and the verdict last. */
export function deriveText(outcome: DeriveOutcome, { verbose }: { verbose: boolean }, style: Style): string {
  const weak = outcome.tensors.filter(({ word }) => verbose || (word !== 'equal' && word !== 'recomputed'));
  const most = verbose ? Number.POSITIVE_INFINITY : SHOWN;
  const lines = [
    ...row('tensors', countLines(outcome), style),
    ...row('how', howLines(outcome), style),
    ...weak.slice(0, most).flatMap((tensor) => tensorLines(tensor, style)),
    ...(weak.length > most ? [style.dim(`${' '.repeat(LABEL)}and ${weak.length - most} more (-v shows all)`)] : []),
    ...row('missing', outcome.missing.slice(0, SHOWN), style),
    ...row('left out', outcome.dropped.slice(0, SHOWN), style),
    ...row('free bytes', freeLines(outcome), style),
    ...row('note', outcome.verdict.exitCode === 0 ? [PROVES] : [], style),
    verdictLine(outcome, style),
  ];
  return `${lines.join('\n')}\n`;
}

function row(label: string, lines: readonly string[], style: Style): readonly string[] {
  return lines.map((text, index) => `${style.dim((index === 0 ? label : '').padEnd(LABEL))}${style.plain(text)}`);
}

function countLines({ tensors }: DeriveOutcome): readonly string[] {
  const counts = WORDS.map((word) => ({ word, count: tensors.filter((tensor) => tensor.word === word).length }));
  return [
    counts
      .filter(({ count }) => count > 0)
      .map(({ word, count }) => `${count} ${word}`)
      .join(', ') || 'none',
  ];
}

/** What was done, each once, with the number of tensors it was done to. */
function howLines({ tensors, source }: DeriveOutcome): readonly string[] {
  const counts = new Map<string, number>();
  for (const how of tensors.flatMap((tensor) => tensor.how)) counts.set(how, (counts.get(how) ?? 0) + 1);
  const steps = [...counts].map(([how, count]) => `${how} (${count})`);
  return [...(steps.length === 0 ? [] : [steps.join(', ')]), ...(source === undefined ? [] : [`as ${source} has it`])];
}

function tensorLines({ name, word, dtype, why, where, figures }: TensorVerdict, style: Style): readonly string[] {
  const mark =
    word === 'not from the parent' ? style.bad('✗') : word === 'undecided' ? style.warn('?') : style.good('~');
  const place = where === undefined ? '' : ` (row ${where.row}, block ${where.block})`;
  const numbers =
    figures === undefined
      ? ''
      : [
          figures.worstDistance === undefined ? '' : `worst distance ${figures.worstDistance.toFixed(3)} steps`,
          figures.relativeError === undefined ? '' : `relative error ${figures.relativeError.toPrecision(3)}`,
        ]
          .filter((text) => text !== '')
          .join(', ');
  const detail = [why, numbers].filter((text) => text !== undefined && text !== '').join('; ');
  return [
    `${mark} ${style.plain(name)}  ${dtype}  ${word}${style.plain(place)}${detail === '' ? '' : style.plain(`: ${detail}`)}`,
  ];
}

function freeLines({ tensors }: DeriveOutcome): readonly string[] {
  const free = tensors.reduce((sum, { figures }) => sum + (figures?.freeElements ?? 0), 0);
  return free === 0
    ? []
    : [`${grouped(free)} codes stand under a scale of zero: they carry no value, and may hold data`];
}

function verdictLine({ verdict, word, child, parent, step }: DeriveOutcome, style: Style): string {
  const what = `${style.plain(child)} from ${style.plain(parent)} (${step})`;
  if (verdict.exitCode === 0) return style.good(`DERIVED, ${word}: ${what}`);
  if (verdict.exitCode === 4) return style.warn(`UNDECIDED: ${what}`);
  return style.bad(
    word === 'not from the parent' ? `NOT FROM THE PARENT: ${what}` : `NOT PROVEN, only ${word}: ${what}`,
  );
}

export function deriveJson(outcome: DeriveOutcome): Readonly<Record<string, unknown>> {
  const { settings, verdict, ...rest } = outcome;
  const { outcome: result, checks } = verdict;
  const findings = checks.flatMap((check) => (check.passed ? [] : check.findings));
  return { ...rest, ...(settings === undefined ? {} : { settings }), outcome: result, findings, proves: PROVES };
}

export function deriveMarkdown(outcome: DeriveOutcome): string {
  const { child, parent, step, word, tensors } = outcome;
  const rows = tensors.map(
    ({ name, dtype, word: own, how, why }) =>
      `| ${forMarkdown(name)} | ${forMarkdown(dtype)} | ${own} | ${forMarkdown([...how, ...(why === undefined ? [] : [why])].join('; '))} |`,
  );
  const head = [
    `## ${forMarkdown(child)} from ${forMarkdown(parent)}`,
    '',
    `${step}: **${word}**.${outcome.verdict.exitCode === 0 ? ` ${PROVES}.` : ''}`,
    '',
  ];
  return [...head, '| tensor | type | is | how |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
