import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { childrenOf, readDer } from '../../src/domain/pki/der.ts';
import { end, startRegistry, type TestRegistry } from '../adapters/registries/server.ts';
import { makeAuthority, timestampToken } from '../adapters/sigstore/instance.ts';
import { makeCertificate, SERVER_AUTH } from '../domain/pki/make-certificate.ts';

/**
 * Behind a proxy that resolves for it: nothing here has a name that this machine knows, and a preloaded module notes every name
 * that is looked up and every address that is connected to.
 */
const BIN = new URL('../../bin/weighmark.js', import.meta.url).pathname;
const NAMES = ['registry.weighmark.example', 'tsa.weighmark.example', 'feeds.weighmark.example', 'nas.internal'];
const SPY = `
import dns from 'node:dns';
import net from 'node:net';
import { appendFileSync } from 'node:fs';
const note = (line) => appendFileSync(process.env.SPY_FILE, line + '\\n');
const { lookup } = dns.promises;
dns.promises.lookup = (host, ...rest) => (note('lookup ' + host), lookup(host, ...rest));
const old = dns.lookup;
dns.lookup = (host, ...rest) => (note('lookup ' + host), old(host, ...rest));
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  if (options?.port !== undefined) note('connect ' + (options.host ?? 'localhost') + ':' + options.port);
  return connect.apply(this, args);
};
`;

const stops: (() => void)[] = [];
const ending = { after: (stop: () => void) => void stops.push(stop) };
let folder = '';
let registry: TestRegistry;
let proxy: TestProxy;

interface TestProxy {
  readonly port: number;
  /** `CONNECT host:port` and `GET http://…`, as they came. */
  readonly asked: string[];
  readonly logins: (string | undefined)[];
  /** Where the names lead that nobody else knows. */
  readonly hosts: Map<string, number>;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weighmark-proxy-'));
  registry = await startRegistry(ending);
  const tsa = await portOf(createServer(stamp));
  const feeds = await portOf(createServer((_, response) => response.end('{"format":"weighmark-feed/1","entries":[]}')));
  const tls = await terminate({
    'registry.weighmark.example': Number(registry.host.split(':')[1]),
    'tsa.weighmark.example': tsa,
    'feeds.weighmark.example': feeds,
    'nas.internal': Number(registry.host.split(':')[1]),
  });
  proxy = await startProxy(
    new Map([...NAMES.map((name) => [`${name}:443`, tls] as const), ['tsa.weighmark.example:80', tsa]]),
  );
  await writeFile(join(folder, 'spy.mjs'), SPY);
  await mkdir(join(folder, 'model'));
  await writeFile(join(folder, 'model', 'weights.bin'), Buffer.alloc(300_000, 7));
  assert.equal((await run(['keygen', 'anna', '--no-password'])).code, 0);
  assert.equal((await run(['trust', 'add', 'anna', '--key', 'anna.pub'])).code, 0);
});
after(async () => {
  for (const stop of stops) stop();
  await rm(folder, { recursive: true, force: true });
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => (server.closeAllConnections(), server.close()));
  return (server.address() as AddressInfo).port;
}

/** One TLS server for all names; what it gets goes on in the clear by the name that was asked for. */
async function terminate(ports: Readonly<Record<string, number>>): Promise<number> {
  const names = NAMES.map((name) => [0x82, Buffer.from(name)] as const);
  const made = makeCertificate({ name: 'test', ca: false, keyUsage: null, extendedKeyUsage: [SERVER_AUTH], names });
  await writeFile(join(folder, 'ca.pem'), made.pem);
  const key = made.key.export({ type: 'pkcs8', format: 'pem' });
  const server = createTlsServer({ key, cert: made.pem }, (socket) => {
    const inner = connect(ports[socket.servername || ''] ?? 0, '127.0.0.1');
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const) {
      one.on('error', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function startProxy(hosts: Map<string, number>): Promise<TestProxy> {
  const [asked, logins]: [string[], (string | undefined)[]] = [[], []];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    logins.push(request.headers['proxy-authorization']);
    const target = URL.canParse(request.url ?? '') ? new URL(request.url ?? '') : null;
    const port = hosts.get(`${target?.hostname}:80`);
    if (port === undefined) return end(response, 502);
    return stamp(request, response);
  });
  server.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    logins.push(request.headers['proxy-authorization']);
    const port = hosts.get(request.url ?? '');
    if (port === undefined) return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const inner = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(inner).pipe(socket);
    });
    inner.on('error', () => socket.destroy());
    return socket.on('error', () => inner.destroy());
  });
  return { port: await portOf(server), asked, logins, hosts };
}

const AUTHORITY = makeAuthority('tsa.example', false);

/** An RFC 3161 server: a token of now over what was asked, with its nonce. */
function stamp(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [, imprint, nonce] = childrenOf(readDer(Buffer.concat(chunks)));
    const [, digest] = childrenOf(imprint!);
    response.end(timestampToken(AUTHORITY, { digest: digest!.body }, new Date(), { nonce: nonce!.raw }));
  });
}

interface Ran {
  readonly code: number | null;
  readonly err: string;
  /** Names that were looked up and addresses that were connected to. */
  readonly reached: readonly string[];
}

let runs = 0;

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const spy = join(folder, `spied-${(runs += 1)}`);
  await writeFile(spy, '');
  const child = spawn(process.execPath, ['--import', join(folder, 'spy.mjs'), BIN, ...args], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      SPY_FILE: spy,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'),
      ...env,
    },
  });
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdout.resume();
  const code = await new Promise<number | null>((done) => child.once('close', done));
  const reached = (await readFile(spy, 'utf8')).split('\n').filter((line) => line !== '');
  return { code, err, reached: [...new Set(reached)] };
}

/** Runs behind the proxy: it is reached, and nothing else. */
async function behind(args: readonly string[], env: Record<string, string> = {}): Promise<Ran & { asked: string[] }> {
  proxy.asked.length = 0;
  const url = `http://127.0.0.1:${proxy.port}`;
  const ran = await run(args, { HTTPS_PROXY: url, HTTP_PROXY: url, ...env });
  assert.deepEqual(
    ran.reached.filter((line) => line.startsWith('connect ')),
    [`connect 127.0.0.1:${proxy.port}`],
    ran.err,
  );
  assert.deepEqual(
    ran.reached.filter((line) => /^lookup (?!127\.0\.0\.1$|localhost$)/.test(line)),
    [],
  );
  return { ...ran, asked: [...new Set(proxy.asked)] };
}

const REGISTRY = ['--registry', 'oci://registry.weighmark.example/acme'];

describe('behind a proxy', () => {
  test('init, push and pull reach it and nothing else', async () => {
    for (const args of [
      ['registry', 'init', REGISTRY[1]!],
      ['seal', 'model', '--key', 'anna.key', '--tsa', 'https://tsa.weighmark.example/'],
      ['push', 'model', 'enc:1', ...REGISTRY],
      ['pull', 'enc:1', 'pulled', ...REGISTRY],
    ]) {
      const { code, err, asked } = await behind(args);
      assert.equal(code, 0, err);
      const host = args[0] === 'seal' ? 'tsa' : 'registry';
      assert.deepEqual(asked, [`CONNECT ${host}.weighmark.example:443`]);
    }
    assert.deepEqual(await readFile(join(folder, 'pulled', 'weights.bin')), Buffer.alloc(300_000, 7));
  });

  test('a timestamp over plain HTTP is asked for by its whole address', async () => {
    const { code, err, asked } = await behind([
      'sign',
      'model',
      '--signature',
      'x.sig',
      '--key',
      'anna.key',
      '--tsa',
      'http://tsa.weighmark.example/now',
    ]);
    assert.equal(code, 0, err);
    assert.deepEqual(asked, ['POST http://tsa.weighmark.example/now']);
  });

  test('a feed', async () => {
    const { asked } = await behind(['scan', 'model', '--feed', 'https://feeds.weighmark.example/feed.json']);
    assert.deepEqual(asked, ['CONNECT feeds.weighmark.example:443']);
  });

  test('trust update', async () => {
    const { code, asked } = await behind(['trust', 'update']);
    assert.equal(code, 4, 'this proxy knows no such host');
    assert.deepEqual(asked, ['CONNECT tuf-repo-cdn.sigstore.dev:443']);
  });

  test('keyless signing, up to the authority’s door', async () => {
    const payload = {
      aud: 'sigstore',
      sub: 'x',
      email: 'a@weighmark.example',
      email_verified: true,
      exp: 4e9,
      iss: 'https://x',
    };
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    await writeFile(join(folder, 'token'), `${part({ alg: 'none' })}.${part(payload)}.x`);
    const { asked } = await behind(['sign', 'model', '--signature', 'y.sig', '--keyless', '--identity-token', 'token']);
    assert.deepEqual(asked, ['CONNECT fulcio.sigstore.dev:443']);
  });

  test('its login goes to it alone, and is never shown', async () => {
    proxy.logins.length = 0;
    const url = `http://anna:s3cret%21@127.0.0.1:${proxy.port}`;
    const { code } = await behind(['show', 'enc:1', ...REGISTRY], { HTTPS_PROXY: url });
    assert.equal(code, 0);
    assert.deepEqual([...new Set(proxy.logins)], [`Basic ${Buffer.from('anna:s3cret!').toString('base64')}`]);
    assert.ok(registry.requests.every(({ headers }) => headers['proxy-authorization'] === undefined));
    const refused = await behind(['show', 'enc:1', '--registry', 'oci://unknown.example/x'], { HTTPS_PROXY: url });
    assert.equal(refused.code, 4);
    assert.match(refused.err, /proxy 127\.0\.0\.1:\d+ does not connect to unknown\.example:443 \(502\)/);
    assert.doesNotMatch(refused.err, /s3cret/);
  });

  test('NO_PROXY and loopback go straight', async () => {
    proxy.asked.length = 0;
    const url = `http://127.0.0.1:${proxy.port}`;
    const straight = await run(['show', 'enc:1', ...REGISTRY], { HTTPS_PROXY: url, NO_PROXY: 'weighmark.example' });
    assert.equal(straight.code, 4, 'this machine knows no such name');
    assert.ok(straight.reached.includes('lookup registry.weighmark.example'));
    const local = await run(['show', 'enc:1', '--registry', `oci://${registry.host}/acme`], {
      HTTPS_PROXY: url,
      HTTP_PROXY: url,
    });
    assert.equal(local.code, 0, local.err);
    assert.deepEqual(proxy.asked, []);
  });
});

describe('private addresses behind a proxy need what they needed before', () => {
  async function redirected(to: string, by = REGISTRY): Promise<Ran & { asked: string[] }> {
    registry.fault = (request, response) => {
      if (request.url?.endsWith('/manifests/1') !== true) return false;
      end(response, 307, { location: to });
      return true;
    };
    try {
      return await behind(['show', 'enc:1', ...by]);
    } finally {
      registry.fault = () => false;
    }
  }

  for (const to of [
    'https://10.0.0.7/v2/x',
    'https://169.254.169.254/latest',
    'https://[fd00::1]/x',
    'https://[64:ff9b::a00:1]/x',
    'https://127.0.0.1:9/x',
    'https://localhost:9/x',
    'https://nas.internal/x',
    'https://nas/x',
    'http://registry.weighmark.example/x',
  ])
    test(`no redirect to ${to}`, async () => {
      const { code, err, asked } = await redirected(to);
      assert.equal(code, 4);
      assert.match(err, /redirects (?:to the private address|away from TLS)/);
      assert.deepEqual(asked, ['CONNECT registry.weighmark.example:443'], 'nobody else was asked for');
    });

  test('a host of a private name may lead to another', async () => {
    const { asked } = await redirected('https://nas.internal/v2/acme/enc/manifests/2', [
      '--registry',
      'oci://nas.internal/acme',
    ]);
    assert.deepEqual(asked, ['CONNECT nas.internal:443']);
  });

  test('plain HTTP to a host that only the proxy knows is for timestamps, never for registries', async () => {
    const { code, asked } = await behind(['show', 'enc:1', '--registry', 'oci://10.0.0.7/acme']);
    assert.equal(code, 4);
    assert.deepEqual(asked, ['CONNECT 10.0.0.7:443'], 'by TLS');
  });
});
