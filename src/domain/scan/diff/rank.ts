/**
 * How many directions hold 95 % of a matrix's energy. A matrix of low rank stays of low rank in every sample of its rows
 * and columns, so a sample tells. One-sided Jacobi rotations on the columns.
 * @param columns equal-length columns; changed in place.
 */
export function effectiveRank(columns: readonly Float64Array[]): number {
  for (let sweep = 0; sweep < 12 && rotateAll(columns); sweep++);
  const energies = columns.map((column) => dot(column, column)).toSorted((a, b) => b - a);
  const total = energies.reduce((sum, energy) => sum + energy, 0);
  let [covered, rank] = [0, 0];
  while (rank < energies.length && covered < 0.95 * total) covered += energies[rank++] ?? 0;
  return rank;
}

/** True while a rotation still changed something. */
function rotateAll(columns: readonly Float64Array[]): boolean {
  let changed = false;
  for (let p = 0; p < columns.length; p++) {
    for (let q = p + 1; q < columns.length; q++)
      changed = rotate(columns[p] as Float64Array, columns[q] as Float64Array) || changed;
  }
  return changed;
}

function rotate(a: Float64Array, b: Float64Array): boolean {
  const [alpha, beta, gamma] = [dot(a, a), dot(b, b), dot(a, b)];
  if (gamma * gamma <= 1e-12 * alpha * beta) return false;
  const zeta = (beta - alpha) / (2 * gamma);
  const tangent = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = cosine * tangent;
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    a[index] = cosine * x - sine * y;
    b[index] = sine * x + cosine * y;
  }
  return true;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] ?? 0) * (b[index] ?? 0);
  return sum;
}
