import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, after, test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createProgress } from '../../../src/adapters/progress.ts';
import { initRegistry, openRegistry } from '../../../src/adapters/registries/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { GROUP_BYTES, OUTBOARD_FROM_BYTES } from '../../../src/domain/digest/outboard.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { ATTACHMENTS } from '../../../src/domain/registry/referrer.ts';
import { copy } from '../../../src/flows/registry/copy.ts';
import { pull } from '../../../src/flows/registry/pull.ts';
import { push } from '../../../src/flows/registry/push.ts';
import { rangeOf, startRegistry, type TestRegistry } from '../../adapters/registries/server.ts';

const SIZE = OUTBOARD_FROM_BYTES + 1234;
const OUTBOARD = '.weighmark/outboards/sub%2Fmodel.bin.obao4';

/** A model with one large file, and an empty home. */
const world = { folder: '', model: '', content: Buffer.alloc(0) };

before(async () => {
  world.folder = await mkdtemp(join(tmpdir(), 'weighmark-outboards-'));
  world.model = join(world.folder, 'model');
  world.content = randomBytes(SIZE);
  await mkdir(join(world.model, 'sub'), { recursive: true });
  await writeFile(join(world.model, 'sub/model.bin'), world.content);
  await writeFile(join(world.model, 'config.json'), '{}');
});

after(() => rm(world.folder, { recursive: true, force: true }));

const progress = createProgress(() => process.stderr, false);

async function pushModel(registry: Registry): Promise<string> {
  const hasher = await createHasher();
  const scratch = () => createStagings().open(join(world.folder, 'scratch'), 'outboards');
  return (
    await push(
      { root: world.model, as: 'enc:1' },
      { files: createFiles(), hasher: async () => hasher, progress, scratch },
      registry,
    )
  ).id;
}

async function pullModel(registry: Registry, target: string): Promise<void> {
  await rm(target, { recursive: true, force: true });
  await pull(
    { place: { name: 'enc', reference: '1' }, target },
    { files: createFiles(), stagings: createStagings(), progress },
    registry,
  );
}

async function remote(t: TestContext): Promise<{ server: TestRegistry; registry: Registry }> {
  const server = await startRegistry(t);
  const deps = { env: { HOME: join(world.folder, `home-${server.host.split(':')[1] ?? ''}`) } };
  await initRegistry(`oci://${server.host}/acme`, {}, deps);
  return { server, registry: await openRegistry(`oci://${server.host}/acme`, deps) };
}

async function embedded(name = 'registry'): Promise<Registry> {
  const deps = { env: { HOME: join(world.folder, 'home') } };
  await initRegistry(join(world.folder, name), {}, deps);
  return openRegistry(join(world.folder, name), deps);
}

describe('outboards travel with a model', () => {
  test('into a registry and out of it; pushing again adds nothing; the scratch folder is gone', async (t) => {
    for (const registry of [(await remote(t)).registry, await embedded()]) {
      const id = await pushModel(registry);
      assert.equal(await pushModel(registry), id);
      assert.equal((await registry.attachments('enc', id, ATTACHMENTS.outboards)).length, 1);
      const target = join(world.folder, 'pulled');
      await pullModel(registry, target);
      assert.ok((await readFile(join(target, 'sub/model.bin'))).equals(world.content));
      assert.equal((await readFile(join(target, OUTBOARD))).readBigUInt64LE(0), BigInt(SIZE));
      assert.deepEqual(
        (await createFiles().names(world.folder)).filter((name) => name.includes('.part')),
        [],
      );
    }
  });

  test('a folder registry does not take them for garbage', async () => {
    const registry = await embedded();
    await pushModel(registry);
    await registry.collectGarbage({ dryRun: false, olderThanMs: 0 });
    const target = join(world.folder, 'pulled-after');
    await pullModel(registry, target);
    assert.equal((await readFile(join(target, OUTBOARD))).readBigUInt64LE(0), BigInt(SIZE));
  });

  test('and with a copy of it', async (t) => {
    const { registry } = await remote(t);
    await pushModel(registry);
    await registry.log.integrate();
    const target = await embedded('stick');
    await copy(
      { place: { name: 'enc', reference: '1' }, scratch: join(world.folder, 'copying') },
      { stagings: createStagings(), progress },
      { source: registry, target },
    );
    await pullModel(target, join(world.folder, 'from-stick'));
    assert.equal((await readFile(join(world.folder, 'from-stick', OUTBOARD))).readBigUInt64LE(0), BigInt(SIZE));
  });

  test('so that pulling fetches one wrong block again, and nothing else', async (t) => {
    const { server, registry } = await remote(t);
    await pushModel(registry);
    server.requests.length = 0;
    const block = 700 * GROUP_BYTES;
    const wrong = Buffer.from(world.content);
    wrong.writeUInt8(wrong.readUInt8(block) ^ 1, block);
    let served = 0;
    server.fault = (request, response) => {
      if (request.method !== 'GET' || server.blobs.get((request.url ?? '').split('/').at(-1) ?? '')?.length !== SIZE)
        return false;
      const { status, headers, start, end } = rangeOf(request, SIZE);
      served += end - start;
      response.writeHead(status, headers);
      response.end((status === 200 ? wrong : world.content).subarray(start, end));
      return true;
    };
    const target = join(world.folder, 'mended');
    await pullModel(registry, target);
    assert.ok((await readFile(join(target, 'sub/model.bin'))).equals(world.content));
    assert.equal(served, SIZE + GROUP_BYTES);
  });

  test('a file that is always wrong is named with the block, and nothing gets its name', async (t) => {
    const { server, registry } = await remote(t);
    await pushModel(registry);
    for (const [digest, blob] of server.blobs)
      if (blob.length === SIZE)
        server.blobs.set(digest, Buffer.concat([blob.subarray(0, SIZE - 1), Buffer.from([(blob.at(-1) ?? 0) ^ 1])]));
    const target = join(world.folder, 'refused');
    const last = Math.floor(SIZE / GROUP_BYTES) * GROUP_BYTES;
    await assert.rejects(pullModel(registry, target), {
      code: 'digest-mismatch',
      message: new RegExp(`^sub/model.bin: .* ${last} to ${SIZE}`),
    });
    assert.equal(await createFiles().kindOf(target), 'none');
  });

  test('a list of outboards that is nonsense, or whose blobs are gone, is done without', async (t) => {
    const { server, registry } = await remote(t);
    const id = await pushModel(registry);
    await registry.putAttachment('enc', id, ATTACHMENTS.outboards, Buffer.from('weighmark-outboards/1\nx y\n'));
    await registry.putAttachment('enc', id, ATTACHMENTS.outboards, Buffer.from([0, 255, 10]));
    for (const [digest, blob] of server.blobs)
      if (blob.length > 60_000 && blob.length < SIZE) server.blobs.delete(digest);
    const target = join(world.folder, 'without');
    await pullModel(registry, target);
    assert.ok((await readFile(join(target, 'sub/model.bin'))).equals(world.content));
    assert.equal(await createFiles().kindOf(join(target, OUTBOARD)), 'none');
  });
});
