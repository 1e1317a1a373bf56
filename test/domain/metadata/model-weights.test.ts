import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FormatId, FormatReport } from '../../../src/domain/formats/types.ts';
import { modelWeights } from '../../../src/domain/metadata/model-weights.ts';
import { weightSets } from '../../../src/domain/metadata/weights.ts';

type Told = readonly [format: FormatId, parameters?: number | undefined, more?: Partial<FormatReport>];

/** What `modelWeights` makes of files that count so: the count and the file it comes from; null where nothing is known. */
function countOf(files: Readonly<Record<string, Told>>): readonly [number | undefined, string] | null {
  const described = Object.entries(files).map(([path, [format, parameters, more]]) => ({
    path,
    sizeBytes: 1,
    digests: { sha256: '' },
    report: {
      format,
      kind: 'weights' as const,
      metadata: [],
      problems: [],
      complete: true,
      ...(parameters === undefined ? {} : { parameters }),
      ...more,
    },
  }));
  const model = modelWeights(weightSets(described as unknown as Parameters<typeof weightSets>[0]));
  return model === null ? null : [model.parameters, model.name];
}

const CORE_ML: Readonly<Record<string, Told>> = {
  'm/nmp.mlpackage/Data/com.apple.CoreML/model.mlmodel': ['coreml'],
  'm/nmp.mlpackage/Data/com.apple.CoreML/weights/weight.bin': ['coreml-weights', 36],
};
const graph = (floats: number): Told => [
  'saved-model',
  undefined,
  { operators: [{ name: 'Const', count: 4, custom: false }], unattributed: { F32: floats } },
];
const savedModel = (floats: number): Readonly<Record<string, Told>> => ({
  'm/nmp/saved_model.pb': graph(floats),
  'm/nmp/variables/variables.data-00000-of-00001': ['raw-weights'],
  'm/nmp/variables/variables.index': ['tf-checkpoint', 16],
});

test('copies of one model: those that tell agree, those that cannot change nothing', () => {
  const copies = { ...CORE_ML, ...savedModel(18), 'm/nmp.onnx': ['onnx', 35], 'm/nmp.tflite': ['tflite', 35] } as const;
  assert.deepEqual(countOf(copies), [35, 'm/nmp.onnx']);
  assert.equal(countOf({ ...copies, 'm/nmp.tflite': ['tflite', 34] }), null);
  assert.deepEqual(countOf({ 'yolo8.onnx': ['onnx', 7], 'yolo8.engine': ['tensorrt-engine'] }), [7, 'yolo8.onnx']);
  assert.deepEqual(countOf({ 'a.onnx': ['onnx', 7], 'a_openvino_model/a.xml': ['openvino'] }), [7, 'a.onnx']);
  assert.deepEqual(countOf({ 'model.onnx': ['onnx', 7], 'model_quantized.onnx': ['onnx'] }), [7, 'model.onnx']);
});

test('what is not counted and is no copy may be more of the model', () => {
  assert.equal(countOf({ 'encoder.onnx': ['onnx', 10], 'decoder.engine': ['tensorrt-engine'] }), null);
  assert.equal(countOf({ 'encoder.onnx': ['onnx', 10], 'decoder.onnx': ['onnx', 10] }), null);
  assert.equal(countOf({ 'a/model.onnx': ['onnx', 10], 'b/model.engine': ['tensorrt-engine'] }), null);
  assert.equal(
    countOf({ 'model.safetensors': ['safetensors', 10], '2_Dense/model.safetensors': ['safetensors', 2] }),
    null,
  );
});

test('a part of a copy is no count of it: constants of a graph, small ones in a Core ML program', () => {
  assert.deepEqual(countOf(savedModel(3)), [16, 'm/nmp/variables/variables.index']);
  assert.equal(countOf(savedModel(5))?.[0], undefined);
  assert.equal(countOf(CORE_ML)?.[0], undefined);
  assert.deepEqual(countOf({ 'v.index': ['tf-checkpoint', 6], 'v.data-00000-of-00001': ['raw-weights'] }), [
    6,
    'v.index',
  ]);
});

test('elements beside the graph that names them are no model of their own', () => {
  const references = [{ kind: 'external-data' as const, target: 'm.data' }];
  const graph: Told = ['onnx', 9, { references }];
  assert.deepEqual(countOf({ 'x/m.onnx': graph, 'x/m.data': ['raw-weights'] }), [9, 'x/m.onnx']);
  assert.equal(countOf({ 'x/m.onnx': graph, 'x/m.data': ['raw-weights'], 'x/other.data': ['raw-weights'] }), null);
});

test('what a loader takes comes first, with what training left beside it', () => {
  const trained = { 'training_args.bin': ['torch-zip'], 'optimizer.pt': ['torch-zip', 0] } as const;
  assert.deepEqual(countOf({ ...trained, 'pytorch_model.bin': ['torch-zip', 5] }), [5, 'pytorch_model.bin']);
  const both = { 'model.safetensors': ['safetensors', 5], 'pytorch_model.bin': ['torch-zip', 6] } as const;
  assert.deepEqual(countOf(both), [5, 'model.safetensors']);
  assert.deepEqual(countOf({ ...both, 'checkpoint-5/model.safetensors': ['safetensors', 5] }), [
    5,
    'model.safetensors',
  ]);
});
