import { resolve } from 'node:path';
import { createFiles } from '../adapters/files/index.ts';
import type { TrustEntry } from '../domain/claims/types.ts';

/**
 * Whose signatures count by a trust store: what `weighmark trust add` wrote. @param file default: the user's own, by `env`.
 * @throws WeighmarkError `trust-invalid`, `trust-unavailable` where the file named is not there.
 */
export async function trustStore(
  file: string | { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<readonly TrustEntry[]> {
  const { createUserTrustStore } = await import('../adapters/trust-store/index.ts');
  const env = typeof file === 'string' ? { WEIGHMARK_TRUST: resolve(file) } : file.env;
  return (await createUserTrustStore(createFiles(), { env, cwd: process.cwd(), options: { offline: true } }).read())
    .entries;
}
