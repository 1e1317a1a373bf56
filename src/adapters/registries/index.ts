import type { Registry } from '../../domain/ports.ts';
import { openEmbedded } from './embedded/index.ts';
import type { RegistryDeps } from './setup.ts';

export { initEmbedded, type NewRegistry } from './embedded/index.ts';
export type { RegistryDeps } from './setup.ts';

/**
 * A folder or `oci://host/prefix`.
 * @throws WeighmarkError `not-found`, `name-invalid`, `log-key-mismatch`, `network`.
 */
export async function openRegistry(location: string, deps: RegistryDeps): Promise<Registry> {
  return openEmbedded(location, deps);
}
