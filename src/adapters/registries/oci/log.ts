import { join } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import type { TransparencyLog } from '../../../domain/ports/log.ts';
import { withLock } from '../../log-store/lock.ts';
import { loadLogKey } from '../../log-store/log-key.ts';
import { anchor, readersOf } from '../../log-store/view.ts';
import { logKeyFile, trustedKeys, type RegistryDeps } from '../setup.ts';
import { type LogPlace, readIdentity } from './log-artifacts.ts';
import { type Remote, load } from './log-read.ts';
import { putPending, waitingLeaves } from './log-pending.ts';
import { integrate } from './log-publish.ts';
import { forShell } from '../../../domain/base/text.ts';

/** A log of no name if the registry has none: every question to it is refused. @throws WeighmarkError `log-key-mismatch`. */
export async function openRemoteLog(place: LogPlace, deps: RegistryDeps): Promise<TransparencyLog> {
  const said = await readIdentity(place);
  if (said === null) return absentLog(place.place);
  const remote: Remote = {
    ...place,
    origin: said.origin,
    ...(await trustedKeys(said, place.place, deps)),
    loadKey: async () => loadLogKey(logKeyFile(deps, said.origin), said.origin),
    now: deps.now ?? (() => new Date()),
  };
  return {
    origin: remote.origin,
    vkeys: remote.vkeys,
    remembered: remote.remembered,
    anchored: remote.anchored,
    anchor: () => anchor(remote),
    append: (leaves) => putPending(remote, leaves),
    pending: () => waitingLeaves(remote),
    integrate: (policy, door) =>
      withLock(join(remote.stateFolder, 'operator.db'), () => integrate(remote, policy, door)),
    ...readersOf(remote, () => load(remote)),
  };
}

/** Artifacts of any OCI registry can be read; nothing can be said of what was logged. */
function absentLog(place: string): TransparencyLog {
  const refuse = async (): Promise<never> => {
    throw new WeighmarkError('not-found', `${place} has no log`, {
      subject: place,
      hint: `make one with \`weighmark registry init ${forShell(place)}\``,
    });
  };
  return {
    origin: '',
    vkeys: [],
    remembered: false,
    anchored: false,
    anchor: async () => {},
    append: refuse,
    checkpoint: refuse,
    read: refuse,
    entries: refuse,
    find: refuse,
    pending: refuse,
    prove: refuse,
    verify: refuse,
    integrate: refuse,
  };
}
