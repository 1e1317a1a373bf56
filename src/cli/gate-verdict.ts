import { Option, type Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { passedCheck, verdictOf, type Verdict } from '../domain/base/verdict.ts';
import type { PinnedCheckpoint } from '../flows/gate/log-freshness.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { Context } from './context.ts';
import { addLogOptions } from './registry-options.ts';
import {
  gatePorts,
  namedByHand,
  openTarget,
  openUnder,
  policyFrom,
  policyOption,
  type LoadedPolicy,
  type PolicyOptions,
} from './policy-options.ts';

/** `--env` and `--policy` of commands that verify, as commander hands them over. */
export interface EnvironmentOptions extends PolicyOptions {
  readonly env?: string;
  readonly minCheckpoint?: string;
}

/** For commands that verify: what they have of `addPolicyOptions`, and the environment. */
export function addEnvironmentOptions(command: Command): Command {
  return addLogOptions(command)
    .addOption(policyOption())
    .addOption(new Option('--env <name>', 'it must be what is promoted to this environment now').helpGroup('Policy:'))
    .addOption(checkpointOption());
}

export function checkpointOption(when = ''): Option {
  return new Option('--min-checkpoint <size:root>', `${when}the log must continue this checkpoint`).helpGroup(
    'Policy:',
  );
}

/** True if an environment is asked about, or a policy is named on the command line. */
export function asksPolicy(options: EnvironmentOptions): boolean {
  return options.env !== undefined || options.policy !== undefined;
}

export interface GateSubject {
  /** `sha256:<hex>`, from the bytes that were just verified. */
  readonly id: string;
  /** All ids of the same content. */
  readonly ids?: readonly string[];
  /** As it was asked for; null: by path. */
  readonly name: string | null;
  /** Paths that no anchor may lie in. */
  readonly inside: readonly string[];
}

/**
 * The verdict of a verification with the answer about the environment added: promoted there, by whom the policy names, now;
 * with a policy named for this run (`--policy`, WEIGHMARK_POLICY) every rule as well. What failed before is not asked further.
 * @throws WeighmarkError `usage`, `policy-invalid`, `anchor-inside`, and what opening the registry throws.
 */
export async function withEnvironment(
  context: Context,
  verdict: Verdict,
  asked: {
    subject: GateSubject;
    options: EnvironmentOptions;
    registry?: Registry;
    loaded?: LoadedPolicy;
    withContent?: boolean;
  },
): Promise<Verdict> {
  const { subject, options } = asked;
  if (!asksPolicy(options) || verdict.exitCode !== 0) return verdict;
  if (verdict.scope !== 'whole')
    throw new WeighmarkError('usage', 'a part says nothing about an environment: leave out --only and --as');
  const loaded = asked.loaded ?? (await policyFrom(context, options, subject.inside));
  const registry = asked.registry ?? (await openUnder(context, loaded.policy, options));
  const { checkEnvironment } = await import('../flows/gate/environment.ts');
  const answer = await checkEnvironment(
    {
      ...subject,
      ...loaded,
      environment: environmentName(options, loaded),
      withRules: namedByHand(context, options) !== undefined,
      withContent: asked.withContent === true,
      ...pinnedOf(options),
    },
    registry,
    await gatePorts(context),
  );
  return verdictOf({
    ...verdict,
    checks: [...verdict.checks, ...answer.checks],
    notAsked: verdict.notAsked.filter((each) => !['policy', 'lineage', 'revocation'].includes(each)),
  });
}

/** The same for an artifact that is only looked at where it lies: its bytes are read back from the registry. */
export async function verifyInRegistry(context: Context, ref: string, options: EnvironmentOptions): Promise<Verdict> {
  const loaded = await policyFrom(context, options);
  const { registry, place } = await openTarget(context, ref, { policy: loaded.policy, options });
  const id = await registry.resolve(place.name, place.reference);
  const start = verdictOf({ subject: ref, id, checks: [passedCheck('id', [{ what: `${place.name}@${id}` }])] });
  return withEnvironment(context, start, {
    subject: { id, name: place.name, inside: [] },
    options,
    registry,
    loaded,
    withContent: true,
  });
}

/** Without `--env`, a policy with one environment needs no naming. */
function environmentName({ env }: EnvironmentOptions, { policy }: LoadedPolicy): string {
  if (env !== undefined) return env;
  const [only, ...others] = policy.environments;
  if (only !== undefined && others.length === 0) return only.name;
  throw new WeighmarkError('usage', 'which environment?', {
    hint: `say --env ${policy.environments.map(({ name }) => name).join('|')}`,
  });
}

/** What `--min-checkpoint` pins, for a flow's input. @throws WeighmarkError `usage`. */
export function pinnedOf({ minCheckpoint }: Pick<EnvironmentOptions, 'minCheckpoint'>): {
  readonly pinned?: PinnedCheckpoint;
} {
  return minCheckpoint === undefined ? {} : { pinned: pinnedFrom(minCheckpoint) };
}

function pinnedFrom(text: string): PinnedCheckpoint {
  const [, size, root] = /^([1-9]\d{0,15}):([A-Za-z0-9+/]{43}=)$/.exec(text) ?? [];
  if (size === undefined || root === undefined)
    throw new WeighmarkError(
      'usage',
      '--min-checkpoint is SIZE:ROOT, the second and third line of a checkpoint that is not empty',
    );
  return { size: Number(size), root };
}
