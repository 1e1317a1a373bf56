import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { tileOf, tilesOf } from '../../../src/domain/derive/affine.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import { runs } from '../../thorough.ts';
import { changedFile, derived as derivedOf } from './folders.ts';

const FOLDER = 'fixtures/weights/affine';
const WEIGHT = 'layers.0.proj.weight';

async function derived(child: string): Promise<DeriveOutcome> {
  const parent = `${FOLDER}/parent${child.endsWith('.onnx') ? '.onnx' : '.safetensors'}`;
  return derivedOf(child, parent);
}

const LIBRARIES = [
  ...['int8', 'int4', 'fp8'].map((kind) => `torchao-${kind}.safetensors`),
  ...['int4-group', 'int4-channel', 'int4-asymmetric', 'int8-asymmetric', 'fp8-channel', 'fp8-tensor'].map(
    (kind) => `compressed-${kind}.safetensors`,
  ),
  ...['dynamic-int8', 'dynamic-uint8-channel'].map((kind) => `onnxruntime-${kind}.onnx`),
];
const STATIC = ['qdq-channel', 'qdq-uint8', 'qoperator-reduced'].map((kind) => `onnxruntime-${kind}.onnx`);

for (const name of LIBRARIES)
  test(`${name}: what the library made is recomputed`, async () => {
    const outcome = await derived(`${FOLDER}/${name}`);
    assert.equal(outcome.word, 'recomputed');
    assert.equal(outcome.step, 'quantize');
    assert.deepEqual(outcome.missing, []);
    assert.equal(outcome.verdict.exitCode, 0);
  });

for (const name of STATIC)
  test(`${name}: weights are recomputed; the scales of what goes through the model are undecided, and no accusation`, async () => {
    const { tensors, verdict } = await derived(`${FOLDER}/${name}`);
    const weights = tensors.filter(({ name: each }) => /^(?:proj|conv)/.test(each));
    assert.deepEqual(
      weights.map(({ word }) => word),
      ['recomputed', 'recomputed'],
    );
    assert.ok(tensors.every(({ word }) => word !== 'not from the parent'));
    assert.equal(verdict.exitCode, 4);
  });

/** The child with bytes of one tensor changed. */
async function changed(name: string, tensor: RegExp, change: (bytes: Buffer) => void): Promise<DeriveOutcome> {
  return derived(await changedFile(`${FOLDER}/${name}`, tensor, change));
}

const CODES = /proj\._weight_qdata|proj\.weight_packed|proj\.weight$|^proj_quantized/;
const SCALES = /proj\._weight_scale|proj\.weight_scale|^proj_scale/;
const ZEROS = /proj\._weight_zero_point|proj\.weight_zero_point|^proj_zero_point/;
/** Row 3 is nothing but zeros: its scale says nothing. */
const PLACES = Array.from({ length: runs(30) }, (_, turn) => (turn * 1237 + 11) % 251);

test('one code, anywhere, is found at its tensor, in every packing', async () => {
  for (const name of [...LIBRARIES, ...STATIC])
    for (const turn of PLACES) {
      const { tensors } = await changed(name, CODES, (bytes) => {
        const at = bytes.length - 1 - (turn % bytes.length);
        bytes[at] = (bytes[at] ?? 0) ^ (name.includes('int4') ? 0x30 : name.includes('fp8') ? 0x12 : 0x06);
      });
      const weak = tensors.filter(({ word }) => word !== 'equal' && word !== 'recomputed' && word !== 'undecided');
      assert.equal(weak.length, 1, `${name} ${turn}`);
      assert.ok(weak[0]?.name === WEIGHT || weak[0]?.name === 'proj', name);
      const allowed = /asymmetric/.test(name) ? ['not from the parent', 'bounded'] : ['not from the parent'];
      assert.ok(allowed.includes(weak[0]?.word ?? ''), `${name} ${turn}: ${weak[0]?.word}`);
    }
});

test('one scale or zero point that is another is never recomputed', async () => {
  for (const name of [...LIBRARIES, ...STATIC])
    for (const [which, pattern] of [
      ['scale', SCALES],
      ['zero', ZEROS],
    ] as const) {
      const text = readFileSync(`${FOLDER}/${name}`).toString('latin1');
      // ONNX's zero points are integers of any length: not to be changed in place.
      if (which === 'zero' && !text.includes('weight_zero_point')) continue;
      for (const turn of PLACES) {
        const { tensors } = await changed(name, pattern, (bytes) => {
          // A byte of the fraction; of the last rows none is all zeros.
          const width = /torchao-int8|torchao-fp8|onnx/.test(name) ? 4 : 2;
          const at =
            which === 'scale'
              ? bytes.length - 2 - width * (turn % Math.min(20, bytes.length / width))
              : bytes.length - 1;
          bytes[at] = (bytes[at] ?? 0) ^ (which === 'scale' ? 0x20 : 0x10);
        });
        const weight = tensors.find(({ name: each }) => each === WEIGHT || each === 'proj');
        assert.notEqual(weight?.word, 'recomputed', `${name} ${which} ${turn}`);
      }
    }
});

test('which scale an element has: a row, a part of it, a block, an axis of ONNX; a shape that fits nothing has none', () => {
  assert.deepEqual(tilesOf([4, 8], [4, 1]), [{ columns: 8, rows: 1, run: 8 }]);
  assert.deepEqual(tilesOf([4, 8], [4, 2]), [{ columns: 8, rows: 1, run: 4 }]);
  assert.deepEqual(tilesOf([4, 8], []), [{ columns: 8, rows: Infinity, run: 8 }]);
  assert.deepEqual(tilesOf([4, 8], [8]), [{ columns: 8, rows: Infinity, run: 1 }]);
  assert.deepEqual(tilesOf([4, 4], [4]), [
    { columns: 4, rows: 1, run: 4 },
    { columns: 4, rows: Infinity, run: 1 },
  ]);
  assert.deepEqual(tilesOf([4, 2, 3], [2]), [{ columns: 6, rows: Infinity, run: 3 }]);
  // FP8 in blocks of 128 × 128, the last of which are cut; ONNX along its first axis.
  assert.ok(tilesOf([300, 260], [3, 3]).some(({ rows, run }) => rows === 128 && run === 128));
  assert.ok(tilesOf([64, 10], [2, 10]).some(({ rows, run }) => rows === 32 && run === 1));
  assert.ok(tilesOf([2, 256, 256], [2, 2, 2]).some(({ rows, run }) => rows === 128 && run === 128));
  assert.deepEqual(tilesOf([4, 8], [3]), []);
  assert.deepEqual(tilesOf([4, 8], [0]), []);
});

test('rows and columns of blocks that are cut have the scale of their block', () => {
  const tiles = { columns: 300, rows: 128, run: 128 };
  assert.deepEqual(
    [0, 127, 128, 299, 128 * 300, 299 * 300 + 299].map((index) => tileOf(tiles, index)),
    [0, 0, 1, 2, 3, 8],
  );
});
