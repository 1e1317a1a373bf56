import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { likenessOf, towards } from '../../../src/domain/derive/likeness.ts';
import { byName, layerOf, plainName } from '../../../src/domain/derive/pairing.ts';
import { eigenvaluesAbove } from '../../../src/domain/derive/rank.ts';
import { sampledRows, sampleOf } from '../../../src/domain/derive/sample.ts';

/** Numbers that look random and are the same each time. */
function noise(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32 - 0.5;
  return Float32Array.from({ length: count }, () => next() + next() + next());
}

test('eigenvalues are counted as they are: diagonals, and what is rotated', () => {
  const diagonal = (values: readonly number[]): Float64Array => {
    const matrix = new Float64Array(values.length ** 2);
    values.forEach((value, at) => (matrix[at * values.length + at] = value));
    return matrix;
  };
  assert.deepEqual(eigenvaluesAbove(diagonal([3, -1, 0.5, 7]), 4, [0, 1, 5, 8]), [3, 2, 1, 0]);
  assert.deepEqual(eigenvaluesAbove(Float64Array.of(2, 1, 1, 2), 2, [0.5, 2, 4]), [2, 1, 0]);
  assert.deepEqual(eigenvaluesAbove(Float64Array.of(5), 1, [4, 6]), [1, 0]);
});

test('the rank of a product of thin matrices is theirs', () => {
  const [rows, columns] = [40, 60];
  for (const rank of [1, 3, 8]) {
    const [left, right] = [noise(rows * rank, 3), noise(rank * columns, 4)];
    const base = noise(rows * columns, 5);
    const own = base.map((value, at) => {
      const [row, column] = [Math.floor(at / columns), at % columns];
      let sum = value;
      for (let part = 0; part < rank; part++)
        sum += (left[row * rank + part] ?? 0) * (right[part * columns + column] ?? 0);
      return sum;
    });
    assert.equal(likenessOf({ rows, columns, own, other: base, digits: 20 }).rank, rank);
  }
});

test('unrelated numbers are not alike, whatever rows and columns have in common', () => {
  const [rows, columns] = [64, 64];
  const common = (values: Float32Array): Float32Array =>
    values.map((value, at) => value * 0.01 + (at % columns) + Math.floor(at / columns) * 2);
  const found = likenessOf({ rows, columns, own: common(noise(4096, 1)), other: common(noise(4096, 2)) });
  assert.ok(Math.abs(found.deviations) < 5, String(found.deviations));
  assert.ok(
    likenessOf({ rows, columns, own: common(noise(4096, 1)), other: common(noise(4096, 1)) }).correlation > 0.99,
  );
});

test('constants, vectors and what is not finite tell nothing', () => {
  const of = (own: Float32Array, other: Float32Array, rows: number) =>
    likenessOf({ rows, columns: own.length / rows, own, other });
  const ones = new Float32Array(4096).fill(1);
  assert.equal(of(ones, ones, 64).telling, false);
  assert.equal(of(noise(4096, 1), noise(4096, 1), 1).telling, false);
  assert.equal(of(noise(4096, 1).fill(Number.NaN, 5, 6), noise(4096, 1), 64).telling, false);
  assert.equal(of(noise(4096, 1).fill(Infinity, 5, 6), noise(4096, 1), 64).telling, false);
});

test('what differs from one base points to the other only where it came from it', () => {
  const [from, to, apart] = [noise(1000, 1), noise(1000, 2), noise(1000, 3)];
  const half = from.map((value, at) => (value + (to[at] ?? 0)) / 2);
  assert.ok((towards(half, from, to) ?? 0) > 0.999);
  assert.ok(
    Math.abs(
      towards(
        from.map((value, at) => value + 0.1 * (apart[at] ?? 0)),
        from,
        to,
      ) ?? 1,
    ) < 0.8,
  );
  assert.equal(towards(from, from, to), null);
});

test('a sample is bounded, within both, and never has a row twice', () => {
  const size = fc.integer({ min: 1, max: 3000 });
  fc.assert(
    fc.property(size, size, size, (a, b, columns) => {
      const sample = sampleOf([a, columns], [b, columns]);
      assert.ok(sample !== null);
      assert.ok(sampledRows(sample) <= 128 && sample.used <= 65_536);
      let last = 0;
      for (const { first, rows } of sample.bands) {
        assert.ok(first >= last && first + rows <= Math.min(a, b));
        last = first + rows;
      }
    }),
  );
  assert.equal(sampleOf([4, 4], [4, 5]), null);
  assert.equal(sampleOf([0, 4], [4, 4]), null);
});

test('names are paired without what frameworks put before them, and never by a guess', () => {
  assert.equal(plainName('module.model.layers.3.mlp.up_proj.weight'), 'layers.3.mlp.up_proj.weight');
  const pairs = byName(['model.a.weight', 'b', 'c'], ['a.weight', 'module.b', 'model.b', 'x']);
  assert.deepEqual([...pairs], [['model.a.weight', 'a.weight']]);
  assert.equal(layerOf('model.layers.12.mlp.experts.3.up.weight'), 12);
  assert.equal(layerOf('lm_head.weight'), null);
});
