import { Option } from 'commander';
import { resolve } from 'node:path';
import { isHex256 } from '../../domain/digest/hex.ts';
import type { HashPart } from '../../domain/digest/parts.ts';
import { formatSums } from '../../domain/digest/sums.ts';
import { CODES, WeighmarkError, worstExit, type ExitCode } from '../../domain/base/errors.ts';
import { isObjectLocation } from '../../domain/base/object-place.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import { findingOf } from '../../domain/base/verdict.ts';
import { checkSums, hashNames, type Hashed, type HashPorts, type SumCheck } from '../../flows/content/hash.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { renderFinding, renderFindings } from '../errors.ts';
import { locate } from '../located.ts';
import { isTerminal } from '../output.ts';

interface HashCommandOptions {
  readonly algorithm?: readonly HashAlgorithm[];
  readonly check?: string;
  readonly allowSymlinks?: boolean;
  readonly part?: string;
  readonly join?: boolean;
  readonly prove?: string;
  readonly checkProof?: string;
  readonly digest?: string;
}

const ALGORITHMS: readonly HashAlgorithm[] = ['blake3', 'sha256', 'blake2b'];

export const register: Register = (program, run) => {
  program
    .command('hash')
    .description('print digests, or check them: the lines of b3sum and sha256sum')
    .usage('[options] <path...>')
    .argument('[path...]', 'files, folders, s3://…, or - for standard input')
    .addOption(
      new Option('--algorithm <name>', 'blake3 (default), sha256, blake2b; several give tagged lines').argParser(
        collectAlgorithms,
      ),
    )
    .option('--check <sums>', 'check the digests in a file, or - for standard input')
    .option('--allow-symlinks', 'in folders, links inside them count as the files they point to')
    .option('--part <i/n>', 'the share of one of n workers: write what it finds (-o FILE), for --join')
    .option('--join', 'the paths are parts that n workers wrote: print the digests of the whole')
    .option('--prove <file:start-end>', 'prove bytes start to end (end not included) of a file against its BLAKE3')
    .option('--check-proof <proof>', 'check such a proof against --digest, without the file; -o gets the proven bytes')
    .option('--digest <blake3>', 'the digest to check a proof against')
    .action(run(async (context, paths: string[], options: HashCommandOptions) => hash(context, paths, options)));
};

function collectAlgorithms(name: string, before: readonly HashAlgorithm[] | undefined): readonly HashAlgorithm[] {
  const algorithm = ALGORITHMS.find((known) => known === name);
  if (algorithm === undefined)
    throw new WeighmarkError('usage', `${name} is no algorithm`, { hint: `there are ${ALGORITHMS.join(', ')}` });
  return [...new Set([...(before ?? []), algorithm])];
}

async function hash(context: Context, paths: readonly string[], options: HashCommandOptions): Promise<Report> {
  const ways =
    [options.check, options.prove, options.checkProof].filter((way) => way !== undefined).length +
    (paths.length > 0 ? 1 : 0);
  if (ways === 0)
    throw new WeighmarkError('usage', "missing required argument 'path'", {
      hint: 'a file, a folder, or `-` for standard input',
    });
  if (ways > 1) throw new WeighmarkError('usage', 'paths, --check, --prove and --check-proof go one at a time');
  if (options.part !== undefined && options.join === true)
    throw new WeighmarkError('usage', '--part and --join go one at a time');
  if (options.part !== undefined) return partReport(context, paths, options);
  if (options.join === true) return joinReport(context, paths);
  if (options.check !== undefined) return checkReport(await check(context, options.check, options));
  if (options.prove !== undefined) return prove(context, options.prove);
  if (options.checkProof !== undefined) return checkProofReport(context, options.checkProof, options.digest);
  return hashReport(context, paths, options);
}

async function portsOf(context: Context): Promise<HashPorts> {
  const { progress, signal } = context;
  const place = (name: string) => (context.cwd === process.cwd() ? name : locate(context.cwd, name));
  return {
    files: () => context.files(),
    hasher: await context.hasher(),
    progress,
    signal,
    stdin: () => process.stdin,
    locate: place,
  };
}

function jobsOf(context: Context): { jobs?: number } {
  return context.options.jobs === undefined ? {} : { jobs: context.options.jobs };
}

async function hashReport(context: Context, names: readonly string[], options: HashCommandOptions): Promise<Report> {
  const algorithms = options.algorithm ?? ['blake3'];
  const lines = writesLines(context) ? await sumsOf(context, names, algorithms) : null;
  if (lines !== null) return { exitCode: 0, json: {}, text: () => ({ out: lines }) };
  const results = await hashNames(
    { names, algorithms, allowSymlinks: options.allowSymlinks === true, ...jobsOf(context) },
    await portsOf(context),
  );
  const files = results.flatMap((hashed) => ('error' in hashed ? [] : [hashed]));
  const failures = failuresOf(results);
  return reportOf(context, { files, failures, algorithms });
}

interface Found {
  readonly files: readonly { readonly name: string; readonly sizeBytes: number; readonly digests: Digests }[];
  readonly failures: readonly Failed[];
  readonly algorithms: readonly HashAlgorithm[];
}

function reportOf(context: Context, { files, failures, algorithms }: Found): Report {
  return {
    exitCode: exitOf(failures.map(({ error }) => error)),
    json: {
      files: files.map(({ name, sizeBytes, digests }) => ({ path: name, sizeBytes, digests })),
      failures: failures.map(failureJson),
    },
    text: (style) => ({
      out: forOutput(context, style, files.map(({ name, digests }) => formatSums(name, digests, algorithms)).join('')),
      err: renderFindings(
        failures.map(({ error }) => findingOf(error)),
        style,
      )
        .map((lines) => `${lines}\n`)
        .join(''),
    }),
  };
}

/** The share of one worker, as `--join` reads it. */
async function partReport(context: Context, names: readonly string[], options: HashCommandOptions): Promise<Report> {
  const [, part, of] = /^([1-9]\d{0,4})\/([1-9]\d{0,4})$/.exec(options.part ?? '') ?? [];
  const { formatHashPart, MOST_PARTS } = await import('../../domain/digest/parts.ts');
  if (part === undefined || Number(part) > Number(of) || Number(of) > MOST_PARTS)
    throw new WeighmarkError('usage', `${options.part} is no part`, { hint: '`--part 2/8` is the second of eight' });
  if (names.length === 0 || names.includes('-') || context.options.format !== 'text')
    throw new WeighmarkError('usage', 'a part is of files and folders, and has one format');
  const { hashPart } = await import('../../flows/content/hash-parts.ts');
  const algorithms = options.algorithm ?? ['blake3'];
  if (algorithms.includes('blake2b')) throw new WeighmarkError('usage', 'a part has blake3 or sha256');
  const found = await hashPart(
    {
      names,
      algorithms,
      part: Number(part),
      of: Number(of),
      allowSymlinks: options.allowSymlinks === true,
      ...jobsOf(context),
    },
    await portsOf(context),
  );
  return { exitCode: 0, json: {}, text: () => ({ out: formatHashPart(found) }) };
}

/** What one process would have printed. */
async function joinReport(context: Context, paths: readonly string[]): Promise<Report> {
  const { joinParts, parseHashPart } = await import('../../domain/digest/parts.ts');
  const files = await context.files();
  const parts: HashPart[] = [];
  for (const path of paths)
    parts.push(parseHashPart(await files.read(resolve(context.cwd, path), LIMITS.digestListBytes), path));
  const { tree } = await context.hasher();
  return reportOf(context, { files: joinParts(parts, tree), failures: [], algorithms: parts[0]?.algorithms ?? [] });
}

/** Lines alone are wanted, and not on a terminal, where they are made harmless one by one. */
function writesLines({ options, cwd }: Context): boolean {
  const toTerminal = options.output === undefined && isTerminal('stdout');
  return options.format === 'text' && options.files.length === 0 && !toTerminal && cwd === process.cwd();
}

async function sumsOf(
  context: Context,
  names: readonly string[],
  algorithms: readonly HashAlgorithm[],
): Promise<Uint8Array | null> {
  const hasher = await context.hasher();
  if (hasher.sums === undefined || names.includes('-')) return null;
  const progress = context.progress.start('hashing', 0);
  try {
    return await hasher.sums(names, {
      algorithms,
      signal: context.signal,
      onProgress: (bytes) => progress.advance(bytes),
      ...jobsOf(context),
    });
  } finally {
    progress.end();
  }
}

interface Failed {
  readonly name: string;
  readonly error: WeighmarkError;
}

function failuresOf(results: readonly Hashed[]): readonly Failed[] {
  return results.flatMap((hashed) => ('error' in hashed ? [hashed] : []));
}

function failureJson({ name, error }: Failed): object {
  return { path: name, error: { code: error.code, message: error.message } };
}

function exitOf(errors: readonly WeighmarkError[]): ExitCode {
  return worstExit([0, ...errors.map(({ code }) => CODES[code])]);
}

/** Raw for files and pipes, so that other tools can check the lines; harmless on a terminal. */
function forOutput(context: Context, style: Style, text: string): string {
  const toTerminal = context.options.output === undefined && isTerminal('stdout');
  return toTerminal
    ? text
        .split('\n')
        .map((line) => style.plain(line))
        .join('\n')
    : text;
}

async function check(
  context: Context,
  file: string,
  options: HashCommandOptions,
): Promise<{ checks: readonly SumCheck[]; context: Context }> {
  const bytes =
    file === '-'
      ? await context.stdin(LIMITS.digestListBytes)
      : await (await context.files()).read(resolve(context.cwd, file), LIMITS.digestListBytes);
  const algorithms = options.algorithm === undefined ? {} : { algorithms: options.algorithm };
  const ports = { ...(await portsOf(context)), locate: (name: string) => listed(context, name) };
  return { checks: await checkSums({ bytes, ...algorithms, ...jobsOf(context) }, ports), context };
}

/** A list sends nobody to a store: `s3://` in it is a path that is not there. */
function listed({ cwd }: Context, name: string): string {
  return cwd === process.cwd() && !isObjectLocation(name) ? name : resolve(cwd, name);
}

const SAID = { ok: 'OK', mismatch: 'FAILED', unreadable: 'FAILED open or read' } as const;

function checkReport({ checks, context }: { checks: readonly SumCheck[]; context: Context }): Report {
  const mismatches = checks.filter(({ status }) => status === 'mismatch').length;
  const errors = checks.flatMap(({ error }) => error ?? []);
  const shown = context.options.quiet ? checks.filter(({ status }) => status !== 'ok') : checks;
  return {
    exitCode: worstExit([exitOf(errors), mismatches > 0 ? CODES['digest-mismatch'] : 0]),
    json: {
      checks: checks.map(({ name, status, error }) => ({
        path: name,
        status,
        ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
      })),
    },
    text: (style) => ({
      out: shown.map(({ name, status }) => `${style.plain(name)}: ${SAID[status]}\n`).join(''),
      err: [
        ...renderFindings(
          errors.map((error) => findingOf(error)),
          style,
        ).map((lines) => `${lines}\n`),
        mismatches === 0
          ? ''
          : renderFinding(
              { code: 'digest-mismatch', message: `${mismatches} of ${checks.length} files differ from their digests` },
              style,
            ),
      ].join(''),
    }),
  };
}

async function prove(context: Context, words: string): Promise<Report> {
  const [, file, start, end] = /^(.+):(\d{1,16})-(\d{1,16})$/s.exec(words) ?? [];
  if (file === undefined) throw new WeighmarkError('usage', `${words} is not FILE:START-END`);
  const [{ formatProof }, { proveFileRange }] = await Promise.all([
    import('../../domain/digest/proof.ts'),
    import('../../flows/content/hash-proof.ts'),
  ]);
  const ports = { files: await context.files(), hasher: await context.hasher(), signal: context.signal };
  const proof = await proveFileRange(locate(context.cwd, file), { start: Number(start), end: Number(end) }, ports);
  const { blake3, sizeBytes } = proof;
  return {
    exitCode: 0,
    json: { proof: JSON.parse(formatProof(proof)) as object },
    text: () => ({
      out: formatProof(proof),
      err: `proves bytes ${start} to ${end} of ${sizeBytes} against blake3:${blake3}\n`,
    }),
  };
}

async function checkProofReport(context: Context, file: string, digest: string | undefined): Promise<Report> {
  const blake3 = digest?.replace(/^blake3:/, '').toLowerCase();
  if (!isHex256(blake3))
    throw new WeighmarkError('usage', 'a proof is checked against a digest that you know', {
      hint: 'name it with `--digest HEX`',
    });
  const [{ parseProof }, { checkRangeProof }] = await Promise.all([
    import('../../domain/digest/proof.ts'),
    import('../../flows/content/hash-proof.ts'),
  ]);
  const proof = parseProof(await (await context.files()).read(resolve(context.cwd, file), LIMITS.proofFileBytes));
  const bytes = await checkRangeProof(proof, blake3, await context.hasher());
  const { start, end, sizeBytes } = proof;
  if (context.options.output !== undefined && context.options.format === 'text')
    await (await context.files()).write(resolve(context.cwd, context.options.output), bytes);
  return {
    exitCode: 0,
    json: { proven: { start, end, sizeBytes, blake3 } },
    text: () => ({ err: `PROVEN: bytes ${start} to ${end} of a file of ${sizeBytes} bytes with blake3:${blake3}\n` }),
  };
}
