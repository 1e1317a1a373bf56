import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { safetensors } from '../../domain/bom/support.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { dynamicMap } from '../../../src/domain/derive/packed.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive } from '../../../src/flows/derive/derive.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import type { SideInput } from '../../../src/flows/derive/side.ts';

const FOLDER = 'fixtures/weights/packed';
const WEIGHT = 'layers.0.proj.weight';
const files = createFiles();
const numbers = createNumbers({ kernel: 'wasm' });
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

async function side(path: string): Promise<SideInput> {
  return { shown: path, files: filesOf(await files.walk(path), new Map(), { files }) };
}

async function derived(child: string): Promise<DeriveOutcome> {
  const sides = { child: await side(child), parent: await side(`${FOLDER}/parent.safetensors`) };
  return derive(sides, { numbers, progress });
}

for (const [name, word] of [
  ['nf4', 'recomputed'],
  ['nf4-f16', 'recomputed'],
  ['nf4-double', 'nearest codes'],
  ['fp4', 'nearest codes'],
  ['fp4-double', 'nearest codes'],
  ['int8', 'nearest codes'],
  ['compressed-channel', 'recomputed'],
  ['compressed-group', 'recomputed'],
] as const)
  test(`${name}: what the library packed is ${word}`, async () => {
    const outcome = await derived(`${FOLDER}/${name}.safetensors`);
    assert.equal(outcome.word, word);
    assert.equal(outcome.step, 'quantize');
    assert.equal(outcome.verdict.exitCode, 0);
    assert.deepEqual(outcome.missing, []);
  });

/** A child of which bytes of one tensor were changed. */
async function changed(name: string, tensor: string, change: (bytes: Buffer) => void): Promise<DeriveOutcome> {
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-packed-')), `${name}.safetensors`);
  const bytes = readFileSync(`${FOLDER}/${name}.safetensors`);
  const report = await readFormat({ path, source: bytesSource(bytes) });
  const { offset = 0, length = 0 } = report.tensors?.items.find((each) => each.name === tensor) ?? {};
  assert.ok(length > 0, tensor);
  change(bytes.subarray(offset, offset + length));
  writeFileSync(path, bytes);
  return derived(path);
}

test('one code, anywhere: not from the parent, at its tensor and row', async () => {
  for (const [name, perByte] of [
    ['nf4', 2],
    ['nf4-double', 2],
    ['fp4', 2],
    ['int8', 1],
    ['compressed-group', 1],
  ] as const)
    for (let turn = 0; turn < 30; turn++) {
      // Row 3 begins with a block of zeros, whose codes carry no value.
      const element = 4 * 320 + ((turn * 1237) % (60 * 320 - 1));
      const at = Math.floor(element / perByte);
      // Two codes further than it was: never as near.
      const outcome = await changed(name, WEIGHT, (bytes) => {
        const byte = bytes[at] ?? 0;
        bytes[at] =
          perByte === 1 ? (((byte + 128 + 2) % 256) - 128 + (byte >= 126 && byte < 128 ? 3 : 0)) & 255 : byte ^ 0x66;
      });
      assert.equal(outcome.word, 'not from the parent', `${name} ${turn}`);
      const named = outcome.tensors.filter(({ word }) => word === 'not from the parent');
      assert.deepEqual(
        named.map((each) => [each.name, each.where?.row]),
        [[WEIGHT, Math.floor((at * perByte) / 320)]],
        name,
      );
    }
});

test('another scale, table or offset never passes', async () => {
  const half = (bytes: Buffer): void => void bytes.writeFloatLE(bytes.readFloatLE(40) * 1.01, 40);
  assert.equal((await changed('nf4', `${WEIGHT}.absmax`, half)).word, 'not from the parent');
  assert.equal(
    (await changed('nf4-double', `${WEIGHT}.absmax`, (bytes) => (bytes[9] = (bytes[9] ?? 0) ^ 8))).word,
    'not from the parent',
  );
  const nested = (bytes: Buffer): void => void bytes.writeFloatLE(bytes.readFloatLE(0) * 1.01, 0);
  assert.equal((await changed('nf4-double', `${WEIGHT}.nested_absmax`, nested)).word, 'not from the parent');
  const table = await changed('nf4', `${WEIGHT}.quant_map`, (bytes) => bytes.writeFloatLE(-0.7, 4));
  assert.equal(table.verdict.exitCode, 4);
  const scale = await changed('compressed-group', 'layers.0.proj.weight_scale', half);
  assert.notEqual(scale.verdict.exitCode, 0);
  // A scale so great that every code is 0 explains them all: that is no scale of these values.
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-packed-')), 'zero.safetensors');
  writeFileSync(path, readFileSync(`${FOLDER}/compressed-channel.safetensors`));
  const vast = await changed('compressed-channel', 'layers.0.proj.weight_scale', (bytes) => {
    for (let at = 0; at < bytes.length; at += 4) bytes.writeFloatLE(1e9, at);
  });
  assert.notEqual(vast.verdict.exitCode, 0);
});

test('hostile state is undecided, and never read beyond its bound', async () => {
  const state = `${WEIGHT}.quant_state.bitsandbytes__nf4`;
  for (const [from, to] of [
    ['"blocksize": 64', '"blocksize": 63'],
    ['"blocksize": 64', '"blocksize": 1e9'.slice(0, 15)],
    ['[64, 320]', '[320, 64]'],
    ['"nf4"', '"xx4"'],
  ] as const) {
    const outcome = await changed('nf4', state, (bytes) => {
      bytes.write(bytes.toString('latin1').replace(from, to), 'latin1');
    });
    assert.equal(outcome.verdict.exitCode, 4, to);
  }
});

test('the dynamic 8-bit type has 256 values, sorted, from nearly -1 to 1', () => {
  const values = dynamicMap();
  assert.equal(values.length, 256);
  assert.equal(values.at(-1), 1);
  assert.ok(values.every((value, at) => at === 0 || value > (values[at - 1] ?? 1)));
});

test('a packing that is not known is undecided, never an accusation', async () => {
  const norm = { dtype: 'BF16', shape: [64] };
  const packings: readonly Readonly<Record<string, { dtype: string; shape: number[] }>>[] = [
    // GPTQ, AWQ; words, floats and codes of a type that no known library packs in.
    {
      'layers.0.proj.qweight': { dtype: 'I64', shape: [8, 64] },
      'layers.0.proj.scales': { dtype: 'F16', shape: [1, 64] },
    },
    {
      'layers.0.proj.weight_packed': { dtype: 'I64', shape: [64, 40] },
      'layers.0.proj.weight_scale': { dtype: 'BF16', shape: [64, 1] },
    },
    { [WEIGHT]: { dtype: 'F8_E5M2', shape: [64, 320] }, 'layers.0.proj.weight_scale': { dtype: 'F32', shape: [1] } },
    { [`${WEIGHT}_quantized`]: { dtype: 'I64', shape: [64, 320] }, [`${WEIGHT}_scale`]: { dtype: 'F32', shape: [] } },
  ];
  for (const packing of packings) {
    const path = join(mkdtempSync(join(tmpdir(), 'weighmark-packed-')), 'child.safetensors');
    writeFileSync(path, safetensors({ ...packing, 'other.weight': norm }));
    const { tensors, missing } = await derived(path);
    const parts = tensors.filter(({ name }) => name.includes('proj'));
    assert.deepEqual([...new Set(parts.map(({ word }) => word))], ['undecided'], Object.keys(packing).join());
    assert.deepEqual(missing, ['norm.weight']);
    // What belongs to no packing is still somebody's else.
    assert.equal(tensors.find(({ name }) => name === 'other.weight')?.word, 'not from the parent');
  }
});
