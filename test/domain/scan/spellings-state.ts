import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import type { Spelling } from './spellings-pickle.ts';

const DATA = bytesOf(global('statsmodels.base.data', 'ModelData'), ')\x81');
const entry = (key: string, value: Uint8Array | string): Uint8Array => bytesOf(text(key), value);
/** A state that statsmodels 0.14 (`restore_design_info`) or 0.15 makes its matrices of again; checked with 0.15.0. */
const again = (formula: string, key = 'restore_model_spec'): Uint8Array =>
  bytesOf(PROTO2, DATA, '}(', entry(key, '\x88'), entry('formula', text(formula)), entry('frame', '}'), 'ub.');
const MANY = bytesOf(...Array.from({ length: 60_000 }, (_, at) => `I${at}\n`));

/** What runs `print` by the state of a class that is on a list. */
const FORMULAS: readonly Uint8Array[] = [
  again('print("hello") ~ 1'),
  again('y ~ print("hello")', 'restore_design_info'),
  again('y ~ I(print ("hello"))'),
  again('y ~ [].__class__'),
  again('y ~ np.load("x")'),
  again(`y ~ Q(f"{print('hello')}")`),
  again('y ~ ｐｒｉｎｔ("hello")'),
  again('y ~ (lambda: 1)()'),
  again(`y ~ {'a': print}['a']('hello')`),
  bytesOf(
    PROTO2,
    DATA,
    '}(',
    entry('formula', text('print("hello") ~ 1')),
    entry('frame', '}'),
    entry('restore_model_spec', '\x88'),
    'ub.',
  ),
  // Behind more values than are kept.
  bytesOf(
    PROTO2,
    ']',
    '(',
    MANY,
    'e0',
    DATA,
    '}(',
    entry('restore_model_spec', '\x88'),
    entry('formula', text('print("hello") ~ 1')),
    'ub.',
  ),
  // A state that a call makes, with keys nobody sees.
  bytesOf(
    PROTO2,
    DATA,
    global('builtins', 'dict'),
    '](',
    text('restore_model_spec'),
    '\x88\x86',
    text('formula'),
    text('print("hello") ~ 1'),
    '\x86e\x85Rb.',
  ),
  // A formula that a call makes.
  bytesOf(
    PROTO2,
    DATA,
    '}(',
    entry('restore_model_spec', '\x88'),
    text('formula'),
    global('builtins', 'str'),
    text('print("hello") ~ 1'),
    '\x85Rub.',
  ),
];

/** A type by its name, from which a function is made: what dill and cloudpickle look up is what is imported. */
const TYPES: readonly (readonly [module: string, finder: string, name: string])[] = [
  ['dill._dill', '_load_type', 'FunctionType'],
  ['dill._dill', '_load_type', 'CodeType'],
  ['dill._dill', '_load_type', 'FileType'],
  ['cloudpickle.cloudpickle', '_builtin_type', 'FunctionType'],
  ['cloudpickle.cloudpickle', '_builtin_type', 'new_class'],
];

export const STATES: readonly Spelling[] = [
  ...FORMULAS.map((content, index) => ({ kind: `a formula in a state, ${index}`, path: 'model.pkl', content })),
  ...TYPES.map(([module, finder, name]) => ({
    kind: `a type by its name: ${finder} of ${name}`,
    path: 'model.pkl',
    content: bytesOf(PROTO2, global(module, finder), text(name), '\x85R', text('x'), '\x85R.'),
  })),
  ...['print("hello")', 'range(print("hello"), 1)', 'range(0, 3) and print()', 'Ellipsis.x'].map((said) => ({
    kind: `dill runs a text: ${said}`,
    path: 'model.pkl',
    content: bytesOf(PROTO2, global('dill._dill', '_eval_repr'), text(said), '\x85R.'),
  })),
  ...['dateutil.tz.tz', 'dateutil.tz._tzfile'].map((module) => ({
    kind: `a path that a time zone is read from: ${module}`,
    path: 'model.pkl',
    content: bytesOf(PROTO2, global(module, 'tzfile'), text('/etc/hostname'), '\x85R.'),
  })),
  {
    kind: 'iter of a function and an end',
    path: 'model.pkl',
    content: bytesOf(
      PROTO2,
      global('builtins', 'list'),
      global('builtins', 'iter'),
      global('builtins', 'print'),
      'N\x86R\x85R.',
    ),
  },
];
