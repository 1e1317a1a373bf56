import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { counted } from '../../../domain/base/units.ts';
import type { Verdict } from '../../../domain/base/verdict.ts';
import { DERIVATIONS, type Derivation } from '../../../domain/records/derivation.ts';
import { verifyDerivation, verifyDisjoint, verifyRemoved } from '../../../flows/data/check-derivation.ts';
import { PROJECTED, verifyApart, verifyProjected, type Projected } from '../../../flows/data/projected.ts';
import { findNear, type Nearness } from '../../../flows/data/near.ts';
import { attestCheck } from '../../../flows/sign/attest-check.ts';
import type { AttestOutcome } from '../../../flows/sign/attest.ts';
import { checkProofFile } from '../../../flows/data/check-proof.ts';
import { collect, type Report, type Run } from '../../command.ts';
import type { Context } from '../../context.ts';
import { renderFindings } from '../../errors.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../../signer-options.ts';
import { dataPorts, secretFrom, secretOption, unseenText } from './options.ts';
import { provenText } from './prove.ts';

interface Options extends SignerOptions {
  readonly roots?: string;
  readonly record?: string;
  readonly extends?: string;
  readonly step?: Derivation | Projected;
  readonly from?: readonly string[];
  readonly against?: string;
  readonly removed?: string;
  readonly columns?: string;
  readonly normalised?: boolean;
  readonly near?: boolean;
  readonly attest?: boolean;
  readonly name?: string;
  readonly secret?: string;
}

export function addCheck(dataset: Command, run: Run): void {
  const command = dataset
    .command('check')
    .description('check a proof without the dataset; or datasets: what a step made, what they share, what must be gone')
    .argument('<path...>', 'a proof, or indexed datasets')
    .option('--roots <file>', 'proof: the roots that were signed, or the dataset beside which they stand')
    .option('--record <json>', 'proof: the record it is to speak of')
    .option('--extends <roots>', 'proof: the earlier version the dataset is to begin with')
    .addOption(
      new Option('--step <step>', 'whether the datasets are what a step made').choices([...DERIVATIONS, ...PROJECTED]),
    )
    .option('--from <dataset>', 'step: what went in (repeat)', collect)
    .option('--against <dataset>', 'whether the two share no record, such as training and test data')
    .option('--removed <list>', 'whether none of the records on a list is there')
    .option('--columns <column,…>', 'label, join, --against: compare by these columns; default: all of the input')
    .option('--normalised', '--against: compare texts whatever their case, spacing and Unicode form')
    .option('--near', '--against: count records that resemble one of the other too; that decides nothing')
    .option('--attest', 'sign the outcome, passed or failed, as evidence beside each dataset')
    .option('--name <name:version>', '--attest: what the dataset is called in the claim')
    .addOption(secretOption());
  addSignerOptions(command).action(
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
  const { proven, seen } = await checkProofFile(
    {
      proof: at(only(paths)),
      roots: at(options.roots ?? ''),
      record: options.record ?? null,
      before: options.extends === undefined ? null : at(options.extends),
    },
    { files: await context.files(), records: await context.records() },
  );
  return {
    exitCode: 0,
    json: { proven },
    text: (style) => ({
      out: `${style.good(`PROVEN: ${provenText(proven)}`)}\n`,
      ...(seen ? {} : { err: unseenText(options.roots ?? '') }),
    }),
  };
}

async function checkDatasets(context: Context, paths: readonly string[], options: Options): Promise<Report> {
  const verdict = await verdictOf(context, paths, options);
  const near = await nearnessOf(context, paths, options);
  if (options.attest !== true) return verdictReport(verdict, [], near);
  const at = (path: string): string => resolve(context.cwd, path);
  const { step, from = [], against, removed, name } = options;
  if (removed !== undefined)
    throw new WeighmarkError('usage', 'the absence of records is proven rather than attested', {
      hint: '`weighmark dataset prove DATASET --removed LIST`, then `weighmark attest --type records-absence`',
    });
  const input = {
    check: step ?? 'overlap',
    verdict,
    of: paths.map(at),
    against: (against === undefined ? from : [against]).map(at),
    ...(name === undefined ? {} : { name }),
    secret: await secretFrom(context, options.secret),
  };
  const { progress, signal } = context;
  const signer = await signerFrom(context, options, { refusal: verdict.exitCode !== 0 });
  const outcomes = await attestCheck(input, {
    signer,
    files: await context.files(),
    hasher: () => context.hasher(),
    records: () => context.records(),
    progress,
    signal,
    locate: at,
    registry: () => context.registry(undefined),
  });
  return verdictReport(verdict, outcomes, near);
}

async function nearnessOf(context: Context, paths: readonly string[], options: Options): Promise<Nearness | null> {
  const { near, against, columns } = options;
  if (near !== true) return null;
  if (against === undefined) throw new WeighmarkError('usage', '--near goes with --against');
  const at = (path: string): string => resolve(context.cwd, path);
  return findNear([at(only(paths)), at(against)], columns?.split(',') ?? null, await dataPorts(context));
}

/** What resembles what, said as what it is: an estimate. */
function nearText({ method, atLeast, compared, withoutText, records, named }: Nearness): string {
  const [first] = named;
  const where =
    first === undefined
      ? ''
      : `; first ${first.place.path}, record ${first.place.record}, like ${first.resembles.path}, record ${first.resembles.record} (about ${Math.round(100 * first.estimate)} %)`;
  const left = withoutText === 0 ? '' : `, ${counted(withoutText, 'record')} without words not`;
  return `advisory   ${records} of ${compared[0]} records resemble one of the other ${compared[1]} by ${100 * atLeast} % or more${where} (${method}: estimated from texts${left}; others may go unseen)`;
}

async function verdictOf(context: Context, paths: readonly string[], options: Options): Promise<Verdict> {
  const at = (path: string): string => resolve(context.cwd, path);
  const [ports, shown] = [await dataPorts(context), paths.join(' ')];
  const { step, from = [], against, removed, normalised = false } = options;
  const columns = options.columns?.split(',') ?? null;
  const isProjected = step === 'label' || step === 'join';
  if (columns !== null && !isProjected && against === undefined)
    throw new WeighmarkError('usage', '--columns goes with --against, --step label and --step join');
  if (step !== undefined && from.length === 0)
    throw new WeighmarkError('usage', 'a step is checked against what went in', { hint: 'name it with `--from`' });
  if (isProjected)
    return verifyProjected({ step, before: from.map(at), after: at(only(paths)), columns, shown }, ports);
  if (step !== undefined) return verifyDerivation({ step, before: from.map(at), after: paths.map(at), shown }, ports);
  if (against === undefined) return verifyRemoved(at(only(paths)), at(removed ?? ''), shown, ports);
  const both = [at(only(paths)), at(against)] as const;
  if (columns === null && !normalised) return verifyDisjoint(both, shown, ports);
  const unicode = process.versions['unicode'] ?? 'unknown';
  return verifyApart(both, { comparing: { columns, normalised }, shown, unicode }, ports);
}

function only(paths: readonly string[]): string {
  if (paths.length === 1) return paths[0] ?? '';
  throw new WeighmarkError('usage', 'one path at a time', { subject: paths[1] ?? '' });
}

export function verdictReport(
  verdict: Verdict,
  attested: readonly AttestOutcome[],
  near: Nearness | null = null,
): Report {
  const { checks, exitCode, subject } = verdict;
  const findings = checks.flatMap((check) => (check.passed ? [] : check.findings));
  return {
    exitCode,
    json: { subject, checks, ...(near === null ? {} : { near }), ...(attested.length === 0 ? {} : { attested }) },
    text: (style) => ({
      out: [
        ...checks.flatMap(({ evidence }) => evidence.map(({ what }) => `verified   ${style.plain(what)}\n`)),
        ...(near === null ? [] : [`${style.plain(nearText(near))}\n`]),
        ...attested.map(({ signer, written }) => `signed     by ${style.plain(signer)}, in ${style.plain(written)}\n`),
        ...renderFindings(findings, style).map((lines) => `${lines}\n`),
        findings.length === 0 ? `${style.good(`VERIFIED: ${subject}`)}\n` : `${style.bad(`FAILED: ${subject}`)}\n`,
      ].join(''),
    }),
  };
}
