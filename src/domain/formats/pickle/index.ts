/** Pickle as data: a disassembler and a symbolic unpickler that imports and calls nothing. */
export { actsAsPickle, isPlainPickle, startsPickle } from './probe.ts';
export { readPickle, readPickles, type Pickle, type PickleOptions, type Span } from './read.ts';
export type { PickleCall, PickleEvent, PickleProblem, PickleVisitor } from './machine.ts';
export { calleeName, globalName, isNode, lookup } from './values.ts';
export type {
  PickleBytes,
  PickleDict,
  PickleExtension,
  PickleGlobal,
  PickleLost,
  PickleNode,
  PickleObject,
  PicklePersistent,
  PickleSequence,
  PickleValue,
} from './values.ts';
