import { readTfCheckpoint } from '../formats/tf-checkpoint.ts';
import { canonicalForm } from './dtypes.ts';
import type { FileWeights, Undecided, WeightsSource, WeightTensor } from './types.ts';

/** What a checkpoint keeps beside its variables: the graph of the objects they belong to, as one text. */
const OBJECT_GRAPH = '_CHECKPOINTABLE_OBJECT_GRAPH';

/** The tensors of a TensorFlow checkpoint, in the `.data-…` files beside its index. Texts other than the graph of objects are undecided. */
export async function tfCheckpointWeights(file: WeightsSource): Promise<FileWeights> {
  const { tensors: table } = await readTfCheckpoint(file);
  const folder = file.path.slice(0, file.path.lastIndexOf('/') + 1);
  const tensors: WeightTensor[] = [];
  const undecided: Undecided[] =
    table?.truncated === true ? [{ why: `only ${table.items.length} tensors were listed` }] : [];
  for (const { name, dtype, shape, offset, length, location } of table?.items ?? []) {
    if (name === OBJECT_GRAPH && dtype === 'STRING') continue;
    const form = canonicalForm('tf-checkpoint', dtype, shape);
    if (form === null) undecided.push({ tensor: name, why: `no canonical form of ${dtype.slice(0, 40)} is known` });
    else if (offset === undefined || location === undefined)
      undecided.push({ tensor: name, why: 'its elements are saved in slices' });
    else if (length !== form.sizeBytes) undecided.push({ tensor: name, why: 'its shape is not that of its bytes' });
    else tensors.push({ name, shape, ...form, elements: { kind: 'stretch', file: folder + location, offset } });
  }
  return { tensors, undecided };
}

/** A graph whose variables lie beside it: in `variables/` of a SavedModel, in the checkpoint of a `.meta`. */
export async function graphWeights({ path, beside }: WeightsSource): Promise<FileWeights> {
  const index = path.replace(/saved_model\.pb$/, 'variables/variables.index').replace(/\.meta$/, '.index');
  const there = index === path ? null : await beside(index, async () => true);
  return there === null
    ? { tensors: [], undecided: [{ why: 'its weights are constants of its graph, or elsewhere' }] }
    : { tensors: [], undecided: [], elsewhere: true };
}
