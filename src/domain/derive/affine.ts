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

/** Which scale an element has: `index / run`, counted round after `groups`. */
export interface Grouping {
  readonly run: number;
  readonly groups: number;
}

/** One for all, for a row or a part of it, or by an axis where there is a scale for each of its places (ONNX). */
export function groupingsOf(shape: readonly number[], scale: readonly number[]): readonly Grouping[] {
  const [elements, groups] = [elementsOf(shape), elementsOf(scale)];
  if (groups === 0 || elements === 0) return [];
  if (groups === 1) return [{ run: elements, groups }];
  const found: Grouping[] = [];
  const run = elements / groups;
  const columns = shape.at(-1) ?? 1;
  if (scale.length > 1 && Number.isSafeInteger(run) && columns % run === 0) found.push({ run, groups });
  if (scale.length === 1)
    shape.forEach((size, axis) => {
      if (size === groups) found.push({ run: elementsOf(shape.slice(axis + 1)), groups });
    });
  return found;
}

/** The numbers by which libraries divide a group's greatest magnitude: 8 bits of torch and of ONNX (and reduced), 4 bits, FP8. */
const REACHES: Readonly<Record<CodeKind, readonly number[]>> = {
  signed: [127.5, 127, 64, 63.5, 7.5, 7],
  unsigned: [127.5, 127],
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
  /** Extremes of the parent's values. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** @param narrow rounds to the type that scales are computed and stored in. */
export function judgeScales(
  { scales, zeros, low, high }: GroupNumbers,
  { kind, way, narrow }: { kind: CodeKind; way: Way; narrow: (value: number) => number },
): ScaleFigures {
  let [unexplained, odd] = [0, 0];
  const range = way.most - way.least;
  const symmetric = zeros.every((zero) => zero === 0);
  for (let group = 0; group < scales.length; group++) {
    const [scale = 0, zero = 0] = [scales[group], zeros[group]];
    const [least, most] = [Math.min(0, low[group] ?? 0), Math.max(0, high[group] ?? 0)];
    const greatest = Math.max(-least, most);
    // Of nothing but zeros a scale says nothing: their codes are the zero point, or they would not be as computed.
    if (greatest === 0) continue;
    const reached = symmetric ? (2 * greatest) / scale : (most - least) / scale;
    if (!(reached >= 0.45 * range && reached <= 2 * range)) odd++;
    const known = symmetric
      ? REACHES[kind].some((reach) => narrow(greatest / reach) === scale)
      : [narrow((most - least) / range), narrow(narrow(most - least) / range)].includes(scale) &&
        isZero(zero, way.least - least / scale, way);
    if (!known) unexplained++;
  }
  return { unexplained, odd };
}

/** The nearest whole number; in F16 and BF16 its neighbours too. */
function isZero(zero: number, wanted: number, { via, least, most }: Way): boolean {
  const held = Math.min(most, Math.max(least, wanted));
  return Number.isInteger(zero) && Math.abs(zero - held) <= (via === undefined ? 0.5 + 1e-4 : 1);
}

/** @param shared elements of one scale. */
export function saidOf({ via, reciprocal, least, most }: Way, kind: CodeKind, shared: number): string {
  const codes = kind === 'eighth' ? 'FP8' : `${Math.log2(most - least + 1)} bits`;
  return `${codes}, ${reciprocal ? 'by the reciprocal of' : 'divided by'} a scale for ${shared} of them in ${via ?? 'F32'}`;
}
