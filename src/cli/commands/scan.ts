import { CODES, WeighmarkError, isOfOne, worstExit, type ExitCode } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { forShell } from '../../domain/base/text.ts';
import { atLeast, isCounted, SEVERITIES, type Severity } from '../../domain/scan/index.ts';
import type { Tree } from '../../domain/ports/files.ts';
import { scanArtifact, type ArtifactScan, type ReadFeed, type ScanOptions } from '../../flows/content/scan.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addFeedOptions, judgingFrom, type FeedOptions } from '../feed-options.ts';
import { locate } from '../located.ts';
import { weighPorts } from '../weigh-ports.ts';
import { scanJson, scanJunit, scanMarkdown, scanSarif, scanText, type ShownScan } from '../views/scan.ts';

interface Options extends FeedOptions {
  readonly failOn: string;
  readonly name?: string;
  readonly signer?: string;
  readonly allowSymlinks?: boolean;
}

const LEVELS = SEVERITIES.filter((severity) => severity !== 'info');

/** `scan PATH…`: what loading the files would do, without loading them. */
export const register: Register = (program, run) => {
  const command = program
    .command('scan')
    .description('find unsafe content and known-bad files; nothing is loaded or executed')
    .argument('<path...>', 'files or folders, or s3://…')
    .option('--fail-on <severity>', `exit 1 at this severity or worse: ${LEVELS.join(', ')}`, 'high')
    .option('--name <name:version>', 'what the artifact is called, for feeds that know models by name')
    .option('--signer <identity>', 'who signed it, for feeds that know signers')
    .option('--allow-symlinks', 'follow symbolic links inside the artifact');
  addFeedOptions(command).action(
    run(async (context, paths: readonly string[], options: Options) => {
      const failOn = levelOf(options.failOn);
      const { index, feeds, suppressions } = await judgingFrom(context, options, paths);
      const scans: ShownScan[] = [];
      for (const path of paths)
        scans.push(
          await (paths.length === 1 ? scanOne : scanOfSeveral)(context, path, { options, index, suppressions }),
        );
      return report(context, scans, { failOn, feeds });
    }),
  );
};

function levelOf(word: string): Severity {
  const level = LEVELS.find((severity) => severity === word);
  if (level === undefined) throw new WeighmarkError('usage', `--fail-on is one of ${LEVELS.join(', ')}`);
  return level;
}

interface Judging {
  readonly options: Options;
  readonly index: ScanOptions['index'] | undefined;
  readonly suppressions: ScanOptions['suppressions'];
}

async function scanOne(context: Context, path: string, judging: Judging): Promise<ShownScan> {
  return { shown: path, scan: await scanPath(context, path, judging) };
}

async function scanOfSeveral(context: Context, path: string, judging: Judging): Promise<ShownScan> {
  try {
    return await scanOne(context, path, judging);
  } catch (error) {
    if (!isOfOne(error)) throw error;
    const open = {
      path,
      sizeBytes: 0,
      formats: [],
      findings: [],
      unexamined: [{ place: { path }, reason: error.message }],
      verdict: 'incomplete',
    } as const;
    return {
      shown: path,
      scan: { root: path, files: [open], findings: [], verdict: 'incomplete' },
      stopped: error.code,
    };
  }
}

async function scanPath(
  context: Context,
  path: string,
  { options, index, suppressions }: Judging,
): Promise<ArtifactScan> {
  const { storeView } = await import('../../flows/content/stores.ts');
  const { root, files } = await storeView(locate(context.cwd, path), await context.files());
  if (NAMES_A_VERSION.test(path) && (await files.kindOf(root)) === 'none') throw notOnDisk(path);
  const tree: Tree = await files.walk(root, { allowSymlinks: options.allowSymlinks === true, bookkeeping: 'scanned' });
  const name = nameOf(options.name);
  const how: ScanOptions = {
    ...(index === undefined ? {} : { index }),
    ...(name === undefined ? {} : { name }),
    ...(suppressions === undefined ? {} : { suppressions }),
    ...(options.signer === undefined ? {} : { signer: options.signer }),
  };
  const { progress, signal, hasher } = context;
  const scan = await scanArtifact(tree, { files, progress, signal, hasher }, how);
  if (index === undefined || index.byWeights.size === 0) return scan;
  const { scanKnownWeights } = await import('../../flows/describe/known-weights.ts');
  return scanKnownWeights({ scan, tree, options: how }, { files, ...weighPorts(context) });
}

const NAMES_A_VERSION = /^(?:oci:\/\/|[a-z0-9][a-z0-9._/-]*[:@])/;

function notOnDisk(path: string): WeighmarkError {
  return new WeighmarkError(
    'not-found',
    `${path}: there is no such file, and what a registry holds is not scanned there`,
    { subject: path, hint: `bring it: \`weighmark pull ${forShell(path)} DIR\`, then \`weighmark scan DIR\`` },
  );
}

/** `acme/enc:1.4`; the version may be left out. */
function nameOf(word: string | undefined): { name: string; version?: string } | undefined {
  if (word === undefined) return undefined;
  if (word.length > LIMITS.pathBytes) throw new WeighmarkError('usage', '--name is too long');
  const colon = word.lastIndexOf(':');
  return colon < 0 ? { name: word } : { name: word.slice(0, colon), version: word.slice(colon + 1) };
}

function exitOf({ scan, stopped }: ShownScan, failOn: Severity): ExitCode {
  if (stopped !== undefined) return CODES[stopped];
  const findings = [...scan.findings, ...scan.files.flatMap((file) => file.findings)];
  if (findings.some((finding) => isCounted(finding) && atLeast(finding.severity, failOn))) return 1;
  return scan.files.some(({ unexamined }) => unexamined.length > 0) ? 4 : 0;
}

function report(
  context: Context,
  scans: readonly ShownScan[],
  { failOn, feeds }: { failOn: Severity; feeds: readonly ReadFeed[] },
): Report {
  const exitCode = worstExit(scans.map((scan) => exitOf(scan, failOn)));
  const about = { failOn, feeds, now: context.clock.now(), exitCode, verbose: context.options.verbose };
  return {
    exitCode,
    json: scanJson(scans, about),
    text: (style) => scanText(scans, about, style),
    sarif: () => scanSarif(context.version, scans),
    junit: () => scanJunit(scans, about),
    markdown: () => scanMarkdown(scans, about),
  };
}
