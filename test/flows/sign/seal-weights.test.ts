import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import type { Hasher } from '../../../src/domain/ports/hasher.ts';
import { describeArtifact } from '../../../src/flows/bom/create.ts';
import { fileReader } from '../../../src/flows/bom/read-files.ts';
import { apart } from '../../../src/flows/describe/stretches.ts';
import { weighArtifact, weightsFilesOf } from '../../../src/flows/describe/weights.ts';
import { readForSeal } from '../../../src/flows/sign/seal-content.ts';
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

/** A hasher that notes how many bytes it was asked to read, beside those of streams. */
async function counting(): Promise<{ hasher: Hasher; asked: () => number }> {
  const real = await createHasher();
  let bytes = 0;
  const hash: Hasher['hash'] = async (jobs, options) => {
    for (const { sizeBytes } of jobs) bytes += sizeBytes ?? 0;
    return real.hash(jobs, options);
  };
  return { hasher: { ...real, hash }, asked: () => bytes };
}

const F32 = 4;
const LARGE = 3 << 20;

/** Two tensors of 12 MiB and one without elements, in a safetensors file. */
function largeModel(): Buffer {
  const bytes = Buffer.alloc(LARGE * F32 * 2, 'weights of model');
  const header = JSON.stringify({
    a: { dtype: 'F32', shape: [LARGE], data_offsets: [0, LARGE * F32] },
    b: { dtype: 'F32', shape: [LARGE], data_offsets: [LARGE * F32, LARGE * F32 * 2] },
    none: { dtype: 'F32', shape: [0], data_offsets: [LARGE * F32 * 2, LARGE * F32 * 2] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), bytes]);
}

/** What `seal` makes of a tree: bytes hashed and the identity; and the identity read by itself. */
async function sealedAndRead(root: string) {
  const { hasher, asked } = await counting();
  const files = createFiles();
  const progress = { start: () => ({ advance() {}, end() {} }) };
  const ports = { files, hasher: async () => hasher, progress };
  const reader = fileReader({});
  const content = await readForSeal({ root }, { reader, judging: {} }, ports);
  const digests = new Map(content.files.map((file) => [file.path, file]));
  const { files: described } = await describeArtifact(content.tree, digests, ports, {
    tool: { name: 'weighmark', version: '0' },
    read: reader,
  });
  const weightsFiles = weightsFilesOf(content.tree, ports);
  const sealed = await weighArtifact(weightsFiles, described, { ...ports, hashed: content.elements });
  const bytes = asked();
  return { bytes, sealed, read: await weighArtifact(weightsFiles, described, ports) };
}

test('weights of large files are identified in the read that hashes them', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'README.md': 'a model' });
  const model = largeModel();
  await writeFile(join(root, 'model.safetensors'), model);
  await copyFile(`${CONTAINERS}/plain.gguf`, join(root, 'small.gguf'));
  const { bytes, sealed, read } = await sealedAndRead(root);
  const { size } = await stat(join(root, 'small.gguf'));
  const tensors = sealed.find(({ name }) => name === 'small.gguf')?.identity?.tensors ?? [];
  assert.ok(tensors.length > 0);
  const isNative = loadAddon() !== null;
  const again = size + (isNative ? 0 : LARGE * F32 * 2);
  assert.ok(bytes <= model.length + 'a model'.length + size + again, `${bytes} bytes were hashed`);
  assert.deepEqual(sealed, read);
  const [first, second] = sealed.find(({ name }) => name === 'model.safetensors')?.identity?.tensors ?? [];
  assert.equal(first?.digest, second?.digest, 'the same elements');
});

test('large files that are no whole weights stay undecided, and nothing of them is guessed', async (t) => {
  const world = await claimsWorld(t);
  const root = await world.tree('m', { 'README.md': 'a model' });
  await writeFile(join(root, 'model.safetensors'), largeModel());
  await writeFile(join(root, 'cut.safetensors'), largeModel().subarray(0, LARGE * F32 * 2 - 5));
  const { sealed, read } = await sealedAndRead(root);
  assert.deepEqual(sealed, read);
  assert.deepEqual(
    sealed.map(({ name, identity }) => [name, identity !== null]),
    [
      ['cut.safetensors', false],
      ['model.safetensors', true],
    ],
  );
});

test('no byte is hashed twice for views that reach into each other, and none beyond the file', () => {
  const stretches = [
    { start: 50, end: 60 },
    { start: 0, end: 10 },
    { start: 0, end: 20 },
    { start: 0, end: 20 },
    { start: 10, end: 30 },
    { start: 30, end: 30 },
    { start: 20, end: 21 },
    { start: 95, end: 101 },
  ];
  assert.deepEqual(apart(stretches, 100), [
    { start: 0, end: 20 },
    { start: 20, end: 21 },
    { start: 50, end: 60 },
  ]);
});
