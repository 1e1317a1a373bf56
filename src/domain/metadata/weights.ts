import type { FormatReport, TensorTable } from '../formats/types.ts';
import { compareUtf8 } from '../base/paths.ts';
import type { BomFile } from './types.ts';

/** Weight files that together are one set of weights: the shards of one checkpoint, or a file alone. */
export interface WeightSet {
  /** The file's path, or the shards' path with `*` for their number. */
  readonly name: string;
  readonly files: readonly BomFile[];
  /** What names the tensors in `files`, which do not name them themselves: `.metadata` of a distributed checkpoint. */
  readonly index?: BomFile;
  readonly format: string;
  /** Sum over the files; absent as soon as one file does not tell. */
  readonly parameters?: number;
  readonly parametersByDtype: Readonly<Record<string, number>>;
  readonly elementsByDtype: Readonly<Record<string, number>>;
  readonly tensors: number;
}

/** `model-00001-of-00004.safetensors`, `model.gguf-00001-of-00002.gguf`. */
export const SHARD = /-\d{2,6}-of-(\d{2,6})(?=\.[^/]*$|$)/;

/** `model_00001.weights.h5`. */
const KERAS_SHARD = /_\d{5}(?=\.weights\.h5$)/;

/** Sets in the order of their first file. Other index files belong to none. */
export function weightSets(files: readonly BomFile[]): readonly WeightSet[] {
  const groups = new Map<string, BomFile[]>();
  const arrays = new Set(files.filter(({ report }) => report?.format === 'zarr').map(({ path }) => folderOf(path)));
  for (const file of files) {
    if (!holdsWeights(file.report) && !describesWeights(file.report)) continue;
    if (file.report?.format !== 'zarr' && isChunk(file.path, arrays)) continue;
    const name = setName(file);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [file]);
    else group.push(file);
  }
  return [...groups].map(([name, group]) => setOf(name, group));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** The chunks of an array lie below its description; what one alone decompresses to may look like anything. */
function isChunk(path: string, arrays: ReadonlySet<string>): boolean {
  if (arrays.size === 0) return false;
  const folders = path.split('/').slice(0, -1);
  while (!arrays.has(`${folders.join('/')}/`)) if (!/^(?:c|\d+)$/.test(folders.pop() ?? '')) return false;
  return true;
}

/** `variables.data-00000-of-00001`, which `variables.index` describes. */
const TF_DATA = /\.data-\d{5}-of-\d{5}$/;

/** What names the tensors of the files beside it, and what the set is then. */
const NAMING: Readonly<Record<string, string>> = { 'torch-dcp-index': 'torch-dcp', 'tf-checkpoint': 'tf-checkpoint' };

const MANIFESTS = new Set([
  'safetensors-index',
  'weights-manifest',
  'spacy',
  'torch-dcp-index',
  'keras-index',
  'orbax',
  'paddle',
]);
/** Files that name the tensors of others, which do not name them themselves: TensorFlow.js, distributed checkpoints. */
const DESCRIBING = new Set(['weights-manifest', 'torch-dcp-index']);

function describesWeights(report: FormatReport | undefined): boolean {
  return report !== undefined && DESCRIBING.has(report.format) && report.tensors !== undefined;
}

/** Shards share a name but for their number; the files of a distributed checkpoint, and the arrays of a zarr one, share a folder. */
function setName({ path, report }: BomFile): string {
  if (report?.format === 'torch-dcp' || report?.format === 'torch-dcp-index')
    return `${path.slice(0, path.lastIndexOf('/') + 1)}*.distcp`;
  if (report?.format === 'raw-weights') return path.replace(TF_DATA, '.index');
  if (report?.format === 'ocdbt')
    return path.replace(/(ocdbt\.process_\d+\/)?(d\/[0-9a-f]{32}|manifest\.ocdbt)$/, '*.ocdbt');
  if (report?.format === 'zarr') return path.replace(/[^/]+\/[^/]+$/, '*/');
  return path.replace(KERAS_SHARD, '_*').replace(SHARD, '-*-of-$1');
}

export function holdsWeights(report: FormatReport | undefined): boolean {
  return report?.kind === 'weights' && !MANIFESTS.has(report.format);
}

function setOf(name: string, files: readonly BomFile[]): WeightSet {
  const all = files.map((file) => file.report).filter((report) => report !== undefined);
  const index = all.find(({ format }) => Object.hasOwn(NAMING, format));
  const naming = index === undefined ? undefined : files.find(({ report }) => report === index);
  const reports = index === undefined ? all : [index];
  const tables = reports.map((report) => report.tensors).filter((table) => table !== undefined);
  const known = all.length === files.length && reports.every((report) => report.parameters !== undefined);
  return {
    name: files.length === 1 ? (files[0]?.path ?? name) : name,
    files: index === undefined || files.length === 1 ? files : files.filter((file) => file !== naming),
    ...(naming === undefined ? {} : { index: naming }),
    format: NAMING[index?.format ?? ''] ?? all[0]?.format ?? 'unknown',
    ...(known ? { parameters: reports.reduce((sum, report) => sum + (report.parameters ?? 0), 0) } : {}),
    parametersByDtype: sumBy(tables, 'parametersByDtype'),
    elementsByDtype: sumBy(tables, 'elementsByDtype'),
    tensors: tables.reduce((sum, table) => sum + table.count, 0),
  };
}

function sumBy(
  tables: readonly TensorTable[],
  key: 'parametersByDtype' | 'elementsByDtype',
): Readonly<Record<string, number>> {
  const sums = new Map<string, number>();
  for (const table of tables) {
    for (const [dtype, count] of Object.entries(table[key])) sums.set(dtype, (sums.get(dtype) ?? 0) + count);
  }
  return Object.fromEntries([...sums].sort(([a], [b]) => compareUtf8(a, b)));
}

/** Tensors by dtype: what two files labelled alike may still differ in. */
export function tensorsByDtype(table: TensorTable): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { dtype } of table.items) counts.set(dtype, (counts.get(dtype) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a], [b]) => compareUtf8(a, b)));
}
