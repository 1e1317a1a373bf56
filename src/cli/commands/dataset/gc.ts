import type { Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { formatBytes } from '../../../domain/base/units.ts';
import { collectIndexes } from '../../../flows/data/gc.ts';
import { rootsAt } from '../../../flows/data/locate.ts';
import type { Run } from '../../command.ts';

interface Options {
  readonly olderThan: string;
}

export function addGc(dataset: Command, run: Run): void {
  dataset
    .command('gc')
    .description('remove indexes from the cache: of one dataset, or those that nobody used for long')
    .argument('[path]', 'a dataset, or a file of its roots; default: all')
    .option('--older-than <days>', 'all: only those not used for so long', '30')
    .action(
      run(async (context, path: string | undefined, { olderThan }: Options) => {
        if (!/^\d{1,5}$/.test(olderThan)) throw new WeighmarkError('usage', `${olderThan} is not a number of days`);
        const of =
          path === undefined
            ? { olderThanDays: Number(olderThan) }
            : { roots: await rootsAt(resolve(context.cwd, path), await context.files()) };
        const removed = await collectIndexes(of, await context.records(), context.clock.now());
        const bytes = removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        return {
          exitCode: 0,
          json: { removed: removed.map(({ path: at, sizeBytes }) => ({ path: at, sizeBytes })), removedBytes: bytes },
          text: (style) => ({
            out: removed
              .map((each) => `${formatBytes(each.sizeBytes).padStart(9)}  ${style.plain(each.path)}\n`)
              .join(''),
            err: `removed ${removed.length} indexes, ${formatBytes(bytes)}\n`,
          }),
        };
      }),
    );
}
