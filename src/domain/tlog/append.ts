import { WeighmarkError } from '../base/errors.ts';
import type { Checkpoint } from './checkpoint.ts';
import { consistencyProof, leafHash, rootAt, verifyConsistency, type Hash } from './merkle.ts';
import {
  foldHashes,
  formatEntries,
  grownTiles,
  parseEntries,
  subtreesOf,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type ReadTile,
  type Tile,
} from './tiles.ts';

/** The tiles that a log grown by `leaves` must publish before its new checkpoint, and that checkpoint's size and root. */
export interface Growth {
  readonly tiles: readonly { readonly tile: Tile; readonly bytes: Uint8Array }[];
  readonly size: number;
  readonly root: Hash;
}

/**
 * Reads only the unfinished tiles at the right edge and a consistency proof: the cost does not grow with the log.
 * @throws WeighmarkError `log-invalid` if what was read is not what the old root covers: the log would contradict itself.
 */
export async function growLog(
  old: Pick<Checkpoint, 'size' | 'root'>,
  leaves: readonly Uint8Array[],
  read: ReadTile,
): Promise<Growth> {
  const oldSize = old.size;
  const size = oldSize + leaves.length;
  const edge = await edgeOf(oldSize, read);
  const tiles = new Map<string, { tile: Tile; bytes: Uint8Array }>();
  let hashes: readonly Hash[] = leaves.map(leafHash);
  for (const [level, wanted] of levelsOf(oldSize, size)) {
    const start = edge.get(level);
    const content =
      level === 'entries' ? [...(start?.entries ?? []), ...leaves] : [...(start?.hashes ?? []), ...hashes];
    const first = wanted[0]?.index ?? 0;
    const cut = wanted.map((tile) => ({
      tile,
      part: content.slice((tile.index - first) * TILE_WIDTH, (tile.index - first) * TILE_WIDTH + tile.width),
    }));
    for (const { tile, part } of cut)
      tiles.set(tilePath(tile), { tile, bytes: level === 'entries' ? formatEntries(part) : Buffer.concat(part) });
    if (level !== 'entries')
      hashes = cut
        .filter(({ tile }) => tile.width === TILE_WIDTH)
        .map(({ part }) => foldHashes(Buffer.concat(part), 0, TILE_WIDTH));
  }
  const readNew: ReadTile = async (tile) => tiles.get(tilePath(tile))?.bytes ?? read(tile);
  const subtrees = subtreesOf(size, readNew);
  const grown = { size, root: await rootAt(size, subtrees) };
  const proof = await consistencyProof(oldSize, size, subtrees);
  if (!verifyConsistency(proof, old, grown))
    throw damaged('the tiles at the end of the log are not those of its checkpoint');
  return { tiles: [...tiles.values()], ...grown };
}

function damaged(message: string): WeighmarkError {
  return new WeighmarkError('log-invalid', message, {
    hint: 'nothing was signed; `weighmark log verify` names the tile: restore it from a copy',
  });
}

interface Edge {
  readonly entries?: readonly Uint8Array[];
  readonly hashes?: readonly Hash[];
}

/** Content of the unfinished tiles of a log, by level. */
async function edgeOf(size: number, read: ReadTile): Promise<ReadonlyMap<Tile['level'], Edge>> {
  const edge = new Map<Tile['level'], Edge>();
  const last = tileAt(0, Math.floor(size / TILE_WIDTH), size);
  if (last !== null) edge.set('entries', { entries: await entriesOf(last, read) });
  for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / TILE_WIDTH)) {
    const tile = tileAt(level, Math.floor(count / TILE_WIDTH), size);
    if (tile !== null) edge.set(level, { hashes: hashesOf(await read(tile), tile.width) });
  }
  return edge;
}

function levelsOf(oldSize: number, newSize: number): ReadonlyMap<Tile['level'], readonly Tile[]> {
  return Map.groupBy(grownTiles(oldSize, newSize), (tile) => tile.level);
}

/** The leaves behind a tile of hashes. */
async function entriesOf(tile: Tile, read: ReadTile): Promise<readonly Uint8Array[]> {
  const entries = parseEntries(await read({ ...tile, level: 'entries' }), tile.width);
  if (Buffer.compare(Buffer.concat(entries.map(leafHash)), await read(tile)) === 0) return entries;
  throw damaged('the last entries of the log are not those of its hashes');
}

function hashesOf(tile: Uint8Array, width: number): readonly Hash[] {
  return Array.from({ length: width }, (_, at) => tile.subarray(at * 32, at * 32 + 32));
}
