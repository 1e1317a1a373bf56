import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { weighBytes, weighFolder } from './weigh.ts';

const FOLDER = fileURLToPath(new URL('../../../fixtures/weights/further', import.meta.url));
const read = (name: string): unknown => JSON.parse(readFileSync(`${FOLDER}/../${name}`, 'utf8'));
const { roots } = read('expected.json') as { roots: Record<string, { names: string; multiset: string; set: string }> };
const base = roots['plain.safetensors'];
/** How a container holds the four tensors of the others: under their names, under its library's own, or in no way that is read. */
const LISTED = read('further.json') as Record<string, { writer: string; same: 'names' | 'multiset' | 'undecided' }>;

for (const [how, placed] of [
  ['where they lie', true],
  ['read through a source', false],
] as const)
  test(`further containers by their own libraries hold the weights of the others (${how})`, async () => {
    const sets = await weighFolder(FOLDER, placed);
    for (const [name, { same, writer }] of Object.entries(LISTED)) {
      const set = sets.get(name);
      assert.notEqual(set, undefined, `${name}: ${[...sets.keys()].join()}`);
      if (same === 'undecided') assert.equal(set?.identity, null, name);
      else {
        assert.deepEqual(set?.undecided, [], `${name} of ${writer}`);
        assert.equal(set?.identity?.[same], base?.[same], `${name} of ${writer}`);
      }
    }
  });

test('a set of which one tensor is not known has no identity, and the filter is named', async () => {
  const set = (await weighFolder(FOLDER, true)).get('scale-offset.h5');
  assert.equal(set?.identity, null);
  assert.deepEqual(
    set?.undecided.map(({ tensor }) => tensor),
    ['a', 'b', 'c', 'd'],
  );
  assert.match(set?.undecided[0]?.why ?? '', /scale-offset/);
});

test('every bit of an HDF5 file with compressed, checked chunks: the same weights, others, or undecided; never a crash', async () => {
  const name = 'gzip-checksums.h5';
  const bytes = readFileSync(`${FOLDER}/${name}`);
  let undecided = 0;
  for (let at = 0; at < bytes.length; at += 211) {
    const changed = Uint8Array.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 0x10;
    const set = (await weighBytes({ [name]: changed })).get(name);
    if (set?.identity === null) undecided += 1;
  }
  assert.ok(undecided > 0, `${undecided}`);
});

test('a chunk whose checksum is another is undecided, and says which tensor', async () => {
  const name = 'gzip-checksums.h5';
  const bytes = Uint8Array.from(readFileSync(`${FOLDER}/${name}`));
  const zlib = Buffer.from(bytes).indexOf(Buffer.from([0x78, 0x5e]));
  assert.ok(zlib > 0);
  bytes[zlib + 12] = (bytes[zlib + 12] ?? 0) ^ 1;
  const set = (await weighBytes({ [name]: bytes })).get(name);
  assert.equal(set?.identity, null);
  assert.match(set?.undecided[0]?.why ?? '', /checksum|decompress/);
});

/** Files of one folder, by path. */
function filesIn(folder: string): Readonly<Record<string, Uint8Array>> {
  const paths = globSync(`${folder}/**/{*,.*}`, { cwd: FOLDER }).filter((path) =>
    statSync(`${FOLDER}/${path}`).isFile(),
  );
  return Object.fromEntries(paths.map((path) => [path, readFileSync(`${FOLDER}/${path}`)]));
}

const OF_SEVERAL_FILES = ['dcp', 'dcp-mesh', 'orbax', 'orbax-zarr3', 'zarr2-blosc', 'zarr3-shards', 'saved-model'];

for (const folder of OF_SEVERAL_FILES)
  test(`${folder}: without any one of its files, or with a byte of it changed, the weights are others or undecided, and nothing crashes`, async () => {
    const files = filesIn(folder);
    const [whole] = [...(await weighBytes(files)).values()];
    assert.equal(whole?.identity?.multiset, base?.multiset);
    for (const [path, bytes] of Object.entries(files)) {
      const { [path]: _, ...others } = files;
      const left = [...(await weighBytes(others)).values()];
      const needed = left.every(({ identity }) => identity?.multiset !== base?.multiset);
      assert.ok(
        needed || /(\.zgroup|\.zattrs|zarr\.json|METADATA|process_0|saved_model\.pb)/.test(path),
        `${path} is not needed`,
      );
      for (const at of [0, bytes.length >> 2, bytes.length >> 1, bytes.length - 20, bytes.length - 1]) {
        const changed = Uint8Array.from(bytes);
        changed[Math.max(0, at)] = (changed[Math.max(0, at)] ?? 0) ^ 0x20;
        await weighBytes({ ...others, [path]: changed });
      }
    }
  });
