import { realpath } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { sidecarsOf } from '../../../domain/base/paths.ts';
import type { NewRegistry, Registry } from '../../../domain/ports/registry.ts';
import { parseVkey } from '../../../domain/tlog/note.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import { openDirectoryLog } from '../../log-store/directory-log.ts';
import { orHint } from '../../log-store/way-out.ts';
import { ensureLogKey, loadLogKey } from '../../log-store/log-key.ts';
import { checkOrigin, randomOrigin } from '../origin.ts';
import { logKeyFile, pinOwn, trustedKeys, type LogIdentity, type RegistryDeps } from '../setup.ts';
import { embeddedRegistry } from './store.ts';
import { forShell } from '../../../domain/base/text.ts';

/** What makes a folder a registry: which log it holds. */
const REGISTRY_FILE = 'registry.json';
const files = createFiles();

/** @throws WeighmarkError `not-found` if the folder is no registry, `log-key-mismatch` if its log is not the known one. */
export async function openEmbedded(folder: string, deps: RegistryDeps): Promise<Registry> {
  const given = resolve(deps.cwd ?? '.', folder);
  const place = await realpath(given).catch(() => given);
  const said = await readIdentity(place);
  const { vkeys, remembered, anchored, memory } = await trustedKeys(said, place, deps);
  const keyFile = logKeyFile(deps, said.origin);
  const log = openDirectoryLog({
    folder: join(place, 'log'),
    lockFile: join(place, 'lock.db'),
    indexFile: join(place, 'index.db'),
    origin: said.origin,
    vkeys,
    remembered,
    anchored,
    memory,
    loadKey: async () => loadLogKey(await outside(keyFile, place), said.origin),
    now: deps.now ?? (() => new Date()),
  });
  return embeddedRegistry({ location: folder, folder: place }, { log, lockFile: join(place, 'layout-lock.db') });
}

/**
 * Makes a registry and its log key; on a folder that is one already, nothing changes but the key is checked.
 * @throws WeighmarkError `already-exists` if it is no folder or a sealed artifact, `anchor-inside` for a key inside it.
 */
export async function initEmbedded(
  location: string,
  options: { origin?: string },
  deps: RegistryDeps,
): Promise<NewRegistry> {
  const folder = resolve(deps.cwd ?? '.', location);
  const made = await files.kindOf(folder);
  const there = made === 'directory' ? await readIdentityIfThere(folder) : null;
  if (made === 'file' || made === 'other')
    throw new WeighmarkError('already-exists', `${folder} is not a folder`, { subject: folder });
  if (there !== null && options.origin !== undefined && options.origin !== there.origin) {
    throw new WeighmarkError('already-exists', `${folder} is a registry whose log is ${there.origin}`, {
      subject: folder,
    });
  }
  if (made === 'directory' && there === null) await refuseSealed(folder);
  const origin = there?.origin ?? checkOrigin(options.origin ?? randomOrigin(folder));
  const keyFile = await outside(logKeyFile(deps, origin), resolve(folder));
  const key = there === null ? await ensureLogKey(keyFile, origin) : await loadLogKey(keyFile, origin);
  if (there === null)
    await writeFileAtomic(
      join(folder, REGISTRY_FILE),
      `${JSON.stringify({ version: 1, origin, vkeys: key.vkeys })}\n`,
      { exclusive: true },
    );
  await pinOwn({ origin, vkeys: key.vkeys, made: there === null }, await realpath(folder), deps);
  return { location, origin, vkeys: key.vkeys, logKeyFile: keyFile };
}

/** A registry's files are unsigned ones there: it would verify no more. */
async function refuseSealed(folder: string): Promise<void> {
  const { signature, claims, folder: sidecars } = sidecarsOf({ root: folder, kind: 'directory' });
  for (const place of [signature, claims, sidecars])
    if ((await files.kindOf(place)) !== 'none')
      throw new WeighmarkError(
        'already-exists',
        `${folder} is a sealed artifact, which a registry's files would spoil`,
        {
          subject: folder,
          hint: 'make the registry in a folder of its own, then `weighmark push` the artifact into it',
        },
      );
}

async function readIdentity(folder: string): Promise<LogIdentity> {
  const found = await readIdentityIfThere(folder);
  if (found !== null) return found;
  throw new WeighmarkError('not-found', `${folder} is not a registry`, {
    subject: folder,
    hint: `make one with \`weighmark registry init ${forShell(folder)}\``,
  });
}

async function readIdentityIfThere(folder: string): Promise<LogIdentity | null> {
  const bytes = await files.readIfThere(join(folder, REGISTRY_FILE), LIMITS.configBytes);
  return bytes === null
    ? null
    : orHint(identityIn(bytes, folder), 'it says which log the registry holds: restore it from a copy', 'log-invalid');
}

async function identityIn(bytes: Uint8Array, folder: string): Promise<LogIdentity> {
  const { version, origin, vkeys } = parseStrictJsonObject(bytes, {
    code: 'log-invalid',
    subject: join(folder, REGISTRY_FILE),
  });
  if (version !== 1 || typeof origin !== 'string' || !Array.isArray(vkeys) || vkeys.length === 0) {
    throw new WeighmarkError('log-invalid', 'a registry file of an unknown form', {
      subject: join(folder, REGISTRY_FILE),
    });
  }
  return { origin, vkeys: vkeys.map((vkey) => (parseVkey(String(vkey)), String(vkey))) };
}

/** The log key outside the registry: whoever may write the registry must not be able to write its history. */
async function outside(keyFile: string, registry: string): Promise<string> {
  const key = await realpath(keyFile).catch(() => resolve(keyFile));
  const inside = await realpath(registry).catch(() => resolve(registry));
  if (key !== inside && !key.startsWith(inside + sep)) return keyFile;
  throw new WeighmarkError('anchor-inside', 'the log key lies inside the registry', {
    subject: keyFile,
    hint: 'keep it elsewhere: `--log-key FILE`',
  });
}
