import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { initRegistry, openRegistry, type RegistryDeps } from '../../../src/adapters/registries/index.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { digestOf, end, startRegistry, type TestRegistry } from './server.ts';

const CHUNK = 1 << 20;
const SIZE = 5 * CHUNK + 1000;

interface Setting {
  readonly folder: string;
  readonly server: TestRegistry;
  readonly location: string;
  readonly deps: RegistryDeps;
  readonly registry: Registry;
  readonly content: Buffer;
  readonly digest: string;
  readonly file: string;
  put(): Promise<void>;
  /** `Content-Range` of the chunks that were sent, as `start-`. */
  chunks(): readonly string[];
}

async function setting(t: TestContext, chunkBytes = CHUNK): Promise<Setting> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-upload-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await startRegistry(t);
  const [deps, location] = [{ env: { HOME: folder }, uploadChunkBytes: chunkBytes }, `oci://${server.host}/acme`];
  await initRegistry(location, {}, deps);
  const registry = await openRegistry(location, deps);
  const [content, file] = [randomBytes(SIZE), join(folder, 'model.bin')];
  await writeFile(file, content);
  const digest = digestOf(content);
  server.requests.length = 0;
  return {
    folder,
    server,
    location,
    deps,
    registry,
    content,
    digest,
    file,
    put: () => registry.putFile('enc', digest, { location: file, sizeBytes: SIZE }),
    chunks: () =>
      server.requests
        .filter(({ method }) => method === 'PATCH')
        .map(({ headers }) => `${headers['content-range']?.split('-')[0] ?? ''}-`),
  };
}

function startsAt(...chunks: readonly number[]): readonly string[] {
  return chunks.map((chunk) => `${chunk * CHUNK}-`);
}

/** Answers the `nth` request of a method (from 1) in its own way, once. */
function once(
  server: TestRegistry,
  { method, nth }: { method: string; nth: number },
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  let seen = 0;
  server.fault = (request, response) => {
    if (request.method !== method || !(request.url ?? '').includes('/uploads/') || (seen += 1) !== nth) return false;
    answer(request, response);
    return true;
  };
}

/** Breaks the connection in the midst of a body. */
function cut(request: IncomingMessage): void {
  request.once('data', () => request.socket.destroy());
}

async function stateLeft({ folder }: Setting): Promise<readonly string[]> {
  return readdir(join(folder, '.local/state/weighmark/uploads'));
}

describe('a large file goes up in chunks', () => {
  test('and nothing is remembered of it afterwards', async (t) => {
    const world = await setting(t);
    await world.put();
    assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
    assert.deepEqual(world.chunks(), startsAt(0, 1, 2, 3, 4, 5));
    assert.deepEqual(await stateLeft(world), []);
  });

  test('a cut connection is taken up at the chunk it was cut in', async (t) => {
    const world = await setting(t);
    once(world.server, { method: 'PATCH', nth: 3 }, cut);
    await world.put();
    assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
    assert.deepEqual(world.chunks(), startsAt(0, 1, 2, 2, 3, 4, 5));
  });

  test('a session that the registry forgot begins anew', async (t) => {
    for (const method of ['PATCH', 'PUT']) {
      const world = await setting(t);
      once(world.server, { method, nth: method === 'PUT' ? 1 : 4 }, (request, response) => {
        world.server.uploads.clear();
        request.resume();
        end(response, 404);
      });
      await world.put();
      assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
      assert.deepEqual(world.chunks().slice(-6), startsAt(0, 1, 2, 3, 4, 5), method);
    }
  });

  test('a registry that says too many requests is given the time it asks for', async (t) => {
    const world = await setting(t);
    once(world.server, { method: 'PATCH', nth: 2 }, (request, response) => {
      request.resume();
      end(response, 429, { 'retry-after': '1' });
    });
    const begun = Date.now();
    await world.put();
    assert.ok(Date.now() - begun >= 1000);
    assert.deepEqual(world.chunks(), startsAt(0, 1, 1, 2, 3, 4, 5));
  });

  test('when only the last answer was lost, nothing is sent twice', async (t) => {
    const world = await setting(t);
    once(world.server, { method: 'PUT', nth: 1 }, (request, response) => {
      world.server.blobs.set(world.digest, world.content);
      world.server.uploads.clear();
      request.socket.destroy();
      response.destroy();
    });
    await world.put();
    assert.deepEqual(world.chunks(), startsAt(0, 1, 2, 3, 4, 5));
  });

  test('a registry that takes nothing is given up: undecided', async (t) => {
    const world = await setting(t);
    world.server.fault = (request, response) => {
      if (request.method !== 'PATCH') return false;
      request.resume();
      end(response, 416);
      return true;
    };
    await assert.rejects(world.put(), { code: 'network' });
    world.server.fault = (request, response) => {
      if (request.method !== 'PATCH') return false;
      request.resume();
      end(response, 202, { location: request.url ?? '', range: '0-99999999' });
      return true;
    };
    await assert.rejects(world.put(), { code: 'network', message: /says it has/ });
  });

  test('killed with SIGKILL in the midst, another process goes on where the registry is', async (t) => {
    const world = await setting(t);
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'put-file.ts'), world.location, world.folder, world.file, world.digest, String(CHUNK)],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const dead = new Promise<unknown>((done) => child.once('close', (_, signal) => done(signal)));
    once(world.server, { method: 'PATCH', nth: 4 }, (request) => request.once('data', () => child.kill('SIGKILL')));
    assert.equal(await dead, 'SIGKILL');
    assert.deepEqual(world.chunks(), startsAt(0, 1, 2, 3));
    assert.equal((await stateLeft(world)).length, 1);
    await world.put();
    assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
    assert.deepEqual(world.chunks(), startsAt(0, 1, 2, 3, 3, 4, 5));
    assert.deepEqual(await stateLeft(world), []);
  });

  test('what an earlier run left with the registry and is wrong, is sent anew', async (t) => {
    const world = await setting(t);
    once(world.server, { method: 'PATCH', nth: 3 }, (request, response) => {
      request.resume();
      end(response, 403);
    });
    await assert.rejects(world.put(), { code: 'network' });
    for (const [session, bytes] of world.server.uploads) world.server.uploads.set(session, Buffer.alloc(bytes.length));
    world.server.fault = () => false;
    await world.put();
    assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
  });

  test("a file that changed since it was hashed is refused by the registry's own check, one that shrank by ours", async (t) => {
    const world = await setting(t);
    await writeFile(world.file, Buffer.alloc(SIZE));
    await assert.rejects(world.put(), { code: 'file-changed' });
    await writeFile(world.file, Buffer.alloc(SIZE - CHUNK));
    await assert.rejects(world.put(), { code: 'file-changed' });
  });
});

describe('a file in one request', () => {
  test('that was cut is sent again in another session, for of the first the registry has a part', async (t) => {
    const world = await setting(t, SIZE);
    once(world.server, { method: 'PUT', nth: 1 }, cut);
    await world.put();
    assert.ok(world.server.blobs.get(world.digest)?.equals(world.content));
    const sessions = world.server.requests.filter(({ method }) => method === 'PUT').map(({ url }) => url.split('?')[0]);
    assert.equal(new Set(sessions).size, 2);
  });
});
