import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createFeeds } from '../../src/adapters/feeds/index.ts';
import type { WeighmarkError } from '../../src/domain/base/errors.ts';
import { LIMITS } from '../../src/domain/base/limits.ts';

let [folder, base, asked] = ['', '', 0];
let server: Server;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-feeds-'));
  server = createServer((request, response) => {
    asked += 1;
    if (request.url === '/moved') response.writeHead(302, { location: '/feed' }).end();
    else if (request.url === '/endless') response.end(Buffer.alloc(LIMITS.feedBytes + 1));
    else if (request.url === '/gone') response.writeHead(404).end();
    else response.end(`content of ${request.url}`);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const feeds = (offline = false) => createFeeds({ env: { XDG_CACHE_HOME: folder }, cwd: folder, offline });
const refused = (code: string) => (error: WeighmarkError) => error.code === code;

test('an address is fetched once an hour, and its copy serves offline', async () => {
  const first = await feeds().read(`${base}/feed`);
  assert.equal(Buffer.from(first.bytes).toString(), 'content of /feed');
  const count = asked;
  assert.equal(Buffer.from((await feeds().read(`${base}/feed`)).bytes).toString(), 'content of /feed');
  assert.equal(Buffer.from((await feeds(true).read(`${base}/feed`)).bytes).toString(), 'content of /feed');
  assert.equal(asked, count);
  await assert.rejects(feeds(true).read(`${base}/other`), refused('network'));
});

test('redirects, errors and endless answers are refused', async () => {
  for (const path of ['/moved', '/gone', '/endless'])
    await assert.rejects(feeds().read(base + path), refused('network'), path);
});

test('only https, or this machine; no password in the address', async () => {
  for (const location of [
    'http://example.org/feed',
    'ftp://example.org/feed',
    'file:///etc/passwd',
    'https://u:p@example.org/feed',
  ])
    await assert.rejects(feeds().read(location), refused('usage'), location);
});

test('a signature is read from beside the feed', async () => {
  writeFileSync(join(folder, 'list.txt'), 'a');
  writeFileSync(join(folder, 'list.txt.sig'), 'signature');
  const { bytes, signature } = await feeds().read('list.txt', { signed: true });
  assert.deepEqual([Buffer.from(bytes).toString(), Buffer.from(signature ?? []).toString()], ['a', 'signature']);
  await assert.rejects(feeds().read('list.txt.sig', { signed: true }), refused('not-found'));
});
