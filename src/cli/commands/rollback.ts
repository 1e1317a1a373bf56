import { rollback, type RollbackOutcome } from '../../flows/gate/rollback.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import {
  addPolicyOptions,
  gatePorts,
  openForWriting,
  openUnder,
  policyFrom,
  type PolicyOptions,
} from '../policy-options.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { checkArtifactName } from '../../domain/registry/reference.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { verdictMarkdown, verdictText } from '../views/verdict.ts';
import { signedJson } from '../views/signed.ts';

interface Options extends PolicyOptions, SignerOptions {
  readonly minCheckpoint?: string;
  readonly env: string;
  readonly to?: string;
  readonly as?: string;
}

/** `rollback NAME --env ENV [--to REF|none]`: stdout is what is promoted now. */
export const register: Register = (program, run) => {
  const command = program
    .command('rollback')
    .description('go back to what was promoted before, or to nothing')
    .argument('<name>', 'name in the registry')
    .requiredOption('--env <name>', 'environment of the policy')
    .option('--to <ref>', 'tag or sha256:… of an earlier promotion, or none; default: the one before')
    .option('--as <principal>', 'who signs, where several may');
  addSignerOptions(addPolicyOptions(command).addOption(checkpointOption())).action(
    run(async (context, name: string, options: Options) => report(context, await decide(context, name, options))),
  );
};

async function decide(context: Context, text: string, options: Options): Promise<RollbackOutcome> {
  const name = nameAlone(text, options.env);
  const loaded = await policyFrom(context, options);
  const registry = openForWriting(context, await openUnder(context, loaded.policy, options), loaded.policy);
  const input = {
    ...loaded,
    ...pinnedOf(options),
    name,
    environment: options.env,
    ...(options.to === undefined ? {} : { to: options.to === 'none' ? null : pointerOf(options.to, name) }),
    ...(options.as === undefined ? {} : { as: options.as }),
  };
  return rollback(input, await gatePorts(context), {
    registry,
    signer: () => signerFrom(context, options, { refusal: options.to === 'none' }),
  });
}

/** Which version it goes back to is said by `--to`. @throws WeighmarkError `usage`, `name-invalid`. */
function nameAlone(text: string, environment: string): string {
  const [, name, pointer] = /^([a-z0-9][^:@]*)[:@](.+)$/.exec(text) ?? [];
  if (name === undefined || pointer === undefined) return checkArtifactName(text);
  const back = `weighmark rollback ${checkArtifactName(name)} --env ${environment}`;
  throw new WeighmarkError('usage', `\`${text}\` is a version: rollback takes the name alone`, {
    subject: text,
    hint: `\`${back}\` goes back to the one before, \`${back} --to ${pointer}\` to that one`,
  });
}

/** `1.3`, `NAME:1.3`, `sha256:…` or `NAME@sha256:…`. */
function pointerOf(to: string, name: string): string {
  return to.startsWith(`${name}:`) || to.startsWith(`${name}@`) ? to.slice(name.length + 1) : to;
}

const ADVICE = 'not rolled back, nothing was changed';

function report(context: Context, outcome: RollbackOutcome): Report {
  const { verdict, name, environment, id, from, done } = outcome;
  const promise = id === null ? `is empty now: ${from} was withdrawn` : 'is back to what was promoted before';
  const by = done?.by ?? null;
  return {
    exitCode: verdict.exitCode,
    json: { verdict, name, environment, id, from, done: done === null ? null : signedJson(done) },
    text: (style) => ({
      ...(done === null || done.logged.index === null ? {} : { out: id === null ? '' : `${name}@${id}\n` }),
      err: verdictText({ verdict, by, promise, advice: done === null ? ADVICE : 'not rolled back yet' }, style),
    }),
    sarif: () => verdictSarif(context.version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => verdictMarkdown({ verdict, by, promise, advice: ADVICE }),
  };
}
