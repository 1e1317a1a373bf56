import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { TrustStore } from '../../domain/ports/trust.ts';
import { makeOwn } from '../files/own.ts';
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
export async function updatePublicGoodRoot(
  files: Files,
  configFolder: string,
  source: TufSource = {},
): ReturnType<TrustStore['update']> {
  const before = await publicGoodRoot(files, configFolder);
  const after = await fetchRoot(makeOwn(join(configFolder, 'sigstore', 'tuf')), source);
  const location = updatedRootLocation(configFolder);
  await files.write(location, after, { mode: 0o600 });
  return { location, sha256: sha256Hex(after), changed: before !== after };
}

async function fetchRoot(cachePath: string, source: TufSource): Promise<string> {
  const { initTUF } = await import('@sigstore/tuf');
  try {
    const client = await initTUF({ cachePath, ...source });
    return await client.getTarget('trusted_root.json');
  } catch (cause) {
    const code = isUnreachable(cause) ? 'network' : 'trust-invalid';
    throw new WeighmarkError(
      code,
      `the Sigstore trust root could not be refreshed: ${code === 'network' ? 'its repository cannot be reached' : 'what its repository says is not signed, or too old'}`,
      { cause },
    );
  }
}

/** Anything in the chain of causes that speaks of the transport, not of the metadata. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    /^fetch failed|ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|request to .* failed/.test(error.message) ||
    error.name === 'AbortError' ||
    isUnreachable(error.cause)
  );
}
