import { resolve } from 'node:path';
import { parseAsked } from '../../domain/registry/reference.ts';
import { kinOnDisk, type KinInput } from '../../flows/derive/kin-side.ts';
import { kin, type KinOutcome } from '../../flows/derive/kin.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addLogOptions, type LogOptions } from '../registry-options.ts';
import { kinJson, kinMarkdown, kinText } from '../views/kin.ts';
import { sideOf } from './derive.ts';

interface Options extends LogOptions {
  readonly against: readonly string[];
}

/** `kin MODEL --against REF…`: which of these is the likeliest base, by the weights. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('kin'))
    .description('which of several models is the likeliest base of MODEL, by the numbers of their weights')
    .argument('<model>', 'a path, NAME:TAG, NAME@sha256:…, oci://…')
    .requiredOption('--against <ref...>', 'possible bases')
    .action(
      run(async (context, model: string, options: Options) =>
        report(await kinOf(context, model, options), context.options.verbose),
      ),
    );
};

async function kinOf(context: Context, model: string, options: Options): Promise<KinOutcome> {
  const against: KinInput[] = [];
  for (const ref of new Set(options.against)) against.push(await inputOf(context, ref, options));
  const ports = { numbers: await context.numbers(), progress: context.progress, signal: context.signal };
  return kin({ model: await inputOf(context, model, options), against }, ports);
}

async function inputOf(context: Context, ref: string, options: LogOptions): Promise<KinInput> {
  const reference = parseAsked(ref);
  if (reference.kind !== 'path') {
    const side = await sideOf(context, ref, options);
    return { ...side, names: [ref], official: reference.kind === 'digest' ? [] : [ref] };
  }
  return kinOnDisk(resolve(context.cwd, reference.path), ref, await context.files());
}

function report(outcome: KinOutcome, verbose: boolean): Report {
  return {
    exitCode: outcome.verdict.exitCode,
    json: kinJson(outcome),
    text: (style) => ({ out: kinText(outcome, { verbose }, style) }),
    markdown: () => kinMarkdown(outcome),
  };
}
