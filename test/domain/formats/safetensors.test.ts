import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { codesOf, reportOf, reportOfFile, safetensors, VECTORS, vectorsMissing } from './support.ts';

const tensor = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const file = (header: object | string, bytes: number): Uint8Array =>
  safetensors(typeof header === 'string' ? header : JSON.stringify(header), new Uint8Array(bytes));
const read = (header: object | string, bytes: number) => reportOf(file(header, bytes), 'model.safetensors');

test('tensors, metadata, and parameters by dtype; integer buffers are no parameters', async () => {
  const report = await read(
    { __metadata__: { format: 'pt' }, w: tensor('BF16', [2, 3], 0, 12), ids: tensor('I64', [1, 2], 12, 28) },
    28,
  );
  assert.equal(report.format, 'safetensors');
  assert.deepEqual(report.tensors?.elementsByDtype, { BF16: 6, I64: 2 });
  assert.deepEqual(report.tensors?.parametersByDtype, { BF16: 6 });
  assert.equal(report.parameters, 6);
  assert.deepEqual(report.metadata, [{ key: 'format', value: 'pt', place: 'header:__metadata__.format' }]);
  assert.deepEqual(report.problems, []);
  const [first] = report.tensors?.items ?? [];
  assert.deepEqual(first, { name: 'w', dtype: 'BF16', shape: [2, 3], offset: report.headerLength, length: 12 });
});

test('packed integers under a weight’s name leave the parameter count unknown', async () => {
  const report = await read(
    { 'q_proj.qweight': tensor('I32', [2, 2], 0, 16), 'q_proj.scales': tensor('F16', [2], 16, 20) },
    20,
  );
  assert.equal(report.parameters, undefined);
  assert.deepEqual(report.tensors?.elementsByDtype, { I32: 4, F16: 2 });
});

test('int8 matrices are quantised parameters', async () => {
  assert.deepEqual(
    (await read({ w: tensor('I8', [2, 2], 0, 4), zero: tensor('I8', [2], 4, 6) }, 6)).tensors?.parametersByDtype,
    { I8: 4 },
  );
});

test('what breaks the format is said', async (t) => {
  const cases: Record<string, [object | string, number, string[]]> = {
    overlap: [{ a: tensor('F32', [2], 0, 8), b: tensor('F32', [2], 4, 12) }, 12, ['overlap']],
    'gap between tensors': [{ a: tensor('F32', [1], 0, 4), b: tensor('F32', [1], 8, 12) }, 12, ['gap']],
    'gap before the first': [{ a: tensor('F32', [1], 4, 8) }, 8, ['gap']],
    'trailing bytes': [{ a: tensor('F32', [1], 0, 4) }, 5, ['trailing']],
    'beyond the file': [{ a: tensor('F32', [2], 0, 8) }, 4, ['out-of-bounds']],
    'shape and size differ': [{ a: tensor('F32', [3], 0, 8) }, 8, ['size-mismatch']],
    'end before begin': [{ a: tensor('F32', [1], 8, 4) }, 8, ['bad-value', 'trailing']],
    'unknown dtype': [{ a: tensor('F3', [1], 0, 4) }, 4, ['bad-value']],
    'product overflows': [{ a: tensor('F32', [2 ** 32, 2 ** 32], 0, 0) }, 0, ['overflow']],
    'u64 offset': [
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551616]}}',
      0,
      ['overflow'],
    ],
    'negative dimension': ['{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, ['bad-value', 'trailing']],
    'float dimension': ['{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4, ['bad-value', 'trailing']],
    'an unknown key': ['{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"code":"x"}}', 4, ['bad-value']],
    'metadata that is no text': [
      '{"__metadata__":{"a":{"b":1}},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      4,
      ['bad-value'],
    ],
    'duplicate tensor': [
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
      ['duplicate-key'],
    ],
    'duplicate by escape': [
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
      8,
      ['duplicate-key'],
    ],
    'duplicate inside a tensor': [
      '{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}',
      4,
      ['duplicate-key'],
    ],
    'duplicate metadata': ['{"__metadata__":{"k":"1","k":"2"}}', 0, ['duplicate-key']],
    'header not closed': ['{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}', 4, ['malformed', 'trailing']],
    'something after the header': ['{}  x', 0, ['malformed']],
    'nested too deep': [`{"a":${'['.repeat(100)}${']'.repeat(100)}}`, 0, ['limit']],
  };
  for (const [name, [header, bytes, codes]] of Object.entries(cases)) {
    await t.test(name, async () => {
      const report = await read(header, bytes);
      const found = codesOf(report);
      assert.ok(
        codes.every((code) => found.includes(code) || code === 'trailing'),
        `${JSON.stringify(found)} for ${name}`,
      );
      assert.ok(found.length > 0);
    });
  }
});

test('an entry that is almost of the usual form costs no more than another', async () => {
  const started = performance.now();
  await read(`{"a":{"dtype":"F32","shape":[${'1'.repeat(400)}x],"data_offsets":[0,4]}}`, 4);
  assert.ok(performance.now() - started < 1000);
});

test('a header padded with spaces is well-formed', async () => {
  assert.deepEqual((await read(`${JSON.stringify({ a: tensor('F32', [1], 0, 4) })}     `, 4)).problems, []);
});

test('a header that is longer than the file, or than the format allows, is not read', async () => {
  assert.deepEqual(codesOf(await reportOf(Buffer.from('ffffffffffffff7f7b7d', 'hex'), 'huge.safetensors')), [
    'truncated',
  ]);
  const size = 300_000_000;
  const head = Buffer.alloc(9);
  head.writeBigUInt64LE(200_000_000n);
  head.write('{', 8);
  let read = 0;
  const source = {
    size,
    read: async (offset: number, length: number) => {
      read += length;
      return Buffer.concat([
        head.subarray(offset, offset + length),
        Buffer.alloc(Math.max(0, length - Math.max(0, head.length - offset))),
      ]).subarray(0, length);
    },
  };
  const report = await readFormat({ path: 'large.safetensors', source });
  assert.deepEqual(codesOf(report), ['limit']);
  assert.ok(read < 20 << 20, `${read} bytes were read`);
});

test('any valid header comes back as it was written, without problems', async () => {
  const dtypes: Record<string, number> = { F64: 8, F32: 4, F16: 2, U8: 1, I64: 8, BOOL: 1 };
  const entry = fc.record({
    dtype: fc.constantFrom(...Object.keys(dtypes)),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
  });
  const names = fc
    .string({ maxLength: 12, unit: 'grapheme' })
    .filter((name) => name !== '__metadata__' && name !== '__proto__');
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(names, entry), { selector: ([name]) => name, maxLength: 8 }),
      async (entries) => {
        let at = 0;
        const header = new Map(
          entries.map(([name, { dtype, shape }]) => {
            const begin = at;
            at += shape.reduce((product, size) => product * size, 1) * (dtypes[dtype] ?? 0);
            return [name, tensor(dtype, shape, begin, at)];
          }),
        );
        const report = await readFormat({
          path: 'x.safetensors',
          source: bytesSource(file(Object.fromEntries(header), at)),
        });
        assert.deepEqual(report.problems, []);
        assert.equal(report.tensors?.count, entries.length);
        assert.deepEqual(new Set(report.tensors.items.map(({ name }) => name)), new Set(header.keys()));
      },
    ),
  );
});

test('the shared vectors', { skip: vectorsMissing() }, async () => {
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/overlap.safetensors`)), ['overlap']);
  assert.deepEqual((await reportOfFile(`${VECTORS}/benign/model.safetensors`)).problems, []);
});

test('a shard index names its shards, and those that leave the folder', async () => {
  const index = {
    metadata: { total_size: 12 },
    weight_map: {
      a: 'model-00001-of-00002.safetensors',
      b: 'model-00002-of-00002.safetensors',
      c: '../../c.safetensors',
    },
  };
  const report = await reportOf(Buffer.from(JSON.stringify(index)), 'model.safetensors.index.json');
  assert.equal(report.format, 'safetensors-index');
  assert.equal(report.references?.length, 3);
  assert.deepEqual(codesOf(report), ['unsafe-path']);
});
