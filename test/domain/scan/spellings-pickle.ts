import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import { zip } from './build.ts';

/** One way to write something that a loader runs; what it runs is `print`. */
export interface Spelling {
  readonly kind: string;
  readonly path: string;
  readonly content: Uint8Array;
}

/** `print('hello')` by GLOBAL and REDUCE, as protocols 0 and 1 write it, without its STOP. */
export const PRINT = bytesOf("c__builtin__\nprint\n(S'hello'\ntR");
const plain = (count: number) => bytesOf('(', ...Array.from({ length: count }, (_, at) => `I${at}\n`), 'l0');

/** A pickle without PROTO, under other names, its call far behind plain data, with bytes after its STOP. */
const UNMARKED: readonly Spelling[] = [
  'weights.bin',
  'table.dat',
  'model.model',
  'model.sav',
  'notes.txt',
  'weights',
].map((path) => ({ kind: 'a pickle without a magic', path, content: bytesOf(plain(400), PRINT, '.\nand so on\n') }));

/** What CPython takes as an argument and a stricter reader does not. */
const ARGUMENTS: readonly Spelling[] = [
  ['hexadecimal', 'I0x10\n0'],
  ['underscores', 'I1_000\n0'],
  ['octal of C', 'I010\n0'],
  ['white space', 'I  5 \n0'],
  ['a NUL in the line', 'I5\0five\n0'],
  ['a LONG in base 2', 'L0b1_01L\n0'],
  ['a long line of text', `S'${'a'.repeat(70_000)}'\n0`],
  ['a long line of Unicode', `V${'a'.repeat(70_000)}\n0`],
  ['LONG4 beyond 64 KiB', bytesOf('\x8b', Uint8Array.of(0x71, 0x11, 1, 0), '\x01'.repeat(70_001), '0')],
  ['a LONG of 10,000 hexadecimal digits', `L0x${'1'.repeat(10_000)}L\n0`],
  ['a number as Python writes infinity', 'F-inf\n0'],
].map(([name, before]) => ({
  kind: `as CPython reads: ${name as string}`,
  path: 'model.pkl',
  content: bytesOf(PROTO2, before as string | Uint8Array, PRINT, '.'),
}));

const OBJECTS = bytesOf(PROTO2, global('builtins', 'print'), text('hello'), '\x85R.');
/** A NumPy array by its header's literal. */
export const npy = (descr: string, data: Uint8Array, shape = '(1,)'): Buffer => {
  const header = `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117) + '\n';
  return bytesOf('\x93NUMPY\x01\0', Uint8Array.of(header.length, 0), header, data);
};

const DESCRS = [
  "'object'",
  "'O,i4'",
  "'O8'",
  "[('a', 'O'), ('b', '<i4')]",
  "[('a', [('b', '|O')])]",
  "[('x', ('O', (2,)))]",
  "'object_'",
];
const ARRAYS: readonly Spelling[] = DESCRS.flatMap((descr) => [
  { kind: `an array of objects: ${descr}`, path: 'a.npy', content: npy(descr, OBJECTS) },
  {
    kind: `an array of objects in an npz: ${descr}`,
    path: 'a.npz',
    content: zip([{ name: 'a.npy', data: npy(descr, OBJECTS) }]),
  },
]);

/** joblib's container of before 0.10: `ZF`, the length in hexadecimal, zlib. */
const zf = (pickle: Uint8Array): Buffer =>
  bytesOf('ZF', `0x${pickle.length.toString(16)}`.padEnd(19), deflateSync(pickle));
const CONTAINERS: readonly Spelling[] = [
  { kind: 'the old container of joblib', path: 'model.pkl.z', content: zf(OBJECTS) },
  { kind: 'the old container of joblib', path: 'model.joblib', content: zf(OBJECTS) },
  { kind: 'the old container of joblib', path: 'model.gz', content: zf(OBJECTS) },
  { kind: 'the old container of joblib', path: 'model.pkl', content: zf(OBJECTS) },
  {
    kind: 'a format that is promised and not there',
    path: 'model.pkl.gz',
    content: Buffer.from('neither gzip nor a pickle'),
  },
  { kind: 'a format that is promised and not there', path: 'model.bz2', content: Buffer.alloc(64, 7) },
  {
    kind: 'a pickle split over gzip members',
    path: 'model.joblib',
    content: Buffer.concat([gzipSync(OBJECTS.subarray(0, 9)), gzipSync(OBJECTS.subarray(9))]),
  },
];

/** Names on the allow list in a use no honest pickle makes of them. */
const call = (module: string, name: string, ...args: (string | Uint8Array)[]): Buffer =>
  bytesOf(PROTO2, global(module, name), '(', ...args.map((arg) => (typeof arg === 'string' ? text(arg) : arg)), 'tR.');
const USES: readonly Spelling[] = [
  call('gensim.models.word2vec', 'Word2Vec', 'sentences.txt'),
  call('xgboost.core', 'Booster', bytesOf('}'), bytesOf(')'), '/tmp/model.json'),
  call('lightgbm.basic', 'Booster', 'http://host/model.txt'),
  call('ultralytics.nn.tasks', 'DetectionModel', bytesOf('}', text('backbone'), text('print(1)'), 's')),
  call('torch.distributed.elastic.multiprocessing.subprocess_handler.subprocess_handler', 'SubprocessHandler', 'echo'),
  call('gevent.subprocess', 'Popen', 'echo'),
  call('torch.utils._foo', 'RemoteProcess', 'echo'),
  call('scipy.optimize._differentiable_functions', 'ScalarFunction', global('builtins', 'print')),
  bytesOf(
    PROTO2,
    global('scipy.stats._distn_infrastructure', 'rv_sample'),
    ')\x81}',
    text('_parse_arg_template'),
    text('print(1)'),
    'sb.',
  ),
  bytesOf(
    PROTO2,
    global('scipy.stats._continuous_distns', 'norm_gen'),
    ')\x81}',
    text('shapes'),
    text('a,b=print(1)'),
    'sb.',
  ),
].map((content) => ({ kind: 'an allowed name in another use', path: 'model.pkl', content }));

/** What is behind the end. */
const AFTER: readonly Spelling[] = [
  {
    kind: 'a program behind a STOP',
    path: 'model.pkl',
    content: bytesOf(PROTO2, '}.', Buffer.from('7f454c4602010100', 'hex'), new Uint8Array(64)),
  },
];

export const PICKLES: readonly Spelling[] = [...UNMARKED, ...ARGUMENTS, ...ARRAYS, ...CONTAINERS, ...USES, ...AFTER];
