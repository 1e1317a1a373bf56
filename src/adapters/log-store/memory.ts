import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { parseCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { createFiles } from '../files/index.ts';
import { makeOwn } from '../files/own.ts';
import { writeFileAtomic } from '../files/write.ts';
import { openEntryMemory, type EntryMemory } from './entry-memory.ts';
import { withLock } from './lock.ts';
import { orHint } from './way-out.ts';

/** What this user has seen of a log: its keys, pinned when first seen, and its newest signed checkpoint. */
export interface Remembered {
  readonly vkeys: readonly string[];
  /** The signed note; null if only the keys are known. */
  readonly checkpoint: string | null;
  /**
   * Something other than having read it vouches for how the memory began: this user made the log, wrote to it with its key,
   * or decided by witnesses or a checkpoint brought along (security rule 18).
   */
  readonly anchored?: boolean;
  /** States seen before, oldest first: size, and root in base64. */
  readonly earlier?: readonly EarlierState[];
}

export interface EarlierState {
  readonly size: number;
  readonly root: string;
}

/** So many earlier states are kept: the first few and the last ones. */
const [FIRST_KEPT, LAST_KEPT] = [8, 24];

/** Rollback state in the user's own folder, kept per log and per place (security rule 1). */
export interface LogMemory {
  /** What was read of the logs. */
  readonly entries: EntryMemory;
  /** @throws WeighmarkError `config-invalid` if the memory cannot be read: never forgotten silently. */
  recall(origin: string): Promise<Remembered | null>;
  /** Never goes back: an older checkpoint than the one kept is not kept. */
  remember(origin: string, seen: Remembered): Promise<void>;
  /** From now on the memory of that log is anchored, if there is one under these keys. */
  anchor(origin: string, vkeys: readonly string[]): Promise<void>;
  /** Which log was last seen at a registry's place. */
  originAt(place: string): Promise<string | null>;
  rememberPlace(place: string, origin: string): Promise<void>;
}

const files = createFiles();

export function openMemory(stateFolder: string): LogMemory {
  const fileOf = (kind: 'logs' | 'places', key: string) =>
    join(stateFolder, kind, `${sha256Hex(key).slice(0, 32)}.json`);
  const recall = async (origin: string) => readRemembered(fileOf('logs', origin), origin);
  const keep = (origin: string, { vkeys, checkpoint, anchored, earlier = [] }: Remembered) =>
    write(fileOf('logs', origin), {
      v: 1,
      origin,
      vkeys,
      checkpoint,
      ...(anchored === true ? { anchored } : {}),
      ...(earlier.length === 0 ? {} : { earlier }),
    });
  const locked = async (work: () => Promise<void>) => withLock(join(makeOwn(stateFolder), 'lock.db'), work);
  return {
    entries: openEntryMemory(stateFolder),
    recall,
    remember: (origin, seen) =>
      locked(async () => {
        const kept = await recall(origin);
        const same = kept !== null && sameLog(kept.vkeys, seen.vkeys);
        const { checkpoint } = same && sizeOf(kept) > sizeOf(seen) ? kept : seen;
        await keep(origin, {
          vkeys: seen.vkeys,
          checkpoint,
          anchored: seen.anchored === true || (same && kept.anchored === true),
          earlier: same ? earlierOf(kept, checkpoint) : [],
        });
      }),
    anchor: (origin, vkeys) =>
      locked(async () => {
        const kept = await recall(origin);
        if (kept !== null && kept.anchored !== true && sameLog(kept.vkeys, vkeys))
          await keep(origin, { ...kept, anchored: true });
      }),
    async originAt(place) {
      const fields = await read(fileOf('places', place));
      return typeof fields?.['origin'] === 'string' ? fields['origin'] : null;
    },
    async rememberPlace(place, origin) {
      await write(fileOf('places', place), { v: 1, place, origin });
    },
  };
}

/** The states before this one, with the one that was newest until now. */
function earlierOf(kept: Remembered, checkpoint: string | null): readonly EarlierState[] {
  const { earlier = [] } = kept;
  if (kept.checkpoint === null || kept.checkpoint === checkpoint) return earlier;
  const { size, root } = parseCheckpoint(kept.checkpoint);
  if (size === 0 || (checkpoint !== null && parseCheckpoint(checkpoint).size === size)) return earlier;
  const all = [...earlier, { size, root: Buffer.from(root).toString('base64') }];
  return all.length <= FIRST_KEPT + LAST_KEPT ? all : [...all.slice(0, FIRST_KEPT), ...all.slice(-LAST_KEPT)];
}

function earlierIn(value: Json | undefined): readonly EarlierState[] | null {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return null;
  const states = value.flatMap((each) =>
    isJsonObject(each) && typeof each['size'] === 'number' && typeof each['root'] === 'string'
      ? [{ size: each['size'], root: each['root'] }]
      : [],
  );
  return states.length === value.length ? states : null;
}

async function readRemembered(file: string, origin: string): Promise<Remembered | null> {
  const fields = await read(file);
  if (fields === null) return null;
  const { vkeys, checkpoint } = fields;
  const earlier = earlierIn(fields['earlier']);
  const wellFormed =
    fields['v'] === 1 &&
    fields['origin'] === origin &&
    Array.isArray(vkeys) &&
    earlier !== null &&
    (checkpoint === null || typeof checkpoint === 'string');
  if (!wellFormed)
    throw new WeighmarkError('config-invalid', 'what was remembered of a log cannot be read', {
      subject: file,
      hint: FORGET,
    });
  return { vkeys: vkeys.map(String), checkpoint, anchored: fields['anchored'] === true, earlier };
}

async function read(file: string): Promise<Readonly<Record<string, Json>> | null> {
  const bytes = await orHint(files.readIfThere(file, LIMITS.configBytes), FORGET);
  return bytes === null ? null : orHint(parsed(bytes, file), FORGET);
}

/** What a memory that cannot be read takes: a person's decision. */
const FORGET = 'restore it; or remove it, and say with `--log-vkey` and `--min-checkpoint` what it knew of the log';

async function parsed(bytes: Uint8Array, file: string): Promise<Readonly<Record<string, Json>>> {
  return parseStrictJsonObject(bytes, { code: 'config-invalid', subject: file });
}

async function write(file: string, value: object): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value)}\n`, { mode: 0o600 });
}

function sizeOf(seen: Remembered): number {
  return seen.checkpoint === null ? 0 : parseCheckpoint(seen.checkpoint).size;
}

/** One shared key makes it the same log: a policy may name one of several. */
export function sameLog(a: readonly string[], b: readonly string[]): boolean {
  return a.some((vkey) => b.includes(vkey));
}
