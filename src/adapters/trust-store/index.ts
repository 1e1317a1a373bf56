import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { TrustStore } from '../../domain/ports/trust.ts';
import { configFolder, type Env } from '../config/folders.ts';
import { formatTrustFile, parseTrustFile, type TrustFile } from '../../domain/trust/store.ts';

export interface TrustWorld {
  readonly env: Env;
  readonly cwd: string;
  readonly options: { readonly offline: boolean };
}

/** The user's trust store: WEIGHMARK_TRUST, else `weighmark/trust.yaml` in their configuration folder (YAML or JSON). */
export function createUserTrustStore(files: Files, world: TrustWorld): TrustStore {
  const named = world.env['WEIGHMARK_TRUST'];
  const location =
    named === undefined || named === '' ? join(configFolder(world.env), 'trust.yaml') : resolve(world.cwd, named);
  return {
    location,
    read: async () => read(files, location, named !== undefined && named !== ''),
    write: async (content) => files.write(location, formatTrustFile(content), { mode: 0o600 }),
    format: (entries) => formatTrustFile({ entries, allowed: [] }),
    update: async () => {
      if (world.options.offline)
        throw new WeighmarkError('usage', '`trust update` needs the network, and --offline forbids it');
      return (await import('../sigstore/update.ts')).updatePublicGoodRoot(files, configFolder(world.env));
    },
  };
}

async function read(files: Files, location: string, named: boolean): Promise<TrustFile> {
  const bytes = await files.readIfThere(location, LIMITS.trustFileBytes);
  if (bytes === null && named)
    throw new WeighmarkError('trust-unavailable', `WEIGHMARK_TRUST names ${location}, which is not there`, {
      subject: location,
    });
  if (bytes === null) return { entries: [], allowed: [] };
  await refuseWritableByAll(location);
  if (mayHoldPatterns(bytes)) (await import('../../domain/base/pattern-engine.ts')).usePatterns();
  return parseTrustFile(bytes, location);
}

/** A key of YAML may be spelled with escapes too. */
function mayHoldPatterns(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return text.includes('identity-regexp') || text.includes('\\');
}

/** Trust that anybody on the machine can edit is nobody's trust. */
async function refuseWritableByAll(location: string): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(location);
  if ((mode & 0o002) === 0) return;
  throw new WeighmarkError('trust-invalid', `${location} can be written by every user of this machine`, {
    subject: location,
    hint: `\`chmod o-w ${location}\``,
  });
}
