import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancel, factorsOf, vectorFactors } from '../../../src/domain/derive/folded.ts';

const ROWS = 20;
const WIDTH = 24;
const wave = (at: number): number => Math.sin(at * at * 0.7 + at) + 0.01;
const parent = Float32Array.from({ length: ROWS * WIDTH }, (_, at) => wave(at));
const column = (at: number): number => 1 + (at % 7) / 5;
const row = (at: number): number => 1 + (at % 5) / 3;
const child = parent.map((value, at) => value * column(at % WIDTH) * row(Math.floor(at / WIDTH)));
const norm = Float32Array.from({ length: WIDTH }, (_, at) => 1 + at / 100);

function fitted(values: Float32Array) {
  const found = factorsOf(parent, values, WIDTH);
  assert.ok(found !== null);
  return found;
}

test('factors of rows and columns are found, but for one that both share', () => {
  const { rows, columns } = fitted(child);
  const ratio = (found: readonly number[], at: number): number => (found[at] ?? 0) / (found[0] ?? 1);
  columns.forEach((_, at) => assert.ok(Math.abs(ratio(columns, at) - column(at) / column(0)) < 1e-3));
  rows.forEach((_, at) => assert.ok(Math.abs(ratio(rows, at) - row(at) / row(0)) < 1e-3));
});

test('other weights, zeros and what is no number have no factors', () => {
  assert.equal(factorsOf(parent, parent.toReversed(), WIDTH), null);
  assert.equal(
    factorsOf(
      parent,
      parent.map(() => 0),
      WIDTH,
    ),
    null,
  );
  assert.equal(
    factorsOf(
      parent,
      parent.map(() => Number.NaN),
      WIDTH,
    ),
    null,
  );
});

test('a norm, with one added or not, rows and a bias are taken back by the weight that follows', () => {
  const weight = fitted(child);
  const divided = norm.map((value, at) => value / column(at));
  const gemma = norm.map((value, at) => (value + 1) / column(at) - 1);
  assert.ok(cancel(vectorFactors(norm, divided, 0), weight));
  assert.ok(cancel(weight, vectorFactors(norm, divided, 0)));
  assert.ok(cancel(vectorFactors(norm, gemma, 1), weight));
  const before = factorsOf(
    parent,
    parent.map((value, at) => value / row(Math.floor(at / WIDTH))),
    WIDTH,
  );
  assert.ok(before !== null);
  const after = { rows: [], columns: Array.from({ length: ROWS }, (_, at) => row(at)), isVector: false };
  assert.ok(cancel(before, after) && cancel(after, before));
  const bias = Float32Array.from({ length: ROWS }, (_, at) => row(at));
  assert.ok(cancel(vectorFactors(new Float32Array(ROWS).fill(1), bias, 0), weight));
});

test('factors that go the same way, that do not go together, or that are too few cancel nothing', () => {
  const weight = fitted(child);
  const multiplied = norm.map((value, at) => value * column(at));
  assert.equal(cancel(vectorFactors(norm, multiplied, 0), weight), false);
  assert.equal(
    cancel(
      vectorFactors(
        norm,
        norm.map((value, at) => value * (2 + wave(at))),
        0,
      ),
      weight,
    ),
    false,
  );
  const two = vectorFactors(norm, multiplied, 0);
  assert.equal(
    cancel(
      two,
      vectorFactors(
        norm,
        norm.map((value, at) => value / column(at)),
        0,
      ),
    ),
    false,
  );
  const short = (values: readonly number[], isVector: boolean) => ({
    rows: [],
    columns: values.slice(0, 15),
    isVector,
  });
  const inverse = weight.columns.map((each) => 1 / each);
  assert.equal(cancel(short(inverse, true), short(weight.columns, false)), false);
});
