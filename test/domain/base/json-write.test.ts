import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonBytes } from '../../../src/domain/base/json-write.ts';

test('the bytes of any value are those of JSON.stringify, compact and indented', () => {
  const list = fc.array(
    fc.oneof(fc.jsonValue(), fc.record({ a: fc.string({ unit: 'binary' }), b: fc.constant(undefined) })),
    { minLength: 60, maxLength: 70 },
  );
  const value = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.jsonValue(),
      list,
      fc.dictionary(fc.string(), tie('node')),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  })).node;
  fc.assert(
    fc.property(value, fc.constantFrom(0, 2), (any, indent) => {
      assert.equal(
        Buffer.from(jsonBytes(any, { indent })).toString('hex'),
        Buffer.from(JSON.stringify(any, null, indent)).toString('hex'),
      );
    }),
    { numRuns: 300 },
  );
});

test('members without a value are left out, items without one are null, ends and escapes are put where they belong', () => {
  const value = {
    a: undefined,
    wide: [undefined, ...Array.from({ length: 70 }, (_, index) => ({ index, text: 'é\n' }))],
    empty: {},
  };
  assert.equal(
    Buffer.from(
      jsonBytes(value, { indent: 2, end: '\n', escape: (json) => json.replaceAll('é', '\\u00e9') }),
    ).toString(),
    `${JSON.stringify(value, null, 2).replaceAll('é', '\\u00e9')}\n`,
  );
});
