import { least } from '../base/lists.ts';
import { copiesOf, isCopyOf, type ModelCopy } from './copies.ts';
import { SHARD, type WeightSet } from './weights.ts';

/** The files that `from_pretrained` loads, whatever conversions lie beside them, the first kind before the second. */
const CANONICAL = [
  /(?:^|\/)(?:model|adapter_model|diffusion_pytorch_model)(?:-\*-of-\d+)?\.safetensors$/,
  /(?:^|\/)(?:pytorch_model|adapter_model|diffusion_pytorch_model)(?:-\*-of-\d+)?\.bin$/,
];

/**
 * The weights whose counts are the model's own: the canonical ones nearest the top; else the only copy there is; else, where
 * one model is there in several copies, the count on which all agree that tell one (and the dtypes, if those agree too). A copy
 * that does not tell changes nothing, as long as its name and place say that it is one. Null where copies differ, or where
 * weights that are no copy are not counted: what is known then may be less than the model.
 */
export function modelWeights(sets: readonly WeightSet[]): WeightSet | null {
  for (const pattern of CANONICAL) {
    const found = sets.filter((set) => (set.parameters ?? 0) > 0 && pattern.test(starred(set)));
    const top = nearest(found);
    if (top !== null) return found.every((set) => set.parameters === top.parameters) ? top : null;
  }
  return agreed(copiesOf(sets));
}

function agreed(copies: readonly ModelCopy[]): WeightSet | null {
  const counted = copies.filter(({ parameters = 0 }) => parameters > 0);
  const untold = copies.filter(({ parameters }) => parameters === undefined);
  const [first] = counted;
  if (first === undefined) return copies.length === 1 && untold[0] !== undefined ? withoutCount(untold[0].set) : null;
  if (!areConversions(counted)) return null;
  if (!untold.every((copy) => counted.some((other) => isCopyOf(copy, other)))) return null;
  const sets = counted.map(({ set }) => set);
  const chosen = sets.find((set) => set.format === 'safetensors' || set.format === 'gguf') ?? first.set;
  return sets.every((set) => sameCounts(set, chosen))
    ? chosen
    : { ...chosen, parametersByDtype: {}, elementsByDtype: {} };
}

/** What is told of part of a model is no count of it. */
function withoutCount({ parameters: _parameters, ...set }: WeightSet): WeightSet {
  return { ...set, parametersByDtype: {}, elementsByDtype: {} };
}

/** As many parameters in each; one format under several names, or in several folders, is several models, however alike. */
function areConversions(copies: readonly ModelCopy[]): boolean {
  const byFormat = new Map<string, ModelCopy>();
  return copies.every((copy) => {
    const other = byFormat.get(copy.set.format) ?? copy;
    byFormat.set(copy.set.format, other);
    return copy.parameters === copies[0]?.parameters && isCopyOf(copy, other);
  });
}

function starred({ name, files }: WeightSet): string {
  return files.length === 1 ? name : (files[0]?.path ?? '').replace(SHARD, '-*-of-$1');
}

/** The one in the topmost folder; null if there are several, or none. */
function nearest(sets: readonly WeightSet[]): WeightSet | null {
  const depth = (set: WeightSet): number => set.name.split('/').length;
  const top = least(sets.map(depth));
  const [only, ...others] = sets.filter((set) => depth(set) === top);
  return only !== undefined && others.length === 0 ? only : null;
}

function sameCounts(a: WeightSet, b: WeightSet): boolean {
  const [x, y] = [Object.entries(a.parametersByDtype), b.parametersByDtype];
  return x.length === Object.keys(y).length && x.every(([dtype, count]) => y[dtype] === count);
}
