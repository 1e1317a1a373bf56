import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { adapterPlan, adapterSettings, scaleOf } from '../../../src/domain/derive/adapter.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive, type DeriveOutcome } from '../../../src/flows/derive/derive.ts';
import type { SideInput } from '../../../src/flows/derive/side.ts';

const FOLDER = 'fixtures/weights/adapters';
const CASES = ['bf16', 'bf16-narrow', 'f32-embeddings', 'f16-gpt2'] as const;
const files = createFiles();
const numbers = createNumbers({ kernel: 'wasm' });
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

async function side(path: string): Promise<SideInput> {
  return { shown: path, files: filesOf(await files.walk(path), new Map(), { files }) };
}

async function merged(name: string, at: { child?: string; adapter?: string } = {}): Promise<DeriveOutcome> {
  const { child = `${FOLDER}/${name}/child`, adapter = `${FOLDER}/${name}/adapter` } = at;
  const sides = {
    child: await side(child),
    parent: await side(`${FOLDER}/${name}/base`),
    adapter: await side(adapter),
  };
  return derive({ ...sides, step: 'adapter-merge' }, { numbers, progress });
}

for (const name of CASES)
  test(`${name}: what PEFT merged is recomputed bit for bit, in every type and form`, async () => {
    const { word, tensors, verdict, step } = await merged(name);
    assert.equal(word, 'recomputed');
    assert.equal(step, 'adapter-merge');
    assert.equal(verdict.exitCode, 0);
    assert.ok(tensors.some(({ how }) => how.some((each) => each.startsWith('LoRA of rank'))));
  });

test('both orders of rounding are told apart: a wide adapter is added in F32, a narrow one is rounded first', async () => {
  const hows = async (name: string): Promise<string> => (await merged(name)).tensors.flatMap(({ how }) => how).join();
  assert.match(await hows('bf16'), /added in F32/);
  assert.match(await hows('bf16-narrow'), /rounded to BF16 first/);
});

async function spoiled(name: string, tensor: string, change: (bytes: Buffer) => void): Promise<DeriveOutcome> {
  const child = join(mkdtempSync(join(tmpdir(), 'weighmark-merge-')), 'child');
  cpSync(`${FOLDER}/${name}/child`, child, { recursive: true });
  const path = join(child, 'model.safetensors');
  const bytes = readFileSync(path);
  const report = await readFormat({ path, source: bytesSource(bytes) });
  const { offset = 0, length = 0 } = report.tensors?.items.find((each) => each.name === tensor) ?? {};
  change(bytes.subarray(offset, offset + length));
  writeFileSync(path, bytes);
  return merged(name, { child });
}

test('one bit of one element, anywhere: named at its tensor and row', async () => {
  const tensor = 'model.layers.0.mlp.up_proj.weight';
  for (let at = 0; at < 30; at++) {
    const element = (at * 61) % 2048;
    // A few units in the last place of F32 are within what orders of the sums give; BF16 leaves no such room.
    const outcome = await spoiled(
      'bf16',
      tensor,
      (bytes) => (bytes[element * 2] = (bytes[element * 2] ?? 0) ^ (1 << (at % 7))),
    );
    assert.equal(outcome.word, 'not from the parent', String(at));
    const named = outcome.tensors.filter(({ word }) => word === 'not from the parent');
    assert.deepEqual(
      named.map(({ name, where }) => [name, where?.row]),
      [[tensor, Math.floor(element / 32)]],
    );
  }
});

test('what the adapter does not touch, and what it replaces, are held to the byte', async () => {
  const flip = (bytes: Buffer): void => void (bytes[5] = (bytes[5] ?? 0) ^ 1);
  for (const tensor of ['model.layers.0.self_attn.k_proj.weight', 'lm_head.weight', 'model.embed_tokens.weight']) {
    const { word, tensors } = await spoiled('f32-embeddings', tensor, flip);
    assert.notEqual(tensors.find(({ name }) => name === tensor)?.word, 'equal');
    if (tensor !== 'model.embed_tokens.weight') assert.equal(word, 'not from the parent', tensor);
  }
});

test('another alpha, another adapter, no adapter: not from the parent', async () => {
  const adapter = join(mkdtempSync(join(tmpdir(), 'weighmark-merge-')), 'adapter');
  cpSync(`${FOLDER}/bf16/adapter`, adapter, { recursive: true });
  const config = join(adapter, 'adapter_config.json');
  writeFileSync(config, readFileSync(config, 'utf8').replace('"lora_alpha": 12', '"lora_alpha": 13'));
  assert.equal((await merged('bf16', { adapter })).word, 'not from the parent');
  assert.equal((await merged('bf16', { child: `${FOLDER}/bf16/base` })).word, 'not from the parent');
  rmSync(config);
  assert.equal((await merged('bf16', { adapter })).verdict.exitCode, 4);
});

test('scales are PEFT’s; a pattern that is a regular expression is undecided', () => {
  const settings = (more: object) =>
    adapterSettings(Buffer.from(JSON.stringify({ peft_type: 'LORA', lora_alpha: 16, ...more })));
  const scale = (more: object, name = 'layers.0.q_proj'): number | null => {
    const found = settings(more);
    return found === null ? null : scaleOf(found, name, 4);
  };
  assert.equal(scale({}), 4);
  assert.equal(scale({ use_rslora: true }), 8);
  assert.equal(scale({ alpha_pattern: { q_proj: 2 } }), 0.5);
  assert.equal(scale({ alpha_pattern: { proj: 2 } }), 4);
  assert.equal(scale({ alpha_pattern: { '.*q_proj': 2 } }), null);
  assert.equal(settings({ peft_type: 'IA3' }), null);
});

test('names as PEFT writes them', () => {
  const { modules, replaced } = adapterPlan([
    'base_model.model.a.lora_A.weight',
    'base_model.model.a.lora_B.weight',
    'base_model.model.e.lora_embedding_A',
    'base_model.model.head.weight',
    'base_model.model.b.lora_B.bias',
  ]);
  assert.equal(modules.get('a')?.b, 'base_model.model.a.lora_B.weight');
  assert.equal(modules.get('e')?.embedding, true);
  assert.ok(modules.get('b')?.unknown !== undefined);
  assert.deepEqual([...replaced], [['head.weight', 'base_model.model.head.weight']]);
});
