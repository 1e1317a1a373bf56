import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import type { TrustEntry } from '../domain/claims/types.ts';
import { WeighmarkError } from '../domain/base/errors.ts';
import { LIMITS } from '../domain/base/limits.ts';
import { refuseInside } from '../domain/trust/anchors.ts';
import { certificatesPemOf, publicPemOf } from '../domain/pki/key-forms.ts';
import { makeEntry, type RawEntry } from '../domain/trust/entry.ts';
import { collect } from './command.ts';
import type { Context } from './context.ts';

/** TRUST of DESIGN 5, as commander hands it over. */
export interface TrustOptions {
  readonly key?: string;
  readonly certificateChain?: string;
  readonly identity?: string;
  readonly identityRegexp?: string;
  readonly issuer?: string;
  readonly trustedRoot?: string;
  readonly by?: readonly string[];
  readonly timestampAuthority?: readonly string[];
}

export function addTrustOptions(command: Command): Command {
  return command
    .addOption(new Option('--key <pem>', 'who holds this public key').helpGroup('Trust:'))
    .addOption(new Option('--certificate-chain <pem>', 'who has a certificate under these roots').helpGroup('Trust:'))
    .addOption(
      new Option('--identity <name>', 'exactly this e-mail address, URI or certificate name').helpGroup('Trust:'),
    )
    .addOption(new Option('--issuer <url>', 'as vouched for by exactly this OIDC issuer').helpGroup('Trust:'))
    .addOption(new Option('--identity-regexp <re2>', 'identities this pattern matches as a whole').helpGroup('Trust:'))
    .addOption(new Option('--trusted-root <file>', 'trusted_root.json of a private Sigstore').helpGroup('Trust:'))
    .addOption(new Option('--by <name>', 'an entry of the trust store (repeat)').argParser(collect).helpGroup('Trust:'))
    .addOption(
      new Option('--timestamp-authority <pem>', 'certificates of an RFC 3161 server to believe (repeat)')
        .argParser(collect)
        .helpGroup('Trust:'),
    );
}

/**
 * Whose signatures count: what the options name, else the trust store (and an allowed project's configuration). Empty when
 * there is neither: what that means is the caller's to say, after looking for signatures.
 * @param inside paths of the artifact and the registry: an anchor that lies in them is refused (security rule 1).
 * @throws WeighmarkError `usage`, `trust-invalid`, `trust-unavailable`, `anchor-inside`.
 */
export async function trustFrom(
  context: Context,
  options: TrustOptions,
  inside: readonly string[] = [],
): Promise<readonly TrustEntry[]> {
  if (!namesTrust(options)) return storedEntries(context, inside);
  const named = options.by === undefined ? [] : await entriesBy(context, options.by, inside);
  return isAnchor(options) ? [await anchorFrom(context, options, inside), ...named] : named;
}

/**
 * PEM chains of the RFC 3161 authorities the caller believes, for key and certificate signatures: options, then
 * configuration. The public-good Sigstore instance's own is always believed and not among these.
 */
export async function timestampAuthoritiesFrom(
  context: Context,
  options: TrustOptions,
  inside: readonly string[] = [],
): Promise<readonly string[]> {
  const paths = options.timestampAuthority ?? (await context.configuration()).settings.timestampAuthorities ?? [];
  return Promise.all(paths.map(async (path) => readChainAnchor(context, path, inside)));
}

function isAnchor(options: TrustOptions): boolean {
  return [
    options.key,
    options.certificateChain,
    options.identity,
    options.identityRegexp,
    options.issuer,
    options.trustedRoot,
  ].some((value) => value !== undefined);
}

function namesTrust(options: TrustOptions): boolean {
  return isAnchor(options) || options.by !== undefined;
}

async function storedEntries(context: Context, inside: readonly string[]): Promise<readonly TrustEntry[]> {
  const store = await context.trustStore();
  const { entries } = await store.read();
  if (entries.length > 0) await refuseInside(await context.files(), store.location, inside);
  const { settings } = await context.configuration();
  return [...entries, ...(settings.trust ?? [])];
}

async function entriesBy(
  context: Context,
  names: readonly string[],
  inside: readonly string[],
): Promise<readonly TrustEntry[]> {
  const stored = await storedEntries(context, inside);
  return names.map((name) => {
    const entry = stored.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
    throw new WeighmarkError('trust-unavailable', `nobody called ${name} is in the trust store`, {
      subject: name,
      hint: '`weighmark trust list` shows who is',
    });
  });
}

async function anchorFrom(context: Context, options: TrustOptions, inside: readonly string[]): Promise<TrustEntry> {
  requirePairs(options);
  if (options.identityRegexp !== undefined) (await import('../domain/base/pattern-engine.ts')).usePatterns();
  return makeEntry({
    name: 'command-line',
    ...(await anchorFiles(context, options, inside)),
    identity: options.identity,
    identityRegexp: options.identityRegexp,
    issuer: options.issuer,
  });
}

/** The contents of the files that trust is named by. @throws WeighmarkError `trust-unavailable`, `anchor-inside`, `trust-invalid`. */
export async function anchorFiles(
  context: Context,
  { key, certificateChain, trustedRoot }: Pick<TrustOptions, 'key' | 'certificateChain' | 'trustedRoot'>,
  inside: readonly string[] = [],
): Promise<Pick<RawEntry, 'key' | 'certificateChain' | 'trustedRoot'>> {
  return {
    key: key === undefined ? undefined : await readKeyAnchor(context, key, inside),
    certificateChain:
      certificateChain === undefined ? undefined : await readChainAnchor(context, certificateChain, inside),
    trustedRoot: trustedRoot === undefined ? undefined : await readAnchor(context, trustedRoot, inside),
  };
}

function requirePairs(options: TrustOptions): void {
  const hasIdentity = options.identity !== undefined || options.identityRegexp !== undefined;
  const isCertificate = options.certificateChain !== undefined;
  if (hasIdentity && options.issuer === undefined && !isCertificate)
    throw new WeighmarkError('usage', '--identity needs the --issuer that vouches for it');
  if (options.issuer !== undefined && !hasIdentity)
    throw new WeighmarkError('usage', '--issuer needs the --identity it vouches for');
  if (options.trustedRoot !== undefined && options.issuer === undefined)
    throw new WeighmarkError('usage', '--trusted-root needs --identity and --issuer');
  if (options.key !== undefined && (isCertificate || hasIdentity))
    throw new WeighmarkError('usage', '--key stands alone: no identity or certificate goes with it');
}

/** The public key in a file of trust that the caller named, in PEM. @throws WeighmarkError as `readAnchor`, `trust-invalid`. */
async function readKeyAnchor(context: Context, path: string, inside: readonly string[] = []): Promise<string> {
  return publicPemOf(await bytesOf(context, path, inside), 'trust-invalid', path);
}

/** Certificates, PEM whatever the file's form. @throws WeighmarkError `trust-unavailable`, `anchor-inside`. */
async function readChainAnchor(context: Context, path: string, inside: readonly string[] = []): Promise<string> {
  return certificatesPemOf(await bytesOf(context, path, inside));
}

/** The content of a file of trust that the caller named. @throws WeighmarkError `trust-unavailable`, `anchor-inside`. */
async function readAnchor(context: Context, path: string, inside: readonly string[] = []): Promise<string> {
  return Buffer.from(await bytesOf(context, path, inside)).toString('utf8');
}

/** What a shell calls a pipe (`<(…)`, `/dev/stdin`) is there, and has no place that could be looked at. */
function nowhere(
  path: string,
  { location, cause }: { readonly location: string; readonly cause: Error },
): WeighmarkError {
  const isPipe = /^\/(?:dev|proc)\//.test(location);
  return new WeighmarkError(
    'trust-unavailable',
    `${path} ${isPipe ? 'is no file' : 'does not exist'}: without it nobody is trusted`,
    {
      subject: path,
      hint: isPipe
        ? 'save what it holds to a file, and name that'
        : 'name the file that holds it; `weighmark trust list` shows whom you trust without one',
      cause,
    },
  );
}

async function bytesOf(context: Context, path: string, inside: readonly string[]): Promise<Uint8Array> {
  const files = await context.files();
  const location = resolve(context.cwd, path);
  try {
    const realPath = await files.realPath(location);
    await refuseInside(files, realPath, inside);
    return await files.read(realPath, LIMITS.trustedRootBytes);
  } catch (cause) {
    if (cause instanceof WeighmarkError && cause.code === 'not-found') throw nowhere(path, { location, cause });
    if (cause instanceof WeighmarkError && cause.code !== 'unreadable') throw cause;
    throw new WeighmarkError('trust-unavailable', `${path} cannot be read: without it nobody is trusted`, {
      subject: path,
      cause,
    });
  }
}
