import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { initRegistry, openRegistry, type RegistryDeps } from '../../../src/adapters/registries/index.ts';
import { waitOf } from '../../../src/adapters/registries/oci/http.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { leafOf, modelOf, putModel } from './scratch.ts';
import { digestOf, end, startRegistry, type TestRegistry } from './server.ts';

interface Setting {
  readonly folder: string;
  readonly server: TestRegistry;
  readonly deps: RegistryDeps;
  readonly location: string;
  open(): Promise<Registry>;
}

async function setting(t: TestContext): Promise<Setting> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-oci-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await startRegistry(t);
  const deps = { env: { HOME: folder } };
  const location = `oci://${server.host}/acme`;
  await initRegistry(location, {}, deps);
  return { folder, server, deps, location, open: () => openRegistry(location, deps) };
}

function claim(at: number): Buffer {
  return Buffer.from(JSON.stringify({ at }));
}

describe('a remote registry', () => {
  test('what is put comes out; the log waits, is integrated, is proven', async (t) => {
    const { open, deps, location } = await setting(t);
    const registry = await open();
    const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    assert.equal(await registry.resolve('enc', '1'), id);
    const leaves = [leafOf(0, { name: 'enc', manifest: id }), leafOf(1)];
    assert.deepEqual(
      (await registry.log.append(leaves)).map(({ index }) => index),
      [null, null],
    );
    assert.deepEqual((await registry.list()).map((entry) => entry.id).includes(id), true, 'listed while it waits');
    assert.equal((await registry.log.pending()).length, 2);
    assert.equal((await registry.log.integrate()).added.length, 2);
    assert.equal((await registry.log.integrate()).added.length, 0);
    assert.deepEqual(await registry.log.pending(), []);
    assert.equal((await registry.log.verify()).size, 2);
    assert.match(await registry.log.prove(1), /^c2sp\.org\/tlog-proof@v1\n/);
    await registry.log.append([leafOf(0, { name: 'enc', manifest: id }), leafOf(2)]);
    assert.equal((await registry.log.integrate()).size, 3, 'a leaf that is logged already is not logged twice');
    const colleague = await openRegistry(location, { env: { HOME: join(deps.env['HOME'] ?? '', 'colleague') } });
    await assert.rejects(colleague.log.integrate(), { code: 'key-unusable' });
    assert.equal(
      (await colleague.log.append([leafOf(3)]))[0]?.index,
      null,
      'anybody who may push may ask for an entry',
    );
  });

  for (const referrers of [true, false]) {
    test(`twenty claims at once are all listed, ${referrers ? 'with' : 'without'} the referrers API, though tags are overwritten`, async (t) => {
      const { server, open } = await setting(t);
      server.referrers = referrers;
      const registry = await open();
      const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
      await Promise.all(Array.from({ length: 20 }, async (_, at) => (await open()).putClaim('enc', id, claim(at))));
      assert.equal((await registry.claims('enc', id)).length, 20);
      server.manifests.delete(`acme/enc ${id.replace(':', '-')}`);
      assert.equal((await registry.claims('enc', id)).length, 20, 'without the fallback tag');
    });
  }

  test('twenty log entries at once all wait, then all are logged', async (t) => {
    const { open } = await setting(t);
    await Promise.all(Array.from({ length: 20 }, async (_, at) => (await open()).log.append([leafOf(at)])));
    const { log } = await open();
    assert.equal((await log.integrate()).added.length, 20);
    assert.equal((await log.verify()).size, 20);
  });

  test('an entry that comes while others are judged at the door goes on waiting, and is swept by nobody', async (t) => {
    const { open } = await setting(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    const door = async () => {
      await (await open()).log.append([leafOf(1)]);
      return { answer: 'admitted' } as const;
    };
    const { added, swept } = await log.integrate(undefined, door);
    assert.deepEqual([added.length, swept.length], [1, 0]);
    assert.deepEqual(await log.pending(), [leafOf(1)]);
  });

  test('a registry that lets nobody delete: what is logged does not wait, and is not logged again', async (t) => {
    const { server, open } = await setting(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    server.fault = (request, response) => {
      if (request.method !== 'DELETE') return false;
      end(response, 401);
      return true;
    };
    assert.equal((await log.integrate()).added.length, 1);
    assert.deepEqual(await log.pending(), []);
    assert.equal((await log.integrate()).size, 1);
  });

  test('a blob that is there is not sent again', async (t) => {
    const { server, open } = await setting(t);
    const registry = await open();
    await putModel(registry, 'enc', { text: 'one', tag: '1' });
    server.requests.length = 0;
    await putModel(registry, 'enc', { text: 'one', tag: '2' });
    assert.deepEqual(
      server.requests.filter(({ method }) => method === 'POST' || method === 'PATCH'),
      [],
    );
  });

  test('an operator killed between signing and publishing publishes the same checkpoint, never a second one of its size', async (t) => {
    const { server, open } = await setting(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    server.fault = (request, response) => {
      if (request.method !== 'PUT' || !(request.url ?? '').endsWith('/manifests/head')) return false;
      request.resume();
      end(response, 403);
      return true;
    };
    await assert.rejects(log.integrate(), { code: 'network' });
    server.fault = () => false;
    await log.append([leafOf(1)]);
    assert.deepEqual(
      (await (await open()).log.integrate()).added.map(({ leaf }) => leaf),
      [leafOf(0)],
      'what was signed comes first',
    );
    assert.equal((await (await open()).log.integrate()).size, 2);
    assert.equal((await (await open()).log.verify()).size, 2);
  });

  test('a log put back to an older state: log-rollback; another identity: log-key-mismatch', async (t) => {
    const { server, open, deps, folder } = await setting(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    await log.integrate();
    const old = server.manifests.get('acme/weighmark-log head');
    await log.append([leafOf(1)]);
    await log.integrate();
    assert.ok(old !== undefined);
    server.manifests.set('acme/weighmark-log head', old);
    await assert.rejects(log.checkpoint(), { code: 'log-rollback' });
    await assert.rejects(log.integrate(), { code: 'log-rollback' });
    server.manifests.delete('acme/weighmark-log identity');
    await initRegistry(`oci://${server.host}/acme`, {}, { env: { HOME: join(folder, 'thief') } });
    await assert.rejects(openRegistry(`oci://${server.host}/acme`, deps), { code: 'log-key-mismatch' });
  });

  test('artifacts of a registry without a log are read; nothing is said of what was logged', async (t) => {
    const { server, open, deps } = await setting(t);
    const id = await putModel(await open(), 'enc', { text: 'one', tag: '1' });
    for (const key of [...server.manifests.keys()]) if (key.includes('weighmark-log')) server.manifests.delete(key);
    const registry = await openRegistry(`oci://${server.host}/acme`, {
      env: { HOME: join(deps.env['HOME'] ?? '', 'other') },
    });
    assert.equal(await registry.resolve('enc', '1'), id);
    await assert.rejects(registry.log.find({}), { code: 'not-found' });
  });
});

describe('a registry that misbehaves', () => {
  test('429 and 503 are waited out, as Retry-After says', async (t) => {
    const { server, open } = await setting(t);
    const registry = await open();
    let refusals = 3;
    server.fault = (_, response) => {
      if (refusals === 0) return false;
      refusals -= 1;
      end(response, refusals === 1 ? 503 : 429, { 'retry-after': '0' });
      return true;
    };
    await putModel(registry, 'enc', { text: 'one', tag: '1' });
    assert.equal(refusals, 0);
    assert.equal(waitOf(1, '7'), 7000);
    assert.equal(waitOf(1, 'Thu, 01 Jan 1970 00:00:05 GMT', 2000), 3000);
    assert.equal(waitOf(1, '86400'), 60_000, 'bounded');
  });

  test('a server that asks to be left alone for days is said so, not waited for', async (t) => {
    const { server, open } = await setting(t);
    const registry = await open();
    server.fault = (_, response) => {
      end(response, 429, { 'retry-after': '999999' });
      return true;
    };
    const before = server.requests.length;
    await assert.rejects(registry.resolve('enc', '1'), { code: 'network', message: /asks to come back in 999999 s/ });
    assert.equal(server.requests.length - before, 1);
  });

  for (const [what, bytes] of Object.entries({
    'other bytes': Buffer.from('two'),
    'more bytes': Buffer.from('one and more'),
    'too few bytes': Buffer.from('on'),
  })) {
    test(`${what} than asked for are refused`, async (t) => {
      const { server, open, folder } = await setting(t);
      const registry = await open();
      const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
      const { digest } = modelOf('one');
      server.blobs.set(digest, bytes);
      await assert.rejects(registry.getFile('enc', digest, { location: join(folder, 'out'), sizeBytes: 3 }), {
        code: 'digest-mismatch',
      });
      const kept = server.manifests.get(`acme/enc ${id}`);
      server.manifests.set(`acme/enc ${id}`, { bytes: Buffer.from('{}'), type: kept?.type ?? '' });
      await assert.rejects(registry.getManifest('enc', id), { code: 'digest-mismatch' });
    });
  }

  test("a file that changes while it is sent is refused by the registry's own check", async (t) => {
    const { open, folder } = await setting(t);
    await writeFile(join(folder, 'model.bin'), 'changed');
    await assert.rejects(
      (await open()).putFile('enc', digestOf(Buffer.from('hashed!')), {
        location: join(folder, 'model.bin'),
        sizeBytes: 7,
      }),
      { code: 'file-changed' },
    );
  });

  test('an endless list, an endless answer, a page that is no JSON: bounded and refused', async (t) => {
    const { server, open } = await setting(t);
    const registry = await open();
    const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    server.fault = (request, response) => {
      if (!(request.url ?? '').includes('/tags/list')) return false;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"tags": [');
      return true;
    };
    await assert.rejects(registry.claims('enc', id), { code: 'format-invalid' });
  });

  test('a registry that is not there is undecided, not absent', async (t) => {
    const { deps } = await setting(t);
    await assert.rejects(openRegistry('oci://127.0.0.1:1/acme', deps), { code: 'network' });
    await assert.rejects(openRegistry('oci://127.0.0.1:1/acme', { ...deps, offline: true }), {
      code: 'network',
      message: /--offline/,
    });
  });
});
