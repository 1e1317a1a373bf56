import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import { bytesOf, global, PROTO2, PROTO4, stackGlobal, text } from '../formats/pickle/assemble.ts';
import { gguf, safetensors, tar, zip } from './build.ts';
import { npy, PRINT, type Spelling } from './spellings-pickle.ts';

const of =
  (kind: string) =>
  (path: string, content: Uint8Array | string): Spelling => ({
    kind,
    path,
    content: typeof content === 'string' ? Buffer.from(content) : content,
  });

/** 1: data that any other beginning of a pickle opens, then the call, under names that promise something else. */
const unmarked = of('a pickle that begins otherwise');
const many = (line: string, count: number): string => line.repeat(count);
const UNMARKED: readonly Spelling[] = [
  unmarked('LICENSE', bytesOf('(dp0\n', many("S'key'\nI1\ns", 300), '0', PRINT, '.\n\n')),
  unmarked('vocab.csv', bytesOf(many("S'a'\n0", 300), PRINT, '.x')),
  unmarked('config.yaml', bytesOf('N0(', many('F1.5\n', 300), 'l0', PRINT, '.')),
  unmarked('data', bytesOf(']q\0(', many('K\x01', 900), 'e0', PRINT, '.', new Uint8Array(9))),
  unmarked('params.dat', bytesOf('}q\0(', many('U\x01aK\x01', 400), 'u0', PRINT, '.')),
  unmarked('tokens.txt', bytesOf('(', many('Vabc\n', 300), 't0', "(S'hello'\ni__builtin__\nprint\n.")),
  unmarked('weights.npz', zip([{ name: 'arr_0', data: bytesOf('(', many('I1\n', 400), 'l0', PRINT, '.') }])),
];

/** 2: the call made by a value that a harmless one gives. */
const print = global('builtins', 'print');
const hello = bytesOf(text('hello'), '\x85');
const CALLERS: readonly Spelling[] = [
  bytesOf(global('types', 'GenericAlias'), print, global('builtins', 'int'), '\x86R', hello, 'R.'),
  bytesOf(global('functools', 'partial'), print, '\x85R', hello, 'R.'),
  bytesOf(global('functools', 'partial'), global('builtins', 'str'), '\x85R(', print, hello, '}}tb', ')R.'),
  bytesOf(global('operator', 'itemgetter'), 'K\0\x85R', print, '\x85\x85R', hello, 'R.'),
  bytesOf(global('numpy', 'vectorize'), ')\x81}', text('pyfunc'), print, 'sb', hello, 'R.'),
  bytesOf(global('collections', 'deque'), global('builtins', 'map'), print, ']', text('hello'), 'a\x86R\x85R.'),
  bytesOf(global('operator', 'getitem'), '}', text('a'), print, 's', text('a'), '\x86R', hello, 'R.'),
  bytesOf(global('collections', 'defaultdict'), print, '\x85R', global('operator', 'getitem'), 'N\x86R.'),
  bytesOf(global('itertools', 'starmap'), print, ']', hello, 'a\x86R\x85R.'),
  bytesOf(global('builtins', 'sorted'), ']', hello, 'a\x85R', print, hello, 'R.'),
].map((content) => of('a call of what a call gives')('model.pkl', bytesOf(PROTO2, content)));

const CALL = bytesOf(PROTO2, print, hello, 'R.');
const NAMED: readonly Spelling[] = [
  ['torch.fx.graph_module', 'reduce_graph_module'],
  ['torch.fx.graph_module', '_forward_from_src'],
  ['dill._dill', '_import_module'],
  ['dill._dill', '_create_filehandle'],
  ['dill._dill', '_get_attr'],
  ['cloudpickle.cloudpickle', 'subimport'],
  ['cloudpickle.cloudpickle', 'dynamic_subimport'],
  ['numpy.lib._datasource', 'open'],
  ['scipy.io.matlab._mio', 'loadmat'],
].map(([module = '', name = '']) =>
  of('a name that acts')('model.pkl', bytesOf(PROTO4, stackGlobal(module, name), text('os'), '\x85R.')),
);

/** 3: descrs of NumPy that hold objects. */
const DESCRS: readonly Spelling[] = [
  "'V8,O'",
  "'(2,)O'",
  "{'names': ['a'], 'formats': ['O']}",
  "[(('title', 'a'), '=O')]",
  "'i4, (2,3)O, f8'",
  String.raw`'\x4f'`,
  "'O' 'f4'[:0]",
].flatMap((descr) => [
  of(`objects: ${descr}`)('a.npy', npy(descr, CALL)),
  of(`objects: ${descr}`)('a.npz', zip([{ name: 'x.npy', data: npy(descr, CALL), deflate: true }])),
]);

/** 4: tags of Python as PyYAML resolves them. */
const YAML: readonly Spelling[] = [
  ['hparams.yaml', 'a: &x !!python/object/apply:builtins.print [hello]\nb: *x\n'],
  ['hparams.yaml', '? !!python/object/apply:builtins.print [hello]\n: 1\n'],
  ['hparams.yaml', '%YAML 1.1\n%TAG ! tag:yaml.org,2002:python/\n---\n!object/apply:builtins.print [hello]\n'],
  ['hparams.yaml', '%TAG !! tag:yaml.org,2002:python/\n---\n!!object/apply:builtins.print [hello]\n'],
  ['hparams.yaml', '!!python/object/new:builtins.map [!!python/name:builtins.print , [hello]]\n'],
  ['notes.yml', 'a: {b: [1, !!python/module:antigravity ""]}\n'],
  ['notes.yml', 'x:\n  <<: !!python/object/apply:builtins.dict [!!python/object/apply:builtins.print [hello]]\n'],
  ['notes.yml', '"a":!!python/name:os.system ""\n'],
].map(([path = '', content = '']) => of('a tag of PyYAML')(path, content));

/** 5: JSON that Python takes. */
const LAMBDA = '{"class_name": "Lambda", "config": {"function": ["YWJj", null, null]}, "x": -Infinity}';
const JSONS: readonly Spelling[] = [
  of('JSON of Python')('config.json', `\ufeff${LAMBDA}`),
  of('JSON of Python')('model.json', LAMBDA.replace('"x"', '"n": [NaN,-Infinity,Infinity], "x"')),
  of('JSON of Python')('config.json', LAMBDA.replace('Lambda', String.raw`\u004cambda`)),
  of('JSON of Python')('config.json', LAMBDA.replace('{"class_name"', '{"class_name": "Dense", "class_name"')),
  of('JSON of Python')('config.json', Buffer.from(LAMBDA, 'latin1').subarray(0, -1)),
  of('JSON of Python')('config.json', LAMBDA.replace('"YWJj"', '"Y\tW"')),
];

/** 6: templates. */
const TEMPLATES: readonly Spelling[] = [
  "{{ messages['_' ~ '_class_' ~ '_'] }}",
  "{{ messages['%c%cclass%c%c' % (95, 95, 95, 95)] }}",
  "{{ messages['__class__'.strip('x')] }}",
  "{{ messages['__CLASS__'.casefold()] }}",
  "{{ messages['X__class__'.removeprefix('X')] }}",
  "{{ messages['__class__x'.split('x')[0]] }}",
  "{{ messages[['__class__']|first] }}",
  "{{ messages['__class__'|trim] }}",
  "{{ messages[{'a': '__class__'}['a']] }}",
  "{{ messages[{'a': '__class__'}.a] }}",
  "{{ messages|selectattr('__class__')|list }}",
  '{{ messages[bos_token] }}',
  '{{ dict.mro() }}',
  '{{ namespace.mro()[1] }}',
  '{{ raise_exception.func_globals }}',
  '{% set x = cycler.__init__ %}{{ x.__globals__ }}',
  "{{ messages['__class__'.center(9)] }}",
  "{% filter attr('__class__') %}x{% endfilter %}",
  '{% call(x) messages.__class__.mro() %}{% endcall %}',
].flatMap((source) => [
  of('a template')('chat_template.jinja', source),
  of('a template')('model.gguf', gguf([['tokenizer.chat_template', source]])),
]);

/** 7: where CPython goes on. */
const ON: readonly Spelling[] = [
  ['a sign', 'I+5\n0'],
  ['a tab and a number', 'I\t5\n0'],
  ['a LONG without L', 'L5\n0'],
  ['a LONG of binary digits', 'L-0B11L\n0'],
  ['a float of nan', 'Fnan\n0'],
  ['a text in double quotes', 'S"a"\n0'],
  ['an octal escape', "S'\\101'\n0"],
  ['a PUT of a large index', 'Np4294967296\n0'],
  ['a MARK that is popped', '(0'],
  ['a POP_MARK', '(((111'],
  ['DUP', 'N200'],
  ['PROTO in the middle', '\x80\x05'],
  ['a FRAME too short', '\x95\x01\0\0\0\0\0\0\0N0'],
  ['BINUNICODE8', '\x8d\x01\0\0\0\0\0\0\0a0'],
  ['BYTEARRAY8', '\x96\x01\0\0\0\0\0\0\0a0'],
].map(([name = '', before = '']) => of(`CPython goes on: ${name}`)('model.pkl', bytesOf(PROTO2, before, PRINT, '.')));

/** 8 and 9: containers. */
const PACKED: readonly Spelling[] = [
  of('packed')('model.joblib', deflateSync(CALL, { level: 0 })),
  of('packed')(
    'model.joblib',
    bytesOf('ZF', `0x${CALL.length.toString(16).toUpperCase()}`.padEnd(19), deflateSync(CALL)),
  ),
  of('packed')('model.pkl.z', deflateSync(CALL, { dictionary: Buffer.from('builtins') })),
  of('packed')('model.gz', bytesOf(gzipSync(''), gzipSync(CALL))),
  of('packed')('model.tar', tar([{ name: 'a/model.pkl', data: gzipSync(CALL) }])),
  of('packed')('model.bin', zip([{ name: 'x', data: zip([{ name: 'y', data: CALL }]) }])),
  of('packed')('model.pkl.xz', 'no xz'),
  of('packed')('model.pkl.lzma', 'no lzma'),
  of('packed')('model.7z', Buffer.alloc(99, 3)),
  of('packed')('model.zst', Buffer.alloc(99, 3)),
];

/** 10: graphs as text. */
const GRAPHS: readonly Spelling[] = [
  'node: { name: "a", op: "PyFuncStateless" }',
  'node { op: "\\x52eadFile" }',
  'node{op:"PyFunc"}',
  "graph_def { library { function { node_def { op : 'WriteFile' ; } } } }",
  'node {\n  op:\n    "ReadFile"\n}',
].map((source) => of('a graph as text')('model.pbtxt', source));

/** 12: skops. */
const node = (module: string, name: string, loader: string, more: object = {}): object => ({
  __module__: module,
  __class__: name,
  __loader__: loader,
  ...more,
});
const SKOPS: readonly Spelling[] = [
  node('joblib.numpy_pickle', '_unpickle', 'FunctionNode'),
  node('builtins', 'dict', 'DictNode', { content: { a: node('builtins', 'exec', 'TypeNode') } }),
  node('functools', 'partial', 'PartialNode', { content: { func: node('os', 'system', 'FunctionNode') } }),
  node('sklearn.datasets._base', 'load_files', 'FunctionNode'),
  node('os', 'system', 'FunctionNode', { content: { module_path: 'os', function: 'system' } }),
].map((schema) => of('a skops node')('model.skops', zip([{ name: 'schema.json', data: JSON.stringify(schema) }])));

/** 13. */
const TENSOR = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
const pmml = (body: string): string => `<?xml version="1.0"?><PMML version="4.4">${body}</PMML>`;
const EACH: readonly Spelling[] = [
  ...['..', 'a/..', 'a\nb', '\u200fa', 'D:/x'].map((name) =>
    of('a tensor whose name leads away')('model.safetensors', safetensors({ [name]: TENSOR })),
  ),
  of('PMML')('a.pmml', pmml('<Apply function="javax.script.ScriptEngineManager.eval"/>')),
  of('PMML')('a.pmml', pmml('<Apply function="x-java:java.lang.System.exit"/>')),
  of('PMML')('a.pmml', pmml('<Apply\rfunction\r=\r"java.lang.Runtime&#46;exec"/>')),
  of('PMML')('a.pmml', pmml('<Apply function="__import__"/>')),
  of('PMML')('a.pmml', '<?xml version="1.0" encoding="UTF-16"?>' + pmml('<Apply function="java.lang.Runtime.exec"/>')),
  of('a program behind a STOP')('model.pkl', bytesOf(PROTO2, '}.', '#!/usr/bin/env python3\nprint(1)\n')),
  of('a program behind a STOP')(
    'model.pkl',
    bytesOf(PROTO2, '}.', Buffer.from('cafebabe0000000201000007', 'hex'), new Uint8Array(64)),
  ),
  of('a program behind a STOP')(
    'model.pkl',
    bytesOf(PROTO2, '}.', Buffer.from('6465780a30333500', 'hex'), new Uint8Array(64)),
  ),
];

/** 14. */
const NOISE = bytesOf('\xf7\x13', Buffer.alloc(500, 'q\xe9\x01', 'latin1'));
const UNKNOWN: readonly Spelling[] = [
  'tf_model.h5',
  'model.gguf',
  'adapter_model.bin',
  'weights.pth',
  'consolidated.00.pth',
  'unet/diffusion_pytorch_model.bin',
  'model.keras',
  'best.weights',
].map((path) => of('weights by their name')(path, NOISE));

export const AGAIN: readonly Spelling[] = [
  ...UNMARKED,
  ...CALLERS,
  ...NAMED,
  ...DESCRS,
  ...YAML,
  ...JSONS,
  ...TEMPLATES,
  ...ON,
  ...PACKED,
  ...GRAPHS,
  ...SKOPS,
  ...EACH,
  ...UNKNOWN,
];

/** Done honestly, too: for review. */
export const REVIEWED_AGAIN: readonly Spelling[] = [
  of('a template')('chat_template.jinja', '{{ messages[bos_token ~ eos_token] }}'),
  of('a template')('chat_template.jinja', "{{ messages[tools[0]['name']]('id') }}"),
  of('weights by their name')('flax_model.msgpack', NOISE),
];
