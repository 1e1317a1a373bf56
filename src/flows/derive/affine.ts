import { least } from '../../domain/base/lists.ts';
import * as law from '../../domain/derive/affine.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { Affined, FloatType } from '../../domain/ports/numbers.ts';
import type { ComparePorts } from './compare.ts';
import type { OpenTensor } from './side.ts';
import { floatsOf, parentView, type Floats } from './views.ts';

/** A weight whose codes and scales are tensors of their own, as torchao, compressed-tensors and ONNX Runtime keep it. */
export interface AffineWeight {
  /** The parent's name of it. */
  readonly name: string;
  readonly kind: law.CodeKind;
  readonly codes: OpenTensor;
  /** Of codes that are packed into 32-bit words, the first of a word in its lowest bits; they are kept above zero. */
  readonly bits?: 4 | 8;
  readonly scale: OpenTensor;
  readonly zero?: OpenTensor;
  readonly shape?: OpenTensor;
}

type ByName = ReadonlyMap<string, OpenTensor>;
const KINDS: Readonly<Record<string, law.CodeKind>> = { I8: 'signed', U8: 'unsigned', F8_E4M3: 'eighth' };

/** How each library names the parts of the weight that the parent calls `name`. */
const NAMINGS: readonly ((name: string) => {
  codes: string;
  scale: string;
  zero: string;
  shape?: string;
  packed?: true;
})[] = [
  (name) => {
    const [, module = '', leaf = name] = /^(.*\.)?([^.]+)$/.exec(name) ?? [];
    const part = (which: string): string => `${module}_${leaf}_${which}`;
    return { codes: part('qdata'), scale: part('scale'), zero: part('zero_point') };
  },
  (name) => ({
    codes: `${name}_packed`,
    scale: `${name}_scale`,
    zero: `${name}_zero_point`,
    shape: `${name}_shape`,
    packed: true,
  }),
  (name) => ({ codes: name, scale: `${name}_scale`, zero: `${name}_zero_point` }),
  (name) => ({ codes: `${name}_quantized`, scale: `${name}_scale`, zero: `${name}_zero_point` }),
];

/** By the parent's names. */
export function affineWeights(
  tensors: readonly OpenTensor[],
  parents: ReadonlyMap<string, View>,
): ReadonlyMap<string, AffineWeight> {
  const byName: ByName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const found = new Map<string, AffineWeight>();
  for (const [name, { shape }] of parents) {
    const weight = NAMINGS.map((naming) => weightOf(name, naming(name), { byName, shape })).find(
      (each) => each !== null,
    );
    if (weight !== null && weight !== undefined) found.set(name, weight);
  }
  return found;
}

function weightOf(
  name: string,
  parts: ReturnType<(typeof NAMINGS)[number]>,
  { byName, shape: own }: { byName: ByName; shape: readonly number[] },
): AffineWeight | null {
  const part = (which: string | undefined): OpenTensor | undefined =>
    which === undefined ? undefined : byName.get(which);
  const [codes, scale, zero, shape] = [part(parts.codes), part(parts.scale), part(parts.zero), part(parts.shape)];
  if (codes === undefined || scale === undefined) return null;
  const besides = { ...(zero === undefined ? {} : { zero }), ...(shape === undefined ? {} : { shape }) };
  if (parts.packed === true) {
    const each = ((own.at(-1) ?? 0) * 32) / ((codes.tensor.shape.at(-1) ?? 1) * 32);
    const bits = each === 8 ? 4 : each === 4 ? 8 : null;
    return codes.tensor.dtype === 'I32' && bits !== null
      ? { name, kind: 'signed', codes, bits, scale, ...besides }
      : null;
  }
  const kind = KINDS[codes.tensor.dtype];
  if (kind === undefined || codes.tensor.shape.join() !== own.join()) return null;
  return { name, kind, codes, scale, ...besides };
}

/** The tensors that a weight is made of. */
export function partsOf({ codes, scale, zero, shape }: AffineWeight): readonly string[] {
  return [codes, scale, zero, shape].flatMap((each) => (each === undefined ? [] : [each.tensor.name]));
}

interface Case {
  readonly weight: AffineWeight;
  readonly parent: View;
  readonly grouping: law.Grouping;
  readonly scales: Float32Array;
  readonly zeros: Float32Array;
  readonly ports: ComparePorts;
}

interface Run extends Affined {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

interface Best {
  readonly run: Run;
  readonly way: law.Way;
  readonly grouping: law.Grouping;
  readonly loaded: FloatType | undefined;
}

/** What the codes stand for, as numbers; null where that cannot be read. */
export async function valuesOf(
  weight: AffineWeight,
  shape: readonly number[],
  ports: ComparePorts,
): Promise<Pick<Floats, 'read'> | null> {
  const numbers = await groupNumbers(weight, ports);
  const [grouping] = law.groupingsOf(shape, weight.scale.tensor.shape);
  if (typeof numbers === 'string' || grouping === undefined) return null;
  const eighths =
    weight.kind === 'eighth' ? floatsOf(parentView(weight.codes.tensor, weight.codes.source), ports.numbers) : null;
  const { scales, zeros } = numbers;
  return {
    read: async (start, count) => {
      const bytes = eighths === null ? await codesOf(weight, start, count) : await eighths.read(start, count);
      const codes = weight.kind === 'signed' ? Int8Array.from(bytes) : bytes;
      return Float32Array.from(codes, (code, at) => {
        const group = Math.floor((start + at) / grouping.run) % grouping.groups;
        return (code - (zeros[group] ?? 0)) * (scales[group] ?? 0);
      });
    },
  };
}

type Half = 'F16' | 'BF16';
type Numbers = Pick<law.GroupNumbers, 'scales' | 'zeros'>;

const MOST_SCALES = 1 << 24;
const FIRST_LOOK = 1 << 14;
/** Of those, changed afterwards in what a library made. */
const FEW = FIRST_LOOK / 100;
const LOADED = [undefined, 'BF16', 'F16'] as const;

/** The strongest word for a weight of codes and scales: each way to compute them is tried on little, and what holds on all of it. */
export async function compareAffine(weight: AffineWeight, parent: View, ports: ComparePorts): Promise<TensorVerdict> {
  const elements = elementsOf(parent.shape);
  const base = {
    name: weight.name,
    dtype: weight.codes.tensor.dtype,
    from: [weight.name],
    how: [] as readonly string[],
  };
  const undecided = (why: string): TensorVerdict => ({ ...base, word: 'undecided', why });
  if (!['F32', 'F16', 'BF16'].includes(parent.dtype)) return undecided(`no law of packing ${parent.dtype} is known`);
  const numbers = await groupNumbers(weight, ports);
  if (typeof numbers === 'string') return undecided(numbers);
  const groupings = law
    .groupingsOf(parent.shape, weight.scale.tensor.shape)
    .filter(({ run, groups }) => run * groups === elements || groups * 2 <= ports.numbers.factors);
  if (groupings.length === 0) return undecided('its scales have a shape that is not known');
  const best = await bestOf(weight, parent, { numbers, groupings, ports });
  const { run, way, grouping, loaded } = best;
  const half = halfOf(weight, parent, way);
  const scales = scaleFigures(weight, { run, way, half, numbers, ports });
  const how = [
    ...(loaded === undefined ? [] : [`via ${loaded}`]),
    law.saidOf(way, weight.kind, elements / grouping.groups),
  ];
  const figures = { elements, notNearest: run.beyond };
  const judged = judge(run, scales, half !== undefined);
  const columns = parent.shape.at(-1) ?? 1;
  const at = run.beyond > 0 ? run.firstBeyond : run.first;
  const where = judged.word === 'not from the parent' ? { where: { row: Math.floor(at / columns), block: at } } : {};
  return { ...base, how, ...judged, ...where, figures };
}

function judge(
  { differing, beyond, far }: Run,
  { unexplained, odd }: law.ScaleFigures,
  half: boolean,
): Pick<TensorVerdict, 'word' | 'why'> {
  if (beyond > 0 && (far > 0 || !half))
    return { word: 'not from the parent', why: `${beyond} codes are not the nearest` };
  if (odd > 0) return { word: 'undecided', why: `${odd} scales are not of the size of the parent's values` };
  if (beyond > 0) return { word: 'bounded', why: `${beyond} codes are not the nearest, but near enough for 16 bits` };
  if (unexplained > 0) return { word: 'nearest codes', why: `${unexplained} scales are not explained` };
  if (differing > 0) return { word: 'nearest codes', why: `${differing} codes lie between two and are the other one` };
  return { word: 'recomputed' };
}

/** Scales that are kept in F32 may have been computed in it, whatever the parent's type is. */
function scaleFigures(
  { kind, scale }: AffineWeight,
  given: Pick<Best, 'run' | 'way'> & Pick<Case, 'ports'> & { half: Half | undefined; numbers: Numbers },
): law.ScaleFigures {
  const { run, way, half, numbers, ports } = given;
  const types = scale.tensor.dtype === 'F32' && half !== undefined ? [half, undefined] : [half];
  const [first = { unexplained: 0, odd: 0 }, second = first] = types.map((type) => {
    const narrow = (value: number): number => narrowed(type, value, ports);
    return law.judgeScales({ ...numbers, low: run.low, high: run.high }, { kind, way, narrow });
  });
  return second.unexplained < first.unexplained ? second : first;
}

/** The 16-bit type that scales are kept in, or that was computed in. */
function halfOf({ scale }: AffineWeight, parent: View, way: law.Way): Half | undefined {
  const half = (dtype: string): 'F16' | 'BF16' | undefined => (dtype === 'F16' || dtype === 'BF16' ? dtype : undefined);
  return half(scale.tensor.dtype) ?? way.via ?? half(parent.dtype);
}

function narrowed(half: Half | undefined, value: number, { numbers }: ComparePorts): number {
  const single = Float32Array.of(value);
  if (half === undefined) return single[0] ?? 0;
  const bytes = numbers.convert(half, 'F32', numbers.convert('F32', half, new Uint8Array(single.buffer)));
  return new Float32Array(bytes.slice().buffer)[0] ?? 0;
}

async function bestOf(
  weight: AffineWeight,
  parent: View,
  given: { readonly numbers: Numbers; readonly groupings: readonly law.Grouping[]; readonly ports: ComparePorts },
): Promise<Best> {
  const { numbers, groupings, ports } = given;
  const ways = law.waysOf(weight.kind, weight.zero !== undefined, weight.bits);
  let best: Best | undefined;
  for (const loaded of LOADED) {
    if (loaded === parent.dtype) continue;
    const view = loaded === undefined ? parent : asLoaded(parent, loaded, ports);
    for (const grouping of groupings) {
      const asked: Case = { weight, parent: view, grouping, ...numbers, ports };
      const looks: { readonly way: law.Way; readonly differing: number }[] = [];
      for (const way of ways) looks.push({ way, differing: (await runOf(asked, way, FIRST_LOOK)).differing });
      const fewest = least(looks.map(({ differing }) => differing));
      // Where no way gives these codes, the one that gives most of them says which are not the nearest.
      const nearly = looks.filter(({ differing }) => differing === fewest);
      const trying = fewest === 0 ? nearly : loaded === undefined || fewest <= FEW ? nearly.slice(0, 1) : [];
      for (const { way } of trying) {
        const run = await runOf(asked, way, Infinity);
        const better = best === undefined || run.beyond < best.run.beyond || run.differing < best.run.differing;
        if (better) best = { run, way, grouping, loaded };
        if (run.differing === 0) return { run, way, grouping, loaded };
      }
    }
  }
  if (best === undefined) throw new Error('no way was tried');
  return best;
}

function asLoaded(view: View, via: FloatType, { numbers }: ComparePorts): View {
  const from = view.dtype as FloatType;
  const width = via === 'F32' ? 4 : 2;
  return {
    ...view,
    dtype: via,
    width,
    read: async (start, count) => numbers.convert(from, via, await view.read(start, count)),
  };
}

/** The first `most` elements, piece by piece. */
async function runOf(asked: Case, way: law.Way, most: number): Promise<Run> {
  const { parent, grouping, ports } = asked;
  const low = new Float32Array(grouping.groups).fill(Infinity);
  const high = new Float32Array(grouping.groups).fill(-Infinity);
  let sum: Run = { differing: 0, first: 0, beyond: 0, far: 0, firstBeyond: 0, low, high };
  const elements = Math.min(most, elementsOf(parent.shape));
  // Whole words, where codes are packed.
  const step = Math.min(ports.numbers.elements, elements);
  for (let at = 0; at < elements; at += step) {
    const found = await pieceOf(asked, way, { at, count: Math.min(step, elements - at), low, high });
    sum = {
      differing: sum.differing + found.differing,
      first: sum.differing > 0 ? sum.first : at + found.first,
      beyond: sum.beyond + found.beyond,
      far: sum.far + found.far,
      firstBeyond: sum.beyond > 0 ? sum.firstBeyond : at + found.firstBeyond,
      low,
      high,
    };
    ports.signal?.throwIfAborted();
  }
  return sum;
}

async function pieceOf(
  { weight, parent, grouping, scales, zeros, ports }: Case,
  way: law.Way,
  { at, count, low, high }: { at: number; count: number; low: Float32Array; high: Float32Array },
): Promise<Affined> {
  const { run, groups } = grouping;
  // Only the groups that are met, where they lie one after the other.
  const once = run * groups === elementsOf(parent.shape);
  const [from, to] = once ? [Math.floor(at / run), Math.ceil((at + count) / run)] : [0, groups];
  const cut = (numbers: Float32Array): Float32Array => numbers.subarray(from, to);
  return ports.numbers.affine({
    codes: await codesOf(weight, at, count),
    parent: await parent.read(at, count),
    dtype: parent.dtype as FloatType,
    kind: weight.kind,
    way,
    run,
    offset: at - from * run,
    scales: cut(scales),
    zeros: cut(zeros),
    low: cut(low),
    high: cut(high),
  });
}

/** One byte a code. */
async function codesOf({ codes, bits }: AffineWeight, at: number, count: number): Promise<Uint8Array> {
  const view = parentView(codes.tensor, codes.source);
  if (bits === undefined) return view.read(at, count);
  const words = await view.read((at * bits) / 32, Math.ceil((count * bits) / 32));
  return unpacked(words, bits, count);
}

function unpacked(words: Uint8Array, bits: 4 | 8, count: number): Uint8Array {
  const out = new Int8Array(count);
  for (let index = 0; index < count; index++) {
    const byte = words[(index * bits) >> 3] ?? 0;
    out[index] = bits === 8 ? byte - 128 : ((byte >> (index % 2 === 0 ? 0 : 4)) & 15) - 8;
  }
  return new Uint8Array(out.buffer);
}

async function groupNumbers(
  { scale, zero, shape, bits, name }: AffineWeight,
  ports: ComparePorts,
): Promise<Numbers | string> {
  const groups = elementsOf(scale.tensor.shape);
  if (groups > MOST_SCALES) return `${name} has more scales than are examined`;
  const floats = floatsOf(parentView(scale.tensor, scale.source), ports.numbers);
  if (floats === null) return 'its scales cannot be read';
  const scales = await floats.read(0, groups);
  if (shape !== undefined && elementsOf(shape.tensor.shape) > 16) return 'its shape cannot be read';
  if (zero === undefined) return { scales, zeros: new Float32Array(groups) };
  const zeros = await zerosOf(zero, scale.tensor.shape, bits);
  return zeros === null ? 'its zero points cannot be read' : { scales, zeros };
}

/** One a scale; packed ones lie in words of eight (or four) rows. */
async function zerosOf(
  zero: OpenTensor,
  shape: readonly number[],
  bits: 4 | 8 | undefined,
): Promise<Float32Array | null> {
  const groups = elementsOf(shape);
  const { dtype } = zero.tensor;
  const bytes = await parentView(zero.tensor, zero.source).read(0, elementsOf(zero.tensor.shape));
  if (dtype === 'I8' || dtype === 'U8') {
    if (bytes.length !== groups) return null;
    return Float32Array.from(dtype === 'I8' ? new Int8Array(bytes.buffer, bytes.byteOffset, groups) : bytes);
  }
  const [rows = 1, columns = 1] = shape;
  if (dtype !== 'I32' || bits === undefined || shape.length !== 2) return null;
  const each = 32 / bits;
  if (bytes.length !== Math.ceil(rows / each) * columns * 4) return null;
  return Float32Array.from({ length: groups }, (_, group) => {
    const [row, column] = [Math.floor(group / columns), group % columns];
    const byte = bytes[(Math.floor(row / each) * columns + column) * 4 + (((row % each) * bits) >> 3)] ?? 0;
    return bits === 8 ? byte - 128 : ((byte >> (row % 2 === 0 ? 0 : 4)) & 15) - 8;
  });
}
