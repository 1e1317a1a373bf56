import { readlinkSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { WeighmarkError, type Code } from '../../domain/base/errors.ts';

const CODES_BY_ERRNO: Readonly<Record<string, readonly [Code, string]>> = {
  ENOENT: ['not-found', 'there is no such file'],
  ENOTDIR: ['not-found', 'a part of the path is not a folder'],
  EACCES: ['unreadable', 'permission denied'],
  EPERM: ['unreadable', 'permission denied'],
  EISDIR: ['unreadable', 'it is a folder'],
  ELOOP: ['symlink-refused', 'it is a symbolic link'],
  EEXIST: ['already-exists', 'it exists already'],
  ENOSPC: ['disk-full', 'no space is left'],
  EDQUOT: ['disk-full', 'the disk quota is used up'],
  EFBIG: ['disk-full', 'the file would be too large'],
  EROFS: ['write-refused', 'the file system is read-only'],
  ENAMETOOLONG: ['name-invalid', 'the name is too long'],
};

/** A file system error in weighmark's words; anything unknown is `unreadable`, which is undecided, never a pass. */
export function fileError(cause: unknown, subject: string): WeighmarkError {
  if (cause instanceof WeighmarkError) return cause;
  const errno = (cause as NodeJS.ErrnoException).code ?? '';
  const [code, why] = CODES_BY_ERRNO[errno] ?? ['unreadable', cause instanceof Error ? cause.message : String(cause)];
  const shown = asNamed(subject);
  return new WeighmarkError(code, `${shown}: ${why}`, { subject: shown, cause, ...(isStore(shown) ? STORES : {}) });
}

/** The same of a number that the kernel gave. */
export function systemError(errno: number, subject: string): WeighmarkError {
  const code = getSystemErrorName(-errno);
  return fileError(Object.assign(new Error(code), { code }), subject);
}

/** `s3://…` given to a command that took it for a path. */
function isStore(shown: string): boolean {
  return /(?:^|[/\\])s3:[/\\]/.test(shown);
}

const STORES = { hint: '`s3://BUCKET/PREFIX` goes with hash, inspect, scan, seal, sign and verify' };

/** What is reached through a descriptor (`files/pinned.ts`) is shown under the name it has. */
export function asNamed(path: string): string {
  return path.replace(/^\/proc\/self\/fd\/\d+/, (descriptor) => {
    try {
      return readlinkSync(descriptor);
    } catch {
      return descriptor;
    }
  });
}
