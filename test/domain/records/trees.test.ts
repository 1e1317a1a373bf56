import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { setRootOf } from '../../../fixtures/records/make.ts';
import { plainHasher } from '../../../src/domain/records/blake3.ts';
import { EMPTY } from '../../../src/domain/records/keys.ts';
import {
  consistencyPath,
  inclusionPath,
  isConsistent,
  OrderedTree,
  rootOf,
  rootOfPath,
} from '../../../src/domain/records/ordered.ts';
import { branchOf, countSorted, leafHash, rootOfSetPath } from '../../../src/domain/records/trie.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';

/** Hashes that share long prefixes now and then, as no honest ones do. */
const hashes = (count: number): Buffer =>
  Buffer.concat(
    Array.from({ length: count }, (_, at) => {
      const hash = Buffer.alloc(32, 0x5a);
      hash.writeUInt32BE(Math.imul(at + 1, 0x9e3779b1) >>> 0, at % 3 === 0 ? 28 : 0);
      return hash;
    }),
  );
const leaf = (all: Buffer, at: number): Buffer => all.subarray(32 * at, 32 * at + 32);
const rangeOf = (all: Buffer) => (start: number, end: number) =>
  rootOf(all.subarray(32 * start, 32 * end), plainHasher);

test('inclusion: every position of every small tree, and nothing else', () => {
  for (let count = 1; count <= 17; count += 1) {
    const all = hashes(count);
    const root = rootOf(all, plainHasher);
    for (let position = 0; position < count; position += 1) {
      const path = inclusionPath(position, count, rangeOf(all));
      assert.deepEqual(rootOfPath(leaf(all, position), { position, count }, path), root);
      if (count > 1)
        assert.notDeepEqual(rootOfPath(leaf(all, (position + 1) % count), { position, count }, path), root);
      assert.throws(() => rootOfPath(leaf(all, position), { position, count }, [...path, EMPTY]), WeighmarkError);
    }
  }
});

test('consistency: every earlier size of every small tree, and nothing else', () => {
  for (let count = 1; count <= 17; count += 1) {
    const all = hashes(count);
    const root = rootOf(all, plainHasher);
    for (let before = 1; before <= count; before += 1) {
      const path = consistencyPath(before, count, rangeOf(all));
      const old = rootOf(all.subarray(0, 32 * before), plainHasher);
      const side = (size: number, hash: Uint8Array) => ({ count: size, root: hash });
      assert.ok(isConsistent(side(before, old), side(count, root), path), `${before} of ${count}`);
      const other = Buffer.from(old);
      other[0] = (other[0] ?? 0) ^ 1;
      assert.ok(!isConsistent(side(before, other), side(count, root), path));
      if (before < count) assert.ok(!isConsistent(side(before, old), side(count, other), path));
      assert.ok(!isConsistent(side(before, old), side(count, root), [...path, EMPTY]));
    }
  }
  assert.ok(!isConsistent({ count: 0, root: EMPTY }, { count: 1, root: EMPTY }, []), 'nothing is the beginning of all');
});

test('a tree that grows by batches has the root of the whole', () => {
  const all = hashes(20_000);
  for (const sizes of [[20_000], [1, 255, 256, 257, 4096, 15_135], [19_999, 1]]) {
    const tree = new OrderedTree(plainHasher);
    let at = 0;
    for (const size of sizes) {
      tree.add(all.subarray(32 * at, 32 * (at + size)));
      at += size;
    }
    assert.deepEqual(tree.finish().root, rootOf(all, plainHasher));
  }
});

test('the set does not depend on order, and depends on how often', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(30), { maxLength: 40 }), (picks) => {
      const all = hashes(31);
      const root = (order: readonly number[]) => setRootOf(Buffer.concat(order.map((at) => leaf(all, at))));
      assert.deepEqual(root(picks), root(picks.toReversed()));
      assert.notDeepEqual(root(picks), root([...picks, 0]));
    }),
    { numRuns: 30 },
  );
});

test('the definition, word for word: nothing, a leaf, or two halves', () => {
  const define = (items: readonly (readonly [Buffer, number])[], depth: number): Uint8Array => {
    const [first] = items;
    if (first === undefined) return EMPTY;
    if (items.length === 1) return leafHash(...first);
    const bit = (hash: Buffer): number => ((hash[depth >> 3] ?? 0) >> (7 - (depth % 8))) & 1;
    const half = (side: number) =>
      define(
        items.filter(([hash]) => bit(hash) === side),
        depth + 1,
      );
    return rootOf(Buffer.concat([half(0), half(1)]), plainHasher);
  };
  const sorted = Buffer.concat(Array.from({ length: 60 }, (_, at) => leaf(hashes(60), at)).sort(Buffer.compare));
  const set = countSorted(Buffer.concat([sorted.subarray(0, 32), sorted]));
  const items = set.counts.map(
    (count, at) => [Buffer.from(set.hashes.subarray(32 * at, 32 * at + 32)), count] as const,
  );
  assert.deepEqual(branchOf(set, 0, plainHasher).hash, define(items, 0));
});

test('an end that does not lie on the way proves nothing', () => {
  const [record, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 0x81)];
  assert.throws(() => rootOfSetPath(record, { path: [EMPTY], end: { record: other, count: 1 } }), /does not lie/);
  assert.throws(() => rootOfSetPath(record, { path: [], end: { record, count: 0 } }), /no time/);
  assert.equal(rootOfSetPath(record, { path: [], end: { record: other, count: 1 } }).count, 0);
});
