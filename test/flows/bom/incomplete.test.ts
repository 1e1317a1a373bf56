import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { modelWeights } from '../../../src/domain/metadata/model-weights.ts';
import { weightSets } from '../../../src/domain/metadata/weights.ts';
import { examineArtifact } from '../../../src/flows/bom/create.ts';

type Bytes = Uint8Array | string;

const examine = (files: Readonly<Record<string, Bytes>>, located: Parameters<typeof examineArtifact>[1] = {}) =>
  examineArtifact(
    Object.entries(files).map(([path, content]) => {
      const bytes = Buffer.from(content as Uint8Array);
      return {
        path,
        sizeBytes: bytes.length,
        digests: { sha256: createHash('sha256').update(bytes).digest('hex') },
        open: async () => ({ ...bytesSource(bytes), close: async () => undefined }),
      };
    }),
    located,
  );

const tensor = (name: string): Buffer => {
  const header = JSON.stringify({ [name]: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(8)]);
};
const index = (map: Readonly<Record<string, string>>): string => JSON.stringify({ metadata: {}, weight_map: map });
const SHARDS = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
const INDEX = 'model.safetensors.index.json';
const told = ({ problems }: Awaited<ReturnType<typeof examine>>) => problems.map(({ code, path }) => [code, path]);
const counted = ({ files }: Awaited<ReturnType<typeof examine>>) => modelWeights(weightSets(files))?.parameters;

test('all shards and their index: whole, counted', async () => {
  const whole = await examine({
    [INDEX]: index({ a: SHARDS[0], b: SHARDS[1] }),
    [SHARDS[0]]: tensor('a'),
    [SHARDS[1]]: tensor('b'),
  });
  assert.deepEqual([told(whole), counted(whole)], [[], 4]);
});

test('a shard that is not here, or lacks a tensor of the index: said, and nothing is counted', async () => {
  const half = await examine({ [INDEX]: index({ a: SHARDS[0], b: SHARDS[1] }), [SHARDS[0]]: tensor('a') });
  assert.deepEqual(told(half), [
    ['incomplete', SHARDS[0]],
    ['incomplete', INDEX],
  ]);
  assert.equal(counted(half), undefined);
  assert.deepEqual(half.files.find(({ path }) => path === SHARDS[0])?.report?.tensors?.parametersByDtype, {});
  const other = await examine({
    [INDEX]: index({ a: SHARDS[0], c: SHARDS[1] }),
    [SHARDS[0]]: tensor('a'),
    [SHARDS[1]]: tensor('b'),
  });
  assert.deepEqual([told(other), counted(other)], [[['incomplete', INDEX]], undefined]);
});

test('an index left over beside whole weights is a note', async () => {
  const stale = await examine({ [INDEX]: index({ a: SHARDS[0] }), 'model.safetensors': tensor('a') });
  assert.deepEqual([told(stale), counted(stale)], [[], 2]);
  assert.ok(stale.facts.some((fact) => fact.field === 'detail' && fact.value.name === 'stale-index'));
});

test('ONNX external data: absent, short, whole', async () => {
  const folder = 'fixtures/formats/onnxruntime';
  const model = readFileSync(`${folder}/external.onnx`);
  const data = readFileSync(`${folder}/external.data`);
  const whole = await examine({ 'external.onnx': model, 'external.data': data });
  assert.deepEqual([told(whole), counted(whole)], [[], 15]);
  assert.equal(whole.files.find(({ path }) => path === 'external.data')?.report?.format, 'raw-weights');
  for (const files of [{ 'external.onnx': model }, { 'external.onnx': model, 'external.data': data.subarray(1) }]) {
    const short = await examine(files);
    assert.deepEqual([told(short), counted(short)], [[['incomplete', 'external.onnx']], undefined]);
  }
});

test('a distributed checkpoint without a file, or with a short one', async () => {
  const folder = 'fixtures/formats/torch/dcp';
  const [metadata, data] = [readFileSync(`${folder}/.metadata`), readFileSync(`${folder}/__0_0.distcp`)];
  const whole = await examine({ '.metadata': metadata, '__0_0.distcp': data });
  assert.deepEqual([told(whole), counted(whole), whole.kind], [[], 20, 'model']);
  const without = await examine({ '.metadata': metadata });
  assert.deepEqual([told(without), counted(without)], [[['incomplete', '.metadata']], undefined]);
});

test('an adapter whose base nobody names', async () => {
  const config = (base: string | null): string => JSON.stringify({ peft_type: 'LORA', base_model_name_or_path: base });
  const files = { 'adapter_model.safetensors': tensor('a') };
  assert.deepEqual(told(await examine({ ...files, 'adapter_config.json': config(null) })), [
    ['incomplete', 'adapter_config.json'],
  ]);
  assert.deepEqual(told(await examine({ ...files, 'adapter_config.json': config('org/base') })), []);
});

test('what DVC and wandb recorded is held against the files', async () => {
  const md5 = createHash('md5').update('content').digest('hex');
  const dvc = (hex: string): string => `outs:\n- md5: ${hex}\n  size: 7\n  hash: md5\n  path: data.bin\n`;
  const right = await examine({ 'data.bin': 'content', 'data.bin.dvc': dvc(md5) });
  assert.deepEqual(told(right), []);
  assert.deepEqual(
    right.digests.confirmed.map(({ recordedBy }) => recordedBy),
    ['DVC'],
  );
  const wrong = await examine({ 'data.bin': 'changed', 'data.bin.dvc': dvc(md5) });
  assert.deepEqual(told(wrong), [['download-conflict', 'data.bin']]);
  const manifest = (bytes: string): string =>
    JSON.stringify({
      version: 1,
      storagePolicy: 'wandb-storage-policy-v1',
      contents: { 'w.bin': { digest: createHash('md5').update(bytes).digest('base64'), size: bytes.length } },
    });
  assert.deepEqual(told(await examine({ 'w.bin': 'one', 'wandb_manifest.json': manifest('one') })), []);
  assert.deepEqual(told(await examine({ 'w.bin': 'two', 'wandb_manifest.json': manifest('one') })), [
    ['download-conflict', 'w.bin'],
  ]);
});

test('MLmodel makes a model, with flavours, signature and ids', async () => {
  const text = [
    'flavors:',
    '  python_function: {loader_module: mlflow.sklearn}',
    '  sklearn: {sklearn_version: 1.9.1}',
    'run_id: 0123abcd',
    `signature: {inputs: '[{"type": "double"}]', outputs: null}`,
    `utc_time_created: '2026-11-02 10:14:00.123456'`,
  ].join('\n');
  const found = await examine({ MLmodel: text, 'input_example.json': '{"columns": [0]}' });
  assert.equal(found.kind, 'model');
  const said = found.facts.flatMap((fact) =>
    fact.field === 'detail' ? [`${fact.value.name} ${fact.value.value}`] : [],
  );
  assert.deepEqual(said, [
    'mlflow:flavour python_function',
    'mlflow:flavour sklearn',
    'mlflow:run-id 0123abcd',
    'mlflow:signature-inputs [{"type": "double"}]',
  ]);
});
