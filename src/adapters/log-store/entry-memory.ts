import { lstatSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { LogColumns } from '../../domain/tlog/columns.ts';
import { addPart, formatPart, PART_ROWS } from '../../domain/tlog/columns-part.ts';
import { TILE_WIDTH } from '../../domain/tlog/tiles.ts';
import { makeOwn, requireOwn } from '../files/own.ts';
import { writeFileAtomic } from '../files/write.ts';

/**
 * Log entries this user has read and proven, in the user's own state folder (DESIGN 9, exception to invariant 4). Whole tiles
 * only; whoever uses them proves again, by the hashes of their tiles, that they are under the checkpoint of today. What is
 * damaged, another log's, or open to other users is as good as nothing: the log is read anew.
 */
export interface EntryMemory {
  /** The entries from the first on, as far as they are remembered. */
  recall(origin: string): LogColumns;
  /** Keeps whole tiles, those after `from`; what was kept before that is the same. @throws WeighmarkError `write-refused`, `disk-full`. */
  keep(origin: string, columns: LogColumns, from: number): Promise<void>;
  forget(origin: string): void;
}

/** Texts of a part may be long: beyond this a log is not remembered. */
const PART_BYTES = 64 << 20;
const OPEN_TO_OTHERS = 0o077;

export function openEntryMemory(stateFolder: string): EntryMemory {
  const folderOf = (origin: string) => join(stateFolder, 'entries', sha256Hex(origin).slice(0, 32));
  return {
    recall: (origin) => {
      const columns = new LogColumns();
      while (recallPart(folderOf(origin), origin, columns));
      return columns;
    },
    keep: async (origin, columns, from) => {
      makeOwn(stateFolder);
      const end = columns.length - (columns.length % TILE_WIDTH);
      if (end <= from) return;
      for (let at = from - (from % PART_ROWS); at < end; at += PART_ROWS) {
        const bytes = formatPart(origin, columns, { from: at, to: Math.min(end, at + PART_ROWS) });
        if (bytes.length > PART_BYTES) return;
        await writeFileAtomic(partFile(folderOf(origin), at), bytes, { mode: 0o600 });
      }
    },
    forget: (origin) => rmSync(folderOf(origin), { recursive: true, force: true }),
  };
}

function partFile(folder: string, from: number): string {
  return join(folder, String(from / PART_ROWS));
}

/** True while there may be more. */
function recallPart(folder: string, origin: string, columns: LogColumns): boolean {
  if (columns.length % PART_ROWS !== 0) return false;
  try {
    const file = partFile(requireOwn(folder), columns.length);
    if (![folder, file].every(isPrivate)) return false;
    return addPart(readFileSync(file), origin, columns);
  } catch {
    return false;
  }
}

/** This user's own, closed to others, and no link. Windows has no such modes: its profile folders are the user's own. */
function isPrivate(path: string): boolean {
  const found = lstatSync(path);
  const isPlain = found.isDirectory() || (found.isFile() && found.size <= PART_BYTES);
  if (process.getuid === undefined) return isPlain;
  return isPlain && found.uid === process.getuid() && (found.mode & OPEN_TO_OTHERS) === 0;
}
