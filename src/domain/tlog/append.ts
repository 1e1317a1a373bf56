import { leafHash, rootAt, type Hash } from './merkle.ts';
import { foldHashes, formatEntries, grownTiles, parseEntries, subtreesOf, TILE_WIDTH, tileAt, tilePath, type ReadTile, type Tile } from './tiles.ts';

/** The tiles that a log grown by `leaves` must publish before its new checkpoint, and that checkpoint's size and root. */
export interface Growth {
  readonly tiles: readonly { readonly tile: Tile; readonly bytes: Uint8Array }[];
  readonly size: number;
  readonly root: Hash;
}

/** Reads only the unfinished tiles at the right edge: the cost does not grow with the log. */
export async function growLog(oldSize: number, leaves: readonly Uint8Array[], read: ReadTile): Promise<Growth> {
  const size = oldSize + leaves.length;
  const edge = await edgeOf(oldSize, read);
  const tiles = new Map<string, { tile: Tile; bytes: Uint8Array }>();
  let hashes: readonly Hash[] = leaves.map(leafHash);
  for (const [level, wanted] of levelsOf(oldSize, size)) {
    const start = edge.get(level);
    const content = level === 'entries' ? [...(start?.entries ?? []), ...leaves] : [...(start?.hashes ?? []), ...hashes];
    const first = wanted[0]?.index ?? 0;
    const cut = wanted.map((tile) => ({ tile, part: content.slice((tile.index - first) * TILE_WIDTH, (tile.index - first) * TILE_WIDTH + tile.width) }));
    for (const { tile, part } of cut) tiles.set(tilePath(tile), { tile, bytes: level === 'entries' ? formatEntries(part) : Buffer.concat(part) });
    if (level !== 'entries') hashes = cut.filter(({ tile }) => tile.width === TILE_WIDTH).map(({ part }) => foldHashes(Buffer.concat(part), 0, TILE_WIDTH));
  }
  const readNew: ReadTile = async (tile) => tiles.get(tilePath(tile))?.bytes ?? read(tile);
  return { tiles: [...tiles.values()], size, root: await rootAt(size, subtreesOf(size, readNew)) };
}

interface Edge {
  readonly entries?: readonly Uint8Array[];
  readonly hashes?: readonly Hash[];
}

/** Content of the unfinished tiles of a log, by level. */
async function edgeOf(size: number, read: ReadTile): Promise<ReadonlyMap<Tile['level'], Edge>> {
  const edge = new Map<Tile['level'], Edge>();
  const last = tileAt(0, Math.floor(size / TILE_WIDTH), size);
  if (last !== null) edge.set('entries', { entries: parseEntries(await read({ ...last, level: 'entries' }), last.width) });
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const tile = tileAt(level, Math.floor(count / TILE_WIDTH), size);
    if (tile !== null) edge.set(level, { hashes: hashesOf(await read(tile), tile.width) });
  }
  return edge;
}

function levelsOf(oldSize: number, newSize: number): ReadonlyMap<Tile['level'], readonly Tile[]> {
  return Map.groupBy(grownTiles(oldSize, newSize), (tile) => tile.level);
}

function hashesOf(tile: Uint8Array, width: number): readonly Hash[] {
  return Array.from({ length: width }, (_, at) => tile.subarray(at * 32, at * 32 + 32));
}
