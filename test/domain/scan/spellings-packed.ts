import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { bytesOf, global, PROTO2, text } from '../formats/pickle/assemble.ts';
import { gguf, safetensors, zip } from './build.ts';
import type { Spelling } from './spellings-pickle.ts';

const CALL = bytesOf(PROTO2, global('builtins', 'print'), text('hello'), '\x85R.');
const joined = (...parts: readonly (Uint8Array | string)[]): Buffer => bytesOf(...parts);

/** `CALL` in streams of Python's lzma and bz2, as they read them back (CPython 3.11.7). */
const STREAMS: readonly (readonly [name: string, base64: string])[] = [
  [
    'lzma, then xz',
    'XQAAgAD//////////wBAAIgC8sNpkbqYrK57//97sAAA/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAVbnMKcHJpbnQKWAUAAABoZWxsb4VSLgAAANpdfja0ErbEAAEuFlYJVd8ftvN9AQAAAAAEWVo=',
  ],
  [
    'xz, then xz',
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAIgAJjYnVpbHRpAAAAAA+BEV5/g5xnAAEhCWwYxdUftvN9AQAAAAAEWVr9N3pYWgAABObWtEYCACEBFgAAAHQv5aMBABVucwpwcmludApYBQAAAGhlbGxvhVIuAAAA2l1+NrQStsQAAS4WVglV3x+2830BAAAAAARZWg==',
  ],
  [
    'xz, then lzma',
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAIgAJjYnVpbHRpAAAAAA+BEV5/g5xnAAEhCWwYxdUftvN9AQAAAAAEWVpdAACAAP//////////ADccvUbiUvvZNGWYLKMv2MFmy2mEjKFIC/z3//zpYAA=',
  ],
  ['lzma of a small dictionary', 'XQAQAAD//////////wBAAIgC8sNpkbqYCMF2G2GMcNAieF2sdeFaGONpJjMjChOf///CF4AA'],
  ['lzma of odd properties', 'EgAAAQD//////////wBAAI2TUfMhjgNUdmlOs5fZq6sV7JXOTg0UWGSWlbBo1zTov//05DQA'],
  [
    'xz without a check',
    '/Td6WFoAAAD/EtlBAgAhARYAAAB0L+WjAQAegAJjYnVpbHRpbnMKcHJpbnQKWAUAAABoZWxsb4VSLgAAAAEvH7OAkr8Gcp56AQAAAAAAWVo=',
  ],
  [
    'xz behind a delta filter',
    '/Td6WFoAAATm1rRGAgEDAQAhARBMhacHAQAegIJh/xP0Awj1BQWXZgL3BQaWTq37AABo/QcAAxbN3AAAVqIxhk5Lal4AATcf6hiJPR+2830BAAAAAARZWg==',
  ],
  [
    'bzip2, then bzip2',
    'QlpoOTFBWSZTWQwdSdMAAARBwBAAGCQGAEAAIAAxDAghiHqEYcD8XckU4UJAMHUnTEJaaDkxQVkmU1mJcJQNAAAHU8BCEAABEEACZdwAAgAgACImgeoMnlChppgAd2wSEOBdmJqEWXxdyRThQkIlwlA0',
  ],
];
const of = (kind: string, path: string, content: Uint8Array | string): Spelling => ({
  kind,
  path,
  content: typeof content === 'string' ? Buffer.from(content) : content,
});

const PACKED: readonly Spelling[] = [
  ...STREAMS.map(([name, base64]) => of(`packed: ${name}`, 'model.joblib', Buffer.from(base64, 'base64'))),
  of(
    'packed: gzip, zeros, gzip',
    'model.pkl.gz',
    joined(gzipSync(CALL.subarray(0, 9)), new Uint8Array(8), gzipSync(CALL.subarray(9))),
  ),
  of('packed: gzip in gzip', 'model.pkl', gzipSync(gzipSync(CALL))),
];

const skops = (schema: object | string): Buffer =>
  zip([{ name: 'schema.json', data: typeof schema === 'string' ? schema : JSON.stringify(schema) }]);
const LOAD = { __module__: 'joblib.numpy_pickle', __class__: 'load', __loader__: 'TypeNode' };
const SKOPS: readonly Spelling[] = [
  skops(LOAD),
  skops({ __module__: 'joblib', __class__: 'load', __loader__: 'FunctionNode' }),
  skops({ __module__: 'builtins', __class__: 'list', __loader__: 'ListNode', content: [{ a: [LOAD] }] }),
  skops({
    __module__: 'builtins',
    __class__: 'function',
    __loader__: 'FunctionNode',
    content: { module_path: 'joblib', function: 'numpy_pickle.load' },
  }),
  skops(
    JSON.stringify(LOAD)
      .replaceAll('__loader__', String.raw`__l\u006fader__`)
      .replace('joblib', String.raw`j\u006fblib`),
  ),
  skops(`{"x": NaN, "content": ${JSON.stringify(LOAD)}}`),
  skops({ ...LOAD, __module__: 'numpy', __loader__: 'ObjectNode' }),
].map((content) => of("a skops node that names a pickle's loader", 'model.skops', content));

const TENSOR = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
const NAMES: readonly Spelling[] = ['../../etc/x', '/etc/x', String.raw`C:\x`, 'a\u001b[2Jb', 'a\u0000b'].map((name) =>
  of('a tensor whose name leads away', 'model.safetensors', safetensors({ [name]: TENSOR })),
);
const PROGRAM = joined(Buffer.from(`7f454c4602010100${'00'.repeat(8)}03003e00`, 'hex'), new Uint8Array(64));
const PROGRAMS: readonly Spelling[] = [
  of('a program behind a STOP', 'model.pkl', joined(PROTO2, '}.', PROGRAM)),
  of('a program behind a STOP', 'model.bin', joined(PROTO2, '].', PROGRAM)),
  of(
    'a program behind a STOP',
    'model.pkl',
    joined(PROTO2, '}.', 'MZ', new Uint8Array(58), Uint8Array.of(64, 0, 0, 0), 'PE\0\0', new Uint8Array(64)),
  ),
  of('a program behind a STOP', 'model.pkl', joined(PROTO2, '}.', '#!/bin/sh\necho hello\n')),
  of(
    'a program behind a STOP',
    'model.pkl',
    joined(PROTO2, '}.', Buffer.from('0061736d01000000', 'hex'), new Uint8Array(64)),
  ),
  of('a program in an engine', 'model.engine', joined('ftrt', new Uint8Array(60), PROGRAM)),
  of('a program in an engine', 'model.plan', joined('ptrt', new Uint8Array(28), PROGRAM, new Uint8Array(64))),
];
const pmml = (body: string): Spelling =>
  of(
    'PMML that names a function',
    'model.pmml',
    `<?xml version="1.0"?><PMML version="4.4"><TransformationDictionary>${body}</TransformationDictionary></PMML>`,
  );
const PMML: readonly Spelling[] = [
  '<Apply function="java.lang.Runtime.exec"/>',
  "<Apply invalidValueTreatment='x' function = 'java.lang.Runtime.exec'/>",
  '<Apply\n\tfunction="os.system"/>',
  '<Apply function="&#106;ava.lang.Runtime.exec"/>',
  '<p:Apply xmlns:p="http://www.dmg.org/PMML-4_4" function="java.lang.Runtime.exec"/>',
].map(pmml);
const INDEXES: readonly Spelling[] = [
  ['python_env.yaml', 'dependencies:\n- --extra-index-url http://packages.example.test/simple\n'],
  ['python_env.yaml', 'dependencies:\n- "--find-links http://packages.example.test/"\n'],
  ['conda.yaml', 'dependencies:\n- pip:\n  - -i http://packages.example.test/simple\n'],
  ['pip.conf', '[global]\nindex-url = http://packages.example.test/simple\n'],
  ['requirements.txt', 'thing @ http://packages.example.test/thing.whl\n'],
].map(([path = '', content = '']) => of('an index of its own', path, content));
const GGUF: readonly Spelling[] = [
  of('a template in GGUF', 'model.gguf', gguf([['tokenizer.chat_template', "{{ messages['__cla' ~ 'ss__'] }}"]])),
];

export const PACKAGES: readonly Spelling[] = [...PACKED, ...SKOPS, ...NAMES, ...PROGRAMS, ...PMML, ...INDEXES, ...GGUF];
