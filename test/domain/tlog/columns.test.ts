import { requireLinear, workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { columnsOf, LogColumns } from '../../../src/domain/tlog/columns.ts';
import { addPart, formatPart, PART_ROWS } from '../../../src/domain/tlog/columns-part.ts';
import { formatLeaf, type LogLeaf, type LogQuery } from '../../../src/domain/tlog/leaf.ts';
import { rootAt } from '../../../src/domain/tlog/merkle.ts';
import { readOn } from '../../../src/domain/tlog/read.ts';
import { subtreesOf, tilePath, type ReadTile } from '../../../src/domain/tlog/tiles.ts';
import { readerOf } from './log.ts';

const KINDS = ['push', 'claim', 'promotion', 'revocation'] as const;

function leafOf(at: number): LogLeaf {
  const kind = KINDS[at % 4] ?? 'push';
  const digest = (n: number): string => ociDigest(String(n));
  const env = kind === 'promotion' ? { env: `umgebung-${at % 3}` } : {};
  return { v: 1, kind, name: `acme/ä${at % 7}`, manifest: digest(at % 50), bundle: digest(at), ...env };
}

const leavesOf = (size: number): LogLeaf[] => Array.from({ length: size }, (_, at) => leafOf(at));

async function logOf(size: number) {
  const read = readerOf(leavesOf(size).map(formatLeaf));
  const root = await rootAt(size, subtreesOf(size, read));
  return { read, head: { origin: 'log', size, root, note: '', signatures: [] } };
}

test('every entry comes back as it was, and each question finds what a look at all of them finds', () => {
  const leaves = leavesOf(600);
  const columns = columnsOf(leaves);
  assert.deepEqual(
    [...columns].map(({ leaf }) => leaf),
    leaves,
  );
  const questions: readonly LogQuery[] = [
    {},
    { kind: 'claim' },
    { kind: 'claim' },
    { kind: 'revocation' },
    { name: 'acme/ä3' },
    { name: 'acme/other' },
    { env: 'umgebung-1' },
    { env: 'other' },
    { manifest: leafOf(0).manifest },
    { manifest: leafOf(7).manifest },
    { manifest: leafOf(49).manifest, kind: 'claim', name: 'acme/ä1' },
    { manifest: 'sha256:00' },
    { bundle: leafOf(599).bundle },
    { bundle: 'sha256:00' },
    { kind: 'promotion', name: 'acme/ä2', env: 'umgebung-2' },
  ];
  const fields = ['kind', 'name', 'env', 'manifest', 'bundle'] as const;
  for (const query of questions) {
    const wanted = (leaf: LogLeaf) => fields.every((each) => query[each] === undefined || query[each] === leaf[each]);
    const expected = leaves.flatMap((leaf, index) => (wanted(leaf) ? [{ index, leaf }] : []));
    assert.deepEqual(columns.matching(query), expected, JSON.stringify(query));
  }
  columns.add(formatLeaf(leafOf(57)));
  assert.equal(columns.matching({ manifest: leafOf(7).manifest }).at(-1)?.index, 600, 'what was added is found too');
  assert.equal(columns.matching({ kind: 'claim' }).at(-1)?.index, 600, 'by its kind, which was asked before');
  assert.equal(columns.at(601), undefined);
  const asked = columns.matching({ kind: 'promotion' });
  assert.equal(
    columns.matching({ kind: 'promotion', env: undefined } as never),
    asked,
    'of a kind alone: looked for once',
  );
  const full = columnsOf(leavesOf(256));
  assert.equal(full.kinds.length, 256, 'room for what there is');
  assert.equal(
    full.matching({ manifest: leafOf(5).manifest }).at(-1)?.index,
    255,
    'filled to the last row there is room for',
  );
});

test('the root after any number of entries is the one that RFC 6962 gives', async () => {
  const columns = columnsOf(leavesOf(1100));
  for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1100]) {
    const { head } = await logOf(size);
    assert.equal(columns.rootAt(size), Buffer.from(head.root).toString('hex'), String(size));
  }
  assert.equal(columns.rootAt(1101), null);
});

test('what is remembered is read from disk alone: of the log only the tiles that grew, and no hash of those before', async () => {
  for (const size of [1024, 4096]) {
    const remembered = copied(columnsOf(leavesOf(size)), size);
    const { read, head } = await logOf(size + 300);
    const tiles: string[] = [];
    const counting: ReadTile = (tile) => (tiles.push(tilePath(tile)), read(tile));
    await readOn(head, counting, remembered);
    assert.equal(remembered.length, size + 300);
    assert.deepEqual(tiles.length, 2, tiles.join(' '));
  }
});

test('a fresh reading grows with the log, and a question with what is found', async () => {
  await requireLinear(1000, (size) => {
    const leaves = leavesOf(size).map(formatLeaf);
    return () => {
      const columns = new LogColumns();
      for (const leaf of leaves) columns.add(leaf);
      return columns.rootAt(size);
    };
  });
  const steps: number[] = [];
  for (const size of [4000, 16_000]) {
    const columns = columnsOf(
      Array.from({ length: size }, (_, at) => ({ ...leafOf(at), manifest: ociDigest(`manifest ${at}`) })),
    );
    columns.matching({ manifest: leafOf(3).manifest });
    steps.push((await workOf(() => columns.matching({ manifest: ociDigest('manifest 77') }))).steps);
  }
  assert.ok((steps[1] ?? 0) < (steps[0] ?? 0) + 50, `found without a look at all: ${steps.join(', ')}`);
});

test('a part is taken whole at its place, or not at all', () => {
  const columns = columnsOf(leavesOf(PART_ROWS));
  const part = formatPart('log', columns, { from: 0, to: PART_ROWS });
  const other = new LogColumns();
  assert.equal(addPart(part, 'log', other), true);
  assert.deepEqual([...other].slice(0, 500), [...columns].slice(0, 500));
  assert.equal(other.rootAt(PART_ROWS), columns.rootAt(PART_ROWS));
  assert.equal(addPart(part, 'log', other), false, 'it is not what follows');
  assert.equal(addPart(part, 'another log', new LogColumns()), false);
  for (const at of [0, 20, 300, part.length - 1, part.length >> 1]) {
    const bent = Buffer.from(part);
    bent[at] = (bent[at] ?? 0) ^ 1;
    const untouched = new LogColumns();
    assert.equal(addPart(bent, 'log', untouched), false, String(at));
    assert.equal(untouched.length, 0);
  }
  for (const length of [0, 31, 32, 33, 5000])
    assert.equal(addPart(part.subarray(0, length), 'log', new LogColumns()), false);
});

test('entries that do not lead to the root of the checkpoint are no memory of that log', async () => {
  const { read, head } = await logOf(700);
  const others = leavesOf(512).map((leaf, at) => (at === 300 ? { ...leaf, name: 'acme/other' } : leaf));
  await assert.rejects(readOn(head, read, copied(columnsOf(others), 512)), { code: 'log-invalid' });
  await assert.rejects(readOn({ ...head, size: 512 }, read, columnsOf(leavesOf(512))), { code: 'log-invalid' });
});

function copied(columns: LogColumns, size: number): LogColumns {
  const copy = new LogColumns();
  assert.equal(addPart(formatPart('log', columns, { from: 0, to: size }), 'log', copy), true);
  return copy;
}

test('a root is computed once, however often it is asked for, and stays what it was when the log grows', async () => {
  const columns = columnsOf(leavesOf(1100));
  const first = await workOf(() => [1100, 300, 0].map((size) => columns.rootAt(size)));
  const again = await workOf(() => [1100, 300, 0].map((size) => columns.rootAt(size)));
  assert.deepEqual(again.result, first.result);
  assert.ok(again.steps < 30, `${again.steps} steps, and ${first.steps} at first`);
  columns.add(formatLeaf(leafOf(1100)));
  assert.deepEqual(
    [1100, 300, 0, 1102].map((size) => columns.rootAt(size)),
    [...first.result, null],
  );
  assert.equal(columns.rootAt(1101), columnsOf(leavesOf(1101)).rootAt(1101));
});
