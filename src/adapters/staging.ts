import { chmod, lstat, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Staging, Stagings } from '../domain/ports/files.ts';
import { checkPath } from '../domain/base/paths.ts';
import { fileError } from './files/errors.ts';
import { syncFolder, writeFileAtomic } from './files/write.ts';

const READ_ONLY = 0o444;

export function createStagings(): Stagings {
  return { open: openStaging };
}

/** `.NAME.<key>.part` beside the target, on the same file system: renaming it is one step. */
async function openStaging(target: string, key: string): Promise<Staging> {
  const folder = join(dirname(target), `.${basename(target).slice(0, 100)}.${key}.part`);
  const root = join(folder, 'tree');
  await attempt(folder, async () => {
    await mkdir(join(folder, 'parts'), { recursive: true });
    await rm(root, { recursive: true, force: true });
    await mkdir(root);
  });
  const partOf = (digest: string) => join(folder, 'parts', digest.replace(':', '-'));
  return {
    root,
    partOf,
    settle: (digest, path) => attempt(path, () => settle(partOf(digest), inside(root, path))),
    write: (path, bytes) => writeFileAtomic(inside(root, path), bytes),
    publish: () => attempt(target, () => publish({ folder, root, target })),
    publishInto: (paths) => attempt(target, () => publishInto({ folder, root, target }, paths)),
    discard: () => attempt(folder, () => rm(folder, { recursive: true, force: true })),
  };
}

async function settle(part: string, file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await chmod(part, READ_ONLY);
  await rename(part, file);
}

interface Places {
  readonly folder: string;
  readonly root: string;
  readonly target: string;
}

/** A rename onto a folder succeeds only if that one is empty, and is one step. */
async function publish({ folder, root, target }: Places): Promise<void> {
  const there = await lstat(target).catch(() => null);
  if (there !== null && !there.isDirectory())
    throw new WeighmarkError('already-exists', `${target} is there already`, { subject: target });
  if (there !== null && (await readdir(target)).length > 0)
    throw new WeighmarkError('already-exists', `${target} is not empty`, { subject: target });
  if (there !== null) await rmdir(target);
  await rename(root, target);
  await syncFolder(dirname(target));
  await rm(folder, { recursive: true, force: true });
}

async function publishInto({ folder, root, target }: Places, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await makeFolders(target, dirname(path));
    await rename(inside(root, path), inside(target, path));
    await syncFolder(dirname(inside(target, path)));
  }
  await rm(folder, { recursive: true, force: true });
}

/** Folders inside the target that are real folders: a link could lead anywhere (DESIGN 8.5). */
async function makeFolders(target: string, path: string): Promise<void> {
  let folder = target;
  for (const part of ['.', ...path.split('/')]) {
    folder = join(folder, part);
    const there = await lstat(folder).catch(() => null);
    if (there === null) await mkdir(folder);
    else if (!there.isDirectory())
      throw new WeighmarkError('symlink-refused', `${folder} is not a folder`, { subject: folder });
  }
}

/** @throws WeighmarkError `name-unsafe`. */
function inside(root: string, path: string): string {
  checkPath(path);
  return join(root, ...path.split('/'));
}

async function attempt<T>(subject: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const error = fileError(cause, subject);
    if (cause instanceof WeighmarkError || error.code !== 'unreadable') throw error;
    throw new WeighmarkError('write-refused', `cannot write ${error.message}`, { subject, cause });
  }
}
