/**
 * Quantisers scale the inputs of a weight and take that back in what comes before it: a norm, or the rows of another weight (SmoothQuant,
 * AWQ). Which factors they took follows from data; that two tensors were changed by factors that cancel can be seen.
 */
export interface Factors {
  /** Of each row that was looked at, in order; empty for a vector. */
  readonly rows: readonly number[];
  /** Of each column; a vector's own. */
  readonly columns: readonly number[];
  readonly isVector: boolean;
}

/** What rounding may leave of the norm: two bits in groups leave most. Other weights leave all of it. */
const MOST_ERROR = 0.35;
const TIMES = 6;

/** The factors by which rows and columns of `parent` come nearest to `child`; null where it is something else that differs. */
export function factorsOf(parent: Float32Array, child: Float32Array, width: number): Factors | null {
  const rows = new Float64Array(parent.length / width).fill(1);
  const columns = new Float64Array(width).fill(1);
  for (let time = 0; time < TIMES; time++) {
    fit(columns, { parent, child, placeOf: (at) => at % width, other: (at) => rows[Math.floor(at / width)] ?? 0 });
    fit(rows, { parent, child, placeOf: (at) => Math.floor(at / width), other: (at) => columns[at % width] ?? 0 });
  }
  let [error, square] = [0, 0];
  for (let at = 0; at < child.length; at++) {
    const made = (parent[at] ?? 0) * (rows[Math.floor(at / width)] ?? 0) * (columns[at % width] ?? 0);
    error += ((child[at] ?? 0) - made) ** 2;
    square += (child[at] ?? 0) ** 2;
  }
  return Math.sqrt(error / square) <= MOST_ERROR ? { rows: [...rows], columns: [...columns], isVector: false } : null;
}

/** Least squares, one of the two at a time. */
function fit(
  factors: Float64Array,
  given: {
    readonly parent: Float32Array;
    readonly child: Float32Array;
    readonly placeOf: (at: number) => number;
    readonly other: (at: number) => number;
  },
): void {
  const square = new Float64Array(factors.length);
  factors.fill(0);
  for (let at = 0; at < given.child.length; at++) {
    const [place, value] = [given.placeOf(at), (given.parent[at] ?? 0) * given.other(at)];
    factors[place] = (factors[place] ?? 0) + value * (given.child[at] ?? 0);
    square[place] = (square[place] ?? 0) + value * value;
  }
  square.forEach((each, place) => void (factors[place] = each > 0 ? (factors[place] ?? 0) / each : 0));
}

/** @param added what the model adds to a norm before it multiplies: Gemma 1. */
export function vectorFactors(parent: Float32Array, child: Float32Array, added: 0 | 1): Factors {
  const columns = [...parent].map((value, at) => ((child[at] ?? 0) + added) / (value + added));
  return { rows: [], columns, isVector: true };
}

/** Whether what was done to one is taken back in the other: a norm or rows before columns, and a bias with its rows. */
export function cancel(one: Factors, other: Factors): boolean {
  const pairs: [readonly number[], readonly number[]][] = one.isVector
    ? [[one.columns, other.columns]]
    : [
        [one.columns, other.isVector ? other.columns : other.rows],
        [one.rows, other.isVector ? [] : other.columns],
      ];
  if (one.isVector && other.isVector) return false;
  const bias = one.isVector
    ? together(one.columns, other.rows)
    : other.isVector
      ? together(one.rows, other.columns)
      : 0;
  return bias >= ALIKE || pairs.some(([a, b]) => together(a, b) <= -ALIKE);
}

const ALIKE = 0.8;
/** Fewer numbers than these go together by chance. */
const LEAST = 16;

/** How two lists of factors go together: the correlation of their logarithms. */
function together(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return 0;
  const pairs = a.flatMap((value, at): [number, number][] => {
    const other = b[at] ?? 0;
    return value > 0 && other > 0 && Number.isFinite(value * other) ? [[Math.log(value), Math.log(other)]] : [];
  });
  if (pairs.length < LEAST) return 0;
  const mean = (which: 0 | 1): number => pairs.reduce((sum, pair) => sum + pair[which], 0) / pairs.length;
  const [x, y] = [mean(0), mean(1)];
  let [both, first, second] = [0, 0, 0];
  for (const [p, q] of pairs) {
    both += (p - x) * (q - y);
    first += (p - x) ** 2;
    second += (q - y) ** 2;
  }
  return first > 0 && second > 0 ? both / Math.sqrt(first * second) : 0;
}
