import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { requestHandler } from '../../../src/adapters/objects/sending.ts';

async function serving(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => (server.close(), server.closeAllConnections()));
  await new Promise((ready) => server.once('listening', ready));
  return (server.address() as AddressInfo).port;
}

function ask(port: number, more: object = {}) {
  const handler = requestHandler(new AbortController().signal);
  const request = { method: 'GET', protocol: 'http:', hostname: '127.0.0.1', port, path: '/models/a%20b', headers: {} };
  return handler.handle({ ...request, ...more });
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a request goes out as it was signed', async (t) => {
  const port = await serving(t, (request, response) => {
    response.setHeader('x-one', 'two').end(`${request.method} ${request.url} ${request.headers['authorization']}`);
  });
  const query = { 'list-type': '2', prefix: "a b/ü(*')", 'x-id': '' };
  const { response } = await ask(port, { query, headers: { authorization: 'signed', expect: '100-continue' } });
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers['x-one'], 'two');
  assert.equal(
    await textOf(response.body),
    'GET /models/a%20b?list-type=2&prefix=a%20b%2F%C3%BC%28%2A%27%29&x-id= signed',
  );
});

test('what passes is waited for, and an answer that is cut is asked for again', async (t) => {
  let count = 0;
  const port = await serving(t, (_request, response) => {
    count += 1;
    if (count === 1) response.writeHead(503, { 'retry-after': '0' }).end();
    else if (count === 2) response.writeHead(200, { 'content-length': 9 }).write('cut', () => response.destroy());
    else response.end('whole');
  });
  assert.equal(await textOf((await ask(port)).response.body), 'whole');
  assert.equal(count, 3);
});

test('a redirect is an answer: its target is not asked', async (t) => {
  const asked: string[] = [];
  const port = await serving(t, (request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(307, { location: '/elsewhere' }).end();
  });
  assert.equal((await ask(port)).response.statusCode, 307);
  assert.deepEqual(asked, ['/models/a%20b']);
});

test('another machine is spoken to by TLS only', async () => {
  const handler = requestHandler(new AbortController().signal);
  const request = { method: 'GET', protocol: 'http:', hostname: '192.0.2.1', path: '/', headers: {} };
  await assert.rejects(handler.handle(request), { code: 'network' });
});

test('lists are bounded, ranges are not: who asked counts them', async (t) => {
  const port = await serving(t, (_request, response) => {
    const chunk = Buffer.alloc(1 << 20);
    const more = () => {
      while (response.write(chunk));
    };
    response.on('drain', more);
    more();
  });
  await assert.rejects(ask(port), { code: 'limit-exceeded' });
  const { response } = await ask(port, { headers: { range: 'bytes=0-9' } });
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) if ((size += chunk.length) > 80 << 20) break;
  assert.ok(size > 80 << 20);
});
