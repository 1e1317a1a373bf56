import { isJsonObject, parseStrictJson } from '../../domain/base/json.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import * as law from '../../domain/derive/packed.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { FloatType } from '../../domain/ports/numbers.ts';
import type { ComparePorts } from './compare.ts';
import type { OpenTensor } from './side.ts';
import { floatsOf, parentView, type Floats } from './views.ts';

/** A weight whose codes lie in one tensor and whose scales in others beside it. */
export interface PackedWeight {
  readonly name: string;
  readonly codes: OpenTensor;
  readonly kind: 'four bits' | 'eight bits';
  /** By the part of the name that tells them: `absmax`, `quant_map`, `SCB`, `weight_scale` … */
  readonly beside: ReadonlyMap<string, OpenTensor>;
}

const FOUR = /^(.+)\.(absmax|quant_map|nested_absmax|nested_quant_map|quant_state\.bitsandbytes__(?:nf4|fp4))$/;
const EIGHT = /^(.+)\.(SCB|weight_format|weight_scale|weight_zero_point)$/;

/** Weights that bitsandbytes (4 and 8 bits) or compressed-tensors (8 bits) packed, by the names they leave. */
export function packedWeights(tensors: readonly OpenTensor[]): Map<string, PackedWeight> {
  const byName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const found = new Map<string, PackedWeight & { readonly beside: Map<string, OpenTensor> }>();
  for (const each of tensors) {
    const { name } = each.tensor;
    const [, four, part] = FOUR.exec(name) ?? [];
    const [, eight, other] = EIGHT.exec(name) ?? [];
    const weight = four ?? (eight === undefined ? undefined : `${eight}.weight`);
    const codes = byName.get(weight ?? '');
    if (weight === undefined || codes === undefined) continue;
    if (codes.tensor.dtype !== (four === undefined ? 'I8' : 'U8')) continue;
    const kind = four === undefined ? ('eight bits' as const) : ('four bits' as const);
    const entry = found.get(weight) ?? { name: weight, codes, kind, beside: new Map<string, OpenTensor>() };
    entry.beside.set((part ?? other ?? '').replace(/\.bitsandbytes__\w+$/, ''), each);
    found.set(weight, entry);
  }
  return found;
}

const VIAS = [undefined, 'F16', 'BF16'] as const;

/** The strongest word for a packed weight: in which type it was loaded before is not recorded, so each is tried. */
export async function comparePacked(
  weight: PackedWeight,
  parent: View | undefined,
  ports: ComparePorts,
): Promise<TensorVerdict> {
  const { name, codes, kind } = weight;
  const base = {
    name,
    dtype: codes.tensor.dtype,
    from: parent === undefined ? [] : [name],
    how: [] as readonly string[],
  };
  if (parent === undefined)
    return { ...base, word: 'not from the parent', why: 'the parent has no tensor of this name' };
  if (!['F32', 'F16', 'BF16'].includes(parent.dtype))
    return { ...base, word: 'undecided', why: `no law of packing ${parent.dtype} is known` };
  let best: (Judged & { readonly how: readonly string[] }) | undefined;
  for (const via of VIAS) {
    if (via === parent.dtype) continue;
    const floats = floatsOf(through(parent, via, ports), ports.numbers);
    if (floats === null) continue;
    const found = kind === 'four bits' ? await fourBits(weight, floats, ports) : await eightBits(weight, floats, ports);
    if (typeof found === 'string') return { ...base, word: 'undecided', why: found };
    const judged = {
      ...judge(found),
      how: [...(via === undefined ? [] : [`via ${via}`]), found.said],
      packed: found.packed,
    };
    if (best === undefined || judged.rank < best.rank) best = judged;
    if (best.rank === 0) break;
  }
  const { word, why, how, packed } = best ?? {
    word: 'undecided' as const,
    why: 'nothing was compared',
    how: [],
    packed: law.NOTHING,
  };
  const columns = parent.shape.at(-1) ?? 1;
  const where = packed.beyond > 0 ? { where: { row: Math.floor(packed.first / columns), block: packed.first } } : {};
  const figures = { elements: elementsOf(parent.shape), notNearest: packed.beyond };
  return { ...base, how, word, ...(why === undefined ? {} : { why }), ...where, figures };
}

interface Judged {
  readonly rank: number;
  readonly word: TensorVerdict['word'];
  readonly why?: string;
  readonly packed: law.Packed;
}

function judge({ packed, exact, loose }: Found): Omit<Judged, 'packed'> {
  const { beyond, open, scales, odd } = packed;
  if (beyond > 0) return { rank: 4, word: 'not from the parent', why: `${beyond} codes are not the nearest` };
  if (odd > 0 && exact)
    return { rank: 3, word: 'not from the parent', why: `${odd} scales are not those of the parent's values` };
  if (odd > 0) return { rank: 2, word: 'undecided', why: `${odd} scales are not of the size of the parent's values` };
  if (scales > 0) return { rank: 1, word: 'nearest codes', why: `${scales} scales are not explained` };
  if (open > 0) return { rank: 1, word: 'nearest codes', why: `${open} codes lie between two and are the other one` };
  if (loose !== undefined) return { rank: 0, word: 'nearest codes', why: loose };
  return { rank: 0, word: 'recomputed' };
}

/** The parent as it was loaded before it was packed. */
function through(view: View, via: 'F16' | 'BF16' | undefined, { numbers }: ComparePorts): View {
  const from = view.dtype as FloatType;
  if (via === undefined) return view;
  const read = async (start: number, count: number): Promise<Uint8Array> =>
    numbers.convert(from, via, await view.read(start, count));
  return { ...view, dtype: via, width: 2, read };
}

interface Found {
  readonly packed: law.Packed;
  readonly said: string;
  /** Its scales follow from the values: there is no freedom in them. */
  readonly exact: boolean;
  /** Why it is not bit for bit whatever was found. */
  readonly loose?: string;
}

const MOST_SCALES = 1 << 25;

async function numbersIn(each: OpenTensor | undefined, ports: ComparePorts): Promise<Float32Array | null> {
  if (each === undefined || elementsOf(each.tensor.shape) > MOST_SCALES) return null;
  const floats = floatsOf(parentView(each.tensor, each.source), ports.numbers);
  return floats === null ? null : floats.read(0, elementsOf(each.tensor.shape));
}

async function bytesIn(each: OpenTensor | undefined): Promise<Uint8Array | null> {
  if (each?.tensor.dtype !== 'U8' || each.tensor.sizeBytes > MOST_SCALES) return null;
  return parentView(each.tensor, each.source).read(0, each.tensor.sizeBytes);
}

async function fourBits({ codes, beside }: PackedWeight, parent: Floats, ports: ComparePorts): Promise<Found | string> {
  const state = stateOf(await bytesIn(beside.get('quant_state')));
  const map = await numbersIn(beside.get('quant_map'), ports);
  const elements = elementsOf(parent.shape);
  if (state === null || map === null) return 'its quant_state cannot be read';
  const table = law.TABLES[state.kind] ?? [];
  if (map.length !== 16 || map.some((value, at) => value !== table[at]))
    return `its table is not that of ${state.kind}`;
  if (state.shape.join() !== parent.shape.join() || codes.tensor.sizeBytes !== Math.ceil(elements / 2))
    return 'its shape is not the parent’s';
  const absmax = beside.get('absmax');
  const nested = absmax?.tensor.dtype === 'U8';
  const scales = nested ? null : await numbersIn(absmax, ports);
  const blocks = Math.ceil(elements / state.block);
  if (!nested && scales?.length !== blocks) return 'its scales are not one a block';
  const view = parentView(codes.tensor, codes.source);
  const greatest = new Float32Array(blocks);
  let packed = law.NOTHING;
  const step = Math.floor(ports.numbers.elements / state.block) * state.block;
  for (let at = 0; at < elements; at += step) {
    const count = Math.min(step, elements - at);
    const part = law.fourBits(table, state.block, {
      values: await parent.read(at, count),
      codes: await view.read(at / 2, Math.ceil(count / 2)),
      scales: scales?.subarray(at / state.block) ?? null,
      start: at,
    });
    greatest.set(part.greatest, at / state.block);
    packed = law.together(packed, part);
    ports.signal?.throwIfAborted();
  }
  if (!nested) return { packed, said: `${state.kind} in blocks of ${state.block}`, exact: true };
  const [own, inner] = [await bytesIn(absmax), await numbersIn(beside.get('nested_absmax'), ports)];
  const innerMap = await numbersIn(beside.get('nested_quant_map'), ports);
  const known = law.dynamicMap();
  if (own?.length !== blocks || inner === null || innerMap === null || state.offset === undefined)
    return 'its scales cannot be read';
  if (
    state.nestedBlock !== 256 ||
    innerMap.length !== 256 ||
    innerMap.some((value, at) => Math.abs(value - (known[at] ?? 0)) > 1e-6)
  )
    return 'the table of its scales is not known';
  const scaled = law.nestedScales(greatest, { codes: own, absmax: inner, offset: state.offset });
  return {
    packed: law.together(packed, scaled),
    said: `${state.kind} in blocks of ${state.block}, scales packed`,
    exact: true,
    loose: LOOSE,
  };
}

const LOOSE = 'its scales are codes around their mean, a sum that is within 10⁻⁵';

interface State {
  readonly kind: string;
  readonly block: number;
  readonly shape: readonly number[];
  readonly nestedBlock?: number;
  readonly offset?: number;
}

/** The JSON that bitsandbytes keeps as bytes. */
function stateOf(bytes: Uint8Array | null): State | null {
  if (bytes === null) return null;
  try {
    const value = parseStrictJson(bytes, { maxBytes: 4096 });
    if (!isJsonObject(value)) return null;
    const { quant_type: kind, blocksize: block, shape, nested_blocksize: nestedBlock, nested_offset: offset } = value;
    if (typeof kind !== 'string' || !Object.hasOwn(law.TABLES, kind) || !Array.isArray(shape)) return null;
    if (typeof block !== 'number' || !BLOCKS.has(block)) return null;
    const sizes = shape.filter((each) => typeof each === 'number');
    const inner = typeof nestedBlock === 'number' && typeof offset === 'number' ? { nestedBlock, offset } : {};
    return { kind, block, shape: sizes, ...inner };
  } catch (error) {
    if (error instanceof WeighmarkError) return null;
    throw error;
  }
}

const BLOCKS: ReadonlySet<number> = new Set([32, 64, 128, 256, 512, 1024, 2048, 4096]);

async function eightBits(
  { codes, beside }: PackedWeight,
  parent: Floats,
  ports: ComparePorts,
): Promise<Found | string> {
  const elements = elementsOf(parent.shape);
  if (beside.has('weight_zero_point')) return 'zero points are not recomputed';
  const scales = await numbersIn(beside.get('SCB'), ports);
  if (scales === null || codes.tensor.shape.join() !== parent.shape.join()) return 'its scales cannot be read';
  const group = elements / scales.length;
  const columns = parent.shape.at(-1) ?? 1;
  // A scale a row, a part of a row, or one for all.
  if (!Number.isSafeInteger(group) || (group !== elements && columns % group !== 0))
    return 'its scales have a shape that is not known';
  const view = parentView(codes.tensor, codes.source);
  let packed = law.NOTHING;
  const most = ports.numbers.elements;
  const step = group > most ? most : Math.floor(most / group) * group;
  let greatest = 0;
  for (let at = 0; at < elements; at += step) {
    const count = Math.min(step, elements - at);
    const [values, own] = [await parent.read(at, count), await view.read(at, count)];
    const signed = new Int8Array(own.buffer, own.byteOffset, own.length);
    for (let from = 0; from < count;) {
      const index = Math.floor((at + from) / group);
      const to = Math.min(count, (index + 1) * group - at);
      const scale = scales[index] ?? 0;
      const part = { values: values.subarray(from, to), codes: signed.subarray(from, to), start: at + from };
      packed = law.together(packed, law.eightBits(scale, part));
      greatest = part.values.reduce((so, value) => Math.max(so, Math.abs(value)), greatest);
      if (at + to === (index + 1) * group) {
        packed = law.together(packed, { ...law.NOTHING, ...law.eightBitScale(scale, greatest) });
        greatest = 0;
      }
      from = to;
    }
    ports.signal?.throwIfAborted();
  }
  return { packed, said: `8 bits, a scale for ${group} of them`, exact: false };
}
