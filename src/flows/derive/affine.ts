import { least } from '../../domain/base/lists.ts';
import * as law from '../../domain/derive/affine.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { Affined, FloatType } from '../../domain/ports/numbers.ts';
import { blockOf, codesOf, numbersOf, strayCodes, type Numbers } from './affine-codes.ts';
import { orientedTo, type AffineWeight } from './affine-parts.ts';
import type { ComparePorts } from './compare.ts';
import { floatsOf, parentView, type Floats } from './views.ts';

interface Case {
  readonly weight: AffineWeight;
  /** In the order of the codes. */
  readonly parent: View;
  readonly tiles: law.Tiles;
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
  readonly tiles: law.Tiles;
  readonly loaded: FloatType | undefined;
}

/** What the codes stand for, as numbers; null where that cannot be read. */
export async function valuesOf(
  weight: AffineWeight,
  shape: readonly number[],
  ports: ComparePorts,
): Promise<Pick<Floats, 'read'> | null> {
  const numbers = await numbersOf(weight, ports);
  const [tiles] = law.tilesOf(shape, weight.scale.tensor.shape);
  if (typeof numbers === 'string' || tiles === undefined || weight.turned === true) return null;
  const eighths =
    weight.kind === 'eighth' ? floatsOf(parentView(weight.codes.tensor, weight.codes.source), ports.numbers) : null;
  const { scales, zeros } = numbers;
  return {
    read: async (start, count) => {
      const columns = shape.at(-1) ?? 1;
      const bytes = eighths === null ? await codesOf(weight, columns, start, count) : await eighths.read(start, count);
      const codes = weight.kind === 'signed' ? Int8Array.from(bytes) : bytes;
      return Float32Array.from(codes, (code, at) => {
        const group = law.tileOf(tiles, start + at);
        return (code - (zeros[group] ?? 0)) * (scales[group] ?? 0);
      });
    },
  };
}

type Half = 'F16' | 'BF16';

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
  const numbers = await numbersOf(weight, ports);
  if (typeof numbers === 'string') return undecided(numbers);
  const view = orientedTo(weight, parent);
  const tilings = tilingsOf(weight, view).filter((tiles) => isHeld(tiles, elements, ports));
  if (tilings.length === 0) return undecided('its scales have a shape that is not known');
  const best = await bestOf(weight, view, { numbers, tilings, ports });
  const { run, way, tiles, loaded } = best;
  const half = halfOf(weight, parent, way);
  const scales = scaleFigures(weight, { run, way, half, numbers, ports });
  const shared = tiles.run * Math.min(tiles.rows, elements / tiles.columns);
  const how = [...(loaded === undefined ? [] : [`via ${loaded}`]), law.saidOf(way, weight.kind, shared)];
  const columns = view.shape.at(-1) ?? 1;
  const stray = await strayCodes(weight, columns, numbers);
  const figures = { elements, notNearest: run.beyond, ...(stray === 0 ? {} : { freeElements: stray }) };
  const judged = judge({ ...run, ...scales, stray }, half !== undefined);
  const at = run.beyond > 0 ? run.firstBeyond : run.first;
  const where = judged.word === 'not from the parent' ? { where: { row: Math.floor(at / columns), block: at } } : {};
  return { ...base, how, ...judged, ...where, figures };
}

function tilingsOf(weight: AffineWeight, { shape }: View): readonly law.Tiles[] {
  const run = blockOf(weight);
  return run === null ? law.tilesOf(shape, weight.scale.tensor.shape) : [{ columns: shape.at(-1) ?? 1, rows: 1, run }];
}

/** Whether the scales that a piece meets are as few as are asked about at once, and its place can be counted. */
function isHeld(tiles: law.Tiles, elements: number, { numbers }: ComparePorts): boolean {
  const across = law.acrossOf(tiles);
  const whole = tiles.rows === Infinity ? tiles.columns : Math.min(tiles.rows * tiles.columns, elements);
  const met = tiles.rows === Infinity ? across : 2 * across + Math.ceil(numbers.elements / (tiles.rows * tiles.run));
  return met * 2 <= numbers.factors && whole < 2 ** 31;
}

function judge(
  { differing, beyond, far, unexplained, odd, stray }: Run & law.ScaleFigures & { readonly stray: number },
  half: boolean,
): Pick<TensorVerdict, 'word' | 'why'> {
  if (beyond > 0 && (far > 0 || !half))
    return { word: 'not from the parent', why: `${beyond} codes are not the nearest` };
  if (odd > 0) return { word: 'undecided', why: `${odd} scales are not of the size of the parent's values` };
  if (beyond > 0) return { word: 'bounded', why: `${beyond} codes are not the nearest, but near enough for 16 bits` };
  if (unexplained > 0) return { word: 'nearest codes', why: `${unexplained} scales are not explained` };
  if (differing > 0) return { word: 'nearest codes', why: `${differing} codes lie between two and are the other one` };
  if (stray > 0)
    return { word: 'nearest codes', why: `${stray} codes beyond its end carry no value, and may hold data` };
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
    const unit = type === undefined ? 0 : UNITS[type];
    return law.judgeScales({ ...numbers, low: run.low, high: run.high }, { kind, way, narrow, unit });
  });
  return second.unexplained < first.unexplained ? second : first;
}

/** What rounding to a type changes at most, of a number. */
const UNITS: Readonly<Record<Half, number>> = { F16: 2 ** -11, BF16: 2 ** -8 };

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
  given: { readonly numbers: Numbers; readonly tilings: readonly law.Tiles[]; readonly ports: ComparePorts },
): Promise<Best> {
  const { numbers, tilings, ports } = given;
  const ways = waysOf(weight);
  let best: Best | undefined;
  for (const loaded of LOADED) {
    if (loaded === parent.dtype) continue;
    const view = loaded === undefined ? parent : asLoaded(parent, loaded, ports);
    for (const tiles of tilings) {
      const asked: Case = { weight, parent: view, tiles, ...numbers, ports };
      const looks: { readonly way: law.Way; readonly differing: number }[] = [];
      for (const way of ways) looks.push({ way, differing: (await runOf(asked, way, FIRST_LOOK)).differing });
      const fewest = least(looks.map(({ differing }) => differing));
      // Where no way gives these codes, the one that gives most of them says which are not the nearest.
      const nearly = looks.filter(({ differing }) => differing === fewest);
      const trying = fewest === 0 ? nearly : loaded === undefined || fewest <= FEW ? nearly.slice(0, 1) : [];
      for (const { way } of trying) {
        const run = await runOf(asked, way, Infinity);
        const better = best === undefined || run.beyond < best.run.beyond || run.differing < best.run.differing;
        if (better) best = { run, way, tiles, loaded };
        if (run.differing === 0) return { run, way, tiles, loaded };
        if ((weight.kind !== 'eighth' && weight.symmetric !== true) || run.beyond > 0) continue;
        for (const reciprocal of [true, false]) {
          const other = { ...way, extremes: true, reciprocal };
          const again = await runOf(asked, other, Infinity, run);
          if (again.differing === 0) return { run: again, way: other, tiles, loaded };
        }
      }
    }
  }
  if (best === undefined) throw new Error('no way was tried');
  return best;
}

function waysOf({ kind, bits, packing, zero, symmetric }: AffineWeight): readonly law.Way[] {
  if (symmetric === true) return law.symmetricWaysOf(bits ?? 8);
  if (bits === undefined || packing === 'words') return law.waysOf(kind, zero !== undefined, bits);
  return law.blockWaysOf(kind, bits);
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
async function runOf(asked: Case, way: law.Way, most: number, known?: Run): Promise<Run> {
  const { parent, scales, ports } = asked;
  const low = known?.low ?? new Float32Array(scales.length).fill(Infinity);
  const high = known?.high ?? new Float32Array(scales.length).fill(-Infinity);
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
  { weight, parent, tiles, scales, zeros, ports }: Case,
  way: law.Way,
  { at, count, low, high }: { at: number; count: number; low: Float32Array; high: Float32Array },
): Promise<Affined> {
  const { columns, rows } = tiles;
  // Only the rows of tiles that are met.
  const band = (element: number): number => Math.floor(Math.floor(element / columns) / rows);
  const [first, last] = [band(at), band(at + count - 1)];
  const start = rows === Infinity ? Math.floor(at / columns) * columns : first * rows * columns;
  const across = law.acrossOf(tiles);
  const cut = (numbers: Float32Array): Float32Array => numbers.subarray(first * across, (last + 1) * across);
  return ports.numbers.affine({
    codes: await codesOf(weight, parent.shape.at(-1) ?? 1, at, count),
    parent: await parent.read(at, count),
    dtype: parent.dtype as FloatType,
    kind: weight.kind,
    way,
    tiles,
    offset: at - start,
    scales: cut(scales),
    zeros: cut(zeros),
    low: cut(low),
    high: cut(high),
  });
}
