import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  consistencyProof,
  EMPTY_ROOT,
  inclusionProof,
  leafHash,
  nodeHash,
  rootAt,
  verifyConsistency,
  verifyInclusion,
  type Hash,
} from '../../../src/domain/tlog/merkle.ts';
import {
  allTiles,
  formatEntries,
  grownTiles,
  parseEntries,
  parseTilePath,
  subtreesOf,
  tileAt,
  tilePath,
  type Tile,
} from '../../../src/domain/tlog/tiles.ts';
import { leavesOf, readerOf } from './log.ts';

/** RFC 6962 section 2.1, word by word. */
function referenceRoot(leaves: readonly Uint8Array[]): Hash {
  const [only] = leaves;
  if (only === undefined) return createHash('sha256').digest();
  if (leaves.length === 1) return leafHash(only);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(referenceRoot(leaves.slice(0, k)), referenceRoot(leaves.slice(k)));
}

test('the root of the eight leaves of the Certificate Transparency test vectors', async () => {
  const leaves = [
    '',
    '00',
    '10',
    '2021',
    '3031',
    '40414243',
    '5051525354555657',
    '606162636465666768696a6b6c6d6e6f',
  ].map((hex) => Buffer.from(hex, 'hex'));
  const root = await rootAt(8, subtreesOf(8, readerOf(leaves)));
  assert.equal(Buffer.from(root).toString('hex'), '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328');
  assert.equal(
    Buffer.from(EMPTY_ROOT).toString('hex'),
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
});

test('roots out of tiles are those of RFC 6962, across tile borders', async () => {
  const leaves = leavesOf(600);
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 300, 511, 512, 513, 600]) {
    assert.deepEqual(
      await rootAt(size, subtreesOf(size, readerOf(leaves))),
      referenceRoot(leaves.slice(0, size)),
      `size ${size}`,
    );
  }
});

test('every leaf of a log is proven, and no other leaf, index, size or root', async () => {
  const leaves = leavesOf(600);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), fc.nat(599), async (size, at) => {
      const index = at % size;
      const subtrees = subtreesOf(size, readerOf(leaves));
      const [proof, root] = [await inclusionProof(index, size, subtrees), await rootAt(size, subtrees)];
      const hash = leafHash(leaves[index] ?? Buffer.alloc(0));
      assert.ok(verifyInclusion(proof, { index, hash }, { size, root }));
      assert.ok(!verifyInclusion(proof, { index, hash: leafHash(Buffer.from('other')) }, { size, root }));
      assert.ok(!verifyInclusion(proof, { index: (index + 1) % (size + 1), hash }, { size, root }));
      assert.ok(!verifyInclusion([...proof, hash], { index, hash }, { size, root }));
      if (proof.length > 0) assert.ok(!verifyInclusion(proof.slice(1), { index, hash }, { size, root }));
      assert.ok(
        !verifyInclusion(proof, { index, hash }, { size, root: hash === root ? EMPTY_ROOT : nodeHash(root, root) }),
      );
    }),
    { numRuns: 60 },
  );
});

test('an older log is proven to be the beginning of a newer one, and no other', async () => {
  const leaves = leavesOf(600);
  const forked = leaves.with(0, Buffer.from('rewritten'));
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 600 }), fc.nat(600), async (newSize, at) => {
      const oldSize = at % (newSize + 1);
      const subtrees = subtreesOf(newSize, readerOf(leaves));
      const older = { size: oldSize, root: await rootAt(oldSize, subtreesOf(oldSize, readerOf(leaves))) };
      const newer = { size: newSize, root: await rootAt(newSize, subtrees) };
      const proof = await consistencyProof(oldSize, newSize, subtrees);
      assert.ok(verifyConsistency(proof, older, newer));
      if (oldSize === 0) return;
      const fork = { size: newSize, root: await rootAt(newSize, subtreesOf(newSize, readerOf(forked))) };
      const forkProof = await consistencyProof(oldSize, newSize, subtreesOf(newSize, readerOf(forked)));
      assert.ok(!verifyConsistency(forkProof, older, fork));
      assert.ok(!verifyConsistency(proof, older, fork));
      assert.ok(!verifyConsistency(proof, newer, older) || oldSize === newSize);
    }),
    { numRuns: 60 },
  );
});

test('tile paths are those of tlog-tiles', () => {
  assert.equal(tilePath({ level: 0, index: 1234067, width: 256 }), 'tile/0/x001/x234/067');
  assert.equal(tilePath({ level: 1, index: 5, width: 8 }), 'tile/1/005.p/8');
  assert.equal(tilePath({ level: 'entries', index: 1000, width: 1 }), 'tile/entries/x001/000.p/1');
});

test('a tile has a path, and only that path is its', () => {
  for (const tile of [
    { level: 0, index: 1234067, width: 256 },
    { level: 'entries', index: 0, width: 1 },
    { level: 12, index: 999, width: 255 },
  ] as const)
    assert.deepEqual(parseTilePath(tilePath(tile)), tile);
  for (const path of [
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/0/x000/000',
    'tile/00/000',
    'tile//000',
    'tile/0/0000',
    'tile/other/000',
    'tile/0/000.q/1',
    'a/tile/0/000',
    'tile/0/000/',
  ])
    assert.equal(parseTilePath(path), null, path);
});

test('a log has as many tiles as hold something: none is empty', () => {
  const paths = (tiles: readonly Tile[]): readonly string[] =>
    tiles.map((tile) => tilePath(tile).slice('tile/'.length));
  assert.deepEqual(paths(allTiles(0)), []);
  assert.deepEqual(paths(allTiles(255)), ['entries/000.p/255', '0/000.p/255']);
  assert.deepEqual(paths(allTiles(256)), ['entries/000', '0/000', '1/000.p/1']);
  assert.equal(allTiles(65_536).length, 256 + 256 + 1 + 1);
  assert.deepEqual(paths(grownTiles(300, 512)), ['entries/001', '0/001', '1/000.p/2']);
  assert.deepEqual(paths(grownTiles(256, 257)), ['entries/001.p/1', '0/001.p/1']);
  assert.equal(tileAt(0, 1, 256), null);
  assert.deepEqual(tileAt(0, 1, 257), { level: 0, index: 1, width: 1 });
});

test('growing in any steps writes, in the end, every tile of the final size', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 6 }), (steps) => {
      const written = new Set<string>();
      let size = 0;
      for (const step of steps) {
        for (const tile of grownTiles(size, size + step)) written.add(tilePath(tile));
        size += step;
      }
      for (const tile of allTiles(size)) assert.ok(written.has(tilePath(tile)), tilePath(tile));
    }),
    { numRuns: 50 },
  );
});

test('bundles of entries read back, and a wrong length is refused', () => {
  const leaves = leavesOf(256);
  const bytes = formatEntries(leaves);
  assert.deepEqual(
    parseEntries(bytes, 256).map((leaf) => Buffer.from(leaf)),
    leaves,
  );
  assert.throws(() => parseEntries(bytes, 255), { code: 'log-invalid' });
  assert.throws(() => parseEntries(bytes.subarray(0, -1), 256), { code: 'log-invalid' });
  assert.throws(() => parseEntries(Buffer.concat([bytes, Buffer.from([0])]), 256), { code: 'log-invalid' });
  assert.throws(() => formatEntries([Buffer.alloc(65_536)]), { code: 'limit-exceeded' });
});
