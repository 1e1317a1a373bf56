import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';
import { buildTypeOf, LOCAL_BUILDER, ROLES, STEPS, type Role, type Step } from './predicates.ts';

/** Something a step used, or an evaluation looked at. */
export interface StepInput {
  readonly role: Role;
  /** As the user named it. */
  readonly name: string;
  /** `sha256:<hex>` of the manifest; null for code, which is named by its commit. */
  readonly id: string | null;
  readonly uri?: string;
  readonly gitCommit?: string;
}

export interface ProvenanceInput {
  readonly step: Step;
  readonly inputs: readonly StepInput[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly builder?: string;
  /** RFC 3339: what the step says of itself; never a verified time. */
  readonly startedOn?: string;
  readonly finishedOn?: string;
  readonly invocation?: string;
}

/** SLSA provenance v1 with the inputs' roles as annotations: https://slsa.dev/spec/v1.0/provenance */
export function buildProvenance(input: ProvenanceInput): Readonly<Record<string, unknown>> {
  const { step, inputs, parameters, builder = LOCAL_BUILDER, startedOn, finishedOn, invocation } = input;
  const metadata = {
    ...(invocation === undefined ? {} : { invocationId: invocation }),
    ...(startedOn === undefined ? {} : { startedOn }),
    ...(finishedOn === undefined ? {} : { finishedOn }),
  };
  return {
    buildDefinition: {
      buildType: buildTypeOf(step),
      // in-toto's Go library takes an empty object for a missing one, and refuses it.
      externalParameters: Object.keys(parameters).length === 0 ? { step } : parameters,
      resolvedDependencies: inputs.map(descriptorOf),
    },
    runDetails: { builder: { id: builder }, ...(Object.keys(metadata).length > 0 ? { metadata } : {}) },
  };
}

/** in-toto ResourceDescriptor of an input. */
export function descriptorOf(input: StepInput): Readonly<Record<string, unknown>> {
  const digest = input.gitCommit === undefined ? { sha256: (input.id ?? '').slice(7) } : { gitCommit: input.gitCommit };
  const annotations = input.gitCommit === undefined ? { role: input.role, kind: 'manifest' } : { role: input.role };
  return { name: input.name, ...(input.uri === undefined ? {} : { uri: input.uri }), digest, annotations };
}

/** @throws WeighmarkError `usage`. */
export function checkStep(text: string): Step {
  const step = STEPS.find((each) => each === text);
  if (step !== undefined) return step;
  throw new WeighmarkError('usage', `${text} is not a step`, { hint: `steps: ${STEPS.join(', ')}` });
}

/** `ROLE=REF` of the command line. @throws WeighmarkError `usage`. */
export function splitInput(text: string): { readonly role: Role; readonly ref: string } {
  const at = text.indexOf('=');
  const role = ROLES.find((each) => each === text.slice(0, at));
  const ref = text.slice(at + 1);
  if (at !== -1 && role !== undefined && ref !== '') return { role, ref };
  throw new WeighmarkError('usage', `${text} is not ROLE=REF`, { hint: `roles: ${ROLES.join(', ')}` });
}

/** `K=V` of the command line; numbers and booleans become such. @throws WeighmarkError `usage` for a repeated or empty key. */
export function readParameters(texts: readonly string[]): Readonly<Record<string, unknown>> {
  const pairs = texts.map((text) => {
    const at = text.indexOf('=');
    if (at <= 0) throw new WeighmarkError('usage', `${text} is not NAME=VALUE`);
    return [text.slice(0, at), valueOf(text.slice(at + 1))] as const;
  });
  if (new Set(pairs.map(([key]) => key.toLowerCase())).size !== pairs.length)
    throw new WeighmarkError('usage', 'a name stands twice among the parameters');
  return Object.fromEntries(pairs);
}

function valueOf(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:e[+-]?\d{1,3})?$/i.test(text) ? Number(text) : text;
}

/** The checks of a provenance somebody else wrote, before it is signed. @throws WeighmarkError `claim-malformed`. */
export function checkProvenance(predicate: Readonly<Record<string, unknown>>): void {
  const definition = objectOf(predicate['buildDefinition']);
  const builder = objectOf(objectOf(predicate['runDetails'])['builder']);
  if (!isText(definition['buildType'])) throw malformed('buildDefinition.buildType is missing');
  if (typeof definition['externalParameters'] !== 'object' || definition['externalParameters'] === null)
    throw malformed('buildDefinition.externalParameters is missing');
  if (!isText(builder['id'])) throw malformed('runDetails.builder.id is missing');
  checkDescriptors(definition['resolvedDependencies'] ?? [], 'resolvedDependencies');
}

/** in-toto ResourceDescriptors that pin what they name. @throws WeighmarkError `claim-malformed`. */
export function checkDescriptors(value: unknown, what: string): void {
  if (!Array.isArray(value)) throw malformed(`${what} is not a list`);
  for (const each of value) {
    const { uri, digest, content, name } = objectOf(each);
    if (uri === undefined && digest === undefined && content === undefined)
      throw malformed(`an entry of ${what} has no uri, digest or content`);
    const sha256 = objectOf(digest)['sha256'];
    if (sha256 !== undefined && !isHex256(sha256))
      throw malformed(
        `the sha256 of ${JSON.stringify(name ?? uri ?? '').slice(0, 100)} is not 64 lower-case hex digits`,
      );
  }
}

export function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `not a usable predicate: ${why}`);
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
