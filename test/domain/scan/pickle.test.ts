import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { bytesOf, callOf, global, PROTO2, PROTO4, stackGlobal, text } from '../formats/pickle/assemble.ts';
import { fired, scan, STATE_DICT, told, torchZip } from './build.ts';

const OS = callOf('posix', 'system');
const BIG = (payload: Uint8Array) => bytesOf(PROTO4, 'B', Uint8Array.of(payload.length, 0, 0, 0), payload, '.');
const sized = ({ length }: Uint8Array) => [length & 255, length >> 8, 0, 0];
const npy = (descr: string, data: Uint8Array | string) => {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }\n`;
  return bytesOf('\x93NUMPY\x01\0', Uint8Array.of(header.length, 0), header, data);
};

const RULES: readonly (readonly [rule: string, severity: Severity, ...parts: (Uint8Array | string)[]])[] = [
  ['WM-PICKLE-001', 'critical', OS],
  ['WM-PICKLE-001', 'critical', PROTO2, global('builtins', 'getattr'), '(', global('os', 'path'), text('os'), 'tR.'],
  [
    'WM-PICKLE-001',
    'critical',
    PROTO2,
    global('numpy.core', '_ufunc_reconstruct'),
    '(',
    text('os'),
    text('system'),
    'tR.',
  ],
  ['WM-PICKLE-001', 'critical', callOf('__builtin__', 'execfile')],
  ['WM-PICKLE-002', 'high', PROTO2, global('os', 'system'), '.'],
  ['WM-PICKLE-003', 'high', callOf('somepkg.helpers', 'run_command')],
  ['WM-PICKLE-003', 'high', callOf('statistics', 'mean')],
  ['WM-PICKLE-004', 'medium', callOf('mypackage.models', 'Net')],
  ['WM-PICKLE-005', 'medium', PROTO2, global('mypackage.text', 'tokenize'), '.'],
  ['WM-PICKLE-006', 'critical', PROTO4, stackGlobal('torch.serialization', 'os.system'), text('true'), '\x85R.'],
  ['WM-PICKLE-006', 'high', PROTO4, stackGlobal('torch', '_utils.sys.modules'), '.'],
  ['WM-PICKLE-007', 'high', PROTO4, text('os'), global('builtins', 'str'), text('system'), '\x85R\x93.'],
  ['WM-PICKLE-008', 'high', PROTO2, '\x82\x01)R.'],
  ['WM-PICKLE-009', 'high', PROTO2, global('collections', 'OrderedDict'), '}', text('x'), 'K\x01sb.'],
  ['WM-PICKLE-010', 'high', PROTO2, global('numpy', 'nan'), text('x'), 'K\x01s.'],
  ['WM-PICKLE-011', 'high', PROTO2, global('functools', 'partial'), '(', global('builtins', 'max'), 'tR)R.'],
  ['WM-PICKLE-022', 'high', callOf('xgboost.core', 'Booster')],
  ['WM-PICKLE-012', 'medium', PROTO2, 'Pfile:///etc/passwd\n.'],
  ['WM-PICKLE-013', 'high', PROTO2, ']q\0', '(h\0h\0lq\0'.repeat(40), '.'],
  ['WM-PICKLE-014', 'high', PROTO2, 'Nr\xff\xff\xff\x7f.'],
  ['WM-PICKLE-014', 'high', PROTO2, global('builtins', 'bytearray'), '\x8a\x06\0\0\0\0\0\x10\x85R.'],
  ['WM-PICKLE-015', 'medium', PROTO2, '}\xff'],
  ['WM-PICKLE-016', 'info', PROTO2, '}.', PROTO2, '}.'],
  ['WM-PICKLE-017', 'low', PROTO2, '}.\0\0\0'],
  ['WM-PICKLE-018', 'high', BIG(OS)],
  ['WM-PICKLE-018', 'high', PROTO4, text(OS.toString('base64')), '.'],
  ['WM-PICKLE-018', 'high', PROTO4, text(OS.toString('hex')), '.'],
  ['WM-PICKLE-018', 'high', PROTO4, text(deflateSync(OS).toString('base64')), '.'],
  ['WM-PICKLE-018', 'high', PROTO2, '}.', '\0\0\0\0', OS],
  ['WM-PICKLE-020', 'high', callOf('cloudpickle.cloudpickle', '_make_function')],
];

for (const [rule, severity, ...parts] of RULES) {
  test(`${rule} at ${severity}: ${JSON.stringify(
    bytesOf(...parts)
      .toString('latin1')
      .slice(0, 40),
  )}`, async () => {
    const result = await scan('model.pkl', bytesOf(...parts));
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('WM-PICKLE-019: array data that a plain unpickler would run', async () => {
  const dtype = [global('numpy', 'dtype'), text('u1'), '\x89\x88\x87R'];
  const wrapper = [
    global('joblib.numpy_pickle', 'NumpyArrayWrapper'),
    ')\x81}(',
    text('shape'),
    'K\x28\x85',
    text('dtype'),
    ...dtype,
    'ub',
  ];
  const result = await scan(
    'model.joblib',
    bytesOf(
      PROTO4,
      ...wrapper,
      bytesOf(global('posix', 'system'), text('true'), '\x85R.', new Uint8Array(40)).subarray(0, 40),
      '.',
    ),
  );
  assert.ok(fired(result, 'WM-PICKLE-019', 'high'), told(result));
});

test('WM-PICKLE-021: an array of objects is as bad as its pickle', async () => {
  assert.ok(fired(await scan('a.npy', npy('|O', OS)), 'WM-PICKLE-021', 'high'));
  const harmless = await scan('a.npy', npy('|O', bytesOf(PROTO2, '}.')));
  assert.ok(fired(harmless, 'WM-PICKLE-021', 'low') && harmless.verdict === 'pass', told(harmless));
  assert.deepEqual((await scan('a.npy', npy('<f4', new Uint8Array(4)))).findings, []);
});

test('the payload is found under any name, in any wrapper', async () => {
  for (const name of ['model.pkl', 'model', 'model.bin', 'data.txt', 'weights.safetensors', 'model.onnx', 'model.h5']) {
    assert.equal((await scan(name, OS)).verdict, 'block', name);
  }
  assert.equal((await scan('model.joblib', gzipSync(OS))).verdict, 'block');
  assert.equal((await scan('model.joblib', gzipSync(gzipSync(OS)))).verdict, 'block');
  assert.equal((await scan('model.pt', torchZip(OS))).verdict, 'block');
});

test('a PyTorch archive inside a pickle is examined too', async () => {
  const load = bytesOf(
    PROTO2,
    global('torch.storage', '_load_from_bytes'),
    'B',
    Uint8Array.of(...sized(torchZip(OS))),
    torchZip(OS),
    '\x85R.',
  );
  assert.ok(fired(await scan('model.pkl', load), 'WM-PICKLE-018', 'high'), told(await scan('model.pkl', load)));
  const honest = bytesOf(
    PROTO2,
    global('torch.storage', '_load_from_bytes'),
    'B',
    Uint8Array.of(...sized(torchZip())),
    torchZip(),
    '\x85R.',
  );
  const result = await scan('model.pkl', honest);
  assert.equal(result.verdict, 'pass', told(result));
});

test('names on an allow list count only by their exact name', async () => {
  assert.equal((await scan('a.pkl', callOf('collections', 'OrderedDict'))).verdict, 'pass');
  assert.equal((await scan('a.pkl', callOf('sklearn.linear_model._logistic', 'LogisticRegression'))).verdict, 'pass');
  assert.notEqual((await scan('a.pkl', callOf('collections', 'OrderedDictX'))).verdict, 'pass');
  assert.equal((await scan('a.pkl', callOf('sklearn.datasets', 'fetch_openml'))).verdict, 'block');
  assert.equal((await scan('a.pkl', callOf('torch.hub', 'load'))).verdict, 'block');
});

test('an allowed name counts in a dangerous module too: PyTorch’s own list has one', async () => {
  assert.equal((await scan('a.pkl', callOf('torch.serialization', '_get_layout', 'torch.strided'))).verdict, 'pass');
  assert.equal((await scan('a.pkl', callOf('torch.serialization', 'load'))).verdict, 'block');
});

test('TorchScript names are allowed in a TorchScript archive only', async () => {
  const pickle = callOf('__torch__.model', 'Net');
  assert.notEqual((await scan('m.pkl', pickle)).verdict, 'pass');
  assert.equal(
    (await scan('m.pt', torchZip(pickle, [{ name: 'archive/constants.pkl', data: bytesOf(PROTO2, ').') }]))).verdict,
    'pass',
  );
});

test('whether PyTorch’s restricted unpickler takes it is said, with the reason', async () => {
  assert.deepEqual((await scan('m.pt', torchZip(STATE_DICT))).weightsOnly, { loads: true });
  const refused = (await scan('m.pkl', callOf('mypackage.models', 'Net'))).weightsOnly;
  assert.equal(refused?.loads, false);
  assert.match(refused?.because ?? '', /SHORT_BINUNICODE|mypackage/);
});
