import type { FileKind, FormatId } from '../../../src/domain/formats/types.ts';

/** A file under `fixtures/formats` that the library of its format wrote, and what is true of it. */
export interface Written {
  readonly path: string;
  /** Library and version that wrote it. */
  readonly writer: string;
  readonly format: FormatId;
  readonly kind: FileKind;
  readonly tensors?: number;
  /** As the library counts them; absent where no file can tell. */
  readonly parameters?: number;
  /** A tensor by name, and its first values: read from the place the reader gives. */
  readonly inPlace?: readonly [name: string, values: readonly number[]];
  /** The one rule the scan rightly reports. */
  readonly finding?: string;
}

const TORCH = 'torch 2.15.0';
const KERAS = 'keras 3.15.1';
const ORT = 'onnxruntime 1.32.0';
const ORBAX = 'orbax-checkpoint 0.12.8';
const EXECUTORCH = 'executorch 1.5.1';
const COREML = 'coreml/linear.mlpackage/Data/com.apple.CoreML';

export const WRITTEN: readonly Written[] = [
  {
    path: 'executorch/linear.pte',
    writer: EXECUTORCH,
    format: 'executorch',
    kind: 'weights',
    tensors: 2,
    parameters: 20,
    inPlace: ['@1', [-0.004322517663240433]],
  },
  { path: 'executorch/apart.pte', writer: EXECUTORCH, format: 'executorch', kind: 'weights', tensors: 2 },
  {
    path: 'executorch/apart.ptd',
    writer: EXECUTORCH,
    format: 'executorch-data',
    kind: 'weights',
    tensors: 2,
    parameters: 20,
    inPlace: ['weight', [-0.004322517663240433]],
  },
  { path: 'executorch/xnnpack.pte', writer: EXECUTORCH, format: 'executorch', kind: 'weights', tensors: 0 },
  {
    path: 'torch/dcp/__0_0.distcp',
    writer: TORCH,
    format: 'torch-dcp',
    kind: 'weights',
    tensors: 3,
    inPlace: ['@4415', [1, 1, 1]],
  },
  { path: 'torch/dcp/.metadata', writer: TORCH, format: 'torch-dcp-index', kind: 'config', tensors: 3, parameters: 20 },
  {
    path: 'torch/linear.pt2',
    writer: TORCH,
    format: 'torch-export',
    kind: 'weights',
    tensors: 2,
    parameters: 20,
    inPlace: ['weight', [-0.004322517663240433]],
  },
  { path: 'torch/linear.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 20 },
  { path: 'torch/optimizer.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 6 },
  { path: 'torch/float4.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 138 },
  { path: 'torch/quint4x2.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 1, parameters: 32 },
  { path: 'torch/complex32.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 10 },
  { path: 'keras/bfloat16.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 2, parameters: 144 },
  { path: 'keras/int4.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 5 },
  { path: 'keras/float8.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 8 },
  { path: 'keras/sharded.weights.json', writer: KERAS, format: 'keras-index', kind: 'config' },
  {
    path: 'keras/sharded_00000.weights.h5',
    writer: KERAS,
    format: 'hdf5',
    kind: 'weights',
    tensors: 1,
    parameters: 128,
  },
  {
    path: 'onnxruntime/linear.ort',
    writer: ORT,
    format: 'ort',
    kind: 'weights',
    tensors: 1,
    parameters: 15,
    inPlace: ['weight', [1, 1, 1]],
  },
  {
    path: 'onnxruntime/external.onnx',
    writer: 'onnx 1.23.2',
    format: 'onnx',
    kind: 'weights',
    tensors: 1,
    parameters: 15,
  },
  {
    path: 'onnxruntime/float6.onnx',
    writer: 'onnx 1.23.2',
    format: 'onnx',
    kind: 'weights',
    tensors: 2,
    parameters: 69,
  },
  { path: 'trees/xgboost.ubj', writer: 'xgboost 3.2.0', format: 'xgboost', kind: 'weights' },
  { path: 'trees/xgboost.json', writer: 'xgboost 3.2.0', format: 'xgboost', kind: 'weights' },
  { path: 'trees/lightgbm.txt', writer: 'lightgbm 4.7.0', format: 'lightgbm', kind: 'weights' },
  { path: 'trees/catboost.cbm', writer: 'catboost 1.2.10', format: 'catboost', kind: 'weights' },
  { path: 'trees/logistic.skops', writer: 'skops 0.16.0', format: 'skops', kind: 'weights', tensors: 4 },
  { path: 'small/big-endian.gguf', writer: 'gguf 0.19.0', format: 'gguf', kind: 'weights', tensors: 1, parameters: 64 },
  {
    path: 'small/arrays.npz',
    writer: 'numpy 2.4.6',
    format: 'npz',
    kind: 'weights',
    tensors: 2,
    parameters: 6,
    inPlace: ['w', [1, 1, 1]],
  },
  {
    path: 'mlx/null-metadata.safetensors',
    writer: 'mlx 0.32.4',
    format: 'safetensors',
    kind: 'weights',
    tensors: 1,
    parameters: 32,
    inPlace: ['a', [1, 1]],
  },
  { path: `${COREML}/model.mlmodel`, writer: 'coremltools 9.0', format: 'coreml', kind: 'weights' },
  {
    path: `${COREML}/weights/weight.bin`,
    writer: 'coremltools 9.0',
    format: 'coreml-weights',
    kind: 'weights',
    tensors: 2,
    parameters: 310,
  },
  {
    path: 'openvino/linear.xml',
    writer: 'openvino 2026.4.1',
    format: 'openvino',
    kind: 'weights',
    tensors: 1,
    parameters: 15,
  },
  {
    path: 'ctranslate2/model.bin',
    writer: 'ctranslate2 4.8.5',
    format: 'ctranslate2',
    kind: 'weights',
    tensors: 40,
    parameters: 116,
    inPlace: ['decoder/embeddings/weight', [1, 1, 1, 1]],
  },
  { path: 'ctranslate2/vocabulary.json', writer: 'ctranslate2 4.8.5', format: 'json', kind: 'config' },
  {
    path: 'orbax/float8.msgpack',
    writer: 'flax 0.12.8',
    format: 'msgpack',
    kind: 'weights',
    tensors: 2,
    parameters: 37,
  },
  { path: 'orbax/ocdbt/_METADATA', writer: ORBAX, format: 'orbax', kind: 'config', tensors: 2 },
  { path: 'orbax/ocdbt/manifest.ocdbt', writer: ORBAX, format: 'ocdbt', kind: 'weights' },
  { path: 'orbax/zarr2/params.w/.zarray', writer: ORBAX, format: 'zarr', kind: 'weights', tensors: 1, parameters: 32 },
  { path: 'orbax/zarr3/params.b/zarr.json', writer: ORBAX, format: 'zarr', kind: 'weights', tensors: 1, parameters: 5 },
  { path: 'orbax/zarr3/step/zarr.json', writer: ORBAX, format: 'zarr', kind: 'weights', tensors: 1, parameters: 0 },
  {
    path: 'litertlm/bundle.litertlm',
    writer: 'litert-lm-builder 0.18.1',
    format: 'litert-lm',
    kind: 'weights',
    tensors: 1,
    parameters: 8,
    finding: 'WM-TFLITE-001',
  },
];
