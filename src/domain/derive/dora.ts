/** Half a unit in the last place of F32, and its least number. */
const UNIT = 2 ** -24;
const LEAST = 2 ** -149;

/** One output of a weight into which a DoRA was merged in F32: child = magnitude / ‖W + s·BA‖ · (W + s·BA). */
export interface DoraRow {
  readonly child: Float32Array;
  readonly parent: Float32Array;
  /** `rank` numbers of this output; `rank` rows of as many numbers as the child has. */
  readonly left: Float32Array;
  readonly right: Float32Array;
  readonly scale: number;
  readonly magnitude: number;
}

/** Places that no order of the sums gives: how many, and the first. */
export interface Outside {
  readonly count: number;
  readonly first: number;
}

/**
 * The factor is a norm, a sum over the whole row that libraries add up in any order: it may lie anywhere in what that leaves, but it
 * is one for the row. So the row must be a multiple of W + s·BA within its own roundings, and the multiple within those of the norm.
 * @see peft 0.21.2, tuners/lora/variants.py `DoraLinearVariant`; Higham, Accuracy and Stability, 2nd edition, section 3.1
 */
export function outsideOf(row: DoraRow): Outside {
  const { child, parent, magnitude } = row;
  const { sums, errors } = mergedRow(row);
  let [square, errorSquare, both] = [0, 0, 0];
  for (let at = 0; at < sums.length; at++) {
    const sum = sums[at] ?? 0;
    square += sum * sum;
    errorSquare += (errors[at] ?? 0) ** 2;
    both += sum * (child[at] ?? Number.NaN);
  }
  if (square === 0) return child.every((value) => Number.isNaN(value)) ? NONE : { count: child.length, first: 0 };
  const apart = Math.sqrt(errorSquare / square);
  const [wanted, found] = [magnitude / Math.sqrt(square), both / square];
  const slack = (parent.length / 2 + 8) * UNIT + 2 * apart;
  if (!(Math.abs(found - wanted) <= Math.abs(wanted) * slack)) return { count: child.length, first: 0 };
  let [count, first] = [0, 0];
  for (let at = 0; at < sums.length; at++) {
    const sum = sums[at] ?? 0;
    const most = Math.abs(found) * ((errors[at] ?? 0) + (apart + 4 * UNIT) * Math.abs(sum)) + LEAST;
    if (!(Math.abs((child[at] ?? Number.NaN) - found * sum) <= most) && count++ === 0) first = at;
  }
  return { count, first };
}

const NONE: Outside = { count: 0, first: 0 };

/** W + s·BA in F64, and what F32 may be apart from each of them. */
function mergedRow({ parent, left, right, scale }: DoraRow): { sums: Float64Array; errors: Float64Array } {
  const columns = parent.length;
  const [sums, errors] = [new Float64Array(columns), new Float64Array(columns)];
  left.forEach((factor, index) => {
    for (let at = 0; at < columns; at++) {
      const term = factor * (right[index * columns + at] ?? 0);
      sums[at] = (sums[at] ?? 0) + term;
      errors[at] = (errors[at] ?? 0) + Math.abs(term);
    }
  });
  for (let at = 0; at < columns; at++) {
    const sum = (parent[at] ?? 0) + scale * (sums[at] ?? 0);
    sums[at] = sum;
    const terms = left.length + 5;
    errors[at] = terms * (Math.abs(scale) * (UNIT * (errors[at] ?? 0) + LEAST) + LEAST) + 2 * UNIT * Math.abs(sum);
  }
  return { sums, errors };
}
