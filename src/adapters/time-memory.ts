import { join } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject } from '../domain/base/json.ts';
import { greatest } from '../domain/base/lists.ts';
import { LIMITS } from '../domain/base/limits.ts';
import type { Files } from '../domain/ports/files.ts';
import type { TimeMemory } from '../domain/ports/trust.ts';
import { makeOwn } from './files/own.ts';
import { withLock } from './log-store/lock.ts';
import { CANNOT_WRITE } from './log-store/view.ts';

/** Anchors that are kept; a machine that judges by more forgets none and learns no further ones. */
const MAX_ANCHORS = 10_000;

/** In the user's own state folder, one file: the newest verified time by anchor, in milliseconds. */
export function createTimeMemory(files: Files, stateFolder: string): TimeMemory {
  const file = join(stateFolder, 'times.json');
  const read = async (): Promise<ReadonlyMap<string, number>> => {
    const bytes = await files.readIfThere(file, LIMITS.configBytes);
    return bytes === null ? new Map() : timesIn(bytes, file);
  };
  return {
    newest: async (anchors) => {
      const kept = await read();
      const times = anchors.flatMap((anchor) => kept.get(anchor) ?? []);
      return times.length === 0 ? null : greatest(times);
    },
    remember: async (times) => {
      if (!hasNews(await read(), times)) return;
      await unlessReadOnly(async () =>
        withLock(join(makeOwn(stateFolder), 'lock.db'), async () => {
          const kept = await read();
          if (hasNews(kept, times)) await files.write(file, formatTimes(merged(kept, times)), { mode: 0o600 });
        }),
      );
    },
    forget: async () => {
      if ((await files.kindOf(file)) === 'none') return false;
      await files.remove(file);
      return true;
    },
  };
}

function hasNews(kept: ReadonlyMap<string, number>, times: ReadonlyMap<string, number>): boolean {
  return [...times].some(([anchor, time]) => time > (kept.get(anchor) ?? 0));
}

function merged(kept: ReadonlyMap<string, number>, times: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const all = new Map(kept);
  for (const [anchor, time] of times)
    if (time > (all.get(anchor) ?? 0) && (all.has(anchor) || all.size < MAX_ANCHORS)) all.set(anchor, time);
  return all;
}

function formatTimes(times: ReadonlyMap<string, number>): string {
  return `${JSON.stringify({ v: 1, times: Object.fromEntries(times) })}\n`;
}

function timesIn(bytes: Uint8Array, file: string): ReadonlyMap<string, number> {
  const json = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: file });
  const times = isJsonObject(json['times']) ? Object.entries(json['times']) : null;
  if (json['v'] !== 1 || times === null || times.some(([, time]) => !isTime(time)))
    throw new WeighmarkError('config-invalid', `${file} does not say which times were seen`, {
      subject: file,
      hint: '`weighmark trust forget-time`, once you know why',
    });
  return new Map(times.map(([anchor, time]) => [anchor, Number(time)]));
}

/** A number that a date can be: others could not even be told. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(new Date(value).getTime());
}

/** A user without a writable state folder goes without memory. */
async function unlessReadOnly(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof WeighmarkError && CANNOT_WRITE.has(error.code))) throw error;
  }
}
