import { LIMITS } from '../../domain/base/limits.ts';
import {
  adapterPlan,
  adapterSettings,
  scaleOf,
  type AdapterModule,
  type AdapterSettings,
} from '../../domain/derive/adapter.ts';
import { outsideOf } from '../../domain/derive/dora.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import type { FloatType, LowRankMerge, Merged } from '../../domain/ports/numbers.ts';
import { compareTensor, type ComparePorts } from './compare.ts';
import { readBeside, type Opened, type OpenTensor } from './side.ts';
import { floatsOf, viewOfChild, viewsOf } from './views.ts';

const DORA_ALONE = 'DoRA is recomputed in F32 and for weights of (out, in) alone';

export interface MergeSides {
  readonly child: Opened;
  readonly parent: Opened;
  readonly adapter: Opened;
}

export interface MergedTensors {
  readonly tensors: readonly TensorVerdict[];
  readonly missing: readonly string[];
  readonly dropped?: readonly string[];
}

/**
 * A LoRA merged into its base, as PEFT's `merge_and_unload` does it: each of the child's tensors against the parent's and the adapter's.
 * Null where the adapter has no configuration that is known.
 * @see peft 0.21.2, tuners/lora/layer.py
 */
export async function mergedTensors(sides: MergeSides, ports: ComparePorts): Promise<MergedTensors | null> {
  const settings = await settingsOf(sides.adapter);
  if (settings === null) return null;
  const merging: Merging = { ports, settings, adapter: viewsOf(sides.adapter), parents: viewsOf(sides.parent) };
  const { modules, replaced } = adapterPlan([...merging.adapter.keys()]);
  const tensors: TensorVerdict[] = [];
  for (const own of sides.child.tensors) {
    const name = own.tensor.name;
    const module = modules.get(name.replace(/\.weight$/, ''));
    tensors.push(
      module === undefined
        ? await carried(own, replaced.get(name), merging)
        : await mergedOne(own, { module, name: name.replace(/\.weight$/, '') }, merging),
    );
    if (module !== undefined) ports.onElements?.(own.tensor.sizeBytes);
    ports.signal?.throwIfAborted();
  }
  const children = new Set(sides.child.tensors.map(({ tensor }) => tensor.name));
  const unused = [...modules.keys()].filter((module) => !children.has(`${module}.weight`));
  for (const module of unused) tensors.push(notMerged(module));
  return { tensors, missing: [...merging.parents.keys()].filter((name) => !children.has(name)) };
}

interface Merging {
  readonly ports: ComparePorts;
  readonly settings: AdapterSettings;
  readonly adapter: ReadonlyMap<string, View>;
  readonly parents: ReadonlyMap<string, View>;
}

async function settingsOf(adapter: Opened): Promise<AdapterSettings | null> {
  const config = await readBeside(adapter, 'adapter_config.json', LIMITS.documentBytes);
  return config === null ? null : adapterSettings(config);
}

function notMerged(module: string): TensorVerdict {
  const base = { name: `${module}.weight`, dtype: 'none', from: [], how: [] };
  return { ...base, word: 'undecided', why: 'the adapter changes it, and the child has no tensor of this name' };
}

/** What the adapter does not change, or replaces whole (`modules_to_save`). */
async function carried(own: OpenTensor, stored: string | undefined, merging: Merging): Promise<TensorVerdict> {
  const { tensor, source } = own;
  const name = stored ?? tensor.name;
  const view = (stored === undefined ? merging.parents : merging.adapter).get(name);
  const how = stored === undefined ? [] : ['replaced by the adapter'];
  const planned =
    view === undefined
      ? { child: tensor, from: [], how, why: 'the parent has no tensor of this name' }
      : { child: tensor, from: [name], how, view };
  if (view !== undefined && view.shape.join() !== tensor.shape.join())
    return {
      name: tensor.name,
      dtype: tensor.dtype,
      from: [name],
      how,
      word: 'not from the parent',
      why: 'its shape is another',
    };
  return compareTensor(planned, viewOfChild(tensor, source), merging.ports);
}

interface Factors {
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly rank: number;
  readonly scale: number;
  /** The adapter's own type. */
  readonly dtype: string;
  /** Of a DoRA: one a row. */
  readonly magnitudes?: Float32Array;
}

const FLOATS: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

async function mergedOne(
  { tensor, source }: OpenTensor,
  { module, name }: { module: AdapterModule; name: string },
  merging: Merging,
): Promise<TensorVerdict> {
  const base = merging.parents.get(tensor.name);
  const from = [...(base === undefined ? [] : [tensor.name]), ...[module.a, module.b].flatMap((each) => each ?? [])];
  const verdict = { name: tensor.name, dtype: tensor.dtype, from, how: [] as readonly string[] };
  if (base === undefined)
    return { ...verdict, word: 'not from the parent', why: 'the parent has no tensor of this name' };
  const factors = await factorsOf(module, { name, shape: tensor.shape }, merging);
  const shapes = base.shape.join() === tensor.shape.join() && tensor.shape.length === 2;
  if (typeof factors === 'string' || !shapes || !FLOATS.has(base.dtype) || !FLOATS.has(tensor.dtype)) {
    const why =
      typeof factors === 'string' ? factors : `no law of merging into ${base.dtype} [${base.shape.join()}] is known`;
    return { ...verdict, word: 'undecided', why };
  }
  const child = viewOfChild(tensor, source);
  const question: Question = {
    child: (start, count) => child.read(start, count),
    base,
    dtype: tensor.dtype as FloatType,
    from: base.dtype as FloatType,
    shape: [tensor.shape[0] ?? 0, tensor.shape[1] ?? 0],
    factors,
    ports: merging.ports,
  };
  if (factors.magnitudes === undefined) return { ...verdict, ...(await judge(question)) };
  if ([base.dtype, tensor.dtype, factors.dtype].some((dtype) => dtype !== 'F32'))
    return { ...verdict, word: 'undecided', why: DORA_ALONE };
  return { ...verdict, ...(await judgeDora(question, factors.magnitudes)) };
}

/** Never more than bounded: the factor of a row is a norm, which is a sum in any order. */
async function judgeDora(
  { child, base, shape: [rows, columns], factors, ports }: Question,
  magnitudes: Float32Array,
): Promise<Pick<TensorVerdict, 'word' | 'how' | 'why' | 'where' | 'figures'>> {
  const how = [`DoRA of rank ${factors.rank} merged`];
  let [beyond, first] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const found = outsideOf({
      child: singles(await child(start, columns)),
      parent: singles(await base.read(start, columns)),
      left: factors.left.subarray(row * factors.rank, (row + 1) * factors.rank),
      right: factors.right,
      scale: factors.scale,
      magnitude: magnitudes[row] ?? Number.NaN,
    });
    if (beyond === 0 && found.count > 0) first = start + found.first;
    beyond += found.count;
    ports.signal?.throwIfAborted();
  }
  const figures = { elements: rows * columns, differingBlocks: beyond };
  if (beyond === 0)
    return {
      word: 'bounded',
      how,
      why: 'each row is one multiple of the merged row, within what its norm leaves',
      figures,
    };
  const where = { row: Math.floor(first / columns), block: first };
  return {
    word: 'not from the parent',
    how,
    why: `${beyond} of its elements are not what merging gives, in any order of the sums`,
    where,
    figures,
  };
}

function singles(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Numbers of one factor that are held at most. */
const MOST_HELD = 1 << 25;

/** Both factors, for rows and columns as the model has them, or why they are not known. */
async function factorsOf(
  { a, b, embedding, magnitude, unknown }: AdapterModule,
  { name, shape }: { name: string; shape: readonly number[] },
  { adapter, settings, ports }: Merging,
): Promise<Factors | string> {
  const [first, second] = [adapter.get(a ?? ''), adapter.get(b ?? '')];
  if (unknown !== undefined) return unknown;
  if (first === undefined || second === undefined) return 'the adapter has only one of the two factors';
  const strength = magnitude === undefined ? undefined : adapter.get(magnitude);
  if ((strength !== undefined) !== settings.directions) return 'the magnitudes of a DoRA are missing, or are too many';
  const [rank = 0, inner = 0] = first.shape;
  const [outer = 0, otherRank = -1] = second.shape;
  const turned = embedding || settings.fanInFanOut;
  if (strength !== undefined && (turned || strength.dtype !== 'F32' || strength.shape.join() !== String(outer)))
    return DORA_ALONE;
  const [rows, columns] = turned ? [inner, outer] : [outer, inner];
  if (first.shape.length !== 2 || second.shape.length !== 2 || rank === 0 || rank !== otherRank)
    return 'the shapes of the factors are not those of a product';
  if (rows !== shape[0] || columns !== shape[1]) return 'the product of the factors has another shape';
  const scale = scaleOf(settings, name, rank);
  if (scale === null) return 'alpha_pattern is a regular expression';
  if (
    rank * columns > ports.numbers.factors ||
    Math.max(rank * rows, columns) > MOST_HELD ||
    columns > ports.numbers.elements
  )
    return 'the adapter is too large to be recomputed';
  const [aFloats, bFloats] = [floatsOf(first, ports.numbers), floatsOf(second, ports.numbers)];
  if (aFloats === null || bFloats === null) return 'the adapter is of a type that is not known';
  const [aValues, bValues] = [await aFloats.read(0, rank * inner), await bFloats.read(0, outer * rank)];
  return turned
    ? { left: turn(aValues, rank, inner), right: turn(bValues, outer, rank), rank, scale, dtype: first.dtype }
    : {
        left: bValues,
        right: aValues,
        rank,
        scale,
        dtype: first.dtype,
        ...(strength === undefined
          ? {}
          : { magnitudes: (await floatsOf(strength, ports.numbers)?.read(0, outer)) ?? new Float32Array(0) }),
      };
}

function turn(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column] ?? 0;
  return out;
}

interface Question {
  readonly child: (start: number, count: number) => Promise<Uint8Array>;
  readonly base: View;
  readonly dtype: FloatType;
  readonly from: FloatType;
  readonly shape: readonly [rows: number, columns: number];
  readonly factors: Factors;
  readonly ports: ComparePorts;
}

type Recipe = Pick<LowRankMerge, 'via' | 'product'>;

/** In which type the product was added is not recorded: the parent's, the child's, the adapter's, F32. */
function recipesOf({ dtype, from, factors }: Question): readonly Recipe[] {
  const narrow = (each: string): each is 'F16' | 'BF16' => each === 'F16' || each === 'BF16';
  const products = [...new Set([dtype, from, factors.dtype].filter(narrow))];
  const vias = dtype !== from && narrow(dtype) ? [undefined, dtype] : [undefined];
  return vias.flatMap((via) =>
    [undefined, ...products].map((product) => ({
      ...(via === undefined ? {} : { via }),
      ...(product === undefined ? {} : { product }),
    })),
  );
}

async function judge(question: Question): Promise<Pick<TensorVerdict, 'word' | 'how' | 'why' | 'where' | 'figures'>> {
  const { shape, factors } = question;
  const elements = shape[0] * shape[1];
  let [best, likeliest]: [Merged | undefined, Recipe] = [undefined, {}];
  for (const recipe of recipesOf(question)) {
    const found = await mergedBy(recipe, question, true);
    if (best === undefined || isBetter(found, best)) [best, likeliest] = [found, recipe];
    if (found.beyond === 0 && found.open === 0) break;
  }
  const how = [`LoRA of rank ${factors.rank} merged, ${said(likeliest)}`];
  const { beyond, open } = best ?? { beyond: elements, open: 0 };
  if (beyond === 0 && open === 0) return { word: 'recomputed', how };
  if (beyond === 0) {
    const why = `${open} elements are what some order of the sums gives, and none of those that were tried`;
    return { word: 'bounded', how, why, figures: { elements, differingBlocks: open } };
  }
  const whole = await mergedBy(likeliest, question, false);
  const where = { row: Math.floor(whole.first / shape[1]), block: whole.first };
  const why = `${whole.beyond} of its elements are not what merging gives, in any order of the sums`;
  return { word: 'not from the parent', how, why, where, figures: { elements, differingBlocks: whole.beyond } };
}

function isBetter(a: Merged, b: Merged): boolean {
  if (a.beyond === 0 || b.beyond === 0) return a.beyond === 0 && (b.beyond > 0 || a.open < b.open);
  return a.first > b.first;
}

function said({ via, product }: Recipe): string {
  const cast = via === undefined ? '' : `into what was cast to ${via}, `;
  return `${cast}the product ${product === undefined ? 'added in F32' : `rounded to ${product} first`}`;
}

/** Over all rows; with `stop` as far as they hold. */
async function mergedBy(recipe: Recipe, question: Question, stop: boolean): Promise<Merged> {
  const { child, base, dtype, from, shape, factors, ports } = question;
  const [rows, columns] = shape;
  const { rank, scale, left, right } = factors;
  const step = Math.max(
    1,
    Math.min(Math.floor(ports.numbers.elements / columns), Math.floor(ports.numbers.factors / rank)),
  );
  let found: Merged = { beyond: 0, first: 0, open: 0 };
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const [start, length] = [row * columns, count * columns];
    const part = ports.numbers.lowRank({
      ...recipe,
      child: await child(start, length),
      parent: await base.read(start, length),
      dtype,
      base: from,
      rows: count,
      columns,
      rank,
      scale,
      left: left.subarray(row * rank, (row + count) * rank),
      right,
    });
    found = {
      beyond: found.beyond + part.beyond,
      first: found.beyond > 0 ? found.first : start + part.first,
      open: found.open + part.open,
    };
    if (stop && found.beyond > 0) break;
    ports.signal?.throwIfAborted();
  }
  return found;
}
