import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { groupingsOf } from '../../../src/domain/derive/affine.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { readWeights } from '../../../src/domain/weights/read.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/derive.ts';
import { runs } from '../../thorough.ts';
import { derived as derivedOf } from './folders.ts';

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
  const bytes = readFileSync(`${FOLDER}/${name}`);
  const source = bytesSource(bytes);
  const { tensors } = await readWeights(
    { path: name, source, beside: async () => null },
    await readFormat({ path: name, source }),
  );
  const found = tensors.find((each) => tensor.test(each.name));
  assert.ok(found !== undefined, name);
  const offset =
    found.elements.kind === 'stretch' ? found.elements.offset : await placeOf(found.elements.open(source), bytes);
  change(bytes.subarray(offset, offset + found.sizeBytes));
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-affine-')), name);
  writeFileSync(path, bytes);
  return derived(path);
}

/** ONNX keeps small tensors as numbers: where those bytes are. */
async function placeOf(chunks: AsyncIterable<Uint8Array>, bytes: Buffer): Promise<number> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  const at = bytes.indexOf(Buffer.concat(parts));
  assert.ok(at >= 0);
  return at;
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

test('which scale an element has: a row, a part of it, an axis of ONNX; a shape that fits nothing has none', () => {
  assert.deepEqual(groupingsOf([4, 8], [4, 1]), [{ run: 8, groups: 4 }]);
  assert.deepEqual(groupingsOf([4, 8], [4, 2]), [{ run: 4, groups: 8 }]);
  assert.deepEqual(groupingsOf([4, 8], []), [{ run: 32, groups: 1 }]);
  assert.deepEqual(groupingsOf([4, 8], [8]), [{ run: 1, groups: 8 }]);
  assert.deepEqual(groupingsOf([4, 4], [4]), [
    { run: 4, groups: 4 },
    { run: 1, groups: 4 },
  ]);
  assert.deepEqual(groupingsOf([4, 8], [3]), []);
  assert.deepEqual(groupingsOf([4, 8], [0]), []);
});
