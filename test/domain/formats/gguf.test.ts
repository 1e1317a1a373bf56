import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFormat } from '../../../src/domain/formats/index.ts';
import {
  codesOf,
  ggufHead,
  ggufText,
  hollowSource,
  metadataOf,
  reportOf,
  reportOfFile,
  u32le,
  u64le,
  VECTORS,
  vectorsMissing,
} from './support.ts';

const key = (name: string, type: number, ...value: Uint8Array[]): Buffer =>
  Buffer.concat([ggufText(name), u32le(type), ...value]);
const text = (name: string, value: string): Buffer => key(name, 8, ggufText(value));
const tensor = (name: string, dims: (number | bigint)[], type: number, offset: number | bigint): Buffer =>
  Buffer.concat([ggufText(name), u32le(dims.length), ...dims.map((size) => u64le(size)), u32le(type), u64le(offset)]);
const file = (keys: Buffer[], tensors: Buffer[], data = 0): Buffer => {
  const head = Buffer.concat([ggufHead(tensors.length, keys.length), ...keys, ...tensors]);
  return Buffer.concat([head, Buffer.alloc(((32 - (head.length % 32)) % 32) + data)]);
};
const read = (bytes: Uint8Array) => reportOf(bytes, 'model.gguf');

test('metadata, per-tensor types, the file type by its usual name', async () => {
  const report = await read(
    file(
      [text('general.architecture', 'llama'), key('general.file_type', 4, u32le(15))],
      [tensor('w', [256, 2], 12, 0), tensor('n', [4], 0, 288)],
      288 + 16,
    ),
  );
  assert.equal(report.version, '3');
  assert.deepEqual(report.quantization, { name: 'Q4_K_M', place: 'gguf:general.file_type' });
  assert.deepEqual(
    report.tensors?.items.map(({ name, dtype, shape, length }) => [name, dtype, shape, length]),
    [
      ['w', 'Q4_K', [2, 256], 288],
      ['n', 'F32', [4], 16],
    ],
  );
  assert.equal(report.parameters, 516);
  assert.deepEqual(report.problems, []);
});

test('duplicate keys are both kept and reported', async () => {
  const report = await read(
    file([text('tokenizer.chat_template', 'good'), text('tokenizer.chat_template', 'evil')], []),
  );
  assert.deepEqual(
    report.metadata.map(({ value }) => value),
    ['good', 'evil'],
  );
  assert.deepEqual(
    report.problems.map(({ code, subject }) => [code, subject]),
    [['duplicate-key', 'tokenizer.chat_template']],
  );
});

test('long arrays keep their first elements and their length', async () => {
  const words = Buffer.concat([
    u32le(8),
    u64le(1000),
    ...Array.from({ length: 1000 }, (_, index) => ggufText(`t${index}`)),
  ]);
  const [item] = (await read(file([key('tokenizer.ggml.tokens', 9, words)], []))).metadata;
  assert.equal(item?.length, 1000);
  assert.deepEqual((item.value as string[]).slice(0, 2), ['t0', 't1']);
  assert.equal((item.value as string[]).length, 64);
});

test('impossible counts end it before anything is allocated', async (t) => {
  const counts: Record<string, Buffer> = {
    '2^31 keys': ggufHead(0, 2 ** 31),
    '2^63 keys': ggufHead(0, 2n ** 63n),
    '2^40 tensors': ggufHead(2n ** 40n, 0),
    'a text of 2^62 bytes': Buffer.concat([ggufHead(0, 1), u64le(2n ** 62n)]),
    'an array of 2^61 numbers': Buffer.concat([ggufHead(0, 1), ggufText('a'), u32le(9), u32le(4), u64le(2n ** 61n)]),
    'an array of 2^60 texts': Buffer.concat([ggufHead(0, 1), ggufText('a'), u32le(9), u32le(8), u64le(2n ** 60n)]),
  };
  for (const [name, bytes] of Object.entries(counts))
    await t.test(name, async () =>
      assert.match(String(codesOf(await read(Buffer.concat([bytes, Buffer.alloc(64)])))), /^(truncated|malformed)$/),
    );
});

test('two thousand million keys in a file large enough for them: bounded, at once', async () => {
  const { steps, result } = await workOf(() =>
    readFormat({ path: 'model.gguf', source: hollowSource(2 ** 36, ggufHead(0, 2 ** 31)) }),
  );
  assert.deepEqual(codesOf(result), ['limit']);
  assert.ok(steps < 200_000, `${steps} steps`);
});

test('arrays nested without end are cut off', async () => {
  const nested = Buffer.concat(Array.from({ length: 100 }, () => Buffer.concat([u32le(9), u64le(1)])));
  assert.deepEqual(codesOf(await read(file([key('a', 9, nested)], []))), ['limit']);
});

test('tensors that overlap, overflow, or have no such type', async () => {
  assert.deepEqual(codesOf(await read(file([], [tensor('a', [8], 0, 0), tensor('b', [8], 0, 16)], 64))), ['overlap']);
  assert.deepEqual(codesOf(await read(file([], [tensor('a', [2n ** 62n, 4], 0, 0)]))), ['overflow']);
  assert.deepEqual(codesOf(await read(file([], [tensor('a', [8], 99, 0)]))), ['bad-value']);
  assert.deepEqual(codesOf(await read(file([], [tensor('a', [8], 0, 2n ** 63n)]))), ['overflow']);
  assert.deepEqual(codesOf(await read(file([], [tensor('a', [8], 0, 0)], 16))), ['out-of-bounds']);
  assert.deepEqual(codesOf(await read(file([key('general.alignment', 4, u32le(7))], []))), ['bad-value']);
});

test('a version that is not known is not guessed at', async () => {
  assert.deepEqual(codesOf(await read(Buffer.concat([ggufHead(0, 0, 4), Buffer.alloc(32)]))), ['unsupported']);
});

test('the shared vectors', { skip: vectorsMissing() }, async () => {
  const report = await reportOfFile(`${VECTORS}/ssti.gguf`);
  assert.match(String(metadataOf(report, 'tokenizer.chat_template')), /\{/);
  assert.deepEqual(report.problems, []);
});
