import { Command, Option } from 'commander';
import { appendFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { WeighmarkError, type ExitCode } from '../domain/base/errors.ts';
import type { Files } from '../domain/ports/files.ts';
import type { Finding } from '../domain/base/verdict.ts';
import type { Report, Run } from './command.ts';
import { createContext, type CommonOptions, type Context, type OutputFile } from './context.ts';
import { formatsOf, readOutputs } from './formats.ts';
import { forShell } from '../domain/base/text.ts';
import { exitOf } from '../domain/base/verdict.ts';
import { findingOfThrown, isGroupHelp, renderFinding, traceOf, withWaysOut } from './errors.ts';
import { nearest } from './nearest.ts';
import { say } from './output.ts';
import { schemaVersionOf } from './schema-versions.ts';
import { PLAIN, styleFor } from './style.ts';
import { annotations } from './views/annotations.ts';

/** Errors leave in our own words; the help of a command group that was named alone leaves as it is. */
const ONLY_HELP = {
  writeOut: (text: string) => say('stdout', text),
  writeErr: (text: string) => void (text.startsWith('Usage:') && say('stderr', text)),
};

/** The program without its commands. Usage errors are thrown, so that they leave as ours, with exit code 2. */
export function createProgram(version: string): Command {
  return new Command('weighmark')
    .description('Never trust, always verify: integrity of the model supply chain')
    .option('-V, --version', 'print the version; with -v also the kernel and platform')
    .helpOption('-h, --help', 'show help')
    .addHelpCommand(new Command('help').argument('[command]').description('help of a command').helpGroup('Set up:'))
    .configureOutput(ONLY_HELP)
    .addHelpText(
      'after',
      `\nExit codes: 0 done and verified, 1 a check said no, 2 usage, 3 nothing to verify, 4 undecided\nversion ${version}`,
    )
    .exitOverride();
}

/** `--version`, alone or with `-v`. */
export function asksVersion(argv: readonly string[]): boolean {
  return (
    argv.every((word) => ['--version', '-V', '-v', '--verbose'].includes(word)) &&
    argv.some((word) => ['--version', '-V'].includes(word))
  );
}

export interface Runner extends Run {
  /** Parses the words, runs the command named, prints, sets the exit code. */
  start(program: Command): Promise<void>;
}

export function runner(argv: readonly string[], version: string): Runner {
  const abort = new AbortController();
  const run = (<A extends unknown[]>(action: (context: Context, ...args: A) => Promise<Report>) =>
    async (...args: A) => {
      const command = args.at(-1) as Command;
      const options = commonOptions(command, process.env);
      const context = createContext({ version, options, signal: abort.signal, env: process.env, cwd: process.cwd() });
      const report = await action(context, ...args).catch((error: unknown) => {
        throw withHelpOf(error, command);
      });
      await print(report, { command, options, version, context });
    }) as Runner;
  run.start = (program) => start(program, { argv, abort, version });
  return run;
}

/** A usage error that says no way out leads to the help of the command it is about. */
function withHelpOf(error: unknown, command: Command): unknown {
  if (!(error instanceof WeighmarkError) || error.code !== 'usage' || error.hint !== undefined) return error;
  const { message, facts, subject } = error;
  const hint = `see \`weighmark ${commandPath(command)} --help\``;
  return new WeighmarkError('usage', message, {
    hint,
    cause: error,
    facts,
    ...(subject === undefined ? {} : { subject }),
  });
}

type Environment = Readonly<Record<string, string | undefined>>;

interface Job {
  readonly argv: readonly string[];
  readonly abort: AbortController;
  readonly version: string;
}

interface Printing {
  readonly command: Command;
  readonly options: CommonOptions;
  readonly version: string;
  readonly context: Context;
}

/** A variable of ours, or of the XDG folders, that is set to nothing is not set: for commander's own reading too. */
function unsetEmpty(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env))
    if (value === '' && /^(?:WEIGHMARK|XDG)_/.test(name)) delete env[name];
}

async function start(program: Command, job: Job): Promise<void> {
  unsetEmpty(process.env);
  const interrupt = () => job.abort.abort(new WeighmarkError('interrupted', 'interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    for (const command of leaves(program)) addCommonOptions(command);
    if (asksHelp(job.argv)) await addExamples(program);
    await parse(program, job);
  } catch (error) {
    reportError(job.abort.signal.aborted ? job.abort.signal.reason : error, job);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

async function parse(program: Command, job: Job): Promise<void> {
  if (asksVersion(job.argv)) return printVersion(job.version);
  if (job.argv.length === 0) {
    process.exitCode = 2;
    return say('stderr', program.helpInformation());
  }
  if (job.argv[0] === 'help') {
    if (job.argv.length === 1) return say('stdout', program.helpInformation());
    requireCommand(program, job.argv.slice(1));
  }
  await program.parseAsync([...job.argv], { from: 'user' });
}

/** `help policy lnit`: the wrong word is named, rather than all help printed. @throws WeighmarkError `usage`. */
function requireCommand(program: Command, words: readonly string[]): void {
  let here = program;
  for (const word of words.filter((each) => !each.startsWith('-'))) {
    const names = here.commands.map((each) => each.name());
    const next = here.commands.find((each) => each.name() === word);
    if (next === undefined && names.length > 0) {
      const meant = nearest(word, names);
      throw new WeighmarkError('usage', `there is no command ${word}`, {
        hint:
          meant === null
            ? '`weighmark --help` lists them'
            : `did you mean \`weighmark help ${[...commandPathWords(here), meant].join(' ')}\`?`,
      });
    }
    if (next === undefined) return;
    here = next;
  }
}

function commandPathWords(command: Command): readonly string[] {
  return command.parent === null ? [] : commandPath(command).split(' ');
}

async function printVersion(version: string): Promise<void> {
  const context = createContext({
    version,
    options: DEFAULTS,
    signal: new AbortController().signal,
    env: process.env,
    cwd: process.cwd(),
  });
  const { kernel } = await context.hasher();
  say(
    'stdout',
    `weighmark ${version}\nkernel ${kernel}\nnode ${process.version} ${process.platform} ${process.arch}\n`,
  );
}

const DEFAULTS: CommonOptions = {
  format: 'text',
  files: [],
  quiet: false,
  verbose: false,
  progress: true,
  offline: false,
};

export function leaves(command: Command): readonly Command[] {
  return command.commands.flatMap((child) => (child.commands.length > 0 ? [...leaves(child)] : [child]));
}

function asksHelp(argv: readonly string[]): boolean {
  return argv.some((word) => ['-h', '--help', 'help'].includes(word));
}

async function addExamples(program: Command): Promise<void> {
  const { examplesOf } = await import('./examples.ts');
  for (const command of leaves(program))
    command.addHelpText(
      'after',
      ['\nExamples:', ...examplesOf(commandPath(command)).map((line) => `  ${line}`)].join('\n'),
    );
}

const COMMON: readonly ((path: string) => Option)[] = [
  formatOption,
  () => new Option('--json', 'short for --format json'),
  () => new Option('-o, --output <file>', 'print to a file'),
  () => new Option('-q, --quiet', 'print nothing when all is well'),
  () => new Option('-v, --verbose', 'print more'),
  () => new Option('--no-progress', 'no progress on the terminal'),
  () => new Option('--jobs <n>', 'threads at most').argParser(wholeNumber),
  () => new Option('--offline', 'never touch the network').env('WEIGHMARK_OFFLINE'),
  () => new Option('--registry <dir|oci://…>', 'the registry').env('WEIGHMARK_REGISTRY'),
];

/** The choices are the command's own; several at once go to files. */
function formatOption(path: string): Option {
  return new Option('--format <format>', 'how to print, or FORMAT=FILE,… for several of one run')
    .choices(formatsOf(path))
    .argParser((text: string) => {
      readOutputs(text, path);
      return text;
    })
    .default('text');
}

/** A command's own option of the same name stays. */
export function addCommonOptions(command: Command): void {
  command
    .exitOverride((error) => {
      throw Object.assign(error, { helpOf: commandPath(command) });
    })
    .configureOutput(ONLY_HELP);
  const taken = new Set(command.options.flatMap((option) => [option.long, option.short]));
  for (const make of COMMON) {
    const option = make(commandPath(command)).helpGroup('Common:');
    if (taken.has(option.long)) continue;
    if (option.short !== undefined && taken.has(option.short)) delete option.short;
    command.addOption(option);
  }
}

function commonOptions(command: Command, env: Environment): CommonOptions {
  const given = command.opts<Record<string, unknown>>();
  const asked = given['json'] === true ? 'json' : typeof given['format'] === 'string' ? given['format'] : 'text';
  const outputs = readOutputs(asked, commandPath(command));
  return {
    format: outputs.find(({ to }) => to === undefined)?.format ?? 'text',
    files: outputs.flatMap(({ format, to }) =>
      to === undefined ? [] : [{ format, to, append: to === env['GITHUB_STEP_SUMMARY'] }],
    ),
    quiet: given['quiet'] === true,
    verbose: given['verbose'] === true,
    progress: given['progress'] !== false,
    offline: given['offline'] === true || given['offline'] === '1' || given['offline'] === 'true',
    ...(typeof given['output'] === 'string' ? { output: given['output'] } : {}),
    ...(typeof given['jobs'] === 'number' ? { jobs: given['jobs'] } : {}),
    ...(typeof given['registry'] === 'string' ? { registry: given['registry'] } : {}),
  };
}

function wholeNumber(text: string): number {
  if (/^[1-9][0-9]{0,3}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `${text} is not a number of threads`);
}

async function print(report: Report, printing: Printing): Promise<void> {
  process.exitCode = report.childCode ?? report.exitCode;
  const { format, quiet, files, output: to = '-' } = printing.options;
  for (const each of files) await writeOne(`${rendered(report, each.format, printing)}\n`, each, printing);
  if (format !== 'text') return output(`${rendered(report, format, printing)}\n`, printing);
  const { out = '', err = '' } = report.text(styleFor('stdout'));
  const silent = quiet && report.exitCode === 0;
  // A file is written before it is said to be there; what is shown comes after what is said of it.
  if (to !== '-' && out.length > 0) await output(out, printing);
  if (err !== '' && !silent) say('stderr', err);
  if (to === '-' && out.length > 0 && !silent) await output(out, printing);
}

async function writeOne(text: string, { to, append }: OutputFile, { context }: Printing): Promise<void> {
  const location = resolve(context.cwd, to);
  if (append) appendFileSync(location, text);
  else await writeOutput(await context.files(), location, text);
}

function rendered(report: Report, format: string, printing: Printing): string {
  if (format === 'text') return textOf(report);
  if (format === 'json')
    return JSON.stringify(jsonReport(report, commandPath(printing.command), printing.version), withWaysOut, 2);
  if (format === 'sarif' && report.sarif) return JSON.stringify(report.sarif(), null, 2);
  if (format === 'github' && report.sarif) return annotations(report.sarif());
  const text = format === 'junit' ? report.junit : format === 'markdown' ? report.markdown : report.other?.[format];
  if (text) return text();
  throw new WeighmarkError('usage', `\`${commandPath(printing.command)}\` has no format ${format} of this`);
}

/** For a file: everything, without colours. */
function textOf(report: Report): string {
  const { out = '', err = '' } = report.text(PLAIN);
  return `${err}${typeof out === 'string' ? out : Buffer.from(out).toString()}`.replace(/\n$/, '');
}

/** What a command says as JSON, as its schema has it. */
export function jsonReport({ exitCode, json }: Report, command: string, version: string): object {
  return { ...commonFields(command, version), exitCode, ...json };
}

function commonFields(command: string, version: string): object {
  const name = command.replaceAll(' ', '-');
  return {
    $schema: `https://weighmark.dev/schemas/${name}.schema.json`,
    schemaVersion: schemaVersionOf(name),
    tool: { name: 'weighmark', version },
    command,
  };
}

/** `bom create`, without the program's name. */
export function commandPath(command: Command): string {
  const parent = command.parent;
  return parent === null || parent.parent === null ? command.name() : `${commandPath(parent)} ${command.name()}`;
}

async function output(text: string | Uint8Array, { options, context }: Printing): Promise<void> {
  if (options.output === undefined || options.output === '-') say('stdout', text);
  else await writeOutput(await context.files(), resolve(context.cwd, options.output), text);
}

/** A file appears whole or not at all; a pipe or terminal is written to, never replaced. Folders are not made. */
async function writeOutput(files: Files, location: string, text: string | Uint8Array): Promise<void> {
  if ((await files.kindOf(dirname(location))) === 'none')
    throw new WeighmarkError('not-found', `${dirname(location)}: there is no such folder`, {
      subject: location,
      hint: `make it: \`mkdir -p ${forShell(dirname(location))}\``,
    });
  const kind = await files.kindOf(location);
  if (kind === 'directory')
    throw new WeighmarkError('usage', `${location} is a folder: the output is one file`, {
      subject: location,
      hint: `name a file in it: \`-o ${forShell(join(location, 'FILE'))}\``,
    });
  if (kind === 'file' || kind === 'none') await files.write(location, text);
  else appendFileSync(location, text);
}

function reportError(error: unknown, job: Job): void {
  const finding = findingOfThrown(error);
  if (finding === null) {
    if (isGroupHelp(error)) process.exitCode = 2;
    return;
  }
  const exitCode: ExitCode = exitOf(finding);
  process.exitCode = exitCode;
  if (asksJson(job.argv)) say('stdout', `${JSON.stringify(jsonError(finding, job, exitCode), withWaysOut, 2)}\n`);
  else sayToFile(job, `${JSON.stringify(jsonError(finding, job, exitCode), withWaysOut, 2)}\n`);
  const trace = process.env['WEIGHMARK_DEBUG'] === '1' ? traceOf(error) : '';
  say('stderr', trace + renderFinding(finding, styleFor('stderr')));
}

function jsonError(finding: Finding, job: Job, exitCode: ExitCode): object {
  const command = job.argv.find((word) => !word.startsWith('-')) ?? '';
  return { ...commonFields('error', job.version), command, exitCode, error: finding };
}

/** Where `--format json=FILE` was asked for, the error is what there is to report. */
function sayToFile({ argv }: Job, text: string): void {
  const given =
    argv.find((word) => word.startsWith('--format='))?.slice('--format='.length) ?? argv[argv.indexOf('--format') + 1];
  const [, file] =
    /(?:^|,)json=([^,]+)/.exec(argv.some((word) => word.startsWith('--format')) ? (given ?? '') : '') ?? [];
  if (file === undefined) return;
  try {
    writeFileSync(file, text);
  } catch {
    // The error itself is said below; that it could not be written as well helps nobody.
  }
}

function asksJson(argv: readonly string[]): boolean {
  return argv.includes('--json') || argv.includes('--format=json') || argv[argv.indexOf('--format') + 1] === 'json';
}
