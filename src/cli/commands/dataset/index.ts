import type { Command } from 'commander';
import { resolve } from 'node:path';
import { sha256Hex } from '../../../domain/digest/hex.ts';
import { readingDigest } from '../../../domain/records/reading.ts';
import { formatRoots, schemaDigest, type Roots } from '../../../domain/records/roots.ts';
import { indexDataset, type IndexOutcome } from '../../../flows/data/index-dataset.ts';
import type { Report, Run, Style } from '../../command.ts';
import {
  addReadingOptions,
  dataPorts,
  declaredFrom,
  secretFrom,
  secretOption,
  type ReadingOptions,
} from './options.ts';
import { counted, grouped } from '../../../domain/base/units.ts';

interface Options extends ReadingOptions {
  readonly keep: boolean;
  readonly secret?: string;
}

export function addIndex(dataset: Command, run: Run): void {
  const command = dataset
    .command('index')
    .description('read a dataset once: roots over its records, and an index for proofs and comparison')
    .argument('<path>', 'file or folder')
    .option('--no-keep', 'roots alone, no index')
    .addOption(secretOption());
  addReadingOptions(command).action(
    run(async (context, path: string, options: Options) => {
      const input = {
        root: resolve(context.cwd, path),
        declared: declaredFrom(options),
        secret: await secretFrom(context, options.secret),
        keep: options.keep,
      };
      return report(path, await indexDataset(input, await dataPorts(context)));
    }),
  );
}

function report(path: string, outcome: IndexOutcome): Report {
  const { roots, written, index, leftOut } = outcome;
  return {
    exitCode: 0,
    json: { ...rootsJson(roots), written, index, leftOut },
    text: (style) => ({ out: `${lines(path, outcome, style).join('\n')}\n` }),
  };
}

/** Roots as machines are told them. */
export function rootsJson(roots: Roots): Readonly<Record<string, unknown>> {
  return {
    ...roots,
    schema: schemaDigest(roots.columns),
    readingDigest: readingDigest(roots.reading),
    sha256: sha256Hex(formatRoots(roots)),
  };
}

function lines(path: string, { roots, index, leftOut }: IndexOutcome, style: Style): readonly string[] {
  const { reading, parts, records, distinct, columns } = roots;
  const twice = records - distinct;
  return [
    `records    ${grouped(records)} in ${parts.length} ${parts.length === 1 ? 'file' : 'files'}${twice === 0 ? '' : `, ${grouped(twice)} of them repeat others`}`,
    `read as    ${reading.format}${reading.profile === 'text' ? ', each scalar by its text' : ''}${roots.key === null ? '' : `, hashed under key ${roots.key.slice(0, 16)}`}`,
    ...(columns === null ? [] : [`columns    ${style.plain(columnText(columns))}`]),
    ...(leftOut.length === 0
      ? []
      : [`left out   ${counted(leftOut.length, 'file')} with no ${reading.format} records`]),
    `ordered    blake3:${roots.ordered}`,
    `set        blake3:${roots.set}`,
    index === null ? 'index      not kept' : `index      ${style.plain(index)}`,
    style.good(`INDEXED: ${path}`),
  ];
}

const MAX_COLUMNS = 12;

function columnText(columns: NonNullable<Roots['columns']>): string {
  const names = Object.entries(columns);
  const shown = names.slice(0, MAX_COLUMNS).map(([name, kinds]) => `${name} ${kinds.join('|') || 'null'}`);
  return `${shown.join(', ')}${names.length > MAX_COLUMNS ? ` and ${names.length - MAX_COLUMNS} more` : ''}`;
}
