import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../../../../src/domain/base/source.ts';
import { decoderOf } from '../../../../src/domain/scan/diff/decode.ts';
import { compareRecords } from '../../../../src/domain/scan/diff/records.ts';
import { compareSettings } from '../../../../src/domain/scan/diff/settings.ts';
import { compareTensors, type PlacedTensor } from '../../../../src/domain/scan/diff/tensor.ts';

const [ROWS, COLUMNS] = [256, 128];

/** Reproducible numbers in [-1, 1): a linear congruential generator. */
function noise(seed: number, length: number): Float32Array {
  let state = seed;
  return Float32Array.from(
    { length },
    () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 31 - 1,
  );
}

const BASE = noise(1, ROWS * COLUMNS);

function tensor(values: Float32Array, shape: readonly number[] = [ROWS, COLUMNS], dtype = 'F32'): PlacedTensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name: 'w', dtype, shape: [...shape], offset: 0, length: bytes.length, source: bytesSource(bytes) };
}

const changed = (change: (values: Float32Array) => void): PlacedTensor => {
  const copy = BASE.slice();
  change(copy);
  return tensor(copy);
};

test('equal tensors are equal', async () =>
  assert.equal(await compareTensors(tensor(BASE), tensor(BASE.slice())), null));

test('a fine-tune is dense, with its size', async () => {
  const delta = noise(2, BASE.length);
  const found = await compareTensors(
    tensor(BASE),
    changed((values) => values.forEach((value, index) => (values[index] = value + 0.01 * (delta[index] ?? 0)))),
  );
  assert.ok(found !== null && found !== 'bytes');
  assert.equal(found.pattern, 'dense');
  assert.ok(Math.abs((found.relative ?? 0) - 0.01) < 0.001, String(found.relative));
  assert.ok((found.cosine ?? 0) > 0.9999 && (found.cosine ?? 1) < 1);
  assert.ok(found.maxAbs > 0.009 && found.maxAbs < 0.0101 && Math.abs(found.meanAbs - 0.005) < 0.0005);
});

test('a merged adapter is of low rank, and its rank is told', async () => {
  const [left, right] = [noise(3, ROWS * 4), noise(4, 4 * COLUMNS)];
  const merged = changed((values) =>
    values.forEach((value, index) => {
      const [row, column] = [Math.floor(index / COLUMNS), index % COLUMNS];
      let sum = 0;
      for (let k = 0; k < 4; k++) sum += (left[row * 4 + k] ?? 0) * (right[k * COLUMNS + column] ?? 0);
      values[index] = value + 0.05 * sum;
    }),
  );
  const found = await compareTensors(tensor(BASE), merged);
  assert.ok(found !== null && found !== 'bytes');
  assert.deepEqual([found.pattern, found.rank], ['low-rank', 4]);
});

test('a few changed rows, and a trigger-sized spot', async () => {
  const rows = await compareTensors(
    tensor(BASE),
    changed((values) => values.fill(0.5, 7 * COLUMNS, 9 * COLUMNS)),
  );
  assert.ok(rows !== null && rows !== 'bytes');
  assert.deepEqual([rows.pattern, rows.changedRows, rows.rows], ['few-rows', 2, ROWS]);
  const spot = await compareTensors(
    tensor(BASE),
    changed((values) => values.fill(9, 5000, 5010)),
  );
  assert.ok(spot !== null && spot !== 'bytes');
  assert.deepEqual([spot.pattern, spot.changedElements], ['spot', 10]);
});

test('values are compared across number formats', async () => {
  const f16 = new Uint8Array(new Uint16Array([0x3c00, 0xc000, 0x0001, 0x7c00]).buffer);
  assert.deepEqual([...(decoderOf('F16')?.decode(f16) ?? [])], [1, -2, 2 ** -24, Number.POSITIVE_INFINITY]);
  assert.deepEqual([...(decoderOf('BF16')?.decode(Uint8Array.of(0x80, 0x3f, 0, 0xc0)) ?? [])], [1, -2]);
  assert.deepEqual([...(decoderOf('F8_E4M3')?.decode(Uint8Array.of(0x38, 0x7e, 0x01)) ?? [])], [1, 448, 2 ** -9]);
  assert.deepEqual([...(decoderOf('F8_E5M2')?.decode(Uint8Array.of(0x3c, 0x7b, 0x01)) ?? [])], [1, 57_344, 2 ** -16]);
  const half = { ...tensor(new Float32Array(1), [2], 'F16'), length: 4, source: bytesSource(f16.slice(0, 4)) };
  assert.equal(await compareTensors(tensor(Float32Array.of(1, -2), [2]), half), null);
});

test('types without numbers are compared by their bytes', async () => {
  const [a, b] = [tensor(BASE, [ROWS, COLUMNS], 'Q4_K'), tensor(noise(9, BASE.length), [ROWS, COLUMNS], 'Q4_K')];
  assert.equal(await compareTensors(a, b), 'bytes');
  assert.equal(await compareTensors(a, tensor(BASE.slice(), [ROWS, COLUMNS], 'Q4_K')), null);
});

test('records that came and went, whatever their order', async () => {
  const source = (text: string) => bytesSource(Buffer.from(text));
  assert.deepEqual(await compareRecords(source('a\nb\nb\nc'), source('c\r\nb\na\nd\n')), {
    before: 4,
    after: 4,
    added: 1,
    removed: 1,
  });
});

test('settings that differ, by pointer', () => {
  assert.deepEqual(compareSettings('{"a":{"b":1,"c":[1,2]}}', '{"a":{"b":2,"c":[1]},"d/e":null}'), [
    { pointer: '/a/b', before: '1', after: '2' },
    { pointer: '/a/c/1', before: '2' },
    { pointer: '/d~1e', after: 'null' },
  ]);
  assert.equal(compareSettings('{', '{}'), null);
});
