import { Buffer } from 'node:buffer';
import { deflateSync, gzipSync } from 'node:zlib';
import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import { npy, PRINT, type Spelling } from './spellings-pickle.ts';

const of = (kind: string, path: string, content: Uint8Array | string): Spelling => ({
  kind,
  path,
  content: typeof content === 'string' ? Buffer.from(content) : content,
});

/** What joblib and dill read, whose unpicklers are Python, and C's does not (CPython 3.11.7, `pickle._Unpickler`). */
const FLOATS: readonly Spelling[] = ['F 1.5 \n0', 'F1_0.0\n0', 'F\t1\n0'].flatMap((before) => [
  of('a number as float() reads it', 'weights.bin', bytesOf(before, PRINT, '.')),
  of('a number as float() reads it', 'model.joblib', bytesOf(PROTO2, before, PRINT, '.')),
]);

const CALL = bytesOf(PROTO2, global('builtins', 'print'), text('hello'), '\x85R.');
/** `numpy.save` twice with one file: an array of numbers, then one of objects. */
const ARRAYS: readonly Spelling[] = ['arrays.npy', 'arrays.dat'].map((path) =>
  of('an array behind an array', path, bytesOf(npy("'<f4'", new Uint8Array(4)), npy("'|O'", CALL))),
);
const [HEAD, REST] = [CALL.subarray(0, 9), CALL.subarray(9)];
/** `CALL` as Python's lzma writes it, in pieces: two .lzma streams; .lzma, .xz, .lzma; a small dictionary (CPython 3.11.7). */
const LZMA: readonly string[] = [
  'XQAAgAD//////////wBAAIgC8sNpkbqYrK57//97sAAAXQAAgAD//////////wA3HL1G4lL72TRlmCyjL9jBZstphIyhSAv89//86WAA',
  'XQAAgAD//////////wBAAIgC9zoP///8PwAA/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAEdWlsdGkAAAAAQmCQz8HJpPgAAR0FuC2Arx+2830BAAAAAARZWl0AAIAA//////////8ANxy9RuJS+9k0ZZgsoy/YwWbLaYSMoUgL/Pf//OlgAA==',
  'XQAQAAD//////////wBAAIgC8sNpkbqYCMF2G2GMcNAieF2sdeFaGONpJjMjChOf///CF4AA',
];
/** With every flag of RFC 1952 that is reserved, which Python passes over, and without what is behind the data. */
const gzip = gzipSync(CALL);
const reserved = Buffer.concat([gzip.subarray(0, 3), Uint8Array.of(0x20), gzip.subarray(4)]);
const unchecked = Buffer.concat([gzip.subarray(0, -8), new Uint8Array(8)]);

const NAMES = ['model.joblib', 'model', 'model.xz', 'model.bin'];
const PACKED: readonly Spelling[] = [
  ...LZMA.map((base64) => Buffer.from(base64, 'base64')),
  Buffer.concat([gzipSync(HEAD), new Uint8Array(100), gzipSync(REST)]),
  Buffer.concat([deflateSync(HEAD), deflateSync(REST)]),
  reserved,
  unchecked,
  Buffer.concat([gzip, Buffer.from('and so on')]),
  bytesOf('ZF', `+0x${CALL.length.toString(16)}`.padEnd(19), deflateSync(CALL)),
].flatMap((content) => NAMES.map((path) => of('packed as Python unpacks', path, content)));

const APPLY = '!!%70ython/object/apply:builtins.print [hello]\n';
const YAML: readonly Spelling[] = [
  ...['\u0085', '\u2028', '\u2029', '\r'].map((end) => `# a comment${end}a: ${APPLY}`),
  '!<tag:yaml.org,2002:%70ython/object/apply:builtins.print> [hello]\n',
  `%TAG !e! tag:yaml.org,2002:%70ython/\n---\n!e!object/apply:builtins.print [hello]\n`,
].map((content) => of('a tag for PyYAML alone', 'hparams.yaml', content));
/** Under a name of no settings, where a text is looked at only if it may say something. */
const QUIET: readonly Spelling[] = ['---', 'a:', 'a: [1,', '# a comment', 'a: 1', 'a: b\n...\n---'].flatMap((before) =>
  ['\u0085', '\u2028', '\u2029', '\r'].map((end) =>
    of('a tag after a break for PyYAML alone', 'notes.yaml', `${before}${end}${APPLY}`),
  ),
);
const ELSEWHERE = of('a tag in escapes under another name', 'settings.conf', `a: ${APPLY}`);

const MANY = Array.from({ length: 2_000_100 }, () => '[]').join(',');
const JSONS: readonly Spelling[] = [
  of('more values than are looked at', 'config.json', `{"a": {"_target_": "os.system"}, "z": [${MANY}]}`),
];

const template = (source: string): Spelling =>
  of('a chat template', 'tokenizer_config.json', JSON.stringify({ chat_template: source }));
const TEMPLATES: readonly Spelling[] = [
  '{% set a %}__class__{% endset %}{{ messages[a] }}',
  "{% set a %}__cla{{ 'ss__' }}{% endset %}{{ messages[a] }}",
  '{% macro m() %}__class__{% endmacro %}{{ messages[m()] }}',
  String.raw`{{ messages['\N{LOW LINE}\N{LOW LINE}class__'] }}`,
  "{{ messages['__cla'.__add__('ss__')] }}",
].map(template);

const GRAPHS: readonly Spelling[] = [
  'node { name: "a" op: # a comment\n "PyFunc" }',
  'node { name: "a" op: "Py" # a comment\n "Func" }',
  String.raw`node { op: "\U00000050yFunc" }`,
  'node < name: "a" op: "PyFunc" >',
  'node [ { op: "PyFunc" }, { op: "Add" } ]',
].flatMap((source) => [of('a graph as text', 'saved_model.pbtxt', source), of('a graph as text', 'graph.txt', source)]);

const model = ([before, line]: readonly [string, string]): Spelling =>
  of(
    'a call by another way',
    'modeling_x.py',
    `${before}\nfrom transformers import PreTrainedModel\nclass M(PreTrainedModel):\n    def __init__(self, config):\n        ${line}\n`,
  );
const CODE: readonly Spelling[] = (
  [
    ['import shutil', "shutil.os.system('id')"],
    ['import random', "random._os.system('id')"],
    ['import os.path as p', "p.os.system('id')"],
    ['import operator, os', "operator.attrgetter('system')(os)('id')"],
    ['import operator, os', "operator.methodcaller('system', 'id')(os)"],
    ['import os', "object.__getattribute__(os, 'system')('id')"],
    ['import os', "os.__dict__.get('system')('id')"],
    ['import os', "dict(vars(os))['system']('id')"],
    ['import sys', "sys.modules.get('os').system('id')"],
    ['import inspect, os', "inspect.getattr_static(os, 'system')('id')"],
    ['import os', '@os.system\n        def run(): pass'],
    ['from importlib.machinery import SourceFileLoader', "SourceFileLoader('x', 'y').load_module()"],
    ['import pip', "pip.main(['install', 'x'])"],
    ['import distutils.spawn as d', "d.spawn(['id'])"],
  ] as const
).map(model);

export const MORE: readonly Spelling[] = [
  ...FLOATS,
  ...ARRAYS,
  ...PACKED,
  ...YAML,
  ...QUIET,
  ELSEWHERE,
  ...JSONS,
  ...TEMPLATES,
  ...GRAPHS,
  ...CODE,
];

const INDEX = 'http://packages.example.test/simple';
/** Done honestly, too: for review. */
export const REVIEWED_MORE: readonly Spelling[] = [
  model(['import pickle', "self.table = pickle.loads(b'x')"]),
  of('settings', 'config.json', '{"trust_remote_code": 1}'),
  of('settings', 'config.json', '{"trust_remote_code": "true"}'),
  of('an index of its own', 'requirements.txt', `--pre --index-url ${INDEX}\nthing\n`),
  of('an index of its own', 'requirements.txt', `-r ${INDEX}/more.txt\n`),
  of('an index of its own', 'requirements.txt', `-i \\\n  ${INDEX}\nthing\n`),
  of('an index of its own', 'Pipfile', `[[source]]\nurl = "${INDEX}"\n`),
  of('an index of its own', 'uv.toml', `index-url = "${INDEX}"\n`),
  of('an index of its own', 'pyproject.toml', `[[tool.uv.index]]\nurl = "${INDEX}"\n`),
  of('an index of its own', 'setup.cfg', `[easy_install]\nindex_url = ${INDEX}\n`),
];
