import { elementsOf } from '../formats/tensors.ts';
import { converterOf, DROPPED, renamer, type Change, type Converter } from './converters.ts';
import type { Settings } from './settings.ts';
import { isVocabulary, moduleOf, tiedTo } from './naming.ts';
import { lengthened, mapped, reshaped, rowsOf, stacked, transposed, type View } from './view.ts';

/** A tensor of one side, as its file holds it. */
export interface SideTensor {
  readonly name: string;
  /** Canonical: `BF16`, `GGUF_Q4_K`. */
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** What a child's tensor should have been made of. */
export interface Planned {
  readonly child: SideTensor;
  readonly from: readonly string[];
  readonly how: readonly string[];
  /** Absent: `why` says what is missing. */
  readonly view?: View;
  readonly why?: string;
  /** The change takes a transcendental function, whose last bits differ between libraries. */
  readonly approximate?: true;
  /** It is computed from the configuration, not from weights. */
  readonly computed?: true;
  /** Why nothing can be said of it. */
  readonly open?: string;
  /** The row from which on the parent has none. */
  readonly added?: number;
}

export interface Plan {
  readonly planned: readonly Planned[];
  /** Tensors of the parent that the child should hold, and does not. */
  readonly missing: readonly string[];
  /** Tensors of the parent that the step leaves out. */
  readonly dropped: readonly string[];
  /** Of the converter, where one was used. */
  readonly source?: string;
}

export interface PlanInput {
  readonly children: readonly SideTensor[];
  readonly parents: ReadonlyMap<string, View>;
}

/** Widens and casts as the kernel does. */
export type Convert = (from: 'F32' | 'F16' | 'BF16', to: 'F32' | 'F16' | 'BF16', bytes: Uint8Array) => Uint8Array;

/** Steps that keep names and shapes: resharding, casts, quantisation of one format. What is tied may be kept once or twice. */
export function planByName({ children, parents }: PlanInput): Plan {
  const planned = children.map((child) => planNamed(child, parents));
  const names = new Set(children.map(({ name }) => name));
  const missing = [...parents.keys()].filter((name) => !names.has(name));
  if (isOtherwiseNamed(children, parents))
    return { planned: planned.map((each) => ({ ...each, open: UNNAMED })), missing: [], dropped: [] };
  const isBuffer = (name: string): boolean => BUFFERS.some((pattern) => pattern.test(name));
  return { planned, missing: missing.filter((name) => !isBuffer(name)), dropped: missing.filter(isBuffer) };
}

/** Another writer's names for tensors most of which have the same sizes: of that nothing follows. */
function isOtherwiseNamed(children: readonly SideTensor[], parents: ReadonlyMap<string, View>): boolean {
  const modules = new Set([...parents.keys()].map(moduleOf));
  const sizes = new Set([...parents.values()].map(({ shape }) => elementsOf(shape)));
  const alike = children.filter(({ shape }) => sizes.has(elementsOf(shape)));
  return alike.length * 2 > children.length && children.every(({ name }) => !modules.has(moduleOf(name)));
}

export const UNNAMED = 'no tensor of the child has a name that the parent has';
/** What models compute of their configuration, and some writers keep beside the weights. */
const BUFFERS = [...DROPPED, /(?:^|\.)position_ids$/];

function planNamed(child: SideTensor, parents: ReadonlyMap<string, View>): Planned {
  const view = parents.get(child.name);
  const tied = view === undefined ? tiedTo(child.name, parents.keys()) : undefined;
  const base = parents.get(tied ?? '');
  if (base !== undefined && tied !== undefined && base.shape.join() === child.shape.join())
    return { child, from: [tied], how: ['tied'], view: base };
  if (view !== undefined)
    return { child, from: [child.name], how: [], ...(otherRows(child, view) ?? fit(child, view)) };
  const none = { child, from: [], how: [], why: 'the parent has no tensor of this name' };
  return BUFFERS.some((pattern) => pattern.test(child.name))
    ? { ...none, open: 'it is computed when the model is made, and the parent does not keep it' }
    : none;
}

/** A vocabulary that was cut, or filled up with rows of zeros. */
function otherRows(child: SideTensor, view: View): Pick<Planned, 'view' | 'how' | 'added'> | null {
  const [[rows = 0, columns], [own = 0, wide]] = [child.shape, view.shape];
  // Quantised views are read by blocks.
  if (view.dtype.startsWith('GGUF_')) return null;
  if (!isVocabulary(child.name) || child.shape.length !== 2 || view.shape.length !== 2 || columns !== wide) return null;
  if (rows < own) return { view: rowsOf(view, child.shape, (row) => row), how: [`cut to its first ${rows} rows`] };
  return rows === own ? null : { view: lengthened(view, rows), how: ['filled up with rows of zeros'], added: own };
}

/** A GGUF against the checkpoint it was converted from. Null for an architecture that the table does not have. */
export function planConversion(input: PlanInput, settings: Settings, convert: Convert): Plan | null {
  const converter = converterOf(settings.architecture);
  if (converter === null) return null;
  const rename = renamer(converter);
  const children = new Set(input.children.map(({ name }) => name));
  const made = new Map<string, Made>();
  const [dropped, missing]: [string[], string[]] = [[], []];
  for (const [name, view] of input.parents) {
    const renamed = rename(name);
    if (renamed === null || !children.has(renamed.to)) {
      (isDropped(converter, name) ? dropped : missing).push(name);
      continue;
    }
    const entry = made.get(renamed.to) ?? { parts: new Map(), change: renamed.rule.change, stacked: false };
    made.set(renamed.to, entry);
    entry.stacked ||= renamed.rule.stacked === true;
    entry.parts.set(renamed.expert ?? entry.parts.size, { name, view });
  }
  const planned = input.children.map((child) => planOne(child, made.get(child.name), { converter, settings, convert }));
  return { planned, missing, dropped, source: converter.source };
}

function isDropped({ dropped = [] }: Converter, name: string): boolean {
  return [...dropped, ...DROPPED].some((pattern) => pattern.test(name));
}

interface Made {
  readonly parts: Map<number, { readonly name: string; readonly view: View }>;
  readonly change: Change | undefined;
  stacked: boolean;
}

interface How {
  readonly converter: Converter;
  readonly settings: Settings;
  readonly convert: Convert;
}

function planOne(child: SideTensor, made: Made | undefined, how: How): Planned {
  if (made === undefined) {
    return how.converter.added?.some((pattern) => pattern.test(child.name)) === true
      ? { child, from: [], how: ['computed from config.json'], computed: true }
      : { child, from: [], how: [], why: 'nothing of the parent becomes this tensor' };
  }
  const parts = [...made.parts].toSorted(([a], [b]) => a - b);
  const from = parts.map(([, { name }]) => name);
  const views = parts.map(([, { view }]) => view);
  const [first] = views;
  if (first === undefined || (!made.stacked && views.length > 1) || !inOrder(parts))
    return { child, from, how: [], why: 'several tensors of the parent become this one' };
  const view = made.stacked ? stacked(views) : first;
  const steps = made.stacked ? ['experts stacked'] : [];
  if (made.change === undefined) return { child, from, how: steps, ...fit(child, view) };
  const changed = applyChange(made.change, view, child, how);
  if (typeof changed === 'string') return { child, from, how: steps, why: changed };
  const approximate = made.change === 'negative-exponential' ? { approximate: true as const } : {};
  return { child, from, how: [...steps, SAID[made.change]], ...fit(child, changed), ...approximate };
}

/** Experts 0, 1, 2 … of one shape. */
function inOrder(parts: readonly (readonly [number, { readonly view: View }])[]): boolean {
  const shape = parts[0]?.[1].view.shape.join();
  return parts.every(([number, { view }], index) => number === index && view.shape.join() === shape);
}

/** GGUF writers drop leading dimensions of 1. */
function withoutOnes(shape: readonly number[]): string {
  const first = shape.findIndex((size) => size !== 1);
  return first < 0 ? '' : shape.slice(first).join();
}

function fit(child: SideTensor, view: View): Pick<Planned, 'view' | 'why'> {
  return withoutOnes(child.shape) === withoutOnes(view.shape)
    ? { view }
    : { why: `its shape is [${child.shape.join(', ')}], the parent gives [${view.shape.join(', ')}]` };
}

const SAID: Readonly<Record<Change, string>> = {
  'permute-query-heads': 'rows of heads permuted',
  'permute-key-heads': 'rows of heads permuted',
  'add-one': 'one added',
  transpose: 'transposed',
  'negative-exponential': '-exp',
  'drop-middle-axis': 'axis of length 1 dropped',
  'as-column': 'as a column',
  'in-groups': 'in groups',
  'split-qkv-groups': 'query, key and value rows gathered',
  'first-rows': 'cut to the tokenizer',
  'without-padding-rows': 'padding rows cut',
};

/** The changed view, or why it cannot be made. */
function applyChange(change: Change, view: View, child: SideTensor, { settings, convert }: How): View | string {
  const [rows = 0] = view.shape;
  switch (change) {
    case 'permute-query-heads':
      return permuted(view, settings.heads);
    case 'permute-key-heads':
      return permuted(view, settings.keyValueHeads);
    case 'transpose':
      if (view.shape.length < 2) return view;
      return transposed(view);
    case 'drop-middle-axis':
      return view.shape.length === 3
        ? reshaped(
            view,
            view.shape.filter((size, axis) => axis !== 1 || size !== 1),
          )
        : view;
    case 'as-column':
      return reshaped(view, [rows, 1]);
    case 'in-groups':
      return settings.groups > 0
        ? reshaped(view, [settings.groups, rows / settings.groups])
        : 'config.json has no n_groups';
    case 'first-rows':
      return rowsOf(view, [Math.min(rows, child.shape[0] ?? rows), ...view.shape.slice(1)], (row) => row);
    case 'without-padding-rows': {
      const cut = settings.paddingToken + 1;
      return rowsOf(view, [rows - cut, ...view.shape.slice(1)], (row) => row + cut);
    }
    case 'split-qkv-groups':
      return gathered(view, settings);
    case 'add-one':
    case 'negative-exponential':
      return computed(change, view, child, convert);
  }
}

/** Per head of size d: (2, d/2) becomes (d/2, 2), as Llama's rotary embedding is laid out in GGUF. */
function permuted(view: View, heads: number): View | string {
  const [rows = 0] = view.shape;
  const size = rows / heads;
  if (!Number.isSafeInteger(size) || size % 2 !== 0 || heads === 0) return 'config.json’s heads do not divide its rows';
  return rowsOf(view, view.shape, (row) => {
    const within = row % size;
    return row - within + (within % 2) * (size / 2) + Math.floor(within / 2);
  });
}

/** Falcon: groups of queries with their key and value become all queries, all keys, all values. */
function gathered(view: View, { heads, keyValueHeads: groups, hidden }: Settings): View | string {
  const [size, each] = [hidden / heads, heads / groups];
  const [rows = 0] = view.shape;
  if (!Number.isSafeInteger(size) || !Number.isSafeInteger(each) || rows !== groups * (each + 2) * size)
    return 'config.json’s heads do not divide its rows';
  const group = (each + 2) * size;
  return rowsOf(view, view.shape, (row) => {
    const queries = groups * each * size;
    if (row < queries) return Math.floor(row / (each * size)) * group + (row % (each * size));
    const rest = row - queries;
    const [part, within] = [rest < groups * size ? each : each + 1, rest % (groups * size)];
    return Math.floor(within / size) * group + part * size + (within % size);
  });
}

/** In F32, but in F16 for a parent in F16: the converter widens BF16 alone. */
function computed(
  change: 'add-one' | 'negative-exponential',
  view: View,
  child: SideTensor,
  convert: Convert,
): View | string {
  const { dtype } = view;
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') return `its type ${dtype} is not computed with`;
  const target = dtype === 'F16' ? 'F16' : 'F32';
  const one = change === 'add-one' ? (value: number) => value + 1 : (value: number) => -Math.exp(value);
  const each = (bytes: Uint8Array): Uint8Array => {
    const wide = convert(dtype, 'F32', bytes).slice();
    const values = new Float32Array(wide.buffer, 0, wide.length / 4);
    for (let at = 0; at < values.length; at++) values[at] = one(values[at] ?? 0);
    return target === 'F16' ? convert('F32', 'F16', wide) : wide;
  };
  const made = mapped(view, target, target === 'F16' ? 2 : 4, each);
  return elementsOf(child.shape) === elementsOf(view.shape) ? reshaped(made, child.shape) : made;
}
