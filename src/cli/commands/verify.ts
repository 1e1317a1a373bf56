import { resolve } from 'node:path';
import { WeighmarkError, isOfOne, worstExit } from '../../domain/base/errors.ts';
import { parseReference } from '../../domain/registry/reference.ts';
import { findingOf, refusedCheck, verdictOf, type Verdict } from '../../domain/base/verdict.ts';
import { refused, verify, type VerifyInput, type VerifyOutcome, type VerifyPorts } from '../../flows/verify/verify.ts';
import { collect, type Register, type Report } from '../command.ts';
import type { Context } from '../context.ts';
import {
  addEnvironmentOptions,
  asksPolicy,
  verifyInRegistry,
  withEnvironment,
  type EnvironmentOptions,
} from '../gate-verdict.ts';
import { policyFrom, type LoadedPolicy } from '../policy-options.ts';
import { openArtifact } from '../registry-options.ts';
import { addTrustOptions, timestampAuthoritiesFrom, trustFrom, type TrustOptions } from '../trust-options.ts';
import { verdictJunit } from '../views/junit.ts';
import { verdictSarif } from '../views/sarif.ts';
import { oneVerdict, verdictMarkdown, verdictText } from '../views/verdict.ts';

interface Options extends TrustOptions, EnvironmentOptions {
  readonly signature?: string;
  readonly claims?: readonly string[];
  readonly only?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly ignoreUnsignedFiles?: boolean;
  readonly algorithm?: 'sha256' | 'all';
  readonly to?: string;
}

/** `verify REF…`: one verdict each, offline. */
export const register: Register = (program, run) => {
  const command = program
    .command('verify')
    .description('verify that artifacts are what somebody trusted signed')
    .argument('<ref...>', 'a file, a folder, NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option('--signature <file>', 'OMS signature, where it is not model.sig or *.oms.sig')
    .option('--claims <file>', 'further claims, a bundle a line (repeat)', collect)
    .option(
      '--only <glob>',
      'verify only these files, or parts of one (FILE#TENSORS, FILE#bytes=0-1024); the verdict is then partial',
    )
    .option('--ignore <path>', 'leave out a path of the artifact (repeat)', collect)
    .option('--allow-symlinks', 'follow symbolic links inside the artifact')
    .option('--ignore-unsigned-files', 'accept files that nobody signed')
    .option('--to <dir>', 'write the verified files to a new folder, read-only: load them from there')
    .option('--algorithm <which>', 'sha256: not BLAKE3 alone; all: every digest that is known');
  addEnvironmentOptions(addTrustOptions(command)).action(
    run(async (context, refs: readonly string[], options: Options) => {
      if (options.algorithm !== undefined && !['sha256', 'all'].includes(options.algorithm))
        throw new WeighmarkError('usage', '--algorithm is sha256 or all');
      if ((options.signature ?? options.to) !== undefined && refs.length > 1)
        throw new WeighmarkError('usage', '--signature and --to go with one artifact only');
      if (asksPolicy(options)) refuseWithPolicy(options);
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

/** Security rules 9 and 10: a policy judges the whole artifact, as it was signed. */
function refuseWithPolicy({ only, ignore, ignoreUnsignedFiles }: Options): void {
  const name =
    only !== undefined
      ? '--only'
      : ignore !== undefined
        ? '--ignore'
        : ignoreUnsignedFiles === true
          ? '--ignore-unsigned-files'
          : null;
  if (name !== null)
    throw new WeighmarkError('usage', `${name} does not go with --env or --policy, which judge the whole artifact`);
}

/** A verdict with what is said of it, and where its files were written. */
type Shown = VerifyOutcome & { readonly promise?: string; readonly writtenTo?: string };

async function verifyOfSeveral(context: Context, ref: string, options: Options): Promise<Shown> {
  try {
    return await verifyOne(context, ref, options);
  } catch (error) {
    if (!isOfOne(error)) throw error;
    return refused(verdictOf({ subject: ref, checks: [refusedCheck('reference', [findingOf(error)])] }));
  }
}

async function verifyOne(context: Context, ref: string, options: Options): Promise<Shown> {
  const reference = parseReference(ref);
  if (reference.kind !== 'path') return verifyStored(context, ref, options);
  const root = resolve(context.cwd, reference.path);
  if (options.to !== undefined) refuseInside(root, resolve(context.cwd, options.to));
  const loaded = asksPolicy(options) ? await policyFrom(context, options, [root]) : undefined;
  const outcome = await verify(
    inputOf(context, { root, shown: ref }, options),
    await portsOf(context, { root, loaded }, options),
  );
  if (outcome.verdict.exitCode !== 0) return outcome;
  const judged =
    loaded === undefined
      ? outcome
      : { ...outcome, verdict: await judgeEnvironment(context, outcome, { root, options, loaded }) };
  return options.to === undefined || judged.verdict.exitCode !== 0
    ? judged
    : writeOut(context, judged, resolve(context.cwd, options.to));
}

/** What was signed would not be what is there any more. */
function refuseInside(root: string, target: string): void {
  if (`${target}/`.startsWith(`${root}/`))
    throw new WeighmarkError('usage', `${target} is inside the artifact: --to writes to a folder of its own`, {
      subject: target,
    });
}

async function judgeEnvironment(
  context: Context,
  { verdict, id }: VerifyOutcome,
  asked: { root: string; options: Options; loaded: LoadedPolicy },
): Promise<Verdict> {
  if (id === null) throw new WeighmarkError('internal', 'a whole artifact was verified without being identified');
  return withEnvironment(context, verdict, {
    subject: { id, name: null, inside: [asked.root] },
    options: asked.options,
    loaded: asked.loaded,
  });
}

async function writeOut(context: Context, outcome: VerifyOutcome, target: string): Promise<Shown> {
  if (outcome.files.length === 0)
    throw new WeighmarkError('usage', '--to writes whole files, and none was verified as a whole');
  const { exportVerified } = await import('../../flows/verify/export.ts');
  await exportVerified(outcome.files, target, { files: await context.files(), stagings: await context.stagings() });
  return {
    ...outcome,
    verdict: { ...outcome.verdict, notes: [...outcome.verdict.notes, `written to ${target}, read-only`] },
    writtenTo: target,
  };
}

/** What lies in a registry is judged where it lies: by a policy, else by its signatures, every byte read back. */
async function verifyStored(context: Context, ref: string, options: Options): Promise<VerifyOutcome> {
  if (options.to !== undefined)
    throw new WeighmarkError('usage', '--to writes what was verified here', {
      hint: `\`weighmark pull ${ref} ${options.to}\``,
    });
  if (asksPolicy(options)) return refused(await verifyInRegistry(context, ref, options));
  const { registry, place } = await openArtifact(context, ref, options);
  const { storedArtifact } = await import('../../flows/registry/registry-content.ts');
  const { root, id, files, hasher } = await storedArtifact(place, registry, () => context.hasher());
  const ports = await portsOf(context, { root, loaded: undefined }, options);
  const outcome = await verify(
    { ...inputOf(context, { root, shown: ref }, options), name: place.name },
    { ...ports, files, hasher },
  );
  if (outcome.id === null || outcome.id === id) return outcome;
  const finding = {
    code: 'digest-mismatch' as const,
    message: 'the content is not what the registry resolved',
    facts: { resolved: id, found: outcome.id },
  };
  return refused(verdictOf({ subject: ref, checks: [refusedCheck('id', [finding])] }));
}

function inputOf(context: Context, place: Pick<VerifyInput, 'root' | 'shown'>, options: Options): VerifyInput {
  const { ignore, allowSymlinks, ignoreUnsignedFiles, algorithm, only } = options;
  return {
    ...place,
    ...(options.signature === undefined ? {} : { signature: resolve(context.cwd, options.signature) }),
    ...(options.claims === undefined ? {} : { claims: options.claims.map((path) => resolve(context.cwd, path)) }),
    ...(context.options.jobs === undefined ? {} : { jobs: context.options.jobs }),
    ...defined({
      ignore,
      allowSymlinks,
      ignoreUnsignedFiles,
      algorithm: asksPolicy(options) ? 'all' : algorithm,
      only,
    }),
    underPolicy: asksPolicy(options),
  };
}

async function portsOf(
  context: Context,
  { root, loaded }: { root: string; loaded: LoadedPolicy | undefined },
  options: Options,
): Promise<VerifyPorts> {
  return {
    files: await context.files(),
    hasher: () => context.hasher(),
    progress: context.progress,
    signal: context.signal,
    clock: context.clock,
    keyless: () => context.keyless(),
    times: await context.times(),
    trust: async () =>
      loaded === undefined
        ? trustFrom(context, options, [root])
        : (await import('../../domain/authority/authority.ts')).policyTrust(loaded.policy),
    timestampAuthorities: async () => [
      ...(loaded?.policy.timestampAuthorities ?? []),
      ...(await timestampAuthoritiesFrom(context, options, [root])),
    ],
  };
}

function report(context: Context, outcomes: readonly Shown[]): Report {
  const verdicts = outcomes.map(({ verdict }) => verdict);
  return {
    exitCode: worstExit(verdicts.map(({ exitCode }) => exitCode)),
    json: {
      verdicts: outcomes.map(({ verdict, by, writtenTo }) => ({
        ...verdict,
        by,
        ...(writtenTo === undefined ? {} : { writtenTo }),
      })),
    },
    text: (style) => ({ out: outcomes.map((outcome) => verdictText(outcome, style)).join('\n') }),
    sarif: () => verdictSarif(context.version, oneVerdict(verdicts)),
    junit: () => verdictJunit(oneVerdict(verdicts)),
    markdown: () => outcomes.map((outcome) => verdictMarkdown(outcome)).join('\n\n'),
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends Record<string, unknown>>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Defined<T>>;
}
