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
 * Partial tiles of earlier states that are still there: readers may have their hashes from them, so each must be the beginning of
 * what stands now. Paths that are no tile's, full tiles and what lies beyond the checkpoint are passed over.
 * @throws WeighmarkError `log-invalid` with the tile that is wrong.
 */
export async function auditPartials(size: number, paths: readonly string[], read: ReadTile): Promise<void> {
  for (const tile of paths.flatMap((path) => parseTilePath(path) ?? [])) {
    const now = tileAt(tile.level === 'entries' ? 0 : tile.level, tile.index, size);
    if (tile.width === TILE_WIDTH || now === null || tile.width >= now.width) continue;
    const whole = await read({ ...now, level: tile.level });
    const expected =
      tile.level === 'entries'
        ? formatEntries(parseEntries(whole, now.width).slice(0, tile.width))
        : whole.subarray(0, tile.width * 32);
    if (Buffer.compare(await read(tile), expected) !== 0)
      throw new WeighmarkError('log-invalid', `${tilePath(tile)} is not the beginning of the tile that grew from it`, {
        subject: tilePath(tile),
      });
  }
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
