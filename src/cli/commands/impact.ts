import { impact, type ImpactInput, type ImpactOutcome } from '../../flows/watch/impact.ts';
import { idOf } from '../../flows/registry/resolve-inputs.ts';
import { resolve } from 'node:path';
import { policyHearing } from '../../domain/authority/authority.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { addPolicyOptions, policyFrom, policyIsNamed, type PolicyOptions } from '../policy-options.ts';
import { openArtifact, openRegistry } from '../registry-options.ts';
import { timestampAuthoritiesFrom, trustFrom } from '../trust-options.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { impactOfRecord, type RecordImpact } from '../../flows/watch/impact-record.ts';
import { recordAsked } from '../../flows/watch/record-asked.ts';
import { impactOfWeights, type WeightsImpact } from '../../flows/watch/impact-weights.ts';
import { impactText, recordText, weightsImpactText } from '../views/impact.ts';
import { weightsAsked } from '../weights-option.ts';

/** `impact REF`: what was made from it, and where that runs. */
export const register: Register = (program, run) => {
  addPolicyOptions(program.command('impact'))
    .description('find everything made from an artifact, and where it is promoted')
    .argument('[ref]', 'a path, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option(
      '--weights <digest|path>',
      'of whatever has these weights, in any container: a root or a tensor (blake3:…), or what lies at a path',
    )
    .option(
      '--record <text>',
      'only through versions of this dataset that hold this record: JSON, a line of a file, sha256:… of it, or blake3:… of the record',
    )
    .action(
      run(async (context, ref: string | undefined, options: Options) => {
        const { weights, record } = options;
        if ((ref === undefined) === (weights === undefined) || (weights !== undefined && record !== undefined))
          throw new WeighmarkError('usage', 'name one thing: REF, with or without --record, or --weights');
        if (weights !== undefined) return weightsReport(await lookForWeights(context, weights, options));
        return record === undefined
          ? report(await look(context, ref ?? '', options))
          : recordReport(await lookForRecord(context, ref ?? '', options));
      }),
    );
};

async function lookForWeights(context: Context, asked: string, options: Options): Promise<WeightsImpact> {
  const wanted = await weightsAsked(context, asked);
  const registry = await openRegistry(context, await underPolicy(context, options));
  return impactOfWeights({ wanted, ...(await trustOf(context, options)) }, registry, {
    clock: context.clock,
    keyless: () => context.keyless(),
    hasher: () => context.hasher(),
  });
}

/** What could not be looked into leaves the answer open. */
function weightsReport(outcome: WeightsImpact): Report {
  return {
    exitCode: outcome.weights.unexamined.length > 0 ? 4 : 0,
    json: { ...outcome },
    text: (style) => ({ out: weightsImpactText(outcome, style) }),
  };
}

interface Options extends PolicyOptions {
  readonly weights?: string;
  readonly record?: string;
}

async function lookForRecord(context: Context, ref: string, options: Options): Promise<RecordImpact> {
  const asked = recordAsked(options.record ?? '');
  if (parseAsked(ref).kind === 'path')
    throw new WeighmarkError('usage', 'records are looked for in the versions that a registry holds', {
      hint: 'name the dataset: NAME:TAG',
    });
  const { registry, place } = await openArtifact(context, ref, await underPolicy(context, options));
  const input = {
    name: place.name,
    id: await registry.resolve(place.name, place.reference),
    ...asked,
    ...(await trustOf(context, options)),
  };
  const { hasher } = await context.records();
  return impactOfRecord(input, registry, { clock: context.clock, keyless: () => context.keyless(), hasher });
}

/** What could not be looked into leaves the answer open. */
function recordReport(outcome: RecordImpact): Report {
  return {
    exitCode: outcome.record.unexamined.length > 0 ? 4 : 0,
    json: { ...outcome },
    text: (style) => ({ out: recordText(outcome, style) }),
  };
}

async function look(context: Context, ref: string, options: PolicyOptions): Promise<ImpactOutcome> {
  const { registry, digest } = await targetOf(context, ref, options);
  return impact({ digest, ...(await trustOf(context, options)) }, registry, {
    clock: context.clock,
    keyless: () => context.keyless(),
  });
}

/** A digest need not be in the registry: what was made from it is. */
async function targetOf(
  context: Context,
  ref: string,
  given: PolicyOptions,
): Promise<{ registry: Registry; digest: string }> {
  const options = await underPolicy(context, given);
  const reference = parseAsked(ref);
  if (reference.kind === 'path' || reference.kind === 'digest') {
    const ports = {
      files: await context.files(),
      hasher: () => context.hasher(),
      progress: context.progress,
      signal: context.signal,
      locate: (path: string) => resolve(context.cwd, path),
      registry: (at?: string) => openRegistry(context, options, at),
    };
    const id = await idOf(ref, ports);
    return { registry: await openRegistry(context, options), digest: id.slice('sha256:'.length) };
  }
  const { registry, place } = await openArtifact(context, ref, options);
  return { registry, digest: (await registry.resolve(place.name, place.reference)).slice('sha256:'.length) };
}

/** Another log than the policy's could leave out whatever was made: what it does not list would be taken for unconcerned. */
async function underPolicy(context: Context, options: PolicyOptions): Promise<PolicyOptions> {
  if (!(await policyIsNamed(context, options))) return options;
  const { log } = (await policyFrom(context, options)).policy;
  return log === undefined ? options : { ...options, logVkey: [log.key] };
}

/** The policy's people where there is a policy, else the caller's own trust. */
export async function trustOf(
  context: Context,
  options: PolicyOptions,
): Promise<Pick<ImpactInput, 'trust' | 'timestampAuthorities'>> {
  if (!(await policyIsNamed(context, options)))
    return {
      trust: await trustFrom(context, {}),
      timestampAuthorities: await timestampAuthoritiesFrom(context, options),
    };
  const { policy, timestampAuthorities } = await policyFrom(context, options);
  return {
    trust: policyHearing(policy),
    timestampAuthorities: [...policy.timestampAuthorities, ...timestampAuthorities],
  };
}

function report(outcome: ImpactOutcome): Report {
  return { exitCode: 0, json: { ...outcome }, text: (style) => ({ out: impactText(outcome, style) }) };
}
