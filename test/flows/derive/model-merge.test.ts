import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { mergeRecipe, parameterOf } from '../../../src/domain/derive/merge-recipe.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive } from '../../../src/flows/derive/derive.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import type { SideInput } from '../../../src/flows/derive/side.ts';

const FOLDER = 'fixtures/weights/merges';
const files = createFiles();
const numbers = createNumbers({ kernel: 'wasm' });
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

async function side(path: string): Promise<SideInput> {
  return { shown: path, files: filesOf(await files.walk(path), new Map(), { files }) };
}

async function merged(child: string, others: readonly string[] = ['a', 'b']): Promise<DeriveOutcome> {
  const sides: SideInput[] = [];
  for (const name of others) sides.push(await side(`${FOLDER}/${name}`));
  const parent = await side(`${FOLDER}/base`);
  return derive({ child: await side(child), parent, merged: sides, step: 'merge' }, { numbers, progress });
}

/** A copy of a merge that may be changed. */
function copied(name: string): string {
  const child = join(mkdtempSync(join(tmpdir(), 'weighmark-merge-')), name);
  cpSync(`${FOLDER}/${name}`, child, { recursive: true });
  return child;
}

for (const [name, word] of [
  ['linear', 'recomputed'],
  ['task', 'recomputed'],
  ['ties', 'recomputed'],
  ['passthrough', 'equal'],
] as const)
  test(`${name}: what mergekit merged is ${word}, bit for bit`, async () => {
    const outcome = await merged(`${FOLDER}/${name}`);
    assert.equal(outcome.word, word);
    assert.equal(outcome.verdict.exitCode, 0);
  });

test('SLERP, whose angle is a sum over the whole tensor, is bounded at least', async () => {
  const { word, verdict, tensors } = await merged(`${FOLDER}/slerp`);
  assert.ok(word === 'bounded' || word === 'recomputed', word);
  assert.equal(verdict.exitCode, 0);
  const off = tensors.reduce((sum, { figures }) => sum + (figures?.differingBlocks ?? 0), 0);
  assert.ok(off < 20, `${off} elements differ in their last place`);
});

test('one bit of one element of a merge is named at its tensor and row', async () => {
  const tensor = 'model.layers.1.mlp.up_proj.weight';
  for (const name of ['linear', 'task', 'ties', 'slerp', 'passthrough'])
    for (let at = 0; at < 8; at++) {
      const child = copied(name);
      const path = join(child, 'model.safetensors');
      const bytes = readFileSync(path);
      const report = await readFormat({ path, source: bytesSource(bytes) });
      const { offset = 0 } = report.tensors?.items.find((each) => each.name === tensor) ?? {};
      const place = offset + 2 * ((at * 131) % 1024);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (3 + (at % 4)));
      writeFileSync(path, bytes);
      const outcome = await merged(child);
      const named = outcome.tensors.filter(({ word }) => word === 'not from the parent');
      // Computed in BF16, roundings of each step leave more than one value: that is bounded, and no better.
      if (name === 'task') assert.notEqual(outcome.word, 'recomputed');
      else
        assert.deepEqual(
          named.map((each) => [each.name, each.where?.row]),
          [[tensor, name === 'passthrough' ? named[0]?.where?.row : Math.floor(((at * 131) % 1024) / 32)]],
          `${name} ${at}`,
        );
    }
});

test('another weight, another model, no recipe, a method that draws lots', async () => {
  const other = copied('linear');
  const recipe = join(other, 'mergekit_config.yml');
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('0.3', '0.35'));
  assert.equal((await merged(other)).word, 'not from the parent');
  assert.equal((await merged(`${FOLDER}/linear`, ['a'])).verdict.exitCode, 4);
  rmSync(recipe);
  const none = await merged(other);
  assert.equal(none.verdict.exitCode, 4);
  assert.match(JSON.stringify(none.verdict.checks), /mergekit_config\.yml/);
  const dare = await merged(`${FOLDER}/dare`);
  assert.equal(dare.verdict.exitCode, 4);
  assert.match(JSON.stringify(dare.verdict.checks), /dare_linear are not recomputed/);
});

test('recipes: gradients and filters as mergekit reads them, and what is not known is said', () => {
  const places = [{ t: [{ filter: 'mlp', value: [0, 1] }, { value: 0.5 }] }, { weight: [0.2, 0.4, 0.8] }];
  assert.equal(parameterOf('t', 'model.layers.1.mlp.up', { t: 0.25, places }), 0.25);
  assert.equal(parameterOf('t', 'model.norm', { t: 0, places }), 0.5);
  assert.equal(parameterOf('weight', 'x', { t: 0.5, places }), 0.4);
  assert.equal(parameterOf('density', 'x', { t: 0, places }), undefined);
  for (const text of [
    'merge_method: dare_ties\nmodels: [{model: a}]\n',
    'merge_method: linear\n',
    'merge_method: linear\nmodels: [{model: a+lora}]\n',
    'merge_method: linear\nmodels: [{model: a}]\ntokenizer_source: union\n',
    'merge_method: linear\nmodels: [{model: a}]\ndtype: int8\n',
    'merge_method: passthrough\nslices: [{sources: [{model: a, layer_range: [2, 1]}]}]\n',
    '[]\n',
  ])
    assert.equal(typeof mergeRecipe(Buffer.from(text)), 'string', text);
});
