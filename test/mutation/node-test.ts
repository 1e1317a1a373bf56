/**
 * What tests use of `node:test`, kept instead of run: a mutant needs those tests only that come by its place, again and
 * again in one process, and no more after one has failed.
 */
export interface Kept {
  readonly name: string;
  readonly run: () => Promise<void>;
}

type Work = (context: Context) => unknown;
type Options = { readonly skip?: unknown; readonly todo?: unknown };

export interface Context {
  readonly name: string;
  readonly after: (work: () => unknown) => void;
  readonly test: (name: string, options: Options | Work, work?: Work) => Promise<void>;
  readonly skip: () => void;
  readonly diagnostic: () => void;
  readonly signal: AbortSignal;
}

export const kept: Kept[] = [];
export const [beginnings, ends]: [(() => unknown)[], (() => unknown)[]] = [[], []];
let group = '';

export function test(name: string, options: Options | Work, work?: Work): Promise<void> {
  const [given, does] = typeof options === 'function' ? [{}, options] : [options, work];
  if (does !== undefined && !given.skip && !given.todo)
    kept.push({ name: `${group}${name}`, run: () => runOne(name, does) });
  return Promise.resolve();
}
test.skip = (): void => {};
test.todo = (): void => {};

export const it = test;

export function describe(name: string, options: Options | (() => void), body?: () => void): void {
  const [given, does] = typeof options === 'function' ? [{}, options] : [options, body];
  if (given.skip) return;
  const outer = group;
  group = `${outer}${name} > `;
  does?.();
  group = outer;
}

export const suite = describe;

export function before(work: () => unknown): void {
  beginnings.push(work);
}

export function after(work: () => unknown): void {
  ends.push(work);
}

async function runOne(name: string, work: Work): Promise<void> {
  const afterwards: (() => unknown)[] = [];
  const context: Context = {
    name,
    after: (each) => void afterwards.push(each),
    test: (inner, options, does) => {
      const [given, act] = typeof options === 'function' ? [{}, options] : [options, does];
      return act === undefined || given.skip ? Promise.resolve() : runOne(inner, act);
    },
    skip: () => {},
    diagnostic: () => {},
    signal: new AbortController().signal,
  };
  try {
    await work(context);
  } finally {
    for (const each of afterwards.toReversed()) await each();
  }
}
