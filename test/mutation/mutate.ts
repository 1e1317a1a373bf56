/**
 * `npm run mutation -- [--room ROOM]… [--share 0.1 --seed N] [--seconds N] [--json FILE] [test files]`: changes one thing at
 * a time in the rooms that decide and runs the tests that come by it. Exit 1 for a mutant that no test notices and nobody
 * explained (`explained.ts`), and for an explanation of what is noticed after all.
 *
 * Fast tests first, in one process a file, each mutant behind a switch (`operators.ts`); a mutant is done with its first
 * failing test. What is left, and what runs only while a module loads, is tried in a process of its own.
 */
import { globSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { EXPLAINED } from './explained.ts';
import { ROOMS, keyOf, mutantsOf, shareOf } from './mutants.ts';
import type { Mutant } from './operators.ts';
import { open } from './pool.ts';

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
    json: { type: 'string' },
  },
  allowPositionals: true,
});
const until = performance.now() + 1000 * Number(values.seconds);
const folder = mkdtempSync(join(realpathSync(tmpdir()), 'weighmark-mutants-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const all = mutantsOf(ROOMS, folder);
const chosen = shareOf(
  all.filter(({ path }) => values.room.some((room) => path.startsWith(`${room}/`) || path === room)),
  Number(values.share),
  Number(values.seed),
);
const alive = new Map(chosen.map((mutant) => [mutant.id, mutant]));
/** By mutant, the files whose tests come by it. */
const covering = new Map<number, Set<string>>(chosen.map(({ id }) => [id, new Set()]));
const killed = new Map<number, string>();
const notTried: string[] = [];

for (const file of positionals.length > 0 ? positionals : TESTS) {
  if (performance.now() > until) notTried.push(file);
  else await tryAll(file);
}
const again = [...alive.values()].filter(({ id }) => (covering.get(id)?.size ?? 0) > 0);
for (const mutant of again) if (performance.now() < until) await tryFresh(mutant);
process.exitCode = report();

/** Every mutant still alive that a test of this file comes by. */
async function tryAll(path: string): Promise<void> {
  let tests = await open(path, folder);
  if (tests === null) return void notTried.push(`${path}: does not load`);
  const { atLoad, tests: known } = tests;
  for (const id of [...atLoad, ...known.flatMap(({ seen }) => seen)]) covering.get(id)?.add(path);
  let count = 0;
  for (const mutant of alive.values()) {
    const reach = known
      .filter(({ repeats, seen }) => repeats && seen.includes(mutant.id))
      .toSorted((a, b) => a.ms - b.ms);
    if (reach.length === 0 || performance.now() > until) continue;
    const slowest = Math.max(...reach.map(({ ms }) => ms));
    const order = { mutant: mutant.id, tests: reach.map(({ index }) => index), ms: 5_000 + 20 * slowest };
    let why = await tests.run(order);
    if (why === 'does not end' || why === 'process ends') {
      await tests.end();
      tests = await open(path, folder);
      if (tests === null) return void notTried.push(`${path}: does not load again`);
      // Left over from the mutant before? Once more, with nothing before it.
      if (why === 'process ends') why = await tests.run(order);
    }
    if (why !== null) ((count += 1), kill(mutant, `${path}: ${why}`));
  }
  await tests.end();
  process.stderr.write(`${path}: ${known.length} tests kill ${count}; ${alive.size} of ${chosen.length} left\n`);
}

/** With the mutant from the first line on, and in the tests that do not run twice in one process, too. */
async function tryFresh(mutant: Mutant): Promise<void> {
  for (const path of covering.get(mutant.id) ?? []) {
    const tests = await open(path, folder, mutant.id);
    const why =
      tests === null
        ? 'does not load'
        : await tests.run({ mutant: mutant.id, tests: tests.tests.map(({ index }) => index), ms: 60_000 });
    await tests?.end();
    if (why !== null) return kill(mutant, `${path}: ${why}`);
  }
}

function kill(mutant: Mutant, why: string): void {
  alive.delete(mutant.id);
  killed.set(mutant.id, why);
}

function report(): number {
  const explained = new Set(Object.keys(EXPLAINED));
  const left = [...alive.values()];
  const unexplained = left.filter((mutant) => !explained.has(keyOf(mutant)));
  const stale = chosen.filter((mutant) => killed.has(mutant.id) && explained.has(keyOf(mutant)));
  for (const mutant of unexplained) process.stdout.write(`${shown(mutant)}\n`);
  for (const mutant of stale) process.stdout.write(`explained, but killed: ${shown(mutant)}\n`);
  for (const file of notTried) process.stdout.write(`not tried: ${file}\n`);
  process.stdout.write(
    `${chosen.length} of ${all.length} mutants: ${killed.size} killed, ${left.length} not, ${unexplained.length} of them unexplained\n`,
  );
  if (values.json !== undefined)
    writeFileSync(
      values.json,
      JSON.stringify({ killed: [...killed].map(([id, by]) => ({ ...all[id], by })), left, notTried }, null, 1),
    );
  return unexplained.length + stale.length + notTried.length === 0 ? 0 : 1;
}

function shown(mutant: Mutant): string {
  const covered = (covering.get(mutant.id)?.size ?? 0) > 0 ? '' : ' (no test comes by)';
  return `${mutant.path}:${mutant.line} ${keyOf(mutant)}${covered}`;
}
