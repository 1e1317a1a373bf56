import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, cachedSource, smallSource } from '../../../src/domain/base/source.ts';

test("what is read of a source in memory is the caller's own, and no Buffer", async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => index);
  for (const source of [bytesSource(bytes), smallSource(bytes), cachedSource(bytesSource(bytes))]) {
    const read = await source.read(10, 8);
    assert.deepEqual(new Uint32Array(read.slice().buffer), Uint32Array.of(0x0d0c0b0a, 0x11100f0e));
    read.fill(0);
    assert.deepEqual(await source.read(10, 2), Uint8Array.of(10, 11));
    assert.deepEqual(await source.read(98, 8), Uint8Array.of(98, 99));
  }
});

test('nor is what is read across the blocks of a larger one', async () => {
  const bytes = Uint8Array.from({ length: 3 << 16 }, (_, index) => index >> 8);
  const source = cachedSource({
    ...bytesSource(bytes),
    read: async (at, length) => Buffer.from(bytes).subarray(at, at + length),
  });
  for (const at of [0, (1 << 16) - 4]) {
    const read = await source.read(at, 8);
    assert.deepEqual(new Uint8Array(read.slice().buffer), bytes.slice(at, at + 8));
    read.fill(7);
    assert.deepEqual(await source.read(at, 8), bytes.slice(at, at + 8));
  }
});
