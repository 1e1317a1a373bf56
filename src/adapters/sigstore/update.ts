import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/errors.ts';
import type { Files, TrustStore } from '../../domain/ports.ts';
import { publicGoodRoot, updatedRootLocation } from './public-good.ts';

export interface TufSource {
  /** Another repository than the public-good one, with the root.json its trust starts from: for tests. */
  readonly mirrorURL?: string;
  readonly rootPath?: string;
}

/**
 * Refreshes the public-good trusted root by TUF, from the root shipped with @sigstore/tuf. Every key change since is verified;
 * the metadata is kept beside it, so that an older repository state is refused later.
 * @throws WeighmarkError `network`, `trust-invalid`.
 */
export async function updatePublicGoodRoot(files: Files, configFolder: string, source: TufSource = {}): ReturnType<TrustStore['update']> {
  const before = await publicGoodRoot(files, configFolder);
  const after = await fetchRoot(join(configFolder, 'sigstore', 'tuf'), source);
  const location = updatedRootLocation(configFolder);
  await files.write(location, after, { mode: 0o600 });
  return { location, sha256: sha256Hex(after), changed: before !== after };
}

async function fetchRoot(cachePath: string, source: TufSource): Promise<string> {
  const { initTUF, TUFError } = await import('@sigstore/tuf');
  try {
    const client = await initTUF({ cachePath, ...source, forceInit: source.rootPath !== undefined });
    return await client.getTarget('trusted_root.json');
  } catch (cause) {
    const unreachable = cause instanceof TUFError && /fetch|network|download/i.test(String(cause.cause ?? cause));
    throw new WeighmarkError(unreachable ? 'network' : 'trust-invalid', 'the Sigstore trust root could not be refreshed', { cause });
  }
}
