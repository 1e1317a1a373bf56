import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Integration, LoggedLeaf, TransparencyLog } from '../../domain/ports/log.ts';
import { formatLeaf, type LogEntry, type LogLeaf } from '../../domain/tlog/leaf.ts';
import { growLog } from '../../domain/tlog/append.ts';
import { openCheckpoint, type Checkpoint, type VerifiedCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { requireContinuity } from '../../domain/tlog/continuity.ts';
import { ED25519, noteText, parseVkey } from '../../domain/tlog/note.ts';
import type { LogPolicy } from '../../domain/tlog/quorum.ts';
import { findEntries, readEntries } from '../../domain/tlog/read.ts';
import { createFiles } from '../files/index.ts';
import { syncFolder, writeError, writeFileAtomic } from '../files/write.ts';
import { forget, isIndexError, openIndex, type LogIndex } from './index-db.ts';
import { withLock } from './lock.ts';
import { requireOwnKey, type LogKey } from './log-key.ts';
import type { LogMemory } from './memory.ts';
import { removeAhead, removePartials, tilePaths, tileReader, writeTiles } from './tile-files.ts';
import { anchor, emptyOf, loadView, readersOf, remember, type LogView } from './view.ts';
import { DAMAGED_LOG, orHint } from './way-out.ts';

/** Everything one directory log needs. */
export interface LogSetup {
  /** Holds `checkpoint` and `tile/`. */
  readonly folder: string;
  /** One writer holds it; outside the log's folder. */
  readonly lockFile: string;
  readonly indexFile: string;
  readonly origin: string;
  readonly vkeys: readonly string[];
  readonly remembered: boolean;
  readonly anchored: boolean;
  readonly memory: LogMemory;
  /** @throws WeighmarkError `key-unusable`. */
  readonly loadKey: () => Promise<LogKey>;
  readonly now: () => Date;
}

const CHECKPOINT = 'checkpoint';
const CHECKPOINT_BYTES = 1 << 18;
const files = createFiles();

/** A C2SP tlog-tiles log in a folder. */
export function openDirectoryLog(setup: LogSetup): TransparencyLog {
  return {
    origin: setup.origin,
    vkeys: setup.vkeys,
    remembered: setup.remembered,
    anchored: setup.anchored,
    anchor: () => anchor(setup),
    append: (leaves) => withLock(setup.lockFile, () => orHint(append(setup, leaves), DAMAGED_LOG)),
    pending: async () => [],
    integrate: (policy) => withLock(setup.lockFile, () => orHint(cosign(setup, policy), DAMAGED_LOG)),
    ...readersOf(setup, () => load(setup)),
  };
}

function load(setup: LogSetup): Promise<LogView> {
  return loadView(setup, async () => {
    const bytes = await files.readIfThere(join(setup.folder, CHECKPOINT), CHECKPOINT_BYTES);
    return {
      note: bytes === null ? null : noteText(bytes),
      read: tileReader(setup.folder),
      stored: async () => tilePaths(setup.folder),
    };
  });
}

/** Nothing waits in a log of one's own; witnesses are asked, and their cosignatures kept with the checkpoint. */
async function cosign(setup: LogSetup, policy: LogPolicy | undefined): Promise<Integration> {
  await settle(setup, await ownKey(setup));
  const { head, ...view } = await load(setup);
  if (head === null || policy === undefined)
    return { size: head?.size ?? 0, added: [], swept: [], kept: [], cosigned: [], refused: [] };
  // Witnesses are asked over HTTP, which takes a while to load.
  const { askWitnesses } = await import('./witness.ts');
  const { note, cosigned, refused } = await askWitnesses({ ...view, head }, policy);
  await writeFileAtomic(join(setup.folder, CHECKPOINT), note);
  return { size: head.size, added: [], swept: [], kept: [], cosigned, refused };
}

/** Under the lock. */
async function append(setup: LogSetup, leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]> {
  const key = await ownKey(setup);
  const head = await settle(setup, key);
  return withIndex(setup, head, async (index) => {
    const places = new Map<string, number>();
    const missing: LogLeaf[] = [];
    for (const leaf of leaves) {
      const text = keyOf(leaf);
      if (places.has(text)) continue;
      const logged = await findLogged(setup, { head, index, leaf });
      places.set(text, logged ?? (head?.size ?? 0) + missing.length);
      if (logged === null) missing.push(leaf);
    }
    if (missing.length > 0) await publish(setup, { head, key, index, leaves: missing });
    return leaves.map((leaf) => ({ leaf, index: places.get(keyOf(leaf)) ?? null }));
  });
}

async function ownKey(setup: LogSetup): Promise<LogKey> {
  return requireOwnKey(await setup.loadKey(), setup);
}

function keyOf(leaf: LogLeaf): string {
  return Buffer.from(formatLeaf(leaf)).toString();
}

/** Where a signed checkpoint waits for its name. Written in place: no other file ever holds what was signed. */
const NEXT = '.checkpoint.next';

/**
 * The head to append to. If a writer died after it signed a checkpoint, that one is published now: two checkpoints of one
 * size are never signed (security rule 17). One that was torn before a signature was whole was never signed.
 * @throws WeighmarkError `log-invalid` if the tiles of what was signed are not there.
 */
async function settle(setup: LogSetup, key: LogKey): Promise<VerifiedCheckpoint | null> {
  const bytes = await files.readIfThere(join(setup.folder, NEXT), CHECKPOINT_BYTES);
  const next = bytes === null ? null : signedIn(setup, Buffer.from(bytes).toString());
  const published = next === null ? null : await readCheckpoint(setup);
  if (next !== null && next.checkpoint.size > (published?.size ?? 0)) {
    await requireTiles(setup, published, next.checkpoint);
    if (next.isWhole) await nameCheckpoint(setup);
    else await writeFileAtomic(join(setup.folder, CHECKPOINT), signNow(setup, key, next.checkpoint));
  }
  await rm(join(setup.folder, NEXT), { force: true });
  return (await load(setup)).head;
}

async function readCheckpoint(setup: LogSetup): Promise<VerifiedCheckpoint | null> {
  const bytes = await files.readIfThere(join(setup.folder, CHECKPOINT), CHECKPOINT_BYTES);
  return bytes === null ? null : openCheckpoint(noteText(bytes), setup.vkeys.map(parseVkey));
}

/** What a perhaps torn note shows to have been signed with the log's key; null if nothing was. */
function signedIn(
  setup: LogSetup,
  text: string,
): { readonly checkpoint: VerifiedCheckpoint; readonly isWhole: boolean } | null {
  const vkeys = setup.vkeys.map(parseVkey);
  const opened = (keys: typeof vkeys) => {
    try {
      return openCheckpoint(text.slice(0, text.lastIndexOf('\n') + 1), keys);
    } catch {
      return null;
    }
  };
  const checkpoint = opened(vkeys.filter(({ type }) => type === ED25519));
  return checkpoint === null ? null : { checkpoint, isWhole: opened(vkeys) !== null };
}

/** The tiles of an unpublished checkpoint are all there and continue what is published. */
async function requireTiles(setup: LogSetup, head: Checkpoint | null, next: VerifiedCheckpoint): Promise<void> {
  const read = tileReader(setup.folder);
  try {
    await requireContinuity(head ?? emptyOf(setup.origin), next, read);
    await readEntries(next, read, { from: head?.size ?? 0, to: next.size });
  } catch (cause) {
    throw new WeighmarkError('log-invalid', 'a checkpoint was signed whose tiles are not here', {
      subject: join(setup.folder, NEXT),
      facts: { signed: `size ${next.size}`, published: `size ${head?.size ?? 0}` },
      hint: 'restore the log from a copy that has them: another checkpoint of that size must not be signed',
      cause,
    });
  }
}

function signNow(setup: LogSetup, key: LogKey, checkpoint: Checkpoint): string {
  return key.sign(checkpoint, Math.floor(setup.now().getTime() / 1000));
}

async function nameCheckpoint(setup: LogSetup): Promise<void> {
  await rename(join(setup.folder, NEXT), join(setup.folder, CHECKPOINT));
  await syncFolder(setup.folder);
}

/** The cache, brought up to the head; made anew when it does not fit it, or turns out wrong while it is asked. */
async function withIndex<T>(
  setup: LogSetup,
  head: VerifiedCheckpoint | null,
  work: (index: LogIndex) => Promise<T>,
): Promise<T> {
  try {
    return await workWith(setup, head, work);
  } catch (error) {
    if (!isIndexError(error)) throw error;
    await forget(setup.indexFile);
    return workWith(setup, head, work);
  }
}

async function workWith<T>(
  setup: LogSetup,
  head: VerifiedCheckpoint | null,
  work: (index: LogIndex) => Promise<T>,
): Promise<T> {
  let index = await openIndex(setup.indexFile);
  try {
    if (!(await fits(setup, head, index))) {
      index.close();
      await forget(setup.indexFile);
      index = await openIndex(setup.indexFile);
    }
    await fill(setup, head, index);
    return await work(index);
  } finally {
    index.close();
  }
}

async function fits(setup: LogSetup, head: VerifiedCheckpoint | null, index: LogIndex): Promise<boolean> {
  if (index.end !== index.size) return false;
  if (index.size === 0) return true;
  if (head === null)
    throw new WeighmarkError('log-invalid', 'the checkpoint is gone: the index knows of entries', {
      subject: join(setup.folder, CHECKPOINT),
      hint: `restore the checkpoint from a copy: a second history must not begin here; if there never was one, remove ${setup.indexFile}`,
    });
  if (index.size > head.size) return false;
  const covered = { origin: head.origin, size: index.size, root: Buffer.from(index.root, 'base64') };
  return requireContinuity(covered, head, tileReader(setup.folder)).then(
    () => true,
    () => false,
  );
}

const FILL_STEP = 8192;

async function fill(setup: LogSetup, head: VerifiedCheckpoint | null, index: LogIndex): Promise<void> {
  if (head === null) return;
  for (let from = index.size; from < head.size; from += FILL_STEP) {
    const entries = await readEntries(head, tileReader(setup.folder), { from, to: from + FILL_STEP });
    const last = from + FILL_STEP >= head.size;
    index.add(
      entries,
      last ? { size: head.size, root: Buffer.from(head.root).toString('base64') } : { size: 0, root: '' },
    );
  }
}

/** The cache only hints: the entry itself is read. One that hints wrongly is made anew next time, and the log is asked. */
async function findLogged(
  setup: LogSetup,
  { head, index, leaf }: { head: VerifiedCheckpoint | null; index: LogIndex; leaf: LogLeaf },
): Promise<number | null> {
  const at = index.find(leaf);
  if (at === null || head === null || at >= head.size) return null;
  const isThis = ({ leaf: found }: LogEntry) => Buffer.compare(formatLeaf(found), formatLeaf(leaf)) === 0;
  if ((await readEntries(head, tileReader(setup.folder), { from: at, to: at + 1 })).some(isThis)) return at;
  await forget(setup.indexFile);
  return (await findEntries(head, tileReader(setup.folder), leaf)).find(isThis)?.index ?? null;
}

interface Publication {
  readonly head: VerifiedCheckpoint | null;
  readonly key: LogKey;
  readonly index: LogIndex;
  readonly leaves: readonly LogLeaf[];
}

/** Durable tiles, then the signed checkpoint, then its name: a kill in between loses nothing that was said. */
async function publish(setup: LogSetup, { head, key, index, leaves }: Publication): Promise<void> {
  const oldSize = head?.size ?? 0;
  const growth = await growLog(head ?? emptyOf(setup.origin), leaves.map(formatLeaf), tileReader(setup.folder));
  await removeAhead(
    setup.folder,
    oldSize,
    growth.tiles.map(({ tile }) => tile),
  );
  await writeTiles(setup.folder, growth.tiles);
  const note = signNow(setup, key, { origin: setup.origin, size: growth.size, root: growth.root });
  await writeInPlace(join(setup.folder, NEXT), note);
  await nameCheckpoint(setup);
  await remember(setup, { note, anchored: true });
  await removePartials(
    setup.folder,
    growth.tiles.map(({ tile }) => tile),
  );
  const entries: readonly LogEntry[] = leaves.map((leaf, at) => ({ index: oldSize + at, leaf }));
  await keep(setup, index, { entries, size: growth.size, root: growth.root });
}

/** What is published is published: a cache that fails now is made anew next time. */
async function keep(
  setup: LogSetup,
  index: LogIndex,
  { entries, size, root }: { entries: readonly LogEntry[]; size: number; root: Uint8Array },
): Promise<void> {
  try {
    index.add(entries, { size, root: Buffer.from(root).toString('base64') });
  } catch (error) {
    if (!isIndexError(error)) throw error;
    await forget(setup.indexFile);
  }
}

async function writeInPlace(path: string, text: string): Promise<void> {
  try {
    const handle = await open(path, 'w', 0o644);
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
  } catch (cause) {
    throw writeError(cause, path);
  }
}
