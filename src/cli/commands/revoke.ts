import { WeighmarkError } from '../../domain/base/errors.ts';
import { durationMs } from '../../domain/policy/parse-rules.ts';
import { targetText, type RevocationTarget } from '../../domain/authority/revocation.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { policyTrust } from '../../domain/authority/authority.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { impact } from '../../flows/watch/impact.ts';
import { impactOfWeights } from '../../flows/watch/impact-weights.ts';
import { claimTarget, revoke, takeSnapshot, type RevokeInput, type RevokeOutcome } from '../../flows/gate/revoke.ts';
import type { Register, Report } from '../command.ts';
import type { Context } from '../context.ts';
import { checkpointOption, pinnedOf } from '../gate-verdict.ts';
import {
  addPolicyOptions,
  openForWriting,
  openTarget,
  openUnder,
  policyFrom,
  type LoadedPolicy,
  type PolicyOptions,
} from '../policy-options.ts';
import { addSignerOptions, signerFrom, type SignerOptions } from '../signer-options.ts';
import { renderFinding } from '../errors.ts';
import { say } from '../output.ts';
import { styleFor } from '../style.ts';
import { impactText, weightsImpactText } from '../views/impact.ts';
import { signedJson } from '../views/signed.ts';
import { weightsAsked } from '../weights-option.ts';
import { instantOf } from '../../domain/base/instant.ts';

interface Options extends PolicyOptions, SignerOptions {
  readonly claim?: string;
  readonly identity?: string;
  readonly keyFingerprint?: string;
  readonly weights?: string;
  readonly since?: string;
  readonly reason?: string;
  readonly undo?: boolean;
  readonly again?: boolean;
  readonly snapshot?: string | true;
  readonly minCheckpoint?: string;
  readonly yes?: boolean;
}

/** `revoke (REF | --identity NAME --since TIME) --reason TEXT`, and what goes with it: `--undo`, `--snapshot`. */
export const register: Register = (program, run) => {
  const command = program
    .command('revoke')
    .description('say, signed and logged, that an artifact, a claim or a signer no longer counts')
    .argument('[ref]', 'NAME:TAG, NAME@sha256:…, oci://… or a digest')
    .option('--claim <sha256>', 'only this claim of the artifact: `sha256:…` of its bundle')
    .option('--identity <principal>', 'a principal of the policy, as of --since')
    .option('--key-fingerprint <sha256>', 'a key, as of --since')
    .option(
      '--weights <digest|path>',
      'these weights, in whatever container: a root or a tensor (blake3:…), or what lies at a path',
    )
    .option('--since <time>', 'RFC 3339; what verifiably existed before still counts')
    .option('--reason <text>', 'why, for the auditor')
    .option('--undo', 'let it count again: takes as many revokers as the environment says')
    .option(
      '--again',
      'say anew every revocation whose speaker the policy does not hear any more, or who was lost since',
    )
    .option('--snapshot [duration]', 'sign that all revocations up to now are in the log, good for 7d')
    .option('--yes', 'do not ask');
  addSignerOptions(addPolicyOptions(command).addOption(checkpointOption('--snapshot: '))).action(
    run(async (context, ref: string | undefined, options: Options) => act(context, ref, options)),
  );
};

async function act(context: Context, ref: string | undefined, options: Options): Promise<Report> {
  const loaded = await policyFrom(context, options);
  if (options.snapshot !== undefined) return snapshot(context, loaded, options);
  if (options.again === true) return again(context, loaded, options);
  const reason = options.reason?.trim() ?? '';
  if (reason === '') throw new WeighmarkError('usage', 'why? say `--reason TEXT`');
  const named = await targetOf(context, ref, { loaded, options });
  if (options.undo !== true) await showImpact(context, named, loaded, options);
  if (options.undo === true) sayHowMany(context, named.target, { wanted: mostToReinstate(loaded.policy), options });
  await confirm(context, named.target, options);
  const input: RevokeInput = {
    action: options.undo === true ? 'reinstate' : 'revoke',
    target: named.target,
    artifact: named.artifact,
    reason,
    policy: loaded.policy,
  };
  const outcome = await revoke(input, {
    clock: context.clock,
    keyless: () => context.keyless(),
    registry: named.registry,
    signer: await signerFrom(context, options, { refusal: input.action === 'revoke' }),
  });
  return report(
    outcome,
    { action: input.action, target: named.target, reason: input.reason },
    mostToReinstate(loaded.policy),
  );
}

async function again(context: Context, { policy }: LoadedPolicy, options: Options): Promise<Report> {
  const { revokeAgain } = await import('../../flows/gate/revoke-again.ts');
  const said = await revokeAgain(policy, {
    clock: context.clock,
    keyless: () => context.keyless(),
    registry: openForWriting(context, await openUnder(context, policy, options), policy),
    signer: await signerFrom(context, options),
  });
  const waits = said.filter(({ logged }) => logged.index === null);
  return {
    exitCode: waits.length === 0 ? 0 : 4,
    json: {
      action: 'again',
      said: said.map(({ target, reason, ...signed }) => ({ target, reason, ...signedJson(signed) })),
    },
    text: (style) => ({
      out: said.map(({ bundle }) => `${bundle}\n`).join(''),
      err: `${said.map(({ target, by, logged }) => `${logged.index === null ? style.warn('WAITING') : style.good('REVOKED')} again by ${style.plain(by)}: ${style.plain(targetText(target))}\n`).join('')}${said.length === 0 ? 'nothing was orphaned\n' : ''}`,
    }),
  };
}

async function snapshot(context: Context, { policy }: LoadedPolicy, options: Options): Promise<Report> {
  const duration = options.snapshot === true || options.snapshot === undefined ? '7d' : options.snapshot;
  if (!/^[1-9][0-9]{0,4}[mhd]$/.test(duration)) throw new WeighmarkError('usage', `${duration} is not like 12h or 7d`);
  const ports = {
    clock: context.clock,
    keyless: () => context.keyless(),
    registry: openForWriting(context, await openUnder(context, policy, options), policy),
    signer: await signerFrom(context, options),
  };
  const outcome = await takeSnapshot({ policy, validMs: durationMs(duration), ...pinnedOf(options) }, ports);
  return report(outcome, { action: 'snapshot', snapshot: outcome.snapshot });
}

interface Named {
  readonly registry: Registry;
  readonly target: RevocationTarget;
  readonly artifact: RevokeInput['artifact'];
}

async function targetOf(
  context: Context,
  ref: string | undefined,
  { loaded, options }: { loaded: LoadedPolicy; options: Options },
): Promise<Named> {
  const { policy } = loaded;
  const signer = signerTarget(policy, options);
  if ([ref, signer, options.weights].filter((each) => each !== undefined && each !== null).length !== 1)
    throw new WeighmarkError(
      'usage',
      'name one thing: REF, --weights, or --identity or --key-fingerprint with --since',
    );
  const other = options.weights === undefined ? signer : await weightsTarget(context, options.weights);
  if (other !== null)
    return {
      registry: openForWriting(context, await openUnder(context, policy, options), policy),
      target: other,
      artifact: null,
    };
  const { registry, place } = await openTarget(context, ref ?? '', { policy, options, writing: true });
  const id = await registry.resolve(place.name, place.reference);
  const artifact = { name: place.name, id };
  const target: RevocationTarget =
    options.claim === undefined
      ? { kind: 'artifact', sha256: id.slice('sha256:'.length) }
      : await claimTarget(hexOf(options.claim), artifact, registry);
  return { registry, target, artifact };
}

/** One root: whoever means several says each. */
async function weightsTarget(context: Context, asked: string): Promise<RevocationTarget> {
  const [blake3 = '', ...others] = await weightsAsked(context, asked);
  if (others.length === 0) return { kind: 'weights', blake3 };
  throw new WeighmarkError('usage', `${asked} holds ${others.length + 1} sets of weights`, {
    subject: asked,
    hint: 'name one file, or a root: `weighmark inspect --weights PATH` prints them',
  });
}

function signerTarget(policy: Policy, { identity, keyFingerprint, since }: Options): RevocationTarget | null {
  if (identity === undefined && keyFingerprint === undefined) return null;
  if (since === undefined || Number.isNaN(instantOf(since)))
    throw new WeighmarkError('usage', 'since when? say `--since 2026-11-01T00:00:00Z`');
  const at = new Date(instantOf(since)).toISOString();
  if (keyFingerprint !== undefined) return { kind: 'key', sha256: hexOf(keyFingerprint), since: at };
  if (!policy.principals.some(({ name }) => name === identity))
    throw new WeighmarkError('usage', `the policy has no principal ${identity}`);
  return { kind: 'principal', name: identity ?? '', since: at };
}

function hexOf(text: string): string {
  const hex = text.replace(/^sha256:/i, '');
  if (/^[0-9a-f]{64}$/.test(hex)) return hex;
  throw new WeighmarkError('usage', `${text} is not a SHA-256 in hex`);
}

/** What it would hit, before anybody says yes. */
async function showImpact(
  context: Context,
  { target, registry }: Named,
  { policy, timestampAuthorities }: LoadedPolicy,
  options: Options,
): Promise<void> {
  if (context.options.quiet && options.yes === true) return;
  const trusted = { trust: policyTrust(policy), timestampAuthorities };
  const ports = { clock: context.clock, keyless: () => context.keyless(), hasher: () => context.hasher() };
  if (target.kind === 'artifact')
    say('stderr', impactText(await impact({ digest: target.sha256, ...trusted }, registry, ports), styleFor('stderr')));
  if (target.kind === 'weights') {
    const outcome = await impactOfWeights({ wanted: [target.blake3], ...trusted }, registry, ports);
    say('stderr', weightsImpactText(outcome, styleFor('stderr')));
  }
}

/** Before anything is signed: one revoker alone lets nothing count again where the policy wants more. */
function sayHowMany(
  context: Context,
  target: RevocationTarget,
  { wanted, options }: { wanted: number; options: Options },
): void {
  if (wanted < 2 || (context.options.quiet && options.yes === true)) return;
  const text = `it takes ${wanted} revokers to let ${targetText(target)} count again; this signs for one of them`;
  say('stderr', `note: ${styleFor('stderr').plain(text)}\n`);
}

async function confirm(context: Context, target: RevocationTarget, { yes, undo }: Options): Promise<void> {
  if (yes === true) return;
  const answer = await context.ask(`${undo === true ? 'reinstate' : 'revoke'} ${targetText(target)}? [y/N] `);
  if (answer === null) throw new WeighmarkError('usage', 'there is no terminal to ask on', { hint: 'say `--yes`' });
  if (!/^y(?:es)?$/i.test(answer.trim()))
    throw new WeighmarkError('interrupted', 'nothing was signed: you said no', {
      hint: '`y` signs and logs it; `weighmark impact` shows what it would reach',
    });
}

const DONE: Readonly<Record<string, string>> = {
  revoke: 'REVOKED',
  reinstate: 'REINSTATED',
  snapshot: 'SNAPSHOT SIGNED',
};

/** @param wanted how many revokers it takes to let something count again. */
function report({ bundle, by, logged }: RevokeOutcome, what: Readonly<Record<string, unknown>>, wanted = 1): Report {
  const { index } = logged;
  const isOneOf = what['action'] === 'reinstate' && wanted > 1;
  const done = isOneOf ? 'REINSTATEMENT SIGNED' : (DONE[String(what['action'])] ?? '');
  return {
    exitCode: index === null ? 4 : 0,
    json: { ...what, ...signedJson({ by, bundle, logged }) },
    text: (style) => ({
      out: `${bundle}\n`,
      err:
        index === null
          ? `${renderFinding({ code: 'log-pending', message: `it is signed by ${by} and waits for the log's operator: no reader heeds it yet` }, style)}${style.warn('UNDECIDED')}: not ${done.toLowerCase()} before the log says so\n`
          : `${style.good(done)} by ${style.plain(by)}, log entry ${index}${isOneOf ? `; it counts again once ${wanted} revokers say so` : ''}\n`,
    }),
  };
}
