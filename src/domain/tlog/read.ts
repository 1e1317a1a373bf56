import { WeighmarkError } from '../base/errors.ts';
import { parseLeaf, type LogEntry, type LogQuery } from './leaf.ts';
import type { LogColumns } from './columns.ts';
import { auditLog } from './audit.ts';
import type { VerifiedCheckpoint } from './checkpoint.ts';
import { equalHashes, inclusionProof, leafHash, verifyInclusion, type SubtreeHash } from './merkle.ts';
import { formatProof } from './proof.ts';
import {
  keptTiles,
  leafTiles,
  parseEntries,
  subtreesOf,
  TILE_WIDTH,
  tileAt,
  type ReadTile,
  type Tile,
} from './tiles.ts';

/**
 * Reads the entries that `columns` does not have yet: leaves alone, since their hashes, with those of the tiles before them,
 * lead to the checkpoint's root or do not. What was remembered is proven by the same root.
 * @throws WeighmarkError `log-invalid`: `columns` is then not the beginning of that log, or the log is not what its checkpoint says.
 */
export async function readOn(head: VerifiedCheckpoint, read: ReadTile, columns: LogColumns): Promise<void> {
  for (const tile of leafTiles(head.size, columns.length / TILE_WIDTH))
    for (const leaf of await leavesOf(tile, read)) columns.add(leaf);
  if (columns.length !== head.size || columns.rootAt(head.size) !== Buffer.from(head.root).toString('hex'))
    throw new WeighmarkError('log-invalid', 'the entries do not lead to the root of the checkpoint', {
      subject: head.origin,
    });
}

/**
 * Entries [from, to) of a log, all proven to be under the checkpoint. One proof a tile is enough: the siblings of its
 * first leaf within the tile are computed from the tile's own hashes, so the proof commits to each of them.
 * @throws WeighmarkError `log-invalid`.
 */
export async function readEntries(
  head: VerifiedCheckpoint | null,
  read: ReadTile,
  range: { from: number; to: number },
): Promise<readonly LogEntry[]> {
  if (head === null) return [];
  const to = Math.min(range.to, head.size);
  const tiles = keptTiles(read);
  const subtrees = subtreesOf(head.size, tiles);
  const entries: LogEntry[] = [];
  for (let first = range.from - (range.from % TILE_WIDTH); first < to; first += TILE_WIDTH) {
    const leaves = await provenLeaves(head, first, { read, tiles, subtrees });
    for (let index = Math.max(range.from, first); index < Math.min(to, first + leaves.length); index += 1) {
      entries.push({ index, leaf: parseLeaf(leaves[index - first] ?? NOTHING) });
    }
  }
  return entries;
}

const NOTHING = Buffer.alloc(0);

/** The leaves from `first` on, where a tile begins. @throws WeighmarkError `log-invalid`. */
async function provenLeaves(
  head: VerifiedCheckpoint,
  first: number,
  { read, tiles, subtrees }: { read: ReadTile; tiles: ReadTile; subtrees: SubtreeHash },
): Promise<readonly Uint8Array[]> {
  const tile = tileAt(0, first / TILE_WIDTH, head.size);
  if (tile === null) return [];
  const leaves = await leavesOf(tile, read);
  const hashes = leaves.map(leafHash);
  const proof = await inclusionProof(first, head.size, subtrees);
  const isProven = verifyInclusion(proof, { index: first, hash: hashes[0] ?? NOTHING }, head);
  if (!isProven || !equalHashes(Buffer.concat(hashes), await tiles(tile))) throw notAsSaid(head, first);
  return leaves;
}

function notAsSaid(head: VerifiedCheckpoint, index: number): WeighmarkError {
  const subject = { subject: head.origin };
  return new WeighmarkError('log-invalid', `entry ${index} or one beside it is not what the checkpoint says`, subject);
}

/** All entries that match, oldest first, out of a log read and proven as a whole. @throws WeighmarkError `log-invalid`. */
export async function findEntries(
  head: VerifiedCheckpoint | null,
  read: ReadTile,
  query: LogQuery,
): Promise<readonly LogEntry[]> {
  if (head === null) return [];
  const entries: LogEntry[] = [];
  const words = Object.values(query)
    .filter((word) => word !== undefined)
    .map((word) => Buffer.from(JSON.stringify(word)));
  await auditLog(head, read, (index, bytes) => {
    if (!words.every((word) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(word))) return;
    const leaf = parseLeaf(bytes);
    if (matches(leaf, query)) entries.push({ index, leaf });
  });
  return entries;
}

/** C2SP tlog-proof text; its extra data is the leaf. @throws WeighmarkError `not-found` beyond the end, `log-invalid`. */
export async function proveEntry(head: VerifiedCheckpoint | null, read: ReadTile, index: number): Promise<string> {
  if (head === null || !(Number.isSafeInteger(index) && index >= 0 && index < head.size)) {
    throw new WeighmarkError('not-found', `the log has no entry ${index}`, {
      facts: { size: String(head?.size ?? 0) },
    });
  }
  const tile = tileAt(0, Math.floor(index / TILE_WIDTH), head.size);
  const leaves = tile === null ? [] : await leavesOf(tile, read);
  const leaf = leaves[index % TILE_WIDTH] ?? NOTHING;
  const hashes = await inclusionProof(index, head.size, subtreesOf(head.size, read));
  if (!verifyInclusion(hashes, { index, hash: leafHash(leaf) }, head))
    throw new WeighmarkError('log-invalid', `entry ${index} is not what the checkpoint says`, { subject: head.origin });
  return formatProof({ index, hashes, checkpoint: head.note, extra: leaf });
}

function matches(leaf: LogEntry['leaf'], query: LogQuery): boolean {
  return (['name', 'manifest', 'bundle', 'kind', 'env'] as const).every(
    (field) => query[field] === undefined || leaf[field] === query[field],
  );
}

async function leavesOf(tile: Tile, read: ReadTile): Promise<readonly Uint8Array[]> {
  return parseEntries(await read({ ...tile, level: 'entries' }), tile.width);
}
