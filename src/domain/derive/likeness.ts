import { eigenvaluesAbove } from './rank.ts';

/** The same rows and columns of two tensors, as F32, row-major. */
export interface Looked {
  readonly rows: number;
  readonly columns: number;
  readonly own: Float32Array;
  readonly other: Float32Array;
  /** Digits that the coarser of the two types keeps after the leading one; absent for quantised types. */
  readonly digits?: number;
}

/** How alike two tensors are, in what was looked at. */
export interface Likeness {
  readonly same: boolean;
  /** Correlation once the means of rows and columns are taken away; 0 where one of the two is constant then. */
  readonly correlation: number;
  /** That correlation in standard deviations of what unrelated numbers have. */
  readonly deviations: number;
  /** ‖own − other‖ / ‖other‖. */
  readonly change: number;
  /** Directions of the change that stand out of the rounding of its type; absent where it says nothing. */
  readonly rank?: number;
  /** The greatest rank that what was looked at could show. */
  readonly mostRank?: number;
  /** False for what says nothing of kinship: vectors, constants, few numbers. */
  readonly telling: boolean;
}

/** Numbers below which a correlation is chance. */
const FEWEST = 256;
const RANK_COLUMNS = 256;

export function likenessOf(looked: Looked): Likeness {
  const { own, other, rows, columns } = looked;
  const change = changeOf(own, other);
  const [a, b] = [withoutMeans(own, rows, columns), withoutMeans(other, rows, columns)];
  const [spread, otherSpread] = [product(a, a), product(b, b)];
  const freedom = (rows - 1) * (columns - 1);
  const floor = 1e-12;
  const telling =
    freedom >= FEWEST && spread > floor * product(own, own) && otherSpread > floor * product(other, other);
  const correlation = telling ? product(a, b) / Math.sqrt(spread * otherSpread) : 0;
  return {
    same: change === 0,
    correlation,
    deviations: correlation * Math.sqrt(Math.max(0, freedom)),
    change,
    telling: telling && Number.isFinite(correlation),
    ...(change === 0 || !telling ? {} : rankOf(looked)),
  };
}

function product(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}

function changeOf(own: Float32Array, other: Float32Array): number {
  let [away, size] = [0, 0];
  for (let at = 0; at < own.length; at++) {
    const [a, b] = [own[at] ?? 0, other[at] ?? 0];
    away += (a - b) * (a - b);
    size += b * b;
  }
  if (away === 0) return 0;
  return size === 0 ? Number.MAX_VALUE : Math.sqrt(away / size);
}

/**
 * Rows and columns less their means: unrelated models of one family share what is common to a row or a column (outlier
 * dimensions, offsets), and nothing else.
 */
export function withoutMeans(values: Float32Array, rows: number, columns: number): Float32Array {
  const [rowMeans, columnMeans] = [new Float64Array(rows), new Float64Array(columns)];
  let total = 0;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0; column < columns; column++) {
      const value = values[row * columns + column] ?? 0;
      sum += value;
      columnMeans[column] = (columnMeans[column] ?? 0) + value / rows;
    }
    rowMeans[row] = sum / columns;
    total += sum;
  }
  const mean = total / (rows * columns);
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    const base = (rowMeans[row] ?? 0) - mean;
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      out[at] = (values[at] ?? 0) - base - (columnMeans[column] ?? 0);
    }
  }
  return out;
}

/** Directions that noise of this size may show by itself, and a little more: rounding is not the same for all elements. */
const MARGIN = 1.5;

/**
 * The change's singular values above the edge that rounding alone reaches: for independent noise of deviation s it is
 * s(√rows + √columns) (Marchenko and Pastur 1967).
 */
function rankOf({ rows, columns, own, other, digits }: Looked): { rank?: number; mostRank?: number } {
  if (digits === undefined) return {};
  const width = Math.min(columns, RANK_COLUMNS);
  const change = new Float64Array(rows * width);
  let noise = 0;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < width; column++) {
      const value = own[row * columns + column] ?? 0;
      change[row * width + column] = value - (other[row * columns + column] ?? 0);
      noise += value * value * 4 ** -digits;
    }
  const deviation = Math.sqrt(noise / (rows * width) / 12);
  const edge = MARGIN * deviation * (Math.sqrt(rows) + Math.sqrt(width));
  const [rank = 0] = eigenvaluesAbove(gram(change, rows, width), rows, [edge * edge]);
  return { rank, mostRank: Math.min(rows, width) };
}

function gram(values: Float64Array, rows: number, width: number): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let row = 0; row < rows; row++)
    for (let other = 0; other <= row; other++) {
      let sum = 0;
      for (let at = 0; at < width; at++) sum += (values[row * width + at] ?? 0) * (values[other * width + at] ?? 0);
      out[row * rows + other] = sum;
      out[other * rows + row] = sum;
    }
  return out;
}

/**
 * How much of what `own` differs from `from` points to `to`: the cosine of the two differences, less what points to `beside`;
 * null where nothing is left of one. All are the same elements.
 */
export function towards(
  own: Float32Array,
  from: Float32Array,
  to: Float32Array,
  beside: readonly Float32Array[] = [],
): number | null {
  const less = (values: Float32Array): Float32Array => values.map((value, at) => value - (from[at] ?? 0));
  const [moved, wanted] = [less(own), less(to)];
  const before = [product(moved, moved), product(wanted, wanted)];
  const known: Float32Array[] = [];
  for (const each of beside) known.push(apart(less(each), known));
  const [a, b] = [apart(moved, known), apart(wanted, known)];
  const left = [product(a, a), product(b, b)];
  // What is left of a difference that others explain is rounding.
  if (left.some((each, at) => each <= 1e-4 * (before[at] ?? 0))) return null;
  return product(a, b) / Math.sqrt((left[0] ?? 0) * (left[1] ?? 0));
}

/** The part that points to none of these, which are at right angles to each other (Gram and Schmidt). */
function apart(values: Float32Array, known: readonly Float32Array[]): Float32Array {
  let rest = values;
  for (const each of known) {
    const size = product(each, each);
    const share = size === 0 ? 0 : product(rest, each) / size;
    rest = rest.map((value, at) => value - share * (each[at] ?? 0));
  }
  return rest;
}
