import { resolve } from 'node:path';
import { WeighmarkError, isOfOne, worstExit } from '../../domain/base/errors.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { findingOf, refusedCheck, verdictOf } from '../../domain/base/verdict.ts';
import { refused, type VerifyOutcome } from '../../flows/verify/verify.ts';
import type { WeightsOutcome } from '../../flows/verify/weights.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { asksPolicy, verifyInRegistry } from '../gate-verdict.ts';
import { locate } from '../located.ts';
import {
  addVerifyOptions,
  requireSound,
  verifyPath,
  verifyStored,
  verifyTo,
  type VerifyOptions,
} from '../verification.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { oneVerdict, verdictMarkdown, verdictTexts } from '../views/verdict.ts';
import { forShell } from '../../domain/base/text.ts';

interface Options extends VerifyOptions {
  readonly to?: string;
  readonly as?: string;
}

/** `verify REF…`: one verdict each, offline. */
export const register: Register = (program, run) => {
  const command = program
    .command('verify')
    .description('verify that artifacts are what somebody trusted signed')
    .argument('<ref...>', 'a file, a folder, s3://…, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option(
      '--only <glob>',
      'verify only these files, or parts of one (FILE#TENSORS, FILE#bytes=0-1024); `*` stops at `/`, `**` does not; the verdict is then partial',
    )
    .option(
      '--as <ref>',
      "the files are nobody's, the weights may be those that were signed with REF, in whatever container",
    )
    .option('--to <dir>', 'write the verified files to a new folder, read-only: load them from there');
  addVerifyOptions(command).action(
    run(async (context, refs: readonly string[], options: Options) => {
      requireSound(options);
      if ((options.signature ?? options.to) !== undefined && refs.length > 1)
        throw new WeighmarkError('usage', '--signature and --to go with one artifact only');
      if (options.as !== undefined) {
        const { verifyAs } = await import('../verify-as.ts');
        return report(context, await verifyAs(context, refs, { ...options, as: options.as }));
      }
      const outcomes: Shown[] = [];
      for (const ref of refs)
        outcomes.push(
          await (refs.length === 1 ? verifyOne(context, ref, options) : verifyOfSeveral(context, ref, options)),
        );
      return report(
        context,
        outcomes.map((outcome) =>
          options.env === undefined ? outcome : { ...outcome, promise: `is what is promoted to ${options.env}` },
        ),
      );
    }),
  );
};

/** A verdict with what is said of it, and where its files were written. */
type Shown = Pick<VerifyOutcome, 'verdict' | 'by'> & {
  readonly promise?: string;
  readonly writtenTo?: string;
  readonly weights?: WeightsOutcome['weights'];
};

async function verifyOfSeveral(context: Context, ref: string, options: Options): Promise<Shown> {
  try {
    return await verifyOne(context, ref, options);
  } catch (error) {
    if (!isOfOne(error)) throw error;
    return refused(verdictOf({ subject: ref, checks: [refusedCheck('reference', [findingOf(error)])] }));
  }
}

async function verifyOne(context: Context, ref: string, options: Options): Promise<Shown> {
  const reference = parseAsked(ref);
  if (reference.kind !== 'path') return verifyInPlace(context, ref, options);
  const { path } = reference;
  if (options.to === undefined) return verifyPath(context, { path, shown: ref }, options);
  const target = resolve(context.cwd, options.to);
  refuseInside(locate(context.cwd, path), target);
  return written(await verifyTo(context, { path, shown: ref }, { options, target, durable: true }), target);
}

/** What lies in a registry: by a policy, else by its signatures, every byte read back; with `--to`, of its copy. */
async function verifyInPlace(context: Context, ref: string, options: Options): Promise<Shown> {
  if (!asksPolicy(options) && options.to === undefined) return verifyStored(context, ref, options);
  if (options.to === undefined) return refused(await verifyInRegistry(context, ref, options));
  if (asksPolicy(options))
    throw new WeighmarkError('usage', '--to writes what was verified here, and a policy is asked about the registry', {
      hint: `\`weighmark pull ${forShell(ref)} ${forShell(options.to)}\` takes --policy and --env too`,
    });
  const target = resolve(context.cwd, options.to);
  return written(await verifyStored(context, ref, options, { target, durable: true }), target);
}

function written(outcome: VerifyOutcome, target: string): Shown {
  if (outcome.verdict.exitCode !== 0) return outcome;
  const note = `written to ${target}, read-only`;
  return { ...outcome, verdict: { ...outcome.verdict, notes: [...outcome.verdict.notes, note] }, writtenTo: target };
}

/** What was signed would not be what is there any more. */
function refuseInside(root: string, target: string): void {
  if (`${target}/`.startsWith(`${root}/`))
    throw new WeighmarkError('usage', `${target} is inside the artifact: --to writes to a folder of its own`, {
      subject: target,
    });
}

function report(context: Context, outcomes: readonly Shown[]): Report {
  const verdicts = outcomes.map(({ verdict }) => verdict);
  return {
    exitCode: worstExit(verdicts.map(({ exitCode }) => exitCode)),
    json: {
      verdicts: outcomes.map(({ verdict, by, writtenTo, weights }) => ({
        ...verdict,
        by,
        ...(writtenTo === undefined ? {} : { writtenTo }),
        ...(weights === undefined ? {} : { weights }),
      })),
    },
    text: (style) => ({ out: verdictTexts(outcomes, context.options, style) }),
    sarif: () => verdictSarif(context.version, oneVerdict(verdicts)),
    junit: () => verdictJunit(oneVerdict(verdicts)),
    markdown: () => outcomes.map((outcome) => verdictMarkdown(outcome)).join('\n\n'),
  };
}
