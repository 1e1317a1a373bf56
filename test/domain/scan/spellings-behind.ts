import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import { field, onnx, safetensors, zip } from './build.ts';
import type { Spelling } from './spellings-pickle.ts';

const of =
  (kind: string) =>
  (path: string, content: Uint8Array | string): Spelling => ({
    kind,
    path,
    content: typeof content === 'string' ? Buffer.from(content) : content,
  });

const DATA = bytesOf(PROTO2, '}.');
const CALL = bytesOf(PROTO2, global('builtins', 'print'), text('hello'), '\x85R.');
const ELF = bytesOf(Buffer.from(`7f454c4602010100${'00'.repeat(8)}03003e00`, 'hex'), new Uint8Array(64));
const PE = bytesOf('MZ', new Uint8Array(58), Uint8Array.of(64, 0, 0, 0), 'PE\0\0', new Uint8Array(64));
const MACHO = bytesOf(Buffer.from('cffaedfe0700000103000000', 'hex'), new Uint8Array(64));

/** Programs and pickles behind a STOP, wherever they begin. */
const BEHIND: readonly Spelling[] = [
  ['\n', ELF],
  ['padding!', ELF],
  [new Uint8Array(2 << 20), ELF],
  ['\xff'.repeat(1 << 20), PE],
  ['x', MACHO],
  ['\r\n', '#!/bin/sh\necho hello\n'],
  [gzipSync(ELF)],
  [' ', zip([{ name: 'a.so', data: ELF }])],
  ['\xff\xff\xff', "(S'hello'\ni__builtin__\nprint\n."],
  ['\xff\xff', "(cIPython\nstart_ipython\n(S'hello'\ntR."],
  ['\xff\xff', '\x8c\x08builtins\x8c\x05print\x93\x8c\x02hi\x85R.'],
  ['\xff'.repeat(1_500_000), CALL],
  [Buffer.alloc(600, '\x80\x04', 'latin1'), CALL],
].flatMap((parts) => ['model.pkl', 'weights.bin'].map((path) => of('behind a STOP')(path, bytesOf(DATA, ...parts))));

const ENGINES = [ELF, PE, MACHO].flatMap((program) => [
  of('a program in an engine')('model.engine', bytesOf('ftrt', new Uint8Array(5000), program)),
  of('a program in an engine')('model.plan', bytesOf('ptrt', new Uint8Array(28), program)),
]);

const TENSOR = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
const NAMES = [
  ...['a\u202eb', 'a\u009b2J', 'a/../../b', '..\\x', '\\\\server\\x'].map((name) =>
    of('a tensor whose name leads away')('model.safetensors', safetensors({ [name]: TENSOR })),
  ),
  ...['..\\x', 'a\\..\\b'].map((name) =>
    of('a tensor whose name leads away')(
      'model.onnx',
      onnx(field(5, bytesOf(field(1, 4), field(2, 1), field(8, name), field(9, new Uint8Array(16))))),
    ),
  ),
];

const RUNTIME = 'java.lang.Runtime.exec';
const pmml = (body: string, before = '') => `<?xml version="1.0"?>${before}<PMML version="4.4">${body}</PMML>`;
const PMML = [
  of('PMML that names a function')('a.pmml', pmml(`<Apply note="${'x'.repeat(400)}" function="${RUNTIME}"/>`)),
  of('PMML that names a function')('a.pmml', pmml(`<Apply note=">" function="${RUNTIME}"/>`)),
  of('PMML that names a function')(
    'a.pmml',
    pmml('<Apply function="&f;"/>', `<!DOCTYPE PMML [<!ENTITY f "${RUNTIME}">]>`),
  ),
  of('PMML that names a function')('a.xml', pmml(`<Apply function="${RUNTIME}"/>`, `<!--${'x'.repeat(5000)}-->`)),
  of('PMML that names a function')(
    'a.xml',
    `<?xml version="1.0"?><p:PMML xmlns:p="u"><p:Apply function="${RUNTIME}"/></p:PMML>`,
  ),
  of('PMML that names a function')('a.pmml', Buffer.from(`\ufeff${pmml(`<Apply function="${RUNTIME}"/>`)}`, 'utf16le')),
];

const node = (name: string, loader: string, content?: object): object => ({
  __module__: name.slice(0, name.lastIndexOf('.')),
  __class__: name.slice(name.lastIndexOf('.') + 1),
  __loader__: loader,
  ...(content === undefined ? {} : { content }),
});
const json = (value: string): object => ({ ...node('builtins.str', 'JsonNode'), content: JSON.stringify(value) });
const dict = (content: object): object => node('builtins.dict', 'DictNode', content);
const generator = (name: string): object =>
  node('numpy.random._generator.Generator', 'RandomGeneratorNode', {
    bit_generator: dict({ bit_generator: json(name) }),
  });
const ridge = node('sklearn.linear_model._ridge.Ridge', 'ObjectNode');

/** Each as a loader of skops 0.16 takes it, once it is told to trust what it lists, or without being told. */
const SKOPS: readonly Spelling[] = [
  node('joblib.numpy_pickle.NumpyUnpickler', 'ConstructorFromReduceNode'),
  node('joblib._store_backends.FileSystemStoreBackend', 'ObjectNode'),
  node('joblib.disk.delete_folder', 'FunctionNode'),
  node('sklearn.utils._joblib.load', 'TypeNode'),
  node('numpy.fromregex', 'ListNode'),
  node('numpy.lib.format.open_memmap', 'FunctionNode'),
  node('scipy.io._idl.readsav', 'FunctionNode'),
  node('xgboost.core._load_lib', 'TypeNode'),
  node('sklearn.linear_model._ridge.Ridge', 'MethodNode', { func: '__reduce__', obj: ridge }),
  node('numpy.ndarray', 'MethodNode', { func: 'tofile', obj: node('numpy.ndarray', 'NdArrayNode') }),
  node('operator.attrgetter', 'OperatorFuncNode'),
  generator('seed'),
  generator('set_bit_generator'),
  node('scipy.stats._continuous_distns.beta_gen', 'ObjectNode', dict({ _parse_arg_template: json('print(1)') })),
  node('scipy.stats._continuous_distns.beta_gen', 'ObjectNode', dict({ shapes: json('a=print(1)') })),
].map((schema) => of('a skops node')('model.skops', zip([{ name: 'schema.json', data: JSON.stringify(schema) }])));

const KEY = '_parse_arg_template';
const made = bytesOf(global('builtins', 'str'), text(KEY), '\x85R');
const [given, distribution] = [bytesOf(text('print(1)'), 'ub.'), global('scipy.stats._continuous_distns', 'beta_gen')];
/** State that SciPy runs, under a key that a call makes (SciPy 1.17.1 runs each but the last two, which it refuses). */
const STATES: readonly Spelling[] = [
  bytesOf(distribution, ')\x81}(', made, given),
  bytesOf(distribution, ')}\x92}(', made, given),
  bytesOf(global('copyreg', '_reconstructor'), '(', distribution, global('builtins', 'object'), 'NtR}(', made, given),
  bytesOf(distribution, ')\x81', global('collections', 'OrderedDict'), ')R(', made, given),
  bytesOf(distribution, ')\x81', global('builtins', 'dict'), '(((', made, text('print(1)'), 'tltRb.'),
  bytesOf(distribution, ')\x81}(', text(KEY), global('builtins', 'str'), text('print(1)'), '\x85Rub.'),
  bytesOf(distribution, '(K\x01NNNN', text('a'), 'N', text('a=print(1)'), 'tR.'),
  bytesOf('(K\x01NNNN', text('a'), 'N', text('a=print(1)'), 'iscipy.stats._distn_infrastructure\nrv_continuous\n.'),
].map((content) => of('a state made by a call')('model.pkl', bytesOf(PROTO2, content)));

/** Bytes of no format under names of weights. */
const NOISE = bytesOf('\xf7\x13', Buffer.alloc(500, 'q\xe9\x01', 'latin1'));
const UNKNOWN: readonly Spelling[] = [
  'ggml-model-q4_0.bin',
  'model.ckpt',
  'rust_model.ot',
  'open_clip_pytorch_model.bin',
  'text_encoder/model.fp16.bin',
  'model.mlmodel',
  'model-0000.params',
  'frozen_graph.pb',
  'lora.bin',
  'pytorch_model.bin.1',
  'model.pt.bak',
  'model.plan',
  'model.rknn',
  'model.pk',
  'm.cloudpickle',
].map((path) => of('weights by their name')(path, NOISE));

export const BEHIND_AND_UNKNOWN: readonly Spelling[] = [
  ...BEHIND,
  ...ENGINES,
  ...NAMES,
  ...PMML,
  ...SKOPS,
  ...STATES,
  ...UNKNOWN,
];

const HOST = 'packages.example.test';
const pip = (...lines: string[]): Spelling => of('an index of its own')('requirements.txt', lines.join('\n'));
const reviewed = of('a convention that runs code');
const triton = (text: string): Spelling => reviewed('model/config.pbtxt', text);

/** What tools that build or serve a model run, import or install: done honestly, too. */
export const CONVENTIONS_REVIEWED: readonly Spelling[] = [
  reviewed('bentofile.yaml', 'service: "s:svc"\ndocker:\n  setup_script: ./setup.sh\n'),
  reviewed('bentofile.yml', 'service: "s:svc"\ndocker: {"setup\\x5fscript": ./setup.sh}\n'),
  reviewed('bentofile.yaml', 'docker:\n  dockerfile_template: ./Dockerfile.template\n'),
  reviewed('bentofile.yaml', `python:\n  index_url: http://${HOST}/simple\n`),
  reviewed('bentofile.yaml', `python:\n  packages: ["thing @ http://${HOST}/thing.whl"]\n`),
  triton('backend: "python"\nparameters: { key: "EXECUTION_ENV_PATH", value: { string_value: "/x.tar.gz" } }'),
  triton("parameters [ { key: 'EXECUTION_ENV_PATH' value { string_value: 'x' } } ]"),
  triton('parameters < value < string_value: "x" > key: "EXECUTION_" "ENV_PATH" >'),
  triton(String.raw`parameters { key: "EXECUTION\137ENV_PATH" value { string_value: "x" } }`),
  triton('backend: "mine"'),
  triton('runtime: "libtriton_mine.so"'),
  triton('model_operations { op_library_filename: ["/x/libops.so"] }'),
  reviewed('generation_config.json', '{"custom_generate": "somebody/other"}'),
  reviewed('config.json', '{"custom_generate": ["somebody/other"]}'),
  reviewed('model-settings.json', '{"implementation": "mine.Runtime"}'),
  reviewed('serve.yaml', `applications:\n- runtime_env: {working_dir: "https://${HOST}/x.zip"}\n`),
  reviewed('cog.yaml', `build:\n  run:\n  - command: pip install http://${HOST}/thing.whl\n`),
  reviewed('conda.yaml', `dependencies: [{pip: ["--index-url http:\\x2f\\x2f${HOST}/simple"]}]\n`),
  reviewed('environment.yml', `channels: [http://${HOST}/conda]\n`),
  pip(`--trusted-host ${HOST}`, 'thing'),
  pip(`--trusted-host=${HOST}`),
  pip(`--index-url ${HOST}/simple`),
  pip(`--extra-index http://${HOST}/simple`),
  pip(`--pypi-url=http://${HOST}/simple`),
  pip('-i ${MIRROR}'),
  pip(`-ihttp://${HOST}/simple`),
  pip(`-fhttp://${HOST}/`),
  pip(`--index-url \\`, `  "http://${HOST}/simple"`),
  pip(`thing @ HTTP://${HOST}/thing.whl`),
  pip(`thing@ftp://${HOST}/thing.whl`),
  pip(`-e git+http://${HOST}/thing.git#egg=thing`),
  of('an index of its own')('requirements/base.txt', `-i http://${HOST}/simple`),
  of('an index of its own')('requirements-dev.in', `-i http://${HOST}/simple`),
  of('an index of its own')('pip.conf', `[global]\ntrusted-host = ${HOST}\n`),
];
