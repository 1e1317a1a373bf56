import { LIMITS } from '../../base/limits.ts';
import type { Argument } from './decode.ts';
import { addEntries, addItems, checkWeight, dict, dictOf, isArray, sequence } from './build.ts';
import { isPair, mayKeep, note, pop, popMark, problem, push, refuse, top, type Machine } from './machine.ts';
import {
  calleeName,
  globalName,
  isNode,
  LOST,
  weightOf,
  type PickleGlobal,
  type PickleObject,
  type PickleSequence,
  type PickleValue,
} from './values.ts';

type Handler = (machine: Machine, argument: Argument | undefined) => void;

/** A memo index far beyond what the stream has built makes CPython allocate that much: ten bytes ask for gigabytes. */
const MEMO_SLACK = 100_000;

/** What each opcode does to the stack and the memo; constants are pushed by default. @see CPython's Modules/_pickle.c */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  PROTO: (machine, argument) => protocol(machine, argument as number),
  FRAME: () => undefined,
  NONE: (machine) => push(machine, null),
  NEWTRUE: (machine) => push(machine, true),
  NEWFALSE: (machine) => push(machine, false),
  NEXT_BUFFER: (machine) => push(machine, LOST),
  READONLY_BUFFER: () => undefined,
  EMPTY_LIST: (machine) => push(machine, sequence('list', [])),
  EMPTY_TUPLE: (machine) => push(machine, sequence('tuple', [])),
  EMPTY_SET: (machine) => push(machine, sequence('set', [])),
  EMPTY_DICT: (machine) => push(machine, dict()),
  MARK: mark,
  POP: popOne,
  POP_MARK: (machine) => void popMark(machine),
  DUP: (machine) => push(machine, top(machine)),
  LIST: (machine) => collect(machine, 'list', popMark(machine)),
  TUPLE: (machine) => collect(machine, 'tuple', popMark(machine)),
  FROZENSET: (machine) => collect(machine, 'frozenset', popMark(machine)),
  TUPLE1: (machine) => collect(machine, 'tuple', popSome(machine, 1)),
  TUPLE2: (machine) => collect(machine, 'tuple', popSome(machine, 2)),
  TUPLE3: (machine) => collect(machine, 'tuple', popSome(machine, 3)),
  DICT: (machine) => push(machine, dictOf(machine, inPairs(machine, popMark(machine)))),
  APPEND: (machine) => withValue(machine, (item) => addItems(machine, top(machine), [item])),
  APPENDS: (machine) => withItems(machine, (items) => addItems(machine, top(machine), items)),
  ADDITEMS: (machine) => withItems(machine, (items) => addItems(machine, top(machine), items)),
  SETITEM: (machine) => setItem(machine),
  SETITEMS: (machine) => withItems(machine, (items) => addEntries(machine, top(machine), inPairs(machine, items))),
  PUT: (machine, argument) => put(machine, argument as number),
  BINPUT: (machine, argument) => put(machine, argument as number),
  LONG_BINPUT: (machine, argument) => put(machine, argument as number),
  MEMOIZE: (machine) => put(machine, machine.memoized),
  GET: (machine, argument) => get(machine, argument as number),
  BINGET: (machine, argument) => get(machine, argument as number),
  LONG_BINGET: (machine, argument) => get(machine, argument as number),
  EXT1: (machine, argument) => extension(machine, argument as number),
  EXT2: (machine, argument) => extension(machine, argument as number),
  EXT4: (machine, argument) => extension(machine, argument as number),
  GLOBAL: (machine, argument) => isPair(argument) && pushGlobal(machine, argument[0], argument[1]),
  STACK_GLOBAL: stackGlobal,
  INST: inst,
  OBJ: obj,
  REDUCE: (machine) => withValue(machine, (args) => call(machine, { via: 'REDUCE', callee: pop(machine), args })),
  NEWOBJ: (machine) => withValue(machine, (args) => call(machine, { via: 'NEWOBJ', callee: pop(machine), args })),
  NEWOBJ_EX: newObjectWithKeywords,
  BUILD: build,
  PERSID: (machine, argument) => persistent(machine, argument as string),
  BINPERSID: (machine) => persistent(machine, pop(machine)),
};

function protocol(machine: Machine, version: number): void {
  if (version > 5) return refuse(machine, 'protocol', `protocol ${version} is unknown`);
  machine.protocol = Math.max(machine.protocol, version);
}

function mark(machine: Machine): void {
  machine.below.push(machine.stack);
  machine.stack = [];
}

/** POP removes the MARK where nothing is above it. */
function popOne(machine: Machine): void {
  if (machine.stack.length === 0 && machine.below.length > 0) popMark(machine);
  else pop(machine);
}

function popSome(machine: Machine, count: number): PickleValue[] {
  const taken = Array.from({ length: count }, () => pop(machine));
  return taken.reverse();
}

function withValue(machine: Machine, use: (value: PickleValue) => void): void {
  use(pop(machine));
}

function withItems(machine: Machine, use: (items: PickleValue[]) => void): void {
  use(popMark(machine));
}

function collect(machine: Machine, kind: PickleSequence['kind'], items: PickleValue[]): void {
  const made = sequence(kind, items);
  machine.budget.values -= 1;
  checkWeight(machine, made);
  push(machine, made);
}

/** @throws REFUSED for a key without its value. */
function inPairs(machine: Machine, items: PickleValue[]): PickleValue[] {
  return items.length % 2 === 0 ? items : refuse(machine, 'stack-underflow', 'a key has no value');
}

function setItem(machine: Machine): void {
  const [key, value] = popSome(machine, 2) as [PickleValue, PickleValue];
  addEntries(machine, top(machine), [key, value]);
}

/** Beyond the bound only names stay; other values are forgotten, and lost when they are fetched. Beyond the bound of names, all are. */
function put(machine: Machine, index: number): void {
  if (index < 0) return refuse(machine, 'bad-argument', 'a negative memo index');
  if (index > machine.opcodes + MEMO_SLACK)
    note(machine, 'memo-index', `memo index ${index} after ${machine.opcodes} opcodes`);
  const value = top(machine);
  if (index > machine.forgotten && !machine.memo.has(index)) machine.memoized += 1;
  const kept = machine.memo.size < machine.memoKept || machine.memo.has(index) || isName(machine, value);
  if (kept && machine.memo.size < LIMITS.pickleMemoNames) machine.memo.set(index, value);
  else machine.forgotten = Math.max(machine.forgotten, index);
  if (kept && machine.memo.size === LIMITS.pickleMemoNames && !machine.problems.some(({ code }) => code === 'limit'))
    problem(machine, 'limit', `more than ${LIMITS.pickleMemoNames} memo entries are not kept`);
}

/** Element types, which joblib's arrays share, kept beyond the bound. */
const DTYPES_KEPT = 50_000;

function isName({ keepText, memo, memoKept }: Machine, value: PickleValue): boolean {
  if (typeof value === 'string') return keepText?.(value) === true;
  if (!isNode(value)) return false;
  return (
    value.kind === 'global' || (memo.size < memoKept + DTYPES_KEPT && calleeName(value)?.endsWith('.dtype') === true)
  );
}

function get(machine: Machine, index: number): void {
  const value = machine.memo.get(index);
  if (value === undefined && index > machine.forgotten)
    return refuse(machine, 'memo-missing', `memo entry ${index} was never set`);
  push(machine, value ?? LOST);
}

function extension(machine: Machine, code: number): void {
  note(machine, 'extension', `copyreg extension ${code}`);
  push(machine, { kind: 'extension', code, offset: machine.offset });
}

function stackGlobal(machine: Machine): void {
  const [module, name] = popSome(machine, 2);
  if (isNeverText(module) || isNeverText(name))
    return refuse(machine, 'bad-argument', 'STACK_GLOBAL takes two strings');
  if (typeof module === 'string' && typeof name === 'string') return pushGlobal(machine, module, name);
  const lost = module === LOST || name === LOST;
  note(machine, 'computed-name', lost ? 'the names are not on the stack' : 'the names are not plain strings');
  pushGlobal(machine, typeof module === 'string' ? module : null, typeof name === 'string' ? name : null);
}

/** What is no string whatever the loading process holds: CPython refuses it before it imports anything. */
function isNeverText(value: PickleValue | undefined): boolean {
  if (!isNode(value)) return typeof value !== 'string';
  return value.kind === 'dict' || value.kind === 'global' || ('items' in value && value.kind !== 'object');
}

function pushGlobal(machine: Machine, module: string | null, name: string | null): void {
  push(machine, lookUp(machine, module, name));
}

function lookUp(machine: Machine, module: string | null, name: string | null): PickleGlobal {
  const key = `${module}\n${name}`;
  const found: PickleGlobal = machine.globals.get(key) ?? { kind: 'global', module, name, offset: machine.offset };
  if (name?.includes('.') === true) note(machine, 'dotted-name', `${module}: ${name}`);
  if (machine.globals.size < 100_000 && !machine.globals.has(key)) machine.globals.set(key, found);
  machine.visitor.onGlobal?.(found);
  return found;
}

function inst(machine: Machine, argument: Argument | undefined): void {
  const args = popMark(machine);
  const [module, name] = isPair(argument) ? argument : [null, null];
  call(machine, { via: 'INST', callee: lookUp(machine, module, name), args: sequence('tuple', args) });
}

function obj(machine: Machine): void {
  const [callee, ...args] = popMark(machine);
  if (callee === undefined) return refuse(machine, 'stack-underflow', 'OBJ without a class');
  call(machine, { via: 'OBJ', callee, args: sequence('tuple', args) });
}

function newObjectWithKeywords(machine: Machine): void {
  const [callee, args, kwargs] = popSome(machine, 3) as [PickleValue, PickleValue, PickleValue];
  call(machine, { via: 'NEWOBJ_EX', callee, args, kwargs });
}

interface Made {
  readonly via: PickleObject['via'];
  readonly callee: PickleValue;
  /** A tuple, or what stands in its place. */
  readonly args: PickleValue;
  readonly kwargs?: PickleValue;
}

function call(machine: Machine, { via, callee, args: packed, kwargs = null }: Made): void {
  const args = isNode(packed) && 'items' in packed ? packed.items : [packed];
  const made: PickleObject = {
    kind: 'object',
    callee,
    args,
    kwargs,
    via,
    offset: machine.offset,
    state: undefined,
    items: [],
    entries: [],
    omitted: 0,
    weight: args.reduce<number>((sum, each) => sum + weightOf(each), 1),
  };
  machine.budget.values -= 1;
  checkWeight(machine, made);
  recordCall(machine, made);
  push(machine, attributeOf(machine, made) ?? typeOf(machine, made) ?? made);
}

/** What dill and cloudpickle call to find a type of Python by its name. */
const TYPE_FINDERS = /^(?:dill\._?dill\._load_type|cloudpickle\.cloudpickle\._builtin_type)$/;
/** Names of dill's own for types that lie elsewhere. */
const ELSEWHERE: Readonly<Record<string, readonly [module: string, name: string]>> = {
  PartialType: ['functools', 'partial'],
  AttrGetterType: ['operator', 'attrgetter'],
  ItemGetterType: ['operator', 'itemgetter'],
  SuperType: ['builtins', 'super'],
  FileType: ['io', 'FileIO'],
};

/** The type itself, as if it had been imported. @see dill/_dill.py `_load_type`, cloudpickle/cloudpickle.py `_builtin_type` */
function typeOf(machine: Machine, { callee, args }: PickleObject): PickleGlobal | null {
  const [name] = args;
  const finder = globalName(callee) ?? '';
  if (typeof name !== 'string' || args.length !== 1 || !TYPE_FINDERS.test(finder)) return null;
  if (finder.startsWith('cloudpickle.')) return lookUp(machine, 'types', name);
  const [module, own] = ELSEWHERE[name] ?? [name.endsWith('Type') ? 'types' : 'builtins', name];
  return lookUp(machine, module, own);
}

/** `getattr(Class, 'name')` is how protocols below 4 write a nested name: what it gives is that name. */
function attributeOf(machine: Machine, { callee, args }: PickleObject): PickleGlobal | null {
  const [owner, attribute] = args;
  if (!/^(?:builtins|__builtin__)\.getattr$/.test(globalName(callee) ?? '')) return null;
  if (!isNode(owner) || owner.kind !== 'global' || typeof attribute !== 'string') return null;
  return { kind: 'global', module: owner.module, name: `${owner.name}.${attribute}`, offset: machine.offset };
}

/** Python's own values, which no call turns into anything: TypeError, and the load ends. */
const UNCALLABLE: ReadonlySet<string> = new Set(['bytes', 'tuple', 'list', 'set', 'frozenset', 'dict']);

function recordCall(machine: Machine, made: PickleObject): void {
  const name = globalName(made.callee);
  if (!isNode(made.callee) || UNCALLABLE.has(made.callee.kind))
    return refuse(machine, 'bad-argument', `${describeCallee(made.callee)} is called, which is no callable`);
  if (name === null) note(machine, 'computed-call', describeCallee(made.callee));
  const key = `${made.via}\n${name ?? describeCallee(made.callee)}`;
  const known = machine.calls.get(key);
  if (known !== undefined) known.count += 1;
  else if (machine.calls.size < 100_000) machine.calls.set(key, { ...made, count: 1 });
  machine.visitor.onCall?.(made);
}

function describeCallee(callee: PickleValue): string {
  if (!isNode(callee)) return callee === null ? 'None' : `a ${typeof callee === 'bigint' ? 'number' : typeof callee}`;
  if (callee.kind === 'object') return `the result of ${calleeName(callee) ?? 'a computed call'}`;
  return callee.kind === 'global' ? 'a computed name' : `a value of kind ${callee.kind}`;
}

/** `__setstate__` or `__dict__.update`: on an imported class or module it changes it for the whole process. */
function build(machine: Machine): void {
  const state = pop(machine);
  const target = top(machine);
  if (!isNode(target)) return;
  if (target.kind === 'global') note(machine, 'build-on-global', `${target.module}.${target.name}`);
  if (target.kind !== 'object') return;
  machine.visitor.onState?.(target, state);
  if (mayKeep(machine) || isArray(target)) target.state = state;
  target.weight += weightOf(state);
  checkWeight(machine, target);
  if (isArray(target)) machine.rawData = target;
}

/** `('storage', …)` of PyTorch, or `('module', class, …)` of its old whole models, which stands for the class. */
function persistent(machine: Machine, id: PickleValue): void {
  const storage = isNode(id) && id.kind === 'tuple' && id.items[0] === 'storage';
  if (
    isNode(id) &&
    id.kind === 'tuple' &&
    id.items[0] === 'module' &&
    isNode(id.items[1]) &&
    id.items[1].kind === 'global'
  ) {
    note(machine, 'persistent-module', `the class ${globalName(id.items[1])} with its source`);
    return push(machine, id.items[1]);
  }
  if (!storage) note(machine, 'persistent', typeof id === 'string' ? id.slice(0, 80) : 'not a storage of PyTorch');
  push(machine, { kind: 'persistent', id, offset: machine.offset });
}
