import { stringify } from 'yaml';
import type { CiIdentity, TrustEntry } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';

import { parseStrictYamlObject } from '../base/yaml.ts';
import { makeEntry } from './entry.ts';

/** A project's configuration file that the user has read and allowed: trusted only while its bytes stay the same. */
export interface AllowedFile {
  readonly path: string;
  /** SHA-256 of its bytes, lower-case hex. */
  readonly sha256: string;
  /** The files it names, as they were then: what one of them says is allowed no further than it. Absent: it named none. */
  readonly names?: readonly PinnedFile[];
}

export interface PinnedFile {
  readonly path: string;
  readonly sha256: string;
}

export interface TrustFile {
  readonly entries: readonly TrustEntry[];
  readonly allowed: readonly AllowedFile[];
}

type Fields = { readonly [key: string]: Json };

/** Reads `weighmark/trust.yaml`. @throws WeighmarkError `trust-invalid` for unknown, doubled or vague content. */
export function parseTrustFile(bytes: Uint8Array | string, subject: string): TrustFile {
  const file = parseStrictYamlObject(bytes, { code: 'trust-invalid', subject, maxBytes: LIMITS.trustFileBytes });
  onlyKeys(file, ['version', 'trust', 'allowed'], subject);
  if (file['version'] !== 1) throw invalid(subject, 'version is not 1');
  return {
    entries: parseEntries(file['trust'] ?? [], subject),
    allowed: listOf(file['allowed'] ?? [], subject).map((item) => allowedFrom(item, subject)),
  };
}

/** A list of trust entries, as the trust file and an allowed project configuration hold them. @throws WeighmarkError `trust-invalid`. */
export function parseEntries(value: Json, subject: string): readonly TrustEntry[] {
  const entries = listOf(value, subject).map((item) => entryFrom(item, subject));
  const names = new Set(entries.map((entry) => entry.name));
  if (names.size !== entries.length) throw invalid(subject, 'a name stands twice');
  return entries;
}

/** The file's text; reading it back gives the same content. */
export function formatTrustFile(file: TrustFile): string {
  const allowed = file.allowed.map(({ path, sha256, names = [] }) => ({
    path,
    sha256,
    ...(names.length === 0
      ? {}
      : { names: names.map(({ path: named, sha256: pin }) => ({ path: named, sha256: pin })) }),
  }));
  return stringify(
    { version: 1, trust: file.entries.map(fieldsOf), ...(allowed.length > 0 ? { allowed } : {}) },
    { lineWidth: 0, aliasDuplicateObjects: false },
  );
}

const ENTRY_KEYS = [
  'name',
  'for',
  'threshold',
  'key',
  'until',
  'certificate-chain',
  'identity',
  'identity-regexp',
  'issuer',
  'github',
  'gitlab',
  'trusted-root',
];
const WORKLOAD_KEYS = ['repository', 'repository-id', 'workflow', 'ref', 'environment', 'trigger'];

function entryFrom(item: Fields, subject: string): TrustEntry {
  onlyKeys(item, ENTRY_KEYS, subject);
  const text = (key: string): string | undefined => textOf(item, key, subject);
  return makeEntry({
    name: text('name') ?? '',
    for: text('for'),
    threshold: numberOf(item, 'threshold', subject),
    key: text('key'),
    until: text('until'),
    certificateChain: text('certificate-chain'),
    identity: text('identity'),
    identityRegexp: text('identity-regexp'),
    issuer: text('issuer'),
    github: workloadFrom(item['github'], subject),
    gitlab: workloadFrom(item['gitlab'], subject),
    trustedRoot: text('trusted-root'),
  });
}

function workloadFrom(value: Json | undefined, subject: string): CiIdentity | undefined {
  if (value === undefined) return undefined;
  if (!isJsonObject(value)) throw invalid(subject, 'a workload is not a mapping');
  onlyKeys(value, WORKLOAD_KEYS, subject);
  const optional = Object.entries({
    repositoryId: 'repository-id',
    workflow: 'workflow',
    ref: 'ref',
    environment: 'environment',
    trigger: 'trigger',
  })
    .map(([member, key]) => [member, textOf(value, key, subject)] as const)
    .filter(([, text]) => text !== undefined);
  return {
    repository: textOf(value, 'repository', subject) ?? '',
    ...(Object.fromEntries(optional) as Partial<CiIdentity>),
  };
}

function fieldsOf({ name, for: names, threshold, anchor }: TrustEntry): object {
  const head = {
    name,
    ...(names === undefined ? {} : { for: names }),
    ...(threshold === undefined ? {} : { threshold }),
  };
  if (anchor.kind === 'key') return { ...head, key: anchor.pem, until: anchor.until };
  if (anchor.kind === 'certificate') return { ...head, 'certificate-chain': anchor.pem, identity: anchor.identity };
  const { issuer, identity, identityPattern, github, gitlab, trustedRoot } = anchor;
  return {
    ...head,
    issuer,
    identity,
    'identity-regexp': identityPattern,
    github: workloadFields(github),
    gitlab: workloadFields(gitlab),
    'trusted-root': trustedRoot,
  };
}

function workloadFields(workload: CiIdentity | undefined): object | undefined {
  if (workload === undefined) return undefined;
  const { repositoryId, ...rest } = workload;
  return { ...rest, 'repository-id': repositoryId };
}

function allowedFrom(item: Fields, subject: string): AllowedFile {
  onlyKeys(item, ['path', 'sha256', 'names'], subject);
  const { names } = item;
  const pins = names === undefined ? [] : listOf(names, subject).map((each) => pinnedFrom(each, subject));
  return {
    ...pinnedFrom({ path: item['path'] ?? null, sha256: item['sha256'] ?? null }, subject),
    ...(pins.length === 0 ? {} : { names: pins }),
  };
}

function pinnedFrom(item: Fields, subject: string): PinnedFile {
  onlyKeys(item, ['path', 'sha256'], subject);
  const { path, sha256 } = item;
  if (typeof path !== 'string' || !isHex256(sha256))
    throw invalid(subject, 'an allowed file needs a path and a sha256');
  return { path, sha256 };
}

function listOf(value: Json, subject: string): readonly Fields[] {
  if (!Array.isArray(value) || value.length > LIMITS.trustEntries || !value.every(isJsonObject))
    throw invalid(subject, `not a list of at most ${LIMITS.trustEntries} entries`);
  return value;
}

function textOf(fields: Fields, key: string, subject: string): string | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'string') return value;
  throw invalid(subject, `${key} is not text; quote it`);
}

function numberOf(fields: Fields, key: string, subject: string): number | undefined {
  const value = fields[key];
  if (value === undefined || typeof value === 'number') return value;
  throw invalid(subject, `${key} is not a number`);
}

function onlyKeys(fields: Fields, known: readonly string[], subject: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(subject, `unknown key ${JSON.stringify(unknown)}`);
}

function invalid(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('trust-invalid', `${subject}: ${why}`, { subject });
}
