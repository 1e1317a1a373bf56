import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import type { Verdict } from '../../../domain/base/verdict.ts';
import { DERIVATIONS, type Derivation } from '../../../domain/records/derivation.ts';
import { verifyDerivation, verifyDisjoint, verifyRemoved } from '../../../flows/data/check-derivation.ts';
import { checkProofFile } from '../../../flows/data/check-proof.ts';
import { collect, type Report, type Run } from '../../command.ts';
import type { Context } from '../../context.ts';
import { renderFindings } from '../../errors.ts';
import { dataPorts } from './options.ts';
import { provenText } from './prove.ts';

interface Options {
  readonly roots?: string;
  readonly record?: string;
  readonly extends?: string;
  readonly step?: Derivation;
  readonly from?: readonly string[];
  readonly against?: string;
  readonly removed?: string;
}

export function addCheck(dataset: Command, run: Run): void {
  dataset
    .command('check')
    .description('check a proof without the dataset; or datasets: what a step made, what they share, what must be gone')
    .argument('<path...>', 'a proof, or indexed datasets')
    .option('--roots <file>', 'proof: the roots that were signed, or the dataset beside which they stand')
    .option('--record <json>', 'proof: the record it is to speak of')
    .option('--extends <roots>', 'proof: the earlier version the dataset is to begin with')
    .addOption(new Option('--step <step>', 'whether the datasets are what a step made').choices(DERIVATIONS))
    .option('--from <dataset>', 'step: what went in (repeat)', collect)
    .option('--against <dataset>', 'whether the two share no record, such as training and test data')
    .option('--removed <list>', 'whether none of the records on a list is there')
    .action(
      run(async (context, paths: string[], options: Options) => {
        const ways = [options.roots, options.step, options.against, options.removed].filter((way) => way !== undefined);
        if (ways.length !== 1)
          throw new WeighmarkError('usage', 'one of --roots, --step, --against and --removed says what to check');
        return options.roots === undefined
          ? checkDatasets(context, paths, options)
          : checkProofs(context, paths, options);
      }),
    );
}

async function checkProofs(context: Context, paths: readonly string[], options: Options): Promise<Report> {
  const at = (path: string): string => resolve(context.cwd, path);
  const proven = await checkProofFile(
    {
      proof: at(only(paths)),
      roots: at(options.roots ?? ''),
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
}

async function checkDatasets(context: Context, paths: readonly string[], options: Options): Promise<Report> {
  const at = (path: string): string => resolve(context.cwd, path);
  const [ports, shown] = [await dataPorts(context), paths.join(' ')];
  const { step, from = [], against, removed } = options;
  if (step !== undefined && from.length === 0)
    throw new WeighmarkError('usage', 'a step is checked against what went in', { hint: 'name it with `--from`' });
  if (step !== undefined)
    return report(await verifyDerivation({ step, before: from.map(at), after: paths.map(at), shown }, ports));
  if (against !== undefined) return report(await verifyDisjoint([at(only(paths)), at(against)], shown, ports));
  return report(await verifyRemoved(at(only(paths)), at(removed ?? ''), shown, ports));
}

function only(paths: readonly string[]): string {
  if (paths.length === 1) return paths[0] ?? '';
  throw new WeighmarkError('usage', 'one path at a time', { subject: paths[1] ?? '' });
}

function report(verdict: Verdict): Report {
  const { checks, exitCode, subject } = verdict;
  const findings = checks.flatMap((check) => (check.passed ? [] : check.findings));
  return {
    exitCode,
    json: { subject, checks },
    text: (style) => ({
      out: [
        ...checks.flatMap(({ evidence }) => evidence.map(({ what }) => `verified   ${style.plain(what)}\n`)),
        ...renderFindings(findings, style).map((lines) => `${lines}\n`),
        findings.length === 0 ? `${style.good(`VERIFIED: ${subject}`)}\n` : `${style.bad(`FAILED: ${subject}`)}\n`,
      ].join(''),
    }),
  };
}
