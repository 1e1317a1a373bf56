import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { scan } from '../../../src/index.ts';

const NUMBERS = Buffer.from(Float32Array.from({ length: 64 }, (_, index) => Math.fround(Math.sin(index))).buffer);
const OPENVINO =
  '<?xml version="1.0"?>\n<net name="m" version="11"><layers><layer id="0" name="a" type="Const" version="opset1">' +
  '<data element_type="f32" shape="64" offset="0" size="256"/></layer></layers><edges/></net>';
const TFJS = JSON.stringify([{ paths: ['group1-model.bin'], weights: [{ name: 'a', shape: [64], dtype: 'float32' }] }]);

async function left(files: Readonly<Record<string, string | Buffer>>): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-described-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  const scanned = await scan(folder);
  return scanned.files.flatMap(({ path, unexamined }) => unexamined.map(() => path));
}

test('raw numbers that another file describes are no weights of an unknown format', async () => {
  assert.deepEqual(await left({ 'model.bin': NUMBERS, 'model.xml': OPENVINO }), []);
  assert.deepEqual(await left({ 'a/lora.bin': NUMBERS, 'a/lora.xml': OPENVINO }), []);
  assert.deepEqual(await left({ 'group1-model.bin': NUMBERS, 'weights_manifest.json': TFJS }), []);
});

test('those that nothing describes are', async () => {
  assert.deepEqual(await left({ 'model.bin': NUMBERS }), ['model.bin']);
  assert.deepEqual(await left({ 'model.bin': NUMBERS, 'model.xml': '<a/>' }), ['model.bin']);
  assert.deepEqual(await left({ 'model.bin': NUMBERS, 'other.xml': OPENVINO }), ['model.bin']);
  assert.deepEqual(await left({ 'a/model.bin': NUMBERS, 'model.xml': OPENVINO }), ['a/model.bin']);
});
