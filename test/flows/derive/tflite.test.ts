import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tflitePairs } from '../../../src/domain/derive/tflite-names.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { readWeights } from '../../../src/domain/weights/read.ts';
import type { WeightTensor } from '../../../src/domain/weights/types.ts';
import { runs } from '../../thorough.ts';
import { derived } from './folders.ts';

/** Made by TensorFlow's converter (fixtures/weights/make-tflite.py). */
const FOLDER = 'fixtures/weights/tflite';
const PARENT = `${FOLDER}/parent.tflite`;

async function tensorsOf(bytes: Uint8Array): Promise<readonly WeightTensor[]> {
  const [path, source] = ['model.tflite', bytesSource(bytes)];
  const { tensors, undecided } = await readWeights(
    { path, source, beside: async () => null },
    await readFormat({ path, source }),
  );
  assert.deepEqual(undecided, []);
  return tensors;
}

async function elementsOf(bytes: Uint8Array, { elements }: WeightTensor): Promise<Buffer> {
  assert.ok(elements.kind === 'made');
  const parts: Uint8Array[] = [];
  for await (const chunk of elements.open(bytesSource(bytes))) parts.push(chunk);
  return Buffer.concat(parts);
}

test('a quantised constant has an identity: codes, axis, scales and zero points', async () => {
  const bytes = readFileSync(`${FOLDER}/int8.tflite`);
  const depth = (await tensorsOf(bytes)).find(({ shape }) => shape.join() === '1,3,3,8');
  assert.ok(depth?.quantized !== undefined);
  assert.deepEqual([depth.dtype, depth.sizeBytes], ['TFLITE_QI8', 72 + 4 + 8 * 12]);
  const { axis, count, scales } = depth.quantized;
  assert.deepEqual([axis, count], [3, 8]);
  const elements = await elementsOf(bytes, depth);
  assert.equal(elements.length, depth.sizeBytes);
  assert.equal(elements.readUInt32LE(72), 3);
  assert.deepEqual(elements.subarray(76, 108), bytes.subarray(scales, scales + 32));
  assert.ok(elements.subarray(108).every((byte) => byte === 0));
});

test('weights by axis are recomputed, F16 too; biases under scales of data are undecided', async () => {
  for (const name of ['dynamic', 'float16'])
    assert.equal((await derived(`${FOLDER}/${name}.tflite`, PARENT)).word, 'recomputed', name);
  const { tensors, verdict } = await derived(`${FOLDER}/int8.tflite`, PARENT);
  assert.equal(tensors.filter(({ word }) => word === 'recomputed').length, 5);
  assert.ok(tensors.every(({ word, dtype }) => word !== 'undecided' || dtype === 'TFLITE_QI32'));
  assert.ok(tensors.every(({ word }) => word !== 'not from the parent'));
  assert.equal(verdict.exitCode, 4);
  assert.equal((await derived(`${FOLDER}/int8.tflite`, `${FOLDER}/int8.tflite`)).word, 'equal');
});

test('one code is found at its tensor; a scale that is another is never recomputed', async () => {
  const bytes = readFileSync(`${FOLDER}/int8.tflite`);
  const weights = (await tensorsOf(bytes)).filter(({ dtype }) => dtype === 'TFLITE_QI8');
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-tflite-')), 'child.tflite');
  const changed = async (at: number, bit: number) => {
    const other = Buffer.from(bytes);
    other[at] = (other[at] ?? 0) ^ bit;
    writeFileSync(path, other);
    return (await derived(path, PARENT)).tensors;
  };
  for (const { name, quantized } of weights)
    for (let turn = 0; turn < runs(10); turn++) {
      const { codes = 0, scales = 0, count = 1 } = quantized ?? {};
      const bad = (await changed(codes + turn * 7, 0x06)).filter(({ word }) => word === 'not from the parent');
      assert.deepEqual(
        bad.map((each) => each.name),
        [name],
      );
      const scaled = (await changed(scales + 4 * (turn % count) + 1, 0x10)).find((each) => each.name === name);
      assert.ok(scaled?.word !== 'recomputed' && scaled?.word !== 'equal', name);
    }
});

test('constants are told by shape where their names were numbered anew', () => {
  const constant = (name: string, ...shape: number[]) => ({ name, shape });
  const pairs = tflitePairs(
    [constant('a', 4), constant('a1', 4, 4), constant('b', 8), constant('c', 3), constant('d', 3)],
    [constant('a', 4, 4), constant('a1', 4), constant('other', 8), constant('x', 3), constant('y', 3)],
  );
  assert.deepEqual(
    [...pairs],
    [
      ['a', 'a1'],
      ['a1', 'a'],
      ['b', 'other'],
    ],
  );
});
