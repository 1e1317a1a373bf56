import { forMarkdown } from '../../domain/base/text.ts';
import { counted } from '../../domain/base/units.ts';
import { findingsOf } from '../../domain/base/verdict.ts';
import { TENSOR_WORDS, type KinLayer, type Kinship } from '../../domain/derive/kin.ts';
import { SHOWS, type Candidate, type KinOutcome } from '../../flows/derive/kin.ts';
import type { Style } from '../command.ts';

const LABEL = 16;

/** Each candidate with its numbers, the likeliest first, and the answer last; `-v`: layer by layer. */
export function kinText(outcome: KinOutcome, { verbose }: { verbose: boolean }, style: Style): string {
  const lines = [
    ...(outcome.declared.length === 0 ? [] : [row('declared', outcome.declared.join(', '), style)]),
    ...outcome.candidates.flatMap((candidate) => candidateLines(candidate, verbose, style)),
    row('note', SHOWS, style),
    ...findingsOf(outcome.verdict).map(({ code, message }) => style.bad(`✗ ${code}: ${message}`)),
    answerLine(outcome, style),
  ];
  return `${lines.join('\n')}\n`;
}

function row(label: string, text: string, style: Style): string {
  return `${style.dim(label.padEnd(LABEL))}${style.plain(text)}`;
}

function candidateLines(candidate: Candidate, verbose: boolean, style: Style): readonly string[] {
  const { against, declared, kinship, why } = candidate;
  const named = `${against}${declared ? ' (declared)' : ''}`;
  if (kinship === undefined) return [row('?', `${named}: ${why ?? 'not examined'}`, style)];
  const lines = [
    row(kinship.word, named, style),
    row('', shareText(kinship), style),
    row('', countText(kinship), style),
  ];
  const layers = verbose ? kinship.layers.map((layer) => row('', layerText(layer), style)) : [];
  return [...lines, ...(kinship.share > 0 ? [row('', figureText(kinship), style)] : []), ...layers];
}

const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.01 ? 2 : 0)} %`;

function shareText({ share, compared }: Kinship): string {
  return `${percent(share)} of the weights that can tell are equal or alike (${percent(compared)} compared)`;
}

function countText({ counts }: Kinship): string {
  const some = TENSOR_WORDS.filter((word) => counts[word] > 0).map((word) => `${counts[word]} ${word}`);
  return `tensors: ${some.join(', ')}`;
}

function figureText(kinship: Kinship): string {
  return [
    `correlation ${kinship.correlation.toFixed(4)}`,
    `relative change ${kinship.change.toPrecision(3)}`,
    ...rankText(kinship),
  ].join(', ');
}

/** As many directions as could be seen are no rank: the change may have any above. */
function rankText({ rank, mostRank }: Pick<Kinship, 'rank' | 'mostRank'>): readonly string[] {
  if (rank === undefined || mostRank === undefined) return [];
  return [rank >= 0.9 * mostRank ? `rank of the change ${rank} or more` : `rank of the change about ${rank}`];
}

function layerText({ layer, tensors, related, correlation, change, rank }: KinLayer): string {
  const figures = `correlation ${correlation.toFixed(4)}, change ${change.toPrecision(3)}`;
  const ranked = rank === undefined ? '' : `, rank ${rank}`;
  return `${layer === null ? 'no layer' : `layer ${layer}`}: ${related} of ${counted(tensors, 'matrix', 'matrices')} alike, ${figures}${ranked}`;
}

function answerLine({ model, likeliest, verdict, candidates }: KinOutcome, style: Style): string {
  const word = candidates.find(({ against }) => against === likeliest)?.kinship?.word;
  const what =
    likeliest === null
      ? `${style.plain(model)} is kin to none of them`
      : `${style.plain(model)} and ${style.plain(likeliest)}: ${word ?? ''}`;
  if (verdict.exitCode === 0) return style.good(`LIKELIEST BASE: ${what}`);
  if (verdict.exitCode === 4) return style.warn(`UNDECIDED: ${style.plain(model)}`);
  return style.bad(likeliest === null ? `NOT KIN: ${what}` : `KIN, BUT NOT AS DECLARED: ${what}`);
}

export function kinJson(outcome: KinOutcome): Readonly<Record<string, unknown>> {
  const { verdict, ...rest } = outcome;
  return { ...rest, outcome: verdict.outcome, findings: findingsOf(verdict), shows: SHOWS };
}

export function kinMarkdown({ model, candidates, verdict }: KinOutcome): string {
  const rows = candidates.map(({ against, declared, kinship, why }) => {
    const cells =
      kinship === undefined
        ? ['not examined', why ?? '', '', '']
        : [kinship.word, percent(kinship.share), kinship.correlation.toFixed(4), kinship.change.toPrecision(3)];
    return `| ${forMarkdown(against)}${declared ? ' (declared)' : ''} | ${cells.map(forMarkdown).join(' | ')} |`;
  });
  const findings = findingsOf(verdict).map(({ code, message }) => `- ${code}: ${forMarkdown(message)}`);
  const head = [`## ${forMarkdown(model)}: likeliest base`, '', `${SHOWS}.`, ''];
  const table = [
    '| model | is | share alike | correlation | relative change |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ];
  return [...head, ...table, ...(findings.length === 0 ? [] : ['', ...findings])].join('\n');
}
