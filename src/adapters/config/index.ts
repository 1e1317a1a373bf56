import { dirname, isAbsolute, join, resolve } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { AllowedFile } from '../../domain/trust/store.ts';
import type { Configuration } from '../../domain/ports/trust.ts';
import type { Files } from '../../domain/ports/files.ts';
import { configFolder, type Env } from './folders.ts';
import type { Settings } from '../../domain/trust/settings.ts';

export const PROJECT_FILE = 'weighmark.yaml';

/** The configuration of the user who runs the command, where they run it. */
export async function readUserConfiguration(
  files: Files,
  world: { env: Env; cwd: string },
  allowed: ConfigPlaces['allowed'],
): Promise<Configuration> {
  return readConfiguration(files, { cwd: world.cwd, folder: configFolder(world.env), allowed });
}

export interface ConfigPlaces {
  readonly cwd: string;
  /** The user's own folder: `weighmark` under XDG_CONFIG_HOME. */
  readonly folder: string;
  /** Project files the user allowed by digest; asked only if there is a project file. */
  allowed(): Promise<readonly AllowedFile[]>;
}

/**
 * The user's configuration under the project's, if the user allowed the project's as it is now; one that is not allowed can
 * only make the hook stricter.
 * @throws WeighmarkError `config-invalid`, `trust-invalid`, `unreadable`.
 */
export async function readConfiguration(files: Files, places: ConfigPlaces): Promise<Configuration> {
  const userFile = join(places.folder, 'config.yaml');
  const userBytes = await files.readIfThere(userFile, LIMITS.configBytes);
  const user =
    userBytes === null ? {} : absolute((await reader()).parseSettings(userBytes, userFile, 'user'), dirname(userFile));
  const project = await readProject(files, places);
  const hook = { ...user.hook, ...project.settings.hook };
  return {
    settings: { ...user, ...project.settings, ...(Object.keys(hook).length > 0 ? { hook } : {}) },
    sources: [
      ...(userBytes === null ? [] : [userFile]),
      ...(project.path !== null && project.allowed ? [project.path] : []),
    ],
    ...(project.path !== null && !project.allowed ? { notAllowed: project.path } : {}),
    ...(project.pinned === undefined ? {} : { pinned: project.pinned }),
  };
}

/** YAML and identity patterns are code that only a file needs: a third of the time of a hook where there is none. */
async function reader(): Promise<typeof import('../../domain/trust/settings.ts')> {
  return import('../../domain/trust/settings.ts');
}

interface Project {
  readonly path: string | null;
  readonly allowed: boolean;
  readonly settings: Settings;
  readonly pinned?: ReadonlyMap<string, string>;
}

async function readProject(files: Files, places: ConfigPlaces): Promise<Project> {
  const found = await findProjectFile(files, places.cwd);
  if (found === null) return { path: null, allowed: false, settings: {} };
  const { path, bytes } = found;
  const realPath = await files.realPath(path);
  const allowedFile = (await places.allowed()).find(
    (file) => file.path === realPath && file.sha256 === sha256Hex(bytes),
  );
  const { filesNamed, parseSettings, tightenedBy } = await reader();
  if (allowedFile === undefined) return { path, allowed: false, settings: tightenedBy(bytes, path) };
  const settings = absolute(parseSettings(bytes, path, 'project'), dirname(path));
  const pinned = new Map((allowedFile.names ?? []).map((file) => [file.path, file.sha256]));
  const allowed = await stillPinned(filesNamed(settings), pinned, files);
  return allowed ? { path, allowed, settings, pinned } : { path, allowed, settings: tightenedBy(bytes, path) };
}

/** A named file that changed, or that was never allowed with the others (by an older weighmark), takes the whole permission away. */
async function stillPinned(
  named: readonly string[],
  pinned: ReadonlyMap<string, string>,
  files: Files,
): Promise<boolean> {
  const digests = await Promise.all(
    named.map(async (path) => [path, await files.readIfThere(path, LIMITS.policyBytes).catch(() => null)] as const),
  );
  return digests.every(([path, bytes]) => bytes !== null && pinned.get(path) === sha256Hex(bytes));
}

/** The nearest project file from the working folder up to the repository's root; without a repository, here only. */
async function findProjectFile(files: Files, cwd: string): Promise<{ path: string; bytes: Uint8Array } | null> {
  const folders = await foldersUpToRepository(files, resolve(cwd));
  for (const folder of folders) {
    const path = join(folder, PROJECT_FILE);
    if ((await files.kindOf(path)) !== 'file') continue;
    const bytes = await files.readIfThere(path, LIMITS.configBytes).catch(() => null);
    if (bytes !== null) return { path, bytes };
  }
  return null;
}

async function foldersUpToRepository(files: Files, cwd: string): Promise<readonly string[]> {
  const folders: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(folder);
    if ((await files.kindOf(join(folder, '.git'))) !== 'none') return folders;
    if (dirname(folder) === folder) return [cwd];
  }
}

const PATHS = ['policy', 'key', 'publicKey', 'certificateChain', 'signingConfig', 'logKey'] as const;

/** Paths are relative to the file that names them, not to where the command runs. */
function absolute(settings: Settings, folder: string): Settings {
  const paths = PATHS.flatMap((member) => {
    const path = settings[member];
    return path === undefined || path.startsWith('exec:') ? [] : [[member, resolve(folder, path)]];
  });
  const registry =
    settings.registry === undefined || /^[a-z]+:\/\//.test(settings.registry) || isAbsolute(settings.registry)
      ? {}
      : { registry: resolve(folder, settings.registry) };
  const authorities =
    settings.timestampAuthorities === undefined
      ? {}
      : { timestampAuthorities: settings.timestampAuthorities.map((path) => resolve(folder, path)) };
  return { ...settings, ...(Object.fromEntries(paths) as Partial<Settings>), ...registry, ...authorities };
}
