/**
 * How many eigenvalues of a symmetric matrix are greater than each of `bounds`: Householder's reduction to three diagonals, then
 * the signs of the Sturm sequence.
 * @param matrix row-major, `size` × `size`; it is overwritten.
 * @see Golub, Van Loan: Matrix Computations, 4th edition, 8.3.1 and 8.4.1
 */
export function eigenvaluesAbove(matrix: Float64Array, size: number, bounds: readonly number[]): readonly number[] {
  const { diagonal, beside } = tridiagonal(matrix, size);
  return bounds.map((bound) => countAbove(diagonal, beside, bound));
}

interface Tridiagonal {
  readonly diagonal: Float64Array;
  readonly beside: Float64Array;
}

function tridiagonal(matrix: Float64Array, size: number): Tridiagonal {
  const beside = new Float64Array(Math.max(0, size - 1));
  const [mirror, image] = [new Float64Array(size), new Float64Array(size)];
  for (let column = 0; column < size - 1; column++) {
    beside[column] = mirrorOf(matrix, size, column, mirror);
    if (column < size - 2) reflect(matrix, { size, from: column + 1, mirror, image });
  }
  return { diagonal: Float64Array.from({ length: size }, (_, at) => matrix[at * size + at] ?? 0), beside };
}

/** The unit vector whose reflection leaves one element of the column below its diagonal; returns that element. */
function mirrorOf(matrix: Float64Array, size: number, column: number, mirror: Float64Array): number {
  const from = column + 1;
  let norm = 0;
  for (let row = from; row < size; row++) norm += (mirror[row] = matrix[row * size + column] ?? 0) ** 2;
  const head = mirror[from] ?? 0;
  const left = head > 0 ? -Math.sqrt(norm) : Math.sqrt(norm);
  mirror[from] = head - left;
  const length = Math.sqrt(norm - head * head + (head - left) ** 2);
  for (let row = from; row < size; row++) mirror[row] = length === 0 ? 0 : (mirror[row] ?? 0) / length;
  return left;
}

interface Reflection {
  readonly size: number;
  readonly from: number;
  readonly mirror: Float64Array;
  readonly image: Float64Array;
}

/** A − 2vwᵀ − 2wvᵀ with w = Av − (vᵀAv)v, on the rows and columns from `from` on. */
function reflect(matrix: Float64Array, { size, from, mirror, image }: Reflection): void {
  let along = 0;
  for (let row = from; row < size; row++) {
    let sum = 0;
    for (let at = from; at < size; at++) sum += (matrix[row * size + at] ?? 0) * (mirror[at] ?? 0);
    image[row] = sum;
    along += sum * (mirror[row] ?? 0);
  }
  for (let row = from; row < size; row++) image[row] = (image[row] ?? 0) - along * (mirror[row] ?? 0);
  for (let row = from; row < size; row++) {
    const [own, made] = [2 * (mirror[row] ?? 0), 2 * (image[row] ?? 0)];
    for (let at = from; at < size; at++) {
      const place = row * size + at;
      matrix[place] = (matrix[place] ?? 0) - own * (image[at] ?? 0) - made * (mirror[at] ?? 0);
    }
  }
}

function countAbove(diagonal: Float64Array, beside: Float64Array, bound: number): number {
  let [above, last] = [0, 1];
  for (let at = 0; at < diagonal.length; at++) {
    const off = at === 0 ? 0 : (beside[at - 1] ?? 0);
    last = (diagonal[at] ?? 0) - bound - (off * off) / last;
    if (last === 0) last = -Number.MIN_VALUE * 2 ** 60;
    if (last > 0) above++;
  }
  return above;
}
