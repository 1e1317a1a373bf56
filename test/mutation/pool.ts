import { fork, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answer, Known, Order } from './worker.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HOOK = join(ROOT, 'test/mutation/switch.ts');

export interface TestFile {
  readonly tests: readonly Known[];
  /** What ran before any test did: only a fresh process can tell of these. */
  readonly atLoad: readonly number[];
  /** Why the mutant is killed: the test that fails, or that it does not end; null if all pass. */
  readonly run: (order: Order) => Promise<string | null>;
  readonly end: () => Promise<void>;
}

/** A test file in a process of its own; with a mutant, it runs from the first line on. Null: the file does not load. */
export async function open(path: string, folder: string, mutant?: number): Promise<TestFile | null> {
  const child = start(path, folder, mutant);
  const first = await next(child, 600_000);
  if (first?.kind !== 'ready') return (child.kill('SIGKILL'), null);
  return {
    tests: first.tests,
    atLoad: first.atLoad,
    run: async (order) => {
      child.send(order);
      const answer = await next(child, 2 * order.ms * Math.max(1, order.tests.length) + 10_000);
      if (answer?.kind === 'done') return answer.killed;
      child.kill('SIGKILL');
      return answer === null ? 'does not end' : 'process ends';
    },
    end: async () => {
      if (!child.connected) return;
      child.send('end');
      await Promise.race([gone(child), later(5_000)]);
      child.kill('SIGKILL');
    },
  };
}

function start(path: string, folder: string, mutant: number | undefined): ChildProcess {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return fork(join(ROOT, 'test/mutation/worker.ts'), [path], {
    cwd: ROOT,
    execArgv: ['--import', join(ROOT, 'test/own-temporary-folder.ts')],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    env: {
      ...env,
      NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${HOOK}`,
      WEIGHMARK_MUTANTS: folder,
      WEIGHMARK_MUTANT_WORKER: 'yes',
      WEIGHMARK_MUTANT_SEEN: join(mkdtempSync(join(folder, 'seen-')), 'seen'),
      ...(mutant === undefined ? {} : { WEIGHMARK_MUTANT: String(mutant) }),
    },
  });
}

/** Null: nothing came in time; undefined: the process is gone. */
async function next(child: ChildProcess, ms: number): Promise<Answer | null | undefined> {
  const said = new Promise<Answer>((resolve) => child.once('message', (answer) => resolve(answer as Answer)));
  return Promise.race([said, gone(child), later(ms)]);
}

function gone(child: ChildProcess): Promise<undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(undefined);
  return new Promise((resolve) => child.once('exit', () => resolve(undefined)));
}

function later(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms).unref());
}
