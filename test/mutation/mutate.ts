/**
 * `npm run mutation -- [--room ROOM]… [--share 0.1 --seed N] [--seconds N] [--json FILE] [--resume FILE] [test files]`: changes
 * one thing at a time in the rooms that decide and runs the tests that come by it. Exit 1 for a mutant that no test notices and nobody
 * explained (`explained.ts`), and for an explanation of what is noticed after all.
 *
 * `--held`: the files that are held already (`mutants.ts`), with their own tests: seconds, in every run of CI.
 *
 * Fast tests first, in one process a file, each mutant behind a switch (`operators.ts`); a mutant is done with its first
 * failing test. What is left, and what runs only while a module loads, is tried in a process of its own.
 */
import { globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXPLAINED } from './explained.ts';
import { HELD, ROOMS, keyOf, mutantsOf, shareOf } from './mutants.ts';
import type { Mutant } from './operators.ts';
import { open, type Ran } from './pool.ts';
import type { Known, Order } from './worker.ts';

/** Tests in process first, then those of many worlds, those that start commands last. */
const TESTS = [
  'domain',
  'advisories',
  'security',
  'flows',
  'library',
  'reference',
  'adapters',
  'frozen',
  'cli',
].flatMap((folder) => globSync(`test/${folder}/**/*.test.ts`).toSorted());

const { values, positionals } = parseArgs({
  options: {
    room: { type: 'string', multiple: true, default: [...ROOMS] },
    share: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '21600' },
    held: { type: 'boolean', default: false },
    json: { type: 'string' },
    resume: { type: 'string' },
  },
  allowPositionals: true,
});
/** So many mutants between two looks at the clock. */
const BATCH = 40;
const until = performance.now() + 1000 * Number(values.seconds);
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-mutants-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const rooms = values.held ? Object.keys(HELD) : values.room;
const tests = values.held ? [...new Set(Object.values(HELD).flat())] : positionals;
const all = mutantsOf(ROOMS, folder);
const chosen = shareOf(
  all.filter(({ path }) => rooms.some((room) => path.startsWith(`${room}/`) || path === room)),
  Number(values.share),
  Number(values.seed),
);
const alive = new Map(chosen.map((mutant) => [mutant.id, mutant]));
/** By mutant, the files whose tests come by it. */
const covering = new Map<number, Set<string>>(chosen.map(({ id }) => [id, new Set()]));
const killed = new Map<number, string>();
const notTried: string[] = [];
if (values.resume !== undefined) resume(values.resume);

for (const file of tests.length > 0 ? tests : TESTS) {
  if (performance.now() > until) notTried.push(file);
  else await tryAll(file);
}
const again = [...alive.values()].filter(({ id }) => (covering.get(id)?.size ?? 0) > 0);
let left = again.length;
for (; left > 0 && performance.now() < until; left -= 1) await tryFresh(again[again.length - left] as Mutant);
if (left > 0) notTried.push(`${left} mutants in a process of their own`);
process.exitCode = report();

/** Every mutant still alive that a test of this file comes by. */
async function tryAll(path: string): Promise<void> {
  let tests = await open(path, folder);
  if (tests === null) return void notTried.push(`${path}: does not load`);
  const { atLoad, tests: known } = tests;
  for (const id of [...atLoad, ...known.flatMap(({ seen }) => seen)]) covering.get(id)?.add(path);
  let orders = [...alive.keys()].flatMap((id) => orderFor(id, known));
  const before = alive.size;
  while (orders.length > 0 && performance.now() < until) {
    const batch = orders.slice(0, BATCH);
    const { answers, ended }: Ran = await tests.run(batch);
    answers.forEach((why, index) => why !== null && kill(batch[index]?.mutant ?? -1, `${path}: ${why}`));
    orders = orders.slice(answers.length);
    if (ended === 'well') continue;
    // By whom, if several were unproven? Once more, one by one; who alone ends the process is killed.
    const [first] = orders;
    if (first?.unproven === 1)
      kill(first.mutant, `${path}: ${ended === 'late' ? 'does not end' : 'leaves the process ended'}`);
    orders = orders.slice(first?.unproven === 1 ? 1 : 0).map((order, at) => ({ ...order, unproven: at < 20 ? 1 : 20 }));
    tests = await open(path, folder);
    if (tests === null) return void notTried.push(`${path}: does not load again`);
  }
  await tests.end();
  keepKilled();
  const words = `${known.length} tests, of ${before} mutants ${before - alive.size} killed`;
  process.stderr.write(`${path}: ${words}${orders.length > 0 ? `, ${orders.length} not tried` : ''}\n`);
}

/** None for a mutant that no test comes by which could be repeated. */
function orderFor(mutant: number, known: readonly Known[]): readonly Order[] {
  const reach = known.filter(({ repeats, seen }) => repeats && seen.includes(mutant)).toSorted((a, b) => a.ms - b.ms);
  const slowest = reach.at(-1)?.ms;
  if (slowest === undefined) return [];
  return [{ mutant, tests: reach.map(({ index }) => index), ms: 5_000 + 20 * slowest, unproven: 20 }];
}

/** With the mutant from the first line on, and in the tests that do not run twice in one process, too. */
async function tryFresh({ id }: Mutant): Promise<void> {
  for (const path of covering.get(id) ?? []) {
    const tests = await open(path, folder, id);
    if (tests === null) return kill(id, `${path}: does not load`);
    const all = tests.tests.map(({ index }) => index);
    const { answers, ended } = await tests.run([{ mutant: id, tests: all, ms: 60_000, unproven: 1 }]);
    await tests.end();
    const why = answers[0] ?? (ended === 'well' ? null : `process ${ended}`);
    if (why !== null) return kill(id, `${path}: ${why}`);
  }
}

/** What an earlier run killed, by its `--json`, is killed. */
function resume(file: string): void {
  const earlier = JSON.parse(readFileSync(file, 'utf8')) as { killed: readonly (Mutant & { by: string })[] };
  const by = new Map(earlier.killed.map((mutant) => [`${mutant.line} ${keyOf(mutant)}`, mutant.by]));
  for (const mutant of chosen) {
    const why = by.get(`${mutant.line} ${keyOf(mutant)}`);
    if (why !== undefined) kill(mutant.id, why);
  }
}

function kill(mutant: number, why: string): void {
  alive.delete(mutant);
  killed.set(mutant, why);
}

function report(): number {
  const explained = new Set(Object.keys(EXPLAINED));
  const living = [...alive.values()];
  const unexplained = living.filter((mutant) => !explained.has(keyOf(mutant)));
  const stale = chosen.filter((mutant) => killed.has(mutant.id) && explained.has(keyOf(mutant)));
  for (const mutant of unexplained) process.stdout.write(`${shown(mutant)}\n`);
  for (const mutant of stale) process.stdout.write(`explained, but killed: ${shown(mutant)}\n`);
  for (const file of notTried) process.stdout.write(`not tried: ${file}\n`);
  process.stdout.write(
    `${chosen.length} of ${all.length} mutants: ${killed.size} killed, ${living.length} not, ${unexplained.length} of them unexplained\n`,
  );
  keepKilled();
  return unexplained.length + stale.length + notTried.length === 0 ? 0 : 1;
}

/** After every file, so that a run that is ended from outside can be gone on with. */
function keepKilled(): void {
  if (values.json === undefined) return;
  const said = { killed: [...killed].map(([id, by]) => ({ ...all[id], by })), left: [...alive.values()], notTried };
  writeFileSync(values.json, JSON.stringify(said, null, 1));
}

function shown(mutant: Mutant): string {
  const covered = (covering.get(mutant.id)?.size ?? 0) > 0 ? '' : ' (no test comes by)';
  return `${mutant.path}:${mutant.line} ${keyOf(mutant)}${covered}`;
}
