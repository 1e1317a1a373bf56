import type { FormatId } from '../formats/types.ts';
import { judgeArrow } from './formats/arrow.ts';
import { judgeClosed } from './formats/closed.ts';
import { judgeEngine } from './formats/engine.ts';
import { judgeGguf } from './formats/gguf.ts';
import { judgeHdf5 } from './formats/hdf5.ts';
import type { Judge } from './formats/judge.ts';
import { judgePointer } from './formats/lfs.ts';
import { judgeMarshal } from './formats/marshal.ts';
import { judgeNpy } from './formats/numpy.ts';
import { judgeLiteRtLm } from './formats/litert-lm.ts';
import { judgeOnnx } from './formats/onnx.ts';
import { judgeParquet } from './formats/parquet.ts';
import { judgePickleFile } from './formats/pickle-file.ts';
import { judgeRData } from './formats/r-data.ts';
import { judgeSafetensors } from './formats/safetensors.ts';
import { judgeSavedModel, judgeTensorflowGraph } from './formats/saved-model.ts';
import { judgeStructure } from './formats/structure.ts';
import { judgeTarFile } from './formats/tar-file.ts';
import { judgeExecutable, judgeScript, judgeTextFile } from './formats/text.ts';
import { judgeTflite } from './formats/tflite.ts';
import { judgeDistcp } from './formats/torch-dcp.ts';
import { judgeTorchLegacy } from './formats/torch.ts';
import { judgeWrapped } from './formats/wrapped.ts';
import { judgeZipFile } from './formats/zip-file.ts';

/** The judge of each format whose content is looked into; its reader, if it has one, is in `formats/readers.ts`. */
export const JUDGES: Readonly<Partial<Record<FormatId, Judge>>> = {
  safetensors: judgeSafetensors,
  gguf: judgeGguf,
  onnx: judgeOnnx,
  zip: judgeZipFile,
  'torch-legacy': judgeTorchLegacy,
  pickle: judgePickleFile,
  joblib: judgePickleFile,
  npy: judgeNpy,
  hdf5: judgeHdf5,
  msgpack: judgeStructure,
  tflite: judgeTflite,
  'saved-model': judgeSavedModel,
  'tf-graph': judgeTensorflowGraph,
  'torch-dcp': judgeDistcp,
  'litert-lm': judgeLiteRtLm,
  coreml: judgeStructure,
  'coreml-weights': judgeStructure,
  ort: judgeStructure,
  executorch: judgeStructure,
  'executorch-data': judgeStructure,
  ctranslate2: judgeStructure,
  fasttext: judgeStructure,
  word2vec: judgeStructure,
  xgboost: judgeStructure,
  catboost: judgeStructure,
  'paddle-params': judgeStructure,
  'tf-checkpoint': judgeStructure,
  llamafile: judgeStructure,
  openvino: judgeTextFile,
  lightgbm: judgeTextFile,
  tar: judgeTarFile,
  parquet: judgeParquet,
  arrow: judgeArrow,
  'arrow-stream': judgeArrow,
  image: judgeStructure,
  audio: judgeStructure,
  'r-data': judgeRData,
  'lfs-pointer': judgePointer,
  executable: judgeExecutable,
  'tensorrt-engine': judgeEngine,
  marshal: judgeMarshal,
  script: judgeScript,
  csv: judgeTextFile,
  tsv: judgeTextFile,
  jsonl: judgeTextFile,
  json: judgeTextFile,
  yaml: judgeTextFile,
  markdown: judgeTextFile,
  html: judgeTextFile,
  xml: judgeTextFile,
  text: judgeTextFile,
  notebook: judgeTextFile,
  python: judgeTextFile,
  jinja: judgeTextFile,
  'safetensors-index': judgeTextFile,
  'weights-manifest': judgeTextFile,
  spacy: judgeTextFile,
  gzip: judgeWrapped,
  zlib: judgeWrapped,
  zstd: judgeWrapped,
  bzip2: judgeWrapped,
  xz: judgeWrapped,
  lzma: judgeWrapped,
  lz4: judgeWrapped,
  '7z': judgeClosed,
  rar: judgeClosed,
  cab: judgeClosed,
  ar: judgeClosed,
  iso: judgeClosed,
  compress: judgeClosed,
  lzip: judgeClosed,
  brotli: judgeClosed,
};
