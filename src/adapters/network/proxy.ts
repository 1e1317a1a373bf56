import { BlockList, isIP } from 'node:net';
import { WeighmarkError } from '../../domain/base/errors.ts';

export type Env = Readonly<Record<string, string | undefined>>;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * The proxy for a URL, as curl and Go understand the environment: `https_proxy` or `http_proxy` by the URL's scheme, unless
 * `no_proxy` says otherwise; the lower-case form wins. This very machine is never asked for through another one. Upper-case
 * HTTP_PROXY does not count where a web server made the environment of a request's headers (CGI).
 * @throws WeighmarkError `config-invalid`, without the value: it may hold a password.
 */
export function proxyFor(url: URL, env: Env = process.env): URL | null {
  const [variable, value] = settingFor(url, env);
  if (value === '' || isThisMachine(url) || isExempt(url, env['no_proxy'] ?? env['NO_PROXY'] ?? '')) return null;
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy !== null && (proxy.protocol === 'http:' || proxy.protocol === 'https:') && proxy.hostname !== '')
    return proxy;
  throw new WeighmarkError('config-invalid', `${variable} does not name a proxy that is understood`, {
    subject: variable,
    hint: 'it is `http://host:port` or `https://host:port`, with `user:password@` before the host if the proxy wants one',
  });
}

function settingFor(url: URL, env: Env): readonly [variable: string, value: string] {
  const names =
    url.protocol === 'https:'
      ? ['https_proxy', 'HTTPS_PROXY']
      : ['http_proxy', ...(env['REQUEST_METHOD'] === undefined ? ['HTTP_PROXY'] : [])];
  const name = names.find((each) => env[each] !== undefined) ?? 'https_proxy';
  return [name, (env[name] ?? '').trim()];
}

function isThisMachine(url: URL): boolean {
  const host = hostOf(url);
  return host === 'localhost' || host.endsWith('.localhost') || isIn(LOOPBACK, host);
}

/** Without brackets, and without the dot that a full name may end in. */
function hostOf(url: URL): string {
  return url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

function isIn(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function isExempt(url: URL, list: string): boolean {
  const host = hostOf(url);
  const port = url.port !== '' ? url.port : url.protocol === 'https:' ? '443' : '80';
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || matches(entry, { host, port }));
}

/** A host and what is below it, an address, or a network in CIDR notation; a port after any of the first two. */
function matches(entry: string, { host, port }: { host: string; port: string }): boolean {
  const [, network = '', prefix] = /^([0-9a-f.:]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (prefix !== undefined) return isInNetwork(host, network, Number(prefix));
  if (isIP(entry) !== 0) return sameAddress(entry, host);
  const [, bracketed, plain = '', wanted] = /^(?:\[([0-9a-f:.]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  if (wanted !== undefined && wanted !== port) return false;
  const name = bracketed ?? plain.replace(/^\*?\./, '').replace(/\.$/, '');
  if (name === '') return false;
  return isIP(name) === 0 ? host === name || host.endsWith(`.${name}`) : sameAddress(name, host);
}

function sameAddress(one: string, other: string): boolean {
  return isInNetwork(other, one, isIP(one) === 6 ? 128 : 32);
}

function isInNetwork(host: string, network: string, prefix: number): boolean {
  const family = isIP(network);
  if (family === 0 || prefix > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(network, prefix, family === 6 ? 'ipv6' : 'ipv4');
  return isIn(list, host);
}

/**
 * Names that no public host has: RFC 6761, 6762, 8375, 9476, the top-level names ICANN will not delegate, and words without a
 * dot. Where a proxy resolves, a name is all that can be judged here.
 */
export function isPrivateName(hostname: string): boolean {
  const host = hostname.replace(/\.$/, '').toLowerCase();
  return (
    !host.includes('.') ||
    /\.(?:localhost|local|localdomain|internal|home\.arpa|lan|home|corp|mail|intranet|private)$/.test(host)
  );
}
