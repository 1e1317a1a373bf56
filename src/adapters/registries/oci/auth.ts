import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { findCredentials, isDockerHub, type CredentialDeps, type Credentials } from './credentials.ts';
import { bodyOf, sendPatiently } from './http.ts';

/** How a registry wants to be authorized. https://distribution.github.io/distribution/spec/auth/token/ */
export interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly params: Readonly<Record<string, string>>;
}

/** Token services that serve registries of another host, known to belong together. */
const KNOWN_REALMS: Readonly<Record<string, string>> = {
  'registry-1.docker.io': 'auth.docker.io',
  'index.docker.io': 'auth.docker.io',
  'registry.gitlab.com': 'gitlab.com',
};

/** The first challenge that can be met; null for none. */
export function parseChallenge(header: string | undefined): Challenge | null {
  const [, scheme = '', rest = ''] = /^\s*(basic|bearer)\s+(.{1,4000})$/is.exec(header ?? '') ?? [];
  if (scheme === '') return null;
  const pairs = [...rest.matchAll(/([a-z_]{1,20})="([^"]{0,1000})"/gi)].map(
    ([, key = '', value = '']) => [key.toLowerCase(), value] as const,
  );
  return { scheme: scheme.toLowerCase() === 'basic' ? 'basic' : 'bearer', params: Object.fromEntries(pairs) };
}

export interface Authorizer {
  /** The header for a scope, as far as known; undefined before the first challenge. */
  headerFor(scope: string): string | undefined;
  /** Learns from a 401. False if there is nothing more to try. */
  answer(challenge: Challenge | null, scope: string): Promise<boolean>;
}

/** Authorization for one registry host: secrets go to it and to its token service, to nobody else. */
export function createAuthorizer(registry: URL, deps: CredentialDeps): Authorizer {
  const headers = new Map<string, string>();
  const credentials = new Map<string, Promise<Credentials | null>>();
  const findOnce = (repository: string) => {
    const found = credentials.get(repository) ?? findCredentials(registry.host, deps, repository);
    credentials.set(repository, found);
    return found;
  };
  const basic = (scope: string) => `basic ${repositoryIn(scope)}`;
  return {
    headerFor: (scope) => headers.get(scope) ?? headers.get(basic(scope)),
    async answer(challenge, scope) {
      if (challenge === null) return false;
      const known = await findOnce(repositoryIn(scope));
      const header =
        challenge.scheme === 'basic'
          ? basicOf(known)
          : `Bearer ${await fetchToken(challenge, { scope, registry, credentials: known, deps })}`;
      const slot = challenge.scheme === 'basic' ? basic(scope) : scope;
      if (header === null || (challenge.scheme === 'basic' && headers.get(slot) === header)) return false;
      headers.set(slot, header);
      return true;
    },
  };
}

/** Podman keeps credentials for parts of a registry, too. */
function repositoryIn(scope: string): string {
  return /^repository:([^: ]+):/.exec(scope)?.[1] ?? '';
}

function basicOf(credentials: Credentials | null): string | null {
  if (credentials === null || !('username' in credentials)) return null;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

interface TokenQuestion {
  readonly scope: string;
  readonly registry: URL;
  readonly credentials: Credentials | null;
  readonly deps: CredentialDeps;
}

async function fetchToken(challenge: Challenge, question: TokenQuestion): Promise<string> {
  const realm = realmOf(challenge, question);
  const service = challenge.params['service'] ?? '';
  const { credentials, scope } = question;
  const identity = credentials !== null && 'identityToken' in credentials ? credentials.identityToken : null;
  const response =
    identity === null
      ? await sendPatiently({
          method: 'GET',
          url: withQuery(realm, { service, scope }),
          headers: basicHeaders(credentials),
        })
      : await sendPatiently({
          method: 'POST',
          url: realm,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: Buffer.from(
            new URLSearchParams({
              grant_type: 'refresh_token',
              refresh_token: identity,
              client_id: 'weighmark',
              service,
              scope,
            }).toString(),
          ),
        });
  const body = await bodyOf(response, LIMITS.configBytes);
  if (response.status !== 200) throw denied(question.registry, response.status);
  const { token, access_token: access } = parseStrictJsonObject(body, {
    code: 'network',
    subject: realm.host,
    refuseCaseDuplicates: false,
  });
  const found = typeof token === 'string' && token !== '' ? token : access;
  if (typeof found === 'string' && /^[\x21-\x7e]+$/.test(found)) return found;
  throw new WeighmarkError('network', `${realm.host} answers without a token`, { subject: realm.host });
}

/** The token service: the registry's own host, or one it is known to use (security rule 23). */
function realmOf(challenge: Challenge, { registry, deps }: TokenQuestion): URL {
  const text = challenge.params['realm'] ?? '';
  if (!URL.canParse(text))
    throw new WeighmarkError('network', `${registry.host} asks for a token without saying where`, {
      subject: registry.host,
    });
  const realm = new URL(text);
  const allowed = [
    registry.host,
    KNOWN_REALMS[registry.host],
    ...(deps.env['WEIGHMARK_TOKEN_HOSTS'] ?? '').split(',').map((host) => host.trim()),
  ];
  if (allowed.includes(realm.host) && (realm.protocol === 'https:' || registry.protocol === 'http:')) return realm;
  throw new WeighmarkError('network', `${registry.host} wants its token fetched from another host`, {
    subject: registry.host,
    facts: { 'token service': realm.host },
    hint: `if that is right, set WEIGHMARK_TOKEN_HOSTS=${realm.host}`,
  });
}

function basicHeaders(credentials: Credentials | null): Record<string, string> {
  const header = basicOf(credentials);
  return header === null ? {} : { authorization: header };
}

function withQuery(url: URL, query: Readonly<Record<string, string>>): URL {
  const result = new URL(url);
  for (const [key, value] of Object.entries(query))
    for (const each of value.split(' ')) if (each !== '') result.searchParams.append(key, each);
  return result;
}

function loginName(host: string): string {
  return isDockerHub(host) ? 'docker.io' : host;
}

export function denied(registry: URL, status: number): WeighmarkError {
  return new WeighmarkError('network', `${registry.host} refuses access (${status})`, {
    subject: registry.host,
    hint: `log in as Docker or Podman does: \`docker login ${loginName(registry.host)}\``,
  });
}
