import { resolve } from 'node:path';
import { Option } from 'commander';
import { claimTypeOf } from '../../domain/claims/attestations.ts';
import { checkStep, readParameters } from '../../domain/claims/provenance.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { attest, type AttestInput, type AttestOutcome, type AttestPorts } from '../../flows/sign/attest.ts';
import { collect, type Register, type Report } from '../command.ts';
import type { Context } from '../context.ts';
import { openForWriting } from '../policy-options.ts';
import { addLogOptions, openRegistry, type LogOptions } from '../registry-options.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';

interface Options extends SignerOptions, LogOptions {
  readonly type: string;
  readonly predicate?: string;
  readonly step?: string;
  readonly input?: readonly string[];
  readonly param?: readonly string[];
  readonly metric?: readonly string[];
  readonly result?: 'passed' | 'failed';
  readonly reference?: readonly string[];
  readonly url?: string;
  readonly builder?: string;
  readonly name?: string;
  readonly to?: string;
}

/** `attest REF --type TYPE`: one more claim. */
export const register: Register = (program, run) => {
  const command = program
    .command('attest')
    .description('sign one more claim about an artifact: how it was made, how it did, what describes it')
    .argument('<ref>', 'a path, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .requiredOption(
      '--type <type>',
      'train, fine-tune, adapter, merge, quantize, convert, preprocess, evaluation, dataset, scan, approval, bom, removed-records, records-absence, or a URI',
    )
    .option('--predicate <file>', 'the predicate itself, in JSON')
    .option('--step <step>', 'the step of a provenance')
    .option('--input <role=ref>', 'what was used: dataset=./data, base-model=NAME:TAG (repeat)', collect)
    .option('--param <name=value>', 'a parameter of the step (repeat)', collect)
    .option('--metric <name=value>', 'a figure of the evaluation (repeat)', collect)
    .addOption(new Option('--result <result>', 'of the evaluation').choices(['passed', 'failed']))
    .option('--reference <file>', 'a document that describes the artifact: Croissant, BOM (repeat)', collect)
    .option('--url <url>', 'where to read more')
    .option('--builder <uri>', 'who ran the step; default: this machine')
    .option('--name <name:version>', 'what the artifact is called in the claim')
    .option('--to <file>', 'write the claim there instead of beside the artifact');
  addSignerOptions(addLogOptions(command)).action(
    run(async (context, ref: string, options: Options) =>
      report(ref, await attest(inputOf(context, ref, options), await portsOf(context, options))),
    ),
  );
};

function inputOf(context: Context, ref: string, options: Options): AttestInput {
  const type = claimTypeOf(options.type);
  const built = [options.step, options.input, options.param, options.metric, options.result, options.reference];
  if (options.predicate !== undefined && built.some((value) => value !== undefined))
    throw new WeighmarkError('usage', '--predicate is the whole predicate: nothing else is added to it');
  const { result, url, builder, name } = options;
  return {
    ref,
    type,
    inputs: options.input ?? [],
    parameters: readParameters(options.param ?? []),
    metrics: readParameters(options.metric ?? []),
    references: (options.reference ?? []).map((path) => resolve(context.cwd, path)),
    ...(options.predicate === undefined ? {} : { predicateFile: resolve(context.cwd, options.predicate) }),
    ...(options.step === undefined ? {} : { step: checkStep(options.step) }),
    ...(options.to === undefined ? {} : { to: resolve(context.cwd, options.to) }),
    ...(result === undefined ? {} : { result }),
    ...(url === undefined ? {} : { url }),
    ...(builder === undefined ? {} : { builder }),
    ...(name === undefined ? {} : { name }),
  };
}

async function portsOf(context: Context, options: Options): Promise<AttestPorts> {
  return {
    signer: await signerFrom(context, options, { refusal: options.result === 'failed' }),
    files: await context.files(),
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
    locate: (path) => resolve(context.cwd, path),
    registry: async (location) => openForWriting(context, await openRegistry(context, options, location), null),
  };
}

function report(ref: string, outcome: AttestOutcome): Report {
  return {
    exitCode: 0,
    json: { ...outcome },
    text: (style) => ({
      out: [
        `claimed    ${style.plain(outcome.predicateType)}`,
        `           by ${style.plain(outcome.signer)}, in ${style.plain(outcome.written)}`,
        `ATTESTED: ${style.plain(ref)} (${outcome.id})`,
        '',
      ].join('\n'),
    }),
  };
}
