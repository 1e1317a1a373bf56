/**
 * `npm run coverage -- [--json] [test files]`: runs the tests, all or those named, and prints which lines and branches of
 * `src` ran, by room. Every process and thread counts that ends by itself, those that tests start too; what is killed
 * leaves no counts.
 *
 * V8 counts by offset. Node turns types into spaces, so an offset in what ran is one in the file; and that text, not the
 * file, says what code is: types and comments are no covered lines. A line counts as covered if any of it ran.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { CoverageReport, type CoverageFile } from 'monocart-coverage-reports';

/** As V8 writes it to NODE_V8_COVERAGE. */
interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly { count: number }[] }[];
}

interface Count {
  readonly covered: number;
  readonly total: number;
}

interface Row {
  readonly room: string;
  readonly lines: Count;
  readonly branches: Count;
}

const COLLECT_MS = 5_000;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES: ReadonlyMap<string, string> = new Map(
  globSync('src/**/*.ts', { cwd: ROOT }).map((path) => [pathToFileURL(join(ROOT, path)).href, path]),
);

/** What ran, in as few pieces as say it: by file, each different set of ranges once. */
type Seen = Map<string, Set<string>>;

/** Takes what processes wrote into a folder; what is not whole yet stays for the next time. */
function collect(folder: string, seen: Seen): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const scripts = readScripts(path);
    if (scripts === null) continue;
    for (const { url, functions } of scripts) if (SOURCES.has(url)) note(seen, url, functions);
    rmSync(path);
  }
}

function readScripts(path: string): readonly Script[] | null {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { result: readonly Script[] }).result;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/** How often is of no interest: most runs of a command leave what is known already. */
function note(seen: Seen, url: string, functions: Script['functions']): void {
  for (const { ranges } of functions) for (const range of ranges) range.count = Math.min(range.count, 1);
  seen.set(url, (seen.get(url) ?? new Set()).add(JSON.stringify(functions)));
}

/**
 * Runs the tests; what they print goes to standard error. Without the compile cache: from it, functions may be counted
 * less exactly.
 * @returns their exit code.
 */
async function runTests(files: readonly string[], folder: string, seen: Seen): Promise<number> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const tests = files.length > 0 ? files : ['test/**/*.test.ts'];
  const child = spawn(
    process.execPath,
    ['--import', './test/own-temporary-folder.ts', '--test', '--test-reporter=dot', ...tests],
    { cwd: ROOT, stdio: ['ignore', 2, 2], env: { ...env, NODE_V8_COVERAGE: folder, NODE_DISABLE_COMPILE_CACHE: '1' } },
  );
  const ended = new Promise<number>((resolve, reject) =>
    child.once('error', reject).once('exit', (code) => resolve(code ?? 1)),
  );
  let code: number | undefined;
  while (code === undefined) {
    code = await Promise.race([ended, sleep(COLLECT_MS, undefined, { ref: false })]);
    collect(folder, seen);
  }
  return code;
}

/** A file nothing imported is a file of which nothing ran. */
function entriesOf(seen: Seen): Parameters<CoverageReport['add']>[0] {
  return [...SOURCES].flatMap(([url, path]) => {
    const source = stripTypeScriptTypes(readFileSync(join(ROOT, path), 'utf8'));
    const nothing = JSON.stringify([
      { functionName: '', isBlockCoverage: true, ranges: [{ startOffset: 0, endOffset: source.length, count: 0 }] },
    ]);
    return [...(seen.get(url) ?? [nothing])].map((functions) => ({
      url,
      source,
      functions: JSON.parse(functions) as unknown[],
    }));
  });
}

async function measure(seen: Seen, folder: string): Promise<readonly Row[]> {
  const report = new CoverageReport({
    reports: ['v8-json'],
    outputDir: folder,
    logging: 'error',
    sourcePath: (_, { url }) => SOURCES.get(url ?? '') ?? '',
  });
  await report.add(entriesOf(seen));
  const rows = ((await report.generate())?.files ?? []).map(rowOf);
  return [...Map.groupBy(rows, ({ room }) => room)]
    .map(([room, files]) => sum(room, files))
    .sort((a, b) => (a.room < b.room ? -1 : 1));
}

/** `src`, and at most two folders below. */
function rowOf({ sourcePath, summary, data }: CoverageFile): Row {
  const lines = Object.values(data?.lines ?? {});
  return {
    room: dirname(sourcePath).split('/').slice(0, 3).join('/'),
    lines: { covered: lines.filter((count) => count !== 0).length, total: lines.length },
    branches: { covered: summary.branches.covered, total: summary.branches.total },
  };
}

function sum(room: string, rows: readonly Row[]): Row {
  const add = (counts: readonly Count[]): Count =>
    counts.reduce((a, b) => ({ covered: a.covered + b.covered, total: a.total + b.total }));
  return { room, lines: add(rows.map(({ lines }) => lines)), branches: add(rows.map(({ branches }) => branches)) };
}

function print({ room, lines, branches }: Row): void {
  const share = ({ covered, total }: Count): string =>
    `${total === 0 ? '    –' : ((covered / total) * 100).toFixed(1).padStart(5)} % ${`${covered}/${total}`.padStart(12)}`;
  console.log(`${room.padEnd(28)} ${share(lines)}  ${share(branches)}`);
}

const { values: options, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const temporary = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-coverage-'));
try {
  const [counts, seen]: [string, Seen] = [mkdtempSync(join(temporary, 'v8-')), new Map()];
  process.exitCode = await runTests(positionals, counts, seen);
  const rooms = await measure(seen, join(temporary, 'report'));
  const total = sum('total', rooms);
  if (options.json) console.log(JSON.stringify({ rooms, total: { lines: total.lines, branches: total.branches } }));
  else [...rooms, total].forEach(print);
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
