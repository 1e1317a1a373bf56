import { SHARD, type WeightSet } from './weights.ts';

/** One form of a model, in one format: a file, its shards, or a folder of files that are nothing without each other. */
export interface ModelCopy {
  /** The file, the shards' path with `*`, or the folder. */
  readonly name: string;
  /** Where the copy lies; a folder named as the copy itself does not count. */
  readonly home: string;
  /** Its name without what says a framework, a format or a precision. */
  readonly stem: string;
  /** The set that tells most of it. */
  readonly set: WeightSet;
  /** Absent where the copy does not tell all of its values. */
  readonly parameters?: number;
}

const PACKAGE = /^(.*\.ml(?:package|modelc))\//;
const VARIABLES = /(?:^|\/)variables\/variables\.(?:index|data-\d{5}-of-\d{5})$/;
const CHECKPOINT = /\.(?:index|data-\d{5}-of-\d{5})$/;

/** The copies, in the order of their first file. */
export function copiesOf(sets: readonly WeightSet[]): readonly ModelCopy[] {
  const saved = new Set(sets.filter(({ format }) => format === 'saved-model').map(({ name }) => folderOf(name)));
  const holders = holdersOf(sets);
  const keyOf = (set: WeightSet): string => {
    const { name, format } = set;
    const holder = format === 'raw-weights' ? holders.get(name) : undefined;
    const path = holder ?? name;
    const variables = VARIABLES.exec(path);
    if (variables !== null && saved.has(path.slice(0, variables.index))) return `${path.slice(0, variables.index)}/`;
    if (format === 'saved-model') return `${folderOf(name)}/`;
    return PACKAGE.exec(path)?.[1] ?? path.replace(CHECKPOINT, '.*');
  };
  return [...Map.groupBy(sets, keyOf)].map(([name, group]) => copyOf(name, group));
}

/** Files of bare elements, by the file that says what they are: external data of ONNX, a checkpoint's data. */
function holdersOf(sets: readonly WeightSet[]): ReadonlyMap<string, string> {
  const holders = new Map<string, string>();
  for (const { files } of sets) {
    for (const { path, report } of files) {
      const folder = path.slice(0, path.lastIndexOf('/') + 1);
      for (const { target } of report?.references ?? []) holders.set(folder + target.replace(/^\.\//, ''), path);
    }
  }
  return holders;
}

function copyOf(name: string, group: readonly WeightSet[]): ModelCopy {
  const set = mostTelling(group);
  const stem = stemOf(name);
  const path = name.replace(/\/$/, '');
  const parameters = isWhole(group) ? set.parameters : undefined;
  return { name, stem, home: homeOf(folderOf(path), stem), set, ...(parameters === undefined ? {} : { parameters }) };
}

function mostTelling(group: readonly WeightSet[]): WeightSet {
  return group.toSorted((a, b) => (b.parameters ?? -1) - (a.parameters ?? -1))[0] as WeightSet;
}

/**
 * Whether the set that is counted holds all values. A Core ML program keeps small constants in itself and pads others, so its
 * `weight.bin` is no count of the model; a SavedModel's graph may hold weights as constants beside its variables.
 */
function isWhole(group: readonly WeightSet[]): boolean {
  if (group.some(({ format }) => format === 'coreml')) return false;
  return group.every(({ format, files }) => format !== 'saved-model' || holdsNumbersOnly(files[0]?.report));
}

/** No constant of the graph is more than one number. */
function holdsNumbersOnly(report: WeightSet['files'][number]['report']): boolean {
  const constants = report?.operators?.find(({ name }) => name === 'Const')?.count ?? 0;
  const floats = Object.entries(report?.unattributed ?? {}).filter(([dtype]) => /^B?F\d/.test(dtype));
  return floats.reduce((sum, [, count]) => sum + count, 0) <= constants;
}

/** One model in two forms: named alike, in one place. */
export function isCopyOf(a: ModelCopy, b: ModelCopy): boolean {
  return a.home === b.home && a.stem === b.stem;
}

const FRAMEWORK = /^(?:tf|flax|rust|pytorch|torch|openvino|coreml|tflite|onnx|float(?:16|32))[-_]+/;
const PRECISION =
  /[-_.](?:b?fp?\d{1,2}|float(?:16|32)|u?int(?:4|8)|q\d\w*|quant(?:ized)?|dynamic|optimized|simplified|frozen|tf|torch|onnx|ort|tflite|coreml|openvino|torchscript|saved_?model|(?:openvino|paddle|ncnn|web)_model)$/;

function stemOf(name: string): string {
  const base = name.replace(/\/$/, '').split('/').at(-1) ?? '';
  let stem = base
    .toLowerCase()
    .replace(SHARD, '')
    .replace(/\.\*$|\.weights\.h5$|\.[a-z][a-z0-9]*$/, '');
  for (let before = ''; before !== stem;) {
    before = stem;
    stem = stem.replace(FRAMEWORK, '').replace(PRECISION, '');
  }
  return stem;
}

function homeOf(folder: string, stem: string): string {
  let home = folder;
  while (home !== '' && stemOf(home) === stem) home = folderOf(home);
  return home;
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
