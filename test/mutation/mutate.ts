/**
 * `npm run mutation -- [--room ROOM]… [--share 0.1 --seed N] [--seconds N] [--json FILE] [--resume FILE] [test files]`: changes
 * one thing at a time in the rooms that decide and runs the tests that come by it. Exit 1 for a mutant that no test notices and nobody
 * explained (`explained.ts`), and for an explanation of what is noticed after all.
 *
 * `--held`: the files that are held already (`mutants.ts`), with their own tests: seconds, in every run of CI.
 * `--tenth`: a seeded tenth of the rooms, each asked of the tests that are named for it: minutes, in CI after its quick part.
 *
 * Fast tests first, in one process a file, each mutant behind a switch (`operators.ts`); a mutant is done with its first
 * failing test. What runs while a module loads and is left then is tried in a process of its own.
 */
import { globSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXPLAINED } from './explained.ts';
import { HELD, ROOMS, TENTHS, keyOf, mutantsOf, shareOf } from './mutants.ts';
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
    share: { type: 'string' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '21600' },
    held: { type: 'boolean', default: false },
    tenth: { type: 'boolean', default: false },
    json: { type: 'string' },
    resume: { type: 'string' },
  },
  allowPositionals: true,
});
/** So many mutants between two looks at the clock, at what killed the neighbours, and at tests that failed, without any. */
const BATCH = 20;
const until = performance.now() + 1000 * Number(values.seconds);
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-mutants-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** By file of tests, the sources whose mutants are asked of it; all, where nothing says which. */
const asked = values.held ? turned(HELD) : values.tenth ? turned(TENTHS) : new Map<string, readonly string[]>();
const rooms = asked.size > 0 ? [...new Set([...asked.values()].flat())] : ROOMS;
const tests = asked.size > 0 ? [...asked.keys()] : positionals;
const all = mutantsOf(ROOMS, folder);
const chosen = shareOf(
  all.filter(({ path }) => isIn(path, rooms) && isIn(path, values.room)),
  Number(values.share ?? (values.tenth ? '0.1' : '1')),
  Number(values.seed),
);
const alive = new Map(chosen.map((mutant) => [mutant.id, mutant]));
/** What a test comes by. */
const covered = new Set<number>();
/** By mutant, the files that come by it while they load. */
const loading = new Map<number, Set<string>>(chosen.map(({ id }) => [id, new Set()]));
/** By file, the tests that pass with nothing changed: no other tells anything of a mutant. */
const passing = new Map<string, readonly number[]>();
const killed = new Map<number, string>();
const notTried: string[] = [];
if (values.resume !== undefined) resume(values.resume);

for (const file of tests.length > 0 ? tests : TESTS) {
  if (performance.now() > until) notTried.push(file);
  else await tryAll(file);
}
const again = [...alive.values()].filter(({ id }) => (loading.get(id)?.size ?? 0) > 0);
let left = again.length;
for (; left > 0 && performance.now() < until; left -= 1) await tryFresh(again[again.length - left] as Mutant);
if (left > 0) notTried.push(`${left} mutants in a process of their own`);
process.exitCode = report();

/** Every mutant still alive that a test of this file comes by, and that is asked of it. */
async function tryAll(path: string): Promise<void> {
  const sources = asked.get(path) ?? [''];
  const mine = [...alive.values()].filter((mutant) => isIn(mutant.path, sources));
  if (mine.length === 0) return;
  let tests = await open(path, folder);
  if (tests === null) return void notTried.push(`${path}: does not load`);
  const { atLoad, tests: known } = tests;
  passing.set(
    path,
    known.flatMap(({ index, passes }) => (passes ? [index] : [])),
  );
  for (const { id } of mine) if (atLoad.includes(id)) loading.get(id)?.add(path);
  for (const id of [...atLoad, ...known.flatMap(({ seen }) => seen)]) covered.add(id);
  const reach = new Map(mine.map(({ id }) => [id, known.filter(({ passes, seen }) => passes && seen.includes(id))]));
  const kills: Kill[] = [];
  let left = mine.filter(({ id }) => (reach.get(id) ?? []).length > 0);
  let unproven = BATCH;
  while (left.length > 0 && performance.now() < until) {
    const batch = left.slice(0, BATCH);
    const orders = batch.map((mutant) => orderFor(mutant, reach.get(mutant.id) ?? [], { kills, unproven }));
    const { answers, ended }: Ran = await tests.run(orders);
    for (const [index, failure] of answers.entries()) {
      const mutant = batch[index];
      if (failure === null || mutant === undefined) continue;
      kills.push({ mutant, test: failure.index });
      kill(mutant.id, `${path}: ${failure.why}`);
    }
    left = left.slice(answers.length);
    // By whom, if several were unproven? Once more, one by one; who alone ends the process is killed.
    const [first] = left;
    if (ended !== 'well' && unproven === 1 && first !== undefined) {
      kill(first.id, `${path}: ${ended === 'late' ? 'does not end' : 'leaves the process ended'}`);
      left = left.slice(1);
    }
    unproven = ended === 'well' ? BATCH : 1;
    if (ended === 'well') continue;
    tests = await open(path, folder);
    if (tests === null) return void notTried.push(`${path}: does not load again`);
  }
  await tests.end();
  keepKilled();
  const words = `${known.length} tests, of ${mine.length} mutants ${kills.length} killed`;
  process.stderr.write(`${path}: ${words}${left.length > 0 ? `, ${left.length} not tried` : ''}\n`);
}

interface Kill {
  readonly mutant: Mutant;
  readonly test: number;
}

/** First the tests that killed neighbours, the nearest first; then the others, the fastest first. */
function orderFor(
  { id, path, line }: Mutant,
  reach: readonly Known[],
  { kills, unproven }: { readonly kills: readonly Kill[]; readonly unproven: number },
): Order {
  const near = kills
    .filter(({ mutant }) => mutant.path === path)
    .toSorted((a, b) => Math.abs(a.mutant.line - line) - Math.abs(b.mutant.line - line))
    .map(({ test }) => test);
  const place = (test: number): number => (near.includes(test) ? near.indexOf(test) : near.length);
  const tests = reach.toSorted((a, b) => place(a.index) - place(b.index) || a.ms - b.ms);
  const slowest = Math.max(...reach.map(({ ms }) => ms));
  return { mutant: id, tests: tests.map(({ index }) => index), ms: 5_000 + 20 * slowest, unproven };
}

/** With the mutant from the first line on; the tests of its own room first. */
async function tryFresh({ id, path: source }: Mutant): Promise<void> {
  const isNear = (path: string): boolean => dirname(path).endsWith(dirname(source).slice('src/'.length));
  const paths = [...(loading.get(id) ?? [])];
  for (const path of [...paths.filter(isNear), ...paths.filter((path) => !isNear(path))]) {
    const tests = await open(path, folder, id);
    if (tests === null) return kill(id, `${path}: does not load`);
    const { answers, ended } = await tests.run([
      { mutant: id, tests: passing.get(path) ?? [], ms: 60_000, unproven: 1 },
    ]);
    await tests.end();
    const why = answers[0]?.why ?? (ended === 'well' ? null : `process ${ended}`);
    if (why !== null) return kill(id, `${path}: ${why}`);
  }
}

/** Files of tests by the sources they are for, turned round; those of few steps first. */
function turned(table: Readonly<Record<string, string | readonly string[]>>): ReadonlyMap<string, readonly string[]> {
  const order = ['domain', 'advisories', 'adapters', 'flows', 'security'];
  const place = ([file]: readonly [string, unknown]): number => order.indexOf(file.split('/')[1] ?? '');
  const pairs = Object.entries(table).flatMap(([source, files]) =>
    globSync(files as string[])
      .toSorted()
      .map((file) => [file, source] as const),
  );
  const files = Map.groupBy(
    pairs.toSorted((a, b) => place(a) - place(b)),
    ([file]) => file,
  );
  return new Map([...files].map(([file, sources]) => [file, sources.map(([, source]) => source)]));
}

function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => place === '' || path === place || path.startsWith(`${place}/`));
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
  return `${mutant.path}:${mutant.line} ${keyOf(mutant)}${covered.has(mutant.id) ? '' : ' (no test comes by)'}`;
}
