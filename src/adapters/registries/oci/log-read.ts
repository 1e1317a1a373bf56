import { join } from 'node:path';
import { sha256Hex, ociDigest } from '../../../domain/digest/hex.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import type { Descriptor } from '../../../domain/registry/referrer.ts';
import { auditLog } from '../../../domain/tlog/audit.ts';
import { tilePath, TILE_WIDTH, type ReadTile, type Tile } from '../../../domain/tlog/tiles.ts';
import { noteText } from '../../../domain/tlog/note.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import type { LogKey } from '../../log-store/log-key.ts';
import { loadView, type Known, type LogView } from '../../log-store/view.ts';
import { downloadBytes } from './download.ts';
import { type LogPlace, headLayers } from './log-artifacts.ts';

export interface Remote extends LogPlace, Known {
  readonly remembered: boolean;
  readonly anchored: boolean;
  readonly loadKey: () => Promise<LogKey>;
  readonly now: () => Date;
}

const TILE_BYTES = TILE_WIDTH * (LIMITS.logLeafBytes + 2);

const files = createFiles();

export function load(remote: Remote): Promise<LogView> {
  return loadView(remote, async () => {
    const layers = await headLayers(remote);
    const checkpoint = layers.get('checkpoint');
    const note =
      checkpoint === undefined
        ? null
        : noteText(
            await downloadBytes(remote.client, { repository: remote.repository, digest: checkpoint.digest }, 1 << 18),
          );
    return { note, read: tileReader(remote, layers), stored: async () => [...layers.keys()] };
  });
}

/** Full tiles never change: they are kept. All are checked against the checkpoint by whoever reads them. */
function tileReader(place: LogPlace, layers: ReadonlyMap<string, Descriptor>): ReadTile {
  return async (tile: Tile) => {
    const layer = layers.get(tilePath(tile));
    if (layer === undefined)
      throw new WeighmarkError('log-invalid', `${tilePath(tile)} is missing`, { subject: tilePath(tile) });
    const kept = tile.width === TILE_WIDTH ? join(place.stateFolder, 'tiles', layer.digest.slice(7)) : null;
    const found = kept === null ? null : await files.readIfThere(kept, TILE_BYTES);
    if (found !== null && ociDigest(found) === layer.digest) return found;
    const bytes = await downloadBytes(place.client, { repository: place.repository, digest: layer.digest }, TILE_BYTES);
    if (kept !== null) await writeFileAtomic(kept, bytes, { mode: 0o600 }).catch(() => {});
    return bytes;
  };
}

export async function loggedLeaves({ head, read }: LogView): Promise<ReadonlySet<string>> {
  const hashes = new Set<string>();
  if (head !== null) await auditLog(head, read, (_, leaf) => hashes.add(sha256Hex(leaf)));
  return hashes;
}
