import { join } from 'node:path';
import { sha256Hex } from '../domain/digest/hex.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import { parseStrictJsonObject } from '../domain/base/json.ts';
import { LIMITS } from '../domain/base/limits.ts';
import type { Files } from '../domain/ports/files.ts';
import type { VersionMemory } from '../domain/ports/trust.ts';
import { makeOwn } from './files/own.ts';
import { withLock } from './log-store/lock.ts';

/** Kept in the user's own state folder, a file for each line of versions. */
export function createVersionMemory(files: Files, stateFolder: string): VersionMemory {
  const fileOf = (line: string): string => join(stateFolder, 'versions', `${sha256Hex(line).slice(0, 32)}.json`);
  const highest = async (line: string): Promise<number | null> => {
    const bytes = await files.readIfThere(fileOf(line), LIMITS.configBytes);
    return bytes === null ? null : readVersion(bytes, fileOf(line), line);
  };
  return {
    highest,
    keptIn: fileOf,
    remember: async (line, version) =>
      withLock(join(makeOwn(stateFolder), 'lock.db'), async () => {
        const kept = await highest(line);
        if (kept === null || version > kept)
          await files.write(fileOf(line), `${JSON.stringify({ v: 1, line, version })}\n`, { mode: 0o600 });
      }),
  };
}

function readVersion(bytes: Uint8Array, path: string, line: string): number {
  const json = parseStrictJsonObject(bytes, { code: 'config-invalid', subject: path });
  if (json['v'] === 1 && json['line'] === line && typeof json['version'] === 'number') return json['version'];
  throw new WeighmarkError('config-invalid', `${path} does not say which version was seen`, { subject: path });
}
