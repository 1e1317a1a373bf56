import { approve, type ApprovalView, type ApproveOutcome } from '../../flows/gate/approve.ts';
import type { Register, Report, Style } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import { addPolicyOptions, gatePorts, openTarget, policyFrom, type PolicyOptions } from '../policy-options.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';
import { say } from '../output.ts';
import { styleFor } from '../style.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { findingsOf } from '../../domain/base/verdict.ts';
import { renderFinding } from '../errors.ts';
import { lineageTree } from '../views/lineage-text.ts';
import { signedJson } from '../views/signed.ts';

interface Options extends PolicyOptions, SignerOptions {
  readonly minCheckpoint?: string;
  readonly env: string;
  readonly as?: string;
  readonly yes?: boolean;
}

/** `approve REF --env ENV`: shows what is approved, asks, signs the id. */
export const register: Register = (program, run) => {
  const command = program
    .command('approve')
    .description('approve an artifact for an environment, after seeing what was verified')
    .argument('<ref>', 'NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .requiredOption('--env <name>', 'environment of the policy')
    .option('--as <principal>', 'who signs, where several may')
    .option('--yes', 'do not ask');
  addSignerOptions(addPolicyOptions(command).addOption(checkpointOption())).action(
    run(async (context, ref: string, options: Options) => report(await decide(context, ref, options), options)),
  );
};

async function decide(context: Context, ref: string, options: Options): Promise<ApproveOutcome> {
  const loaded = await policyFrom(context, options);
  const { registry, place } = await openTarget(context, ref, { policy: loaded.policy, options, writing: true });
  const input = {
    ...loaded,
    ...pinnedOf(options),
    target: { name: place.name, reference: place.reference },
    environment: options.env,
    ...(options.as === undefined ? {} : { as: options.as }),
  };
  return approve(input, await gatePorts(context), {
    registry,
    signer: () => signerFrom(context, options),
    confirm: (view) => confirm(context, view, options),
  });
}

/** Nobody approves what they were not shown: without a terminal it takes `--yes`. */
async function confirm(context: Context, view: ApprovalView, options: Options): Promise<boolean> {
  const style = styleFor('stderr');
  if (options.yes !== true || !context.options.quiet)
    say(
      'stderr',
      `${lineageTree(view.lineage, { ...view.verdict, checks: [] }, style)}${checkLines(view, style).join('\n')}\n`,
    );
  if (options.yes === true) return true;
  const answer = await context.ask(`approve ${view.id} for ${options.env}? [y/N] `);
  if (answer === null)
    throw new WeighmarkError('usage', 'there is no terminal to ask on', {
      hint: 'look at `weighmark policy explain`, then say `--yes`',
    });
  return /^y(?:es)?$/i.test(answer.trim());
}

/** What was verified, and what the policy still wants: its own approvals among them. */
function checkLines({ verdict, lineage }: ApprovalView, style: Style): readonly string[] {
  const makers = [...lineage.makers].toSorted().join(', ');
  const own =
    makers === ''
      ? []
      : [
          `${style.warn('note')}      ${style.plain(`made with a part by ${makers}: their own approval does not count`)}`,
        ];
  return [
    ...own,
    ...verdict.checks.flatMap((check) => [
      ...check.evidence.map(({ what }) => `${style.good('verified')}  ${style.plain(what)}`),
      ...(check.passed
        ? []
        : check.findings.map(
            ({ code, message }) => `${style.warn('wanted')}    ${style.plain(message)} ${style.dim(`[${code}]`)}`,
          )),
    ]),
  ];
}

/** Why the signer's word does not count, after everything else was shown. */
function refusalOf({ verdict }: ApprovalView, style: Style): string {
  return findingsOf({ checks: verdict.checks.filter(({ name }) => name === 'signer') })
    .map((finding) => renderFinding(finding, style))
    .join('');
}

function report({ asked, waiting, ...view }: ApproveOutcome, { env }: Options): Report {
  const { id, verdict, approved } = view;
  const exitCode = approved !== null ? (waiting === undefined ? 0 : 4) : verdict.exitCode === 0 ? 1 : verdict.exitCode;
  return {
    exitCode,
    json: { id, environment: env, verdict, approved: approved === null ? null : signedJson(approved) },
    text: (style) => ({
      ...(approved === null || waiting !== undefined ? {} : { out: `${approved.logged.leaf.name}@${id}\n` }),
      err:
        approved === null
          ? `${asked ? refusalOf(view, style) : `${checkLines(view, style).join('\n')}\n`}${style.bad('NOT APPROVED')}: nothing was signed\n`
          : waiting !== undefined
            ? `${renderFinding(waiting, style)}${style.warn('UNDECIDED')}: ${id} is not approved for ${style.plain(env)} before the log says so\n`
            : `${style.good('APPROVED')}: ${id} for ${style.plain(env)} by ${style.plain(approved.by)}\n`,
    }),
  };
}
