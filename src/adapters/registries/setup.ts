import { homedir } from 'node:os';
import { join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { requireOwn } from '../files/own.ts';
import { openMemory, sameLog, type LogMemory } from '../log-store/memory.ts';
import { defaultLogKeyFile } from '../log-store/log-key.ts';
import { CANNOT_WRITE } from '../log-store/view.ts';

/** What opening a registry takes from the outside. */
export interface RegistryDeps {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What relative folders are relative to; default: the process's working folder. */
  readonly cwd?: string;
  /** `--log-key`; else WEIGHMARK_LOG_KEY, else the user's configuration folder. */
  readonly logKeyFile?: string;
  /** Verifier keys the caller trusts for the log: they win over anything pinned or found. */
  readonly logVkeys?: readonly string[];
  readonly now?: () => Date;
  readonly signal?: AbortSignal;
  readonly offline?: boolean;
  /** Files above this are sent to a server in chunks of it; default 256 MiB. */
  readonly uploadChunkBytes?: number;
}

/** XDG, with `WEIGHMARK_STATE` for the rollback memory. @throws WeighmarkError `place-unsafe`. */
export function stateFolder(env: RegistryDeps['env']): string {
  return requireOwn(
    env['WEIGHMARK_STATE'] ?? join(env['XDG_STATE_HOME'] ?? join(home(env), '.local', 'state'), 'weighmark'),
  );
}

export function configFolder(env: RegistryDeps['env']): string {
  return requireOwn(join(env['XDG_CONFIG_HOME'] ?? join(home(env), '.config'), 'weighmark'));
}

export function logKeyFile(deps: RegistryDeps, origin: string): string {
  return deps.logKeyFile ?? deps.env['WEIGHMARK_LOG_KEY'] ?? defaultLogKeyFile(configFolder(deps.env), origin);
}

/** A log's identity as a registry tells it; what counts is decided by `trustedKeys`. */
export interface LogIdentity {
  readonly origin: string;
  readonly vkeys: readonly string[];
}

/**
 * The keys that count for a log: the caller's, else those pinned when it was first seen, else its own say, now pinned
 * (security rule 1). Naming one of several pinned keys forgets neither the others nor what was seen.
 * @throws WeighmarkError `log-key-mismatch` with both if they differ.
 */
export async function trustedKeys(said: LogIdentity, place: string, deps: RegistryDeps): Promise<TrustedKeys> {
  const memory = openMemory(stateFolder(deps.env));
  const pinned = await memory.recall(said.origin);
  const placed = await memory.originAt(place);
  const named = deps.logVkeys;
  if (named !== undefined) requireNamed(said, named);
  else if (placed !== null && placed !== said.origin) throw mismatch(place, placed, said.origin);
  else if (pinned !== null && !within(pinned.vkeys, said.vkeys))
    throw mismatch(said.origin, pinned.vkeys.join(' '), said.vkeys.join(' '));
  const isKnown = pinned !== null && sameLog(pinned.vkeys, named ?? said.vkeys);
  const kept = isKnown && within(pinned.vkeys, said.vkeys) ? pinned.vkeys : null;
  const vkeys = kept === null ? (named ?? said.vkeys) : [...new Set([...kept, ...(named ?? [])])];
  if (!isKnown || placed !== said.origin) await pin(memory, { origin: said.origin, vkeys }, { place, isNew: !isKnown });
  const anchored = isKnown && pinned.anchored === true;
  return { vkeys, remembered: isKnown && (pinned.checkpoint !== null || anchored), anchored, memory };
}

export interface TrustedKeys {
  readonly vkeys: readonly string[];
  readonly remembered: boolean;
  readonly anchored: boolean;
  readonly memory: LogMemory;
}

function requireNamed(said: LogIdentity, named: readonly string[]): void {
  const bad = named.length === 0 || named.some((vkey) => !said.vkeys.includes(vkey));
  if (bad) throw mismatch(said.origin, named.join(' '), said.vkeys.join(' '));
}

function within(some: readonly string[], all: readonly string[]): boolean {
  return some.every((vkey) => all.includes(vkey));
}

/** Whoever holds the key of a log says which one it is; who made it now has a memory of it (security rule 18). */
export async function pinOwn(
  own: LogIdentity & { readonly made: boolean },
  place: string,
  deps: RegistryDeps,
): Promise<void> {
  const memory = openMemory(stateFolder(deps.env));
  await pin(memory, own, { place, isNew: own.made || (await memory.recall(own.origin)) === null });
}

/** A user without a writable state folder goes without memory; the log then says `remembered: false`. */
async function pin(
  memory: LogMemory,
  said: LogIdentity & { readonly made?: boolean },
  { place, isNew }: { place: string; isNew: boolean },
): Promise<void> {
  try {
    if (isNew)
      await memory.remember(said.origin, { vkeys: said.vkeys, checkpoint: null, anchored: said.made === true });
    await memory.rememberPlace(place, said.origin);
  } catch (error) {
    if (!(error instanceof WeighmarkError && CANNOT_WRITE.has(error.code))) throw error;
  }
}

function mismatch(subject: string, known: string, found: string): WeighmarkError {
  return new WeighmarkError('log-key-mismatch', 'another log stands where a known one stood', {
    subject,
    facts: { known, found },
    hint: 'if its owner really made a new log, confirm its key and pass it with `--log-vkey`',
  });
}

function home(env: RegistryDeps['env']): string {
  return env['HOME'] ?? homedir();
}
