import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { ClaimSigner, KeylessSignerOptions } from '../domain/ports/signing.ts';
import type { Settings } from '../domain/trust/settings.ts';
import type { Context } from './context.ts';
import { say } from './output.ts';
import { passwordFor } from './password.ts';

/** SIGNER of DESIGN 5, as commander hands it over. */
export interface SignerOptions {
  readonly key?: string;
  readonly publicKey?: string;
  readonly certificateChain?: string;
  readonly keyless?: boolean;
  readonly identityToken?: string;
  readonly signingConfig?: string;
  readonly tsa?: string;
}

export function addSignerOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--key <pem>',
        'sign with this private key (P-256, P-384 or P-521), or exec:COMMAND for a program that holds it',
      ).helpGroup('Signer:'),
    )
    .addOption(new Option('--public-key <file>', 'the key that exec:COMMAND signs with').helpGroup('Signer:'))
    .addOption(
      new Option('--certificate-chain <pem>', 'certificate of the key and its intermediates, leaf first').helpGroup(
        'Signer:',
      ),
    )
    .addOption(
      new Option('--keyless', 'sign with an OIDC identity: the CI job’s own, or a browser sign-in').helpGroup(
        'Signer:',
      ),
    )
    .addOption(new Option('--identity-token <file>', 'OIDC token to sign with, in a file').helpGroup('Signer:'))
    .addOption(
      new Option('--signing-config <file>', 'Sigstore services to use instead of the public-good ones').helpGroup(
        'Signer:',
      ),
    )
    .addOption(new Option('--tsa <url>', 'RFC 3161 server that timestamps the signatures').helpGroup('Signer:'));
}

/**
 * The signer the options name, else the environment (WEIGHMARK_KEY), else the configuration. A key is opened now; a token is
 * fetched when the first signature is made. `how.refusal`: what is signed says no, so an expired certificate will do.
 * @throws WeighmarkError `usage` for none or a contradiction, `key-unusable`, `password-wrong`, `not-found`.
 */
export async function signerFrom(
  context: Context,
  options: SignerOptions,
  how: { readonly refusal?: boolean } = {},
): Promise<ClaimSigner> {
  refuseContradictions(options);
  const chosen = isNamed(options) ? options : await defaultSigner(context);
  const tsa = checkedUrl(options.tsa ?? chosen.tsa);
  return chosen.key === undefined
    ? keyless(context, chosen, tsa)
    : withKey(context, chosen.key, {
        ...chosen,
        ...publicKeyOf(options),
        ...how,
        ...(tsa === undefined ? {} : { tsa }),
      });
}

/** It may be named apart from the program: the configuration names one, the option the other. */
function publicKeyOf({ publicKey }: SignerOptions): Pick<SignerOptions, 'publicKey'> {
  return publicKey === undefined ? {} : { publicKey };
}

function isNamed(options: SignerOptions): boolean {
  return (
    options.key !== undefined ||
    options.keyless === true ||
    options.identityToken !== undefined ||
    options.signingConfig !== undefined
  );
}

function refuseContradictions(options: SignerOptions): void {
  const isKeyless =
    options.keyless === true || options.identityToken !== undefined || options.signingConfig !== undefined;
  if (options.key !== undefined && isKeyless)
    throw new WeighmarkError('usage', 'sign either with --key or keyless, not both');
  if (options.publicKey !== undefined && !isCommand(options.key ?? EXEC))
    throw new WeighmarkError('usage', '--public-key goes with --key exec:COMMAND');
  if (options.certificateChain !== undefined && options.key === undefined)
    throw new WeighmarkError('usage', '--certificate-chain needs the --key it certifies');
}

async function defaultSigner(context: Context): Promise<SignerOptions> {
  const key = context.env['WEIGHMARK_KEY'];
  const { settings } = await context.configuration();
  const publicKey = context.env['WEIGHMARK_PUBLIC_KEY'];
  if (key !== undefined && key !== '')
    return { ...servicesOf(settings), key, ...(publicKey === undefined ? {} : { publicKey }) };
  if (settings.key !== undefined)
    return {
      ...servicesOf(settings),
      key: settings.key,
      ...(settings.publicKey === undefined ? {} : { publicKey: settings.publicKey }),
      ...(settings.certificateChain === undefined ? {} : { certificateChain: settings.certificateChain }),
    };
  if (settings.keyless === true)
    return {
      ...servicesOf(settings),
      keyless: true,
      ...(settings.signingConfig === undefined ? {} : { signingConfig: settings.signingConfig }),
    };
  throw new WeighmarkError('usage', 'nothing to sign with', {
    hint: 'name a signer: `--key FILE` (`weighmark keygen` makes one) or `--keyless`; or set WEIGHMARK_KEY',
  });
}

function servicesOf(settings: Settings): SignerOptions {
  return settings.tsa === undefined ? {} : { tsa: settings.tsa };
}

const EXEC = 'exec:';

function isCommand(key: string): boolean {
  return key.startsWith(EXEC);
}

async function withKey(
  context: Context,
  key: string,
  options: SignerOptions & { readonly refusal?: boolean },
): Promise<ClaimSigner> {
  const { certificateChain, publicKey, tsa, refusal = false } = options;
  const common = {
    ...(certificateChain === undefined ? {} : { certificateChainFile: resolve(context.cwd, certificateChain) }),
    ...(tsa === undefined ? {} : { tsa }),
    refusal,
  };
  const signers = await context.signers();
  return isCommand(key)
    ? signers.command({
        ...common,
        command: key.slice(EXEC.length),
        ...(publicKey === undefined ? {} : { publicKeyFile: resolve(context.cwd, publicKey) }),
      })
    : signers.key({ ...common, keyFile: resolve(context.cwd, key), password: async () => passwordFor(context, key) });
}

async function keyless(context: Context, options: SignerOptions, tsa: string | undefined): Promise<ClaimSigner> {
  const settings: KeylessSignerOptions = {
    ...(options.identityToken === undefined ? {} : { identityTokenFile: resolve(context.cwd, options.identityToken) }),
    ...(options.signingConfig === undefined ? {} : { signingConfigFile: resolve(context.cwd, options.signingConfig) }),
    ...(tsa === undefined ? {} : { tsa }),
    person: {
      confirm: async (question) => /^y(?:es)?$/i.test(((await context.ask(`${question} [y/N] `)) ?? '').trim()),
      tell: (message) => say('stderr', `${message}\n`),
    },
  };
  return (await context.signers()).keyless(settings);
}

function checkedUrl(url: string | undefined): string | undefined {
  if (url === undefined) return undefined;
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (
    parsed !== null &&
    ['http:', 'https:'].includes(parsed.protocol) &&
    parsed.username === '' &&
    parsed.password === ''
  )
    return url;
  throw new WeighmarkError('usage', 'the timestamp server is not an http or https URL without a password', {
    subject: '--tsa',
  });
}
