/**
 * What a pickle would build, as data: nothing is imported, called or constructed. Plain Python values are plain
 * JavaScript values: int and float → number (bigint beyond 2^53), str → string, None → null, True/False → boolean.
 * Values may be shared and cyclic, as pickles allow: walk them with a bound.
 */
export type PickleValue = string | number | bigint | boolean | null | PickleNode;

export type PickleNode =
  | PickleBytes
  | PickleSequence
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PicklePersistent
  | PickleExtension
  | PickleLost;

/** Bytes, or a string too long to keep; read them from the source when needed. */
export interface PickleBytes {
  readonly kind: 'bytes';
  /** Where the payload starts in the source. */
  readonly offset: number;
  readonly length: number;
  /** True for a string (UTF-8) beyond `LIMITS.pickleStringBytes`. */
  readonly text: boolean;
  /** The payload's first bytes, at most 64. */
  readonly head: Uint8Array;
}

export interface PickleSequence {
  readonly kind: 'tuple' | 'list' | 'set' | 'frozenset';
  readonly items: PickleValue[];
  /** Items beyond the budget of kept values: counted, judged when read, not kept. */
  omitted: number;
  /** Leaves there would be without sharing: grows exponentially in a memo bomb. */
  weight: number;
}

export interface PickleDict {
  readonly kind: 'dict';
  readonly entries: [key: PickleValue, value: PickleValue][];
  /** True if some key is the result of a call, or was not kept. */
  computed: boolean;
  omitted: number;
  weight: number;
}

/** A name looked up by import: GLOBAL, STACK_GLOBAL, INST. Null where the pickle computes it while loading. */
export interface PickleGlobal {
  readonly kind: 'global';
  readonly module: string | null;
  readonly name: string | null;
  readonly offset: number;
}

/** The result of calling something, with everything that is done to it later. */
export interface PickleObject {
  readonly kind: 'object';
  readonly callee: PickleValue;
  readonly args: readonly PickleValue[];
  readonly kwargs: PickleValue;
  readonly via: 'REDUCE' | 'NEWOBJ' | 'NEWOBJ_EX' | 'OBJ' | 'INST';
  readonly offset: number;
  /** State given by BUILD, the last one. */
  state: PickleValue | undefined;
  /** Items appended or set on it, as a list or dict subclass would hold them. */
  readonly items: PickleValue[];
  readonly entries: [key: PickleValue, value: PickleValue][];
  omitted: number;
  weight: number;
}

/** PERSID, BINPERSID: something the loader resolves; for PyTorch `('storage', type, key, device, elements)`. */
export interface PicklePersistent {
  readonly kind: 'persistent';
  readonly id: PickleValue;
  readonly offset: number;
}

/** EXT1/2/4: a name from the loading process's `copyreg` table: unknowable. */
export interface PickleExtension {
  readonly kind: 'extension';
  readonly code: number;
  readonly offset: number;
}

/** A value beyond a limit, or below the bottom of the stack. */
export interface PickleLost {
  readonly kind: 'lost';
}

export const LOST: PickleLost = { kind: 'lost' };

export function isNode(value: PickleValue | undefined): value is PickleNode {
  return typeof value === 'object' && value !== null;
}

/** `module.name`, or null for anything but a global with both names known. */
export function globalName(value: PickleValue | undefined): string | null {
  if (!isNode(value) || value.kind !== 'global' || value.module === null || value.name === null) return null;
  return `${value.module}.${value.name}`;
}

/** The full name of what made an object, or null. */
export function calleeName(value: PickleValue | undefined): string | null {
  return isNode(value) && value.kind === 'object' ? globalName(value.callee) : null;
}

export function weightOf(value: PickleValue): number {
  return isNode(value) && 'weight' in value ? value.weight : 1;
}

/** The value under a string key of a dict or of a dict-like object; the last one wins, as in Python. */
export function lookup(value: PickleValue | undefined, key: string): PickleValue | undefined {
  if (!isNode(value) || (value.kind !== 'dict' && value.kind !== 'object')) return undefined;
  return value.entries.findLast(([name]) => name === key)?.[1];
}
