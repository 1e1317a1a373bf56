import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { mayBeginMessage, readFields } from '../../../src/domain/formats/protobuf.ts';

async function isMessage(bytes: Uint8Array): Promise<boolean> {
  try {
    let ends = 0;
    for await (const { end } of readFields(bytesSource(bytes))) ends += end;
    return ends >= 0;
  } catch {
    return false;
  }
}

const varint = fc.bigInt({ min: 0n, max: 1n << 40n }).map((value) => {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    if (left < 128n) return [...bytes, Number(left)];
    bytes.push(Number(left & 127n) | 128);
  }
});
const number = fc.integer({ min: 1, max: 15 });
const field = fc.oneof(
  fc.tuple(number, varint).map(([key, value]) => [key << 3, ...value]),
  fc.tuple(number, fc.uint8Array({ maxLength: 100 })).map(([key, text]) => [(key << 3) | 2, text.length, ...text]),
  fc.tuple(number, fc.uint8Array({ minLength: 8, maxLength: 8 })).map(([key, eight]) => [(key << 3) | 1, ...eight]),
  fc.tuple(number, fc.uint8Array({ minLength: 4, maxLength: 4 })).map(([key, four]) => [(key << 3) | 5, ...four]),
);
const message = fc.array(field, { minLength: 1, maxLength: 20 }).map((fields) => Uint8Array.from(fields.flat()));

test('the beginning of a message, cut anywhere, is one', () => {
  fc.assert(
    fc.property(message, fc.nat(), (bytes, cut) =>
      mayBeginMessage(bytes.subarray(0, cut % (bytes.length + 1)), bytes.length),
    ),
  );
});

test('what is whole in memory is told as the reader of its fields tells it', async () => {
  const changed = fc
    .tuple(message, fc.nat(), fc.nat(255), fc.nat(3))
    .map(([bytes, at, value, cut]) =>
      bytes.map((byte, index) => (index === at % bytes.length ? value : byte)).subarray(0, bytes.length - cut),
    );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 300 }), changed), async (bytes) => {
      assert.equal(mayBeginMessage(bytes, bytes.length), await isMessage(bytes));
    }),
    { numRuns: 2000 },
  );
});
