import { cancel, factorsOf, vectorFactors, type Factors } from '../../domain/derive/folded.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import { valuesOf } from './affine.ts';
import type { AffineWeight } from './affine-parts.ts';
import type { ComparePorts } from './compare.ts';
import type { OpenTensor } from './side.ts';
import { floatsOf, parentView, type Floats } from './views.ts';

/** Looked at, of a weight: whole rows, or all of it. */
const LOOKED_AT = 4 << 20;

interface Sides {
  readonly child: readonly OpenTensor[];
  readonly parents: ReadonlyMap<string, View>;
  readonly affine: ReadonlyMap<string, AffineWeight>;
}

/**
 * Tensors that differ by factors which another one takes back are what SmoothQuant and AWQ leave where nobody kept their recipe:
 * undecided. Nothing is read where nothing is accused.
 */
export async function foldedApart(
  tensors: readonly TensorVerdict[],
  sides: Sides,
  ports: ComparePorts,
): Promise<readonly TensorVerdict[]> {
  if (!tensors.some(isAccused)) return tensors;
  const known = new Map<string, readonly Factors[]>();
  for (const { name, word } of tensors)
    if (word !== 'equal' && word !== 'recomputed') known.set(name, await changesOf(name, sides, ports));
  return tensors.map((tensor): TensorVerdict => {
    if (!isAccused(tensor)) return tensor;
    const own = known.get(tensor.name) ?? [];
    const [partner] = [...known].find(
      ([name, others]) => name !== tensor.name && own.some((one) => others.some((other) => cancel(one, other))),
    ) ?? [null];
    if (partner === null) return tensor;
    const { where: _, ...rest } = tensor;
    const why = `${tensor.why ?? 'it differs'}, by factors that ${partner} takes back: so SmoothQuant and AWQ fold scales, which follow data nobody shows`;
    return { ...rest, word: 'undecided', why };
  });
}

function isAccused({ word, from }: TensorVerdict): boolean {
  return word === 'not from the parent' && from.length > 0;
}

/** None where it cannot be read as numbers, or more than factors differ. */
async function changesOf(
  name: string,
  { child, parents, affine }: Sides,
  ports: ComparePorts,
): Promise<readonly Factors[]> {
  const [view, weight] = [parents.get(name), affine.get(name)];
  const own = child.find(({ tensor }) => tensor.name === name);
  if (view === undefined) return [];
  const before = floatsOf(view, ports.numbers);
  const after =
    weight !== undefined
      ? await valuesOf(weight, view.shape, ports)
      : own === undefined || own.tensor.shape.join() !== view.shape.join()
        ? null
        : floatsOf(parentView(own.tensor, own.source), ports.numbers);
  const width = view.shape.at(-1) ?? 0;
  if (before === null || after === null || width === 0 || width > LOOKED_AT) return [];
  const [parent, values] = [await rowsOf(before, view.shape), await rowsOf(after, view.shape)];
  if (view.shape.length === 1) return ([0, 1] as const).map((added) => vectorFactors(parent, values, added));
  const factors = factorsOf(parent, values, width);
  return factors === null ? [] : [factors];
}

async function rowsOf(floats: Pick<Floats, 'read'>, shape: readonly number[]): Promise<Float32Array> {
  const width = shape.at(-1) ?? 1;
  const rows = elementsOf(shape) / width;
  const looked = Math.min(rows, Math.max(1, Math.floor(LOOKED_AT / width)));
  if (looked === rows) return floats.read(0, rows * width);
  const found = new Float32Array(looked * width);
  for (let row = 0; row < looked; row++)
    found.set(await floats.read(Math.floor((row * rows) / looked) * width, width), row * width);
  return found;
}
