import { Buffer } from 'node:buffer';
import { omsRoot } from '../digest/root.ts';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { HashAlgorithm } from '../digest/algorithm.ts';
import { unreadMember } from '../base/json.ts';
import { checkPath, compareUtf8 } from '../base/paths.ts';
import { HISTORIC_OMS, PREDICATES, STATEMENT_V1 } from './predicates.ts';
import { spelledResources } from './oms-spelled.ts';
import { buildStatement } from './statement.ts';
import type { Statement, Subject } from './types.ts';

/** One signed digest: of a whole file, or of the bytes [start, end) of one. */
export interface OmsResource {
  /** `.` stands for a single file whatever its name. */
  readonly path: string;
  readonly range?: { readonly start: number; readonly end: number };
  /** Lower-case hex. */
  readonly digest: string;
}

/** What an OMS v1.0 signature says, in its listed order. Spec: ossf/model-signing-spec v1.0 section 5. */
export interface OmsManifest {
  readonly name: string;
  /** SHA-256 over the resources' digests in listed order, lower-case hex. */
  readonly root: string;
  readonly algorithm: HashAlgorithm;
  /** Null for whole files. */
  readonly shardBytes: number | null;
  readonly allowSymlinks: boolean;
  /** Relative paths, each with everything below it; no trailing slash. */
  readonly ignorePaths: readonly string[];
  readonly resources: readonly OmsResource[];
  /** True for the form of `model_signing` 0.2.0: no root, no record of how it was made. Refused under a policy (rule 9). */
  readonly historic: boolean;
}

export interface OmsInput {
  /** Base name of what is signed; informational, but a statement without one is refused: `.` then. */
  readonly name: string;
  /** Whole files; or, by shards, the ranges of each, all of `shardBytes` but the last. */
  readonly resources: readonly OmsResource[];
  /** Default: SHA-256, which every verifier reads. */
  readonly algorithm?: HashAlgorithm;
  readonly shardBytes?: number;
  /** True: one file, whose resource is named `.` (the name that both model_signing and its Go port verify); shards keep its own name. */
  readonly single: boolean;
  readonly allowSymlinks: boolean;
  readonly ignorePaths: readonly string[];
}

/**
 * The payload of an OMS signature and its root digest: sorted by UTF-8 bytes, compact. By default in the form every verifier accepts: whole
 * files, SHA-256. Shards are spelt as the specification does (v1.0 section 6.3.2), which its Go port reads.
 * @throws WeighmarkError `empty-artifact`.
 */
export function buildOms(input: OmsInput): { readonly payload: Uint8Array; readonly root: string } {
  const { algorithm = 'sha256', shardBytes } = input;
  if (input.resources.length === 0) throw new WeighmarkError('empty-artifact', 'there is no file to sign');
  const nameOf = ({ path, range }: OmsResource): string =>
    range === undefined ? (input.single ? '.' : path) : `${path}:${range.start}:${range.end}`;
  const resources = inOrder(input.resources, nameOf)
    ? input.resources
    : input.resources.toSorted((a, b) => compareUtf8(nameOf(a), nameOf(b)));
  const serialization = {
    method: shardBytes === undefined ? 'files' : 'shards',
    hash_type: algorithm,
    ...(shardBytes === undefined ? {} : { shard_size: shardBytes }),
    allow_symlinks: input.allowSymlinks,
    ignore_paths: input.ignorePaths.toSorted(compareUtf8),
  };
  const root = omsRoot(digestsOf(resources));
  const empty = buildStatement(
    [{ name: input.name === '' ? '.' : input.name, digest: { sha256: root } }],
    PREDICATES.integrity,
    { serialization, resources: [] },
  );
  return { payload: withResources(empty, resources, { algorithm, nameOf }), root };
}

function inOrder(resources: readonly OmsResource[], nameOf: (resource: OmsResource) => string): boolean {
  let before: string | null = null;
  for (const resource of resources) {
    const name = nameOf(resource);
    if (before !== null && compareUtf8(before, name) > 0) return false;
    before = name;
  }
  return true;
}

/** What follows the resources, which are the last of the predicate, which is the last of the statement. */
const AFTER_RESOURCES = ']}}';
const WRITTEN_AT_ONCE = 1024;

/** Writes the resources where the statement has none: of a million there is no object each, nor a text of all. */
function withResources(
  statement: Uint8Array,
  resources: readonly OmsResource[],
  { algorithm, nameOf }: { algorithm: HashAlgorithm; nameOf: (resource: OmsResource) => string },
): Uint8Array {
  const around = `{"name":,"algorithm":"${algorithm}","digest":""}`.length + HEX_LENGTH[algorithm];
  const names = resources.reduce((sum, each) => sum + Buffer.byteLength(JSON.stringify(nameOf(each))), 0);
  const bytes = Buffer.alloc(statement.length + names + resources.length * (around + 1) - 1);
  bytes.set(statement);
  let at = statement.length - AFTER_RESOURCES.length;
  for (let from = 0; from < resources.length; from += WRITTEN_AT_ONCE) {
    const some = resources
      .slice(from, from + WRITTEN_AT_ONCE)
      .map((each) => `{"name":${JSON.stringify(nameOf(each))},"algorithm":"${algorithm}","digest":"${each.digest}"}`);
    at += bytes.write(`${from === 0 ? '' : ','}${some.join(',')}`, at);
  }
  bytes.write(AFTER_RESOURCES, at);
  if (at + AFTER_RESOURCES.length !== bytes.length)
    throw new WeighmarkError('internal', 'a digest is not as long as those of its algorithm');
  return bytes;
}

function* digestsOf(resources: readonly { readonly digest: string }[]): Generator<string> {
  for (const { digest } of resources) yield digest;
}

/**
 * Reads the statement of an OMS signature: v1.0, or the historic form of 0.2.0. Where implementations differ all honest
 * spellings are read (both shard algorithms, any order the root agrees with); names that leave the artifact, repeat, or
 * are not canonical, are refused, as is a root that is not the resources'.
 * @throws WeighmarkError `signature-malformed`, `name-unsafe`, `empty-artifact`.
 */
export function parseOms(statement: Statement): OmsManifest {
  const { _type: type } = statement;
  if (type !== STATEMENT_V1) throw malformed('its statement is not in-toto v1');
  if (statement.predicateType === HISTORIC_OMS) return parseHistoric(statement);
  if (statement.predicateType !== PREDICATES.integrity)
    throw malformed(`its predicate type is ${JSON.stringify(statement.predicateType).slice(0, 100)}`);
  const predicate = known(statement.predicate, ['serialization', 'resources'], 'the predicate');
  const how = readSerialization(predicate['serialization']);
  const unread = unreadMember(predicate, 'resources');
  const listed = checkedResources(
    (unread === null ? null : spelledResources(unread, how)) ?? readResources(predicate['resources'], how),
    how,
  );
  const root = onlySubject(statement);
  if (omsRoot(digestsOf(listed)) !== root.digest['sha256'])
    throw malformed('its root digest is not that of its resources');
  return { ...how, name: root.name ?? '', root: root.digest['sha256'] ?? '', resources: listed, historic: false };
}

/** True if an ignore path covers this one: itself or something above it. */
export function isIgnored(path: string, ignorePaths: readonly string[]): boolean {
  return ignorePaths.some((ignored) => path === ignored || path.startsWith(`${ignored}/`));
}

type Serialization = Pick<OmsManifest, 'algorithm' | 'shardBytes' | 'allowSymlinks' | 'ignorePaths'>;
const HEX_LENGTH: Readonly<Record<HashAlgorithm, number>> = { sha256: 64, blake3: 64, blake2b: 128 };

function readSerialization(value: unknown): Serialization {
  const { method, hash_type, shard_size, allow_symlinks, ignore_paths } = known(
    value,
    ['method', 'hash_type', 'shard_size', 'allow_symlinks', 'ignore_paths'],
    'serialization',
  );
  if (typeof hash_type !== 'string' || !Object.hasOwn(HEX_LENGTH, hash_type))
    throw malformed('its hash_type is not sha256, blake3 or blake2b');
  if (typeof allow_symlinks !== 'boolean') throw malformed('it does not say allow_symlinks');
  return {
    algorithm: hash_type as HashAlgorithm,
    shardBytes: readShardSize(method, shard_size),
    allowSymlinks: allow_symlinks,
    ignorePaths: readIgnorePaths(ignore_paths ?? []),
  };
}

function readShardSize(method: unknown, size: unknown): number | null {
  if (method === 'files' && size === undefined) return null;
  if (method === 'shards' && typeof size === 'number' && Number.isSafeInteger(size) && size > 0) return size;
  throw malformed('its method and shard_size do not go together');
}

/** @throws for what would hide everything, or speak of something outside. */
function readIgnorePaths(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw malformed('ignore_paths is not a list');
  return value.map((entry) => {
    if (typeof entry !== 'string') throw malformed('an ignore path is not text');
    const path = entry.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '');
    checkPath(path);
    return path;
  });
}

function readResources(value: unknown, how: Serialization): readonly OmsResource[] {
  if (!Array.isArray(value)) throw malformed('resources is not a list');
  if (value.length > LIMITS.filesPerTree) throw malformed('it lists too many files');
  return value.map((entry) => readResource(entry, how));
}

function checkedResources(resources: readonly OmsResource[], how: Serialization): readonly OmsResource[] {
  if (resources.length === 0) throw new WeighmarkError('empty-artifact', 'the signature covers no file');
  if (how.shardBytes === null) checkWholeFiles(resources);
  else checkShards(resources, how.shardBytes);
  return resources;
}

function readResource(value: unknown, how: Serialization): OmsResource {
  const { name, algorithm, digest } = (value ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || !isDigest(digest, how.algorithm))
    throw malformed('a resource has no name or no usable digest');
  if (algorithm !== how.algorithm && algorithm !== `${how.algorithm}-sharded-${how.shardBytes}`) {
    throw malformed(`the algorithm of ${JSON.stringify(name).slice(0, 100)} is not the ${how.algorithm} it announces`);
  }
  return how.shardBytes === null ? { path: checkedName(name), digest } : readShard(name, digest);
}

/** The range is the last two colon-separated numbers: names may hold colons. */
function readShard(name: string, digest: string): OmsResource {
  const [, path = '', start, end] = /^(.+):(0|[1-9]\d{0,15}):([1-9]\d{0,15})$/s.exec(name) ?? [];
  if (path === '') throw malformed(`the shard ${JSON.stringify(name).slice(0, 100)} is not path:start:end`);
  return { path: checkedName(path), range: { start: Number(start), end: Number(end) }, digest };
}

function checkedName(name: string): string {
  if (name !== '.') checkPath(name);
  return name;
}

function checkWholeFiles(resources: readonly OmsResource[]): void {
  if (isAscending(resources)) return;
  const names = new Set(resources.map(({ path }) => path));
  if (names.size !== resources.length) throw malformed('it lists a file twice');
  if (names.has('.') && names.size > 1) throw malformed('it lists `.` beside other files');
}

/** As most are made: nothing stands twice, and `.`, which sorts before all others, only alone. */
function isAscending(resources: readonly OmsResource[]): boolean {
  return resources.every(
    ({ path }, at) =>
      at === 0 || (path !== '.' && resources[at - 1]?.path !== '.' && (resources[at - 1]?.path ?? '') < path),
  );
}

/** Each file's shards follow one another from 0, all full but the last. */
function checkShards(resources: readonly OmsResource[], shardBytes: number): void {
  const ranges = Map.groupBy(resources, ({ path }) => path);
  for (const [path, shards] of ranges) {
    const sorted = shards.map(({ range }) => range ?? { start: 0, end: 0 }).toSorted((a, b) => a.start - b.start);
    const fits = sorted.every(({ start, end }, index) => {
      const isLast = index === sorted.length - 1;
      return (
        start === index * shardBytes && (isLast ? end > start && end <= start + shardBytes : end === start + shardBytes)
      );
    });
    if (!fits) throw malformed(`the shards of ${JSON.stringify(path).slice(0, 100)} overlap or leave gaps`);
  }
}

function onlySubject(statement: Statement): Subject {
  const [only, ...others] = statement.subject;
  if (only === undefined || others.length > 0) throw malformed('it has not exactly one subject');
  if (!isDigest(only.digest['sha256'], 'sha256')) throw malformed('its subject has no sha256 digest');
  if (only.name === undefined || only.name === '') throw malformed('its subject has no name');
  return only;
}

/** `model_signing` 0.2.0: every file a subject; the root is computed here, for nothing signed it. */
function parseHistoric(statement: Statement): OmsManifest {
  const resources = statement.subject.map(({ name, digest, annotations }) => {
    const sha256 = digest['sha256'];
    if (name === undefined || !isDigest(sha256, 'sha256') || annotations?.['actual_hash_algorithm'] !== 'file-sha256') {
      throw malformed('a subject is not a file with its SHA-256');
    }
    return { path: checkedName(name), digest: sha256 };
  });
  checkWholeFiles(resources);
  const root = omsRoot(digestsOf(resources));
  return {
    name: '',
    root,
    algorithm: 'sha256',
    shardBytes: null,
    allowSymlinks: false,
    ignorePaths: [],
    resources,
    historic: true,
  };
}

function isDigest(value: unknown, algorithm: HashAlgorithm): value is string {
  return typeof value === 'string' && value.length === HEX_LENGTH[algorithm] && /^[0-9a-f]+$/.test(value);
}

function known(value: unknown, names: readonly string[], what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(`${what} is not an object`);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw malformed(`${what} has an unknown field ${JSON.stringify(unknown).slice(0, 100)}`);
  return value as Readonly<Record<string, unknown>>;
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('signature-malformed', `not a usable OMS signature: ${why}`);
}
