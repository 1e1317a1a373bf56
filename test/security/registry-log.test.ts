import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { initRegistry, openRegistry } from '../../src/adapters/registries/index.ts';
import { createStagings } from '../../src/adapters/staging.ts';
import { createFiles } from '../../src/adapters/files/index.ts';
import { ociDigest } from '../../src/domain/digest/hex.ts';
import { buildManifest } from '../../src/domain/digest/manifest.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import { pull } from '../../src/flows/registry/pull.ts';
import { leafOf, putModel, scratchRegistry } from '../adapters/registries/scratch.ts';

const quiet = { start: () => ({ advance: () => {}, end: () => {} }) };
const ports = () => ({ files: createFiles(), stagings: createStagings(), progress: quiet });

test('rule 1: the log key may not lie inside the registry, not even through a link', async (t) => {
  const { folder } = await scratchRegistry(t);
  const place = join(folder, 'second');
  await mkdir(place);
  await assert.rejects(initRegistry(place, { logKeyFile: join(place, 'key.pem') }, { env: { HOME: folder } }), {
    code: 'anchor-inside',
  });
  const { symlink } = await import('node:fs/promises');
  await writeFile(join(place, 'hidden.pem'), '');
  await symlink(join(place, 'hidden.pem'), join(folder, 'link.pem'));
  await assert.rejects(initRegistry(place, { logKeyFile: join(folder, 'link.pem') }, { env: { HOME: folder } }), {
    code: 'anchor-inside',
  });
});

test('an address of another kind, or spelled otherwise, is no folder of that name, password and all', async (t) => {
  const { deps, folder } = await scratchRegistry(t);
  const at = { ...deps, cwd: folder };
  const before = await readdir(folder);
  for (const location of [
    'OCI://user:HUNTER2@host/acme',
    ' oci://user:HUNTER2@host/acme',
    'oci:/HUNTER2@host/acme',
    'https://user:HUNTER2@host/acme',
    's3://bucket/models',
    'file:/srv/models',
  ])
    for (const asked of [initRegistry(location, {}, at), openRegistry(location, at)])
      await assert.rejects(asked, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'name-invalid', location);
        assert.doesNotMatch(JSON.stringify([error.message, error]), /HUNTER2/, location);
        return true;
      });
  assert.deepEqual(await readdir(folder), before, 'nothing was made');
  for (const location of ['./oci:/x', 'models:1', 'c:/models'])
    await assert.rejects(openRegistry(location, at), { code: 'not-found' }, 'a folder');
});

test('rule 1: the keys the caller names win over what the registry says and what was pinned', async (t) => {
  const { place, deps } = await scratchRegistry(t);
  const named = ['sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'];
  await assert.rejects(openRegistry(place, { ...deps, logVkeys: named }), { code: 'log-key-mismatch' });
  await assert.rejects(openRegistry(place, { ...deps, logVkeys: [] }), { code: 'log-key-mismatch' });
});

test('rule 17: index.db is never evidence: entries removed from it are found, entries invented in it are not', async (t) => {
  const { open, place } = await scratchRegistry(t);
  await (await open()).log.append([leafOf(0, { kind: 'revocation' }), leafOf(1)]);
  const database = new DatabaseSync(join(place, 'index.db'));
  database.exec(
    `DELETE FROM entry; INSERT INTO entry VALUES (0, 'push', 'invented', '${leafOf(9).manifest}', '${leafOf(9).bundle}', '')`,
  );
  database.close();
  const { log } = await open();
  assert.equal((await log.find({ kind: 'revocation' })).length, 1);
  assert.deepEqual(await log.find({ name: 'invented' }), []);
  assert.deepEqual(
    (await log.append([leafOf(9, { name: 'invented' })])).map(({ index }) => index),
    [2],
    'what only the cache knows is not logged',
  );
});

test('rule 17: two checkpoints of one size are never signed: a registry put back refuses to grow again', async (t) => {
  const { open, place, folder } = await scratchRegistry(t);
  const { log } = await open();
  await log.append([leafOf(0)]);
  await cp(place, join(folder, 'backup'), { recursive: true });
  await log.append([leafOf(1)]);
  await rm(place, { recursive: true });
  await cp(join(folder, 'backup'), place, { recursive: true });
  await assert.rejects((await open()).log.append([leafOf(2)]), { code: 'log-rollback' });
});

test('rule 18: a machine without memory says so, and one whose memory cannot be written says so every time', async (t) => {
  const { open, place, folder } = await scratchRegistry(t);
  await (await open()).log.append([leafOf(0)]);
  await writeFile(join(folder, 'file'), '');
  const container = { env: { HOME: join(folder, 'container'), WEIGHMARK_STATE: join(folder, 'file', 'state') } };
  for (let run = 0; run < 2; run += 1) {
    const { log } = await openRegistry(place, container);
    assert.notEqual(await log.checkpoint(), null);
    assert.equal(log.remembered, false);
  }
  const laptop = { env: { HOME: join(folder, 'laptop') } };
  assert.notEqual(await (await openRegistry(place, laptop)).log.checkpoint(), null);
  assert.equal((await openRegistry(place, laptop)).log.remembered, true);
});

test('rule 19: revocations are log entries that a cut log cannot hide from whoever saw them', async (t) => {
  const { open, place } = await scratchRegistry(t);
  const { log } = await open();
  await log.append([leafOf(0)]);
  const before = await readFile(join(place, 'log', 'checkpoint'));
  await log.append([leafOf(1, { kind: 'revocation' })]);
  await writeFile(join(place, 'log', 'checkpoint'), before);
  await assert.rejects((await open()).log.find({ kind: 'revocation' }), { code: 'log-rollback' });
});

test('rule 20: pull writes the bytes that were hashed, read-only, and nothing before all are right', async (t) => {
  const { open, place, folder } = await scratchRegistry(t);
  const registry = await open();
  const id = await putModel(registry, 'enc', { text: 'weights', tag: '1' });
  const target = join(folder, 'out');
  await pull({ place: { name: 'enc', reference: '1' }, target }, ports(), registry);
  assert.equal(await readFile(join(target, 'model.bin'), 'utf8'), 'weights');
  assert.equal((await stat(join(target, 'model.bin'))).mode & 0o222, 0);
  await writeFile(join(place, 'models/enc/blobs/sha256', ociDigest('weights').slice(7)), 'WEIGHTS');
  await assert.rejects(
    pull({ place: { name: 'enc', reference: id }, target: join(folder, 'second') }, ports(), registry),
    { code: 'digest-mismatch' },
  );
  await assert.rejects(stat(join(folder, 'second')));
});

test('rule 20: a gate that says no leaves nothing on the disk', async (t) => {
  const { open, folder } = await scratchRegistry(t);
  const registry = await open();
  await putModel(registry, 'enc', { text: 'weights', tag: '1' });
  const { refusedCheck, verdictOf } = await import('../../src/domain/base/verdict.ts');
  const gate = async ({ root }: { root: string }) => {
    assert.equal(await readFile(join(root, 'model.bin'), 'utf8'), 'weights', 'the gate sees all of it');
    return verdictOf({ subject: 'enc', checks: [refusedCheck('policy', [{ code: 'policy-refused', message: 'no' }])] });
  };
  const outcome = await pull(
    { place: { name: 'enc', reference: '1' }, target: join(folder, 'out'), gate },
    ports(),
    registry,
  );
  assert.equal(outcome.verdict?.exitCode, 1);
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes('out')),
    [],
  );
});

test('names in a manifest never leave the folder, and never fall together', async (t) => {
  const { open, folder } = await scratchRegistry(t);
  const registry = await open();
  for (const paths of [['../evil'], ['/etc/evil'], ['a/../../evil'], ['C:evil'], ['nul'], ['A', 'a'], ['a\\b']]) {
    await putHostile(registry, paths).catch((error: Error & { code: string }) =>
      assert.equal(error.code, 'name-unsafe'),
    );
    const reference = await registry.resolve('evil', 'x').catch(() => null);
    if (reference === null) continue;
    await assert.rejects(
      pull({ place: { name: 'evil', reference: 'x' }, target: join(folder, 'out') }, ports(), registry),
      { code: 'name-unsafe' },
      paths.join(),
    );
    await assert.rejects(stat(join(folder, 'out')));
  }
});

/** A manifest somebody else's tool made: the names are put in after it was built. */
async function putHostile(registry: Registry, paths: readonly string[]): Promise<void> {
  const harmless = buildManifest(
    paths.map((_, at) => ({ path: `file${at}`, sizeBytes: 1, sha256: ociDigest('x').slice(7) })),
  );
  let text = Buffer.from(harmless.top.bytes).toString();
  paths.forEach((path, at) => (text = text.replace(`"file${at}"`, JSON.stringify(path))));
  const bytes = Buffer.from(text);
  await registry.putBytes('evil', ociDigest('x'), Buffer.from('x'));
  for (const config of harmless.configs) await registry.putBytes('evil', config.digest, config.bytes);
  await registry.putManifest('evil', { bytes, digest: ociDigest(bytes), mediaType: harmless.top.mediaType }, 'x');
}
