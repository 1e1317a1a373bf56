import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { PrivatePlace, PrivatePlaces } from '../domain/ports/outside.ts';

const PREFIX = '.weighmark-load';
const MAY_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

/**
 * First the user's cache folder if it is on the same file system, then beside the artifact, then the temporary folder, then
 * the cache wherever it is; only where no other user could put another folder in its stead. A place that a killed process
 * left in the cache goes away with the next one.
 */
export function createPrivatePlaces(env: Readonly<Record<string, string | undefined>>): PrivatePlaces {
  const base = env['XDG_CACHE_HOME'] ?? '';
  const cache = join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'weighmark', 'loads');
  return {
    open: async (near) => {
      await mkdir(cache, { recursive: true, mode: 0o700 }).catch(() => undefined);
      await sweep(cache);
      for (const folder of await placesFor(near, cache)) {
        const place = await placeIn(folder);
        if (place !== null) return place;
      }
      throw new WeighmarkError('write-refused', 'there is no place that only this user can write to', {
        subject: cache,
        hint: 'set XDG_CACHE_HOME to a folder of your own',
      });
    },
  };
}

async function placesFor(near: string, cache: string): Promise<readonly string[]> {
  const beside = dirname(resolve(near));
  const all = [cache, beside, tmpdir()];
  const device = await deviceOf(near);
  const same = await Promise.all(all.map(async (folder) => device !== null && (await deviceOf(folder)) === device));
  return [...all.filter((_, index) => same[index]), tmpdir(), cache];
}

async function deviceOf(path: string): Promise<number | null> {
  return stat(path).then(
    ({ dev }) => dev,
    () => null,
  );
}

async function placeIn(parent: string): Promise<PrivatePlace | null> {
  if (!(await isSafe(parent))) return null;
  const folder = join(parent, `${PREFIX}-${owner(process.pid)}-${randomBytes(6).toString('hex')}`);
  const made = await mkdir(folder, { mode: 0o700 }).then(
    () => true,
    () => false,
  );
  if (!made) return null;
  return { folder, protect: async () => eachFolder(folder, 0o500), remove: async () => removeAll(folder) };
}

/** Nobody else may rename what is in it, nor any folder above it. */
async function isSafe(folder: string): Promise<boolean> {
  if (process.getuid === undefined) return true;
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found === null || ![0, process.getuid()].includes(found.uid)) return false;
    if ((found.mode & MAY_OTHERS_WRITE) !== 0 && (found.mode & STICKY) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** Numbers of processes mean something in their own namespace only. */
function owner(pid: number): string {
  try {
    return `${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}-${pid}`;
  } catch {
    return `0-${pid}`;
  }
}

async function sweep(cache: string): Promise<void> {
  const names = await readdir(cache).catch(() => []);
  for (const name of names) {
    const [, pid] = /^\.weighmark-load-\d+-(\d+)-[0-9a-f]{12}$/.exec(name) ?? [];
    if (pid === undefined || !name.startsWith(`${PREFIX}-${owner(Number(pid))}-`) || isAlive(Number(pid))) continue;
    const found = await lstat(join(cache, name)).catch(() => null);
    if (found?.isDirectory() === true && found.uid === process.getuid?.())
      await removeAll(join(cache, name)).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function removeAll(folder: string): Promise<void> {
  await eachFolder(folder, 0o700);
  await rm(folder, { recursive: true, force: true });
}

async function eachFolder(folder: string, mode: number): Promise<void> {
  if (mode === 0o700) await chmod(folder, mode);
  for (const entry of await readdir(folder, { withFileTypes: true }))
    if (entry.isDirectory()) await eachFolder(join(folder, entry.name), mode);
  if (mode !== 0o700) await chmod(folder, mode);
}
