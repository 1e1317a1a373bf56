import { readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import {
  formatEntries,
  parseEntries,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type ReadTile,
  type Tile,
} from '../../domain/tlog/tiles.ts';
import { fileError } from '../files/errors.ts';
import { writeFileAtomic } from '../files/write.ts';

/** Tiles in a folder. A partial tile that is gone is cut from the full one, as tlog-tiles allows logs to do. */
export function tileReader(folder: string): ReadTile {
  return async (tile) => {
    const exact = await readIfThere(join(folder, tilePath(tile)));
    if (exact !== null) return exact;
    const full =
      tile.width === TILE_WIDTH ? null : await readIfThere(join(folder, tilePath({ ...tile, width: TILE_WIDTH })));
    if (full !== null) return cut(full, tile);
    throw new WeighmarkError('log-invalid', `${tilePath(tile)} is missing`, { subject: tilePath(tile) });
  };
}

/** Paths of all tiles that are there, as `tilePath` writes them. */
export async function tilePaths(folder: string): Promise<readonly string[]> {
  const found = await readdir(join(folder, 'tile'), { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return [];
    throw fileError(cause, folder);
  });
  return found.map((path) => `tile/${path.replaceAll('\\', '/')}`);
}

/** Durable when it returns. Partial tiles go once the full one is there. */
export async function writeTiles(
  folder: string,
  tiles: readonly { readonly tile: Tile; readonly bytes: Uint8Array }[],
): Promise<void> {
  for (let at = 0; at < tiles.length; at += 32) {
    await Promise.all(
      tiles.slice(at, at + 32).map(({ tile, bytes }) => writeFileAtomic(join(folder, tilePath(tile)), bytes)),
    );
  }
}

/**
 * What a writer that was interrupted left beyond a log of `size`, where tiles are about to grow to less than full: no checkpoint
 * covers it, and other entries come in its place.
 */
export async function removeAhead(folder: string, size: number, tiles: readonly Tile[]): Promise<void> {
  for (const tile of tiles.filter(({ width }) => width < TILE_WIDTH)) {
    const before = tileAt(tile.level === 'entries' ? 0 : tile.level, tile.index, size)?.width ?? 0;
    const full = tilePath({ ...tile, width: TILE_WIDTH });
    const partials = await readdir(join(folder, `${full}.p`)).catch(() => []);
    const ahead = partials.filter((width) => Number(width) > before).map((width) => `${full}.p/${width}`);
    for (const path of [full, ...ahead]) await rm(join(folder, path), { force: true });
  }
}

/** To be called once a checkpoint covers the full tiles. */
export async function removePartials(folder: string, tiles: readonly Tile[]): Promise<void> {
  const full = tiles.filter((tile) => tile.width === TILE_WIDTH);
  await Promise.all(
    full.map((tile) => rm(join(folder, dirname(tilePath({ ...tile, width: 1 }))), { recursive: true, force: true })),
  );
}

function cut(full: Uint8Array, tile: Tile): Uint8Array {
  if (tile.level !== 'entries') return full.subarray(0, tile.width * 32);
  return formatEntries(parseEntries(full, TILE_WIDTH).slice(0, tile.width));
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > TILE_WIDTH * (LIMITS.logLeafBytes + 2))
      throw new WeighmarkError('limit-exceeded', `${path} is too large`);
    return bytes;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fileError(cause, path);
  }
}
