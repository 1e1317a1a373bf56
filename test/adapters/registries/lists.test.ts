import assert from 'node:assert/strict';
import { readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createCommit } from '../../../src/adapters/registries/embedded/commit.ts';
import { readLayout, writeLayout } from '../../../src/adapters/registries/embedded/layout.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { ATTACHMENTS, type Descriptor } from '../../../src/domain/registry/referrer.ts';
import { modelOf, putModel, scratchRegistry } from './scratch.ts';

function descriptorOf(at: number): Descriptor {
  return { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: ociDigest(`manifest ${at}`), size: at };
}

test('a list that another process replaced is read anew, though size and time are the same', async (t) => {
  const { open, place } = await scratchRegistry(t);
  const registry = await open();
  const [one, two] = [
    await putModel(registry, 'enc', { text: 'one', tag: 'a' }),
    await putModel(registry, 'enc', { text: 'two', tag: 'b' }),
  ];
  const file = join(place, 'models/enc/index.json');
  await utimes(file, 1000, 1000);
  assert.equal(await registry.resolve('enc', 'a'), one);
  const text = await readFile(file, 'utf8');
  await writeFile(`${file}.other`, text.replaceAll('"a"', '"c"').replaceAll('"b"', '"a"').replaceAll('"c"', '"b"'));
  await utimes(`${file}.other`, 1000, 1000);
  await rename(`${file}.other`, file);
  assert.equal(await registry.resolve('enc', 'a'), two);
  await rm(file);
  await assert.rejects(registry.resolve('enc', 'a'), { code: 'not-found' });
});

test('changes asked for at once are made in their order, however long each takes to prepare', async (t) => {
  const { place } = await scratchRegistry(t);
  const layout = join(place, 'models/enc');
  const commit = createCommit(join(place, 'layout-lock.db'));
  const seen: number[] = [];
  await Promise.all(
    Array.from({ length: 20 }, (_, at) =>
      commit(layout, async () => {
        await new Promise((done) => setTimeout(done, Math.random() * 20));
        return async (manifests) => {
          seen.push(manifests.length);
          return [...manifests, descriptorOf(at)];
        };
      }),
    ),
  );
  assert.deepEqual(
    (await readLayout(layout)).manifests,
    Array.from({ length: 20 }, (_, at) => descriptorOf(at)),
  );
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, at) => at),
    'each sees those before it',
  );
});

test('a change that fails, in preparing or in changing, fails alone', async (t) => {
  const { place } = await scratchRegistry(t);
  const layout = join(place, 'models/enc');
  const commit = createCommit(join(place, 'layout-lock.db'));
  const add = (at: number) => commit(layout, async () => async (manifests) => [...manifests, descriptorOf(at)]);
  const results = await Promise.allSettled([
    commit(layout, async () => {
      throw new Error('unprepared');
    }),
    add(1),
    commit(layout, async () => async () => {
      throw new Error('unchanged');
    }),
    commit(layout, async () => {
      throw new Error('unprepared');
    }),
    add(2),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.deepEqual((await readLayout(layout)).manifests, [descriptorOf(1), descriptorOf(2)]);
  await add(3);
  assert.equal((await readLayout(layout)).manifests.length, 3, 'and the next goes on');
});

test('a list that cannot be written fails all that waited for it, and nothing hangs', async (t) => {
  const { place } = await scratchRegistry(t);
  const layout = join(place, 'models/enc');
  await writeLayout(layout, [descriptorOf(0)]);
  await writeFile(join(layout, 'index.json'), 'garbage');
  const commit = createCommit(join(place, 'layout-lock.db'));
  const results = await Promise.allSettled(
    [1, 2, 3].map((at) => commit(layout, async () => async (manifests) => [...manifests, descriptorOf(at)])),
  );
  assert.deepEqual(
    results.map((each) => each.status === 'rejected' && (each.reason as { code: string }).code),
    ['unreadable', 'unreadable', 'unreadable'],
  );
});

test('an old blob that is collected as garbage while a push takes it for granted is missed before the push is done', async (t) => {
  const { open } = await scratchRegistry(t);
  const registry = await open();
  const id = await putModel(registry, 'enc', { text: 'one', tag: '1' });
  const { digest, content, manifest } = modelOf('two');
  await registry.putBytes('enc', digest, content);
  for (const config of manifest.configs) await registry.putBytes('enc', config.digest, config.bytes);
  const { removed } = await registry.collectGarbage({ dryRun: false, olderThanMs: 0 });
  assert.ok(removed.some(({ path }) => path.endsWith(digest.slice(7))));
  await assert.rejects(registry.putManifest('enc', manifest.top, '2'), { code: 'not-found', hint: /repeat/ });
  await assert.rejects(registry.resolve('enc', '2'), { code: 'not-found' });
  const lost = { bytes: Buffer.from('{}'), keeps: [{ digest, sizeBytes: content.length }] };
  await assert.rejects(registry.putAttachment('enc', id, ATTACHMENTS.outboards, lost), { code: 'not-found' });
  assert.equal(await putModel(registry, 'enc', { text: 'two', tag: '2' }), manifest.id, 'a repeat finishes');
});

test('referrers that come together change the lists once, however many there are, and are those put one by one', async (t) => {
  const { open, place } = await scratchRegistry(t);
  const registry = await open();
  const listsFor = async (count: number): Promise<number> => {
    const name = `enc${count}`;
    const id = await putModel(registry, name, { text: 'one', tag: 'a' });
    const before = (await readdir(join(place, 'models', name, 'blobs/sha256'))).length;
    const claims = Array.from({ length: count }, (_, at) => Buffer.from(`{"claim":${at}}`));
    const list = Buffer.from('weighmark-files/1\n');
    const all = [{ artifactType: ATTACHMENTS.digestList, content: list }, ...claims.map((content) => ({ content }))];
    await registry.putReferrers?.(name, id, all);
    assert.deepEqual(
      (await registry.claims(name, id)).map((each) => Buffer.from(each).toString()),
      claims.map(String),
    );
    assert.deepEqual(
      (await registry.attachments(name, id, ATTACHMENTS.digestList)).map((each) => Buffer.from(each).toString()),
      [String(list)],
    );
    const stored = await readdir(join(place, 'models', name, 'blobs/sha256'));
    const index = await readFile(join(place, 'models', name, 'index.json'), 'utf8');
    await registry.putReferrers?.(name, id, all);
    for (const claim of claims) await registry.putClaim(name, id, claim);
    assert.equal(await readFile(join(place, 'models', name, 'index.json'), 'utf8'), index, 'once is enough');
    return stored.length - before - 2 * all.length;
  };
  assert.deepEqual(await listsFor(20), await listsFor(2));
});
