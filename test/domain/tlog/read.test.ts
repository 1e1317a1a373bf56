import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLeaf, type LogLeaf, type LogQuery } from '../../../src/domain/tlog/leaf.ts';
import { rootAt } from '../../../src/domain/tlog/merkle.ts';
import { findEntries, readEntries } from '../../../src/domain/tlog/read.ts';
import { subtreesOf, tilePath, type ReadTile } from '../../../src/domain/tlog/tiles.ts';
import { readerOf } from './log.ts';

const digest = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`;

function leafOf(index: number): LogLeaf {
  return { v: 1, kind: 'claim', name: 'acme/enc', manifest: digest(index), bundle: digest(index + 1) };
}

async function logOf(size: number) {
  const leaves = Array.from({ length: size }, (_, index) => formatLeaf(leafOf(index)));
  const read = readerOf(leaves);
  return {
    read,
    head: { origin: 'log', size, root: await rootAt(size, subtreesOf(size, read)), note: '', signatures: [] },
  };
}

test('each tile of a log is read once and proven once, so a log four times as long is four times the work', async () => {
  const works: number[] = [];
  for (const size of [1000, 4000]) {
    const { read, head } = await logOf(size);
    const tiles: string[] = [];
    const counting: ReadTile = (tile) => {
      tiles.push(`${tile.level}/${tile.index}`);
      return Promise.resolve(contents.get(`${tile.level}/${tile.index}`) ?? Buffer.alloc(0));
    };
    const contents = new Map<string, Uint8Array>();
    await readEntries(
      head,
      async (tile) => {
        const bytes = await read(tile);
        contents.set(`${tile.level}/${tile.index}`, bytes);
        return bytes;
      },
      { from: 0, to: size },
    );
    const { steps, result } = await workOf(() => readEntries(head, counting, { from: 0, to: size }));
    assert.equal(result.length, size);
    assert.equal(new Set(tiles).size, tiles.length, 'no tile is read twice');
    works.push(steps);
  }
  assert.ok((works[1] ?? 0) < 5 * (works[0] ?? 0), works.join(' '));
});

test('of a range no tile is read that holds nothing of it', async () => {
  const { read, head } = await logOf(300);
  for (const [from, to, bundles] of [
    [0, 256, ['tile/entries/000']],
    [255, 257, ['tile/entries/000', 'tile/entries/001.p/44']],
    [256, 999, ['tile/entries/001.p/44']],
  ] as const) {
    const places: string[] = [];
    const found = await readEntries(head, async (tile) => (places.push(tilePath(tile)), read(tile)), { from, to });
    assert.equal(found.length, Math.min(to, 300) - from);
    assert.deepEqual(
      places.filter((place) => place.includes('entries')),
      bundles,
    );
  }
});

test('an entry that has not all the words that are asked for is not even parsed, whatever it is', async () => {
  const leaves = [formatLeaf(leafOf(7)), Buffer.from('an entry of another kind')];
  const read = readerOf(leaves);
  const root = await rootAt(2, subtreesOf(2, read));
  const find = (query: LogQuery) =>
    findEntries({ origin: 'log', size: 2, root, note: '', signatures: [] }, read, query);
  assert.deepEqual(
    (await find({ bundle: leafOf(7).bundle })).map(({ index }) => index),
    [0],
  );
  await assert.rejects(find({}), { code: 'log-invalid' });
});

test('one wrong byte anywhere in the tiles of a range is found', async () => {
  const { read, head } = await logOf(300);
  for (const [level, index, at] of [
    ['entries', 0, 40],
    ['entries', 1, 700],
    [0, 0, 5],
    [0, 0, 8000],
    [0, 1, 1300],
    [1, 0, 3],
  ] as const) {
    const bent: ReadTile = async (tile) => {
      const bytes = await read(tile);
      if (tile.level !== level || tile.index !== index) return bytes;
      const copy = Uint8Array.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    await assert.rejects(
      readEntries(head, bent, { from: 0, to: 300 }),
      { code: 'log-invalid' },
      `${level}/${index} ${at}`,
    );
  }
});
