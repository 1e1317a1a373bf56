import type { Command } from 'commander';
import { resolve } from 'node:path';
import { checkProofFile } from '../../../flows/data/check-proof.ts';
import type { Run } from '../../command.ts';
import { provenText } from './prove.ts';

interface Options {
  readonly roots: string;
  readonly record?: string;
  readonly extends?: string;
}

export function addCheck(dataset: Command, run: Run): void {
  dataset
    .command('check')
    .description('check a proof about records, without the dataset')
    .argument('<proof>', 'what `dataset prove` printed')
    .requiredOption(
      '--roots <file>',
      'the roots that were signed: `.weighmark/records`, or the dataset beside which they stand',
    )
    .option('--record <json>', 'the record the proof is to speak of')
    .option('--extends <roots>', 'the earlier version the dataset is to begin with')
    .action(
      run(async (context, proof: string, options: Options) => {
        const at = (path: string): string => resolve(context.cwd, path);
        const proven = await checkProofFile(
          {
            proof: at(proof),
            roots: at(options.roots),
            record: options.record ?? null,
            before: options.extends === undefined ? null : at(options.extends),
          },
          { files: await context.files() },
        );
        return {
          exitCode: 0,
          json: { proven },
          text: (style) => ({ out: `${style.good(`PROVEN: ${provenText(proven)}`)}\n` }),
        };
      }),
    );
}
