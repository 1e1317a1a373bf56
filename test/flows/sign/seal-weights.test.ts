import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { claimsWorld } from '../claims-world.ts';

const CONTAINERS = 'fixtures/weights/containers';

test('a seal says what the weights are, binds the list, and says nothing of what is not known whole', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'README.md': 'a model' });
  await copyFile(`${CONTAINERS}/plain.safetensors`, join(root, 'model.safetensors'));
  await copyFile('fixtures/weights/further/scale-offset.h5', join(root, 'other.h5'));
  await world.seal(root, anna);
  const place = join(root, '.weighmark/weights');
  const list = await readFile(place, 'utf8');
  assert.match(list, /^weighmark-weights\/1\nweights model\.safetensors\nnames [0-9a-f]{64}\n/);
  assert.doesNotMatch(list, /other\.h5/);
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await writeFile(place, list.replace('F32', 'F64'));
  const { verdict } = await world.verify(root, [anna.trust]);
  assert.equal(verdict.exitCode, 1);
  assert.match(JSON.stringify(verdict.checks), /\.weighmark\/weights is not the one that was signed/);
});

test('an artifact that no longer holds weights has no weights list after the next seal', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'data.csv': 'a,b\n1,2\n' });
  await mkdir(join(root, 'w'));
  await copyFile(`${CONTAINERS}/plain.gguf`, join(root, 'w/model.gguf'));
  await world.seal(root, anna);
  assert.match(await readFile(join(root, '.weighmark/weights'), 'utf8'), /^weights w\/model\.gguf$/m);
  await rm(join(root, 'w'), { recursive: true });
  await world.seal(root, anna);
  await assert.rejects(readFile(join(root, '.weighmark/weights')), { code: 'ENOENT' });
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
});
