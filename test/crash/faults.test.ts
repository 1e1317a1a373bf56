import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import type { LogEntry } from '../../src/domain/tlog/leaf.ts';
import type { Fault, Tried } from './fault-at.ts';
import { makeModel, makeWorld, requireWhole, type World } from './world.ts';
import { THOROUGH } from '../thorough.ts';

/** At how many places, evenly spread, each command meets each fault: 6 in a thorough run, else 2, or as WEIGHMARK_FAULTS says; `all` for each. */
const PLACES = process.env['WEIGHMARK_FAULTS'] ?? (THOROUGH ? '6' : '2');

let world: World;
let kept = '';
let runner: ChildProcess;
const gone = new AbortController();
/** What was acknowledged before anything failed, by registry. */
const entries = new Map<string, readonly LogEntry[]>();

before(async () => {
  world = makeWorld();
  makeModel(join(world.folder, 'new'));
  world.ok('approve', 'acme/m:2', '--env', 'prod', '--yes', '--key', 'bob.key');
  world.ok('registry', 'init', 'stick');
  kept = `${world.folder}-kept`;
  for (const place of ['reg', 'stick'])
    entries.set(place, await (await world.open(place)).log.entries(0, Number.MAX_SAFE_INTEGER));
  cpSync(world.folder, kept, { recursive: true });
  runner = fork(resolve('test/crash/fault-at.ts'), [], {
    cwd: world.folder,
    execArgv: [],
    env: { ...world.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  runner.once('exit', (code) => gone.abort(new Error(`the command ended its process: ${code}`)));
  await answer();
});
after(() => {
  runner.kill();
  world.remove();
  rmSync(kept, { recursive: true, force: true });
});

interface Scenario {
  readonly command: string;
  readonly words: readonly string[];
  /** The registry that changes. Default `reg`. */
  readonly place?: string;
  /** What it reads and somebody may swap meanwhile. */
  readonly reads?: string;
  /** What is there only when it is done, and then whole. */
  readonly target?: string;
  /** Of a repeat after a failure that came too late to be told. */
  readonly done?: RegExp;
}

const SCENARIOS: readonly Scenario[] = [
  { command: 'seal', words: ['seal', 'new', '--name', 'acme/new:1', '--key', 'anna.key'], reads: 'new' },
  { command: 'push', words: ['push', 'm1', 'acme/again:1'], reads: 'm1' },
  { command: 'promote', words: ['promote', 'acme/m:2', '--env', 'prod', '--key', 'ci.key'] },
  { command: 'approve', words: ['approve', 'acme/m:1', '--env', 'prod', '--yes', '--key', 'bob.key'] },
  { command: 'revoke', words: ['revoke', 'acme/m:1', '--reason', 'bad', '--yes', '--key', 'rita.key'] },
  { command: 'integrate', words: ['log', 'integrate'] },
  { command: 'pull', words: ['pull', 'acme/m:1', 'out'], target: 'out' },
  { command: 'copy', words: ['copy', 'acme/m:2', 'stick'], place: 'stick' },
];

async function run(words: readonly string[], fault: Fault): Promise<Tried> {
  runner.send({ words, fault });
  return (await answer()) as Tried;
}

/** @throws if the process is gone instead. */
async function answer(): Promise<unknown> {
  const [said] = (await once(runner, 'message', { signal: gone.signal })) as [unknown];
  return said;
}

/** Everything as it was. In place: the runner stands in the folder. */
function restore(): void {
  for (const name of ['reg', 'stick', 'new', 'm1', 'out', '.config', '.local', '.cache']) {
    rmSync(join(world.folder, name), { recursive: true, force: true });
    if (existsSync(join(kept, name))) cpSync(join(kept, name), join(world.folder, name), { recursive: true });
  }
}

function placesOf(count: number): readonly number[] {
  const wanted = PLACES === 'all' ? count : Math.min(count, Number(PLACES));
  return Array.from({ length: wanted }, (_, index) => 1 + Math.floor((index * count) / wanted));
}

for (const scenario of SCENARIOS) {
  test(`${scenario.command}: whatever write fails, what was stays, the reason is said, a repeat finishes`, async (t) => {
    restore();
    const { changes, code, output } = await run(scenario.words, { kind: 'none' });
    assert.equal(code, 0, output);
    let hits = 0;
    for (const at of placesOf(changes))
      for (const kind of ['EIO', 'ENOSPC'] as const) hits += Number(await survives(scenario, { kind, at }));
    t.diagnostic(`${changes} changes, ${hits} faults`);
    assert.ok(changes === 0 || hits > 0);
  });

  test(`${scenario.command}: reads that give half of what was asked make no difference`, async () => {
    restore();
    const { code, output, hit } = await run(scenario.words, { kind: 'short-reads' });
    assert.equal(code, 0, `${hit}: ${output}`);
    await requireGood(scenario);
  });
}

for (const scenario of SCENARIOS.filter(({ reads }) => reads !== undefined)) {
  test(`${scenario.command}: a file that is another one when it is opened is refused, or is what was named`, async (t) => {
    const below = resolve(world.folder, scenario.reads ?? '');
    let [at, hits] = [1, 0];
    for (; at < 40; at += 1) {
      restore();
      const { hit, code, output } = await run(scenario.words, { kind: 'swapped', at, below });
      if (hit === '') break;
      hits += 1;
      assert.ok([0, 1, 2, 3, 4].includes(code), `${hit}: ${output}`);
      await requireGood(scenario);
      if (code === 0 && scenario.command === 'seal') {
        const verified = await run(['verify', 'new', '--key', 'anna.pub'], { kind: 'none' });
        assert.equal(
          verified.code,
          0,
          `${hit} was swapped, and what was signed is not what lies there: ${verified.output}`,
        );
      }
    }
    t.diagnostic(`${hits} files were swapped`);
    assert.ok(hits > 1);
  });
}

/** True if the fault came. A fault in what nobody needs (a cache) is no failure. */
async function survives(scenario: Scenario, fault: Fault): Promise<boolean> {
  restore();
  const { code, output, hit } = await run(scenario.words, fault);
  const where = `${scenario.command}, ${JSON.stringify(fault)} at ${hit}: exit ${code}\n${output}`;
  assert.ok([0, 2, 4].includes(code), where);
  if (code !== 0) assert.match(output, /error\[[a-z-]+\]/, where);
  assert.doesNotMatch(output, /error\[internal\]|\n {4}at /, where);
  if (code !== 0 && scenario.target !== undefined) assert.ok(!existsSync(join(world.folder, scenario.target)), where);
  await requireGood(scenario);
  const again = await run(scenario.words, { kind: 'none' });
  assert.ok(again.code === 0 || scenario.done?.test(again.output), `${where}\na repeat: ${again.output}`);
  await requireGood(scenario);
  return hit !== '';
}

async function requireGood({ place = 'reg' }: Scenario): Promise<void> {
  await requireWhole(await world.open(place), join(world.folder, place), { entries: entries.get(place) ?? [] });
}
