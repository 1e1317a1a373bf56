import { WeighmarkError } from '../../../domain/base/errors.ts';
import { proxyFor } from '../../network/proxy.ts';
import { createAuthorizer, denied, parseChallenge } from './auth.ts';
import { resolveHost } from './address.ts';
import type { CredentialDeps } from './credentials.ts';
import { bodyOf, send, sendFollowing, sendPatiently, type HttpRequest, type HttpResponse } from './http.ts';

/** Requests to one registry host, authorized as it asks. Paths are below `/v2/`. */
export interface OciClient {
  readonly base: URL;
  request(what: ClientRequest): Promise<HttpResponse>;
  /** A URL the registry handed out (upload sessions, pages), seen from its root or from where it was: on its own host only. */
  urlOf(location: string, from?: URL): URL;
}

export interface ClientRequest extends Omit<HttpRequest, 'url'> {
  readonly url: URL;
  /** Repository the request is about. */
  readonly repository: string;
  readonly push?: boolean;
  /** Another repository that is read from. */
  readonly alsoFrom?: string;
  /** Not tried again as it is: what the registry received of it may count. */
  readonly once?: boolean;
}

/** @throws WeighmarkError `network` if the host cannot be reached by TLS, or at all. */
export async function openClient(
  host: string,
  deps: CredentialDeps & { readonly offline?: boolean; readonly signal?: AbortSignal },
): Promise<OciClient> {
  if (deps.offline === true)
    throw new WeighmarkError('network', `${host} is on the network, and --offline is set`, {
      subject: host,
      hint: 'leave out `--offline`, or WEIGHMARK_OFFLINE',
    });
  const base = await baseOf(host);
  const authorizer = createAuthorizer(base, deps);
  const ask = async (what: ClientRequest): Promise<HttpResponse> => {
    const scope = scopeOf(what);
    for (let attempt = 0; ; attempt += 1) {
      const header = authorizer.headerFor(scope);
      const headers = { ...what.headers, ...(header === undefined ? {} : { authorization: header }) };
      const signal = eitherOf(what.signal, deps.signal);
      const request = { ...what, headers, ...(signal === undefined ? {} : { signal }) };
      const response = await (what.once === true
        ? sendFollowing(request)
        : sendPatiently(request, (each) => sendFollowing(each)));
      if (response.status !== 401) return response;
      response.stream.destroy();
      const challenge = parseChallenge(response.headers['www-authenticate']);
      const learned = attempt < 2 && (await authorizer.answer(challenge, scope).catch(unlessProbing(what)));
      if (!learned && what.probing === true) return response;
      if (!learned) throw denied(base, 401);
    }
  };
  return { base, request: ask, urlOf: (location, from = base) => ownUrl(base, location, from) };
}

/** A path that asks for what nobody gives is closed to us: an answer, where only that was asked. */
function unlessProbing({ probing }: ClientRequest): (error: unknown) => false {
  return (error) => {
    if (probing === true && error instanceof WeighmarkError && error.code === 'network') return false;
    throw error;
  };
}

/** Scopes are separated by spaces. https://distribution.github.io/distribution/spec/auth/scope/ */
function scopeOf({ repository, push, alsoFrom }: ClientRequest): string {
  const own = `repository:${repository}:${push === true ? 'pull,push' : 'pull'}`;
  return alsoFrom === undefined ? own : `${own} repository:${alsoFrom}:pull`;
}

function eitherOf(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  return one === undefined || other === undefined ? (one ?? other) : AbortSignal.any([one, other]);
}

/** Where the API of a registry is that does not answer under its name. */
const API_HOSTS: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };

/** HTTPS; on this machine plain HTTP if no TLS is spoken there. A certificate that is wrong is never a reason. */
async function baseOf(host: string): Promise<URL> {
  const secure = new URL(`https://${API_HOSTS[host] ?? host}`);
  if (proxyFor(secure) !== null || !(await resolveHost(secure.hostname)).loopback) return secure;
  try {
    const response = await send({ method: 'GET', url: new URL('/v2/', secure) });
    response.stream.destroy();
    return secure;
  } catch (error) {
    if (error instanceof WeighmarkError && speaksNoTls(error.cause)) return new URL(`http://${host}`);
    throw error;
  }
}

function speaksNoTls(cause: unknown): boolean {
  const { code = '', message = '' } = (cause ?? {}) as Partial<NodeJS.ErrnoException>;
  return (
    code === 'EPROTO' ||
    code === 'ERR_SSL_WRONG_VERSION_NUMBER' ||
    code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG' ||
    /wrong version number|packet length too long/i.test(message)
  );
}

/** An upload session or page elsewhere would get our token: refused. */
function ownUrl(base: URL, location: string, from: URL): URL {
  const url = URL.parse(location, from.href);
  if (url?.host === base.host && url.protocol === base.protocol) return url;
  throw new WeighmarkError('network', `${base.host} sends us to ${url?.host ?? 'an unreadable address'}`, {
    subject: base.host,
  });
}

/** @throws WeighmarkError by what the registry answered; the body's text is shown escaped and short. */
export async function expectStatus(
  response: HttpResponse,
  wanted: readonly number[],
  subject: string,
): Promise<HttpResponse> {
  if (wanted.includes(response.status)) return response;
  const body = Buffer.from(await bodyOf(response, 1 << 16).catch(() => Buffer.alloc(0))).toString();
  const facts = { answer: `${response.status} ${body.slice(0, 200)}`.trim() };
  if (response.status === 404)
    throw new WeighmarkError('not-found', `${response.url.host} has no ${subject}`, { subject, facts });
  if (response.status === 403) throw denied(response.url, 403);
  if (response.status === 413)
    throw new WeighmarkError('limit-exceeded', `${response.url.host} finds ${subject} too large`, { subject, facts });
  throw new WeighmarkError('network', `${response.url.host} does not do what was asked of ${subject}`, {
    subject,
    facts,
  });
}
