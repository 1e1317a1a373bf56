import { readFileSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { beginnings, ends, kept } from './node-test.ts';
import { switchboard } from './switch.ts';

/**
 * Holds one test file in one process, with all mutants of all sources behind the switch, and runs of its tests those it is
 * told with the mutant it is told. Speaks with `pool.ts` over the channel that `fork` gives.
 */
export interface Order {
  readonly mutant: number;
  readonly tests: readonly number[];
  readonly ms: number;
  /** After so many mutants the tests that failed are run without any. */
  readonly unproven: number;
}

export type Answer =
  | { readonly kind: 'ready'; readonly tests: readonly Known[]; readonly atLoad: readonly number[] }
  | { readonly kind: 'done'; readonly mutant: number; readonly killed: Failure | null };

/** Which test failed first, and how. */
export interface Failure {
  readonly index: number;
  readonly why: string;
}

export interface Known {
  readonly index: number;
  readonly name: string;
  readonly ms: number;
  readonly steps: number;
  readonly seen: readonly number[];
  /** It passes with nothing changed; else it says nothing about a mutant. */
  readonly passes: boolean;
}

// Of thousands of failures nobody reads where they happened.
Error.stackTraceLimit = 0;
const [file = ''] = process.argv.slice(2);
const seenFile = process.env['WEIGHMARK_MUTANT_SEEN'] ?? '';
let fromOutside: ((error: unknown) => void) | null = null;
for (const event of ['uncaughtException', 'unhandledRejection'] as const)
  process.on(event, (error) => fromOutside?.(error));

const atStart = switchboard.active;
await import(pathToFileURL(file).href);
const atLoad = [...switchboard.seen, ...seenByCommands()];
switchboard.seen.clear();
for (const begin of beginnings) await begin();
const known: Known[] = [];
for (const index of kept.keys()) known.push(await learn(index));
send({ kind: 'ready', tests: known, atLoad: [...new Set([...atLoad, ...switchboard.seen])] });

process.on('message', (orders: readonly Order[] | 'end') => {
  if (orders === 'end') void end();
  else void obeyAll(orders);
});

/**
 * One after the other, without being asked again: on a busy machine each question would cost more than most mutants. What
 * a mutant leaves behind in this process must not pass for a failure of the next: answers are held back until the tests
 * that failed pass again; if they do not, the process ends without giving them.
 */
async function obeyAll(orders: readonly Order[]): Promise<void> {
  let held: Answer[] = [];
  const failed = new Set<number>();
  for (const order of orders) {
    const failure = await obey(order);
    held.push({ kind: 'done', mutant: order.mutant, killed: failure });
    if (failure !== null) failed.add(failure.index);
    if (failed.size > 0 && held.length < order.unproven && order !== orders.at(-1)) continue;
    for (const index of failed)
      if (order.mutant !== atStart && (await failureOf(index, order.ms)) !== null) process.exit(3);
    held.forEach(send);
    held = [];
    failed.clear();
  }
}

function send(answer: Answer): void {
  process.send?.(answer);
}

async function end(): Promise<void> {
  for (const each of ends) await each();
  process.exit(0);
}

/** What a test comes by when nothing is wrong. With a mutant from the start there is nothing to learn. */
async function learn(index: number): Promise<Known> {
  const name = kept[index]?.name ?? '';
  if (atStart !== -1) return { index, name, ms: 0, steps: 0, seen: [], passes: true };
  switchboard.seen.clear();
  switchboard.steps = 0;
  const begun = performance.now();
  const passes = (await failureOf(index, 600_000)) === null;
  const [ms, steps] = [performance.now() - begun, switchboard.steps];
  const seen = [...new Set([...switchboard.seen, ...seenByCommands()])];
  switchboard.seen.clear();
  return { index, name, ms, steps, seen, passes };
}

/** Of each test that was asked about a mutant, whether it passes once more in one process; else it says nothing about any. */
const repeating = new Map<number, boolean>();

async function repeats(index: number): Promise<boolean> {
  const known = repeating.get(index) ?? (atStart !== -1 || (await failureOf(index, 600_000)) === null);
  repeating.set(index, known);
  return known;
}

function seenByCommands(): readonly number[] {
  try {
    return readFileSync(seenFile, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  } finally {
    rmSync(seenFile, { force: true });
  }
}

/** With a mutant from the start nobody knows how many steps a test takes without it: more than any does. */
const UNKNOWN_STEPS = 20_000_000;

/** @returns which of the tests fails first; null if none does. */
async function obey({ mutant, tests, ms }: Order): Promise<Failure | null> {
  for (const index of tests) {
    if (!(await repeats(index))) continue;
    activate(mutant, atStart === -1 ? 100_000 + 50 * (known[index]?.steps ?? 0) : UNKNOWN_STEPS);
    const failure = await failureOf(index, ms);
    activate(-1, Infinity);
    if (failure !== null) return { index, why: `${kept[index]?.name}: ${failure}` };
  }
  return null;
}

function activate(mutant: number, limit: number): void {
  switchboard.active = mutant;
  switchboard.steps = 0;
  switchboard.limit = limit;
  if (mutant === -1) delete process.env['WEIGHMARK_MUTANT'];
  else process.env['WEIGHMARK_MUTANT'] = String(mutant);
}

/** On one line; null if it passes. */
async function failureOf(index: number, ms: number): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await Promise.race([
      kept[index]?.run(),
      new Promise((_, reject) => {
        fromOutside = reject;
        timer = setTimeout(() => reject(new Error('did not end')), ms);
      }),
    ]);
    return null;
  } catch (error) {
    return String(error instanceof Error ? error.message : error)
      .replace(/\s+/g, ' ')
      .slice(0, 100);
  } finally {
    clearTimeout(timer);
    fromOutside = null;
  }
}
