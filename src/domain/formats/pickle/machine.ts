import type { Argument } from './decode.ts';
import type { PickleGlobal, PickleObject, PickleValue } from './values.ts';

/** Something in the stream's structure that a scan may judge; `offset` is the opcode's. */
export interface PickleEvent {
  readonly kind:
    | 'dotted-name'
    | 'computed-name'
    | 'extension'
    | 'build-on-global'
    | 'set-on-global'
    | 'computed-call'
    | 'persistent'
    | 'persistent-module'
    | 'set-on-tensor'
    | 'memo-index'
    | 'memo-bomb'
    | 'raw-data';
  readonly offset: number;
  readonly detail: string;
}

/** Why the stream could not be read as Python would, or not in full. */
export interface PickleProblem {
  readonly code:
    'truncated' | 'bad-opcode' | 'bad-argument' | 'stack-underflow' | 'memo-missing' | 'protocol' | 'limit';
  readonly offset: number;
  readonly message: string;
}

export interface PickleCall {
  readonly callee: PickleValue;
  readonly args: readonly PickleValue[];
  readonly kwargs: PickleValue;
  readonly via: PickleObject['via'];
  readonly offset: number;
}

/** Called while reading, once per occurrence, for those who must see all of them. They must not keep the values. */
export interface PickleVisitor {
  onGlobal?(global: PickleGlobal): void;
  onCall?(call: PickleCall): void;
  onConstant?(value: PickleValue, offset: number): void;
  /** An entry set under one of `watched`, whatever it is set on and whether it is kept. */
  onEntry?(key: string, value: PickleValue, offset: number): void;
  readonly watched?: ReadonlySet<string>;
  /** A state that is given to what a call made. */
  onState?(target: PickleObject, state: PickleValue): void;
}

/** The unpickler's stack and memo. `below` are the stacks under each MARK. */
export interface Machine {
  stack: PickleValue[];
  readonly below: PickleValue[][];
  readonly memo: Map<number, PickleValue>;
  readonly memoKept: number;
  readonly keepText: ((text: string) => boolean) | undefined;
  /** Distinct indexes ever set, which is where MEMOIZE puts the next value; and the highest one that is not kept. */
  memoized: number;
  forgotten: number;
  readonly budget: { values: number; textBytes: number };
  readonly visitor: PickleVisitor;
  readonly globals: Map<string, PickleGlobal>;
  readonly calls: Map<string, PickleCall & { count: number }>;
  readonly events: PickleEvent[];
  readonly problems: PickleProblem[];
  opcodes: number;
  protocol: number;
  /** Set by BUILD on a joblib array wrapper: its data follows in the stream. */
  rawData: PickleObject | undefined;
  offset: number;
}

const EVENTS_KEPT = 10_000;

export function note(machine: Machine, kind: PickleEvent['kind'], detail: string): void {
  if (machine.events.length < EVENTS_KEPT) machine.events.push({ kind, offset: machine.offset, detail });
}

/** Each kind of problem is told once per thousand; the first is what matters. */
export function problem(machine: Machine, code: PickleProblem['code'], message: string): void {
  if (machine.problems.length < 100) machine.problems.push({ code, offset: machine.offset, message });
}

export function push(machine: Machine, value: PickleValue): void {
  machine.stack.push(value);
}

/** Thrown where Python's unpickler would raise: the stream ends there, and nothing after it happens. */
export const REFUSED: unique symbol = Symbol('refused');

/** Ends the stream as CPython would. @throws REFUSED always. */
export function refuse(machine: Machine, code: PickleProblem['code'], message: string): never {
  problem(machine, code, message);
  throw REFUSED;
}

/** The top of the stack taken off. @throws REFUSED where there is none above the last MARK. */
export function pop(machine: Machine): PickleValue {
  if (machine.stack.length > 0) return machine.stack.pop() as PickleValue;
  return refuse(machine, 'stack-underflow', 'an opcode takes more from the stack than there is');
}

export function top(machine: Machine): PickleValue {
  const value = machine.stack.at(-1);
  if (value !== undefined) return value;
  return refuse(machine, 'stack-underflow', 'an opcode looks at an empty stack');
}

/** Everything above the last MARK, which is removed. @throws REFUSED where there is no MARK. */
export function popMark(machine: Machine): PickleValue[] {
  const items = machine.stack;
  const under = machine.below.pop();
  if (under === undefined) return refuse(machine, 'stack-underflow', 'an opcode needs a MARK and there is none');
  machine.stack = under;
  return items;
}

/** True while there is budget to keep one more value; after that, values are judged and dropped. */
export function mayKeep(machine: Machine): boolean {
  if (machine.budget.values <= 0) return false;
  machine.budget.values -= 1;
  return true;
}

export function isPair(argument: Argument | undefined): argument is readonly [string, string] {
  return Array.isArray(argument);
}
