import assert from 'node:assert/strict';
import { hash as oracle } from 'blake3-wasm';
import fc from 'fast-check';
import { test } from 'node:test';
import { BUFFER_BYTES, createKernel } from '../../../src/adapters/hasher/kernel.ts';
import { pattern } from './harness.ts';
import { runs } from '../../thorough.ts';

const LEAF_BYTES = 128 << 10;
const GROUP_BYTES = 16 << 10;
const kernel = createKernel();
const content = pattern(9 * LEAF_BYTES + 5000).map((byte, index) => byte ^ (index >> 10));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const blake3 = (bytes: Uint8Array) => oracle(Buffer.from(bytes)).toString('hex');

/** Around the multiples of what the kernel hashes at once. */
const length = fc
  .tuple(
    fc.constantFrom(1024, 8192, GROUP_BYTES, LEAF_BYTES, 2 * LEAF_BYTES),
    fc.nat(9),
    fc.integer({ min: -2, max: 2 }),
  )
  .map(([unit, times, more]) => Math.min(content.length, Math.max(0, unit * times + more)));

test('the kernel gives BLAKE3 however the input is cut', () => {
  fc.assert(
    fc.property(length, fc.array(fc.oneof(length, fc.nat(70_000)), { maxLength: 12 }), (size, cuts) => {
      kernel.begin(0);
      let at = 0;
      for (const cut of [...cuts, ...Array.from({ length: 10 }, () => BUFFER_BYTES)]) {
        const piece = content.subarray(at, Math.min(size, at + Math.min(cut, BUFFER_BYTES)));
        kernel.input.set(piece);
        kernel.update(piece.length);
        at += piece.length;
      }
      assert.equal(
        hex(kernel.finish(true)),
        blake3(content.subarray(0, size)),
        `${size} bytes cut at ${cuts.join(', ')}`,
      );
    }),
    {
      numRuns: runs(300),
      examples: [
        [0, []],
        [LEAF_BYTES, []],
        [LEAF_BYTES, [LEAF_BYTES]],
        [2 * LEAF_BYTES, []],
        [2 * LEAF_BYTES, [2 * LEAF_BYTES]],
        [9 * LEAF_BYTES, [2 * LEAF_BYTES, 1, LEAF_BYTES]],
      ],
    },
  );
});

test('two subtrees and their parent are the whole, and so are groups', () => {
  const rootOf = (values: readonly Uint8Array[], isRoot: boolean): Uint8Array => {
    const [only] = values;
    if (only !== undefined && values.length === 1) return only;
    const half = 2 ** Math.floor(Math.log2(values.length - 1));
    return kernel.parent(rootOf(values.slice(0, half), false), rootOf(values.slice(half), false), isRoot);
  };
  fc.assert(
    fc.property(length, (size) => {
      const bytes = content.subarray(0, size);
      if (size > 1024) {
        const half = 2 ** Math.floor(Math.log2(size - 1));
        const [left, right] = [kernel.subtree(bytes.subarray(0, half), 0), kernel.subtree(bytes.subarray(half), half)];
        assert.equal(hex(kernel.parent(left, right, true)), blake3(bytes), `${size} bytes`);
      }
      if (size <= GROUP_BYTES) return;
      const groups: Uint8Array[] = [];
      for (let at = 0; at < size; at += BUFFER_BYTES) {
        const piece = bytes.subarray(at, at + BUFFER_BYTES);
        kernel.input.set(piece);
        const values = kernel.groups(at, piece.length);
        for (let value = 0; value < values.length; value += 32) groups.push(values.subarray(value, value + 32));
      }
      assert.equal(hex(rootOf(groups, true)), blake3(bytes), `${size} bytes in groups`);
    }),
    { numRuns: runs(200) },
  );
});

test('counters of chunks have an upper half: from 4 TiB on', () => {
  const group = content.subarray(0, GROUP_BYTES);
  for (const offset of [0, 2 ** 42 - GROUP_BYTES, 2 ** 42, 2 ** 42 + 2 ** 45]) {
    // Of less than a leaf `subtree` has the blake3 crate's value.
    const expected = kernel.subtree(group, offset);
    assert.equal(hex(kernel.groups(offset, GROUP_BYTES)), hex(expected), `at ${offset}`);
  }
  assert.notEqual(hex(kernel.groups(2 ** 42, GROUP_BYTES)), hex(kernel.groups(0, GROUP_BYTES)));
});
