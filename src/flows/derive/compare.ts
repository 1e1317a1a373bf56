import { Buffer } from 'node:buffer';
import { elementsOf } from '../../domain/formats/tensors.ts';
import { GGML_TYPES } from '../../domain/formats/ggml.ts';
import type { Planned } from '../../domain/derive/plan.ts';
import type { TensorFigures, TensorVerdict } from '../../domain/derive/verdict.ts';
import type { Reading, View } from '../../domain/derive/view.ts';
import type {
  Differing,
  Elements,
  FloatType,
  Nearness,
  PlacedElements,
  Recipe,
  WeightNumbers,
} from '../../domain/ports/numbers.ts';

export interface ComparePorts {
  readonly numbers: WeightNumbers;
  readonly signal?: AbortSignal;
  readonly onElements?: (count: number) => void;
}

export interface CompareOptions {
  /** Importance of each column, one row of them a matrix (experts: several). */
  readonly importance?: Float32Array;
  /** Do not repeat the searches of K-quants and IQ4, which take a hundred times as long as checking codes. */
  readonly quick?: boolean;
}

/** The child's tensor: whole blocks at a time. */
export interface ChildView {
  /** GGML's number; undefined for a type that is none. */
  readonly kind: number | undefined;
  readonly dtype: string;
  readonly elements: number;
  readonly block: number;
  readonly blockBytes: number;
  /** By blocks. */
  readonly read: Reading;
}

const KINDS = new Map(
  Object.entries(GGML_TYPES).map(([number, type]) => [type.name, { number: Number(number), ...type }]),
);
const FLOATS: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);
/** Types whose scale is searched: nobody repeats that unasked. */
const SEARCHED = new Set([10, 11, 12, 13, 14, 20, 23]);
/** Types that the kernel knows. */
export const KNOWN: ReadonlySet<number> = new Set([
  0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 30, 34, 35, 39, 40,
]);

/** A child's tensor of a canonical dtype as blocks, which `reading` makes of their bytes. */
export function childView(
  dtype: string,
  shape: readonly number[],
  width: number,
  reading: (blockBytes: number) => Reading,
): ChildView {
  const kind = KINDS.get(dtype.replace(/^GGUF_/, ''));
  const known = kind !== undefined && (dtype.startsWith('GGUF_') || FLOATS.has(dtype));
  const [block, blockBytes] = known ? [kind.block, kind.bytes] : [1, width];
  return {
    kind: known && KNOWN.has(kind.number) ? kind.number : undefined,
    dtype,
    elements: elementsOf(shape),
    block,
    blockBytes,
    read: reading(blockBytes),
  };
}

/** The strongest word for one tensor. */
export async function compareTensor(
  planned: Planned,
  child: ChildView,
  ports: ComparePorts,
  options: CompareOptions = {},
): Promise<TensorVerdict> {
  const { view, from, how, why } = planned;
  const base = { name: planned.child.name, dtype: child.dtype.replace(/^GGUF_/, ''), from, how };
  if (planned.open !== undefined) return { ...base, word: 'undecided', why: planned.open };
  if (view === undefined) return { ...base, word: 'not from the parent', why: why ?? 'the parent has nothing like it' };
  const same = view.dtype === child.dtype ? await sameBytes(view, child, ports) : null;
  if (same === true) return { ...base, word: how.length === 0 ? 'equal' : 'recomputed' };
  if (child.kind === undefined || !FLOATS.has(view.dtype))
    return same === false
      ? { ...base, word: 'not from the parent', why: 'its bytes differ' }
      : { ...base, word: 'undecided', why: `no law of ${child.dtype} from ${view.dtype} is known` };
  const question: Question = { view, child, kind: child.kind, dtype: view.dtype as FloatType, ports, options };
  return ofAddedRows(await judge(base, question, planned), planned);
}

/** Rows that the parent has not, and that are not zeros, say nothing of it: neither for the child nor against it. */
function ofAddedRows(verdict: TensorVerdict, { added, child }: Planned): TensorVerdict {
  const { where, ...rest } = verdict;
  if (added === undefined || verdict.word !== 'not from the parent' || where === undefined || where.row < added)
    return verdict;
  return { ...rest, word: 'undecided', why: `its rows ${added} to ${(child.shape[0] ?? 0) - 1} are not the parent's` };
}

interface Question {
  readonly view: View;
  readonly child: ChildView;
  readonly kind: number;
  readonly dtype: FloatType;
  readonly ports: ComparePorts;
  readonly options: CompareOptions;
}

async function judge(
  base: Pick<TensorVerdict, 'name' | 'dtype' | 'from' | 'how'>,
  question: Question,
  planned: Planned,
): Promise<TensorVerdict> {
  const { kind, child } = question;
  const elements = child.elements;
  const recomputed = question.options.quick === true && SEARCHED.has(kind) ? null : await tryRecipes(question);
  if (recomputed?.recipe !== undefined)
    return { ...base, word: 'recomputed', how: [...base.how, ...described(recomputed.recipe, child, question)] };
  if (child.block === 1) {
    const figures = { elements, differingBlocks: recomputed?.blocks ?? 0 };
    if (planned.approximate === true && (await withinUlps(question, 2)))
      return {
        ...base,
        word: 'bounded',
        figures,
        why: 'within 2 units in the last place: the exponential of another library',
      };
    return refused(
      base,
      {
        first: recomputed?.first ?? 0,
        figures,
        why: `${figures.differingBlocks} of its elements are not the parent's`,
      },
      planned,
    );
  }
  return byCodes(base, question, { planned, ...(recomputed === null ? {} : { blocks: recomputed.blocks }) });
}

/** By its codes alone; the parent's own values and those by way of F16 are tried. */
async function byCodes(
  base: Pick<TensorVerdict, 'name' | 'dtype' | 'from' | 'how'>,
  question: Question,
  { planned, blocks }: { planned: Planned; blocks?: number },
): Promise<TensorVerdict> {
  const { kind, dtype, child } = question;
  let best: { nearness: Nearness; via?: 'F16' } | undefined;
  for (const via of dtype === 'F16' ? [undefined] : [undefined, 'F16' as const]) {
    const nearness = await allNearness({ kind, dtype, ...(via === undefined ? {} : { via }) }, question);
    if (nearness === null) return { ...base, word: 'undecided', why: `codes of ${base.dtype} say nothing alone` };
    if (best === undefined || nearness.beyond < best.nearness.beyond)
      best = { nearness, ...(via === undefined ? {} : { via }) };
    if (nearness.beyond === 0) break;
  }
  const { nearness, via } = best ?? { nearness: NONE, via: undefined };
  const figures: TensorFigures = {
    elements: child.elements,
    ...(blocks === undefined ? {} : { differingBlocks: blocks }),
    worstDistance: nearness.worst,
    notNearest: nearness.beyond,
    relativeError: nearness.square === 0 ? 0 : Math.sqrt(nearness.error / nearness.square),
    freeElements: nearness.free,
  };
  const how = [...base.how, ...(via === undefined ? [] : ['via F16']), base.dtype];
  const open =
    blocks === undefined ? 'its scales were not recomputed' : `the scales of ${blocks} blocks are not explained`;
  if (nearness.beyond === 0) return { ...base, how, word: 'nearest codes', figures, why: open };
  if (nearness.far === 0)
    return { ...base, how, word: 'bounded', figures, why: `${nearness.beyond} codes are not the nearest` };
  return refused(
    { ...base, how },
    { first: nearness.first, figures, why: `${nearness.beyond} codes are not those of the parent's values` },
    planned,
  );
}

const NONE: Nearness = { beyond: 0, far: 0, first: 0, free: 0, worst: 0, error: 0, square: 0 };

function refused(
  base: Pick<TensorVerdict, 'name' | 'dtype' | 'from' | 'how'>,
  found: { first: number; figures: TensorFigures; why: string },
  planned: Planned,
): TensorVerdict {
  const columns = planned.child.shape.at(-1) ?? 1;
  const kind = KINDS.get(base.dtype);
  const where = { row: Math.floor(found.first / columns), block: Math.floor(found.first / (kind?.block ?? 1)) };
  return { ...base, word: 'not from the parent', figures: found.figures, why: found.why, where };
}

function described(recipe: Recipe, child: ChildView, { options }: Question): string[] {
  if (child.block === 1) return [`cast to ${child.dtype}`];
  const name = child.dtype.replace(/^GGUF_/, '');
  return [
    ...(recipe.via === undefined ? [] : [`via ${recipe.via}`]),
    `${name} by ${recipe.fused === true ? 'fused' : 'plain'} arithmetic${options.importance === undefined ? '' : ', with importance'}`,
  ];
}

/** Elements a question takes: whole blocks, and with importance whole rows. */
function stepOf({ child, ports, options }: Question): { step: number; rows: boolean } {
  const { block } = child;
  const most = Math.floor(ports.numbers.elements / block) * block;
  const columns = options.importance?.length ?? 0;
  return columns === 0
    ? { step: most, rows: false }
    : { step: Math.max(columns, Math.floor(most / columns) * columns), rows: true };
}

async function elementsAt({ view, child }: Question, start: number, count: number): Promise<Elements> {
  const blocks = Math.ceil(count / child.block);
  const [own, parent] = [await child.read(start / child.block, blocks), await view.read(start, count)];
  return { child: own, parent };
}

interface Tried {
  readonly recipe?: Recipe;
  readonly blocks: number;
  readonly first: number;
}

/** Recipes are tried on the first elements; those that hold go on. Of those that fail the one that failed last is told. */
async function tryRecipes(question: Question): Promise<Tried> {
  const { child, ports, options } = question;
  if (child.elements % child.block !== 0) return { blocks: 0, first: 0 };
  const { step } = stepOf(question);
  let alive = recipesOf(question);
  let failed: Tried = { blocks: 0, first: 0 };
  if (child.elements === 0) return { ...failed, ...(alive[0] === undefined ? {} : { recipe: alive[0] }) };
  // A first look at little: most recipes fail there.
  const sizes = [Math.min(step, options.importance?.length ?? child.block * 16), step];
  for (let at = 0, turn = 0; at < child.elements && alive.length > 0; turn++) {
    const atOnce = turn === 0 ? 1 : ports.numbers.atOnce;
    const starts: number[] = [];
    const size = sizes[Math.min(turn, 1)] ?? step;
    for (; starts.length < atOnce && at < child.elements; at += size) starts.push(at);
    const whole = turn === 0 ? null : await placedAnswer(question, alive[0]);
    if (whole !== null) {
      if (whole.blocks === 0) break;
      failed = { blocks: whole.blocks, first: whole.first * child.block };
      alive = alive.slice(1);
      at = 0;
      continue;
    }
    const trying = turn === 0 ? alive : alive.slice(0, 1);
    const answers = await Promise.all(starts.map((start) => answersAt(question, trying, { start, size })));
    const kept = trying.filter((_, index) => answers.every((answer) => answer[index]?.blocks === 0));
    if (turn === 0) alive = kept;
    else if (kept.length === 0) {
      // The next of those that held at first begins anew: most often one recipe holds, and only it is worth its time.
      if (alive.length === 1) failed = await failedOf(question, alive);
      alive = alive.slice(1);
      at = 0;
    }
    if (turn === 0 && kept.length === 0) failed = await failedOf(question, trying);
    ports.signal?.throwIfAborted();
  }
  const [recipe] = alive;
  return recipe === undefined ? failed : { recipe, blocks: 0, first: 0 };
}

/** Both sides where they lie, for a kernel that reads them itself. */
function placedElements({ view, child, ports }: Question, part: number): PlacedElements | null {
  const [own, parent] = [child.read.stretch, view.read.stretch];
  if (ports.numbers.placed === undefined || own === undefined || parent === undefined) return null;
  const { signal } = ports;
  return { child: own, parent, elements: child.elements, part, ...(signal === undefined ? {} : { signal }) };
}

/** Of the whole tensor at once; null where it must be read here. */
async function placedAnswer(question: Question, recipe: Recipe | undefined): Promise<Differing | null> {
  const { ports, options, child } = question;
  const placed = placedElements(question, stepOf(question).step);
  if (placed === null || recipe === undefined) return null;
  const answer = (await ports.numbers.placed?.recompute(recipe, placed, options.importance)) ?? null;
  if (answer !== null) ports.onElements?.(child.elements);
  return answer;
}

async function answersAt(
  question: Question,
  recipes: readonly Recipe[],
  { start, size }: { start: number; size: number },
) {
  const { child, ports, options } = question;
  const count = Math.min(size, child.elements - start);
  const elements = await elementsAt(question, start, count);
  const answers = await Promise.all(
    recipes.map((recipe) => ports.numbers.recompute(recipe, elements, options.importance)),
  );
  ports.onElements?.(count);
  return answers;
}

/** All that differs under the first of the recipes that had held so far. */
async function failedOf(question: Question, alive: readonly Recipe[]): Promise<Tried> {
  const { child, ports, options } = question;
  const [recipe] = alive;
  if (recipe === undefined) return { blocks: 0, first: 0 };
  const { step } = stepOf(question);
  let [blocks, first] = [0, -1];
  for (let at = 0; at < child.elements; at += step) {
    const elements = await elementsAt(question, at, Math.min(step, child.elements - at));
    const found = await ports.numbers.recompute(recipe, elements, options.importance);
    if (found.blocks > 0 && first < 0) first = at + found.first * child.block;
    blocks += found.blocks;
    ports.signal?.throwIfAborted();
  }
  return { blocks, first: Math.max(0, first) };
}

function recipesOf({ kind, dtype, child }: Question): Recipe[] {
  const vias = child.block === 1 ? [undefined] : ([undefined, 'F16', 'BF16'] as const).filter((via) => via !== dtype);
  const fused = child.block === 1 || kind === 8 ? [false] : [false, true];
  return vias.flatMap((via) =>
    fused.map((each) => ({ kind, dtype, fused: each, ...(via === undefined ? {} : { via }) })),
  );
}

async function allNearness(recipe: Recipe, question: Question): Promise<Nearness | null> {
  const { child, ports } = question;
  const step = Math.floor(ports.numbers.elements / child.block) * child.block;
  const placed = placedElements(question, step);
  const whole = placed === null ? null : await ports.numbers.placed?.nearest(recipe, placed);
  if (whole !== null && whole !== undefined) return whole;
  let sum = NONE;
  const pending: { at: number; answer: Promise<Nearness | null> }[] = [];
  const settle = async (): Promise<boolean> => {
    const next = pending.shift();
    const found = await next?.answer;
    if (next === undefined || found === null || found === undefined) return false;
    sum = added(sum, found, next.at);
    return true;
  };
  for (let at = 0; at < child.elements; at += step) {
    const count = Math.min(step, child.elements - at);
    pending.push({ at, answer: ports.numbers.nearest(recipe, await elementsAt(question, at, count)) });
    ports.onElements?.(count);
    if (pending.length >= ports.numbers.atOnce && !(await settle())) return null;
    ports.signal?.throwIfAborted();
  }
  while (pending.length > 0) if (!(await settle())) return null;
  return sum;
}

function added(sum: Nearness, found: Nearness, at: number): Nearness {
  return {
    beyond: sum.beyond + found.beyond,
    far: sum.far + found.far,
    first: sum.beyond > 0 ? sum.first : at + found.first,
    free: sum.free + found.free,
    worst: Math.max(sum.worst, found.worst),
    error: sum.error + found.error,
    square: sum.square + found.square,
  };
}

/** Block by block: a quantised parent's view is one of blocks. */
async function sameBytes(view: View, child: ChildView, { onElements, signal }: ComparePorts): Promise<boolean> {
  const blocks = { count: Math.ceil(child.elements / child.block), bytes: child.blockBytes };
  return sameBlocks(child, view, blocks, (count) => {
    onElements?.(count * child.block);
    signal?.throwIfAborted();
  });
}

/** Whether two of so many blocks, of so many bytes each, hold the same, read a megabyte at a time. */
export async function sameBlocks(
  one: Pick<View, 'read'>,
  other: Pick<View, 'read'>,
  { count: all, bytes }: { readonly count: number; readonly bytes: number },
  onBlocks: (count: number) => void,
): Promise<boolean> {
  const step = Math.max(1, Math.floor((1 << 20) / bytes));
  for (let at = 0; at < all; at += step) {
    const count = Math.min(step, all - at);
    if (Buffer.compare(await one.read(at, count), await other.read(at, count)) !== 0) return false;
    onBlocks(count);
  }
  return true;
}

async function withinUlps({ view, child, ports }: Question, most: number): Promise<boolean> {
  if (child.dtype !== 'F32' || view.dtype !== 'F32') return false;
  const [own, parent] = [await child.read(0, child.elements), await view.read(0, child.elements)];
  ports.signal?.throwIfAborted();
  const [a, b] = [ordered(own), ordered(parent)];
  return a.every((value, index) => Math.abs(value - (b[index] ?? 0)) <= most);
}

/** F32 as integers in the order of the numbers. */
function ordered(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: bytes.length / 4 }, (_, index) => {
    const bits = view.getInt32(index * 4, true);
    return bits < 0 ? -(bits & 0x7fff_ffff) : bits;
  });
}
