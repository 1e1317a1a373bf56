import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import { changedCopy, derived as derivedOf } from './folders.ts';

/** Children of one Llama by LLM Compressor, without the recipes it leaves: `make-folded.py`. */
const FOLDER = 'fixtures/weights/folded';
const LAYER = 'model.layers.0';

async function derived(child: string, parent = `${FOLDER}/parent`): Promise<DeriveOutcome> {
  return derivedOf(child, parent);
}

/** The names of the tensors that are not from the parent. */
function accused({ tensors }: DeriveOutcome): readonly string[] {
  return tensors.filter(({ word }) => word === 'not from the parent').map(({ name }) => name);
}

/** A copy with the bytes of one of its tensors changed. */
function changed(t: TestContext, name: string, tensor: string, change: (bytes: Buffer) => void): string {
  return changedCopy(t, join(FOLDER, name), tensor, change);
}

test('8-bit codes whose scales are kept in BF16 are recomputed, and one that was changed is named', async (t) => {
  assert.equal((await derived(`${FOLDER}/nearest`)).word, 'recomputed');
  const name = `${LAYER}.mlp.up_proj.weight`;
  const outcome = await derived(changed(t, 'nearest', name, (bytes) => void (bytes[77] = (bytes[77] ?? 0) ^ 1)));
  assert.deepEqual(accused(outcome), [name]);
});

for (const name of ['spin', 'quip', 'static'])
  test(`${name}: what config.json or the form announces is no accusation, nor verified`, async () => {
    const outcome = await derived(`${FOLDER}/${name}`);
    assert.deepEqual(accused(outcome), []);
    assert.equal(outcome.word, 'undecided');
    assert.equal(outcome.verdict.exitCode, 4);
  });

const FOLDED = ['smooth', 'smooth-fp8', 'smooth-plain', 'awq'] as const;

for (const name of FOLDED)
  test(`${name}: scales folded into norms are undecided without a recipe, and the other end is named`, async () => {
    const outcome = await derived(`${FOLDER}/${name}`);
    assert.deepEqual(accused(outcome), []);
    assert.equal(outcome.verdict.exitCode, 4);
    const norm = outcome.tensors.find((tensor) => tensor.name === `${LAYER}.input_layernorm.weight`);
    assert.equal(norm?.word, 'undecided');
    assert.match(norm.why ?? '', /by factors that .*\.[qkv]_proj\.weight takes back: so SmoothQuant and AWQ fold/);
  });

test('what no factors explain is accused among folded scales still, and what is not folded whatever its factors are', async (t) => {
  const weight = `${LAYER}.mlp.up_proj.weight`;
  const swapped = (bytes: Buffer) => void bytes.reverse();
  assert.deepEqual(accused(await derived(changed(t, 'smooth', weight, swapped))), [weight]);
  assert.deepEqual(accused(await derived(changed(t, 'smooth-plain', weight, swapped))), [weight]);
  const norm = 'model.norm.weight';
  const scaled = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 2) bytes[at] = (bytes[at] ?? 0) ^ (at * 37);
  };
  for (const name of [...FOLDED, 'nearest'])
    assert.deepEqual(accused(await derived(changed(t, name, norm, scaled))), [norm], name);
});

test('a weight of another parent is accused among folded scales', async (t) => {
  const other = changed(t, 'parent', `${LAYER}.mlp.gate_proj.weight`, (bytes) => void bytes.reverse());
  for (const name of ['smooth', 'smooth-fp8', 'smooth-plain'])
    assert.deepEqual(accused(await derived(`${FOLDER}/${name}`, other)), [`${LAYER}.mlp.gate_proj.weight`], name);
});
