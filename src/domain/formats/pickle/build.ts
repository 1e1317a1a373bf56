import { mayKeep, note, refuse, type Machine } from './machine.ts';
import {
  calleeName,
  isNode,
  weightOf,
  type PickleDict,
  type PickleObject,
  type PickleSequence,
  type PickleValue,
} from './values.ts';

/** More leaves than this without sharing, from few opcodes, is a bomb: nothing honest repeats one object so often. */
const BOMB_WEIGHT = 1e9;
const BOMB_FACTOR = 1e4;

export function sequence(kind: PickleSequence['kind'], items: PickleValue[]): PickleSequence {
  return { kind, items, omitted: 0, weight: items.reduce<number>((sum, item) => sum + weightOf(item), 1) };
}

export function dict(): PickleDict {
  return { kind: 'dict', entries: [], computed: false, omitted: 0, weight: 1 };
}

export function dictOf(machine: Machine, flat: readonly PickleValue[]): PickleDict {
  const made = dict();
  addEntries(machine, made, flat);
  return made;
}

/** APPEND, APPENDS, ADDITEMS. */
export function addItems(machine: Machine, target: PickleValue, items: readonly PickleValue[]): void {
  if (!isNode(target) || target.kind === 'tuple')
    return refuse(machine, 'bad-argument', 'items are added to what holds none');
  if (target.kind === 'global') note(machine, 'set-on-global', `items are added to ${target.module}.${target.name}`);
  if (target.kind !== 'object' && target.kind !== 'list' && target.kind !== 'set' && target.kind !== 'frozenset')
    return;
  for (const item of items) {
    if (mayKeep(machine)) target.items.push(item);
    else target.omitted += 1;
    target.weight += weightOf(item);
  }
  checkWeight(machine, target);
}

/** SETITEM, SETITEMS, DICT: key, value, key, value… */
export function addEntries(machine: Machine, target: PickleValue, flat: readonly PickleValue[]): void {
  if (!isNode(target) || target.kind === 'tuple')
    return refuse(machine, 'bad-argument', 'entries are set on what holds none');
  if (calleeName(target)?.startsWith('torch._utils._rebuild_') === true)
    note(machine, 'set-on-tensor', 'entries are set on a tensor');
  if (target.kind === 'global')
    note(machine, 'set-on-global', `entries of ${target.module}.${target.name} are replaced`);
  if (target.kind !== 'object' && target.kind !== 'dict') return;
  const described = machine.budget.values <= 0 && isArray(machine.stack.at(-2));
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const [key, value] = [flat[index] as PickleValue, flat[index + 1] as PickleValue];
    if (typeof key === 'string' && machine.visitor.watched?.has(key) === true)
      machine.visitor.onEntry?.(key, value, machine.offset);
    if (target.kind === 'dict' && isComputed(key)) target.computed = true;
    if (mayKeep(machine) || (described && target.entries.length < 32)) target.entries.push([key, value]);
    else target.omitted += 1;
    target.weight += weightOf(key) + weightOf(value);
  }
  checkWeight(machine, target);
}

function isComputed(key: PickleValue): boolean {
  return isNode(key) && key.kind !== 'tuple' && key.kind !== 'frozenset';
}

/** A joblib array's wrapper: its state says how many bytes of data follow, so it is read whatever the budget. */
export function isArray(value: PickleValue | undefined): boolean {
  return value !== undefined && calleeName(value)?.endsWith('.NumpyArrayWrapper') === true;
}

export function checkWeight(machine: Machine, value: PickleSequence | PickleDict | PickleObject): void {
  if (value.weight < BOMB_WEIGHT || value.weight < machine.opcodes * BOMB_FACTOR) return;
  if (machine.events.some((event) => event.kind === 'memo-bomb')) return;
  note(machine, 'memo-bomb', `${machine.opcodes} opcodes build a value with ${value.weight.toExponential(1)} leaves`);
}
