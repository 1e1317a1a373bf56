import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { initRegistry, openRegistry } from '../../../src/adapters/registries/index.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { leafOf, putModel } from './scratch.ts';
import { digestOf, end, listen, startRegistry, type TestRegistry } from './server.ts';

/** Registries as they are: what servers and proxies before them answer in place of what the specification says. */

interface Setting {
  readonly folder: string;
  readonly server: TestRegistry;
  readonly registry: Registry;
  readonly id: string;
}

async function setting(t: TestContext): Promise<Setting> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-dialects-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await startRegistry(t);
  const [location, deps] = [`oci://${server.host}/acme`, { env: { HOME: folder } }];
  await initRegistry(location, {}, deps);
  const registry = await openRegistry(location, deps);
  return { folder, server, registry, id: await putModel(registry, 'enc', { text: 'one', tag: '1' }) };
}

const CLAIM = Buffer.from('{"a":1}');
const OTHER = Buffer.from('{"b":2}');

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function web(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'text/html', ...headers });
    response.end(body);
  };
}

const PAGE = '<!DOCTYPE html><title>Sign in</title>';

/** Every way of saying that there is no referrers API. */
const NONE_HERE: Readonly<Record<string, Answer>> = {
  ...Object.fromEntries(
    [400, 401, 403, 404, 405, 406, 410, 415, 422, 500, 501].map((status) => [String(status), web(status, PAGE)]),
  ),
  '401 with Basic': web(401, '', { 'www-authenticate': 'Basic realm="elsewhere"' }),
  '401 with a token of another host': web(401, '', { 'www-authenticate': 'Bearer realm="https://192.0.2.1/token"' }),
  '401 with a token that nobody gives': (request, response) =>
    web(401, '', { 'www-authenticate': `Bearer realm="http://${request.headers.host}/nothing"` })(request, response),
  'a web page': web(200, PAGE),
  'a web page without end': web(200, PAGE.repeat(1 << 20)),
  'a JSON error, well': web(200, '{"errors":[{"code":"UNSUPPORTED"}]}', { 'content-type': 'application/json' }),
  'a list of something else': web(200, '[]', { 'content-type': 'application/json' }),
  'nothing, well': web(200, ''),
  'no content': web(204, ''),
  'a redirect to a web page of its own': (request, response) =>
    (request.url ?? '').endsWith('/login')
      ? web(200, PAGE)(request, response)
      : web(302, '', { location: '/v2/referrers/login' })(request, response),
  'a redirect to another host': web(302, '', { location: 'https://sso.example.invalid/login' }),
  'a redirect to a private address': web(307, '', { location: 'http://10.0.0.1/' }),
  'a redirect to itself': (request, response) => web(301, '', { location: request.url ?? '' })(request, response),
  'a redirect to nowhere': web(302, '', { location: 'http://[' }),
};

function answerReferrers(server: TestRegistry, answer: Answer): void {
  server.fault = (request, response) => {
    if (!(request.url ?? '').includes('/referrers/')) return false;
    answer(request, response);
    return true;
  };
}

describe('a registry without the referrers API', () => {
  for (const [name, answer] of Object.entries(NONE_HERE)) {
    test(`says so by ${name}: fallback tag and own tags each hold what is needed`, async (t) => {
      const { server, registry, id } = await setting(t);
      answerReferrers(server, answer);
      await registry.putClaim('enc', id, CLAIM);
      assert.deepEqual((await registry.claims('enc', id)).map(String), [String(CLAIM)]);
      const fallback = `acme/enc ${id.replace(':', '-')}`;
      const kept = server.manifests.get(fallback);
      assert.ok(kept !== undefined && server.manifests.delete(fallback));
      assert.equal((await registry.claims('enc', id)).length, 1, 'by its own tag');
      server.manifests.set(fallback, kept);
      for (const key of server.manifests.keys()) if (key.includes(' wm-')) server.manifests.delete(key);
      assert.equal((await registry.claims('enc', id)).length, 1, 'by the fallback tag');
    });
  }

  for (const status of [429, 502, 503, 504]) {
    test(`is not one that is busy (${status}): that leaves the answer open`, async (t) => {
      const { server, registry, id } = await setting(t);
      await registry.putClaim('enc', id, CLAIM);
      answerReferrers(server, web(status, PAGE, { 'retry-after': '0' }));
      await assert.rejects(registry.claims('enc', id), { code: 'network' });
    });
  }
});

test('a registry that notes subjects gets the fallbacks as well: a mirror of it may not', async (t) => {
  const { server, registry, id } = await setting(t);
  server.referrers = true;
  server.notesSubjects = true;
  await registry.putClaim('enc', id, CLAIM);
  const keys = [...server.manifests.keys()];
  assert.ok(
    keys.some((key) => key.includes(` wm-${id.slice(7)}-`)) && keys.includes(`acme/enc ${id.replace(':', '-')}`),
  );
  server.referrers = false;
  assert.equal((await registry.claims('enc', id)).length, 1);
});

test('what the API lists counts beside what the tags list', async (t) => {
  const { server, registry, id } = await setting(t);
  await registry.putClaim('enc', id, CLAIM);
  const first = [...server.manifests].filter(([key]) => / (?:wm-|sha256-)/.test(key));
  for (const [key] of first) server.manifests.delete(key);
  answerReferrers(server, web(200, '{"schemaVersion":2,"manifests":[]}'));
  await registry.putClaim('enc', id, OTHER);
  server.fault = () => false;
  server.referrers = true;
  assert.deepEqual((await registry.claims('enc', id)).map(String).toSorted(), [String(CLAIM), String(OTHER)]);
});

describe('a registry that refuses `subject`', () => {
  for (const status of [400, 405, 406, 415, 422, 501]) {
    test(`by ${status} gets claims and attachments without it, and they are found`, async (t) => {
      const { server, registry, id } = await setting(t);
      refuseSubjects(server, status);
      await registry.putClaim('enc', id, CLAIM);
      await registry.putClaim('enc', id, OTHER);
      await registry.putAttachment('enc', id, 'application/vnd.test', Buffer.from('x'));
      assert.deepEqual((await registry.claims('enc', id)).map(String).toSorted(), [String(CLAIM), String(OTHER)]);
      assert.deepEqual(await registry.attachmentTypes('enc', id), ['application/vnd.test']);
      const other = await putModel(registry, 'enc', { text: 'two', tag: '2' });
      assert.deepEqual(await registry.claims('enc', other), [], 'of this manifest alone');
    });
  }

  test('denied access is said, not taken for that', async (t) => {
    const { server, registry, id } = await setting(t);
    refuseSubjects(server, 403);
    await assert.rejects(registry.putClaim('enc', id, CLAIM), { code: 'network', message: /refuses access/ });
  });
});

/** Waits for the body: what a server does before it judges one. */
function refuseSubjects(server: TestRegistry, status: number): void {
  server.refuses = (manifest) => (manifest.includes('"subject"') ? status : null);
}

test('a registry that hides a logged claim everywhere is found out by the log', async (t) => {
  const { server, registry, id } = await setting(t);
  await registry.putClaim('enc', id, CLAIM);
  await registry.putClaim('enc', id, OTHER);
  const bundle = digestOf(OTHER);
  await registry.log.append([leafOf(0, { kind: 'claim', name: 'enc', manifest: id, bundle })]);
  await registry.log.integrate();
  const hidden = [...server.manifests].filter(([key, { bytes }]) => key.includes('acme/enc') && bytes.includes(bundle));
  for (const [key] of hidden) server.manifests.delete(key);
  assert.deepEqual((await registry.claims('enc', id)).map(String), [String(CLAIM)]);
  // What the gate makes of it is `claim-missing`: flows/gate/environment.test.ts.
  const logged = (await registry.log.find({ manifest: id })).map(({ leaf }) => leaf.bundle);
  assert.ok(logged.includes(bundle), 'the entry is there, the claim is not');
});

describe('a registry behind a server that takes only so much at once', () => {
  const LIMIT = 1 << 20;

  for (const manner of ['413', 'a closed connection'] as const) {
    test(`by ${manner}: the size of chunks is found, and kept for what follows`, async (t) => {
      const { folder, server, registry } = await setting(t);
      const file = join(folder, 'large.bin');
      const put = async () => {
        const content = randomBytes(5 * LIMIT + 17);
        await writeFile(file, content);
        await registry.putFile('enc', digestOf(content), { location: file, sizeBytes: content.length });
        assert.deepEqual(server.blobs.get(digestOf(content)), content);
      };
      const tooLarge = limitBodies(server, LIMIT, manner);
      await put();
      const found = tooLarge();
      assert.ok(found > 0);
      await put();
      assert.equal(tooLarge(), found, 'nothing too large is sent again');
    });
  }

  test('bytes in memory go up in pieces, too', async (t) => {
    const { server, registry } = await setting(t);
    limitBodies(server, LIMIT, '413');
    const content = randomBytes(3 * LIMIT);
    await registry.putBytes('enc', digestOf(content), content);
    assert.deepEqual(server.blobs.get(digestOf(content)), content);
  });

  test('who takes next to nothing is said to', async (t) => {
    const { server, registry } = await setting(t);
    limitBodies(server, 1000, '413');
    const content = randomBytes(LIMIT);
    await assert.rejects(registry.putBytes('enc', digestOf(content), content), {
      code: 'limit-exceeded',
      message: /too large/,
    });
  });
});

/** @returns how many bodies were too large so far. */
function limitBodies(server: TestRegistry, bytes: number, manner: '413' | 'a closed connection'): () => number {
  let refused = 0;
  server.fault = (request, response) => {
    if (Number(request.headers['content-length'] ?? 0) <= bytes) return false;
    refused += 1;
    if (manner === '413') end(response, 413, { connection: 'close' });
    else request.socket.destroy();
    return true;
  };
  return () => refused;
}

test('a registry that answers 202 to a manifest has taken it', async (t) => {
  const { server, registry } = await setting(t);
  server.refuses = () => 202;
  await putModel(registry, 'enc', { text: 'two', tag: '2' });
});

test('a page of tags elsewhere is refused as before: the list would be another server’s', async (t) => {
  const { server, registry, id } = await setting(t);
  const elsewhere = await listen(
    createServer((_, response) => end(response, 200)),
    t,
  );
  for (const [next, named] of [
    [`http://${elsewhere}/v2/more`, elsewhere],
    ['http://[', 'an unreadable address'],
  ] as const) {
    server.fault = (request, response) => {
      if (!(request.url ?? '').includes('/tags/')) return false;
      response.writeHead(200, { link: `<${next}>; rel="next"` });
      response.end('{"tags":[]}');
      return true;
    };
    const message = `${server.host} sends us to ${named}`;
    await assert.rejects(registry.claims('enc', id), { code: 'network', message });
  }
});
