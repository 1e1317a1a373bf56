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
type Readers = {
  readonly [key: string]: { readonly member: keyof Settings; readonly read: Read<unknown>; readonly about: string };
};

const text: Read<string> = (value) => (typeof value === 'string' && value !== '' ? value : undefined);
const flag: Read<boolean> = (value) => (typeof value === 'boolean' ? value : undefined);
const count: Read<number> = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 1024 ? value : undefined;
const texts: Read<readonly string[]> = (value) =>
  Array.isArray(value) && value.length <= LIMITS.certificatesPerFile && value.every((item) => typeof item === 'string')
    ? value
    : undefined;

const PROJECT: Readers = {
  registry: { member: 'registry', read: text, about: 'the registry: a folder or `oci://host/repo`' },
  policy: {
    member: 'policy',
    read: text,
    about: "the policy; one that a project names is allowed with the project's file, by its digest",
  },
  offline: { member: 'offline', read: flag, about: '`true`: never touch the network' },
  jobs: { member: 'jobs', read: count, about: 'threads at most, 1 to 1024' },
  hook: {
    member: 'hook',
    read: hookFrom,
    about: '`{ unsealed: warn }` or `{ unsealed: error }`: changed weights without a new seal',
  },
  trust: {
    member: 'trust',
    read: parseEntries,
    about: 'whose signatures count, as `weighmark trust export` prints entries',
  },
};

const USER: Readers = {
  ...PROJECT,
  key: {
    member: 'key',
    read: text,
    about: 'the private key to sign with (PEM, DER or a JWK), or `exec:COMMAND` that signs',
  },
  'public-key': { member: 'publicKey', read: text, about: 'the public key of `exec:COMMAND`' },
  'certificate-chain': { member: 'certificateChain', read: text, about: 'its certificate and intermediates (PEM)' },
  keyless: { member: 'keyless', read: flag, about: '`true`: sign with the identity of the CI system or a browser' },
  'signing-config': { member: 'signingConfig', read: text, about: 'the Sigstore instance to sign with (JSON)' },
  tsa: { member: 'tsa', read: text, about: 'URL of the RFC 3161 server that timestamps signatures' },
  'timestamp-authorities': {
    member: 'timestampAuthorities',
    read: texts,
    about: 'a list of certificates (PEM) of RFC 3161 servers to believe',
  },
  'log-key': { member: 'logKey', read: text, about: "the private key of the registry's log" },
};

/** Every key, for the page of them; `project`: a project's file may say it too. */
export const SETTINGS_ABOUT: readonly { readonly key: string; readonly project: boolean; readonly about: string }[] =
  Object.entries(USER).map(([key, { about }]) => ({ key, project: Object.hasOwn(PROJECT, key), about }));

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
