import type { NewRegistry, Registries, Registry } from '../../domain/ports/registry.ts';
import { initEmbedded, openEmbedded } from './embedded/index.ts';
import type { RegistryDeps } from './setup.ts';

export type { RegistryDeps } from './setup.ts';

/** What the process gives once; each opening adds its options. */
export function createRegistries(deps: RegistryDeps): Registries {
  return {
    open: (location, options = {}) => openRegistry(location, { ...deps, ...options }),
    init: (location, options) => initRegistry(location, options, deps),
  };
}

/**
 * A folder or `oci://host/prefix`.
 * @throws WeighmarkError `not-found`, `name-invalid`, `log-key-mismatch`, `network`.
 */
export async function openRegistry(location: string, deps: RegistryDeps): Promise<Registry> {
  if (!location.startsWith('oci://')) return openEmbedded(location, deps);
  const { openRemote } = await import('./oci/index.ts');
  return openRemote(location, deps);
}

export async function initRegistry(
  location: string,
  options: { readonly origin?: string; readonly logKeyFile?: string },
  deps: RegistryDeps,
): Promise<NewRegistry> {
  if (!location.startsWith('oci://')) return initEmbedded(location, options, { ...deps, ...options });
  const { initRemote } = await import('./oci/init.ts');
  return initRemote(location, options, { ...deps, ...options });
}
