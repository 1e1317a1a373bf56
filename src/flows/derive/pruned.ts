import { layerOf } from '../../domain/derive/pairing.ts';
import { planByName } from '../../domain/derive/plan.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { Planned } from '../../domain/derive/plan.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import { Kept } from '../../domain/derive/pruned.ts';
import type { MergedTensors } from './adapter-merge.ts';
import { compareTensor, type ChildView, type ComparePorts } from './compare.ts';
import type { Opened } from './side.ts';
import { viewOfChild, viewsOf } from './views.ts';

const TYPES: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);
const STEP = 1 << 18;

/** A pruned model: elements set to zero, and whole layers left out, after which the others were numbered anew. */
export async function prunedTensors(child: Opened, parent: Opened, ports: ComparePorts): Promise<MergedTensors> {
  const views = viewsOf(parent);
  const layers = await keptLayers(child, views);
  const parents = new Map<string, View>();
  const [dropped, original]: [string[], Map<string, string>] = [[], new Map()];
  for (const [name, view] of views) {
    const layer = layerOf(name);
    const own = layer === null || layers === null ? layer : layers.get(layer);
    if (own === undefined) {
      dropped.push(name);
      continue;
    }
    const made = own === null ? name : inLayer(name, own);
    parents.set(made, view);
    original.set(made, name);
  }
  const {
    planned,
    missing,
    dropped: buffers,
  } = planByName({ children: child.tensors.map(({ tensor }) => tensor), parents });
  const tensors: TensorVerdict[] = [];
  for (const [at, { tensor, source }] of child.tensors.entries()) {
    const plan = planned[at];
    if (plan === undefined) continue;
    const own = viewOfChild(tensor, source);
    const verdict = (await comparePruned(plan, own, ports)) ?? (await compareTensor(plan, own, ports));
    tensors.push({ ...verdict, from: verdict.from.map((name) => original.get(name) ?? name) });
    ports.onElements?.(tensor.sizeBytes);
  }
  return { tensors, missing, dropped: [...dropped, ...buffers] };
}

function inLayer(name: string, layer: number): string {
  return name.replace(/\.\d{1,5}\./, `.${layer}.`);
}

const LOOKED_AT = 1024;

/** Which of the parent's layers became which of the child's, in order; null where as many are there, or some are from none. */
async function keptLayers(
  child: Opened,
  parents: ReadonlyMap<string, View>,
): Promise<ReadonlyMap<number, number> | null> {
  const layersIn = (names: readonly string[]): readonly number[] =>
    [...new Set(names.flatMap((name) => layerOf(name) ?? []))].toSorted((a, b) => a - b);
  const all = layersIn([...parents.keys()]);
  const own = layersIn(child.tensors.map(({ tensor }) => tensor.name));
  if (own.length >= all.length) return null;
  const found = new Map<number, number>();
  let next = 0;
  for (const layer of own) {
    const probe = child.tensors.find(({ tensor }) => layerOf(tensor.name) === layer && tensor.shape.length > 1);
    if (probe === undefined) return null;
    const view = viewOfChild(probe.tensor, probe.source);
    while (next < all.length) {
      const other = parents.get(inLayer(probe.tensor.name, all[next] ?? 0));
      if (other !== undefined && (await looksKept(view, other))) break;
      next++;
    }
    if (next === all.length) return null;
    found.set(all[next++] ?? 0, layer);
  }
  return found;
}

async function looksKept(child: ChildView, view: View): Promise<boolean> {
  if (view.dtype !== child.dtype || !TYPES.has(child.dtype)) return false;
  const count = Math.min(LOOKED_AT, child.elements, elementsOf(view.shape));
  const kept = new Kept(view.width as 2 | 4, count);
  kept.add(await child.read(0, count), await view.read(0, count));
  return kept.other === null && kept.zeroed < count;
}

/**
 * A tensor of which elements were set to zero: each is the parent's or zero. Which they are is explained where none of those that were
 * kept is smaller in magnitude than one that was not, in the tensor, its rows, or groups of four or eight.
 */
async function comparePruned(
  { child: { name, shape }, from, view }: Planned,
  child: ChildView,
  ports: ComparePorts,
): Promise<TensorVerdict | null> {
  if (view === undefined || view.dtype !== child.dtype || !TYPES.has(child.dtype)) return null;
  const columns = shape.at(-1) ?? 1;
  const kept = new Kept(view.width as 2 | 4, columns);
  const elements = elementsOf(shape);
  for (let at = 0; at < elements; at += STEP) {
    const count = Math.min(STEP, elements - at);
    kept.add(await child.read(at, count), await view.read(at, count));
    if (kept.other !== null) break;
    ports.signal?.throwIfAborted();
  }
  return verdictOf({ name, dtype: child.dtype, from, how: [] }, { kept, columns, view });
}

function verdictOf(
  base: Pick<TensorVerdict, 'name' | 'dtype' | 'from' | 'how'>,
  { kept, columns, view }: { kept: Kept; columns: number; view: View },
): TensorVerdict {
  const elements = elementsOf(view.shape);
  if (kept.other !== null) {
    const where = { row: Math.floor(kept.other / columns), block: kept.other };
    return { ...base, word: 'not from the parent', why: 'an element is neither the parent’s nor zero', where };
  }
  if (kept.zeroed === 0) return { ...base, word: 'equal' };
  const figures = { elements, differingBlocks: kept.zeroed };
  const said = `${kept.zeroed} of ${elements} elements set to zero`;
  const by = kept.explained();
  return by === null
    ? {
        ...base,
        how: [said],
        word: 'bounded',
        figures,
        why: 'which of them were set to zero, their magnitudes do not explain',
      }
    : { ...base, how: [said, `the smallest of ${by}`], word: 'recomputed', figures };
}
