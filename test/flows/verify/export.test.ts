import assert from 'node:assert/strict';
import { readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import { exportTo } from '../../../src/flows/verify/export.ts';
import { claimsWorld, refusals, type ClaimsWorld, type Person } from '../claims-world.ts';

/** `verify --to out`, with what happens to the files told by `files`. */
async function verifyTo(
  world: ClaimsWorld,
  root: string,
  { by, files = createFiles() }: { by: Person; files?: Files },
) {
  const target = join(world.folder, 'out');
  const written = exportTo(
    target,
    { durable: true },
    { files, stagings: createStagings(), hasher: async () => createHasher() },
  );
  try {
    const outcome = await world.verify(root, [by.trust], {}, { files, hasher: written.hasher });
    if (outcome.verdict.exitCode === 0) await written.publish(outcome.files);
    return { target, outcome };
  } finally {
    await written.discard();
  }
}

const leftOver = async (world: ClaimsWorld) => (await readdir(world.folder)).filter((name) => name.includes('out'));

test('the verified bytes are written out read-only, by names and content', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'sub/c.json': '{}' });
  await world.seal(root, anna);
  const { target } = await verifyTo(world, root, { by: anna });
  assert.deepEqual((await readdir(target, { recursive: true })).toSorted(), ['sub', 'sub/c.json', 'w.bin']);
  assert.equal(await readFile(join(target, 'w.bin'), 'utf8'), 'weights');
  assert.equal((await stat(join(target, 'w.bin'))).mode & 0o222, 0);
  assert.notEqual((await stat(join(target, 'w.bin'))).ino, (await stat(join(root, 'w.bin'))).ino);
  await assert.rejects(verifyTo(world, root, { by: anna }), { code: 'already-exists' });
  assert.deepEqual(await leftOver(world), ['out']);
});

test('rule 20: a file swapped at any point is either what was signed when it is handed on, or refused', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'x.bin': 'x' });
  await world.sign(root, anna);
  const files = createFiles();
  const swap = async () => {
    await writeFile(join(world.folder, 'evil'), 'WEIGHTS');
    await rename(join(world.folder, 'evil'), join(root, 'w.bin'));
  };
  const after: Files = {
    ...files,
    duplicate: async (from, to, options) => {
      await files.duplicate(from, to, options);
      if (from.endsWith('w.bin')) await swap();
    },
  };
  const { target, outcome } = await verifyTo(world, root, { by: anna, files: after });
  assert.equal(outcome.verdict.outcome, 'verified');
  assert.equal(await readFile(join(target, 'w.bin'), 'utf8'), 'weights');
  assert.equal(await readFile(join(root, 'w.bin'), 'utf8'), 'WEIGHTS');
});

test('a file swapped between the walk and its copy is refused by name, and nothing is left', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'x.bin': 'x' });
  await world.sign(root, anna);
  const files = createFiles();
  const before: Files = {
    ...files,
    duplicate: async (from, to, options) => {
      if (from.endsWith('w.bin')) await writeFile(from, 'WEIGHTS');
      await files.duplicate(from, to, options);
    },
  };
  const { outcome } = await verifyTo(world, root, { by: anna, files: before });
  assert.deepEqual(refusals(outcome), ['file-changed w.bin']);
  assert.deepEqual(await leftOver(world), []);
});

test('a changed byte is refused by name, and nothing is left; an unsigned artifact is not even copied', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'x.bin': 'x' });
  const files = createFiles();
  const none: Files = { ...files, duplicate: async () => assert.fail('it was copied') };
  assert.equal((await verifyTo(world, root, { by: anna, files: none })).outcome.verdict.exitCode, 3);
  await world.seal(root, anna);
  await writeFile(join(root, 'x.bin'), 'y');
  assert.deepEqual(refusals((await verifyTo(world, root, { by: anna })).outcome), ['digest-mismatch x.bin']);
  assert.deepEqual(await leftOver(world), []);
});
