import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
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
    updateFrom: async (file) =>
      (await import('../sigstore/update.ts')).updateRootFrom(files, configFolder(world.env), file),
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

/** Trust that anybody on the machine can edit, or put in the place of ours, is nobody's trust. */
async function refuseWritableByAll(location: string): Promise<void> {
  if (process.getuid === undefined) return;
  const folder = dirname(location);
  const [file, around] = await Promise.all([stat(location), stat(folder)]);
  const open = [file, around].map(({ mode }) => (mode & 0o002) !== 0);
  const isSticky = (around.mode & 0o1000) !== 0;
  if (open[0] === true || (open[1] === true && !isSticky)) throw writableByAll(open[0] === true ? location : folder);
  if (open[1] === true && ![0, process.getuid()].includes(file.uid)) throw writableByAll(folder);
}

function writableByAll(path: string): WeighmarkError {
  return new WeighmarkError('trust-invalid', `${path} can be written by every user of this machine`, {
    subject: path,
    hint: `\`chmod o-w ${path}\`, or keep the trust file in a folder of your own`,
  });
}
