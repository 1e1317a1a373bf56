import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { Severity } from '../../../src/domain/scan/index.ts';
import { bytesOf, PROTO2 } from '../formats/pickle/assemble.ts';
import { field, fired, gguf, onnx, safetensors, scan, told, zip } from './build.ts';

const A = { dtype: 'F32', shape: [4], data_offsets: [0, 16] };
const DENSE = { module: 'keras.layers', class_name: 'Dense', config: { name: 'd', units: 2 }, registered_name: null };
const keras = (...layers: object[]) =>
  zip([
    { name: 'metadata.json', data: '{"keras_version": "3.8.0"}' },
    {
      name: 'config.json',
      data: JSON.stringify({
        module: 'keras',
        class_name: 'Sequential',
        config: { name: 's', layers: [DENSE, ...layers] },
        registered_name: null,
      }),
    },
  ]);
const layer = (
  class_name: string,
  config: object,
  module: string | null = 'keras.layers',
  registered_name: string | null = null,
) => keras({ module, class_name, config, registered_name });
const external = (location: string) =>
  field(
    5,
    Buffer.concat([
      field(8, 'w'),
      field(1, 4),
      field(2, 1),
      field(13, Buffer.concat([field(1, 'location'), field(2, location)])),
      field(14, 1),
    ]),
  );
const node = (operator: string, domain = '') =>
  field(1, Buffer.concat([field(2, 'y'), field(4, operator), ...(domain === '' ? [] : [field(7, domain)])]));
const savedModel = (operator: string, inLibrary = false) => {
  const made = Buffer.concat([field(1, 'n'), field(2, operator)]);
  const graph = inLibrary
    ? field(2, field(1, Buffer.concat([field(1, field(1, 'f')), field(3, made)])))
    : field(1, made);
  return Buffer.concat([
    field(1, 1),
    field(
      2,
      Buffer.concat([
        field(1, field(4, 'serve')),
        field(2, Buffer.concat([field(1, Buffer.concat([field(1, 'c'), field(2, 'Const')])), graph])),
      ]),
    ),
  ]);
};
/** The magic of TensorFlow Lite and an operator's name as a FlatBuffer holds it; the table around it is cut away. */
const flex = (name: string) =>
  Buffer.concat([
    Buffer.from('1c00000054464c33', 'hex'),
    Buffer.alloc(40),
    Buffer.from([name.length, 0, 0, 0]),
    Buffer.from(name),
    Buffer.alloc(20),
  ]);
const skops = (value: object) => zip([{ name: 'schema.json', data: JSON.stringify(value) }]);
const script = (code: string) =>
  zip([
    { name: 'm/data.pkl', data: bytesOf(PROTO2, '}.') },
    { name: 'm/constants.pkl', data: bytesOf(PROTO2, ').') },
    { name: 'm/code/__torch__/net.py', data: code },
  ]);
/** Files of h5py 3 with an external link, and with external storage. */
const LINKED = inflateSync(
  Buffer.from(
    'eNrr9HBx4+WS4mIAAQ4OBhYGAQZk8B8KCphR+TD5BCjNCKU7oPQKJpg4C1hOAiouADVfAWpeAFQ8JMjVFdl8dHtGwcgGHq6O4KQSAeVzQOkTTKjqYOkwgEr2MsFTLvaUyQV0CSOSejaoekYOB8ZyYFLXTy1J1i9ILC4uT2HQr2BgAABa4j36',
    'base64',
  ),
);
const STORED = inflateSync(
  Buffer.from(
    'eNrr9HBx4+WS4mIAAQ4OBhYGAQZk8B8KTgii8mHyCVCaEUp3QOkVTDBxRrCcBFRcEGo+urqQIFdXkOr/aABmzwNWCM3BMApGIvBwdQwA0RFQPiyVnmBCVZeTWJlaVIxIjx4U2osr/XowQ/gZrMSl3xeco+l3NP1ipt8OVlR1Kal5xakM1Eu/wX7+LqAUDEt3Csyo5TV6Oh4FpJUDAewQfgEnceXAB97RcmC0HMAsByZwoqorSwTVYrQrBzTYUcsB9HQ8CkgrByK4IfwKXuLKgQaB0XJgtBzALAdm8KKqM0DrX1G7HDDgRjUfPR2PAlzlABskzBhhfEiJwMgIEeCCqoPRzMAYZoTGMyNSzmcF0iA+ExMTWJidQQPMZ4SWNR44ygmYuRxQe5kZYSUMF5rKBLqmZwm09JqBOpzAoJ9akqyfkV9ckpeYm4olPVrwj6YtcgAAo+6JkQ==',
    'base64',
  ),
);
/** HDF5 text only: the configuration is found wherever it lies. */
const hdf5Text = (config: object) =>
  Buffer.concat([
    Buffer.from('894844460d0a1a0a', 'hex'),
    Buffer.alloc(200),
    Buffer.from(JSON.stringify(config)),
    Buffer.alloc(50),
  ]);

const CASES: readonly (readonly [rule: string, severity: Severity, name: string, bytes: Uint8Array | string])[] = [
  [
    'WM-SAFETENSORS-001',
    'medium',
    'overlap.safetensors',
    safetensors({ a: A, b: { ...A, data_offsets: [8, 24] } }, new Uint8Array(24)),
  ],
  [
    'WM-SAFETENSORS-001',
    'medium',
    'hole.safetensors',
    safetensors({ a: A, b: { ...A, data_offsets: [32, 48] } }, new Uint8Array(48)),
  ],
  ['WM-SAFETENSORS-001', 'medium', 'trailing.safetensors', safetensors({ a: A }, new Uint8Array(64))],
  [
    'WM-SAFETENSORS-001',
    'medium',
    'twice.safetensors',
    safetensors(`{"a":${JSON.stringify(A)},"a":${JSON.stringify(A)}}`),
  ],
  [
    'WM-SAFETENSORS-001',
    'medium',
    'huge.safetensors',
    Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), Buffer.from('{}')]),
  ],
  [
    'WM-SAFETENSORS-002',
    'medium',
    'code.safetensors',
    safetensors({ __metadata__: { x: "__import__('os').system('true')" }, a: A }),
  ],
  [
    'WM-KERAS-001',
    'critical',
    'lambda.keras',
    layer('Lambda', { name: 'l', function: { class_name: '__lambda__', config: { code: '4wEAAAA=' } } }),
  ],
  [
    'WM-KERAS-001',
    'critical',
    'lambda.h5',
    hdf5Text({
      class_name: 'Sequential',
      config: {
        layers: [{ class_name: 'Lambda', config: { function: ['4wEAAAA=', null, null], function_type: 'lambda' } }],
      },
    }),
  ],
  [
    'WM-KERAS-001',
    'critical',
    'keras_metadata.pb',
    Buffer.concat([
      Buffer.from('0a05', 'hex'),
      Buffer.from(
        JSON.stringify({
          class_name: 'Lambda',
          config: { function: ['4wEAAAA=', null, null], function_type: 'lambda' },
        }),
      ),
    ]),
  ],
  ['WM-KERAS-002', 'high', 'cve-2025-1550.keras', layer('run', { args: ['true'] }, 'subprocess')],
  [
    'WM-KERAS-002',
    'high',
    'cve-2025-9906.keras',
    keras({ module: 'keras.layers', class_name: 'Dense', config: {}, safe_mode: false }),
  ],
  [
    'WM-KERAS-003',
    'high',
    'cve-2025-8747.keras',
    keras({ module: 'keras.utils', class_name: 'function', config: 'get_file', registered_name: 'get_file' }),
  ],
  ['WM-KERAS-003', 'high', 'tfsm.keras', layer('TFSMLayer', { filepath: '/tmp/other' })],
  ['WM-KERAS-004', 'high', 'cve-2025-12058.keras', layer('StringLookup', { vocabulary: '/etc/passwd' })],
  ['WM-KERAS-005', 'medium', 'custom.keras', layer('MyLayer', {}, null, 'mine>MyLayer')],
  ['WM-HDF5-001', 'high', 'linked.h5', LINKED],
  ['WM-HDF5-001', 'high', 'stored.h5', STORED],
  [
    'WM-HDF5-001',
    'high',
    'cve-2026-1669.keras',
    zip([
      { name: 'metadata.json', data: '{}' },
      { name: 'config.json', data: '{}' },
      { name: 'model.weights.h5', data: STORED },
    ]),
  ],
  ['WM-TFLITE-001', 'medium', 'flex.tflite', flex('FlexErf')],
  ['WM-TF-001', 'high', 'flex.tflite', flex('FlexReadFile')],
  ['WM-TF-001', 'high', 'saved_model.pb', savedModel('ReadFile')],
  ['WM-TF-001', 'high', 'saved_model.pb', savedModel('PyFunc', true)],
  ['WM-TF-002', 'medium', 'saved_model.pb', savedModel('Acme>Op')],
  [
    'WM-TORCH-001',
    'high',
    'script.pt',
    script('def forward(self):\n  return torch.from_file("/etc/passwd", True, 10)\n'),
  ],
  ['WM-TORCH-001', 'medium', 'script.pt', script('def forward(self, x):\n  return ops.acme.evil(x)\n')],
  [
    'WM-TORCH-002',
    'medium',
    'package.pt',
    zip([
      { name: 'm/.data/extern_modules', data: 'os\n' },
      { name: 'm/evil.py', data: 'import os\n' },
    ]),
  ],
  ['WM-ONNX-001', 'high', 'traversal.onnx', onnx(node('Relu'), external('../../etc/passwd'))],
  ['WM-ONNX-001', 'high', 'absolute.onnx', onnx(node('Relu'), external('/etc/passwd'))],
  ['WM-ONNX-001', 'high', 'inside.onnx', onnx(node('Relu'), external('junk/../../x'))],
  ['WM-ONNX-002', 'medium', 'custom.onnx', onnx(node('Evil', 'com.evil'))],
  ['WM-ONNX-002', 'high', 'pyop.onnx', onnx(node('PyOp', 'ai.onnx.contrib'))],
  [
    'WM-GGUF-001',
    'medium',
    'twice.gguf',
    gguf([
      ['general.name', 'a'],
      ['general.name', 'b'],
    ]),
  ],
  ['WM-GGUF-001', 'medium', 'cut.gguf', gguf([['general.name', 'abcdef']]).subarray(0, -3)],
  ['WM-SKOPS-001', 'high', 'evil.skops', skops({ __class__: 'system', __module__: 'os', __loader__: 'FunctionNode' })],
  [
    'WM-SKOPS-001',
    'high',
    'cve-2025-54412.skops',
    skops({ __class__: 'call', __module__: 'builtins', __loader__: 'OperatorFuncNode' }),
  ],
];

for (const [rule, severity, name, bytes] of CASES) {
  test(`${rule} at ${severity}: ${name}`, async () => {
    const result = await scan(name, bytes);
    assert.ok(fired(result, rule, severity), told(result));
  });
}

test('honest files of each format have no finding above low', async () => {
  const honest: Record<string, Uint8Array> = {
    'ok.safetensors': safetensors({ __metadata__: { format: 'pt' }, a: A }),
    'ok.keras': layer('StringLookup', { vocabulary: ['a', 'b'] }),
    'ok.onnx': onnx(node('Relu'), node('FusedMatMul', 'com.microsoft'), external('weights.bin')),
    'saved_model.pb': savedModel('RestoreV2'),
    'ok.pt': script('def forward(self, x: Tensor) -> Tensor:\n  return torch.relu(x)\n'),
    'ok.skops': skops({
      __class__: 'LogisticRegression',
      __module__: 'sklearn.linear_model._logistic',
      __loader__: 'ObjectNode',
    }),
  };
  for (const [name, bytes] of Object.entries(honest)) assert.equal((await scan(name, bytes)).verdict, 'pass', name);
});
