import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { growLog } from '../../../src/domain/tlog/append.ts';
import { auditLog, auditOthers } from '../../../src/domain/tlog/audit.ts';
import { LogColumns, columnsOf } from '../../../src/domain/tlog/columns.ts';
import { addPart, formatPart } from '../../../src/domain/tlog/columns-part.ts';
import { formatLeaf, parseLeaf, type LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import { leafHash, rootAt } from '../../../src/domain/tlog/merkle.ts';
import {
  foldHashes,
  formatEntries,
  grownTiles,
  parseEntries,
  subtreesOf,
  tilePath,
  type ReadTile,
} from '../../../src/domain/tlog/tiles.ts';
import { readerOf } from './log.ts';

const KINDS = ['push', 'claim', 'promotion', 'revocation'] as const;

function leafOf(at: number): LogLeaf {
  const kind = KINDS[at % 4] ?? 'push';
  const digest = (n: number): string => `sha256:${n.toString(16).padStart(64, '0')}`;
  return {
    v: 1,
    kind,
    name: 'acme/m',
    manifest: digest(at),
    bundle: digest(at + 1),
    ...(kind === 'promotion' ? { env: 'prod' } : {}),
  };
}

const bytesOf = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => formatLeaf(leafOf(from + at)));

test('a log grows by what is added to its unfinished tiles: the same tiles and root as one made whole', async () => {
  for (const [before, after] of [
    [0, 1],
    [1, 2],
    [255, 256],
    [256, 257],
    [300, 600],
  ] as const) {
    const read = readerOf(bytesOf(0, before));
    const root =
      before === 0 ? Buffer.from(createHash('sha256').digest()) : await rootAt(before, subtreesOf(before, read));
    const grown = await growLog({ size: before, root }, bytesOf(before, after), read);
    const whole = readerOf(bytesOf(0, after));
    assert.equal(
      Buffer.from(grown.root).toString('hex'),
      Buffer.from(await rootAt(after, subtreesOf(after, whole))).toString('hex'),
    );
    assert.deepEqual(
      grown.tiles.map(({ tile }) => tilePath(tile)),
      grownTiles(before, after).map(tilePath),
    );
    for (const { tile, bytes } of grown.tiles)
      assert.deepEqual(Buffer.from(bytes), Buffer.from(await whole(tile)), `${before} to ${after}: ${tilePath(tile)}`);
  }
});

test('a log whose last entries are not those of its hashes does not grow', async () => {
  const [read, others] = [readerOf(bytesOf(0, 10)), readerOf(bytesOf(5, 15))];
  const root = await rootAt(10, subtreesOf(10, read));
  const torn: ReadTile = async (tile) => (tile.level === 'entries' ? others(tile) : read(tile));
  await assert.rejects(growLog({ size: 10, root }, bytesOf(10, 11), torn), {
    code: 'log-invalid',
    message: /the last entries/,
  });
  await assert.rejects(growLog({ size: 10, root }, bytesOf(10, 11), others), { code: 'log-invalid' });
});

test('every tile of a log is read and held to what is below it, whole tiles and the last one', async () => {
  for (const size of [0, 1, 255, 256, 257, 512]) {
    const [leaves, visited]: [Uint8Array[], number[]] = [bytesOf(0, size), []];
    const read = readerOf(leaves);
    const root = size === 0 ? createHash('sha256').digest() : await rootAt(size, subtreesOf(size, read));
    const checkpoint = { origin: 'log', size, root, note: '', signatures: [] };
    const torn =
      (place: string): ReadTile =>
      async (tile) => {
        const bytes = Buffer.from(await read(tile));
        if (tilePath(tile) === place) bytes[0] = (bytes[0] ?? 0) ^ 1;
        return bytes;
      };
    const places: string[] = [];
    await auditLog(
      checkpoint,
      async (tile) => (places.push(tilePath(tile)), read(tile)),
      (index) => visited.push(index),
    );
    assert.deepEqual(visited, [...leaves.keys()], String(size));
    for (const place of new Set(places))
      await assert.rejects(auditLog(checkpoint, torn(place)), { code: 'log-invalid' }, `${size}: ${place}`);
  }
});

test('a tile of another state that does not hold what its name says is named', async () => {
  const read = readerOf(bytesOf(0, 10));
  const torn: ReadTile = async (tile) => (tile.width === 4 ? Buffer.of(0) : read(tile));
  await auditOthers(10, ['tile/entries/000.p/3', 'tile/0/000.p/3', 'tile/0/001.p/4', 'no tile'], torn);
  for (const [path, what] of [
    ['tile/entries/000.p/4', 'entries'],
    ['tile/0/000.p/4', 'hashes'],
  ] as const)
    await assert.rejects(auditOthers(10, [path], torn), {
      code: 'log-invalid',
      subject: path,
      message: `${path} does not hold 4 ${what}`,
    });
});

test('a log whose tiles of tiles are full, too', async () => {
  const leaf = formatLeaf(leafOf(0));
  const size = 256 ** 2;
  const tiles = [Buffer.concat(Array.from({ length: 256 }, () => leafHash(leaf)))];
  for (let level = 0; level < 2; level += 1) {
    const folded = foldHashes(tiles[level] ?? Buffer.of(), 0, 256);
    tiles.push(Buffer.concat(Array.from({ length: 256 }, () => folded)));
  }
  const entries = formatEntries(Array.from({ length: 256 }, () => leaf));
  const read: ReadTile = async (tile) => {
    assert.ok(tile.width > 0, tilePath(tile));
    const bytes = tile.level === 'entries' ? entries : tiles[tile.level]?.subarray(0, 32 * tile.width);
    return Promise.resolve(bytes ?? Buffer.of());
  };
  const root = await rootAt(size, subtreesOf(size, read));
  let visited = 0;
  await auditLog({ origin: 'log', size, root }, read, () => void (visited += 1));
  assert.equal(visited, size);
});

test('entries are bundled up to their longest, and read back as many as there are', () => {
  const longest = new Uint8Array(LIMITS.logLeafBytes);
  assert.equal(parseEntries(formatEntries([longest]), 1)[0]?.length, LIMITS.logLeafBytes);
  assert.throws(() => formatEntries([new Uint8Array(LIMITS.logLeafBytes + 1)]), { code: 'limit-exceeded' });
  const leaves = [Buffer.from('a'), Buffer.of(), Buffer.of()];
  const bytes = formatEntries(leaves);
  assert.deepEqual(
    parseEntries(bytes, 3).map(({ length }) => length),
    [1, 0, 0],
    'empty ones to the end',
  );
  for (const width of [2, 4]) assert.throws(() => parseEntries(bytes, width), { code: 'log-invalid' }, String(width));
  assert.throws(() => parseEntries(bytes.subarray(0, -1), 3), { code: 'log-invalid' });
});

test('of a remembered part, whole by its digest, every number is held to what it counts, every word to its kind', () => {
  const columns = columnsOf(Array.from({ length: 256 }, (_, at) => leafOf(at)));
  const part = formatPart('log', columns, { from: 0, to: 256 });
  const end = part.indexOf(0x0a);
  const [header, rows] = [JSON.parse(part.subarray(0, end).toString()) as object, part.subarray(end + 1, -32)];
  const isTaken = (over: object, bend: (rows: Buffer) => Buffer = (same) => same): boolean => {
    const line = `${JSON.stringify({ ...header, ...over })}\n`;
    const body = Buffer.concat([Buffer.from(line), bend(Buffer.from(rows))]);
    const digest = createHash('sha256').update(body).digest();
    return addPart(Buffer.concat([body, digest]), 'log', new LogColumns());
  };
  const at = (place: number, value: number) => (bent: Buffer) => (bent.writeUInt32LE(value, place), bent);
  const [names, envs] = [256, 256 + 4 * 256];
  assert.equal(isTaken({}), true);
  assert.equal(isTaken({}, at(envs, 1)), true, 'the environments that it has are numbered from one');
  for (const [what, over, bend] of [
    ['a kind there is not', {}, (bent: Buffer) => bent.fill(4, 0, 1)],
    ['a name that it does not have', {}, at(names, 1)],
    ['an environment that it does not have', {}, at(envs, 2)],
    ['no rows', { rows: 0 }, () => Buffer.alloc(0)],
    ['names that are no list', { names: 5 }],
    ['a name that is no text', { names: [5] }],
    ['environments that are no list', { envs: 'prod' }],
    ['another format', { format: 'weighmark-log-part/2' }],
    ['rows without the hashes of their tiles', {}, (bent: Buffer) => bent.subarray(0, -32)],
  ] as const)
    assert.equal(isTaken(over, bend), false, what);
});

test('an entry is of one of four kinds', () => {
  for (const at of [0, 1, 2, 3]) assert.equal(parseLeaf(formatLeaf(leafOf(at))).kind, KINDS[at]);
  assert.throws(() => parseLeaf(formatLeaf({ ...leafOf(0), kind: 'other' as never })), { code: 'log-invalid' });
});
