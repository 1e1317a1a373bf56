import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kept } from '../../../src/domain/derive/pruned.ts';

/** What is said of F32 values of which some were set to zero. */
function judged(parent: readonly number[], child: readonly number[], columns: number) {
  const bytes = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
  const kept = new Kept(4, columns);
  // In two pieces.
  const half = Math.floor(parent.length / 2);
  kept.add(bytes(child.slice(0, half)), bytes(parent.slice(0, half)));
  kept.add(bytes(child.slice(half)), bytes(parent.slice(half)));
  return { zeroed: kept.zeroed, other: kept.other, by: kept.other === null ? kept.explained() : null };
}

const PARENT = [1, -8, 3, 4, -5, 6, -7, 2];

test('the smallest of all, of each row, of each four', () => {
  assert.deepEqual(judged(PARENT, [0, -8, 0, 4, -5, 6, -7, 0], 8), { zeroed: 3, other: null, by: 'the tensor' });
  assert.deepEqual(judged(PARENT, [0, -8, 0, 4, 0, 6, -7, 0], 4), { zeroed: 4, other: null, by: 'each row' });
  const large = [1, 2, 30, 40, 100, 200, 300, 400];
  assert.equal(judged(large, [0, 0, 30, 40, 0, 0, 300, 400], 8).by, 'each four');
});

test('zeros that no magnitude explains, and elements that are neither', () => {
  assert.deepEqual(judged(PARENT, [1, 0, 3, 4, -5, 6, -7, 2], 8), { zeroed: 1, other: null, by: null });
  assert.deepEqual(judged(PARENT, [1, -8, 3, 4, -5, 6, -7.5, 2], 8), { zeroed: 0, other: 6, by: null });
  assert.deepEqual(judged(PARENT, [1, 8, 3, 4, -5, 6, -7, 2], 8).other, 1, 'another sign');
  assert.deepEqual(judged([0, 2], [-0, 2], 2).zeroed, 1, 'zeros differ in their sign');
});
