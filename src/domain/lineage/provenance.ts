import { PREDICATES, ROLES, STEPS, buildTypeOf, type Role, type Step } from '../claims/predicates.ts';
import type { Statement } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { instantOf } from '../base/instant.ts';

/** A provenance claim's content: what step, from what, when. https://slsa.dev/spec/v1.2/build-provenance */
export interface Provenance {
  readonly buildType: string;
  /** Null for a build type that is not one of ours. */
  readonly step: Step | null;
  readonly builder: string;
  readonly inputs: readonly Input[];
  /** RFC 3339, as the builder says. */
  readonly startedOn?: string;
  readonly finishedOn?: string;
}

export interface Input {
  /** `null`: the claim does not say what it was for. */
  readonly role: Role | null;
  /** Lower-case hex SHA-256, or null where the claim gives none that is usable. */
  readonly sha256: string | null;
  readonly digests: Readonly<Record<string, string>>;
  readonly name: string;
  /** Source code, pinned by commit. */
  readonly commit: string | null;
}

/** @throws WeighmarkError `claim-malformed`. */
export function readProvenance({ predicate }: Statement): Provenance {
  const definition = predicate['buildDefinition'];
  if (!isJsonObject(definition)) throw malformed('it has no buildDefinition');
  const { buildType, resolvedDependencies } = definition;
  if (typeof buildType !== 'string' || buildType === '') throw malformed('it has no buildType');
  const { builder, startedOn, finishedOn } = readRun(predicate['runDetails']);
  return {
    buildType,
    step: STEP_OF.get(buildType) ?? null,
    builder,
    inputs: readInputs(resolvedDependencies),
    ...(startedOn === undefined ? {} : { startedOn }),
    ...(finishedOn === undefined ? {} : { finishedOn }),
  };
}

const STEP_OF: ReadonlyMap<string, Step> = new Map(STEPS.map((step) => [buildTypeOf(step), step]));

export function isProvenance(statement: Statement): boolean {
  return statement.predicateType === PREDICATES.provenance;
}

/** Resource descriptors of any predicate that names what it looked at. @throws WeighmarkError `claim-malformed`. */
export function readInputs(value: unknown): readonly Input[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw malformed('its inputs are not a list');
  return value.map(readInput);
}

/** SHA-256 digests of inputs that a statement names as manifests: what has such a digest is then no file. */
export function inputsSaidToBeManifests(statement: Statement): readonly string[] {
  const definition = isProvenance(statement) ? statement.predicate['buildDefinition'] : undefined;
  const inputs = isJsonObject(definition) ? definition['resolvedDependencies'] : statement.predicate['configuration'];
  if (!Array.isArray(inputs)) return [];
  return inputs.flatMap((input: unknown) => {
    const { annotations, digest } = isJsonObject(input) ? input : {};
    const sha256 = isJsonObject(digest) ? digest['sha256'] : undefined;
    return isJsonObject(annotations) && annotations['kind'] === 'manifest' && isHex256(sha256) ? [sha256] : [];
  });
}

function readInput(value: unknown): Input {
  if (!isJsonObject(value)) throw malformed('an input is not an object');
  const digests = readDigests(value['digest']);
  const role = readRole(value['annotations']);
  const commit = digests['gitCommit'] ?? digests['sha1'] ?? null;
  const pinned = commit !== null && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit);
  const sha256 = isHex256(digests['sha256']) ? digests['sha256'] : null;
  const isCode = role === 'code' || (role === null && pinned && sha256 === null);
  return {
    role: isCode ? 'code' : role,
    sha256,
    digests,
    name: text(value['name']) ?? text(value['uri']) ?? '',
    commit: pinned ? commit : null,
  };
}

function readDigests(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isJsonObject(value) || !Object.values(value).every((digest) => typeof digest === 'string'))
    throw malformed('the digest of an input is not text');
  return value as Readonly<Record<string, string>>;
}

function readRole(annotations: unknown): Role | null {
  const role = isJsonObject(annotations) ? annotations['role'] : undefined;
  if (role === undefined) return null;
  const known = ROLES.find((candidate) => candidate === role);
  if (known === undefined) throw malformed(`an input has the unknown role ${JSON.stringify(role).slice(0, 60)}`);
  return known;
}

function readRun(value: unknown): { builder: string; startedOn: string | undefined; finishedOn: string | undefined } {
  const run = isJsonObject(value) ? value : {};
  const builder = isJsonObject(run['builder']) ? text(run['builder']['id']) : undefined;
  const metadata = isJsonObject(run['metadata']) ? run['metadata'] : {};
  return { builder: builder ?? '', startedOn: time(metadata['startedOn']), finishedOn: time(metadata['finishedOn']) };
}

function time(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) && !Number.isNaN(instantOf(value)))
    return value;
  throw malformed('a time is not RFC 3339');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `not a usable provenance claim: ${why}`);
}
