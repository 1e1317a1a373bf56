import { WeighmarkError } from '../base/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { EMPTY_ROOT, equalHashes, leafHash, rootAt, type Hash } from './merkle.ts';
import {
  foldHashes,
  formatEntries,
  leafTiles,
  parseEntries,
  parseTilePath,
  subtreesOf,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type ReadTile,
  type Tile,
} from './tiles.ts';

/**
 * Reads every tile of a log: each leaf's hash stands in its hash tile, each full tile's hash in the tile above, and the
 * root is the checkpoint's. `visit` sees the leaves in order, but they are proven only once this returns.
 * @throws WeighmarkError `log-invalid` with the tile that is wrong.
 */
export async function auditLog(
  checkpoint: Checkpoint,
  read: ReadTile,
  visit: (index: number, leaf: Uint8Array) => void = () => {},
): Promise<void> {
  let above: Hash[] = [];
  for (const tile of leafTiles(checkpoint.size)) {
    const hashes = await entryHashes(tile, read, visit);
    await requireTileContent(tile, hashes, read);
    if (tile.width === TILE_WIDTH) above.push(foldHashes(hashes, 0, TILE_WIDTH));
  }
  for (let level = 1; above.length > 0; level += 1) above = await auditLevel(level, above, read);
  const root = checkpoint.size === 0 ? EMPTY_ROOT : await rootAt(checkpoint.size, subtreesOf(checkpoint.size, read));
  if (!equalHashes(root, checkpoint.root))
    throw new WeighmarkError('log-invalid', 'the tiles do not lead to the root of the checkpoint', {
      subject: checkpoint.origin,
    });
}

/**
 * Tiles of other states that are still there: earlier ones, and of a writer that was interrupted. Readers may have their hashes from
 * them (a partial tile that is gone is cut from the full one), so of each and what stands now one must be the beginning of the other.
 * Paths that are no tile's, and what has no beginning in this log, are passed over.
 * @throws WeighmarkError `log-invalid` with the tile that is wrong.
 */
export async function auditOthers(size: number, paths: readonly string[], read: ReadTile): Promise<void> {
  for (const tile of paths.flatMap((path) => parseTilePath(path) ?? [])) {
    const now = tileAt(tile.level === 'entries' ? 0 : tile.level, tile.index, size);
    if (now === null || tile.width === now.width) continue;
    const shared = Math.min(tile.width, now.width);
    const own = await beginning(tile, shared, read);
    if (Buffer.compare(own, await beginning({ ...now, level: tile.level }, shared, read)) !== 0)
      throw new WeighmarkError('log-invalid', `${tilePath(tile)} and the tile that stands now begin differently`, {
        subject: tilePath(tile),
      });
  }
}

/** @throws WeighmarkError `log-invalid` with the tile, where it is not of its width. */
async function beginning(tile: Tile, width: number, read: ReadTile): Promise<Uint8Array> {
  const bytes = await read(tile);
  const subject = tilePath(tile);
  if (tile.level !== 'entries' && bytes.length === tile.width * 32) return bytes.subarray(0, width * 32);
  try {
    if (tile.level === 'entries') return formatEntries(parseEntries(bytes, tile.width).slice(0, width));
  } catch (cause) {
    throw new WeighmarkError('log-invalid', `${subject} does not hold ${tile.width} entries`, { subject, cause });
  }
  throw new WeighmarkError('log-invalid', `${subject} does not hold ${tile.width} hashes`, { subject });
}

async function entryHashes(
  tile: Tile,
  read: ReadTile,
  visit: (index: number, leaf: Uint8Array) => void,
): Promise<Uint8Array> {
  const leaves = parseEntries(await read({ ...tile, level: 'entries' }), tile.width);
  leaves.forEach((leaf, at) => visit(tile.index * TILE_WIDTH + at, leaf));
  return Buffer.concat(leaves.map(leafHash));
}

async function auditLevel(level: number, hashes: readonly Hash[], read: ReadTile): Promise<Hash[]> {
  const above: Hash[] = [];
  for (let index = 0; index * TILE_WIDTH < hashes.length; index += 1) {
    const part = Buffer.concat(hashes.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH));
    await requireTileContent({ level, index, width: part.length / 32 }, part, read);
    if (part.length === TILE_WIDTH * 32) above.push(foldHashes(part, 0, TILE_WIDTH));
  }
  return above;
}

async function requireTileContent(tile: Tile, expected: Uint8Array, read: ReadTile): Promise<void> {
  if (Buffer.compare(await read(tile), expected) === 0) return;
  throw new WeighmarkError('log-invalid', `${tilePath(tile)} does not hold the hashes of what is below it`, {
    subject: tilePath(tile),
  });
}
