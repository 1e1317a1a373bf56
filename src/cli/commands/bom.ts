import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { ArtifactKind, Layout } from '../../domain/bom/build.ts';
import { SPEC_VERSIONS, type SpecVersion } from '../../domain/bom/types.ts';
import { ELEMENT_SETS, type ElementSet } from '../../domain/bom/validate/elements.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { dateTime } from '../../domain/metadata/datasets.ts';
import { isRelation, type Statements } from '../../domain/metadata/stated.ts';
import { RELATIONS } from '../../domain/metadata/types.ts';
import { bomCreate, type BomPorts, type Described } from '../../flows/bom/create.ts';
import { bomDiff } from '../../flows/bom/diff.ts';
import { readFactsFile, statedFacts } from '../../flows/bom/facts.ts';
import { bomValidate } from '../../flows/bom/validate.ts';
import { bomVerify } from '../../flows/bom/verify.ts';
import { collect, type Register, type Report } from '../command.ts';
import type { Context } from '../context.ts';
import { createdReport, diffReport, validatedReport, verifiedReport } from '../views/bom.ts';

interface CreateOptions {
  readonly spec: 'cyclonedx' | 'spdx-3';
  readonly specVersion: SpecVersion;
  readonly layout: Layout;
  readonly kind?: ArtifactKind;
  readonly timestamp?: string;
  readonly allowSymlinks?: boolean;
  readonly facts?: string;
  readonly statedBy?: string;
  readonly name?: string;
  readonly version?: string;
  readonly supplier?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly relation?: string;
  readonly dataset?: readonly string[];
  readonly baseModel?: readonly string[];
  readonly prompt?: readonly string[];
  readonly plugin?: readonly string[];
}

/** `bom create|validate|diff|verify`: the CycloneDX ML-BOM. */
export const register: Register = (program, run) => {
  program.enablePositionalOptions();
  const bom = program
    .command('bom')
    .description('the ML-BOM (CycloneDX): make, check, compare, hold against the files');
  addCreate(bom).action(run((context, path: string, options: CreateOptions) => create(context, path, options)));
  bom
    .command('validate')
    .description('official schema, references, digests, citations; and which minimum elements are there')
    .argument('<file>', 'CycloneDX 1.2–1.7')
    .addOption(
      new Option(
        '--require <set>',
        `fail if a minimum element is missing: ${ELEMENT_SETS.join(', ')} (repeat)`,
      ).argParser(collectSet),
    )
    .action(
      run((context, file: string, options: { require?: readonly ElementSet[] }) => validate(context, file, options)),
    );
  bom
    .command('diff')
    .description('what changed in meaning: files, tensors, licences, datasets, base models')
    .argument('<a>', 'CycloneDX JSON')
    .argument('<b>', 'CycloneDX JSON')
    .action(
      run(async (context, a: string, b: string) => {
        const files = await context.files();
        return diffReport(await bomDiff({ a: resolve(context.cwd, a), b: resolve(context.cwd, b) }, { files }), {
          a,
          b,
        });
      }),
    );
  bom
    .command('verify')
    .description('do the files match the BOM')
    .argument('<file>', 'CycloneDX JSON')
    .argument('<dir>', 'the folder or file it describes')
    .option('--allow-symlinks', 'follow symbolic links inside the artifact')
    .action(
      run((context, file: string, dir: string, options: { allowSymlinks?: boolean }) =>
        verify(context, [file, dir], options),
      ),
    );
};

function addCreate(bom: Command): Command {
  return bom
    .command('create')
    .description('describe a model or dataset: every file digested, every fact with its source')
    .argument('<path>', 'a folder or file')
    .addOption(
      new Option('--spec <spec>', 'CycloneDX, or what SPDX 3.0.1 (AI profile) has words for')
        .choices(['cyclonedx', 'spdx-3'])
        .default('cyclonedx'),
    )
    .addOption(new Option('--spec-version <version>', 'of CycloneDX').choices(SPEC_VERSIONS).default('1.7'))
    .addOption(
      new Option('--layout <layout>', 'guide: files nested in the model; flat: one list')
        .choices(['guide', 'flat'])
        .default('guide'),
    )
    .addOption(
      new Option('--kind <kind>', 'what the artifact is, where files leave it open').choices(['model', 'dataset']),
    )
    .option('--timestamp <time>', 'RFC 3339, or `now`; default: SOURCE_DATE_EPOCH, else none')
    .option('--allow-symlinks', 'follow symbolic links inside the artifact')
    .addOption(new Option('--name <name>').helpGroup('State what files do not say:'))
    .addOption(new Option('--version <version>').helpGroup('State what files do not say:'))
    .addOption(new Option('--supplier <name>', 'who provides it').helpGroup('State what files do not say:'))
    .addOption(new Option('--description <text>').helpGroup('State what files do not say:'))
    .addOption(
      new Option('--licence <spdx>', 'SPDX identifier or expression, or words').helpGroup(
        'State what files do not say:',
      ),
    )
    .addOption(
      new Option('--dataset <ref>', 'DIR, BOM, [NAME@]sha256:… or a name (repeat)')
        .argParser(collect)
        .helpGroup('State what files do not say:'),
    )
    .addOption(
      new Option('--base-model <ref>', 'DIR, BOM, [NAME@]sha256:… or a name (repeat)')
        .argParser(collect)
        .helpGroup('State what files do not say:'),
    )
    .addOption(
      new Option('--relation <relation>', 'to the base model')
        .choices(RELATIONS)
        .helpGroup('State what files do not say:'),
    )
    .addOption(
      new Option('--prompt <file>', 'a prompt used with it (repeat)')
        .argParser(collect)
        .helpGroup('State what files do not say:'),
    )
    .addOption(
      new Option('--plugin <file>', 'a plug-in or tool used with it (repeat)')
        .argParser(collect)
        .helpGroup('State what files do not say:'),
    )
    .addOption(new Option('--facts <file>', 'all of these in YAML').helpGroup('State what files do not say:'))
    .addOption(
      new Option('--stated-by <name>', 'who states it, and makes the BOM').helpGroup('State what files do not say:'),
    );
}

function collectSet(value: string, all: readonly ElementSet[] = []): readonly ElementSet[] {
  const set = ELEMENT_SETS.find((each) => each === value.toLowerCase());
  if (set === undefined)
    throw new WeighmarkError('usage', `--require is ${ELEMENT_SETS.slice(0, -1).join(', ')} or ${ELEMENT_SETS.at(-1)}`);
  return [...all, set];
}

async function create(context: Context, path: string, options: CreateOptions): Promise<Report> {
  const ports = await portsOf(context);
  const timestamp = timestampOf(context, options.timestamp);
  const fromFile =
    options.facts === undefined
      ? []
      : await statedFacts(await readFactsFile(resolve(context.cwd, options.facts), ports), ports);
  const stated = [...(await statedFacts(statementsOf(context, options), ports)), ...fromFile];
  const described: Described = await bomCreate(
    {
      path: resolve(context.cwd, path),
      tool: { name: 'weighmark', version: context.version },
      specVersion: options.specVersion,
      layout: options.layout,
      stated,
      ...(options.kind === undefined ? {} : { kind: options.kind }),
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(options.statedBy === undefined ? {} : { author: options.statedBy }),
      ...(options.allowSymlinks === true ? { allowSymlinks: true } : {}),
      ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
      signal: context.signal,
    },
    ports,
  );
  if (options.spec === 'cyclonedx') return createdReport(described, path);
  const { spdxOf } = await import('../../domain/bom/spdx.ts');
  return createdReport(described, path, spdxOf(described.bom));
}

async function portsOf(context: Context): Promise<BomPorts> {
  return {
    files: await context.files(),
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
  };
}

/** RFC 3339 to the second. @throws WeighmarkError `usage`. */
function timestampOf(context: Context, option: string | undefined): string | undefined {
  const epoch = context.env['SOURCE_DATE_EPOCH'];
  if (option === undefined && (epoch === undefined || epoch === '')) return undefined;
  if (option === undefined && !/^\d{1,12}$/.test(epoch ?? ''))
    throw new WeighmarkError('usage', 'SOURCE_DATE_EPOCH is not a number of seconds');
  const seconds = option === undefined ? new Date(Number(epoch) * 1000) : option === 'now' ? context.clock.now() : null;
  const time =
    seconds === null ? dateTime(option) : Number.isNaN(seconds.getTime()) ? undefined : dateTime(seconds.toISOString());
  if (time === undefined) throw new WeighmarkError('usage', `--timestamp is not RFC 3339: ${option ?? epoch ?? ''}`);
  return time;
}

function statementsOf(context: Context, options: CreateOptions): Statements {
  const { name, version, supplier, description, licence, relation } = options;
  const place = (ref: string): { ref: string } => ({ ref: /^\.{0,2}\//.test(ref) ? resolve(context.cwd, ref) : ref });
  return {
    statedBy: options.statedBy ?? 'whoever ran `weighmark bom create`',
    ...(name === undefined ? {} : { name }),
    ...(version === undefined ? {} : { version }),
    ...(supplier === undefined ? {} : { supplier }),
    ...(description === undefined ? {} : { description }),
    ...(licence === undefined ? {} : { licence }),
    ...(relation !== undefined && isRelation(relation) ? { relation } : {}),
    useCases: [],
    limitations: [],
    ethical: [],
    datasets: (options.dataset ?? []).map(place),
    baseModels: (options.baseModel ?? []).map(place),
    prompts: (options.prompt ?? []).map((path) => resolve(context.cwd, path)),
    plugins: (options.plugin ?? []).map((path) => resolve(context.cwd, path)),
  };
}

async function validate(context: Context, file: string, options: { require?: readonly ElementSet[] }): Promise<Report> {
  const ports = { files: await context.files(), validator: await context.bomValidator() };
  const outcome = await bomValidate(
    {
      path: resolve(context.cwd, file),
      shown: file,
      ...(options.require === undefined ? {} : { require: options.require }),
    },
    ports,
  );
  return validatedReport(context.version, outcome, file);
}

async function verify(
  context: Context,
  [file, dir]: readonly [string, string],
  options: { allowSymlinks?: boolean },
): Promise<Report> {
  const verdict = await bomVerify(
    {
      bom: resolve(context.cwd, file),
      path: resolve(context.cwd, dir),
      shown: { bom: file, path: dir },
      ...(options.allowSymlinks === true ? { allowSymlinks: true } : {}),
      ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
    },
    await portsOf(context),
  );
  return verifiedReport(context.version, verdict, file);
}
