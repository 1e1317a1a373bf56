import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { scanArtifact } from '../../../src/flows/content/scan.ts';

const files = createFiles();
const progress = { start: () => ({ advance() {}, end() {} }) };

/** What a scan says of a folder as a whole. */
async function found(content: Readonly<Record<string, Uint8Array | string>>, below = ''): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-parts-'));
  for (const [path, bytes] of Object.entries(content)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const tree = await files.walk(join(folder, below), {});
  const { findings, verdict } = await scanArtifact(tree, { files, progress, signal: new AbortController().signal });
  assert.equal(verdict, findings.length > 0 ? 'review' : 'pass');
  return findings.map(({ rule, severity, place }) => `${rule} ${severity} ${place.path}`);
}

const tensor = (name: string): Buffer => {
  const header = JSON.stringify({ [name]: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(8)]);
};
const [ONE, TWO] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const INDEX = 'model.safetensors.index.json';
const map = JSON.stringify({ metadata: {}, weight_map: { a: ONE, b: TWO } });

test('a shard that is not here is medium, in whatever folder it is looked for', async () => {
  assert.deepEqual(await found({ [INDEX]: map, [ONE]: tensor('a'), [TWO]: tensor('b') }), []);
  assert.deepEqual(await found({ [INDEX]: map, [ONE]: tensor('a') }), [
    `WM-FILE-008 medium ${ONE}`,
    `WM-FILE-008 medium ${INDEX}`,
  ]);
  assert.deepEqual(await found({ [`x/${ONE}`]: tensor('a') }), [`WM-FILE-008 medium x/${ONE}`]);
  assert.deepEqual(await found({ [INDEX]: map, [ONE]: tensor('a') }, ONE), []);
});

test('external data, and an adapter whose base nobody names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-parts-'));
  copyFileSync('fixtures/formats/onnxruntime/external.onnx', join(folder, 'external.onnx'));
  const tree = await files.walk(folder, {});
  const { findings } = await scanArtifact(tree, { files, progress, signal: new AbortController().signal });
  assert.deepEqual(
    findings.map(({ rule }) => rule),
    ['WM-FILE-008'],
  );
  const adapter = (base: string | null) => ({
    'adapter_config.json': JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: base }),
    'adapter_model.safetensors': tensor('a'),
  });
  assert.deepEqual(await found(adapter('acme/base')), []);
  assert.deepEqual(await found(adapter(null)), ['WM-FILE-008 medium adapter_config.json']);
});

test('an ExecuTorch program without its data, and an engine without one of its ranks', async () => {
  const [program, data] = ['pte', 'ptd'].map((ending) => readFileSync(`fixtures/formats/executorch/apart.${ending}`));
  assert.ok(program !== undefined && data !== undefined);
  assert.deepEqual(await found({ 'apart.pte': program, 'apart.ptd': data }), []);
  assert.deepEqual(await found({ 'apart.pte': program }), ['WM-FILE-008 medium apart.pte']);
  const config = JSON.stringify({ pretrained_config: { mapping: { world_size: 2 } }, build_config: {} });
  const engine = Buffer.concat([Buffer.from('ftrt'), Buffer.alloc(100)]);
  assert.deepEqual(await found({ 'config.json': config, 'rank0.engine': engine, 'rank1.engine': engine }), []);
  assert.deepEqual(await found({ 'config.json': config, 'rank0.engine': engine }), ['WM-FILE-008 medium config.json']);
});
