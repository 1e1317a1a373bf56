import type { Command } from 'commander';
import { resolve } from 'node:path';
import { CODES } from '../../../domain/base/errors.ts';
import { diffDatasets, type DataDiff, type ToldRecord } from '../../../flows/data/diff.ts';
import type { Run, Style } from '../../command.ts';
import { balanceRows } from '../../views/data-diff.ts';
import { dataDiffHtml } from '../../views/data-diff-html.ts';
import { dataPorts, unseenText } from './options.ts';

interface Options {
  readonly key?: string;
  readonly label?: string;
  readonly show?: boolean;
}

export function addDiff(dataset: Command, run: Run): void {
  dataset
    .command('diff')
    .description('what changed from A to B, record by record; exit 1 when they differ')
    .argument('<a>', 'an indexed dataset')
    .argument('<b>', 'an indexed dataset')
    .option('--key <column,…>', 'what tells records apart: the others are compared cell by cell')
    .option('--label <column>', 'count how often each of its values came or went')
    .option('--show', 'print the records, which may speak of people')
    .action(
      run(async (context, a: string, b: string, options: Options) => {
        const input = {
          a: resolve(context.cwd, a),
          b: resolve(context.cwd, b),
          key: options.key?.split(',') ?? [],
          label: options.label ?? null,
          show: options.show === true,
        };
        const { unseen, ...diff } = await diffDatasets(input, await dataPorts(context));
        return {
          exitCode: diff.differs ? CODES.differs : 0,
          json: { a, b, ...diff },
          text: (style) => ({
            out: `${lines([a, b], diff, style).join('\n')}\n`,
            err: unseen.map(unseenText).join(''),
          }),
          other: { html: () => dataDiffHtml([a, b], diff) },
        };
      }),
    );
}

function lines([a, b]: readonly [string, string], diff: DataDiff, style: Style): readonly string[] {
  const { examples, records, repeated } = diff;
  return [
    `records    ${records[0]} → ${records[1]}; ${diff.common} in both${diff.moved === 0 ? '' : `, ${diff.moved} of them moved`}`,
    ...(repeated[0] + repeated[1] === 0 ? [] : [`repeated   ${repeated[0]} → ${repeated[1]}`]),
    ...(diff.sameSchema ? [] : ['columns    differ']),
    ...countLine('changed', diff.changed, style),
    ...examples.changed.map(({ before, after, cells }) => {
      const told = cells.map((cell) => cellText(cell, style)).join(', ');
      return `  ${style.plain(before.path)} ${before.position} → ${after.position}: ${told}`;
    }),
    ...countLine('removed', diff.removed, style),
    ...examples.removed.map((each) => recordLine(each, style)),
    ...countLine('added', diff.added, style),
    ...examples.added.map((each) => recordLine(each, style)),
    ...balanceRows(diff).map(
      ({ value, counts, shares, by }) =>
        `label      ${style.plain(value)} ${counts.join(' → ')} (${shares.join(' → ')})${by === 0 ? '' : ` ${by > 0 ? '+' : ''}${by}`}`,
    ),
    diff.differs ? style.bad(`DIFFERENT: ${a} and ${b}`) : style.good(`THE SAME: ${a} and ${b}, record by record`),
  ];
}

function countLine(what: string, count: number, style: Style): readonly string[] {
  return count === 0 ? [] : [`${what.padEnd(10)} ${style.warn(String(count))}`];
}

function cellText(cell: DataDiff['examples']['changed'][number]['cells'][number], style: Style): string {
  if (!('before' in cell)) return style.bold(cell.column);
  return `${style.bold(cell.column)} ${style.plain(JSON.stringify(cell.before))} → ${style.plain(JSON.stringify(cell.after))}`;
}

function recordLine({ path, position, record }: ToldRecord, style: Style): string {
  return `  ${style.plain(path)} ${position}${record === undefined ? '' : ` ${style.plain(JSON.stringify(record))}`}`;
}
