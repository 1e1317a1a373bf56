import { readCatBoost, readLightGbm } from './boosted.ts';
import { readCoreMl, readCoreMlWeights } from './coreml.ts';
import { readCtranslate2 } from './ctranslate2.ts';
import { readFastText } from './fasttext.ts';
import { readLiteRtLm } from './litert-lm.ts';
import { readOpenVino } from './openvino.ts';
import { readOrt } from './ort.ts';
import { readPaddleParams } from './paddle.ts';
import { readTfCheckpoint } from './tf-checkpoint.ts';
import { readXgboostUbj } from './xgboost.ts';
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
import { readTarFile } from './tar-file.ts';
import { readTflite } from './tflite.ts';
import { readDistcp } from './torch-dcp.ts';
import { readTorchLegacy } from './torch.ts';
import type { FormatId, Reader } from './types.ts';
import { wrappedReader } from './wrapped.ts';
import { readLlamafile, readZipFile } from './zip-file.ts';

type Readers = Readonly<Partial<Record<FormatId, Reader>>>;

const PLAIN: Readers = {
  safetensors: readSafetensors,
  gguf: readGguf,
  onnx: readOnnx,
  zip: readZipFile,
  'torch-dcp': readDistcp,
  'torch-legacy': readTorchLegacy,
  pickle: readPickleFile,
  npy: readNpy,
  hdf5: readHdf5,
  msgpack: readMsgpack,
  tflite: readTflite,
  'saved-model': readSavedModel,
  coreml: readCoreMl,
  'coreml-weights': readCoreMlWeights,
  ort: readOrt,
  'litert-lm': readLiteRtLm,
  openvino: readOpenVino,
  ctranslate2: readCtranslate2,
  fasttext: readFastText,
  xgboost: readXgboostUbj,
  lightgbm: readLightGbm,
  catboost: readCatBoost,
  'paddle-params': readPaddleParams,
  'tf-checkpoint': readTfCheckpoint,
  llamafile: readLlamafile,
  'tf-graph': readTensorflowGraph,
  tar: readTarFile,
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
