import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { calibrationOf, codeAt, layoutOf, mayBeLed, zeroAt } from '../../../src/domain/derive/calibrated.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import { changedCopy, derived as derivedOf } from './folders.ts';

const FOLDER = 'fixtures/weights/calibrated';
const WEIGHT = 'layers.0.proj.weight';

async function derived(child: string, parent = `${FOLDER}/parent`): Promise<DeriveOutcome> {
  return derivedOf(child, parent);
}

function weightOf({ tensors }: DeriveOutcome) {
  const found = tensors.find(({ name }) => name === WEIGHT);
  assert.ok(found !== undefined);
  return found;
}

/** A copy with the bytes of one of its tensors changed. */
function changed(t: TestContext, name: string, tensor: string, change: (bytes: Buffer) => void): string {
  return changedCopy(t, join(FOLDER, name), tensor, change);
}

for (const [name, nearest] of [
  ['gptq', true],
  ['gptq-second', true],
  ['awq', false],
] as const)
  test(`${name}: kinship with figures, neither verified nor accused`, async () => {
    const outcome = await derived(`${FOLDER}/${name}`);
    const { word, why, figures } = weightOf(outcome);
    assert.equal(word, 'undecided');
    assert.match(why ?? '', /follow data nobody shows; kinship alone: (?:11\.7|9\.21) % of the parent's norm apart/);
    assert.ok((figures?.relativeError ?? 1) < 0.12);
    if (nearest) assert.ok((figures?.notNearest ?? Infinity) < 0.15 * (figures?.elements ?? 0));
    assert.equal(outcome.verdict.exitCode, 4);
    assert.equal(outcome.step, 'quantize');
    assert.deepEqual(outcome.missing, []);
    assert.ok(outcome.tensors.every(({ name: each }) => !/qweight|qzeros|scales|g_idx/.test(each)));
  });

test('another parent is far apart, and even that is no accusation: a rotation would be as far', async () => {
  for (const name of ['gptq', 'awq']) {
    const { word, figures } = weightOf(await derived(`${FOLDER}/${name}`, `${FOLDER}/other`));
    assert.equal(word, 'undecided');
    assert.ok((figures?.relativeError ?? 0) > 0.9, `${name}: ${figures?.relativeError}`);
  }
});

test('what GPTQ leaves as it is is held to the parent still', async (t) => {
  const folder = changed(t, 'gptq', 'layers.0.norm.weight', (bytes) => void (bytes[1] = (bytes[1] ?? 0) ^ 1));
  const outcome = await derived(folder);
  assert.equal(outcome.tensors.find(({ name }) => name.endsWith('norm.weight'))?.word, 'not from the parent');
  assert.equal(outcome.verdict.exitCode, 1);
});

test('codes that LLM Compressor chose by data are undecided, with its recipe and without', async (t) => {
  const outcome = await derived(`${FOLDER}/compressed-gptq`);
  assert.equal(weightOf(outcome).word, 'undecided');
  assert.match(
    weightOf(outcome).why ?? '',
    /^it comes of GPTQ, which is not recomputed: 2288 codes are not the nearest$/,
  );
  const folder = changed(t, 'compressed-gptq', WEIGHT.replace('weight', 'weight_packed'), () => undefined);
  rmSync(join(folder, 'recipe.yaml'));
  const without = await derived(folder);
  assert.equal(weightOf(without).word, 'undecided');
  assert.match(weightOf(without).why ?? '', /so GPTQ leaves them, and so does another parent/);
  assert.equal(without.verdict.exitCode, 4);
});

test('hostile words, scales and groups stay undecided', async (t) => {
  for (const [name, tensor] of [
    ['gptq', 'layers.0.proj.qweight'],
    ['gptq', 'layers.0.proj.scales'],
    ['awq', 'layers.0.proj.qzeros'],
    ['awq', 'layers.0.proj.scales'],
  ] as const)
    for (const fill of [0, 0x7c, 0xff]) {
      const outcome = await derived(changed(t, name, tensor, (bytes) => void bytes.fill(fill)));
      assert.equal(weightOf(outcome).word, 'undecided');
      assert.equal(outcome.verdict.exitCode, 4);
    }
});

const json = (value: unknown) => Buffer.from(JSON.stringify(value));

test('who says that data led it: config.json, quantize_config.json, recipe.yaml; nobody else', () => {
  const config = (method: unknown) => ({ config: json({ quantization_config: { quant_method: method } }) });
  assert.deepEqual(calibrationOf(config('gptq')), { method: 'GPTQ', folds: false });
  assert.deepEqual(calibrationOf(config('awq')), { method: 'AWQ', folds: true });
  assert.deepEqual(calibrationOf(config('intel/auto-round')), { method: 'INTEL/AUTO-ROUND', folds: true });
  for (const method of ['bitsandbytes', 'torchao', 'compressed-tensors', 'fp8', 1, null])
    assert.equal(calibrationOf(config(method)), null, String(method));
  assert.deepEqual(calibrationOf({ quantizeConfig: json({ bits: 4, group_size: 128 }) }), {
    method: 'GPTQ',
    folds: false,
  });
  assert.equal(calibrationOf({ quantizeConfig: json({ bits: 4 }) }), null);
  const transformed = (groups: unknown) =>
    calibrationOf({ config: json({ quantization_config: { transform_config: { config_groups: groups } } }) });
  assert.deepEqual(transformed({ R1: {} }), { method: 'a rotation that config.json names', folds: true });
  for (const none of [{}, [], null, undefined, 1]) assert.equal(transformed(none), null);
  const recipe = 'a:\n  SmoothQuantModifier: {}\n  GPTQModifier: {}\n';
  assert.deepEqual(calibrationOf({ recipe }), { method: 'GPTQ and SmoothQuant', folds: true });
  assert.equal(calibrationOf({ recipe: 'a:\n  QuantizationModifier: {}\n' }), null);
  assert.equal(calibrationOf({ config: null, quantizeConfig: null, recipe: null }), null);
  assert.equal(calibrationOf({ config: json([]) }), null);
});

test('words of 2, 4 and 8 bits down the inputs, of 4 along the outputs', () => {
  assert.deepEqual(layoutOf([16, 64], [8, 16]), { layout: 'GPTQ', bits: 4 });
  assert.deepEqual(layoutOf([16, 64], [16, 16]), { layout: 'GPTQ', bits: 8 });
  assert.deepEqual(layoutOf([16, 64], [4, 16]), { layout: 'GPTQ', bits: 2 });
  assert.deepEqual(layoutOf([16, 64], [64, 2]), { layout: 'AWQ', bits: 4 });
  for (const shape of [[64, 4], [7, 16], [8, 15], []]) assert.equal(layoutOf([16, 64], shape), null);
  const about = { bits: 4, inputs: 1, outputs: 8, scales: Float32Array.of(1), groupOf: () => 0 } as const;
  const codes = Uint32Array.of(0x76543210);
  const awq = { ...about, layout: 'AWQ', codes, zeros: codes } as const;
  const places = Array.from({ length: 8 }, (_, output) => [codeAt(awq, output, 0), zeroAt(awq, output, 0)]);
  assert.deepEqual(
    places,
    [0, 4, 1, 5, 2, 6, 3, 7].map((each) => [each, each]),
  );
});

test('codes may be led by data where some are not the nearest, not where hardly one or nearly all', () => {
  const of = (notNearest: number) => mayBeLed({ elements: 1000, notNearest });
  assert.deepEqual([0, 9, 10, 600, 601, 1000].map(of), [false, false, true, true, false, false]);
  assert.equal(mayBeLed({ elements: 0 }), false);
});
