import { LIMITS } from '../../domain/base/limits.ts';
import { lastPart } from '../../domain/derive/declared.ts';
import { drawnFrom, mergeRecipe, parameterOf, type Drawn, type MergeRecipe } from '../../domain/derive/merge-recipe.ts';
import { layerOf } from '../../domain/derive/pairing.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { FloatType, Merged, ModelMerge } from '../../domain/ports/numbers.ts';
import { compareTensor, type ComparePorts } from './compare.ts';
import type { MergedTensors } from './adapter-merge.ts';
import { sphereOf, thresholdOf } from './merge-numbers.ts';
import { readBeside, type Opened, type OpenTensor } from './side.ts';
import { floatsOf, viewOfChild, viewsOf, type Floats } from './views.ts';

/** A model that was merged, by the name it was given as. */
export interface NamedModel {
  readonly shown: string;
  readonly opened: Opened;
}

/**
 * A merge as mergekit makes it, by the recipe that it leaves beside the child: which models, with which weights, is the recipe's
 * word and stands in the answer. Text says why it is not one that can be recomputed.
 * @see mergekit 0.1.5, merge_methods
 */
export async function mergedModels(
  child: Opened,
  models: readonly NamedModel[],
  ports: ComparePorts,
): Promise<MergedTensors | string> {
  const recipe = await recipeBeside(child);
  if (typeof recipe === 'string') return recipe;
  const wanted = [...new Set(recipe.slices.flatMap(({ sources }) => sources.map(({ model }) => lastPart(model))))];
  const parents = new Map<string, ReadonlyMap<string, View>>();
  for (const name of wanted) {
    const [found, ...others] = models.filter(({ shown }) => lastPart(shown) === name);
    if (found === undefined || others.length > 0) return `the recipe merges ${name}, which is not one of those given`;
    parents.set(name, viewsOf(found.opened));
  }
  const merging: Merging = { recipe, parents, layers: layersOf(parents), ports };
  const tensors: TensorVerdict[] = [];
  for (const own of child.tensors) {
    tensors.push(await mergedOne(own, merging));
    ports.signal?.throwIfAborted();
  }
  return { tensors, missing: missingFrom(child, merging) };
}

interface Merging {
  readonly recipe: MergeRecipe;
  /** By the last part of the name. */
  readonly parents: ReadonlyMap<string, ReadonlyMap<string, View>>;
  readonly layers: number;
  readonly ports: ComparePorts;
}

async function recipeBeside(child: Opened): Promise<MergeRecipe | string> {
  const recipe = await readBeside(child, 'mergekit_config.yml', LIMITS.configBytes);
  return recipe === null ? 'there is no mergekit_config.yml beside the child' : mergeRecipe(recipe);
}

function layersOf(parents: Merging['parents']): number {
  let most = 0;
  for (const views of parents.values())
    for (const name of views.keys()) most = Math.max(most, (layerOf(name) ?? -1) + 1);
  return most;
}

/** What the first model has and the child should: all of it, or where layers were chosen all that belongs to none. */
function missingFrom({ tensors }: Opened, { recipe, parents }: Merging): readonly string[] {
  const names = new Set(tensors.map(({ tensor }) => tensor.name));
  const [source] = recipe.slices[0]?.sources ?? [];
  const chosen = recipe.slices.length > 1 || source?.layers !== undefined;
  const all = [...(parents.get(lastPart(recipe.base ?? source?.model ?? ''))?.keys() ?? [])];
  return all.filter((name) => !names.has(name) && !(chosen && layerOf(name) !== null));
}

interface Source {
  readonly model: string;
  readonly name: string;
  readonly view: View;
  readonly isBase: boolean;
  readonly parameter: (key: string) => number | boolean | undefined;
}

async function mergedOne(own: OpenTensor, merging: Merging): Promise<TensorVerdict> {
  const { tensor, source: file } = own;
  const base = { name: tensor.name, dtype: tensor.dtype, how: [] as readonly string[] };
  const drawn = drawnFrom(merging.recipe, tensor.name, merging.layers);
  if (drawn === null) return { ...base, from: [], word: 'not from the parent', why: 'the recipe has no such layer' };
  const sources = sourcesOf(drawn, tensor.name, merging);
  if (typeof sources === 'string') return { ...base, from: [], word: 'undecided', why: sources };
  const from = sources.map(({ model, name }) => `${model}: ${name}`);
  const child = viewOfChild(tensor, file);
  const [only] = sources;
  if (merging.recipe.method === 'passthrough' && only !== undefined) {
    if (sources.length > 1 || only.parameter('scale') !== undefined)
      return { ...base, from, word: 'undecided', why: 'layers that are scaled are not recomputed' };
    return compareTensor({ child: tensor, from, how: [], view: only.view }, child, merging.ports);
  }
  const question = await questionOf(own, sources, merging);
  if (typeof question === 'string') return { ...base, from, word: 'undecided', why: question };
  merging.ports.onElements?.(tensor.sizeBytes);
  return { ...base, from, ...judged(await mergedBy(question, child.read), question) };
}

function sourcesOf(drawn: Drawn, tensor: string, { recipe, parents }: Merging): readonly Source[] | string {
  const sources: Source[] = [];
  for (const [at, { model, parameters }] of drawn.slice.sources.entries()) {
    const key = lastPart(model);
    const name = drawn.names[at] ?? '';
    const view = parents.get(key)?.get(name);
    if (view === undefined) return `${key} has no ${name}`;
    const places = [parameters, drawn.slice.parameters, recipe.parameters];
    const parameter = (wanted: string) => parameterOf(wanted, tensor, { t: drawn.t, places });
    sources.push({ model: key, name, view, isBase: key === lastPart(recipe.base ?? ''), parameter });
  }
  return sources;
}

interface Question {
  readonly fixed: Omit<ModelMerge, 'child' | 'base' | 'models'>;
  readonly base: Floats;
  readonly models: readonly Floats[];
  readonly elements: number;
  readonly columns: number;
  readonly said: string;
  readonly ports: ComparePorts;
}

const FLOATS: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);
const MOST_MODELS = 8;

/** All that is asked of one tensor, or why it cannot be. */
async function questionOf(
  { tensor }: OpenTensor,
  sources: readonly Source[],
  { recipe, ports }: Merging,
): Promise<Question | string> {
  const { method } = recipe;
  const base = sources.find(({ isBase }) => isBase);
  const merged = method === 'linear' ? sources : sources.filter(({ isBase }) => !isBase);
  const views = sources.map(({ view }) => view);
  const types = new Set([...views.map(({ dtype }) => dtype), tensor.dtype]);
  const compute = recipe.dtype ?? (new Set(views.map(({ dtype }) => dtype)).size === 1 ? views[0]?.dtype : undefined);
  if (method === 'passthrough' || merged.length === 0 || merged.length > MOST_MODELS)
    return 'it merges none or too many';
  if (method !== 'linear' && base === undefined) return 'the recipe names no base';
  if (![...types].every((type) => FLOATS.has(type)) || compute === undefined)
    return 'no law of merging its types is known';
  if (views.some(({ shape }) => shape.join() !== tensor.shape.join())) return 'the models give it other shapes';
  const floats = merged.map(({ view }) => floatsOf(view, ports.numbers));
  const models = floats.flatMap((each) => each ?? []);
  const ground = base === undefined ? models[0] : floatsOf(base.view, ports.numbers);
  if (ground === null || ground === undefined || models.length !== floats.length) return 'its type is not known';
  const numbers = await numbersOf({
    method,
    merged,
    base: ground,
    models,
    elements: elementsOf(tensor.shape),
    compute,
    ports,
  });
  if (typeof numbers === 'string') return numbers;
  const narrow: { compute?: 'F16' | 'BF16' } = compute === 'F16' || compute === 'BF16' ? { compute } : {};
  return {
    fixed: { method, dtype: tensor.dtype as FloatType, ...narrow, ...numbers },
    base: ground,
    models: method === 'slerp' ? [ground, ...models] : models,
    elements: elementsOf(tensor.shape),
    columns: tensor.shape.at(-1) ?? 1,
    said: `${method} of ${merged.map(({ model }, at) => `${model} (${numbers.said[at] ?? ''})`).join(', ')}, computed in ${compute}`,
    ports,
  };
}

interface Asked {
  readonly method: Exclude<MergeRecipe['method'], 'passthrough'>;
  readonly merged: readonly Source[];
  readonly base: Floats;
  readonly models: readonly Floats[];
  readonly elements: number;
  readonly compute: string;
  readonly ports: ComparePorts;
}

type Numbers = Pick<ModelMerge, 'weights' | 'thresholds' | 'normalize' | 'lambda'> & {
  readonly said: readonly string[];
};

/** Weights as the recipe has them; for SLERP and TIES what follows from the whole tensors. */
async function numbersOf(asked: Asked): Promise<Numbers | string> {
  const { method, merged, base, models, elements, compute, ports } = asked;
  const [first] = merged;
  const of = (key: string): number | boolean | undefined => first?.parameter(key);
  if (method === 'slerp') {
    const t = of('t');
    const [other] = models;
    if (typeof t !== 'number' || other === undefined || models.length > 1)
      return 'the recipe does not say how SLERP is weighed';
    const weights = await sphereOf({ a: base, b: other, elements, compute, ports }, t);
    return { weights, thresholds: [], normalize: false, lambda: 1, said: [`t ${t}`] };
  }
  const weights = merged.flatMap(({ parameter }) => {
    const weight = parameter('weight');
    return typeof weight === 'number' ? [weight] : [];
  });
  if (weights.length !== merged.length) return 'the recipe does not weigh every model';
  if (of('rescale') === true) return 'changes that are scaled again are not recomputed';
  const said = weights.map(String);
  const lambda = of('lambda');
  const shared = { weights, said, lambda: typeof lambda === 'number' && method !== 'linear' ? lambda : 1 };
  const normalize = of('normalize');
  if (method !== 'ties')
    return { ...shared, thresholds: [], normalize: normalize === undefined ? method === 'linear' : normalize === true };
  const thresholds: number[] = [];
  for (const [at, { parameter }] of merged.entries()) {
    const [density = 1, b] = [parameter('density'), models[at]];
    if (typeof density !== 'number' || b === undefined) return 'the recipe does not say how much is kept';
    thresholds.push(await thresholdOf({ a: base, b, elements, compute, ports }, density));
  }
  return { ...shared, thresholds, normalize: normalize !== false };
}

async function mergedBy(
  question: Question,
  read: (first: number, count: number) => Promise<Uint8Array>,
): Promise<Merged> {
  const { fixed, base, models, elements, ports } = question;
  const step = Math.floor(ports.numbers.elements / Math.max(1, models.length));
  let found: Merged = { beyond: 0, first: 0, open: 0 };
  for (let at = 0; at < elements; at += step) {
    const count = Math.min(step, elements - at);
    const values: Float32Array[] = [];
    for (const model of models) values.push(await model.read(at, count));
    const part = ports.numbers.mergeModels({
      ...fixed,
      child: await read(at, count),
      base: await base.read(at, count),
      models: values,
    });
    found = {
      beyond: found.beyond + part.beyond,
      first: found.beyond > 0 ? found.first : at + part.first,
      open: found.open + part.open,
    };
    ports.signal?.throwIfAborted();
  }
  return found;
}

function judged(
  { beyond, first, open }: Merged,
  { said, elements, columns }: Question,
): Pick<TensorVerdict, 'word' | 'how' | 'why' | 'where' | 'figures'> {
  const how = [said];
  if (beyond === 0 && open === 0) return { word: 'recomputed', how };
  const figures = { elements, differingBlocks: beyond === 0 ? open : beyond };
  if (beyond === 0)
    return {
      word: 'bounded',
      how,
      figures,
      why: `${open} elements are within what rounding leaves, and not what was computed`,
    };
  const why = `${beyond} of its elements are not what the recipe gives`;
  return { word: 'not from the parent', how, why, figures, where: { row: Math.floor(first / columns), block: first } };
}
