import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { sha256Hex } from '../domain/digest/hex.ts';
import type { Policy } from '../domain/authority/types.ts';
import type { Registry } from '../domain/ports/registry.ts';
import { doorOf } from '../flows/registry/door.ts';
import { integrating } from '../flows/registry/integrating.ts';
import { placeOfDigest } from '../flows/registry/registry-show.ts';
import { parseAsked, parseReference, placeOf, type Place } from '../domain/registry/reference.ts';
import type { GatePorts } from '../flows/gate/gate.ts';
import type { Verification } from '../domain/trust/verify-claim.ts';
import type { PolicyPorts } from '../flows/gate/policy-load.ts';
import { collect } from './command.ts';
import { commonPorts } from './common-ports.ts';
import type { Context } from './context.ts';
import { addLogOptions, notInRegistry, ofShort, openRegistry, type LogOptions } from './registry-options.ts';
import { timestampAuthoritiesFrom, trustFrom } from './trust-options.ts';
import { forShell } from '../domain/base/text.ts';

/** The policy and the registry it is asked about, as commander hands them over. */
export interface PolicyOptions extends LogOptions {
  readonly policy?: string;
  readonly timestampAuthority?: readonly string[];
}

export function policyOption(): Option {
  return new Option('--policy <file>', 'the policy; default: WEIGHMARK_POLICY, then the configuration').helpGroup(
    'Policy:',
  );
}

export function addPolicyOptions(command: Command): Command {
  return addLogOptions(command)
    .addOption(policyOption())
    .addOption(
      new Option('--timestamp-authority <pem>', 'certificates of an RFC 3161 server to believe (repeat)')
        .argParser(collect)
        .helpGroup('Policy:'),
    );
}

export interface LoadedPolicy {
  readonly policy: Policy;
  readonly policyBytes: Uint8Array;
  /** People whose signatures the caller's trust asked for; null: it names nobody for policies. */
  readonly signedBy: readonly string[] | null;
  readonly timestampAuthorities: readonly string[];
}

/**
 * The policy named by option, environment or configuration, never one found inside an artifact or a registry (rule 1).
 * @throws WeighmarkError `usage` if none is named, `policy-invalid`, `policy-rollback`, `anchor-inside`, `not-found`.
 */
export async function policyFrom(
  context: Context,
  options: PolicyOptions & { readonly suppressionsAlone?: boolean },
  inside: readonly string[] = [],
): Promise<LoadedPolicy> {
  const path = await policyPath(context, options);
  if (path === undefined) throw noPolicy((await context.configuration()).notAllowed);
  const registry = context.options.registry ?? (await context.configuration()).settings.registry;
  const folders = [
    ...inside,
    ...(registry === undefined || registry.includes('://') ? [] : [resolve(context.cwd, registry)]),
  ];
  const loaded = await (
    await import('../flows/gate/policy-load.ts')
  ).loadPolicy(
    {
      path: resolve(context.cwd, path),
      shown: path,
      inside: folders,
      suppressionsAlone: options.suppressionsAlone === true,
    },
    await policyPorts(context, folders),
  );
  requirePinned(resolve(context.cwd, path), loaded.policyBytes, await pinnedBy(context, options));
  return { ...loaded, timestampAuthorities: await timestampAuthoritiesFrom(context, options, folders) };
}

function noPolicy(notAllowed: string | undefined): WeighmarkError {
  if (notAllowed === undefined)
    return new WeighmarkError('usage', 'no policy is named', { hint: 'say `--policy FILE` or set WEIGHMARK_POLICY' });
  return new WeighmarkError(
    'config-not-allowed',
    `no policy is named: ${notAllowed} is not allowed, or it or a file it names changed since`,
    {
      subject: notAllowed,
      hint: `read what it says, then \`weighmark trust allow ${forShell(notAllowed)}\`; or say \`--policy FILE\``,
    },
  );
}

/** Only a policy that the project's configuration names is allowed by its digest; one named by hand is the caller's own. */
async function pinnedBy(context: Context, options: PolicyOptions): Promise<ReadonlyMap<string, string>> {
  return namedByHand(context, options) === undefined
    ? ((await context.configuration()).pinned ?? new Map<string, string>())
    : new Map<string, string>();
}

/** Between the permission and the reading a file may have been replaced. */
function requirePinned(path: string, bytes: Uint8Array, pinned: ReadonlyMap<string, string>): void {
  const expected = pinned.get(path);
  if (expected === undefined || expected === sha256Hex(bytes)) return;
  throw new WeighmarkError('config-not-allowed', `${path} changed while it was read`, { subject: path });
}

async function policyPorts(context: Context, inside: readonly string[]): Promise<PolicyPorts> {
  const files = await context.files();
  return {
    files,
    versions: await context.versions(),
    verify: {
      ...commonPorts(context),
      files,
      trust: () => trustFrom(context, {}, inside),
      timestampAuthorities: () => timestampAuthoritiesFrom(context, {}, inside),
    },
  };
}

/** True if an option, the environment or the configuration names a policy. */
export async function policyIsNamed(context: Context, options: PolicyOptions): Promise<boolean> {
  return (await policyPath(context, options)) !== undefined;
}

async function policyPath(context: Context, options: PolicyOptions): Promise<string | undefined> {
  return namedByHand(context, options) ?? (await context.configuration()).settings.policy;
}

/** The policy named for this run: `--policy`, or the variable that stands for it. They judge alike. */
export function namedByHand(context: Context, options: Pick<PolicyOptions, 'policy'>): string | undefined {
  const given = options.policy ?? context.env['WEIGHMARK_POLICY'];
  return given === '' ? undefined : given;
}

/** By whom claims are verified: the policy's principals where a policy is named, else the trust store. */
export async function verificationUnder(context: Context, options: PolicyOptions): Promise<Verification> {
  const loaded = (await policyIsNamed(context, options)) ? await policyFrom(context, options) : null;
  const ports = { keyless: () => context.keyless(), now: context.clock.now() };
  if (loaded === null)
    return {
      ...ports,
      trust: await trustFrom(context, {}),
      timestampAuthorities: await timestampAuthoritiesFrom(context, options),
    };
  const { policyTrust } = await import('../domain/authority/authority.ts');
  return {
    ...ports,
    trust: policyTrust(loaded.policy),
    timestampAuthorities: [...loaded.policy.timestampAuthorities, ...loaded.timestampAuthorities],
  };
}

/** Opens the registry under the log key that the policy names, if it names one. */
export async function openUnder(
  context: Context,
  policy: Policy,
  options: PolicyOptions,
  location?: string,
): Promise<Registry> {
  const logVkey = policy.log === undefined ? options.logVkey : [policy.log.key];
  return openRegistry(context, { ...options, ...(logVkey === undefined ? {} : { logVkey }) }, location);
}

/** An artifact in a registry and its registry, under the policy's log key. @throws WeighmarkError `usage` for a path. */
export async function openTarget(
  context: Context,
  text: string,
  under: { policy: Policy; options: PolicyOptions; writing?: boolean },
): Promise<{ registry: Registry; place: Place }> {
  const asked = under.writing === true ? parseReference(text) : parseAsked(text);
  const configured = context.options.registry ?? (await context.configuration()).settings.registry;
  if (asked.kind === 'short') return ofShort(asked, (location) => opened(context, under, location), configured);
  const ref = asked;
  if (ref.kind === 'path') throw notInRegistry(text);
  if (ref.kind === 'digest') {
    const registry = await opened(context, under);
    return { registry, place: await placeOfDigest(ref.digest, registry) };
  }
  const place = placeOf(ref, configured);
  return { registry: await opened(context, under, place.location), place };
}

async function opened(
  context: Context,
  { policy, options, writing }: { policy: Policy; options: PolicyOptions; writing?: boolean },
  location?: string,
): Promise<Registry> {
  const registry = await openUnder(context, policy, options, location);
  return writing === true ? openForWriting(context, registry, policy) : registry;
}

/**
 * For commands that add to the log: who has its key integrates by doing so. Where the policy asks for witnesses the operator
 * does it, who asks them: readers would refuse a checkpoint that nobody cosigned.
 */
export function openForWriting(context: Context, registry: Registry, policy: Policy | null): Registry {
  if (policy?.log?.witnesses !== undefined) return registry;
  const verification = {
    keyless: () => context.keyless(),
    now: context.clock.now(),
    timestampAuthorities: policy?.timestampAuthorities ?? [],
  };
  return integrating(registry, (own) => doorOf({ policy, verification }, own));
}

export async function gatePorts(context: Context): Promise<GatePorts> {
  return { ...commonPorts(context), versions: await context.versions(), times: await context.times() };
}
