import assert from 'node:assert/strict';
import { chmod, link, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { ATTACHMENTS } from '../../../src/domain/registry/referrer.ts';
import { leafOf, modelOf, putModel, scratchRegistry } from './scratch.ts';

const CLAIM = Buffer.from(
  JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    dsseEnvelope: {
      payload: Buffer.from(
        JSON.stringify({ predicateType: 'https://in-toto.io/attestation/test-result/v0.1', subject: [] }),
      ).toString('base64'),
    },
  }),
);

describe('an embedded registry', () => {
  test('is an OCI image layout a model: what is put comes out by tag and by digest', async (t) => {
    const { open, place } = await scratchRegistry(t);
    const id = await putModel(await open(), 'acme/enc', { text: 'one', tag: '1' });
    const registry = await open();
    assert.equal(await registry.resolve('acme/enc', '1'), id);
    assert.equal(await registry.resolve('acme/enc', id), id);
    assert.deepEqual(await registry.list(), [{ name: 'acme/enc', id, tags: ['1'] }]);
    assert.equal(
      JSON.parse(await readFile(join(place, 'models/acme/enc/oci-layout'), 'utf8')).imageLayoutVersion,
      '1.0.0',
    );
    const index = JSON.parse(await readFile(join(place, 'models/acme/enc/index.json'), 'utf8'));
    assert.deepEqual(
      index.manifests.map((each: { digest: string }) => each.digest),
      [id],
    );
    await assert.rejects(registry.resolve('acme/enc', '2'), { code: 'not-found' });
    await assert.rejects(registry.resolve('acme/other', '1'), { code: 'not-found' });
  });

  test('a tag moves, two tags may name one artifact, an untagged artifact stays listed', async (t) => {
    const { open } = await scratchRegistry(t);
    const registry = await open();
    const one = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    const two = await putModel(registry, 'enc', { text: 'two', tag: '2' });
    await registry.setTag('enc', 'latest', one);
    await registry.setTag('enc', '1', two);
    assert.deepEqual(
      (await registry.list()).toSorted((a, b) => Number(b.id === one) - Number(a.id === one)),
      [
        { name: 'enc', id: one, tags: ['latest'] },
        { name: 'enc', id: two, tags: ['1', '2'] },
      ],
    );
  });

  test('claims and attachments are referrers, once each, listed in the fallback index', async (t) => {
    const { open, place } = await scratchRegistry(t);
    const registry = await open();
    const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    for (let twice = 0; twice < 2; twice += 1) {
      await registry.putClaim('enc', id, CLAIM);
      await registry.putAttachment('enc', id, ATTACHMENTS.bom, Buffer.from('{}'));
    }
    assert.deepEqual(
      (await registry.claims('enc', id)).map((bytes) => Buffer.from(bytes)),
      [CLAIM],
    );
    assert.deepEqual(await registry.attachmentTypes('enc', id), [ATTACHMENTS.bom]);
    const { manifests } = JSON.parse(await readFile(join(place, 'models/enc/index.json'), 'utf8')) as {
      manifests: { digest: string; annotations?: Record<string, string> }[];
    };
    const fallback = manifests.find(
      (each) => each.annotations?.['org.opencontainers.image.ref.name'] === id.replace(':', '-'),
    );
    const listed = JSON.parse(
      await readFile(join(place, 'models/enc/blobs/sha256', fallback?.digest.slice(7) ?? ''), 'utf8'),
    ) as { manifests: { artifactType: string; annotations: Record<string, string> }[] };
    assert.equal(listed.manifests[0]?.artifactType, 'application/vnd.dev.sigstore.bundle.v0.3+json');
    assert.equal(
      listed.manifests[0]?.annotations['dev.sigstore.bundle.predicateType'],
      'https://in-toto.io/attestation/test-result/v0.1',
    );
    assert.deepEqual(
      (await registry.list()).map(({ id: each }) => each),
      [id],
    );
  });

  test('the same claim makes the same referrer in every registry: no dates', async (t) => {
    const folders = await Promise.all([scratchRegistry(t), scratchRegistry(t)]);
    const indexes = await Promise.all(
      folders.map(async ({ open, place }) => {
        const registry = await open();
        await registry.putClaim('enc', await putModel(registry, 'enc', { text: 'one', tag: '1' }), CLAIM);
        return readFile(join(place, 'models/enc/index.json'), 'utf8');
      }),
    );
    assert.equal(indexes[0], indexes[1]);
  });

  test('twenty writers at once: all artifacts, tags and claims are listed', async (t) => {
    const { open } = await scratchRegistry(t);
    const first = await putModel(await open(), 'enc', { text: 'one', tag: '1' });
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        const registry = await open();
        await registry.putClaim('enc', first, Buffer.from(JSON.stringify({ at })));
        await putModel(registry, 'enc', { text: `model ${at}`, tag: `v${at}` });
      }),
    );
    const registry = await open();
    assert.equal((await registry.claims('enc', first)).length, 20);
    assert.equal((await registry.list()).flatMap(({ tags }) => tags).length, 21);
  });

  test('a blob that was changed on disk is refused by digest', async (t) => {
    const { open, place, folder } = await scratchRegistry(t);
    const registry = await open();
    const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    const { digest } = modelOf('one');
    await writeFile(join(place, 'models/enc/blobs/sha256', digest.slice(7)), 'two');
    await assert.rejects(registry.getFile('enc', digest, { location: join(folder, 'out'), sizeBytes: 3 }), {
      code: 'digest-mismatch',
    });
    await assert.rejects(stat(join(folder, 'out')), 'nothing is left');
    await writeFile(join(place, 'models/enc/blobs/sha256', id.slice(7)), '{}');
    await assert.rejects(registry.getManifest('enc', id), { code: 'digest-mismatch' });
  });

  test('a file that is not what was hashed is not stored', async (t) => {
    const { open, folder, place } = await scratchRegistry(t);
    const registry = await open();
    await writeFile(join(folder, 'model.bin'), 'changed');
    await assert.rejects(
      registry.putFile('enc', ociDigest('hashed'), { location: join(folder, 'model.bin'), sizeBytes: 6 }),
      { code: 'file-changed' },
    );
    assert.deepEqual(await readdir(join(place, 'models/enc/blobs/sha256')), []);
  });

  test("names cannot leave the registry, nor lie inside another model's layout", async (t) => {
    const { open } = await scratchRegistry(t);
    const registry = await open();
    for (const name of ['../x', 'a/../b', '/x', 'A', 'a/blobs', 'a//b', ''])
      await assert.rejects(async () => registry.resolve(name, '1'), { code: 'name-invalid' }, name);
  });

  test('garbage: what an interrupted push left goes after a while; nothing that is listed, logged or claimed goes', async (t) => {
    const { open, place } = await scratchRegistry(t);
    const registry = await open();
    const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
    await registry.putClaim('enc', id, CLAIM);
    const blobs = join(place, 'models/enc/blobs/sha256');
    const loggedOnly = modelOf('logged only');
    await registry.putBytes('enc', loggedOnly.manifest.id, loggedOnly.manifest.top.bytes);
    await registry.putBytes('enc', loggedOnly.digest, loggedOnly.content);
    await registry.log.append([leafOf(0, { name: 'enc', manifest: loggedOnly.manifest.id })]);
    await registry.putBytes('enc', ociDigest('orphan'), Buffer.from('orphan'));
    await writeFile(join(blobs, '.torn.tmp'), 'torn');
    const before = await readdir(blobs);
    assert.deepEqual(
      (await registry.collectGarbage({ dryRun: false, olderThanMs: 3_600_000 })).removed,
      [],
      'all is young',
    );
    for (const name of before) await utimes(join(blobs, name), 0, 0);
    const planned = await registry.collectGarbage({ dryRun: true, olderThanMs: 3_600_000 });
    assert.deepEqual(
      planned.removed.map(({ path }) => path.split('/').at(-1)),
      ['.torn.tmp', ociDigest('orphan').slice(7)].toSorted(),
    );
    assert.deepEqual(await readdir(blobs), before, 'a dry run removes nothing');
    await registry.collectGarbage({ dryRun: false, olderThanMs: 3_600_000 });
    assert.equal((await readdir(blobs)).length, before.length - 2);
    assert.equal((await registry.claims('enc', id)).length, 1);
  });

  test('a folder that is no registry says how to make one', async (t) => {
    const { folder, deps } = await scratchRegistry(t);
    await assert.rejects(openRegistry(folder, deps), { code: 'not-found', hint: /registry init/ });
  });

  test(
    'a registry that may only be read: reading works, writing says why not',
    { skip: process.getuid?.() === 0 && 'root may write anywhere' },
    async (t) => {
      const { open, place } = await scratchRegistry(t);
      const id = await putModel(await open(), 'enc', { text: 'one', tag: '1' });
      const folders = [place, join(place, 'models/enc'), join(place, 'models/enc/blobs/sha256')];
      for (const folder of folders) await chmod(folder, 0o555);
      try {
        assert.equal(await (await open()).resolve('enc', '1'), id);
        await assert.rejects(putModel(await open(), 'enc', { text: 'two', tag: '2' }), { code: 'write-refused' });
      } finally {
        for (const folder of folders) await chmod(folder, 0o755);
      }
    },
  );
});

test("rule 21: a stored blob never shares an inode with the user's file, in or out", async (t) => {
  const { open, place, folder } = await scratchRegistry(t);
  const registry = await open();
  const [source, target] = [join(folder, 'model.bin'), join(folder, 'out.bin')];
  await writeFile(source, 'weights');
  await link(source, join(folder, 'second-name'));
  const digest = ociDigest('weights');
  await registry.putFile('enc', digest, { location: source, sizeBytes: 7 });
  await registry.getFile('enc', digest, { location: target, sizeBytes: 7 });
  const blob = join(place, 'models/enc/blobs/sha256', digest.slice(7));
  const inodes = await Promise.all([source, blob, target].map(async (path) => (await stat(path)).ino));
  assert.equal(new Set(inodes).size, 3);
  await writeFile(source, 'changed');
  await rm(join(folder, 'second-name'));
  assert.equal(await readFile(blob, 'utf8'), 'weights');
});
