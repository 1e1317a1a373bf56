import { WeighmarkError } from '../../domain/base/errors.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { Opened, OpenTensor } from './side.ts';

/** The importance of a tensor's columns; undefined where it has none, or has one for each of several experts. */
export type Importance = (tensor: string) => Float32Array | undefined;

const SUMS = '.in_sum2';
const COUNTS = '.counts';

/**
 * An importance matrix in GGUF, as `llama-imatrix` writes it: sums of squares a column, and how many were summed. A matrix
 * that saw no input counts as ones.
 * @throws WeighmarkError `format-invalid` for a file that holds none.
 */
export async function importanceOf({ tensors, format }: Opened): Promise<Importance> {
  const byName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const found = new Map<string, Float32Array>();
  for (const [name, sums] of byName) {
    const counts = name.endsWith(SUMS) ? byName.get(name.slice(0, -SUMS.length) + COUNTS) : undefined;
    if (counts === undefined || elementsOf(counts.tensor.shape) !== 1) continue;
    const [values, [count = 0]] = [await floatsOf(sums), await floatsOf(counts)];
    found.set(
      name.slice(0, -SUMS.length),
      values.map((value) => (count > 0 ? Math.fround(value / count) : 1)),
    );
  }
  if (found.size === 0)
    throw new WeighmarkError('format-invalid', `this ${format} file is no importance matrix that is known`);
  return (tensor) => found.get(tensor);
}

async function floatsOf({ tensor, source }: OpenTensor): Promise<Float32Array> {
  if (tensor.dtype !== 'F32' || tensor.elements.kind !== 'stretch')
    throw new WeighmarkError('format-invalid', `${tensor.name} of the importance matrix is not F32`);
  const bytes = await source.read(tensor.elements.offset, tensor.sizeBytes);
  return new Float32Array(bytes.slice().buffer);
}
