import { closeSync, constants, fstatSync, lstatSync, openSync, statSync, type Stats } from 'node:fs';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { fileError } from './errors.ts';
import type { Machine } from './machine.ts';

/** A folder held by its inode: what is done below `path` is done in it, or refused, whoever renames it meanwhile. */
export interface Pinned {
  /** What to put before a name inside: through the descriptor where the system can, else the folder's own path. */
  readonly path: string;
  readonly location: string;
  readonly stat: Pick<Stats, 'dev' | 'ino' | 'uid' | 'mode'>;
  /** True if a swap of the folder cannot reach what is done in it. */
  readonly held: boolean;
  /** @throws WeighmarkError `place-unsafe` if another folder stands at `location` by now, and nothing holds this one. */
  check(): void;
  close(): void;
}

/** @throws WeighmarkError `symlink-refused`, `unreadable`, `not-found`: a link is never followed. */
export function pinFolder(location: string, machine: Machine, { followLink = false } = {}): Pinned {
  if (machine.uid === undefined) return unheld(location, followLink);
  const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (followLink ? 0 : (constants.O_NOFOLLOW ?? 0));
  const descriptor = openOrRefuse(location, flags);
  const stat = fstatSync(descriptor);
  const through = machine.descriptors === null ? null : `${machine.descriptors}/${descriptor}`;
  const held = through !== null && leadsTo(through, stat);
  return {
    path: held ? through : location,
    location,
    stat,
    held,
    check: () => (held ? undefined : requireSame(location, stat, followLink)),
    close: () => closeSync(descriptor),
  };
}

/** Is it the very same file or folder? Inodes of a file system that has none are 0 and tell nothing apart. */
export function sameInode(a: Pick<Stats, 'dev' | 'ino'>, b: Pick<Stats, 'dev' | 'ino'>): boolean {
  return a.dev === b.dev && a.ino === b.ino;
}

export function swapped(location: string): WeighmarkError {
  return new WeighmarkError('place-unsafe', `${location} was replaced by somebody else while weighmark used it`, {
    subject: location,
    hint: 'do not load what stands there; write to a folder that only you can change',
  });
}

function unheld(location: string, followLink: boolean): Pinned {
  const stat = statOf(location, followLink);
  if (!stat.isDirectory()) throw fileError(Object.assign(new Error('no folder'), { code: 'ENOTDIR' }), location);
  return {
    path: location,
    location,
    stat,
    held: false,
    check: () => requireSame(location, stat, followLink),
    close: () => undefined,
  };
}

function requireSame(location: string, stat: Pinned['stat'], followLink: boolean): void {
  if (!sameInode(statOf(location, followLink), stat)) throw swapped(location);
}

function statOf(location: string, followLink: boolean): Stats {
  try {
    return followLink ? statSync(location) : lstatSync(location);
  } catch (cause) {
    throw fileError(cause, location);
  }
}

function openOrRefuse(location: string, flags: number): number {
  try {
    return openSync(location, flags);
  } catch (cause) {
    // Linux says of a link that it is no folder, and only without O_DIRECTORY that it is a link.
    const isLink = lstatSync(location, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const followed = (flags & (constants.O_NOFOLLOW ?? 0)) === 0;
    throw fileError(isLink && !followed ? Object.assign(new Error('a link'), { code: 'ELOOP' }) : cause, location);
  }
}

function leadsTo(path: string, stat: Pinned['stat']): boolean {
  try {
    return sameInode(statSync(path), stat);
  } catch {
    return false;
  }
}
