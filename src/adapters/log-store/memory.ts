import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/errors.ts';
import { parseStrictJsonObject } from '../../domain/json.ts';
import { LIMITS } from '../../domain/limits.ts';
import { parseCheckpoint } from '../../domain/tlog/checkpoint.ts';
import { createFiles } from '../files/index.ts';
import { writeFileAtomic } from '../files/write.ts';
import { withLock } from './lock.ts';

/** What this user has seen of a log: its keys, pinned when first seen, and its newest signed checkpoint. */
export interface Remembered {
  readonly vkeys: readonly string[];
  /** The signed note; null if only the keys are known. */
  readonly checkpoint: string | null;
  /** This user made the log, and so knows that it began empty. */
  readonly made?: boolean;
}

/** Rollback state in the user's own folder, kept per log and per place (security rule 1). */
export interface LogMemory {
  /** @throws WeighmarkError `config-invalid` if the memory cannot be read: never forgotten silently. */
  recall(origin: string): Promise<Remembered | null>;
  /** Never goes back: an older checkpoint than the one kept is not kept. */
  remember(origin: string, seen: Remembered): Promise<void>;
  /** Which log was last seen at a registry's place. */
  originAt(place: string): Promise<string | null>;
  rememberPlace(place: string, origin: string): Promise<void>;
}

const files = createFiles();

export function openMemory(stateFolder: string): LogMemory {
  const fileOf = (kind: 'logs' | 'places', key: string) => join(stateFolder, kind, `${sha256Hex(key).slice(0, 32)}.json`);
  const recall = async (origin: string) => readRemembered(fileOf('logs', origin), origin);
  return {
    recall,
    remember: (origin, seen) => withLock(join(stateFolder, 'lock.db'), async () => {
      const kept = await recall(origin);
      if (kept !== null && sizeOf(kept) > sizeOf(seen) && sameKeys(kept, seen)) return;
      const made = seen.made === true || (kept?.made === true && sameKeys(kept, seen));
      await write(fileOf('logs', origin), { v: 1, origin, vkeys: seen.vkeys, checkpoint: seen.checkpoint, ...(made ? { made } : {}) });
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

async function readRemembered(file: string, origin: string): Promise<Remembered | null> {
  const fields = await read(file);
  if (fields === null) return null;
  const { vkeys, checkpoint } = fields;
  const wellFormed = fields['v'] === 1 && fields['origin'] === origin && Array.isArray(vkeys) && (checkpoint === null || typeof checkpoint === 'string');
  if (!wellFormed) throw new WeighmarkError('config-invalid', 'what was remembered of a log cannot be read', { subject: file });
  return { vkeys: vkeys.map(String), checkpoint, made: fields['made'] === true };
}

async function read(file: string): Promise<Readonly<Record<string, unknown>> | null> {
  const bytes = await files.readIfThere(file, LIMITS.configBytes);
  return bytes === null ? null : parseStrictJsonObject(bytes, { code: 'config-invalid', subject: file });
}

async function write(file: string, value: object): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify(value)}\n`, { mode: 0o600 });
}

function sizeOf(seen: Remembered): number {
  return seen.checkpoint === null ? 0 : parseCheckpoint(seen.checkpoint).size;
}

function sameKeys(a: Remembered, b: Remembered): boolean {
  return a.vkeys.join() === b.vkeys.join();
}
