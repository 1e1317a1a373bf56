import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditPartials } from '../../../src/domain/tlog/audit.ts';
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

test('a partial tile of an earlier state is the beginning of what stands now, entries and hashes', async () => {
  const size = leaves.length;
  const tiles = (['entries', 0] as const).map((level) => ({ level, index: 0, width: 4 }));
  const paths = [...tiles.map(tilePath), 'no/tile', tilePath({ level: 0, index: 7, width: 4 })];
  const right = readerOf(leaves);
  await auditPartials(size, paths, right);
  for (const wrong of tiles) {
    const read: ReadTile = async (tile) =>
      tile.level === wrong.level && tile.width === 4 ? readerOf(others)(tile) : right(tile);
    await assert.rejects(auditPartials(size, paths, read), { code: 'log-invalid', subject: tilePath(wrong) });
  }
  const asked: unknown[] = [];
  const counting: ReadTile = async (tile) => (asked.push(tile), right(tile));
  await auditPartials(
    size,
    [tilePath({ level: 0, index: 0, width: 9 }), tilePath({ level: 0, index: 0, width: 256 })],
    counting,
  );
  assert.deepEqual(asked, [], 'what is no part of another is not read');
});
