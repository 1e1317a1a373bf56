import { execFile } from 'node:child_process';
import { delimiter, isAbsolute } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { KeylessSignerOptions } from '../../domain/ports/signing.ts';
import { exchange } from './http.ts';
import { claimsOf, unusable } from './jwt.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface TokenWorld {
  readonly files: Files;
  readonly env: Env;
  readonly options: KeylessSignerOptions;
  /** OIDC issuer a person can sign in at. */
  readonly issuer: string | null;
}

const AUDIENCE = 'sigstore';

/**
 * Where the OIDC token comes from, in this order: `--identity-token FILE`, the CI system, a browser. Each call fetches anew.
 * @throws WeighmarkError `key-unusable`, `network`; never with a token in it.
 */
export function tokenSource(world: TokenWorld): () => Promise<string> {
  return async () => checked(await firstToken(world));
}

async function firstToken(world: TokenWorld): Promise<string> {
  const { identityTokenFile, person } = world.options;
  if (identityTokenFile !== undefined) return tokenFile(world.files, identityTokenFile);
  const ambient = await ambientToken(world);
  if (ambient !== null) return ambient;
  if (person === undefined || world.issuer === null) throw noIdentity();
  const { browserToken } = await import('./browser.ts');
  const token = await browserToken(world.issuer, person);
  if (token === null) throw noIdentity();
  return token;
}

/** The identity of the machine's job, if it has one. */
async function ambientToken({ env, files }: TokenWorld): Promise<string | null> {
  const set = (name: string): string | null => (env[name] === undefined || env[name] === '' ? null : env[name]);
  const given = set('SIGSTORE_ID_TOKEN');
  if (given !== null) return given;
  const url = set('ACTIONS_ID_TOKEN_REQUEST_URL');
  const bearer = set('ACTIONS_ID_TOKEN_REQUEST_TOKEN');
  if (url !== null && bearer !== null) return githubToken(url, bearer);
  if (set('GITHUB_ACTIONS') === 'true') {
    throw new WeighmarkError('key-unusable', 'this GitHub job has no identity to sign with', {
      hint: 'give the job `permissions: id-token: write`',
    });
  }
  if (set('BUILDKITE') === 'true') return buildkiteToken(env);
  const file = set('SIGSTORE_ID_TOKEN_FILE') ?? (await mountedTokenFile(files));
  if (file !== null) return tokenFile(files, file);
  return set('GCE_METADATA_HOST') === null ? null : googleToken(env['GCE_METADATA_HOST'] ?? '');
}

async function githubToken(url: string, bearer: string): Promise<string> {
  const target = new URL(url);
  target.searchParams.set('audience', AUDIENCE);
  const answer = await exchange(target.href, {
    headers: { accept: 'application/json', authorization: `Bearer ${bearer}` },
    maxBytes: LIMITS.tokenBytes,
    what: 'GitHub’s token service',
  });
  const { value } = parseStrictJsonObject(answer, { code: 'network', subject: 'GitHub’s answer' });
  if (typeof value === 'string') return value;
  throw new WeighmarkError('network', 'GitHub’s token service answered without a token');
}

/** The agent is looked for in absolute folders only: never in the working folder (security rule 23). */
async function buildkiteToken(env: Env): Promise<string> {
  const path = (env['PATH'] ?? '').split(delimiter).filter(isAbsolute).join(delimiter);
  return new Promise((resolve, reject) => {
    execFile(
      'buildkite-agent',
      ['oidc', 'request-token', '--audience', AUDIENCE],
      { env: { ...env, PATH: path }, timeout: 30_000, maxBuffer: LIMITS.tokenBytes },
      (error, stdout) => {
        if (error === null) resolve(stdout.trim());
        else reject(new WeighmarkError('key-unusable', 'buildkite-agent gave no identity token'));
      },
    );
  });
}

/** Where Kubernetes (a projected service account token with audience sigstore) puts it, as cosign looks for it. */
async function mountedTokenFile(files: Files): Promise<string | null> {
  const path = '/var/run/sigstore/cosign/oidc-token';
  return (await files.kindOf(path)) === 'none' ? null : path;
}

async function googleToken(host: string): Promise<string> {
  const answer = await exchange(
    `http://${host}/computeMetadata/v1/instance/service-accounts/default/identity?audience=${AUDIENCE}&format=full`,
    {
      headers: { 'metadata-flavor': 'Google' },
      maxBytes: LIMITS.tokenBytes,
      what: 'Google’s metadata service',
      direct: true,
    },
  );
  return Buffer.from(answer).toString('latin1');
}

async function tokenFile(files: Files, location: string): Promise<string> {
  const target = await files.realPath(location);
  return Buffer.from(await files.read(target, LIMITS.tokenBytes)).toString('latin1');
}

/** A JWT whose claims can be read, that is for Sigstore and has not expired. Its signature is Fulcio's to verify. */
function checked(raw: string): string {
  const token = raw.trim();
  const claims = claimsOf(token);
  const audiences = Array.isArray(claims['aud']) ? claims['aud'] : [claims['aud']];
  if (!audiences.includes(AUDIENCE))
    throw unusable('is not meant for Sigstore', 'ask for a token with the audience `sigstore`');
  if (typeof claims['exp'] === 'number' && claims['exp'] * 1000 < Date.now())
    throw unusable('has expired', 'fetch a new one');
  if (claims['email'] !== undefined && claims['email_verified'] !== true && claims['email_verified'] !== 'true')
    throw unusable('has an e-mail address its issuer did not verify');
  if (typeof (claims['email'] ?? claims['sub']) !== 'string') throw unusable('names nobody');
  return token;
}

function noIdentity(): WeighmarkError {
  return new WeighmarkError('key-unusable', 'no OIDC identity to sign with', {
    hint: 'run in CI with an identity (SIGSTORE_ID_TOKEN), give `--identity-token FILE`, sign in on a terminal, or sign with `--key FILE`',
  });
}
