import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codesOf, reportOf } from './support.ts';

const text = (value: string): Buffer => Buffer.concat([Buffer.from([0xa0 | value.length]), Buffer.from(value)]);
const bin = (value: Uint8Array): Buffer => Buffer.concat([Buffer.from([0xc4, value.length]), value]);
const map = (...entries: Buffer[]): Buffer => Buffer.concat([Buffer.from([0x80 | (entries.length / 2)]), ...entries]);
const list = (...items: Buffer[]): Buffer => Buffer.concat([Buffer.from([0x90 | items.length]), ...items]);
const numbers = (...values: number[]): Buffer => list(...values.map((value) => Buffer.from([value])));
const extension = (type: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0xc7, payload.length, type]), payload]);

test('thinc: arrays as maps of nd, type, shape and data', async () => {
  const array = map(
    bin(Buffer.from('nd')),
    Buffer.from([0xc3]),
    bin(Buffer.from('type')),
    text('<f4'),
    bin(Buffer.from('shape')),
    numbers(2, 2),
    bin(Buffer.from('data')),
    bin(Buffer.alloc(16)),
  );
  const bytes = map(text('nodes'), list(), text('params'), list(map(text('W'), array)));
  const report = await reportOf(bytes, 'tok2vec/model');
  assert.equal(report.format, 'msgpack');
  assert.deepEqual(report.tensors?.items, [
    { name: 'params.0.W', dtype: 'F32', shape: [2, 2], offset: bytes.length - 16, length: 16 },
  ]);
  assert.equal(report.parameters, 4);
});

test('Flax: arrays as an extension of shape, dtype and bytes', async () => {
  const kernel = extension(1, list(numbers(3), text('bfloat16'), bin(Buffer.alloc(6))));
  const step = extension(1, list(numbers(), text('int32'), bin(Buffer.alloc(4))));
  const report = await reportOf(
    map(text('params'), map(text('kernel'), kernel), text('step'), step),
    'flax_model.msgpack',
  );
  assert.deepEqual([report.tensors?.elementsByDtype, report.parameters], [{ BF16: 3, I32: 1 }, 3]);
});

test('what is cut off, nested without end, or no array', async () => {
  assert.deepEqual(codesOf(await reportOf(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), 'a.msgpack')), ['truncated']);
  assert.deepEqual(codesOf(await reportOf(Buffer.alloc(1000, 0x91), 'a.msgpack')), ['limit']);
  assert.deepEqual(codesOf(await reportOf(map(text('x'), extension(1, numbers(1, 2))), 'a.msgpack')), ['bad-value']);
});
