import { mayBeLed, type Calibration } from '../../domain/derive/calibrated.ts';
import { packedInto } from '../../domain/derive/packed.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';

/**
 * What data led is not held to the parent's numbers: the child says so itself, and is not believed for it either. LLM Compressor
 * (`weight_scale`) and ONNX Runtime's tools (`_Q4G32`) write the same form for codes that data chose, and who lost its recipe is no forger.
 */
export function ledByData(
  tensor: TensorVerdict,
  {
    coded,
    calibration,
    compressed,
  }: { coded: ReadonlySet<string>; calibration: Calibration | null; compressed: boolean },
): TensorVerdict {
  if (tensor.word !== 'not from the parent' || tensor.from.length === 0) return tensor;
  const { where: _, ...rest } = tensor;
  const isCode = coded.has(tensor.name);
  const why = tensor.why ?? 'it differs';
  if (calibration !== null && (calibration.folds || isCode))
    return { ...rest, word: 'undecided', why: `it comes of ${calibration.method}, which is not recomputed: ${why}` };
  return compressed && isCode && tensor.figures !== undefined && mayBeLed(tensor.figures)
    ? { ...rest, word: 'undecided', why: `${why}: so GPTQ leaves them, and so does another parent` }
    : tensor;
}

/** Scales of what goes through a model (ONNX), and biases under them (TFLite): quantisers find them by data that nobody shows. */
export function notOfWeights(tensor: TensorVerdict): TensorVerdict {
  const without = tensor.word === 'not from the parent' && tensor.from.length === 0;
  const follows = /_(?:scale|zero_point)$/.test(tensor.name) || /^TFLITE_QI(?:32|64)$/.test(tensor.dtype);
  if (!without || !follows) return tensor;
  return { ...tensor, word: 'undecided', why: 'it follows from data that went through the model, not from the parent' };
}

/** Parts of a packing that is not known say nothing of the parent, for or against; nor is what they stand for missing. */
export function unknownPacking(
  tensors: readonly TensorVerdict[],
  parents: ReadonlyMap<string, View>,
): { readonly known: readonly TensorVerdict[]; readonly covered: ReadonlySet<string> } {
  const covered = new Set<string>();
  const known = tensors.map((tensor): TensorVerdict => {
    const weight = parents.has(tensor.name) ? null : packedInto(tensor.name, (name) => parents.has(name));
    if (weight === null || tensor.word !== 'not from the parent') return tensor;
    covered.add(weight);
    return { ...tensor, word: 'undecided', why: 'how it was packed is not known' };
  });
  return { known, covered };
}
