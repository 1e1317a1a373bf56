import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { nodeHash, type Hash, type SubtreeHash } from './merkle.ts';

/** C2SP tlog-tiles: tiles of 256 hashes, eight tree levels each. https://c2sp.org/tlog-tiles */
export const TILE_WIDTH = 256;
const TILE_LEVELS = 8;
const HASH_BYTES = 32;

/** `width` hashes of tree level `level`·8 from index·256 on; full at 256. */
export interface Tile {
  /** Tile level, or `entries` for a bundle of leaves. */
  readonly level: number | 'entries';
  readonly index: number;
  readonly width: number;
}

/** `tile/0/x001/x234/067.p/8`, below the log's folder or URL. */
export function tilePath(tile: Tile): string {
  const groups =
    String(tile.index)
      .padStart(Math.ceil(String(tile.index).length / 3) * 3, '0')
      .match(/.{3}/g) ?? [];
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${tile.level}/${path}${tile.width === TILE_WIDTH ? '' : `.p/${tile.width}`}`;
}

/** The tile of a path as `tilePath` writes it; null for any other text. */
export function parseTilePath(path: string): Tile | null {
  const [, level = '', groups = '', width] =
    /^tile\/(\d{1,2}|entries)\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path) ?? [];
  const tile: Tile = {
    level: level === 'entries' ? 'entries' : Number(level),
    index: Number(groups.replaceAll(/[x/]/g, '')),
    width: width === undefined ? TILE_WIDTH : Number(width),
  };
  return level !== '' && tile.width > 0 && tilePath(tile) === path ? tile : null;
}

/** The tiles, of hashes and of leaves, whose content or width changes when a log grows. Newest state only. */
export function grownTiles(oldSize: number, newSize: number): readonly Tile[] {
  const tiles = tilesBetween('entries', oldSize, newSize);
  for (let level = 0, [from, to] = [oldSize, newSize]; to > 0; level += 1) {
    for (const tile of tilesBetween(level, from, to)) tiles.push(tile);
    [from, to] = [Math.floor(from / TILE_WIDTH), Math.floor(to / TILE_WIDTH)];
  }
  return tiles;
}

/** Every tile of a log of this size. */
export function allTiles(size: number): readonly Tile[] {
  return grownTiles(0, size);
}

function tilesBetween(level: Tile['level'], from: number, to: number): Tile[] {
  if (from === to) return [];
  const tiles: Tile[] = [];
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < to; index += 1) {
    tiles.push({ level, index, width: Math.min(TILE_WIDTH, to - index * TILE_WIDTH) });
  }
  return tiles;
}

/** Raw content of one tile, as wide as asked. @throws WeighmarkError if it is not there. */
export type ReadTile = (tile: Tile) => Promise<Uint8Array>;

/** The tile of `level` and `index` in a log of `size` leaves; null if the log has not come so far. */
export function tileAt(level: number, index: number, size: number): Tile | null {
  const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  return width > 0 ? { level, index, width } : null;
}

/** The tiles of level 0 in a log of `size` leaves, from one on. */
export function* leafTiles(size: number, from = 0): Generator<Tile> {
  for (let tile = tileAt(0, from, size); tile !== null; tile = tileAt(0, tile.index + 1, size)) yield tile;
}

/** Each tile is read once, and is then the same for whoever asks. */
export function keptTiles(read: ReadTile): ReadTile {
  const kept = new Map<string, Promise<Uint8Array>>();
  return (tile) => {
    const path = tilePath(tile);
    const found = kept.get(path) ?? read(tile);
    kept.set(path, found);
    return found;
  };
}

/**
 * Subtree hashes out of the tiles of a log of `size`. Each tile is read once and each hash is folded once, and kept.
 * @throws WeighmarkError `log-invalid` for a tile of the wrong length.
 */
export function subtreesOf(size: number, read: ReadTile): SubtreeHash {
  const tiles = keptTiles(read);
  const kept = new Map<string, Promise<Hash>>();
  const fold = async (level: number, index: number): Promise<Hash> => {
    const span = 2 ** (level % TILE_LEVELS);
    const first = index * span;
    const tile = tileAt(Math.floor(level / TILE_LEVELS), Math.floor(first / TILE_WIDTH), size);
    if (tile === null) throw new WeighmarkError('internal', `no subtree ${level}/${index} in a log of ${size}`);
    return foldHashes(checkTile(await tiles(tile), tile), first % TILE_WIDTH, span);
  };
  return (level, index) => {
    const place = `${level}/${index}`;
    const found = kept.get(place) ?? fold(level, index);
    kept.set(place, found);
    return found;
  };
}

function checkTile(bytes: Uint8Array, tile: Tile): Uint8Array {
  if (bytes.length === tile.width * HASH_BYTES) return bytes;
  throw new WeighmarkError(
    'log-invalid',
    `${tilePath(tile)} has ${bytes.length} bytes, not ${tile.width * HASH_BYTES}`,
  );
}

/** Merkle hash over `count` (a power of two) consecutive hashes of a tile. */
export function foldHashes(tile: Uint8Array, first: number, count: number): Hash {
  if (count === 1) return tile.subarray(first * HASH_BYTES, (first + 1) * HASH_BYTES);
  return nodeHash(foldHashes(tile, first, count / 2), foldHashes(tile, first + count / 2, count / 2));
}

/** Bundle of leaves: for each a big-endian uint16 length and the bytes. @throws WeighmarkError `limit-exceeded`. */
export function formatEntries(leaves: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      if (leaf.length > LIMITS.logLeafBytes)
        throw new WeighmarkError('limit-exceeded', `a log entry of ${leaf.length} bytes`);
      return [Uint8Array.of(leaf.length >> 8, leaf.length & 0xff), leaf];
    }),
  );
}

/** @throws WeighmarkError `log-invalid` unless it holds exactly `width` leaves. */
export function parseEntries(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  let at = 0;
  const leaves = Array.from({ length: width }, () => {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    const leaf = bytes.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    return leaf;
  });
  // Beyond the end, where one is missing or cut short: each is two bytes at least.
  if (at === bytes.length) return leaves;
  throw new WeighmarkError('log-invalid', `a bundle of entries does not hold exactly ${width}`);
}
