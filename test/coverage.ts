/**
 * `npm run coverage -- [--json] [--held] [--missed] [test files]`: runs the tests, all or those named, and prints which lines
 * and branches of `src` ran, by room. Every process and thread counts that ends by itself, those that tests start too; what
 * is killed leaves no counts. `--held` runs the tests of the rooms that decide, and fails where less of these ran than is
 * asked of them; `--missed` prints what did not run, before.
 *
 * V8 counts by offset. Node turns types into spaces, so an offset in what ran is one in the file; and that text, not the
 * file, says what code is: types and comments are no covered lines. A line counts as covered if any of it ran.
 */
import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { CoverageReport, type CoverageFile } from 'monocart-coverage-reports';
import { ROOMS } from './mutation/mutants.ts';

/** As V8 writes it to NODE_V8_COVERAGE. */
interface Script {
  readonly url: string;
  readonly functions: readonly FunctionCounts[];
}

interface FunctionCounts {
  readonly functionName: string;
  readonly isBlockCoverage: boolean;
  readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; count: number }[];
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

/** Of the rooms that decide, in per cent. */
const ASKED = { lines: 95, branches: 90 } as const;
/** The tests that reach them. */
const HELD_TESTS: readonly string[] = [
  'test/{advisories,library,reference,security}/*.test.ts',
  `test/domain/{${ROOMS.filter((room) => room.startsWith('src/domain/'))
    .map((room) => room.slice(11))
    .join()}}/*.test.ts`,
  'test/flows/{gate,registry,sign,verify,watch}/*.test.ts',
  'test/flows/data/removal.test.ts',
  'test/adapters/{config,keys,log-store,sigstore,trust-store}/*.test.ts',
  'test/cli/{audit,claims,decision,gate,registry,removal,trust,verify,weights}*.test.ts',
];
const COLLECT_MS = 5_000;
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SOURCES: ReadonlyMap<string, string> = new Map(
  globSync('src/**/*.ts', { cwd: ROOT }).map((path) => [pathToFileURL(join(ROOT, path)).href, path]),
);

/**
 * What ran, in as few pieces as say it: of each file its functions, by the blocks that V8 told apart, with the counts of all
 * runs. How often matters: what ran of an `if` without `else` is how often it was asked, less how often it held.
 */
type Seen = Map<string, Map<string, FunctionCounts>>;

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

function note(seen: Seen, url: string, functions: Script['functions']): void {
  const known = seen.get(url) ?? new Map<string, FunctionCounts>();
  seen.set(url, known);
  for (const each of functions) {
    const key = JSON.stringify([
      each.isBlockCoverage,
      each.ranges.map((range) => [range.startOffset, range.endOffset]),
    ]);
    const before = known.get(key);
    if (before === undefined) known.set(key, each);
    else for (const [index, range] of before.ranges.entries()) range.count += each.ranges[index]?.count ?? 0;
  }
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
    [
      ...['--import', './test/own-temporary-folder.ts', '--test', '--test-reporter=dot'],
      `--test-concurrency=${availableParallelism()}`,
      ...tests,
    ],
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

/** As if each process had told a function's blocks apart in one way. A file nothing imported is a file of which nothing ran. */
function entriesOf(seen: Seen): Parameters<CoverageReport['add']>[0] {
  return [...SOURCES].flatMap(([url, path]) => {
    const source = stripTypeScriptTypes(readFileSync(join(ROOT, path), 'utf8'));
    const nothing = { startOffset: 0, endOffset: source.length, count: 0 };
    const ways = Map.groupBy(seen.get(url)?.values() ?? [], ({ ranges }) => JSON.stringify({ ...ranges[0], count: 0 }));
    const most = Math.max(0, ...[...ways.values()].map(({ length }) => length));
    const entries = Array.from({ length: most }, (_, index) => [...ways.values()].flatMap((way) => way[index] ?? []));
    return (most > 0 ? entries : [[{ functionName: '', isBlockCoverage: true, ranges: [nothing] }]]).map(
      (functions) => ({ url, source, functions }),
    );
  });
}

async function measure(seen: Seen, folder: string): Promise<readonly CoverageFile[]> {
  const report = new CoverageReport({
    reports: ['v8-json'],
    outputDir: folder,
    logging: 'error',
    sourcePath: (_, { url }) => SOURCES.get(url ?? '') ?? '',
  });
  await report.add(entriesOf(seen));
  return ((await report.generate())?.files ?? []).toSorted((a, b) => (a.sourcePath < b.sourcePath ? -1 : 1));
}

function byRoom(files: readonly CoverageFile[]): readonly Row[] {
  return [...Map.groupBy(files, roomOf)]
    .map(([room, each]) => sum(room, each.map(rowOf)))
    .sort((a, b) => (a.room < b.room ? -1 : 1));
}

/** `src`, and at most two folders below. */
function roomOf({ sourcePath }: CoverageFile): string {
  return dirname(sourcePath).split('/').slice(0, 3).join('/');
}

function rowOf(file: CoverageFile): Row {
  const { summary, data } = file;
  const lines = Object.values(data?.lines ?? {});
  return {
    room: roomOf(file),
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

/** Lines, and where the branches begin, that did not run. */
function printMissed({ sourcePath, data }: CoverageFile): void {
  const text = stripTypeScriptTypes(readFileSync(join(ROOT, sourcePath), 'utf8'));
  const lines = Object.entries(data?.lines ?? {}).flatMap(([line, count]) => (count === 0 ? [Number(line)] : []));
  const branches = (data?.branches ?? []).filter(({ count }) => count === 0);
  for (const line of lines) console.log(`${sourcePath}:${line}`);
  for (const { start, end } of branches)
    console.log(`${placeIn(text, sourcePath, start)}: ${text.slice(start, end).trim().split('\n', 1)[0] ?? ''}`);
}

function placeIn(text: string, path: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

/** What is asked of rooms and does not hold. */
function lacking(rooms: readonly Row[]): readonly string[] {
  return rooms.flatMap((row) =>
    (['lines', 'branches'] as const)
      .filter((what) => row[what].covered * 100 < row[what].total * ASKED[what])
      .map((what) => `${row.room}: less than ${ASKED[what]} % of ${what} ran`),
  );
}

const { values: options, positionals } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    held: { type: 'boolean', default: false },
    missed: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const isHeld = (file: CoverageFile): boolean => !options.held || (ROOMS as readonly string[]).includes(roomOf(file));
const tests = positionals.length === 0 && options.held ? HELD_TESTS : positionals;
const temporary = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-coverage-'));
try {
  const [counts, seen]: [string, Seen] = [mkdtempSync(join(temporary, 'v8-')), new Map()];
  process.exitCode = await runTests(tests, counts, seen);
  const files = (await measure(seen, join(temporary, 'report'))).filter(isHeld);
  const rooms = byRoom(files);
  const total = sum('total', rooms);
  if (options.missed) files.forEach(printMissed);
  if (options.json) console.log(JSON.stringify({ rooms, total: { lines: total.lines, branches: total.branches } }));
  else [...rooms, total].forEach(print);
  const reasons = options.held ? lacking(rooms) : [];
  for (const reason of reasons) console.error(reason);
  if (reasons.length > 0) process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
