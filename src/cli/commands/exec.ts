import { basename, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Verdict } from '../../domain/base/verdict.ts';
import { parseAsked } from '../../domain/registry/reference.ts';
import { exec, type Brought, type ExecOutcome } from '../../flows/load/exec.ts';
import { pull } from '../../flows/registry/pull.ts';
import type { VerifyOutcome } from '../../flows/verify/verify.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { asksPolicy } from '../gate-verdict.ts';
import { openTarget, policyFrom } from '../policy-options.ts';
import { addVerifyOptions, requireSound, verifyStored, verifyTo, type VerifyOptions } from '../verification.ts';
import { verdictText } from '../views/verdict.ts';
import { gateOf, pullPorts } from './pull.ts';

interface Options extends VerifyOptions {
  readonly statusFd?: number;
}

/** `exec REF -- COMMAND…`: runs a command on verified bytes. */
export const register: Register = (program, run) => {
  const command = program
    .command('exec')
    .description('run a command on verified bytes: their path is $WEIGHMARK_MODEL, and {} in its arguments')
    .argument('<ref>', 'a file, a folder, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .argument('<command...>', 'after `--`: what to run; its exit code passes through')
    .option('--status-fd <n>', 'write the verdict to this file descriptor, a line of JSON', descriptor);
  addVerifyOptions(command).action(
    run(async (context, ref: string, words: readonly string[], options: Options) => {
      requireSound(options);
      return report(ref, await execOn(context, { ref, words }, options));
    }),
  );
};

function descriptor(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new WeighmarkError('usage', `${text} is not the number of a file descriptor`);
}

async function execOn(
  context: Context,
  { ref, words }: { ref: string; words: readonly string[] },
  options: Options,
): Promise<ExecOutcome> {
  const reference = parseAsked(ref);
  const path = reference.kind === 'path' ? resolve(context.cwd, reference.path) : null;
  const processes = await context.processes();
  const onVerdict = async (verdict: Verdict, model: string | null) => {
    if (options.statusFd === undefined) return;
    await processes.tell(options.statusFd, `${JSON.stringify({ ref, path: model, verdict })}\n`);
  };
  const bring = async (target: string) =>
    path === null
      ? bringStored(context, { ref, target }, options)
      : broughtOf(await verifyTo(context, { path, shown: ref }, { options, target, durable: false }), path);
  return exec(
    { near: path ?? context.cwd, name: folderName(path ?? ref.replace(/[:@][^/]*$/, '')), words, bring, onVerdict },
    { places: await context.privatePlaces(), processes },
  );
}

/** What is a file is verified as one; a folder of one file is a folder. */
function broughtOf({ verdict, files }: VerifyOutcome, path: string): Brought {
  const [only, ...others] = files;
  return { verdict, file: only !== undefined && others.length === 0 && only.location === path ? only.path : null };
}

/** Out of a registry: somebody trusted must have signed the bytes that were written, or, with a policy, they are what is promoted. */
async function bringStored(
  context: Context,
  { ref, target }: { ref: string; target: string },
  options: Options,
): Promise<Brought> {
  if (!asksPolicy(options)) {
    const outcome = await verifyStored(context, ref, options, { target, durable: false });
    return broughtOf(outcome, outcome.place);
  }
  const loaded = await policyFrom(context, options);
  const { registry, place } = await openTarget(context, ref, { policy: loaded.policy, options });
  const gate = gateOf(context, { ref, options, registry, loaded });
  const { verdict } = await pull({ place, target, gate }, await pullPorts(context), registry);
  if (verdict === null) throw new WeighmarkError('internal', 'a policy was asked about and said nothing');
  return { verdict, file: null };
}

function folderName(path: string): string {
  const name = basename(path).replace(/[^A-Za-z0-9._-]/g, '_');
  return /^\.*$/.test(name) ? 'model' : name;
}

function report(ref: string, { verdict, code }: ExecOutcome): Report {
  return {
    exitCode: verdict.exitCode,
    ...(code === null ? {} : { childCode: code }),
    json: { ref, verdict, code },
    text: (style) => (code === null ? { err: verdictText({ verdict, by: null }, style) } : {}),
  };
}
