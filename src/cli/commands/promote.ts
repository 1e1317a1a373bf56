import type { Command } from 'commander';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { promote, type PromoteOutcome } from '../../flows/gate/promote.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import {
  addPolicyOptions,
  gatePorts,
  openForWriting,
  openTarget,
  openUnder,
  policyFrom,
  type PolicyOptions,
} from '../policy-options.ts';
import { promotedAllReport } from '../views/promote-all.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { verdictMarkdown, verdictText } from '../views/verdict.ts';
import { signedJson } from '../views/signed.ts';

interface Options extends PolicyOptions, SignerOptions {
  readonly minCheckpoint?: string;
  readonly env: string;
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly as?: string;
  readonly breakGlass?: string;
}

/** `promote REF --env ENV`: stdout is `NAME@sha256:…`, or nothing. */
export const register: Register = (program, run) => {
  const command: Command = program
    .command('promote')
    .description('let an artifact into an environment: verify all, ask the policy, sign and log the promotion')
    .argument('[ref]', 'NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .requiredOption('--env <name>', 'environment of the policy')
    .option('--all', 'everything that is in the environment now: after the policy changed')
    .option('--dry-run', 'decide, and change nothing')
    .option('--as <principal>', 'who signs, where several may')
    .option('--break-glass <reason>', 'enter for 24 hours though rules refuse, by who may');
  addSignerOptions(addPolicyOptions(command).addOption(checkpointOption())).action(
    run(async (context, ref: string | undefined, options: Options) => act(context, ref, options)),
  );
};

async function act(context: Context, ref: string | undefined, options: Options): Promise<Report> {
  if ((ref === undefined) === (options.all !== true))
    throw new WeighmarkError('usage', 'promote what? one REF, or --all that is in the environment', {
      hint: '`weighmark list` shows what there is to promote',
    });
  if (ref !== undefined) return report(context, await decide(context, ref, options));
  if (options.breakGlass !== undefined)
    throw new WeighmarkError('usage', 'the glass is broken for one thing at a time');
  return all(context, options);
}

async function all(context: Context, options: Options): Promise<Report> {
  const { env: environment, dryRun, as } = options;
  const loaded = await policyFrom(context, options);
  const registry = openForWriting(context, await openUnder(context, loaded.policy, options), loaded.policy);
  const { promoteAll } = await import('../../flows/gate/promote-all.ts');
  const input = {
    ...loaded,
    ...pinnedOf(options),
    environment,
    dryRun: dryRun === true,
    ...(as === undefined ? {} : { as }),
  };
  const work = { registry, signer: () => signerFrom(context, options) };
  return promotedAllReport(context, await promoteAll(input, await gatePorts(context), work), input);
}

async function decide(context: Context, ref: string, options: Options): Promise<PromoteOutcome> {
  const loaded = await policyFrom(context, options);
  const { registry, place } = await openTarget(context, ref, { policy: loaded.policy, options, writing: true });
  const { dryRun, as, breakGlass } = options;
  const input = {
    ...loaded,
    ...pinnedOf(options),
    target: { name: place.name, reference: place.reference },
    environment: options.env,
    dryRun: dryRun === true,
    ...(as === undefined ? {} : { as }),
    ...(breakGlass === undefined ? {} : { breakGlass }),
  };
  return promote(input, await gatePorts(context), { registry, signer: () => signerFrom(context, options) });
}

function report(context: Context, outcome: PromoteOutcome): Report {
  const { verdict, name, id, environment, promoted } = outcome;
  const by = promoted?.by ?? null;
  const waits = promoted !== null && promoted.logged.index === null;
  const promise =
    promoted === null
      ? `may enter ${environment}; nothing was changed`
      : `is promoted to ${environment} by ${promoted.by}`;
  const advice = waits ? `not promoted to ${environment} yet` : `not promoted to ${environment}, nothing was changed`;
  return {
    exitCode: verdict.exitCode,
    json: { verdict, name, id, environment, promoted: promoted === null ? null : signedJson(promoted) },
    text: (style) => ({
      ...(verdict.exitCode === 0 ? { out: `${name}@${id}\n` } : {}),
      err: verdictText({ verdict, by, promise, advice }, style),
    }),
    sarif: () => verdictSarif(context.version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => verdictMarkdown({ verdict, by, promise, advice }),
  };
}
