import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { forShell } from '../domain/base/text.ts';
import type { Registry, RegistryOptions } from '../domain/ports/registry.ts';
import { parseAsked, parseReference, placeOf, type Place, type ShortReference } from '../domain/registry/reference.ts';
import { placeOfDigest } from '../flows/registry/registry-show.ts';
import { collect } from './command.ts';
import type { Context } from './context.ts';

/** Which log a registry must have, and the key to append to it. */
export interface LogOptions {
  readonly logKey?: string;
  readonly logVkey?: readonly string[];
}

export function addLogOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--log-key <file>', "private key of the registry's log").env('WEIGHMARK_LOG_KEY').helpGroup('Log:'),
    )
    .addOption(
      new Option('--log-vkey <vkey>', 'verifier key the log must have (repeat)').argParser(collect).helpGroup('Log:'),
    );
}

/** Flags, else the configuration. */
export async function registryOptions(context: Context, options: LogOptions): Promise<RegistryOptions> {
  const logKey = options.logKey ?? (await context.configuration()).settings.logKey;
  return {
    ...(logKey === undefined ? {} : { logKeyFile: resolve(context.cwd, logKey) }),
    ...(options.logVkey === undefined ? {} : { logVkeys: options.logVkey }),
  };
}

/** The registry given, else the chosen one. @throws WeighmarkError `usage` if none is named. */
export async function openRegistry(context: Context, options: LogOptions, location?: string): Promise<Registry> {
  const chosen = location ?? (await configuredRegistry(context));
  if (chosen !== undefined) return (await context.registries()).open(chosen, await registryOptions(context, options));
  throw new WeighmarkError('usage', 'no registry is named', {
    hint: 'say `--registry DIR`, or make one with `weighmark registry init DIR`',
  });
}

/** A word that is read as a path, where only a registry's artifact will do. */
export function notInRegistry(text: string): WeighmarkError {
  const digest = /^[0-9a-f]{12,64}$/.test(text);
  return new WeighmarkError('usage', `\`${text}\` is a path, not an artifact in a registry`, {
    subject: text,
    hint: digest
      ? `a digest is written \`sha256:${text}\``
      : `name it as \`weighmark list\` does, NAME:TAG; what is not there yet: \`weighmark push ${forShell(text)} NAME:TAG\``,
  });
}

/** An artifact in a registry, by NAME:TAG, NAME@sha256:…, oci://… or a bare digest. @throws WeighmarkError `usage` for a path. */
export async function openArtifact(
  context: Context,
  text: string,
  options: LogOptions,
): Promise<{ registry: Registry; place: Place }> {
  const asked = parseAsked(text);
  if (asked.kind === 'short')
    return ofShort(asked, (location) => openRegistry(context, options, location), await configuredRegistry(context));
  const ref = asked;
  if (ref.kind === 'path') throw notInRegistry(text);
  if (ref.kind === 'digest') {
    const registry = await openRegistry(context, options);
    return { registry, place: await placeOfDigest(ref.digest, registry) };
  }
  const place = placeOf(ref, await configuredRegistry(context));
  return { registry: await openRegistry(context, options, place.location), place };
}

/**
 * The one artifact whose digest begins so, in the registry asked.
 * @throws WeighmarkError `not-found`; `name-invalid` with all of them if there are several.
 */
export async function ofShort(
  { of, start }: ShortReference,
  open: (location?: string) => Promise<Registry>,
  configured: string | undefined,
): Promise<{ registry: Registry; place: Place }> {
  const named = of === null ? null : parseReference(`${of}:x`);
  const around = named === null || named.kind === 'path' || named.kind === 'digest' ? null : placeOf(named, configured);
  const registry = await open(around?.location);
  const found = (await registry.list()).filter(
    ({ name, id }) => id.startsWith(start) && (around === null || name === around.name),
  );
  const ids = [...new Set(found.map(({ id }) => id))];
  const [first] = found;
  if (first === undefined)
    throw new WeighmarkError('not-found', `the registry has no artifact ${start}…`, { subject: start });
  if (ids.length > 1)
    throw new WeighmarkError(
      'name-invalid',
      `${start}… is the start of ${ids.length} digests: ${ids.slice(0, 5).join(', ')}`,
      { subject: start, hint: 'say more of it; `weighmark list` shows all of them' },
    );
  return {
    registry,
    place: {
      name: first.name,
      reference: first.id,
      ...(around?.location === undefined ? {} : { location: around.location }),
    },
  };
}

async function configuredRegistry(context: Context): Promise<string | undefined> {
  return context.options.registry || (await context.configuration()).settings.registry;
}
