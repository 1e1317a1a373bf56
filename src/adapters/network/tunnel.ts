import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { WeighmarkError } from '../../domain/base/errors.ts';

const IDLE_MS = 60_000;
const agents = new Map<string, HttpsAgent>();

/** Connections to https hosts through a proxy (RFC 9110 section 9.3.6): it sees the host's name and port, and ciphertext. */
export function tunnelAgent(proxy: URL, patienceMs = IDLE_MS): HttpsAgent {
  const known = agents.get(proxy.href);
  if (known !== undefined) return known;
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 16 });
  const overTls = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    const { host, port } = options as { readonly host: string; readonly port: number | string };
    const target = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    openTunnel({ proxy, target, patienceMs }, (error, socket) => {
      if (socket === null) done?.(error, undefined as never);
      else done?.(null, overTls({ ...options, socket } as typeof options) as Socket);
    });
    return undefined;
  };
  agents.set(proxy.href, agent);
  return agent;
}

/** Either is null. */
type Opened = (error: Error | null, socket: Socket | null) => void;

interface Tunnel {
  readonly proxy: URL;
  readonly target: string;
  /** For the whole answer: it is a few lines, and a proxy that sends a byte now and then would never be idle. */
  readonly patienceMs: number;
}

function openTunnel({ proxy, target, patienceMs }: Tunnel, done: Opened): void {
  const outgoing = requesterOf(proxy)({
    ...toProxy(proxy),
    method: 'CONNECT',
    path: target,
    agent: false,
    headers: { host: target, ...credentialsFor(proxy) },
  });
  const patience = setTimeout(
    () => outgoing.destroy(new Error(`it did not answer within ${patienceMs / 1000} s`)),
    patienceMs,
  ).unref();
  outgoing.once('connect', (answer: IncomingMessage, socket: Socket) => {
    clearTimeout(patience);
    if (answer.statusCode === 200) return done(null, socket);
    socket.destroy();
    return done(refused(proxy, target, answer.statusCode ?? 0), null);
  });
  outgoing.once('error', (cause) => {
    clearTimeout(patience);
    done(unreachable(proxy, cause), null);
  });
  outgoing.end();
}

export function requesterOf(proxy: URL): typeof httpRequest {
  return proxy.protocol === 'https:' ? httpsRequest : httpRequest;
}

/** The connection to the proxy itself. */
export function toProxy(proxy: URL): Pick<RequestOptions, 'host' | 'port'> {
  const port = proxy.port !== '' ? proxy.port : proxy.protocol === 'https:' ? 443 : 80;
  return { host: proxy.hostname.replace(/^\[|\]$/g, ''), port };
}

export function credentialsFor({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
}

function refused(proxy: URL, target: string, status: number): WeighmarkError {
  return new WeighmarkError('network', `the proxy ${proxy.host} does not connect to ${target} (${status})`, {
    subject: target,
    hint:
      status === 407
        ? 'it wants a login: HTTPS_PROXY=http://user:password@host:port'
        : 'name what is reached without it in NO_PROXY',
  });
}

function unreachable(proxy: URL, cause: Error): WeighmarkError {
  return new WeighmarkError('network', `the proxy ${proxy.host} cannot be reached: ${cause.message}`, {
    subject: proxy.host,
    cause,
  });
}
