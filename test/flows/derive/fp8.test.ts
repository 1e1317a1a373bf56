import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { runs } from '../../thorough.ts';
import { changedFile, derived } from './folders.ts';

/** FP8 in tiles, by transformers and compressed-tensors (fixtures/weights/make-fp8.py). */
const FOLDER = 'fixtures/weights/fp8';
const PARENT = `${FOLDER}/parent.safetensors`;
const CHILDREN = readdirSync(FOLDER).filter((name) => !name.startsWith('parent'));
const PLACES = Array.from({ length: runs(15) }, (_, turn) => turn * 61 + 700);

for (const name of CHILDREN)
  test(`${name}: a scale for each tile, computed as the library does, is recomputed`, async () => {
    const { word, step, missing } = await derived(`${FOLDER}/${name}`, PARENT);
    assert.deepEqual([word, step, missing], ['recomputed', 'quantize', []]);
  });

test('one code, anywhere, is found; a scale that is another is never recomputed', async () => {
  for (const name of CHILDREN)
    for (const turn of PLACES) {
      const code = await changedFile(`${FOLDER}/${name}`, /proj\.weight$/, (bytes) => {
        // Behind the tile of zeros.
        const at = (turn * 64 + 32) % bytes.length;
        bytes[at] = (bytes[at] ?? 0) ^ 0x08;
      });
      const found = (await derived(code, PARENT)).tensors.filter(({ word }) => word === 'not from the parent');
      assert.deepEqual([found.length, found[0]?.name], [1, 'layers.0.proj.weight'], `${name} ${turn}`);
      const scale = await changedFile(`${FOLDER}/${name}`, /proj\.weight_scale(?:_inv)?$/, (bytes) => {
        const width = name.startsWith('compressed') ? 2 : name.includes('powers') ? 1 : 4;
        const at = bytes.length - width * (1 + (turn % 8)) + (width === 4 ? 1 : 0);
        const bit = width === 1 ? 0x01 : 0x10;
        bytes[at] = (bytes[at] ?? 0) ^ bit;
      });
      assert.notEqual((await derived(scale, PARENT)).word, 'recomputed', `${name} ${turn}`);
    }
});
