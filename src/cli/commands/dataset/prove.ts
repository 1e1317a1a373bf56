import type { Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { isHex256 } from '../../../domain/digest/hex.ts';
import { formatProof, type Proven } from '../../../domain/records/proof.ts';
import { rootsAt } from '../../../flows/data/locate.ts';
import { prove, proveRemoved, type ProveInput } from '../../../flows/data/prove.ts';
import type { Report, Run } from '../../command.ts';
import type { Context } from '../../context.ts';
import { dataPorts, secretFrom, secretOption, unseenText } from './options.ts';

interface Options {
  readonly record?: string;
  readonly position?: string;
  readonly extends?: string;
  readonly secret?: string;
  readonly removed?: string;
}

export function addProve(dataset: Command, run: Run): void {
  dataset
    .command('prove')
    .description('prove that a record is in a dataset, or is not, or that a version only added records')
    .argument('<path>', 'an indexed dataset')
    .option('--record <json|hash>', 'the record as JSON, or blake3:… of it')
    .option('--position <n>', 'the record at a position, counted from 0')
    .option('--extends <roots>', 'that the dataset begins with the records of an earlier version')
    .option('--removed <list>', 'that none of the records on a list is there: to be signed with `attest`')
    .addOption(secretOption())
    .action(
      run(async (context, path: string, options: Options) => {
        if (options.removed !== undefined) return absenceReport(context, path, options);
        const input = {
          root: resolve(context.cwd, path),
          secret: await secretFrom(context, options.secret),
          asked: await askedFrom(context, options),
        };
        const { proof, proven, seen } = await prove(input, await dataPorts(context));
        const text = formatProof(proof);
        return {
          exitCode: 0,
          json: { proof: JSON.parse(text) as object, proven },
          text: (style) => ({ out: text, err: `${style.plain(provenText(proven))}\n${seen ? '' : unseenText(path)}` }),
        };
      }),
    );
}

async function absenceReport(context: Context, path: string, { removed, ...rest }: Options): Promise<Report> {
  if (rest.record !== undefined || rest.position !== undefined || rest.extends !== undefined)
    throw new WeighmarkError('usage', '--removed asks of a whole list: nothing else goes with it');
  const input = { root: resolve(context.cwd, path), list: resolve(context.cwd, removed ?? '') };
  const absence = await proveRemoved(input, await dataPorts(context));
  const text = `${JSON.stringify(absence)}\n`;
  return {
    exitCode: 0,
    json: { proof: absence, proven: { kind: 'absent' } },
    text: () => ({ out: text, err: 'none of the records on the list is in the dataset\n' }),
  };
}

async function askedFrom(context: Context, options: Options): Promise<ProveInput['asked']> {
  const { record, position, extends: before } = options;
  if ([record, position, before].filter((each) => each !== undefined).length !== 1)
    throw new WeighmarkError('usage', 'one of --record, --position and --extends says what to prove');
  if (before !== undefined)
    return { by: 'extension', before: await rootsAt(resolve(context.cwd, before), await context.files()) };
  if (record !== undefined) {
    const hash = record.replace(/^blake3:/, '');
    return isHex256(hash) ? { by: 'hash', hash: Buffer.from(hash, 'hex') } : { by: 'text', text: record };
  }
  if (!/^\d{1,15}$/.test(position ?? '')) throw new WeighmarkError('usage', '--position is a whole number from 0');
  return { by: 'position', position: Number(position) };
}

export function provenText(proven: Proven): string {
  if (proven.kind === 'absent') return 'the record is not in the dataset';
  if (proven.kind === 'extends')
    return `the first ${proven.before} records are those of the earlier version; ${proven.added} were added`;
  const times = proven.count === 1 ? 'once' : `${proven.count} times`;
  return `the record is in the dataset ${times}; one is at position ${proven.position}`;
}
