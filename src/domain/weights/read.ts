import { WeighmarkError } from '../base/errors.ts';
import type { FormatReport, NamedSource, Problem, TensorInfo } from '../formats/types.ts';
import { tfliteKey, tfliteScales } from '../formats/tflite.ts';
import { canonicalForm } from './dtypes.ts';
import { executorchDataWeights, executorchWeights } from './executorch.ts';
import { hdf5Weights, kerasWeights } from './hdf5.ts';
import { npyWeights, npzWeights } from './numpy.ts';
import { onnxWeights } from './onnx.ts';
import { graphWeights, tfCheckpointWeights } from './tf-checkpoint.ts';
import { tfliteTensor } from './tflite.ts';
import { dcpWeights } from './torch-dcp.ts';
import { torchLegacyWeights, torchZipWeights } from './torch.ts';
import type { FileWeights, Undecided, WeightsSource, WeightTensor } from './types.ts';
import { ocdbtWeights, zarrWeights } from './zarr.ts';

/** Formats whose elements are not simply where the report places them. */
export const OWN: Readonly<Partial<Record<FormatReport['format'], (file: WeightsSource) => Promise<FileWeights>>>> = {
  'torch-zip': torchZipWeights,
  torchscript: torchZipWeights,
  'torch-legacy': torchLegacyWeights,
  npy: npyWeights,
  npz: npzWeights,
  onnx: onnxWeights,
  'tf-checkpoint': tfCheckpointWeights,
  executorch: executorchWeights,
  'executorch-data': executorchDataWeights,
  zarr: zarrWeights,
  ocdbt: ocdbtWeights,
  'saved-model': graphWeights,
  'tf-graph': graphWeights,
  'torch-dcp': piecesAlone,
  'torch-dcp-index': dcpWeights,
  hdf5: hdf5Weights,
  'keras-v3': kerasWeights,
};

/** `.distcp` files hold pieces without names. */
async function piecesAlone(): Promise<FileWeights> {
  return { tensors: [], undecided: [{ why: 'whose its pieces are only `.metadata` says, which is not there' }] };
}

/** Problems that leave open which bytes a loader takes for which tensor. Holes and padding are not among them. */
const FATAL: ReadonlySet<Problem['code']> = new Set([
  'malformed',
  'truncated',
  'limit',
  'overlap',
  'duplicate-key',
  'overflow',
  'out-of-bounds',
  'size-mismatch',
  'hidden-member',
  'several-directories',
  'checksum-mismatch',
  'encrypted',
  'unsupported',
]);

/**
 * The tensors of one file with the place of their canonical elements. What keeps them from being known whole is told:
 * there is no identity of half a file.
 * @param report what `readFormat` says of the same bytes.
 */
export async function readWeights(file: WeightsSource, report: FormatReport): Promise<FileWeights> {
  const problems: Undecided[] = report.problems
    .filter(({ code }) => FATAL.has(code))
    .map(({ message, subject }) => ({ why: message, ...(subject === undefined ? {} : { tensor: subject }) }));
  if (problems.length > 0) return { tensors: [], undecided: problems };
  try {
    const read = await (OWN[report.format]?.(file) ?? placedWeights(file, report));
    return read.tensors.length === 0 && read.undecided.length === 0 && read.elsewhere !== true
      ? { tensors: [], undecided: [{ why: `no tensors of a ${report.format} file are known` }] }
      : read;
  } catch (error) {
    if (!(error instanceof WeighmarkError) || (error.code !== 'format-invalid' && error.code !== 'limit-exceeded'))
      throw error;
    return { tensors: [], undecided: [{ why: error.message }] };
  }
}

/** Formats that keep every tensor in one stretch of the file: safetensors, GGUF, TFLite, Flax. */
async function placedWeights(file: NamedSource, report: FormatReport): Promise<FileWeights> {
  const { tensors: table } = report;
  if (table === undefined) return { tensors: [], undecided: [] };
  const scaled = report.format === 'tflite' && table.items.some(isQuantized) ? await tfliteScales(file) : null;
  const tensors: WeightTensor[] = [];
  const undecided: Undecided[] = table.truncated ? [{ why: `only ${table.items.length} tensors were listed` }] : [];
  for (const tensor of table.items) {
    const made =
      scaled !== null && isQuantized(tensor)
        ? tfliteTensor(tensor, scaled.get(tfliteKey(tensor.name, tensor.offset)))
        : placedTensor(tensor, { format: report.format, size: file.source.size });
    if (typeof made === 'string') undecided.push({ tensor: tensor.name, why: made });
    else tensors.push(made);
  }
  return { tensors, undecided };
}

function isQuantized({ dtype }: TensorInfo): boolean {
  return /^Q[IU]\d+$/.test(dtype);
}

function placedTensor(
  { name, dtype, shape, offset, length, location }: TensorInfo,
  { format, size }: { format: string; size: number },
): WeightTensor | string {
  const form = canonicalForm(format, dtype, shape);
  if (form === null) return `no canonical form of ${dtype.slice(0, 40)} is known`;
  const made = { name, shape, ...form };
  if (form.sizeBytes === 0 && location === undefined)
    return { ...made, elements: { kind: 'stretch', offset: Math.min(offset ?? 0, size) } };
  if (offset === undefined || length === undefined || location !== undefined)
    return 'its elements are compressed, chunked or elsewhere';
  if (length !== form.sizeBytes) return 'its shape is not that of its bytes';
  return offset + length <= size ? { ...made, elements: { kind: 'stretch', offset } } : 'it reaches beyond the file';
}
