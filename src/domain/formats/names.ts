import type { FileKind, FormatId } from './types.ts';

const BY_EXTENSION: Readonly<Record<string, FormatId>> = {
  safetensors: 'safetensors',
  gguf: 'gguf',
  onnx: 'onnx',
  ort: 'ort',
  pte: 'executorch',
  ptd: 'executorch-data',
  litertlm: 'litert-lm',
  cbm: 'catboost',
  skops: 'skops',
  pdiparams: 'paddle-params',
  pt: 'torch-zip',
  pth: 'torch-zip',
  ckpt: 'torch-zip',
  pt2: 'torch-export',
  distcp: 'torch-dcp',
  ptl: 'torchscript',
  jit: 'torchscript',
  pkl: 'pickle',
  pickle: 'pickle',
  dill: 'pickle',
  pk: 'pickle',
  cloudpickle: 'pickle',
  joblib: 'joblib',
  npy: 'npy',
  npz: 'npz',
  keras: 'keras-v3',
  h5: 'hdf5',
  hdf5: 'hdf5',
  tflite: 'tflite',
  lite: 'tflite',
  mlmodel: 'coreml',
  msgpack: 'msgpack',
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  arrow: 'arrow',
  feather: 'arrow',
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  gif: 'image',
  webp: 'image',
  bmp: 'image',
  tif: 'image',
  tiff: 'image',
  wav: 'audio',
  flac: 'audio',
  ogg: 'audio',
  opus: 'audio',
  mp3: 'audio',
  mp4: 'video',
  webm: 'video',
  zip: 'zip',
  whl: 'zip',
  mar: 'zip',
  jar: 'zip',
  tar: 'tar',
  nemo: 'tar',
  '7z': '7z',
  rar: 'rar',
  cab: 'cab',
  deb: 'ar',
  iso: 'iso',
  br: 'brotli',
  lz: 'lzip',
  rds: 'r-data',
  rda: 'r-data',
  rdata: 'r-data',
  gz: 'gzip',
  tgz: 'gzip',
  bz2: 'bzip2',
  xz: 'xz',
  lzma: 'lzma',
  zst: 'zstd',
  lz4: 'lz4',
  json: 'json',
  webmanifest: 'json',
  yaml: 'yaml',
  yml: 'yaml',
  md: 'markdown',
  html: 'html',
  htm: 'html',
  xml: 'xml',
  pmml: 'xml',
  txt: 'text',
  pdf: 'pdf',
  ipynb: 'notebook',
  py: 'python',
  pyx: 'python',
  jinja: 'jinja',
  jinja2: 'jinja',
  j2: 'jinja',
  so: 'executable',
  dll: 'executable',
  dylib: 'executable',
  exe: 'executable',
  ...Object.fromEntries(
    'sh bat ps1 js mjs ts r jl lua rb pl c cc cpp h hpp cu java go rs'
      .split(' ')
      .map((extension) => [extension, 'script' as const]),
  ),
};

/** What a name promises. `saved_model.pb` is a name of its own; other `.pb` and `.bin` promise nothing certain. */
export function formatOfName(path: string): FormatId | undefined {
  const name = baseName(path);
  if (name === 'saved_model.pb') return 'saved-model';
  if (/\.data-\d{5}-of-\d{5}$/.test(name)) return 'raw-weights';
  if (name.endsWith('.safetensors.index.json')) return 'safetensors-index';
  if (name.endsWith('weights_manifest.json')) return 'weights-manifest';
  const dot = name.lastIndexOf('.');
  const extension = dot < 0 ? '' : name.slice(dot + 1);
  return Object.hasOwn(BY_EXTENSION, extension) ? BY_EXTENSION[extension] : undefined;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).toLowerCase();
}

/** Text that its bytes alone do not tell apart: the name says which. */
export const TEXT_FORMATS: ReadonlySet<FormatId> = new Set([
  'csv',
  'tsv',
  'jsonl',
  'json',
  'yaml',
  'markdown',
  'html',
  'xml',
  'text',
  'notebook',
  'python',
  'script',
  'jinja',
  'safetensors-index',
  'weights-manifest',
  'openvino',
  'lightgbm',
]);

const KINDS: Readonly<Record<FileKind, readonly FormatId[]>> = {
  weights: [
    'safetensors',
    'gguf',
    'onnx',
    'torch-zip',
    'torchscript',
    'torch-legacy',
    'torch-export',
    'torch-dcp',
    'pickle',
    'joblib',
    'npy',
    'npz',
    'keras-v3',
    'hdf5',
    'tflite',
    'saved-model',
    'tf-graph',
    'coreml',
    'msgpack',
    'raw-weights',
    'r-data',
    'coreml-weights',
    'ort',
    'executorch',
    'executorch-data',
    'litert-lm',
    'mediapipe-task',
    'openvino',
    'ctranslate2',
    'fasttext',
    'word2vec',
    'xgboost',
    'lightgbm',
    'catboost',
    'skops',
    'paddle-params',
    'tf-checkpoint',
    'zarr',
    'ocdbt',
    'tensorrt-engine',
    'llamafile',
    'nemo',
    'tesseract',
  ],
  dataset: [
    'csv',
    'tsv',
    'jsonl',
    'parquet',
    'arrow',
    'arrow-stream',
    'image',
    'audio',
    'video',
    'sqlite',
    'matlab',
    'stata',
    'spss',
    'netcdf',
  ],
  config: [
    'safetensors-index',
    'torch-dcp-index',
    'keras-index',
    'orbax',
    'paddle',
    'weights-manifest',
    'spacy',
    'json',
    'yaml',
    'xml',
  ],
  tokenizer: ['sentencepiece'],
  document: ['markdown', 'html', 'text', 'pdf'],
  code: ['python', 'script', 'notebook', 'jinja', 'executable', 'marshal'],
  archive: [
    'zip',
    'tar',
    'gzip',
    'bzip2',
    'xz',
    'lzma',
    'zlib',
    'zstd',
    'lz4',
    '7z',
    'rar',
    'cab',
    'ar',
    'iso',
    'compress',
    'lzip',
    'brotli',
  ],
  other: ['lfs-pointer', 'empty', 'unknown'],
};

const KIND_OF: ReadonlyMap<FormatId, FileKind> = new Map(
  (Object.entries(KINDS) as [FileKind, readonly FormatId[]][])
    .toReversed()
    .flatMap(([kind, formats]) => formats.map((format) => [format, kind] as const)),
);

const TOKENIZER_NAMES = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'special_tokens_map.json',
  'added_tokens.json',
  'tokenizer.model',
  'spiece.model',
  'sentencepiece.bpe.model',
  'chat_template.jinja',
  'chat_template.json',
  'spm.model',
]);

/** Every format there is a name for, weights first. */
export const FORMATS: readonly FormatId[] = Object.values(KINDS).flat();

export function isOfKind(format: FormatId, kind: FileKind): boolean {
  return KINDS[kind].includes(format);
}

/** What a file is for, by its format and, where the format leaves it open, by its name. */
export function kindOf(format: FormatId, path: string): FileKind {
  if (TOKENIZER_NAMES.has(baseName(path)) && !KINDS.weights.includes(format)) return 'tokenizer';
  if (format === 'text' && /^requirements.*\.txt$|\.(lock|toml|ini|cfg|conf|properties)$/.test(baseName(path)))
    return 'config';
  return KIND_OF.get(format) ?? 'other';
}
