import type { Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { counted, grouped } from '../../../domain/base/units.ts';
import { mergeParts } from '../../../flows/data/merge.ts';
import { indexPart } from '../../../flows/data/part.ts';
import { reduceParts } from '../../../flows/data/reduce.ts';
import type { Run } from '../../command.ts';
import { rootsJson } from './index.ts';
import { dataPorts, secretFrom, secretOption } from './options.ts';

/** What the machines do with a plan: `part`, then `reduce`, each as often as there are parts; then `merge` once. */
export function addPart(dataset: Command, run: Run): void {
  dataset
    .command('part')
    .description('index one part of a plan; again changes nothing')
    .argument('<path>', 'the dataset')
    .argument('<work>', 'the folder with the plan')
    .argument('<part>', 'which part, from 0')
    .addOption(secretOption())
    .action(
      run(async (context, ...[path, work, part, options]: [string, string, string, { readonly secret?: string }]) => {
        const { records, written } = await indexPart(
          {
            root: resolve(context.cwd, path),
            folder: resolve(context.cwd, work),
            part: numberFrom(part),
            secret: await secretFrom(context, options.secret),
          },
          await dataPorts(context),
        );
        return {
          exitCode: 0,
          json: { part: Number(part), records, written },
          text: (style) => ({ out: `${style.good(`PART ${part}: ${counted(records, 'record')}`)}\n` }),
        };
      }),
    );
}

export function addReduce(dataset: Command, run: Run): void {
  dataset
    .command('reduce')
    .description('reduce one share of all parts of a plan; again changes nothing')
    .argument('<work>', 'the folder with the parts')
    .argument('<part>', 'which share, from 0: as many as parts')
    .action(
      run(async (context, work: string, part: string) => {
        const input = { folder: resolve(context.cwd, work), part: numberFrom(part) };
        const written = await reduceParts(input, { files: await context.files(), records: await context.records() });
        return {
          exitCode: 0,
          json: { part: input.part, written },
          text: (style) => ({ out: `${style.good(`REDUCED: share ${part}`)}\n` }),
        };
      }),
    );
}

export function addMerge(dataset: Command, run: Run): void {
  dataset
    .command('merge')
    .description('the roots of a planned dataset from all its parts, as `dataset index --no-keep` writes them')
    .argument('<path>', 'the dataset')
    .argument('<work>', 'the folder with what was reduced')
    .action(
      run(async (context, path: string, work: string) => {
        const { roots, written } = await mergeParts(
          { root: resolve(context.cwd, path), folder: resolve(context.cwd, work) },
          { files: await context.files(), records: await context.records() },
        );
        return {
          exitCode: 0,
          json: { ...rootsJson(roots), written },
          text: (style) => ({
            out: [
              `records    ${grouped(roots.records)} in ${counted(roots.parts.length, 'file')}`,
              `ordered    blake3:${roots.ordered}`,
              `set        blake3:${roots.set}`,
              `${style.good(`MERGED: ${path}`)}\n`,
            ].join('\n'),
          }),
        };
      }),
    );
}

function numberFrom(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `${text} is no number of a part`, { hint: 'parts are counted from 0' });
}
