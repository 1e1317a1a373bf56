import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { adapterPlan, adapterSettings, scaleOf } from '../../../src/domain/derive/adapter.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { safetensors } from '../../domain/scan/build.ts';
import { derive } from '../../../src/flows/derive/derive.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
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

const f = Math.fround;
const numbered = (count: number, turn: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => f(Math.sin(at * 7 + turn) * 0.1));

/** A DoRA of rank 2 on a weight of 4 × 8, merged in F32; `change` is done to the child's numbers. */
async function doraMerged(change: (child: Float32Array) => void, more: { config?: object } = {}) {
  const [parent, a, b] = [numbered(32, 1), numbered(16, 2), numbered(8, 3)];
  const magnitudes = Float32Array.of(1, 0.5, 2, 1.25);
  const child = new Float32Array(32);
  for (let row = 0; row < 4; row++) {
    const sums = Array.from({ length: 8 }, (_, at) => {
      const product = f(f((b[row * 2] ?? 0) * (a[at] ?? 0)) + f((b[row * 2 + 1] ?? 0) * (a[8 + at] ?? 0)));
      return f((parent[row * 8 + at] ?? 0) + f(product * 2));
    });
    const norm = f(Math.sqrt(sums.reduce((sum, value) => f(sum + f(value * value)), 0)));
    sums.forEach((sum, at) => (child[row * 8 + at] = f(f((magnitudes[row] ?? 0) / norm) * sum)));
  }
  change(child);
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-dora-'));
  const put = (name: string, tensors: Readonly<Record<string, readonly [number[], Float32Array]>>): void => {
    mkdirSync(join(folder, name), { recursive: true });
    let at = 0;
    const header = Object.entries(tensors).map(([key, [shape, { byteLength }]]) => {
      const place = { dtype: 'F32', shape, data_offsets: [at, (at += byteLength)] };
      return [key, place] as const;
    });
    const data = Buffer.concat(Object.values(tensors).map(([, { buffer }]) => Buffer.from(buffer)));
    writeFileSync(join(folder, name, 'model.safetensors'), safetensors(Object.fromEntries(header), data));
  };
  put('base', { 'proj.weight': [[4, 8], parent] });
  put('child', { 'proj.weight': [[4, 8], child] });
  put('adapter', {
    'base_model.model.proj.lora_A.weight': [[2, 8], a],
    'base_model.model.proj.lora_B.weight': [[4, 2], b],
    'base_model.model.proj.lora_magnitude_vector': [[4], magnitudes],
  });
  const config = { peft_type: 'LORA', lora_alpha: 4, r: 2, use_dora: true, ...more.config };
  writeFileSync(join(folder, 'adapter', 'adapter_config.json'), JSON.stringify(config));
  const input = {
    child: await side(join(folder, 'child')),
    parent: await side(join(folder, 'base')),
    adapter: await side(join(folder, 'adapter')),
  };
  const outcome = await derive(input, { numbers, progress });
  rmSync(folder, { recursive: true });
  return outcome;
}

test('a DoRA merged in F32 is bounded, and what was changed afterwards is found at its row', async () => {
  const honest = await doraMerged(() => undefined);
  assert.deepEqual([honest.word, honest.verdict.exitCode], ['bounded', 0]);
  assert.deepEqual(honest.tensors[0]?.how, ['DoRA of rank 2 merged']);
  const value = await doraMerged((child) => (child[19] = f((child[19] ?? 0) * 1.0001)));
  assert.deepEqual([value.word, value.tensors[0]?.where?.row], ['not from the parent', 2]);
  const row = await doraMerged((child) =>
    child.subarray(8, 16).forEach((each, at) => (child[8 + at] = f(each * 1.001))),
  );
  assert.deepEqual([row.word, row.tensors[0]?.where?.row], ['not from the parent', 1]);
});

test('a DoRA that its configuration does not name, or for (in, out) weights, is undecided', async () => {
  for (const config of [{ use_dora: false }, { fan_in_fan_out: true }])
    assert.equal((await doraMerged(() => undefined, { config })).word, 'undecided');
});
