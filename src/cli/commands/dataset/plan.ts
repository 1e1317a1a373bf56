import type { Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { counted, formatBytes } from '../../../domain/base/units.ts';
import { planDataset } from '../../../flows/data/plan.ts';
import type { Run } from '../../command.ts';
import { addReadingOptions, declaredFrom, secretFrom, secretOption, type ReadingOptions } from './options.ts';

interface Options extends ReadingOptions {
  readonly partSize: string;
  readonly secret?: string;
}

const UNITS = { '': 1, kB: 1e3, MB: 1e6, GB: 1e9 };

export function addPlan(dataset: Command, run: Run): void {
  const command = dataset
    .command('plan')
    .description('cut a dataset into parts that many machines index: roots as `dataset index` makes them')
    .argument('<path>', 'file or folder')
    .argument('<work>', 'the folder in which the machines meet')
    .option('--part-size <bytes>', 'of one part, about; such as 64MB', '256MB')
    .addOption(secretOption());
  addReadingOptions(command).action(
    run(async (context, path: string, work: string, options: Options) => {
      const input = {
        root: resolve(context.cwd, path),
        declared: declaredFrom(options),
        secret: await secretFrom(context, options.secret),
        folder: resolve(context.cwd, work),
        partBytes: bytesFrom(options.partSize),
      };
      const { files, parts } = await planDataset(input, {
        files: await context.files(),
        records: await context.records(),
      });
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      return {
        exitCode: 0,
        json: { parts: parts.length, files: files.length, bytes },
        text: (style) => ({
          out: `files      ${counted(files.length, 'file')}, ${formatBytes(bytes)}\n${style.good(`PLANNED: ${counted(parts.length, 'part')}, 0 to ${parts.length - 1}`)}\n`,
        }),
      };
    }),
  );
}

function bytesFrom(text: string): number {
  const [, digits, unit] = /^(\d{1,12})(|kB|MB|GB)$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit as keyof typeof UNITS] ?? 0);
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new WeighmarkError('usage', `${text} is no size of a part`, { hint: 'such as `--part-size 256MB`' });
}
