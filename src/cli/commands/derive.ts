import { resolve } from 'node:path';
import { Option } from 'commander';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { STEPS, WORDS, type DeriveStep, type Word } from '../../domain/derive/verdict.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { filesOf as filesOfTree } from '../../flows/bom/create.ts';
import { derive, type DeriveInput } from '../../flows/derive/derive.ts';
import type { DeriveOutcome } from '../../flows/derive/outcome.ts';
import type { SideInput } from '../../flows/derive/side.ts';
import { storedFiles } from '../../flows/registry/registry-show.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addLogOptions, openArtifact, type LogOptions } from '../registry-options.ts';
import { deriveJson, deriveMarkdown, deriveText } from '../views/derive.ts';

interface Options extends LogOptions {
  readonly from: string;
  readonly with?: readonly string[];
  readonly step?: DeriveStep;
  readonly atLeast: Word;
  readonly quick?: boolean;
}

/** `derive CHILD --from PARENT`: is it what the step gives, tensor by tensor. */
export const register: Register = (program, run) => {
  addLogOptions(program.command('derive'))
    .description('recompute a step: is CHILD the honest outcome of converting, casting or quantising PARENT')
    .argument('<child>', 'a path, NAME:TAG, NAME@sha256:…, oci://…')
    .requiredOption('--from <parent>', 'what it is said to be made of')
    .option(
      '--with <ref...>',
      'what else went in: an importance matrix (GGUF), the LoRA or the models that were merged',
    )
    .addOption(new Option('--step <step>', 'the step; default: what the two look like').choices(STEPS))
    .addOption(
      new Option('--at-least <word>', 'the weakest word that passes').choices(WORDS.slice(0, 4)).default('bounded'),
    )
    .option('--quick', 'check the codes of K-quants, and do not repeat the search for their scales')
    .action(
      run(async (context, child: string, options: Options) =>
        report(await deriveRefs(context, child, options), context.options.verbose),
      ),
    );
};

async function deriveRefs(context: Context, child: string, options: Options): Promise<DeriveOutcome> {
  const { from, step, atLeast, quick } = options;
  const others: SideInput[] = [];
  for (const ref of options.with ?? []) others.push(await sideOf(context, ref, options));
  const input = {
    child: await sideOf(context, child, options),
    parent: await sideOf(context, from, options),
    ...besides(others, step),
    ...(step === undefined ? {} : { step }),
    ...(quick === true ? { quick } : {}),
    atLeast,
  };
  return derive(input, { numbers: await context.numbers(), progress: context.progress, signal: context.signal });
}

/** What `--with` names, as the step says, else as it looks. @throws WeighmarkError `usage` for several of what there is one of. */
function besides(
  others: readonly SideInput[],
  step: DeriveStep | undefined,
): Pick<DeriveInput, 'merged' | 'adapter' | 'importance'> {
  if (step === 'merge') return { merged: others };
  const [other, ...more] = others;
  if (more.length > 0) throw new WeighmarkError('usage', 'several --with go with --step merge alone');
  if (other === undefined) return {};
  const looks = other.files.some(({ path }) => path === 'adapter_config.json');
  return (step === undefined ? looks : step === 'adapter-merge') ? { adapter: other } : { importance: other };
}

/** The files of an artifact, on disk or in a registry. */
export async function sideOf(context: Context, ref: string, options: LogOptions): Promise<SideInput> {
  const reference = parseAsked(ref);
  if (reference.kind === 'path') {
    const files = await context.files();
    const tree = await files.walk(resolve(context.cwd, reference.path), { allowSymlinks: true });
    return { shown: ref, files: filesOfTree(tree, new Map(), { files }) };
  }
  const { registry, place } = await openArtifact(context, ref, options);
  const id = await registry.resolve(place.name, place.reference);
  return { shown: ref, files: await storedFiles(registry, place.name, id) };
}

function report(outcome: DeriveOutcome, verbose: boolean): Report {
  return {
    exitCode: outcome.verdict.exitCode,
    json: deriveJson(outcome),
    text: (style) => ({ out: deriveText(outcome, { verbose }, style) }),
    markdown: () => deriveMarkdown(outcome),
  };
}
