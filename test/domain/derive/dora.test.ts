import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { outsideOf, type DoraRow } from '../../../src/domain/derive/dora.ts';
import { runs } from '../../thorough.ts';

const f = Math.fround;

/** What a library makes in F32, the sums in one order or its reverse. */
function merged(row: Omit<DoraRow, 'child'>, turned: boolean): Float32Array {
  const { parent, left, right, scale, magnitude } = row;
  const columns = parent.length;
  const order = Array.from({ length: left.length }, (_, at) => (turned ? left.length - 1 - at : at));
  const sums = parent.map((value, at) => {
    let product = 0;
    for (const index of order) product = f(product + f((left[index] ?? 0) * (right[index * columns + at] ?? 0)));
    return f(value + f(product * f(scale)));
  });
  let square = 0;
  for (const sum of turned ? sums.toReversed() : sums) square = f(square + f(sum * sum));
  const factor = f(magnitude / f(Math.sqrt(square)));
  return sums.map((sum) => f(factor * sum));
}

const numbers = (length: number, most: number) =>
  fc.array(fc.float({ min: f(-most), max: f(most), noNaN: true }), { minLength: length, maxLength: length });

const rows = fc
  .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 8, max: 96 }))
  .chain(([rank, columns]) =>
    fc.record({
      parent: numbers(columns, 0.1),
      left: numbers(rank, 0.5),
      right: numbers(rank * columns, 0.5),
      magnitude: fc.float({ min: f(0.01), max: f(4), noNaN: true }),
      scale: fc.constantFrom(1.5, 2, 0.25, 12 / Math.sqrt(8)),
      turned: fc.boolean(),
      at: fc.nat(columns - 1),
    }),
  );

function rowOf({
  parent,
  left,
  right,
  magnitude,
  scale,
  turned,
}: {
  parent: number[];
  left: number[];
  right: number[];
  magnitude: number;
  scale: number;
  turned: boolean;
}): DoraRow {
  const row = { parent: Float32Array.from(parent), left: Float32Array.from(left), right: Float32Array.from(right) };
  const about = { ...row, magnitude, scale };
  return { ...about, child: merged(about, turned) };
}

/** Far from where F32 loses digits. */
const isPlain = ({ child, parent }: DoraRow): boolean => child.every(Number.isFinite) && Math.hypot(...parent) > 1e-3;

test('what merging gives in any order of the sums is within bounds', () => {
  fc.assert(
    fc.property(rows, (each) => {
      const row = rowOf(each);
      fc.pre(isPlain(row));
      assert.deepEqual(outsideOf(row), { count: 0, first: 0 });
    }),
    { numRuns: runs(300) },
  );
});

test('a value, a row or a magnitude that is another is found, and so is what is no number', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom('value', 'scaled', 'negated', 'nan', 'unmerged'), (each, what) => {
      const row = rowOf(each);
      const size = Math.max(...row.child.map(Math.abs));
      fc.pre(isPlain(row) && size > 1e-6);
      const child = Float32Array.from(row.child);
      const at = what === 'negated' ? row.child.findIndex((value) => Math.abs(value) === size) : each.at;
      if (what === 'value') child[at] = f((child[at] ?? 0) + 0.01 * size);
      if (what === 'negated') child[at] = -(child[at] ?? 0);
      if (what === 'nan') child[at] = Number.NaN;
      if (what === 'scaled') child.forEach((value, index) => (child[index] = f(value * 1.01)));
      if (what === 'unmerged') child.set(row.parent);
      const isOther = child.some((value, index) => !(Math.abs(value - (row.child[index] ?? 0)) <= 1e-3 * size));
      fc.pre(isOther);
      assert.ok(outsideOf({ ...row, child }).count > 0, what);
    }),
    { numRuns: runs(300) },
  );
});

test('a row of zeros has no norm: nothing but NaN follows from it', () => {
  const zeros = new Float32Array(4);
  const row = { parent: zeros, left: Float32Array.of(0), right: zeros, scale: 1, magnitude: 1 };
  assert.equal(outsideOf({ ...row, child: new Float32Array(4).fill(Number.NaN) }).count, 0);
  assert.equal(outsideOf({ ...row, child: zeros }).count, 4);
  assert.equal(outsideOf({ ...row, child: Float32Array.of(0, 1, 0, 0) }).count, 4);
});
