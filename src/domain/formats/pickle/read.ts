import { Buffer } from 'node:buffer';
import { LIMITS } from '../../base/limits.ts';
import type { Source } from '../../base/source.ts';
import { BROKEN, peekArgument, readArgument, type Argument } from './decode.ts';
import { HANDLERS } from './handlers.ts';
import {
  note,
  problem,
  push,
  REFUSED,
  type Machine,
  type PickleCall,
  type PickleEvent,
  type PickleProblem,
  type PickleVisitor,
} from './machine.ts';
import { OPCODES, type Opcode } from './opcodes.ts';
import { arrayData } from './joblib.ts';
import type { PickleBytes, PickleGlobal, PickleValue } from './values.ts';
import { ensure, openWindow, position, skip, type Window } from './window.ts';
import { pushAll } from '../../base/lists.ts';

export interface PickleOptions {
  /** Where the stream starts; default 0. Bytes. */
  readonly start?: number;
  /** Where it must end at the latest; default the source's size. */
  readonly end?: number;
  /** Values kept in containers at most; default `LIMITS.pickleValues`. 0 keeps none: for judging only. */
  readonly keep?: number;
  /** Memo entries kept at most; default `LIMITS.pickleMemo`. Names and what `keepText` wants are kept beyond. */
  readonly memo?: number;
  readonly keepText?: (text: string) => boolean;
  readonly visitor?: PickleVisitor;
}

export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** One pickle stream, read without being loaded. */
export interface Pickle {
  /** What it would return; undefined if the stream broke before STOP. */
  readonly value: PickleValue | undefined;
  readonly start: number;
  /** Offset after STOP, or where the stream broke. */
  readonly end: number;
  /** True if STOP was reached. */
  readonly complete: boolean;
  /** Highest protocol declared by PROTO; 0 without one. */
  readonly protocol: number;
  readonly opcodes: number;
  /** Names of the opcodes that occur. */
  readonly opcodeNames: ReadonlySet<string>;
  /** Every name looked up, once, with its first place. */
  readonly globals: readonly PickleGlobal[];
  /** Every distinct callee and way of calling it, with the first call's arguments. */
  readonly calls: readonly (PickleCall & { readonly count: number })[];
  readonly events: readonly PickleEvent[];
  readonly problems: readonly PickleProblem[];
  /** Array data that joblib stores between the opcodes: passed over, as joblib does; a plain unpickler would run it. */
  readonly raw: readonly Span[];
}

/**
 * Reads one pickle stream of any protocol symbolically: the stack and memo machine runs, but names are not imported
 * and calls are not made. It is read exactly as far as CPython would go: up to STOP, or to what its unpickler refuses,
 * which is in `problems`; a broken stream never throws.
 * Memory is bounded by `LIMITS.pickle*`, large byte strings are skipped.
 * @throws WeighmarkError only as `source.read` does.
 * @see https://docs.python.org/3/library/pickle.html, CPython Lib/pickletools.py
 */
export async function readPickle(source: Source, options: PickleOptions = {}): Promise<Pickle> {
  const window = openWindow(source, options.start ?? 0, options.end ?? source.size);
  return runStream(window, options, 0);
}

/**
 * All streams one after another, as `torch.save` of old writes them and `pickle.load` in a loop reads them.
 * `trailing` are bytes after the last STOP that are no pickle; null if there are none.
 */
export async function readPickles(
  source: Source,
  options: PickleOptions = {},
): Promise<{ streams: readonly Pickle[]; trailing: Span | null }> {
  const end = Math.min(options.end ?? source.size, source.size);
  const streams = [await readPickle(source, options)];
  for (let last = streams[0] as Pickle; last.complete && last.end < end && streams.length < 1000;) {
    const next = await readPickle(source, { ...options, start: last.end });
    if (!next.complete && next.globals.length === 0) break;
    streams.push(next);
    last = next;
  }
  const stop = streams.findLast((stream) => stream.complete)?.end ?? end;
  const read = Math.max(stop, ...streams.map((stream) => (stream.complete ? stream.end : 0)));
  return { streams, trailing: read < end ? { offset: read, length: end - read } : null };
}

interface Run {
  readonly machine: Machine;
  readonly window: Window;
  readonly options: PickleOptions;
  readonly seen: Uint8Array;
  readonly raw: Span[];
  readonly depth: number;
  broken: boolean;
}

async function runStream(window: Window, options: PickleOptions, depth: number): Promise<Pickle> {
  const start = position(window);
  const run: Run = {
    machine: newMachine(options),
    window,
    options,
    seen: new Uint8Array(256),
    raw: [],
    depth,
    broken: false,
  };
  let stopped = false;
  while (!stopped && !run.broken) stopped = await runOn(run);
  const { machine } = run;
  return {
    value: stopped ? machine.stack.at(-1) : undefined,
    start,
    end: stopped ? position(window) : machine.offset,
    complete: stopped,
    protocol: machine.protocol,
    opcodes: machine.opcodes,
    opcodeNames: namesOf(run.seen),
    globals: [...machine.globals.values()],
    calls: [...machine.calls.values()],
    events: machine.events,
    problems: machine.problems,
    raw: run.raw,
  };
}

async function runOn(run: Run): Promise<boolean> {
  try {
    return runInView(run) || (await runOne(run));
  } catch (thrown) {
    if (thrown !== REFUSED) throw thrown;
    run.broken = true;
    return false;
  }
}

/** Runs opcodes without waiting as long as their bytes are in view; true at STOP. */
function runInView(run: Run): boolean {
  const { machine, window } = run;
  while (!run.broken && machine.rawData === undefined) {
    const opcode = OPCODES[window.bytes[window.at] ?? -1];
    if (
      opcode === undefined ||
      opcode.argument === 'line' ||
      opcode.argument === 'two-lines' ||
      isBeyondLimits(machine)
    )
      return false;
    machine.offset = position(window);
    window.at += 1;
    const argument = opcode.argument === 'none' ? undefined : peekArgument(window, opcode);
    if (argument === undefined && opcode.argument !== 'none') {
      window.at -= 1;
      return false;
    }
    if (execute(run, opcode, argument)) return true;
  }
  return false;
}

/** Runs one opcode, reading what it needs; true at STOP. */
async function runOne(run: Run): Promise<boolean> {
  const { machine, window } = run;
  if (machine.rawData !== undefined) await passRawData(run);
  if (run.broken) return false;
  machine.offset = position(window);
  if (!(await ensure(window, 1))) return stop(run, 'truncated', 'the stream ends without STOP');
  const byte = window.bytes[window.at] ?? 0;
  const opcode = OPCODES[byte];
  if (opcode === undefined) return stop(run, 'bad-opcode', `no opcode 0x${byte.toString(16).padStart(2, '0')}`);
  if (isBeyondLimits(machine)) return stop(run, 'limit', 'more opcodes, stack entries or marks than are read');
  window.at += 1;
  const argument = opcode.argument === 'none' ? undefined : await readArgument(window, opcode);
  if (argument === BROKEN) return stop(run, 'bad-argument', `the argument of ${opcode.name} is malformed or cut off`);
  return execute(run, opcode, argument);
}

function execute(run: Run, opcode: Opcode, argument: Argument | undefined): boolean {
  run.machine.opcodes += 1;
  run.seen[opcode.code] = 1;
  if (opcode.name === 'STOP') return true;
  apply(run, opcode, argument);
  return false;
}

function apply({ machine, window }: Run, opcode: Opcode, argument: Argument | undefined): void {
  const handler = HANDLERS[opcode.name];
  if (handler !== undefined) return handler(machine, argument);
  const value = affordable(machine, window, argument as PickleValue);
  machine.visitor.onConstant?.(value, machine.offset);
  push(machine, value);
}

/** Once the budget for text is spent, longer strings are kept by place only. */
function affordable(machine: Machine, window: Window, value: PickleValue): PickleValue {
  if (typeof value !== 'string') return value;
  machine.budget.textBytes -= value.length;
  if (machine.budget.textBytes > 0 || value.length <= 100) return value;
  const length = Buffer.byteLength(value);
  const kept: PickleBytes = {
    kind: 'bytes',
    offset: position(window) - length,
    length,
    text: true,
    head: Buffer.from(value.slice(0, 64)),
  };
  return kept;
}

async function passRawData(run: Run): Promise<void> {
  const { machine, window } = run;
  const data = arrayData(machine.rawData);
  if (machine.budget.values <= 0 && machine.rawData !== undefined) machine.rawData.state = undefined;
  machine.rawData = undefined;
  if (data === null) return void stop(run, 'bad-argument', 'a joblib array without a readable shape and dtype');
  if (data.pickled) return passNested(run);
  if (data.padded) await passPadding(window);
  run.raw.push({ offset: position(window), length: data.length });
  note(machine, 'raw-data', `${data.length} bytes of array data`);
  if (!skip(window, data.length)) stop(run, 'truncated', 'array data is cut off');
}

async function passPadding(window: Window): Promise<void> {
  if (!(await ensure(window, 1))) return;
  const padding = window.bytes[window.at] ?? 0;
  skip(window, 1 + padding);
}

/** joblib stores an array of objects as a pickle inside the pickle; its findings are the outer one's too. */
async function passNested(run: Run): Promise<void> {
  if (run.depth >= 8) return void stop(run, 'limit', 'arrays of objects nested too deeply');
  const inner = await runStream(run.window, run.options, run.depth + 1);
  const { machine } = run;
  for (const found of inner.globals) machine.globals.set(`${found.module}\n${found.name}`, found);
  for (const called of inner.calls) machine.calls.set(`${called.offset}`, called);
  pushAll(machine.events, inner.events);
  pushAll(machine.problems, inner.problems);
  pushAll(run.raw, inner.raw);
  if (!inner.complete) run.broken = true;
}

function stop(run: Run, code: PickleProblem['code'], message: string): false {
  problem(run.machine, code, message);
  run.broken = true;
  return false;
}

function isBeyondLimits(machine: Machine): boolean {
  return (
    machine.opcodes >= LIMITS.pickleOpcodes ||
    machine.stack.length > LIMITS.pickleStack ||
    machine.below.length > LIMITS.pickleStack
  );
}

function newMachine(options: PickleOptions): Machine {
  return {
    stack: [],
    below: [],
    memo: new Map(),
    memoKept: options.memo ?? LIMITS.pickleMemo,
    keepText: options.keepText,
    memoized: 0,
    forgotten: -1,
    visitor: options.visitor ?? {},
    globals: new Map(),
    calls: new Map(),
    budget: { values: options.keep ?? LIMITS.pickleValues, textBytes: LIMITS.pickleTextBytes },
    events: [],
    problems: [],
    opcodes: 0,
    protocol: 0,
    rawData: undefined,
    offset: 0,
  };
}

function namesOf(seen: Uint8Array): Set<string> {
  const names = new Set<string>();
  for (const opcode of OPCODES) if (opcode !== undefined && seen[opcode.code] === 1) names.add(opcode.name);
  return names;
}
