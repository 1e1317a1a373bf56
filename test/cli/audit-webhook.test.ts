import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createWebhook } from '../../src/adapters/webhook.ts';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weighmark-webhook-'));
  assert.equal((await run(['keygen', 'boss', '--no-password'])).code, 0);
  const key = keyLine(await readFile(join(folder, 'boss.pub'), 'utf8'));
  await writeFile(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1\nname: demo\nversion: 1\nexpires: 2099-01-01\nprincipals: { boss: { keys: [${key}] } }\nroles: { promoter: [boss] }\nenvironments: [{ name: prod }]\n`,
  );
  assert.equal((await run(['registry', 'init', 'reg'])).code, 0);
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `home`: a machine that knows the registry; another one cannot tell how old its log is, which is something wrong. */
function run(
  args: readonly string[],
  { home = 'home', env = {}, until }: { home?: string; env?: Record<string, string>; until?: () => boolean } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    env: {
      ...BARE,
      HOME: join(folder, home),
      WEIGHMARK_REGISTRY: 'reg',
      WEIGHMARK_POLICY: 'policy.yaml',
      NO_COLOR: '1',
      ...env,
    },
  });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const watching = setInterval(() => {
    if (until?.() !== true) return;
    clearInterval(watching);
    child.kill('SIGINT');
  }, 50);
  return new Promise((resolve) =>
    child.on('close', (code) => {
      clearInterval(watching);
      resolve({ code, ...said });
    }),
  );
}

interface Told {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function listener(
  t: TestContext,
  answer: (response: ServerResponse) => void,
): Promise<{ told: Told[]; url: string; server: Server }> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      told.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => (server.closeAllConnections(), server.close()));
  return { told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/s3cret`, server };
}

const yes = (response: ServerResponse): void => void response.writeHead(204).end();

test('what is wrong is told, once, as the JSON that --json prints, signed if there is a secret; good news is no news', async (t) => {
  const { told, url } = await listener(t, yes);
  assert.equal((await run(['audit', '--webhook', url])).code, 0);
  assert.equal(told.length, 0);
  const ran = await run(['audit', '--webhook', url, '--json'], {
    home: 'stranger',
    env: { WEIGHMARK_WEBHOOK_SECRET: 'between us' },
  });
  assert.equal(ran.code, 4, ran.err);
  const [only, ...more] = told;
  assert.ok(only !== undefined && more.length === 0);
  assert.deepEqual(
    [only.method, only.path, only.headers['content-type']],
    ['POST', '/hooks/s3cret', 'application/json'],
  );
  assert.equal(
    only.headers['weighmark-signature'],
    `sha256=${createHmac('sha256', 'between us').update(only.body).digest('hex')}`,
  );
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(await readFile(new URL('../../schemas/audit.schema.json', import.meta.url), 'utf8')),
  );
  const body = JSON.parse(only.body) as { log: { checks: { findings: { code: string }[] }[] } };
  assert.ok(validate(body), JSON.stringify(validate.errors));
  const { webhook, ...printed } = JSON.parse(ran.out);
  assert.ok(validate({ ...printed, webhook }), JSON.stringify(validate.errors));
  assert.deepEqual(printed, body);
  assert.deepEqual(webhook, { host: new URL(url).host, delivered: true });
  assert.equal(body.log.checks.at(-1)?.findings[0]?.code, 'log-freshness-unknown');
});

test('a webhook that is not told hides nothing: verdict and exit code stand, the failure is said apart, its path never', async (t) => {
  const refusals: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
    ['an error', (response) => void response.writeHead(500).end('s3cret stack'), /it answers 500/],
    [
      'a redirect to another host',
      (response) => void response.writeHead(307, { location: 'http://127.0.0.2:1/elsewhere' }).end(),
      /redirects to 127\.0\.0\.2:1, which is not followed/,
    ],
    ['a cut connection', (response) => void response.destroy(), /was not told/],
  ];
  for (const [what, answer, why] of refusals) {
    const { told, url } = await listener(t, answer);
    const ran = await run(['audit', '--webhook', url], { home: 'stranger' });
    assert.equal(ran.code, 4, what);
    assert.equal(told.length, 1, what);
    assert.match(ran.out, /UNDECIDED/);
    assert.match(ran.err, /error\[webhook-undelivered\]/);
    assert.match(ran.err, why);
    assert.doesNotMatch(ran.out + ran.err, /s3cret/, 'addresses of webhooks are secrets');
  }
  const { url, server } = await listener(t, yes);
  await new Promise((resolve) => server.close(resolve));
  assert.match(
    (await run(['audit', '--webhook', url], { home: 'stranger' })).err,
    /webhook-undelivered.*cannot be reached/,
  );
});

test('who does not answer is waited for no longer than that', async (t) => {
  const { url } = await listener(t, () => {});
  const webhook = createWebhook(url, {
    env: {},
    signal: new AbortController().signal,
    offline: false,
    patienceMs: 100,
  });
  await assert.rejects(webhook.deliver('{}'), { code: 'webhook-undelivered', message: /no answer within 0\.1 s/ });
  const gone = new AbortController();
  const waiting = createWebhook(url, { env: {}, signal: gone.signal, offline: false }).deliver('{}');
  gone.abort();
  await assert.rejects(waiting, { code: 'interrupted' });
});

test('only https, or this very machine by its address; never with a password, never offline', async () => {
  for (const [address, code] of [
    ['ftp://x.example/', 2],
    ['nonsense', 2],
    ['https://user:word@x.example/', 2],
  ] as const) {
    const ran = await run(['audit', '--webhook', address]);
    assert.deepEqual([ran.code, ran.out], [code, ''], address);
    assert.match(ran.err, /error\[usage\]/);
  }
  assert.equal((await run(['audit', '--offline', '--webhook', 'https://x.example/'])).code, 2);
  const plain = await run(['audit', '--webhook', 'http://192.0.2.1/hook'], { home: 'stranger' });
  assert.equal(plain.code, 4);
  assert.match(plain.err, /webhook-undelivered.*TLS only/);
});

test('--watch tells each change as the line it prints, and again what could not be told', async (t) => {
  let refuse = true;
  const { told, url } = await listener(t, (response) => void response.writeHead(refuse ? 503 : 200).end());
  const state = join(folder, 'state.json');
  const first = await run(['audit', '--watch', '1m', '--state', state, '--webhook', url], {
    home: 'stranger',
    until: () => told.length > 0,
  });
  assert.equal(first.code, 130, first.err);
  assert.equal(existsSync(state), false, 'what was not told is not done with');
  refuse = false;
  const second = await run(['audit', '--watch', '1m', '--state', state, '--webhook', url], {
    home: 'stranger',
    until: () => existsSync(state),
  });
  const [line = ''] = second.out.split('\n');
  assert.equal(told.at(-1)?.body, line);
  assert.deepEqual([JSON.parse(line).event, JSON.parse(line).place], ['failed', 'log']);
});
