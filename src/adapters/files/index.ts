import { constants, createReadStream, lstatSync, readdirSync, type Dirent } from 'node:fs';
import { access, realpath, rm } from 'node:fs/promises';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files, FolderItem } from '../../domain/ports/files.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import { copyHashed, duplicate, syncFile } from './copy.ts';
import { fileError } from './errors.ts';
import { roomHere } from './machine.ts';
import { openFile, readRegular, tooLarge } from './open.ts';
import { lstatEach, lstatMany } from './stats.ts';
import { listTree, walkTree } from './walk.ts';
import { writeError, writeFileAtomic } from './write.ts';

export interface FilesOptions {
  /** Whether the native kernel may be asked about many files at once. Default: no. */
  readonly native?: boolean;
  /** Told how many files a walk has found. */
  readonly onWalk?: (files: number) => void;
}

/** The file system behind the `Files` port. */
export function createFiles({ native = false, onWalk }: FilesOptions = {}): Files {
  return {
    room: roomHere,
    walk: async (root, options) => {
      const tree = walkTree(root, options, native ? lstatMany : lstatEach);
      onWalk?.(tree.entries.length);
      return tree;
    },
    list: async (root, options) => listTree(root, options),
    open: openFile,
    read: readBounded,
    readIfThere: async (location, maxBytes) => readBounded(location, maxBytes).catch(nullIfMissing),
    write: writeFileAtomic,
    requireWritable: async (folder) =>
      access(folder, constants.W_OK).catch((cause: unknown) => Promise.reject(writeError(cause, folder))),
    kindOf,
    names: async (folder) => namesIn(folder),
    items: async (folder) => itemsIn(folder),
    realPath: async (location) =>
      realpath(location).catch((cause: unknown) => Promise.reject(fileError(cause, location))),
    copy: async (from, to) => copyHashed(from, to).catch((cause: unknown) => Promise.reject(fileError(cause, to))),
    duplicate: async (from, to, options) =>
      duplicate(from, to, options).catch((cause: unknown) => Promise.reject(fileError(cause, to))),
    sync: async (location) => syncFile(location).catch((cause: unknown) => Promise.reject(fileError(cause, location))),
    remove: async (location) =>
      rm(location, { force: true }).catch((cause: unknown) => Promise.reject(fileError(cause, location))),
  };
}

/** Synchronous calls, as for reading: each of the others waits for a thread. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort(compareUtf8);
  } catch (cause) {
    throw fileError(cause, folder);
  }
}

function itemsIn(folder: string): readonly FolderItem[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .map(itemOf)
      .sort((a, b) => compareUtf8(a.name, b.name));
  } catch (cause) {
    throw fileError(cause, folder);
  }
}

function itemOf(found: Dirent): FolderItem {
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : found.isSymbolicLink() ? 'link' : 'other';
  return { name: found.name, kind };
}

/**
 * All bytes of a regular file, or of a link to one. What is no file is never waited for or read: an artifact may hold a
 * FIFO or a link to a device under the name of a sidecar. Only what a shell hands over (`<(…)`) may be a pipe.
 */
async function readBounded(location: string, maxBytes: number): Promise<Uint8Array> {
  if (HANDED_OVER.test(location)) return readPipe(location, maxBytes);
  return readRegular(location, maxBytes);
}

const HANDED_OVER = /^\/(?:dev|proc\/self)\/(?:fd\/\d+|stdin)$/;

async function readPipe(location: string, maxBytes: number): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of createReadStream(location)) {
      size += part.length;
      if (size > maxBytes) throw tooLarge(location, maxBytes);
      parts.push(part);
    }
  } catch (cause) {
    throw fileError(cause, location);
  }
  return Buffer.concat(parts);
}

function nullIfMissing(error: unknown): null {
  if (error instanceof WeighmarkError && error.code === 'not-found') return null;
  throw error;
}

async function kindOf(location: string): Promise<'file' | 'directory' | 'other' | 'none'> {
  try {
    const stat = lstatSync(location);
    return stat.isFile() ? 'file' : stat.isDirectory() ? 'directory' : 'other';
  } catch (cause) {
    const error = fileError(cause, location);
    if (error.code === 'not-found') return 'none';
    throw error;
  }
}
