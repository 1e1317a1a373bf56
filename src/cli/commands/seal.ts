import { join, resolve } from 'node:path';
import { Option } from 'commander';
import { STEPS } from '../../domain/claims/predicates.ts';
import { checkStep, readParameters } from '../../domain/claims/provenance.ts';
import { bookkeepingText } from '../../domain/base/bookkeeping.ts';
import { parseHashPart, type HashPart } from '../../domain/digest/parts.ts';
import { isObjectLocation } from '../../domain/base/object-place.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import { checkArtifactName, checkTag } from '../../domain/registry/reference.ts';
import { isCounted, SEVERITIES, type ScanFinding, type Severity } from '../../domain/scan/index.ts';
import { counted, formatBytes } from '../../domain/base/units.ts';
import { storeView } from '../../flows/content/stores.ts';
import { seal, type SealInput, type SealOutcome, type SealPorts } from '../../flows/sign/seal.ts';
import { collect, type Register, type Report, type Style } from '../command.ts';
import type { Context } from '../context.ts';
import { renderFindings } from '../errors.ts';
import { addFeedOptions, judgingFrom, type FeedOptions } from '../feed-options.ts';
import { secretFrom, secretOption } from './dataset/options.ts';
import { locate } from '../located.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';

interface Options extends SignerOptions, FeedOptions {
  readonly name?: string;
  readonly source?: string;
  readonly step?: string;
  readonly input?: readonly string[];
  readonly param?: readonly string[];
  readonly recompute: boolean;
  readonly records?: boolean;
  readonly secret?: string;
  readonly failOn: Severity;
  readonly allowSymlinks?: boolean;
  readonly acceptConflict?: string;
  readonly ignore?: readonly string[];
  readonly fromParts?: string;
  readonly recheck?: 'sample' | 'all';
}

/** `seal PATH`: scan, BOM, digest list, claims and OMS signature in one go. */
export const register: Register = (program, run) => {
  const command = program
    .command('seal')
    .description('scan, describe and sign a model or dataset in one go')
    .argument('<path>', 'file or folder, or s3://…')
    .option('--name <name:version>', 'what it is called; the name is signed')
    .option('--source <uri>', 'where it came from')
    .option('--step <step>', `what made it: ${STEPS.join(', ')}`)
    .option(
      '--input <role=ref>',
      'what it was made from: dataset=./data, base-model=NAME:TAG, code=git+https://…@COMMIT (repeat)',
      collect,
    )
    .option('--param <name=value>', 'a parameter of the step (repeat)', collect)
    .option('--no-recompute', 'sign the claim of a conversion or quantisation alone, though both models are at hand')
    .option('--records', 'bind the record roots of an indexed dataset, read anew')
    .addOption(secretOption())
    .addOption(
      new Option('--fail-on <level>', 'findings of this severity forbid sealing')
        .choices(SEVERITIES.slice(0, 4))
        .default('high'),
    )
    .option('--ignore <path>', 'leave out a path of the artifact; the signature says so (repeat)', collect)
    .option('--accept-conflict <reason>', 'seal files that are not what a download tool or store recorded; signed')
    .option('--allow-symlinks', 'seal files behind symbolic links inside the artifact')
    .option('--from-parts <dir>', 'take the digests that many workers wrote there with `hash --part`')
    .addOption(new Option('--recheck <which>', 'files of --from-parts to read again').choices(['sample', 'all']));
  addSignerOptions(addFeedOptions(command)).action(
    run(async (context, path: string, options: Options) => {
      const { root, files } = await storeView(locate(context.cwd, path), await context.files());
      const input = { ...inputOf(context, path, options), root };
      const judging = await judgingFrom(context, options, [path]);
      const records =
        options.records === true ? { records: { secret: await secretFrom(context, options.secret) } } : {};
      const parts = await partsFrom(context, options);
      const ports = { ...(await portsOf(context, options)), files };
      return report(path, await seal({ ...input, ...records, ...parts, judging }, ports));
    }),
  );
};

function inputOf(context: Context, path: string, options: Options): SealInput {
  if (options.name !== undefined) checkName(options.name);
  if (options.step === undefined && (options.input ?? options.param) !== undefined)
    throw new WeighmarkError('usage', '--input and --param belong to a --step');
  if (options.source !== undefined && !URL.canParse(options.source))
    throw new WeighmarkError('usage', '--source is not a URI', { subject: options.source });
  return {
    root: locate(context.cwd, path),
    failOn: options.failOn,
    version: context.version,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.source === undefined ? {} : { source: options.source }),
    ...(options.step === undefined
      ? {}
      : {
          step: {
            step: checkStep(options.step),
            inputs: options.input ?? [],
            parameters: readParameters(options.param ?? []),
            recompute: options.recompute,
          },
        }),
    ...(options.ignore === undefined ? {} : { ignore: options.ignore }),
    ...(options.acceptConflict === undefined ? {} : { acceptConflict: options.acceptConflict }),
    ...(options.allowSymlinks === undefined ? {} : { allowSymlinks: options.allowSymlinks }),
    ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
  };
}

/** All parts that lie in the folder. @throws WeighmarkError `format-invalid` for a file that is none. */
async function partsFrom(context: Context, { fromParts, recheck }: Options): Promise<Pick<SealInput, 'fromParts'>> {
  if (fromParts === undefined && recheck !== undefined)
    throw new WeighmarkError('usage', '--recheck belongs to --from-parts');
  if (fromParts === undefined) return {};
  const [files, folder] = [await context.files(), resolve(context.cwd, fromParts)];
  const parts: HashPart[] = [];
  for (const name of await files.names(folder))
    parts.push(parseHashPart(await files.read(join(folder, name), LIMITS.digestListBytes), join(fromParts, name)));
  return { fromParts: { parts, recheck: recheck ?? 'sample' } };
}

/** Close to what was typed, and a name. */
function suggestedName(text: string): string {
  return (
    text
      .toLowerCase()
      .replaceAll(/[^a-z0-9/._-]+/g, '-')
      .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'acme/model'
  );
}

/** @throws WeighmarkError `usage`, `name-invalid`. */
function checkName(text: string): void {
  const colon = text.lastIndexOf(':');
  if (colon < 0)
    throw new WeighmarkError('usage', '--name is NAME:VERSION', {
      subject: text,
      hint: `such as ${suggestedName(text)}:1.0`,
    });
  checkArtifactName(text.slice(0, colon));
  checkTag(text.slice(colon + 1));
}

async function portsOf(context: Context, options: Options): Promise<SealPorts> {
  return {
    signer: await signerFrom(context, options),
    files: await context.files(),
    hasher: async () => remembering(await context.hasher(), context),
    progress: context.progress,
    signal: context.signal,
    clock: context.clock,
    records: () => context.records(),
    numbers: () => context.numbers(),
    locate: (path) => locate(context.cwd, path),
    registry: (location) => context.registry(location),
  };
}

/** What is hashed to be sealed is remembered for the hook, which then need not hash weights that stay as they are. */
function remembering(hasher: Hasher, context: Context): Hasher {
  return {
    ...hasher,
    hash: async (jobs, options) => {
      const results = await hasher.hash(jobs, options);
      const cache = await context.statCache();
      for (const [index, { location, sizeBytes, stamp, part }] of jobs.entries()) {
        const digests = results[index]?.digests;
        if (
          part === undefined &&
          !isObjectLocation(location) &&
          digests !== undefined &&
          stamp !== undefined &&
          (sizeBytes ?? 0) >= WORTH_REMEMBERING_BYTES
        )
          await cache.remember(location, stamp, digests);
      }
      return results;
    },
  };
}

/** Smaller files are hashed in less time than it takes to look them up. */
const WORTH_REMEMBERING_BYTES = 1 << 20;

function report(path: string, outcome: SealOutcome): Report {
  const { scan, problems: _problems, recorded: _recorded, fromParts: _fromParts, ...rest } = outcome;
  const refused = scan.blocking.length > 0;
  return {
    exitCode: refused ? 1 : 0,
    json: { ...rest, findings: scan.findings, unexamined: scan.unexamined, refused },
    text: (style) =>
      refused ? { out: refusal(path, outcome, style) } : { out: `${lines(path, outcome, style).join('\n')}\n` },
  };
}

function lines(path: string, outcome: SealOutcome, style: Style): readonly string[] {
  const { files, sizeBytes, signer, claims, id, name, scan, leftOut } = outcome;
  const open = scan.unexamined.length;
  const content = `content    ${files} ${files === 1 ? 'file' : 'files'}, ${formatBytes(sizeBytes)}`;
  if (!outcome.written) return [content, style.good(`SEALED already: ${path} (${id})`)];
  return [
    content,
    `scan       ${foundText(scan.findings)}${open === 0 ? '' : style.warn(`; ${open} could not be examined`)}`,
    ...(outcome.fromParts === null ? [] : [`workers    ${outcome.fromParts}`]),
    ...outcome.recorded.map(
      ({ by, files: count }) =>
        `recorded   ${count} ${count === 1 ? 'file matches' : 'files match'} what ${style.plain(by)} recorded; nobody signed that`,
    ),
    ...outcome.problems.slice(0, MAX_SHOWN).map(({ message }) => style.warn(`warning    ${message}`)),
    ...derivationLines(outcome, style),
    `signed     ${outcome.foreign ? "OMS signature (among the claims: model.sig is another signer's)" : 'OMS signature'}, ${claims.join(', ')}`,
    `           by ${style.plain(signer)}`,
    ...(outcome.packaged
      ? ['note       only documentation changed: a package step links to the state sealed before']
      : []),
    ...[bookkeepingText(leftOut)].filter((text) => text !== null).map((text) => `left out   ${text}`),
    style.good(`SEALED: ${path} is ${name} (${id})`),
  ];
}

/** What was shown of the step, or that it is claimed alone. */
function derivationLines({ derivation }: SealOutcome, style: Style): readonly string[] {
  if (derivation === null) return [];
  const { step, word, parent, why } = derivation;
  const shown = `${step} of ${style.plain(parent)}`;
  return word === null
    ? [style.warn(`claimed    ${shown}; it could not be recomputed${why === undefined ? '' : `: ${style.plain(why)}`}`)]
    : [`verified   ${shown}: ${word}`];
}

function foundText(findings: readonly ScanFinding[]): string {
  const open = findings.filter(isCounted).length;
  const suppressed = findings.length - open;
  return `${open === 0 ? 'nothing found' : `${counted(open, 'finding')} below the limit`}${suppressed === 0 ? '' : `; ${suppressed} suppressed by the policy`}`;
}

const MAX_SHOWN = 20;

function refusal(path: string, { scan }: SealOutcome, style: Style): string {
  const shown = renderFindings(scan.blocking.slice(0, MAX_SHOWN).map(asFinding), style);
  const more = scan.blocking.length > MAX_SHOWN ? `and ${scan.blocking.length - MAX_SHOWN} more\n` : '';
  return `${shown.join('\n')}\n${more}${style.bad(`NOT SEALED: ${counted(scan.blocking.length, 'finding')} in ${path}; nothing was written`)}\n`;
}

function asFinding({ rule, severity, message, place }: ScanFinding) {
  const where = place.member === undefined ? place.path : `${place.path}, ${place.member}`;
  return {
    code: 'scan-finding' as const,
    message: `${where}: ${message}`,
    subject: place.path,
    facts: { rule, severity },
  };
}
