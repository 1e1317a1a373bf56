import { dirname, resolve } from 'node:path';
import type { TrustEntry } from '../../domain/claims/types.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { AllowedFile, PinnedFile } from '../../domain/trust/store.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { TrustStore } from '../../domain/ports/trust.ts';
import { filesNamed, parseSettings } from '../../domain/trust/settings.ts';

interface Ports {
  readonly store: TrustStore;
}

/** Adds an entry; an existing name is replaced only on request. @throws WeighmarkError `already-exists`, `trust-invalid`. */
export async function trustAdd(input: { entry: TrustEntry; replace: boolean }, { store }: Ports): Promise<void> {
  const { entries, allowed } = await store.read();
  const others = entries.filter((entry) => entry.name !== input.entry.name);
  if (others.length !== entries.length && !input.replace) {
    throw new WeighmarkError('already-exists', `${input.entry.name} is in the trust store already`, {
      subject: input.entry.name,
      hint: 'another key for the same name replaces the old one: say `--replace` if that is meant',
    });
  }
  if (others.length >= LIMITS.trustEntries)
    throw new WeighmarkError('limit-exceeded', `the trust store holds ${LIMITS.trustEntries} entries already`);
  await store.write({ entries: [...others, input.entry], allowed });
}

/** @throws WeighmarkError `not-found`. */
export async function trustRemove(name: string, { store }: Ports): Promise<void> {
  const { entries, allowed } = await store.read();
  const others = entries.filter((entry) => entry.name !== name);
  if (others.length === entries.length) throw nobody(name);
  await store.write({ entries: others, allowed });
}

/** The store's entries, or those named; all in the file's own form. @throws WeighmarkError `not-found`. */
export async function trustExport(
  names: readonly string[],
  { store }: Ports,
): Promise<{ entries: readonly TrustEntry[]; text: string }> {
  const { entries } = await store.read();
  const unknown = names.find((name) => !entries.some((entry) => entry.name === name));
  if (unknown !== undefined) throw nobody(unknown);
  const chosen = names.length === 0 ? entries : entries.filter((entry) => names.includes(entry.name));
  return { entries: chosen, text: store.format(chosen) };
}

/**
 * Allows a project's configuration as it is now, with the files it names: paths and digests are remembered, so that any
 * change takes the permission away (security rule 5).
 * @throws WeighmarkError `not-found`, `config-invalid`, `trust-invalid`.
 */
export async function trustAllow(path: string, { store, files }: Ports & { files: Files }): Promise<AllowedFile> {
  const realPath = await files.realPath(path);
  const bytes = await files.read(realPath, LIMITS.configBytes);
  const names = await pin(filesNamed(parseSettings(bytes, path, 'project')), { folder: dirname(path), files });
  const file = { path: realPath, sha256: sha256Hex(bytes), ...(names.length === 0 ? {} : { names }) };
  const { entries, allowed } = await store.read();
  await store.write({ entries, allowed: [...allowed.filter((other) => other.path !== realPath), file] });
  return file;
}

async function pin(
  named: readonly string[],
  { folder, files }: { folder: string; files: Files },
): Promise<readonly PinnedFile[]> {
  return Promise.all(
    named.map(async (name) => {
      const path = resolve(folder, name);
      return { path, sha256: sha256Hex(await files.read(path, LIMITS.policyBytes)) };
    }),
  );
}

function nobody(name: string): WeighmarkError {
  return new WeighmarkError('not-found', `nobody called ${name} is in the trust store`, {
    subject: name,
    hint: '`weighmark trust list` shows who is',
  });
}
