import type { Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { refusedCheck, verdictOf, type Verdict } from '../domain/base/verdict.ts';
import type { Files } from '../domain/ports/files.ts';
import type { Registry } from '../domain/ports/registry.ts';
import type { Place } from '../domain/registry/reference.ts';
import { isOmsSignature } from '../domain/registry/referrer.ts';
import type { StoredArtifact } from '../flows/registry/registry-content.ts';
import { refused, verify, type VerifyInput, type VerifyOutcome, type VerifyPorts } from '../flows/verify/verify.ts';
import { collect } from './command.ts';
import { commonPorts } from './common-ports.ts';
import type { Context } from './context.ts';
import { addEnvironmentOptions, asksPolicy, withEnvironment, type EnvironmentOptions } from './gate-verdict.ts';
import { locate } from './located.ts';
import { policyFrom, type LoadedPolicy } from './policy-options.ts';
import { openArtifact } from './registry-options.ts';
import { addTrustOptions, timestampAuthoritiesFrom, trustFrom, type TrustOptions } from './trust-options.ts';

/** What `verify` and `exec` ask in one way, as commander hands it over. */
export interface VerifyOptions extends TrustOptions, EnvironmentOptions {
  readonly signature?: string;
  readonly claims?: readonly string[];
  readonly only?: string;
  readonly ignore?: readonly string[];
  readonly allowSymlinks?: boolean;
  readonly ignoreUnsignedFiles?: boolean;
  readonly algorithm?: 'sha256' | 'all';
}

export function addVerifyOptions(command: Command): Command {
  command
    .option('--signature <file>', 'OMS signature, where it is not model.sig or *.oms.sig')
    .option('--claims <file>', 'further claims, a bundle a line (repeat)', collect)
    .option('--ignore <path>', 'leave out a path of the artifact (repeat)', collect)
    .option('--allow-symlinks', 'follow symbolic links inside the artifact')
    .option('--ignore-unsigned-files', 'accept files that nobody signed')
    .option('--algorithm <which>', 'sha256: not BLAKE3 alone; all: every digest that is known');
  return addEnvironmentOptions(addTrustOptions(command));
}

/** What the options say together. @throws WeighmarkError `usage`. */
export function requireSound(options: VerifyOptions): void {
  if (options.algorithm !== undefined && !['sha256', 'all'].includes(options.algorithm))
    throw new WeighmarkError('usage', '--algorithm is sha256 or all');
  if (asksPolicy(options)) refuseWithPolicy(options);
}

/** Security rules 9 and 10: a policy judges the whole artifact, as it was signed. */
function refuseWithPolicy({ only, ignore, ignoreUnsignedFiles }: VerifyOptions): void {
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

/** An artifact that is named by its path. */
export interface NamedPath {
  readonly path: string;
  /** As the user named it. */
  readonly shown: string;
}

/** Signatures, content and claims, then the policy and the environment, if they are asked about. */
export async function verifyPath(
  context: Context,
  artifact: NamedPath,
  options: VerifyOptions,
  hasher: (ports: VerifyPorts) => VerifyPorts['hasher'] = (ports) => ports.hasher,
): Promise<VerifyOutcome> {
  const { storeView } = await import('../flows/content/stores.ts');
  const { root, files } = await storeView(locate(context.cwd, artifact.path), await context.files());
  const loaded = asksPolicy(options) ? await policyFrom(context, options, [root]) : undefined;
  const ports = await verifyPorts(context, { inside: [root], loaded }, options);
  const input = verifyInput(context, { root, shown: artifact.shown }, options);
  const outcome = await verify(input, { ...ports, files, hasher: hasher(ports) });
  if (outcome.verdict.exitCode !== 0 || loaded === undefined) return outcome;
  return { ...outcome, verdict: await judgeEnvironment(context, outcome, { root, options, loaded }) };
}

/** A folder that is not there yet, for the verified bytes. */
export interface NewFolder {
  readonly target: string;
  /** Whether the bytes must outlast a power failure, or only this run. */
  readonly durable: boolean;
}

/**
 * The same, with the verified bytes written to a new folder: what is judged are the copies; unless they pass, nothing is
 * left of them.
 */
export async function verifyTo(
  context: Context,
  artifact: NamedPath,
  { options, ...place }: NewFolder & { readonly options: VerifyOptions },
): Promise<VerifyOutcome> {
  return writingTo(context, place, await context.files(), (hasher) =>
    verifyPath(context, artifact, options, () => hasher),
  );
}

async function writingTo(
  context: Context,
  { target, durable }: NewFolder,
  files: Files,
  judge: (hasher: VerifyPorts['hasher']) => Promise<VerifyOutcome>,
): Promise<VerifyOutcome> {
  const { exportTo } = await import('../flows/verify/export.ts');
  const ports = { files, stagings: await context.stagings(), hasher: () => context.hasher() };
  const written = exportTo(target, { durable }, ports);
  try {
    const outcome = await judge(written.hasher);
    if (outcome.verdict.exitCode !== 0) return outcome;
    if (outcome.files.length === 0)
      throw new WeighmarkError('usage', 'only whole files are written out, and none was verified as a whole');
    await written.publish(outcome.files);
    return outcome;
  } finally {
    await written.discard();
  }
}

export interface StoredOutcome extends VerifyOutcome {
  /** Where the artifact stands for those who look at locations: what is a file stands there itself. */
  readonly place: string;
}

/**
 * An artifact that lies in a registry, by its signatures. With a folder to write to, each file is brought there first and the
 * copy is what is judged: no byte is hashed by a digest that nobody needs (security rule 7).
 */
export async function verifyStored(
  context: Context,
  ref: string,
  options: VerifyOptions,
  to?: NewFolder,
): Promise<StoredOutcome> {
  const artifact = await openArtifact(context, ref, options);
  const { storedArtifact } = await import('../flows/registry/registry-content.ts');
  const stored = await storedArtifact(artifact.place, artifact.registry, () => context.hasher());
  const judge = async (hasher: VerifyPorts['hasher']) => judgeStored(context, { ref, stored, hasher }, options);
  const place = stored.root;
  if (to === undefined) return { ...(await judge(stored.hasher)), place };
  const files = await context.files();
  const duplicate: Files['duplicate'] = (from, part) => stored.copy(from, part, files);
  return { ...(await writingTo(context, to, { ...files, duplicate }, judge)), place };
}

/**
 * BLAKE3 by SHA-256 of an artifact's files, as far as a signer in the user's trust store signed both of each: for a copy that
 * asks nobody. None where there is no such trust, or it cannot be read.
 */
export async function pairsInTrust(
  context: Context,
  { place, registry }: { readonly place: Place; readonly registry: Registry },
): Promise<ReadonlyMap<string, string>> {
  // Only what lies on this machine is held to them.
  if (registry.blobFile === undefined) return new Map();
  if (!(await registry.claims(place.name, await registry.resolve(place.name, place.reference))).some(isOmsSignature))
    return new Map();
  const { storedArtifact } = await import('../flows/registry/registry-content.ts');
  const { signedPairs } = await import('../flows/verify/signed-pairs.ts');
  try {
    const { root, files } = await storedArtifact(place, registry, () => context.hasher());
    const ports = await verifyPorts(context, { inside: [registry.location], loaded: undefined }, {});
    return await signedPairs({ root, shown: place.name }, { ...ports, files });
  } catch (error) {
    if (error instanceof WeighmarkError && error.code !== 'interrupted') return new Map();
    throw error;
  }
}

async function judgeStored(
  context: Context,
  { ref, stored, hasher }: { ref: string; stored: StoredArtifact; hasher: VerifyPorts['hasher'] },
  options: VerifyOptions,
): Promise<VerifyOutcome> {
  const { root, id, ids, files } = stored;
  const ports = await verifyPorts(context, { inside: [root], loaded: undefined }, options);
  const input = { ...verifyInput(context, { root, shown: ref }, options), knownAs: [id] };
  const outcome = await verify(input, { ...ports, files, hasher });
  if (outcome.id === null || ids.every((each) => outcome.ids.includes(each))) return outcome;
  const finding = {
    code: 'digest-mismatch' as const,
    message: 'the content is not what the registry resolved',
    facts: { resolved: id, found: outcome.id },
  };
  return refused(verdictOf({ subject: ref, checks: [refusedCheck('id', [finding])] }));
}

async function judgeEnvironment(
  context: Context,
  { verdict, id, ids }: VerifyOutcome,
  asked: { root: string; options: VerifyOptions; loaded: LoadedPolicy },
): Promise<Verdict> {
  if (id === null) throw new WeighmarkError('internal', 'a whole artifact was verified without being identified');
  return withEnvironment(context, verdict, {
    subject: { id, ids, name: null, inside: [asked.root] },
    options: asked.options,
    loaded: asked.loaded,
  });
}

export function verifyInput(
  context: Context,
  place: Pick<VerifyInput, 'root' | 'shown'>,
  options: VerifyOptions,
): VerifyInput {
  const { ignore, allowSymlinks, ignoreUnsignedFiles, algorithm, only } = options;
  return {
    ...place,
    ...(options.signature === undefined ? {} : { signature: locate(context.cwd, options.signature) }),
    ...(options.claims === undefined ? {} : { claims: options.claims.map((path) => locate(context.cwd, path)) }),
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

export async function verifyPorts(
  context: Context,
  { inside, loaded }: { inside: readonly string[]; loaded: LoadedPolicy | undefined },
  options: TrustOptions,
): Promise<VerifyPorts> {
  return {
    ...commonPorts(context),
    files: await context.files(),
    times: await context.times(),
    trust: async () =>
      loaded === undefined
        ? trustFrom(context, options, inside)
        : (await import('../domain/authority/authority.ts')).policyTrust(loaded.policy),
    ...(loaded === undefined
      ? {}
      : { fileTrust: async () => (await import('../domain/authority/authority.ts')).policyFileTrust(loaded.policy) }),
    timestampAuthorities: async () => [
      ...(loaded?.policy.timestampAuthorities ?? []),
      ...(await timestampAuthoritiesFrom(context, options, inside)),
    ],
  };
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

function defined<T extends Record<string, unknown>>(values: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Defined<T>>;
}
