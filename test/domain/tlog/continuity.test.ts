import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditOthers } from '../../../src/domain/tlog/audit.ts';
import type { Checkpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { requireContinuity } from '../../../src/domain/tlog/continuity.ts';
import { rootAt } from '../../../src/domain/tlog/merkle.ts';
import { subtreesOf, tilePath, type ReadTile } from '../../../src/domain/tlog/tiles.ts';
import { leavesOf, readerOf } from './log.ts';

const leaves = leavesOf(9);
const others = [...leavesOf(3), Buffer.alloc(32, 7), ...leavesOf(9).slice(4)];

async function at(size: number, of: readonly Uint8Array[] = leaves): Promise<Checkpoint> {
  const root = size === 0 ? Buffer.alloc(32) : await rootAt(size, subtreesOf(size, readerOf(of)));
  return { origin: 'log.example', size, root };
}

test('a log only grows: the same, or more behind what was seen; anything else is a fork or older', async () => {
  const [three, five, nine] = await Promise.all([at(3), at(5), at(9)]);
  const read = readerOf(leaves);
  await requireContinuity(five, five, read);
  await requireContinuity(three, nine, read);
  await requireContinuity(five, nine, read);
  await assert.rejects(requireContinuity(nine, five, read), { code: 'log-rollback' });
  const [other, more] = await Promise.all([at(5, others), at(9, others)]);
  await assert.rejects(requireContinuity(five, other, readerOf(others)), (error: Error & { facts?: object }) => {
    assert.deepEqual([Reflect.get(error, 'code'), Reflect.get(error, 'subject')], ['log-fork', 'log.example']);
    assert.deepEqual(error.facts, {
      seen: `log.example size 5 root ${Buffer.from(five.root).toString('base64')}`,
      found: `log.example size 5 root ${Buffer.from(other.root).toString('base64')}`,
    });
    return true;
  });
  await assert.rejects(requireContinuity(five, more, readerOf(others)), { code: 'log-fork' });
});

test('a shorter log is held against the newest state seen that it reaches: a fork is told from an old state', async () => {
  const [three, nine] = await Promise.all([at(3), at(9)]);
  const [five, six] = await Promise.all([at(5, others), at(6)]);
  const [empty, four] = await Promise.all([at(0), at(4)]);
  const forked = (earlier: readonly Checkpoint[]) => requireContinuity(nine, five, readerOf(others), earlier);
  await assert.rejects(forked([three]), { code: 'log-rollback' }, 'they part behind the third');
  await assert.rejects(forked([three, four]), { code: 'log-fork' });
  await assert.rejects(forked([four, three]), { code: 'log-fork' }, 'in whatever order');
  await assert.rejects(forked([six]), { code: 'log-rollback' }, 'of one that is longer nothing is known');
  await assert.rejects(forked([six, four]), { code: 'log-fork' }, 'but of one that is not');
  await assert.rejects(forked([empty]), { code: 'log-rollback' });
  await assert.rejects(forked([await at(5)]), { code: 'log-fork' }, 'of the same size');
});

test('a tile of another state and what stands now begin alike, entries and hashes', async () => {
  const size = leaves.length;
  const tiles = (['entries', 0] as const).map((level) => ({ level, index: 0, width: 4 }));
  const paths = [...tiles.map(tilePath), 'no/tile', tilePath({ level: 0, index: 7, width: 4 })];
  const right = readerOf(leaves);
  await auditOthers(size, paths, right);
  for (const wrong of tiles) {
    const read: ReadTile = async (tile) =>
      tile.level === wrong.level && tile.width === 4 ? readerOf(others)(tile) : right(tile);
    await assert.rejects(auditOthers(size, paths, read), { code: 'log-invalid', subject: tilePath(wrong) });
  }
  const ahead = (['entries', 0] as const).map((level) => ({ level, index: 0, width: 9 }));
  for (const wrong of ahead) {
    const read =
      (of: readonly Uint8Array[]): ReadTile =>
      async (tile) =>
        readerOf(tile.width === 9 ? of : leaves)(tile);
    await auditOthers(5, [tilePath(wrong)], read([...leaves.slice(0, 5), ...leavesOf(20).slice(16)]));
    const wrongAhead = auditOthers(5, [tilePath(wrong)], read(others));
    await assert.rejects(wrongAhead, { code: 'log-invalid', subject: tilePath(wrong) }, 'of an interrupted writer');
    const short: ReadTile = async (tile) => (tile.width === 9 ? (await right(tile)).subarray(1) : right(tile));
    await assert.rejects(auditOthers(5, [tilePath(wrong)], short), { code: 'log-invalid' });
  }
  const asked: unknown[] = [];
  const counting: ReadTile = async (tile) => (asked.push(tile), right(tile));
  const notAsked = [{ level: 0, index: 0, width: 9 } as const, { level: 0, index: 1, width: 256 } as const];
  await auditOthers(size, notAsked.map(tilePath), counting);
  assert.deepEqual(asked, [], 'what stands now, and what has no beginning here, is not read');
});
