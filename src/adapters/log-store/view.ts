import { WeighmarkError } from '../../domain/base/errors.ts';
import type { TransparencyLog } from '../../domain/ports/log.ts';
import { auditLog, auditOthers } from '../../domain/tlog/audit.ts';
import { openCheckpoint, type Checkpoint, type VerifiedCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { requireContinuity } from '../../domain/tlog/continuity.ts';
import { EMPTY_ROOT } from '../../domain/tlog/merkle.ts';
import { parseVkey } from '../../domain/tlog/note.ts';
import { LogColumns } from '../../domain/tlog/columns.ts';
import { findEntries, proveEntry, readEntries, readOn } from '../../domain/tlog/read.ts';
import type { ReadTile } from '../../domain/tlog/tiles.ts';
import type { EntryMemory } from './entry-memory.ts';
import type { LogMemory } from './memory.ts';
import { DAMAGED_LOG, orHint } from './way-out.ts';

/** One state of a log: its verified checkpoint and the tiles under it. */
export interface LogView {
  /** Null for an empty log. */
  readonly head: VerifiedCheckpoint | null;
  readonly read: ReadTile;
  /** Paths of all tiles that are kept, older partial ones among them. */
  readonly stored: () => Promise<readonly string[]>;
}

/** What this user knows of a log. */
export interface Known {
  readonly origin: string;
  readonly vkeys: readonly string[];
  readonly memory: LogMemory;
}

type Readers = Pick<TransparencyLog, 'checkpoint' | 'read' | 'entries' | 'find' | 'prove' | 'verify'>;

/** Everything that only reads, over any way of loading a log. */
export function readersOf(known: Known, load: () => Promise<LogView>): Readers {
  const reading = <T>(work: (view: LogView) => Promise<T>): Promise<T> => orHint(load().then(work), DAMAGED_LOG);
  return {
    checkpoint: () => reading(async ({ head }) => head?.note ?? null),
    read: () =>
      reading(async ({ head, read }) => ({
        checkpoint: head?.note ?? null,
        entries: head === null ? new LogColumns() : await entriesUnder(head, read, known.memory.entries),
      })),
    entries: (from, to) => reading(({ head, read }) => readEntries(head, read, { from, to })),
    find: (query) => reading(({ head, read }) => findEntries(head, read, query)),
    prove: (index) => reading(({ head, read }) => proveEntry(head, read, index)),
    verify: () =>
      reading(async ({ head, read, stored }) => {
        if (head !== null) {
          await auditLog(head, read);
          await auditOthers(head.size, await stored(), read);
        }
        return { size: head?.size ?? 0, root: Buffer.from(head?.root ?? EMPTY_ROOT).toString('base64') };
      }),
  };
}

/** What is remembered is proven with what was added by one root; if they do not lead there, the log is read anew. */
async function entriesUnder(head: VerifiedCheckpoint, read: ReadTile, memory: EntryMemory): Promise<LogColumns> {
  const remembered = memory.recall(head.origin);
  const from = remembered.length;
  if (from > 0 && from <= head.size && (await isReadOn(head, read, remembered))) {
    await ifWritable(memory.keep(head.origin, remembered, from));
    return remembered;
  }
  const columns = new LogColumns();
  await readOn(head, read, columns).catch((error: unknown) => explained(head, read, error));
  if (from > 0) memory.forget(head.origin);
  await ifWritable(memory.keep(head.origin, columns, 0));
  return columns;
}

/** False where the log is not what was remembered, or is damaged where it was added to: the whole is asked then. */
async function isReadOn(head: VerifiedCheckpoint, read: ReadTile, columns: LogColumns): Promise<boolean> {
  try {
    await readOn(head, read, columns);
    return true;
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'log-invalid') return false;
    throw error;
  }
}

/** Which tile is wrong is found by reading them all. */
async function explained(head: VerifiedCheckpoint, read: ReadTile, error: unknown): Promise<never> {
  if (error instanceof WeighmarkError && error.code === 'log-invalid') await auditLog(head, read);
  throw error;
}

/**
 * Loads a log, its checkpoint verified and held against what was seen before; remembered for the next time. What was seen
 * is read first: the log may grow in between, never shrink.
 */
export async function loadView(
  known: Known,
  fetch: () => Promise<{ note: string | null } & Pick<LogView, 'read' | 'stored'>>,
): Promise<LogView> {
  const { seen, earlier } = await lastSeen(known);
  const { note, read, stored } = await fetch();
  const head = note === null ? null : openCheckpoint(note, known.vkeys.map(parseVkey));
  if (seen !== null) await requireContinuity(seen, head ?? emptyOf(known.origin), read, earlier);
  if (head !== null && (seen === null || seen.size < head.size))
    await remember(known, { note: head.note, anchored: false });
  return { head, read, stored };
}

export function emptyOf(origin: string): Checkpoint {
  return { origin, size: 0, root: EMPTY_ROOT };
}

async function lastSeen(
  known: Known,
): Promise<{ readonly seen: VerifiedCheckpoint | null; readonly earlier: readonly Checkpoint[] }> {
  const remembered = await known.memory.recall(known.origin);
  if (remembered?.checkpoint == null) return { seen: null, earlier: [] };
  const earlier = (remembered.earlier ?? []).map(({ size, root }) => ({
    origin: known.origin,
    size,
    root: Buffer.from(root, 'base64'),
  }));
  return { seen: openCheckpoint(remembered.checkpoint, known.vkeys.map(parseVkey)), earlier };
}

/** Why a memory is not written: no space, no permission, no such folder. */
export const CANNOT_WRITE: ReadonlySet<string> = new Set(['write-refused', 'disk-full', 'not-found']);

/**
 * A user without a writable state folder goes without; `remembered` then says so (security rule 18).
 * @param seen.anchored false for what was merely read, and could be an old state of the log.
 */
export async function remember(
  { memory, origin, vkeys }: Known,
  { note, anchored }: { readonly note: string; readonly anchored: boolean },
): Promise<void> {
  await ifWritable(memory.remember(origin, { vkeys, checkpoint: note, anchored }));
}

/** Makes the memory one that decisions may rest on. */
export async function anchor({ memory, origin, vkeys }: Known): Promise<void> {
  await ifWritable(memory.anchor(origin, vkeys));
}

async function ifWritable(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof WeighmarkError && CANNOT_WRITE.has(error.code))) throw error;
  }
}
