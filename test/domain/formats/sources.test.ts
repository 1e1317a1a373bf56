import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';

import { reportOf } from './support.ts';
import fc from 'fast-check';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import {
  bytesSource,
  cachedSource,
  chunksOf,
  Cursor,
  inflate,
  streamSource,
  windowSource,
} from '../../../src/domain/formats/index.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 2654435761) >>> 24);
const BYTES = noise(300_000);

test('a cursor reads what is there, across its blocks, and nothing beyond', async () => {
  const reads = fc.array(
    fc.oneof(fc.record({ skip: fc.nat(70_000) }), fc.record({ take: fc.nat(70_000) }), fc.constant({ u32: true })),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(reads, async (steps) => {
      const cursor = new Cursor(bytesSource(BYTES));
      let at = 0;
      for (const step of steps) {
        const length = 'skip' in step ? step.skip : 'take' in step ? step.take : 4;
        const read =
          'skip' in step
            ? async () => cursor.skip(length)
            : 'take' in step
              ? () => cursor.bytes(length)
              : () => cursor.u32le();
        if (at + length > BYTES.length) return assert.rejects(async () => read(), /ends early/);
        const value = await read();
        if (value instanceof Uint8Array) assert.deepEqual(value, BYTES.slice(at, at + length));
        if (typeof value === 'number') assert.equal(value, Buffer.from(BYTES.buffer, at, 4).readUInt32LE());
        at += length;
        assert.equal(cursor.offset, at);
      }
    }),
  );
});

test('a length beyond what the caller can hold is refused before it is read', async () => {
  await assert.rejects(
    new Cursor(bytesSource(BYTES)).bytes(2000, 1000),
    (error) => error instanceof WeighmarkError && error.code === 'limit-exceeded',
  );
});

test('windows and caches yield the bytes of their source', async () => {
  const place = fc.tuple(fc.nat(310_000), fc.nat(200_000));
  await fc.assert(
    fc.asyncProperty(place, fc.array(place, { maxLength: 10 }), async ([start, length], reads) => {
      const expected = BYTES.slice(start, start + length);
      const source = cachedSource(windowSource(bytesSource(BYTES), start, length));
      assert.equal(source.size, expected.length);
      for (const [at, count] of reads)
        assert.deepEqual(Buffer.compare(await source.read(at, count), expected.slice(at, at + count)), 0);
    }),
  );
});

test('a stream is read at random, beyond what is kept by opening it again', async () => {
  const size = LIMITS.memberBytes + 3_000_000;
  let opened = 0;
  const byteAt = (index: number): number => (index * 31 + (index >>> 8)) & 255;
  async function* open(): AsyncGenerator<Uint8Array> {
    opened += 1;
    for (let at = 0; at < size; at += 1 << 20)
      yield Uint8Array.from({ length: Math.min(1 << 20, size - at) }, (_, index) => byteAt(at + index));
  }
  const source = streamSource(size, open);
  for (const at of [
    0,
    5_000_000,
    100,
    LIMITS.memberBytes - 10,
    LIMITS.memberBytes + 10,
    size - 50,
    LIMITS.memberBytes + 1_500_000,
  ]) {
    assert.deepEqual(
      [...(await source.read(at, 20))],
      Array.from({ length: 20 }, (_, index) => byteAt(at + index)),
      `at ${at}`,
    );
  }
  assert.equal(opened, 3, 'once for what is kept, once forward, once back');
});

test('what was deflated comes out again, in chunks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
      const parts: Uint8Array[] = [];
      for await (const chunk of inflate(bytesSource(deflateRawSync(bytes)), 'deflate')) parts.push(chunk);
      assert.equal(Buffer.compare(Buffer.concat(parts), bytes), 0);
    }),
    { numRuns: 50 },
  );
});

test('a stream that breaks is format-invalid; a source that fails fails as it did', async () => {
  const drain = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
    for await (const chunk of chunks) assert.ok(chunk.length >= 0);
  };
  const packed = deflateRawSync(BYTES);
  await assert.rejects(
    drain(inflate(bytesSource(packed.subarray(0, packed.length / 2)), 'deflate')),
    (error) => error instanceof WeighmarkError && error.code === 'format-invalid',
  );
  await assert.rejects(
    drain(inflate(bytesSource(BYTES), 'gzip')),
    (error) => error instanceof WeighmarkError && error.code === 'format-invalid',
  );
  const changed = new WeighmarkError('file-changed', 'it was cut while it was read');
  await assert.rejects(
    drain(inflate({ size: 1000, read: () => Promise.reject(changed) }, 'gzip')),
    (error) => error === changed,
  );
  await assert.rejects(
    drain(chunksOf({ size: 1000, read: () => Promise.reject(changed) })),
    (error) => error === changed,
  );
});

test('sections of TOML and INI are no JSON, arrays of JSON are', async () => {
  for (const text of [
    '[build-system]\nrequires = []\n',
    '[metadata]\nname = a\n',
    '[[tool.x]] # one of several\r\na = 1\r\n',
  ])
    assert.equal((await reportOf(Buffer.from(text), 'pyproject.toml')).format, 'text', text);
  for (const text of ['["a"]\n', '[true]\n', '[null]', '[NaN]\n', '[1, 2]\n', '[]\n', '[{}]'])
    assert.equal((await reportOf(Buffer.from(text), 'values')).format, 'json', text);
});

test('what is in a stream that is not decoded to its end is not said to be broken', async () => {
  const whole = gzipSync(Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(1000, 7)]));
  const { problems, complete } = await reportOf(whole.subarray(0, whole.length - 9), 'model.npz.gz');
  assert.equal(complete, false);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['truncated'],
  );
});
