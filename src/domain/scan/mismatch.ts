import { formatOfName, type FormatId, type NamedSource } from '../formats/index.ts';
import { isOfKind, TEXT_FORMATS } from '../formats/names.ts';
import { leaveOut, report, type Spot } from './session.ts';

const TORCH: readonly FormatId[] = ['torch-zip', 'torchscript', 'torch-legacy', 'torch-export', 'torch-dcp'];
const COMPRESSED: readonly FormatId[] = ['gzip', 'bzip2', 'xz', 'zstd'];
/** Formats that are one kind of file to those who name them: PyTorch writes zip and pickle under the same extensions. */
const FAMILIES: readonly (readonly FormatId[])[] = [
  [...TORCH, 'pickle', 'joblib', 'zip', 'tar', 'zlib', 'lzma', 'lz4', ...COMPRESSED],
  ['r-data', 'gzip', 'bzip2', 'xz'],
  ['npz', 'zip', 'keras-v3', 'skops'],
  ['npy', 'npz', 'zip'],
  ['hdf5', 'keras-v3'],
  ['saved-model', 'tf-graph', 'onnx', 'coreml'],
  ['tflite', 'zip'],
  ['tar', 'zip', ...COMPRESSED],
  [...TEXT_FORMATS],
  ['image', 'audio', 'video'],
];

/** Formats whose bytes alone prove them; others match by chance or by design. */
const STRONG: ReadonlySet<FormatId> = new Set([
  'pickle',
  'torch-legacy',
  'zip',
  'tar',
  'gguf',
  'safetensors',
  'hdf5',
  'npy',
  '7z',
  'rar',
  'gzip',
  'parquet',
  'tflite',
  'image',
  'pdf',
]);
const DATA: ReadonlySet<FormatId> = new Set([
  'safetensors',
  'gguf',
  'onnx',
  'npy',
  'tflite',
  'saved-model',
  'hdf5',
  'json',
  'csv',
  'parquet',
  'arrow',
  'image',
  'audio',
  'video',
  'text',
  'jsonl',
  'yaml',
  'markdown',
]);
const CODE: ReadonlySet<FormatId> = new Set(['pickle', 'torch-legacy', '7z', 'rar', 'executable', 'zip', 'tar']);

/** Why a file is left out that is named as weights, and is nothing that is known. */
export const UNKNOWN_WEIGHTS = 'weights by its name, and of no known format';

/** Names that frameworks give to files they load as weights: nothing else is what they say without a format. Raw numbers, as OpenVINO keeps them, have none. */
const WEIGHTS_NAMES: readonly RegExp[] = [
  /\.(?:pdparams|pdopt|caffemodel|t7|th|ot|nemo|engine|trt|plan|weights|params|mnn|rknn|tnnmodel|dlc|mlmodel|ubj|xgb)$/i,
  /^(?!.*openvino)(?:.*[/._-])?(?:pytorch|ggml|model|adapter|training_args|optim(?:izer)?|scheduler|lora|unet|vae|embed(?:s|dings?)|checkpoint)[\w.-]*\.bin(?:\.\d+)?$/i,
  /(?:^|[/._-])(?:model|graph|inference|frozen)[\w.-]*\.pb$/i,
  /\.(?:pt|pth|ckpt|bin|safetensors|gguf|h5)\.(?:bak|old|orig|tmp|\d+)$/i,
  /\.ckpt$/i,
  /\.(?:pkl|pickle|joblib|npy|npz|pt|pth|sav)\.(?:z|zlib|br|sz|snappy|lzo|lzf)$/i,
];

export function isWeightsName(path: string): boolean {
  return WEIGHTS_NAMES.some((name) => name.test(path));
}

/** Whether the name promises what the content is, and whether the content is one thing only. */
export function judgeNames(
  spot: Spot,
  { path, source }: NamedSource,
  found: { named: FormatId | undefined; confirmed: readonly FormatId[] },
): void {
  const { confirmed } = found;
  const named = found.named ?? formatOfName(path);
  if (confirmed.includes('executable')) judgeProgramName(spot, path, named);
  const strong = confirmed.filter((format) => STRONG.has(format));
  if (strong.length > 1) report(spot, 'WM-FILE-002', `the file is ${strong.join(' and ')} at once`);
  if (confirmed.length === 0 && source.size > 0 && isWeightsName(path) && !promised(named))
    return leaveOut(spot, UNKNOWN_WEIGHTS);
  if (named === undefined || source.size === 0) return;
  if (confirmed.length === 0) return judgeNothing(spot, path, named);
  if (confirmed.includes('executable') || confirmed.includes('lfs-pointer')) return;
  if (confirmed.some((format) => related(named, format))) return;
  if (isText(confirmed) && promises(named) && named !== 'torch-zip') leaveOut(spot, `named as ${named}, and only text`);
  const hidden = DATA.has(named) && confirmed.some((format) => CODE.has(format));
  report(spot, 'WM-FILE-001', `named as ${named}, the content is ${confirmed.join(', ')}`, {
    severity: hidden ? 'high' : isText(confirmed) && isText([named]) ? 'info' : 'medium',
  });
}

/** Named by its builder for one Python or its libraries beside it, or a cache of Python's own: nothing loads it with a model. */
const EXTENSION_MODULE =
  /\.(?:cpython|cp|pypy)[\w-]*\.(?:so|pyd)$|\.abi3\.so$|\.pyd$|(?:^|\/)__pycache__\/[^/]+\.pyc$|\.libs\/[^/]+\.(?:so(?:\.\d+)*|dll)$/;

function judgeProgramName(spot: Spot, path: string, named: FormatId | undefined): void {
  if (EXTENSION_MODULE.test(path))
    return report(spot, 'WM-FILE-004', 'compiled code of a Python package', { severity: 'low' });
  if (named === 'executable' || /\.so(?:\.\d+)+$/.test(path))
    return report(spot, 'WM-FILE-004', 'a program or native library');
  if (/\.py[co]$/i.test(path)) return report(spot, 'WM-FILE-004', 'compiled Python');
  const model = named !== undefined || /\.(bin|model|dat|weights|ckpt|params)$/i.test(path);
  if (model) report(spot, 'WM-FILE-003', `a program named as ${named ?? 'weights'}`);
  else report(spot, 'WM-FILE-004', 'a program or native library without an extension that says so');
}

/** Weights and archives whose names promise no magic, or one that is not looked for. */
const NO_MAGIC: ReadonlySet<FormatId> = new Set([
  'coreml',
  'msgpack',
  'raw-weights',
  'r-data',
  'cab',
  'ar',
  'iso',
  'lzip',
  'brotli',
]);

/** Whether a format's magic must be there; a file that has it not is broken, or another thing. */
function promises(named: FormatId): boolean {
  return (isOfKind(named, 'weights') || isOfKind(named, 'archive') || named === 'parquet') && !NO_MAGIC.has(named);
}

/** True if it is said elsewhere that the content is not what the name promises. */
function promised(named: FormatId | undefined): boolean {
  return named !== undefined && promises(named) && named !== 'torch-zip';
}

function judgeNothing(spot: Spot, path: string, named: FormatId): void {
  if (!promises(named) || (named === 'torch-zip' && /\.ckpt$/i.test(path))) return;
  report(spot, 'WM-FILE-001', `named as ${named}, but the content is not`);
  leaveOut(spot, `the content is of no known format, though the name says ${named}`);
}

function related(named: FormatId, format: FormatId): boolean {
  return named === format || FAMILIES.some((family) => family.includes(named) && family.includes(format));
}

function isText(formats: readonly FormatId[]): boolean {
  return formats.some((format) => TEXT_FORMATS.has(format));
}
