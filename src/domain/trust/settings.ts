import type { TrustEntry } from '../claims/types.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { parseStrictYamlObject } from '../base/yaml.ts';
import { parseEntries } from './store.ts';

/** What a configuration file may say; absent: not said. Paths are as written, relative to the file's folder. */
export interface Settings {
  readonly registry?: string;
  readonly policy?: string;
  /** A file, or `exec:COMMAND`. */
  readonly key?: string;
  readonly publicKey?: string;
  readonly certificateChain?: string;
  readonly keyless?: boolean;
  readonly signingConfig?: string;
  readonly tsa?: string;
  /** PEM chains of RFC 3161 authorities to believe, beside the public-good instance's. */
  readonly timestampAuthorities?: readonly string[];
  readonly logKey?: string;
  readonly offline?: boolean;
  readonly jobs?: number;
  readonly hook?: { readonly unsealed?: 'warn' | 'error' };
  readonly trust?: readonly TrustEntry[];
}

type Read<T> = (value: Json, subject: string) => T | undefined;
type Readers = { readonly [key: string]: { readonly member: keyof Settings; readonly read: Read<unknown> } };

const text: Read<string> = (value) => (typeof value === 'string' && value !== '' ? value : undefined);
const flag: Read<boolean> = (value) => (typeof value === 'boolean' ? value : undefined);
const count: Read<number> = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1024 ? value : undefined;
const texts: Read<readonly string[]> = (value) =>
  Array.isArray(value) && value.length <= LIMITS.certificatesPerFile && value.every((item) => typeof item === 'string')
    ? value
    : undefined;

const PROJECT: Readers = {
  registry: { member: 'registry', read: text },
  policy: { member: 'policy', read: text },
  offline: { member: 'offline', read: flag },
  jobs: { member: 'jobs', read: count },
  hook: { member: 'hook', read: hookFrom },
  trust: { member: 'trust', read: parseEntries },
};

const USER: Readers = {
  ...PROJECT,
  key: { member: 'key', read: text },
  'public-key': { member: 'publicKey', read: text },
  'certificate-chain': { member: 'certificateChain', read: text },
  keyless: { member: 'keyless', read: flag },
  'signing-config': { member: 'signingConfig', read: text },
  tsa: { member: 'tsa', read: text },
  'timestamp-authorities': { member: 'timestampAuthorities', read: texts },
  'log-key': { member: 'logKey', read: text },
};

/**
 * Reads a configuration file. A project's may say less than a user's: it never names keys or where secrets go.
 * @throws WeighmarkError `config-invalid` for an unknown key or a wrong value, `trust-invalid` for a wrong trust entry.
 */
export function parseSettings(bytes: Uint8Array | string, subject: string, kind: 'user' | 'project'): Settings {
  const file = parseStrictYamlObject(bytes, { code: 'config-invalid', subject, maxBytes: LIMITS.configBytes });
  const readers = kind === 'user' ? USER : PROJECT;
  return Object.fromEntries(
    Object.entries(file)
      .filter(([key]) => key !== '$schema')
      .map(([key, value]) => readOne(readers, key, value, subject)),
  );
}

/** The files a project's configuration names, as written: they are allowed with it (DESIGN 4.6). A registry is a place, not a file. */
export function filesNamed({ policy }: Settings): readonly string[] {
  return policy === undefined ? [] : [policy];
}

/** What counts of a project's configuration that nobody allowed: it may only make the hook stricter (security rule 5). */
export function tightenedBy(bytes: Uint8Array, subject: string): Settings {
  try {
    return parseSettings(bytes, subject, 'project').hook?.unsealed === 'error' ? { hook: { unsealed: 'error' } } : {};
  } catch {
    return {};
  }
}

function readOne(readers: Readers, key: string, value: Json, subject: string): [keyof Settings, unknown] {
  const reader = Object.hasOwn(readers, key) ? readers[key] : undefined;
  if (reader === undefined) throw invalid(subject, unknownKey(key));
  const read = reader.read(value, subject);
  if (read === undefined) throw invalid(subject, `${key} has a wrong value`);
  return [reader.member, read];
}

function unknownKey(key: string): string {
  return Object.hasOwn(USER, key)
    ? `a project's configuration does not say ${key}: it belongs in the user's`
    : `unknown key ${JSON.stringify(key)}`;
}

function hookFrom(value: Json, subject: string): Settings['hook'] | undefined {
  if (!isJsonObject(value) || Object.keys(value).some((key) => key !== 'unsealed'))
    throw invalid(subject, 'hook knows only unsealed');
  const { unsealed } = value;
  return unsealed === undefined ? {} : unsealed === 'warn' || unsealed === 'error' ? { unsealed } : undefined;
}

function invalid(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('config-invalid', `${subject}: ${why}`, { subject });
}
