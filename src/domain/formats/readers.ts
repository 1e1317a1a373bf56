import { readArrow, readArrowStream } from './arrow.ts';
import { readGguf } from './gguf.ts';
import { readHdf5 } from './hdf5.ts';
import { readJsonFile } from './json-file.ts';
import { readLfsPointer } from './lfs.ts';
import { readAudio, readImage } from './media.ts';
import { readMsgpack } from './msgpack.ts';
import { readNpy } from './numpy.ts';
import { readOnnx } from './onnx.ts';
import { readParquet } from './parquet.ts';
import { readPickleFile } from './pickle-file.ts';
import { readSafetensors } from './safetensors.ts';
import { readSavedModel, readTensorflowGraph } from './saved-model.ts';
import { readJsonLines, readTable } from './table.ts';
import { readTflite } from './tflite.ts';
import { readTorchLegacy } from './torch.ts';
import type { FormatId, Reader } from './types.ts';
import { wrappedReader } from './wrapped.ts';
import { readZipFile } from './zip-file.ts';

type Readers = Readonly<Partial<Record<FormatId, Reader>>>;

/** Loaded when there is such a file: most artifacts have one or two formats, and every command pays for its start. */
function later(load: () => Promise<Reader>): Reader {
  return async (file, options) => (await load())(file, options);
}

const PLAIN: Readers = {
  safetensors: readSafetensors,
  gguf: readGguf,
  onnx: readOnnx,
  zip: readZipFile,
  'torch-dcp': later(async () => (await import('./torch-dcp.ts')).readDistcp),
  'torch-legacy': readTorchLegacy,
  pickle: readPickleFile,
  npy: readNpy,
  hdf5: readHdf5,
  msgpack: readMsgpack,
  tflite: readTflite,
  'saved-model': readSavedModel,
  coreml: later(async () => (await import('./coreml.ts')).readCoreMl),
  'coreml-weights': later(async () => (await import('./coreml.ts')).readCoreMlWeights),
  ort: later(async () => (await import('./ort.ts')).readOrt),
  executorch: later(async () => (await import('./executorch.ts')).readExecutorch),
  'executorch-data': later(async () => (await import('./executorch.ts')).readExecutorchData),
  'litert-lm': later(async () => (await import('./litert-lm.ts')).readLiteRtLm),
  openvino: later(async () => (await import('./openvino.ts')).readOpenVino),
  ctranslate2: later(async () => (await import('./ctranslate2.ts')).readCtranslate2),
  fasttext: later(async () => (await import('./fasttext.ts')).readFastText),
  word2vec: later(async () => (await import('./word2vec.ts')).readWord2vec),
  xgboost: later(async () => (await import('./xgboost.ts')).readXgboostUbj),
  lightgbm: later(async () => (await import('./boosted.ts')).readLightGbm),
  catboost: later(async () => (await import('./boosted.ts')).readCatBoost),
  'paddle-params': later(async () => (await import('./paddle.ts')).readPaddleParams),
  'tf-checkpoint': later(async () => (await import('./tf-checkpoint.ts')).readTfCheckpoint),
  llamafile: later(async () => (await import('./packed-models.ts')).readLlamafile),
  'tf-graph': readTensorflowGraph,
  tar: later(async () => (await import('./tar-file.ts')).readTarFile),
  csv: readTable,
  tsv: readTable,
  jsonl: readJsonLines,
  parquet: readParquet,
  arrow: readArrow,
  'arrow-stream': readArrowStream,
  image: readImage,
  audio: readAudio,
  json: readJsonFile,
  'safetensors-index': readJsonFile,
  'weights-manifest': readJsonFile,
  notebook: readJsonFile,
  'lfs-pointer': readLfsPointer,
};

const plainReader = (format: FormatId): Reader | undefined => PLAIN[format];

/** The reader of each format that has structure worth reading; the others are only recognised. */
export const READERS: Readers = {
  ...PLAIN,
  gzip: wrappedReader('gzip', plainReader),
  zlib: wrappedReader('zlib', plainReader),
  zstd: wrappedReader('zstd', plainReader),
  bzip2: wrappedReader('bzip2', plainReader),
  xz: wrappedReader('xz', plainReader),
  lzma: wrappedReader('lzma', plainReader),
  lz4: wrappedReader('lz4', plainReader),
};
