import { elementsOf } from '../formats/tensors.ts';

/** What codes are: whole numbers, or FP8 (E4M3FN). */
export type CodeKind = 'signed' | 'unsigned' | 'eighth';

/** Where a library rounds on its way to a code: not recorded, so each is tried. */
export interface Way {
  /** What it computes in; absent: F32. */
  readonly via?: 'F16' | 'BF16';
  /** By the scale's reciprocal; else it divides. */
  readonly reciprocal: boolean;
  /** The zero point is added before the code is rounded. */
  readonly inside: boolean;
  /** Halves go away from zero; else to the even one. */
  readonly away?: boolean;
  /** Product and zero point are rounded once, as builds for machines with a fused multiply-add do. */
  readonly fused?: boolean;
  /** By `most` over the group's greatest magnitude, of which the scale is the rounded reciprocal (FP8 in tiles). */
  readonly extremes?: boolean;
  readonly least: number;
  readonly most: number;
}

const RANGES: Readonly<Record<CodeKind, readonly (readonly [number, number])[]>> = {
  signed: [
    [-128, 127],
    [-8, 7],
  ],
  unsigned: [[0, 255]],
  eighth: [[-448, 448]],
};

/**
 * torchao 0.18.0 (`quantize_affine`: by the reciprocal, in the scale's type; FP8 divided in F32), compressed-tensors 0.20.1 (divided in
 * the weight's type, the zero point inside) and ONNX Runtime 1.32.0 (divided in F32, the zero point after).
 * @param bits of codes that were packed; absent: the kind's own.
 */
export function waysOf(kind: CodeKind, zeroPoints: boolean, bits?: number): readonly Way[] {
  const ranges = bits === undefined ? RANGES[kind] : ([[-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]] as const);
  const ways: Way[] = [];
  for (const [least, most] of ranges)
    for (const via of [undefined, 'BF16', 'F16'] as const)
      for (const reciprocal of [false, true])
        for (const inside of zeroPoints ? [false, true] : [false])
          ways.push({ reciprocal, inside, least, most, ...(via === undefined ? {} : { via }) });
  return ways;
}

/** TFLite's converter: both ends of the range alike, by the reciprocal or what the scale is the reciprocal of. */
export function symmetricWaysOf(bits: number): readonly Way[] {
  const most = 2 ** (bits - 1) - 1;
  const ways = [true, false].flatMap((away) => [true, false].map((reciprocal) => ({ away, reciprocal })));
  return ways.map((way) => ({ ...way, inside: false, least: -most, most }));
}

/** 4 bits and others of ONNX Runtime 1.32.0, in blocks: its own (by the reciprocal, halves away from zero) and NumPy's (divided). */
export function blockWaysOf(kind: CodeKind, bits: number): readonly Way[] {
  const [least, most] = kind === 'signed' ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] : [0, 2 ** bits - 1];
  const own = { reciprocal: true, inside: true, away: true, least, most } as const;
  const divided = { reciprocal: false, inside: true, least, most } as const;
  return [own, { ...own, fused: true }, divided, { ...divided, via: 'F16' }];
}

/** Which scale an element has: it lies in row `index / columns`, and `rows` of them by `run` columns share one. */
export interface Tiles {
  readonly columns: number;
  readonly rows: number;
  readonly run: number;
}

/** Scales of one row of tiles. */
export function acrossOf({ columns, run }: Tiles): number {
  return Math.ceil(columns / run);
}

/** The scale of one element. */
export function tileOf(tiles: Tiles, index: number): number {
  const row = Math.floor(index / tiles.columns);
  return Math.floor(row / tiles.rows) * acrossOf(tiles) + Math.floor((index % tiles.columns) / tiles.run);
}

/** One for all; for a row, a part of it or a tile; or by an axis where there is a scale for each of its places (ONNX). */
export function tilesOf(shape: readonly number[], scale: readonly number[]): readonly Tiles[] {
  const [elements, groups, columns] = [elementsOf(shape), elementsOf(scale), shape.at(-1) ?? 1];
  if (groups === 0 || elements === 0) return [];
  if (groups === 1) return [{ columns, rows: Infinity, run: columns }];
  const axes = shape.flatMap((size, axis) => (size === groups && size === scale[axis] ? [axis] : []));
  const [axis] = axes;
  if (scale.length === shape.length && axis !== undefined && axes.length === 1) return [alongAxis(shape, axis)];
  if (scale.length === 1) return shape.flatMap((size, axis) => (size === groups ? [alongAxis(shape, axis)] : []));
  const run = elements / groups;
  const parts = Number.isSafeInteger(run) && columns % run === 0 ? [{ columns, rows: 1, run }] : [];
  const blocks = blocksOf(shape, scale).filter((tiles) =>
    parts.every((each) => each.run !== tiles.run || tiles.rows > 1),
  );
  return [...parts, ...blocks];
}

function alongAxis(shape: readonly number[], axis: number): Tiles {
  const inner = elementsOf(shape.slice(axis + 1));
  return axis === 0
    ? { columns: inner, rows: 1, run: inner }
    : { columns: inner * (shape[axis] ?? 1), rows: Infinity, run: inner };
}

/** Blocks over the last two axes, the last ones of which may be cut (128 × 128 of FP8; ONNX's along one axis). */
function blocksOf(shape: readonly number[], scale: readonly number[]): readonly Tiles[] {
  if (shape.length < 2 || shape.length !== scale.length) return [];
  const [rows = 1, columns = 1] = shape.slice(-2);
  const [down = 1, across = 1] = scale.slice(-2);
  const outer = shape.slice(0, -2);
  if (outer.join() !== scale.slice(0, -2).join()) return [];
  return sidesOf(rows, down)
    .filter((side) => elementsOf(outer) === 1 || rows % side === 0)
    .flatMap((side) => sidesOf(columns, across).map((run) => ({ columns, rows: side, run })));
}

/** Lengths of which `count` cover `size`: its equal parts, or a power of two, of which the last may be cut. */
function sidesOf(size: number, count: number): readonly number[] {
  const powers = count === 1 ? [] : Array.from({ length: 11 }, (_, power) => 2 ** (power + 3));
  const found = [size / count, ...powers].filter(
    (side) => Number.isSafeInteger(side) && Math.ceil(size / side) === count,
  );
  return [...new Set(found)];
}

/** The numbers by which libraries divide a group's greatest magnitude: 8 bits of torch and of ONNX (and reduced), 4 bits, FP8. */
const REACHES: Readonly<Record<CodeKind, readonly number[]>> = {
  signed: [127.5, 127, 64, 63.5, 8, 7.5, 7],
  unsigned: [127.5, 127, 128, 8, 7.5, 7, 2],
  eighth: [448],
};

/** What is in the scales themselves: `unexplained` by any law, and `odd`, such that most codes would be lost. */
export interface ScaleFigures {
  readonly unexplained: number;
  readonly odd: number;
}

export interface GroupNumbers {
  readonly scales: Float32Array;
  readonly zeros: Float32Array;
  /** No zero point is kept, or nothing but zeros. */
  readonly symmetric: boolean;
  /** Extremes of the parent's values. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** @param narrow rounds to the type that scales are computed and stored in, `unit` of a number at most. */
export function judgeScales(
  { scales, zeros, symmetric, low, high }: GroupNumbers,
  { kind, way, narrow, unit }: { kind: CodeKind; way: Way; narrow: (value: number) => number; unit: number },
): ScaleFigures {
  let [unexplained, odd] = [0, 0];
  const range = way.most - way.least;
  for (let group = 0; group < scales.length; group++) {
    const [scale, zero = 0] = [Math.abs(scales[group] ?? 0), zeros[group]];
    const [least, most] = [Math.min(0, low[group] ?? 0), Math.max(0, high[group] ?? 0)];
    const greatest = Math.max(-least, most);
    // Of nothing but zeros a scale says nothing: their codes are the zero point, or they would not be as computed.
    if (greatest === 0) continue;
    const reached = symmetric ? (2 * greatest) / scale : (most - least) / scale;
    if (!(reached >= 0.45 * range && reached <= 2 * range)) odd++;
    const known = symmetric
      ? REACHES[kind].some((reach) => scalesOf(greatest, reach, narrow).includes(scale))
      : rangesOf(most - least, range, narrow).includes(scale) &&
        isZero(zero, way.least - least / scale, { ...way, unit });
    if (!known) unexplained++;
  }
  return { unexplained, odd };
}

/** The quotient; the reciprocal of its reciprocal, which torch computes as a product; the power of two above (E8M0). */
function scalesOf(greatest: number, reach: number, narrow: (value: number) => number): readonly number[] {
  const factors = [Math.fround(reach / greatest), Math.fround(Math.fround(1 / greatest) * reach)];
  const back = factors.map((factor) => narrow(1 / factor));
  return [narrow(greatest / reach), ...back, ...back.map((each) => 2 ** Math.ceil(Math.log2(each)))];
}

/** Computed in its own type, or in F32 and narrowed at the end. */
function rangesOf(spread: number, range: number, narrow: (value: number) => number): readonly number[] {
  return [narrow(spread / range), narrow(narrow(spread) / range), narrow(Math.fround(Math.fround(spread) / range))];
}

/** The nearest whole number; in F16 and BF16 its neighbours too. */
function isZero(zero: number, wanted: number, { via, least, most, unit }: Way & { readonly unit: number }): boolean {
  const held = Math.min(most, Math.max(least, wanted));
  const slack = 0.5 + 1e-4 + unit * Math.abs(wanted - least);
  return Number.isInteger(zero) && Math.abs(zero - held) <= (via === undefined ? slack : 1);
}

/** @param shared elements of one scale. */
export function saidOf({ via, reciprocal, extremes, least, most }: Way, kind: CodeKind, shared: number): string {
  const codes = kind === 'eighth' ? 'FP8' : `${Math.log2(most - least + 1)} bits`;
  const by = extremes === true ? 'by the greatest magnitude under' : reciprocal ? 'by the reciprocal of' : 'divided by';
  return `${codes}, ${by} a scale for ${shared} of them in ${via ?? 'F32'}`;
}
