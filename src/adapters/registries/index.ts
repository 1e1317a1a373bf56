import { WeighmarkError } from '../../domain/base/errors.ts';
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
  if (!isRemote(location)) return openEmbedded(location, deps);
  const { openRemote } = await import('./oci/index.ts');
  return openRemote(location, deps);
}

export async function initRegistry(
  location: string,
  options: { readonly origin?: string; readonly logKeyFile?: string },
  deps: RegistryDeps,
): Promise<NewRegistry> {
  if (!isRemote(location)) return initEmbedded(location, options, { ...deps, ...options });
  const { initRemote } = await import('./oci/init.ts');
  return initRemote(location, options, { ...deps, ...options });
}

/** Letters and `:/`: a drive has one letter, a folder of such a name is `./NAME`. */
const ADDRESS = /^\s*[A-Za-z][A-Za-z0-9+.-]+:\//;

/** An address of another kind, or one that is spelled otherwise, is not taken for a folder of that name, password and all. */
function isRemote(location: string): boolean {
  if (location.startsWith('oci://')) return true;
  if (!ADDRESS.test(location)) return false;
  throw new WeighmarkError('name-invalid', `\`${location}\` is no registry`, {
    subject: location,
    hint: 'a registry is a folder, or oci://host/prefix in exactly these letters',
  });
}
