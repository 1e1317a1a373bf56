import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { collect } from '../../../src/domain/formats/inflate.ts';
import { elementsOf } from '../../../src/domain/formats/tensors.ts';
import { assembled, chunkedElements, type Piece } from '../../../src/domain/weights/pieces.ts';

const MOST = 1 << 30;

/** Element number as two bytes. */
function numbered(shape: readonly number[]): Uint8Array {
  const numbers = Uint16Array.from({ length: elementsOf(shape) }, (_, index) => index);
  return new Uint8Array(numbers.buffer);
}

/** The chunk at a place of a grid, cut out of the numbered array by plain loops; what is beyond the edge is 0xffff. */
function cut(shape: readonly number[], chunk: readonly number[], place: readonly number[]): Uint8Array {
  const out = Uint16Array.from({ length: elementsOf(chunk) }, (_, number) => {
    const inside: number[] = [];
    let rest = number;
    for (let axis = chunk.length - 1; axis >= 0; axis--) {
      inside.unshift(rest % (chunk[axis] ?? 1));
      rest = Math.floor(rest / (chunk[axis] ?? 1));
    }
    const at = inside.map((index, axis) => index + (place[axis] ?? 0) * (chunk[axis] ?? 1));
    if (at.some((index, axis) => index >= (shape[axis] ?? 0))) return 0xffff;
    return at.reduce((sum, index, axis) => sum * (shape[axis] ?? 1) + index, 0);
  });
  return new Uint8Array(out.buffer);
}

const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 0, maxLength: 4 });

test('an array of any shape in chunks of any size is put together again', async () => {
  const arrays = shapes.chain((shape) =>
    fc.tuple(fc.constant(shape), fc.tuple(...shape.map(() => fc.integer({ min: 1, max: 7 })))),
  );
  await fc.assert(
    fc.asyncProperty(arrays, async ([shape, chunk]) => {
      const load = async (place: readonly number[]): Promise<Uint8Array> => cut(shape, chunk, place);
      const made = await collect(chunkedElements({ shape, width: 2, chunk, fill: new Uint8Array(2), load }), MOST);
      assert.deepEqual(Uint8Array.from(made), numbered(shape));
    }),
  );
});

test('what no chunk holds is the fill value, what no piece holds is refused', async () => {
  const fill = Uint8Array.of(1, 2);
  const load = async ([row = 0]: readonly number[]): Promise<Uint8Array | null> =>
    row === 0 ? Uint8Array.of(9, 9, 9, 9) : null;
  const made = await collect(chunkedElements({ shape: [3], width: 2, chunk: [2], fill, load }), MOST);
  assert.deepEqual([...made], [9, 9, 9, 9, 1, 2]);
  const piece: Piece = { offsets: [0], sizes: [2], read: async (_, length) => new Uint8Array(length) };
  const holes = assembled({ shape: [3], width: 2, grid: [2], within: () => [piece] });
  await assert.rejects(collect(holes, MOST), { code: 'format-invalid', message: /do not make up the whole/ });
});

test('a chunk is opened once where a row of chunks fits in memory, and a bounded number of times where it does not', async () => {
  const memory = { slab: 4096, chunks: 8192 };
  const opened = async (shape: readonly number[], chunk: readonly number[]): Promise<number> => {
    let count = 0;
    const load = async (): Promise<Uint8Array> => {
      count += 1;
      return new Uint8Array(elementsOf(chunk));
    };
    let made = 0;
    for await (const bytes of chunkedElements({ shape, width: 1, chunk, fill: new Uint8Array(1), load }, memory))
      made += bytes.length;
    assert.equal(made, elementsOf(shape));
    return count;
  };
  assert.equal(await opened([64, 64], [8, 8]), 64);
  assert.equal(await opened([100, 1024], [10, 1024]), 10);
  assert.equal(await opened([256, 256], [256, 16]), 256);
  await assert.rejects(opened([512, 256], [512, 16]), { code: 'limit-exceeded', message: /too often/ });
});
