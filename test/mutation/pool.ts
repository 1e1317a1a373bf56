import { fork, type ChildProcess } from 'node:child_process';
import { on } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Failure, Known, Order } from './worker.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HOOK = join(ROOT, 'test/mutation/switch.ts');

/** Each leads a group of its own: the commands that its tests start end with it, however busy they are. */
const leaders = new Set<ChildProcess>();
process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));

export function endAll(): void {
  leaders.forEach(endGroup);
}

function endGroup(leader: ChildProcess): void {
  leaders.delete(leader);
  try {
    if (leader.pid !== undefined) process.kill(-leader.pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

export interface Ran {
  readonly answers: readonly (Failure | null)[];
  readonly ended: 'well' | 'late' | 'gone';
}

export interface TestFile {
  readonly tests: readonly Known[];
  /** What ran before any test did: only a fresh process can tell of these. */
  readonly atLoad: readonly number[];
  /**
   * Of each mutant, in order, why it is killed: the test that fails; null if all pass. Without its answer, and all later
   * ones, where the process is gone (`gone`) or did not answer in time (`late`); then it is of no more use.
   */
  readonly run: (orders: readonly Order[]) => Promise<Ran>;
  readonly end: () => Promise<void>;
}

/** A test file in a process of its own; with a mutant, it runs from the first line on. Null: the file does not load. */
export async function open(path: string, folder: string, mutant?: number): Promise<TestFile | null> {
  const child = start(path, folder, mutant);
  const gone = new Promise<undefined>((resolve) => child.once('exit', () => resolve(undefined)));
  const answers = on(child, 'message') as AsyncIterator<[Answer]>;
  const next = async (ms: number): Promise<Answer | null | undefined> => {
    const said = await Promise.race<IteratorResult<[Answer]> | null | undefined>([answers.next(), gone, later(ms)]);
    return said?.value?.[0];
  };
  const first = await next(600_000);
  if (first?.kind !== 'ready') return (endGroup(child), null);
  return {
    tests: first.tests,
    atLoad: first.atLoad,
    run: async (orders) => {
      child.send(orders);
      const given: (Failure | null)[] = [];
      while (given.length < orders.length) {
        const answer = await next(patience(orders.slice(given.length)));
        if (answer?.kind === 'done') given.push(answer.killed);
        else return (endGroup(child), { answers: given, ended: answer === null ? 'late' : 'gone' });
      }
      return { answers: given, ended: 'well' };
    },
    end: async () => {
      if (child.connected) {
        child.send('end');
        await Promise.race([gone, later(5_000)]);
      }
      endGroup(child);
    },
  };
}

/** Until the answers to come at once are due. */
function patience(orders: readonly Order[]): number {
  const next = orders.slice(0, orders[0]?.unproven ?? 1);
  return next.reduce((sum, { ms, tests }) => sum + ms * tests.length, 10_000);
}

function start(path: string, folder: string, mutant: number | undefined): ChildProcess {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = fork(join(ROOT, 'test/mutation/worker.ts'), [path], {
    cwd: ROOT,
    execArgv: ['--import', join(ROOT, 'test/own-temporary-folder.ts')],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    detached: true,
    env: {
      ...env,
      NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${HOOK}`,
      WEIGHMARK_MUTANTS: folder,
      WEIGHMARK_MUTANT_WORKER: 'yes',
      WEIGHMARK_MUTANT_SEEN: join(mkdtempSync(join(folder, 'seen-')), 'seen'),
      ...(mutant === undefined ? {} : { WEIGHMARK_MUTANT: String(mutant) }),
    },
  });
  leaders.add(child);
  return child;
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms).unref());
}
