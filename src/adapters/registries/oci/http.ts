import { isIP } from 'node:net';
import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { isPrivateName, proxyFor } from '../../network/proxy.ts';
import { credentialsFor, requesterOf, toProxy, tunnelAgent } from '../../network/tunnel.ts';
import { resolveHost, type Address } from './address.ts';
import { sendPart, type FilePart } from './file-part.ts';
import { LONGEST_WAIT_MS, PATIENCE } from './patience.ts';
import { FLOOR, watchSpeed, type Floor } from './speed.ts';
import { tapped } from './tap.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | FilePart;
  readonly signal?: AbortSignal;
  /** The answer is a large body, which is taken by `drain`. */
  readonly large?: boolean;
  /** Default: 1 KiB a second. */
  readonly floor?: Floor;
  /** Whether there is something at this place is all that is asked: a redirect to another host is an answer, too. */
  readonly probing?: boolean;
  /** Not by TLS alone: what is asked and answered is public, and signed or checked otherwise. */
  readonly plain?: boolean;
  /** Never through a proxy: what is asked is this machine's own surroundings. */
  readonly direct?: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Of the last redirect. */
  readonly url: URL;
  /** Must be read or destroyed. */
  readonly stream: IncomingMessage;
  /** @throws WeighmarkError `network` if the body was given up because it came too slowly. */
  requireSpeed(): void;
}

const IDLE_MS = 60_000;
const ATTEMPTS = 5;
const agents = {
  'http:': new HttpAgent({ keepAlive: true, maxSockets: 16 }),
  'https:': new HttpsAgent({ keepAlive: true, maxSockets: 16 }),
};
const largeAgents = {
  'http:': tapped(new HttpAgent({ maxSockets: 16 })),
  'https:': tapped(new HttpsAgent({ maxSockets: 16 })),
};

/**
 * One request, without following redirects. `node:http` and not `fetch`: the address that was judged is the address that is
 * connected to, and files are sent with their length.
 * @throws WeighmarkError `network`, `interrupted`.
 */
export async function send(request: HttpRequest): Promise<HttpResponse> {
  const route = await routeOf(request);
  if (request.plain !== true) requireSafeScheme(request.url, route);
  return transfer(request, route);
}

/** Straight to an address, or to a proxy, which then resolves the name. */
type Route = Pick<Address, 'loopback' | 'private'> & ({ readonly address: Address } | { readonly proxy: URL });

/**
 * Behind a proxy nobody here knows where a name leads. It is private if it is written as a private address or is a name that
 * no public host has, and never this machine: plain HTTP stays what it is for, and what may not redirect there may not either.
 */
async function routeOf({ url, direct = false }: Pick<HttpRequest, 'url' | 'direct'>): Promise<Route> {
  const proxy = direct ? null : proxyFor(url);
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  if (proxy !== null && !isAddress) return { proxy, loopback: false, private: isPrivateName(url.hostname) };
  const address = await resolveHost(url.hostname);
  if (proxy === null) return { address, loopback: address.loopback, private: address.private };
  return { proxy, loopback: false, private: address.private };
}

/** TLS everywhere but on this very machine, judged by the address (security rule 23). */
function requireSafeScheme(url: URL, { loopback }: Route): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && loopback)) return;
  throw new WeighmarkError('network', `${url.host} is not this machine: it is spoken to by TLS only`, {
    subject: url.host,
  });
}

async function transfer(request: HttpRequest, route: Route): Promise<HttpResponse> {
  const { url, method, body } = request;
  const options: RequestOptions = {
    method,
    headers: { 'user-agent': 'weighmark', ...request.headers, ...lengthOf(body) },
    timeout: IDLE_MS,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = requestBy(route, request, options);
    const fail = (cause: unknown) => reject(networkError(cause, request));
    let tooSlow: WeighmarkError | null = null;
    const speed = watchSpeed(outgoing, request.floor ?? FLOOR, () => {
      tooSlow = slowError(url, request.floor ?? FLOOR);
      outgoing.destroy(tooSlow);
    });
    const requireSpeed = () => {
      if (tooSlow !== null) throw tooSlow;
    };
    outgoing.once('response', (stream) => {
      speed.answered(stream);
      resolve({ status: stream.statusCode ?? 0, headers: stream.headers, url, stream, requireSpeed });
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer for a minute')));
    outgoing.on('error', fail);
    if (body === undefined || body instanceof Uint8Array) outgoing.end(body);
    else sendPart(outgoing, body).catch((cause: unknown) => (fail(cause), outgoing.destroy()));
  });
}

function requestBy(route: Route, { url, large }: HttpRequest, options: RequestOptions): ClientRequest {
  if ('address' in route) {
    const agent = (large === true ? largeAgents : agents)[url.protocol as keyof typeof agents];
    const lookup = pinnedLookup(route.address) as NonNullable<RequestOptions['lookup']>;
    return (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, { ...options, agent, lookup });
  }
  const { proxy } = route;
  if (url.protocol === 'https:') return httpsRequest(url, { ...options, agent: tunnelAgent(proxy) });
  // RFC 9112 section 3.2.2: a proxy is told the whole address.
  const headers = { ...(options.headers as object), host: url.host, ...credentialsFor(proxy) };
  return requesterOf(proxy)({ ...options, ...toProxy(proxy), path: url.href, headers });
}

function lengthOf(body: HttpRequest['body']): Record<string, string> {
  if (body === undefined) return {};
  return { 'content-length': String(body instanceof Uint8Array ? body.length : body.end - body.start) };
}

function pinnedLookup(address: Address) {
  return (_host: string, options: { all?: boolean }, done: (...result: unknown[]) => void) => {
    if (options.all === true) done(null, [{ address: address.address, family: address.family }]);
    else done(null, address.address, address.family);
  };
}

/** Tries again what may pass: cut connections, 429 and 5xx, waiting as the server asks. */
export async function sendPatiently(
  request: HttpRequest,
  once: (request: HttpRequest) => Promise<HttpResponse> = send,
): Promise<HttpResponse> {
  return patiently(() => once(request), request);
}

/** The same for attempts that are more than one request. */
export async function patiently(
  once: () => Promise<HttpResponse>,
  { signal, probing = false }: Pick<HttpRequest, 'signal' | 'probing'> = {},
): Promise<HttpResponse> {
  const passes = probing ? isBusy : mayPass;
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once().catch((error: unknown) => error);
    const isLast = attempt >= ATTEMPTS;
    if (!isResponse(outcome)) {
      if (isLast || !(outcome instanceof WeighmarkError) || !isTransient(outcome)) throw outcome;
      await pause(attempt, undefined, signal);
    } else if (isLast || !passes(outcome.status)) {
      return outcome;
    } else {
      outcome.stream.destroy();
      await pause(attempt, outcome.headers['retry-after'], signal);
    }
  }
}

export function mayPass(status: number): boolean {
  return status === 429 || (status >= 500 && status !== 501);
}

/** The server, or one before it, is in trouble: no answer to what was asked. */
export function isBusy(status: number): boolean {
  return status === 429 || (status >= 502 && status <= 504);
}

function isResponse(outcome: unknown): outcome is HttpResponse {
  return typeof outcome === 'object' && outcome !== null && 'stream' in outcome;
}

function isTransient(error: WeighmarkError): boolean {
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code ?? '';
  return (
    error.code === 'network' &&
    ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'ETIMEDOUT', 'ECONNABORTED', 'UND_ERR_SOCKET'].includes(code)
  );
}

/** Retry-After in seconds or as a date; else longer each time. Milliseconds, bounded. */
export function waitOf(attempt: number, retryAfter: string | undefined, now: number = Date.now()): number {
  return Math.min(LONGEST_WAIT_MS, askedOf(attempt, retryAfter, now));
}

function askedOf(attempt: number, retryAfter: string | undefined, now: number = Date.now()): number {
  return retryAfterMs(retryAfter, now) ?? 100 * 2 ** attempt * (0.5 + Math.random());
}

/** A day's name: with anything less `Date.parse` takes `7.5` and `+7` for months. https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 */
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/** Null for what is neither, and for a date that is over by this clock: it says nothing of how long to wait. */
function retryAfterMs(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const left = HTTP_DATE.test(text) ? Date.parse(text) - now : Number.NaN;
  return left > 0 ? left : null;
}

/** @throws WeighmarkError `network` if the server asks for more than a command waits, now or in all. */
export async function pause(attempt: number, retryAfter: string | undefined, signal?: AbortSignal): Promise<void> {
  await PATIENCE.wait(askedOf(attempt, retryAfter), signal);
}

/**
 * Follows at most three redirects by hand: without credentials to another host, never back to plain HTTP, never from the
 * open network to a private address (security rule 23).
 */
export async function sendFollowing(
  request: HttpRequest,
  once: (request: HttpRequest) => Promise<HttpResponse> = send,
): Promise<HttpResponse> {
  let current = request;
  for (let hops = 0; ; hops += 1) {
    const response = await once(current);
    const location = response.headers.location;
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
    response.stream.destroy();
    const isLast = hops >= LIMITS.redirects;
    const url = URL.canParse(location, current.url.href) ? new URL(location, current.url) : null;
    if (request.probing === true && (isLast || url?.origin !== current.url.origin)) return response;
    if (isLast) throw refused(current.url, 'redirects too often');
    if (url === null) throw refused(current.url, 'redirects to what is no address');
    current = await redirected(current, url);
  }
}

async function redirected(request: HttpRequest, url: URL): Promise<HttpRequest> {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    throw refused(request.url, `redirects a ${request.method}`);
  if (request.url.protocol === 'https:' && url.protocol !== 'https:')
    throw refused(request.url, 'redirects away from TLS');
  const [from, to] = [await routeOf(request), await routeOf({ ...request, url })];
  if (to.private && !from.private)
    throw refused(
      request.url,
      `redirects to the private address ${url.host}`,
      'proxy' in from ? BEHIND_PROXY : undefined,
    );
  if (url.host === request.url.host) return { ...request, url };
  const { authorization: _, ...headers } = request.headers ?? {};
  return { ...request, url, headers };
}

const BEHIND_PROXY = 'if the host itself is of a private network, name it in NO_PROXY';

function refused(url: URL, what: string, hint?: string): WeighmarkError {
  return new WeighmarkError('network', `${url.host} ${what}`, {
    subject: url.host,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The whole body, bounded. @throws WeighmarkError `limit-exceeded`, `network` if it is cut. */
export async function bodyOf(response: HttpResponse, maxBytes: number = LIMITS.httpJsonBytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.stream as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes)
        throw new WeighmarkError('limit-exceeded', `${response.url.host} answers with more than ${maxBytes} bytes`, {
          subject: response.url.host,
        });
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof WeighmarkError) throw cause;
    response.requireSpeed();
    throw new WeighmarkError('network', `the answer of ${response.url.host} was cut`, {
      subject: response.url.host,
      cause,
    });
  }
  return Buffer.concat(chunks);
}

/** Asks again when a small answer was cut on its way. */
export async function unlessCut<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt >= ATTEMPTS || !(error instanceof WeighmarkError && isTransient(error))) throw error;
      await pause(attempt, undefined);
    }
  }
}

function slowError(url: URL, { bytes, windowMs }: Floor): WeighmarkError {
  const floor = Math.round((bytes * 1000) / windowMs);
  return new WeighmarkError('network', `${url.host} is too slow: fewer than ${floor} bytes a second`, {
    subject: url.host,
    hint: 'repeat later; what came whole is not fetched again',
  });
}

function networkError(cause: unknown, request: HttpRequest): WeighmarkError {
  if (cause instanceof WeighmarkError) return cause;
  if (request.signal?.aborted === true) return new WeighmarkError('interrupted', 'interrupted', { cause });
  const why = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause);
  return new WeighmarkError('network', `${request.url.host} cannot be reached: ${why}`, {
    subject: request.url.host,
    cause,
  });
}
