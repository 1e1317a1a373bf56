import { join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';

/** Where `trust update` leaves the refreshed root. */
export function updatedRootLocation(configFolder: string): string {
  return join(configFolder, 'sigstore', 'trusted_root.json');
}

/** The public-good Sigstore trusted root: refreshed by `trust update`, else as shipped with @sigstore/tuf. */
export async function publicGoodRoot(files: Files, configFolder: string): Promise<string> {
  const updated = await files.readIfThere(updatedRootLocation(configFolder), LIMITS.trustedRootBytes);
  return updated === null ? shippedRoot() : Buffer.from(updated).toString('utf8');
}

interface Seeds {
  readonly [mirror: string]: { readonly 'root.json': string; readonly targets: Readonly<Record<string, string>> };
}

const MIRROR = 'https://tuf-repo-cdn.sigstore.dev';

async function shippedRoot(): Promise<string> {
  const seeds = (await import('@sigstore/tuf/seeds.json', { with: { type: 'json' } })).default as Seeds;
  const encoded = seeds[MIRROR]?.targets['trusted_root.json'];
  if (encoded === undefined) throw new WeighmarkError('internal', 'the built-in trusted root is missing');
  return Buffer.from(encoded, 'base64').toString('utf8');
}
