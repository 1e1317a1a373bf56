import { lstat, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { WeighmarkError } from '../../domain/errors.ts';
import type { Files } from '../../domain/ports.ts';
import { compareUtf8 } from '../../domain/tree.ts';
import { copyHashed } from './copy.ts';
import { fileError } from './errors.ts';
import { openFile } from './open.ts';
import { listTree, walkTree } from './walk.ts';
import { writeFileAtomic } from './write.ts';

/** The file system behind the `Files` port. */
export function createFiles(): Files {
  return {
    walk: async (root, options) => walkTree(root, options),
    list: async (root, options) => listTree(root, options),
    open: openFile,
    read: readBounded,
    readIfThere: async (location, maxBytes) => readBounded(location, maxBytes).catch(nullIfMissing),
    write: writeFileAtomic,
    kindOf,
    names: async (folder) => readdir(folder).then((names) => names.sort(compareUtf8), (cause: unknown) => Promise.reject(fileError(cause, folder))),
    realPath: async (location) => realpath(location).catch((cause: unknown) => Promise.reject(fileError(cause, location))),
    copy: async (from, to) => copyHashed(from, to).catch((cause: unknown) => Promise.reject(fileError(cause, to))),
    remove: async (location) => rm(location, { force: true }).catch((cause: unknown) => Promise.reject(fileError(cause, location))),
  };
}

async function readBounded(location: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await lstat(location);
    if (size > maxBytes) throw new WeighmarkError('limit-exceeded', `${location} is larger than ${maxBytes} bytes`, { subject: location });
    const bytes = await readFile(location);
    if (bytes.length <= maxBytes) return bytes;
    throw new WeighmarkError('limit-exceeded', `${location} is larger than ${maxBytes} bytes`, { subject: location });
  } catch (cause) {
    throw fileError(cause, location);
  }
}

function nullIfMissing(error: unknown): null {
  if (error instanceof WeighmarkError && error.code === 'not-found') return null;
  throw error;
}

async function kindOf(location: string): Promise<'file' | 'directory' | 'other' | 'none'> {
  try {
    const stat = await lstat(location);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  } catch (cause) {
    const error = fileError(cause, location);
    if (error.code === 'not-found') return 'none';
    throw error;
  }
}
