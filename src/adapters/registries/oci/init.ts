import { WeighmarkError } from '../../../domain/base/errors.ts';
import type { NewRegistry } from '../../../domain/ports/registry.ts';
import { ensureLogKey, loadLogKey } from '../../log-store/log-key.ts';
import { checkOrigin, randomOrigin } from '../origin.ts';
import { logKeyFile, pinOwn, type RegistryDeps } from '../setup.ts';
import { repositoryOf } from '../../../domain/registry/reference.ts';
import { connect, LOG_NAME } from './index.ts';
import { readIdentity, writeIdentity } from './log-artifacts.ts';

/** Makes a log in a registry's repository. On one that is there, nothing changes but the key is checked. */
export async function initRemote(
  location: string,
  options: { readonly origin?: string },
  deps: RegistryDeps,
): Promise<NewRegistry> {
  const remote = await connect(location, deps);
  const place = {
    client: remote.client,
    repository: repositoryOf(remote, LOG_NAME),
    place: location.replace(/\/+$/, ''),
    stateFolder: remote.stateFolder,
  };
  const there = await readIdentity(place);
  if (there !== null && options.origin !== undefined && options.origin !== there.origin) {
    throw new WeighmarkError('already-exists', `${location} is a registry whose log is ${there.origin}`, {
      subject: location,
    });
  }
  const origin = there?.origin ?? checkOrigin(options.origin ?? randomOrigin(location));
  const keyFile = logKeyFile(deps, origin);
  const key = there === null ? await ensureLogKey(keyFile, origin) : await loadLogKey(keyFile, origin);
  if (there === null) await writeIdentity(place, { origin, vkeys: key.vkeys });
  await pinOwn({ origin, vkeys: key.vkeys, made: there === null }, place.place, deps);
  return { location, origin, vkeys: key.vkeys, logKeyFile: keyFile };
}
