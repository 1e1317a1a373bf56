import type { FolderItem } from '../ports/files.ts';

/**
 * What the names in a folder say it is, before any file is opened. `whole`: one artifact with everything below it;
 * `model`, `dataset`: one artifact, but artifacts below it that have landmarks of their own are theirs; `objects`: a cache of
 * DVC or wandb, whose files are named by digest alone.
 */
export type Landmark =
  | 'hub-repository'
  | 'manifests'
  | 'mlflow-version'
  | 'objects'
  | 'triton'
  | 'skill'
  | 'plug-in'
  | 'whole'
  | 'model'
  | 'dataset'
  | 'plain';

/** `models--ORG--NAME` of the Hugging Face cache, `ORG--NAME` of ModelScope's. */
const HUB_REPOSITORY = /^[^-].*--./;
/** These say what the folder is, whatever else lies in it. */
const WHOLE = new Set(['MLmodel', 'model_index.json', 'saved_model.pb', 'model.sig']);
const MODEL = new Set(['adapter_config.json']);
const DATASET = new Set([
  'dataset_info.json',
  'dataset_infos.json',
  'dataset_dict.json',
  'croissant.json',
  'datapackage.json',
]);
/** These say it only beside weights: projects of every kind have such files. */
const BESIDE_WEIGHTS =
  /^(?:config\.json|tokenizer(?:_config)?\.json|preprocessor_config\.json|params\.json|.+\.index\.json|generation_config\.json|config\.yaml)$/;
/** Where converters put weights below a model's own folder. */
const WEIGHTS_BELOW = new Set(['onnx', 'openvino', 'coreml']);

/** Names that promise weights. */
const WEIGHTS =
  /\.(?:safetensors|gguf|ggml|llamafile|onnx|ort|pth?|ckpt|keras|tflite|litertlm|mar|skops|nemo|pdparams|pdiparams|pte|mlmodel|engine|cbm|ubj)$|^(?:pytorch_model|adapter_model|model|consolidated|ggml)[^/]*\.bin$|^(?:flax_model|tf_model)[^/]*\.(?:msgpack|h5)$/i;
/** Names that may: the file's first bytes tell. */
const PERHAPS = /\.(?:bin|h5|hdf5|pkl|pickle|joblib|pb|msgpack)$/i;
const RECORDS = /\.(?:parquet|arrow|tfrecords?)$/i;

export function isWeightsName(name: string): boolean {
  return WEIGHTS.test(name);
}

export function mayBeWeights(name: string): boolean {
  return !WEIGHTS.test(name) && PERHAPS.test(name);
}

export function isRecordsName(name: string): boolean {
  return RECORDS.test(name);
}

/** @param folder the folder's own name. */
export function landmarkOf(folder: string, items: readonly FolderItem[]): Landmark {
  const names = new Set(items.map(({ name }) => name));
  const has = (set: ReadonlySet<string>): boolean => items.some(({ name }) => set.has(name));
  const folders = new Set(items.filter(({ kind }) => kind === 'directory').map(({ name }) => name));
  if (HUB_REPOSITORY.test(folder) && folders.has('snapshots')) return 'hub-repository';
  if (folders.has('manifests') && folders.has('blobs')) return 'manifests';
  if (/^version-\d+$/.test(folder) && names.has('meta.yaml')) return 'mlflow-version';
  if (folder === 'md5' && items.length > 0 && items.every(({ name }) => /^[0-9a-f]{2}$/.test(name))) return 'objects';
  if (names.has('config.pbtxt') && [...folders].some((name) => /^\d+$/.test(name))) return 'triton';
  if (names.has('SKILL.md')) return 'skill';
  if (folders.has('.claude-plugin')) return 'plug-in';
  if (/\.(?:mlpackage|mlmodelc)$/.test(folder)) return 'whole';
  if (has(WHOLE) || folders.has('.weighmark') || items.some(({ name }) => name.endsWith('.oms.sig'))) return 'whole';
  if (names.has('modules.json') && [...folders].some((name) => /^\d+_[A-Z]/.test(name))) return 'whole';
  if (has(MODEL)) return 'model';
  const beside = items.some(({ name }) => BESIDE_WEIGHTS.test(name));
  const weights = items.some(({ name, kind }) => kind === 'file' && (isWeightsName(name) || mayBeWeights(name)));
  const below = [...folders].some((name) => WEIGHTS_BELOW.has(name)) && names.has('config.json');
  if (beside && (weights || below)) return 'model';
  return has(DATASET) ? 'dataset' : 'plain';
}

/** What was fetched in part, and waits to be continued: `.NAME.<key>.<random>.part`. */
const STAGED = /^\..+\.[0-9a-z]+\.[0-9a-f]{24}\.part$/;

/** Version control, caches and sidecars: nothing in them is an artifact of its own. */
export function isPassedOver(name: string): boolean {
  return (
    ['.git', '.hg', '.svn', '.dvc', '__pycache__', '.weighmark', '.ipynb_checkpoints'].includes(name) ||
    name.endsWith('.weighmark') ||
    STAGED.test(name)
  );
}

const SHARD = /^(.*?)[-_.](?:\d{3,6})-of-\d{3,6}(\..+)$/;

/** Files of a folder that are one model each: the shards of one are together. */
export function groupShards(names: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<string, string[]>();
  for (const name of names) {
    const key = name.replace(SHARD, '$1$2');
    groups.set(key, [...(groups.get(key) ?? []), name]);
  }
  return [...groups.values()];
}
