import { chmodSync, lstatSync, mkdirSync, statSync, type Stats } from 'node:fs';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { fileError } from './errors.ts';
import { MACHINE, type Machine } from './machine.ts';

/**
 * A folder of configuration or state, if it is there: who can write to it decides what this user trusts. Ours that is open
 * to all (made under a umask of 0) is closed; one of another user is refused. Root may use what root finds.
 * @returns the same folder. @throws WeighmarkError `place-unsafe`.
 */
export function requireOwn(folder: string, machine: Machine = MACHINE): string {
  const there = statIfThere(lstatSync, folder);
  const meant = there?.isSymbolicLink() === true ? statIfThere(statSync, folder) : there;
  if (there === null || meant === null || machine.uid === undefined) return folder;
  if ([there, meant].some(({ uid }) => isAnothers(uid, machine.uid))) throw anothers(folder);
  if (meant.isDirectory() && isOpenToAll(meant)) closeIt(folder, meant, machine.uid);
  return folder;
}

/** Made for the user alone, with what is above it, whatever the umask. @throws WeighmarkError `place-unsafe`, `write-refused`. */
export function makeOwn(folder: string): string {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const error = fileError(cause, folder);
    throw error.code === 'unreadable'
      ? new WeighmarkError('write-refused', error.message, { subject: folder, cause })
      : error;
  }
  return requireOwn(folder);
}

function isAnothers(uid: number, own: number | undefined): boolean {
  return own !== 0 && uid !== own && uid !== 0;
}

/** In a sticky folder others make files, and cannot touch ours. */
function isOpenToAll({ mode }: Stats): boolean {
  return (mode & 0o002) !== 0 && (mode & 0o1000) === 0;
}

function closeIt(folder: string, { uid }: Stats, own: number): void {
  if (uid !== own) throw anothers(folder);
  chmodSync(folder, 0o700);
}

function statIfThere(stat: (path: string) => Stats, folder: string): Stats | null {
  try {
    return stat(folder);
  } catch {
    return null;
  }
}

function anothers(folder: string): WeighmarkError {
  return new WeighmarkError(
    'place-unsafe',
    `${folder} belongs to, or can be written by, another user of this machine`,
    { subject: folder, hint: 'name a folder of your own with WEIGHMARK_STATE, XDG_STATE_HOME or XDG_CONFIG_HOME' },
  );
}
