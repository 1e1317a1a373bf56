import assert from 'node:assert/strict';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { exportVerified } from '../../../src/flows/verify/export.ts';
import { claimsWorld } from '../claims-world.ts';

const ports = { files: createFiles(), stagings: createStagings() };

test('the verified bytes are written out read-only, by names and content', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'sub/c.json': '{}' });
  await world.seal(root, anna);
  const { files } = await world.verify(root, [anna.trust]);
  const target = join(world.folder, 'out');
  await exportVerified(files, target, ports);
  assert.deepEqual((await readdir(target, { recursive: true })).toSorted(), ['sub', 'sub/c.json', 'w.bin']);
  assert.equal(await readFile(join(target, 'w.bin'), 'utf8'), 'weights');
  assert.equal((await stat(join(target, 'w.bin'))).mode & 0o222, 0);
  await assert.rejects(exportVerified(files, target, ports), { code: 'already-exists' });
});

test('rule 20: a file swapped after it was verified is not handed on', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'weights', 'x.bin': 'x' });
  await world.sign(root, anna);
  const { files } = await world.verify(root, [anna.trust]);
  await writeFile(join(root, 'w.bin'), 'WEIGHTS');
  await assert.rejects(exportVerified(files, join(world.folder, 'out'), ports), { code: 'file-changed' });
  assert.deepEqual(
    (await readdir(world.folder)).filter((name) => name.includes('out')),
    [],
  );
});
