import type { Source } from '../base/source.ts';
import { executorchData, executorchModel, type EdgeModel, type EdgeTensor } from '../formats/executorch.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { denseStrides, gather, isDense } from './strided.ts';
import type { FileWeights, Undecided, WeightsSource, WeightTensor } from './types.ts';

/** The constants of an ExecuTorch program; undecided where a backend keeps weights in a form of its own. */
export async function executorchWeights({ source }: WeightsSource): Promise<FileWeights> {
  return weightsOf(await executorchModel(source));
}

/** The tensors of an ExecuTorch program that are kept apart from it. */
export async function executorchDataWeights({ source }: WeightsSource): Promise<FileWeights> {
  return weightsOf(await executorchData(source));
}

function weightsOf({ tensors: found, elsewhere }: EdgeModel): FileWeights {
  const tensors: WeightTensor[] = [];
  const undecided: Undecided[] = elsewhere.map((where) => ({ why: `weights of it lie with ${where}` }));
  for (const tensor of found) {
    const made = weightOf(tensor);
    if (typeof made === 'string') undecided.push({ tensor: tensor.info.name, why: made });
    else tensors.push(made);
  }
  return { tensors, undecided };
}

/** The tensor in row-major order, in whichever order its dimensions lie; or why it is not known. */
function weightOf({ info: { name, dtype, shape, offset, length }, order }: EdgeTensor): WeightTensor | string {
  const form = canonicalForm('executorch', dtype, shape);
  const width = elementBytes(dtype);
  if (form === null || Number.isNaN(width)) return `no canonical form of ${dtype} is known`;
  if (offset === undefined || length !== form.sizeBytes) return 'its elements are not in the file';
  if (order.length !== shape.length || order.toSorted((a, b) => a - b).some((axis, index) => axis !== index))
    return 'nobody says in which order its dimensions lie';
  const kept = denseStrides(order.map((axis) => shape[axis] ?? 1));
  const view = { shape, strides: shape.map((_, axis) => kept[order.indexOf(axis)] ?? 1), width, offset };
  const elements: WeightTensor['elements'] = isDense(view)
    ? { kind: 'stretch', offset }
    : { kind: 'made', open: (source: Source) => gather(source, view) };
  return { name, shape, ...form, elements };
}
