import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { cachedSource } from '../../../src/domain/base/source.ts';
import { scanFile } from '../../../src/domain/scan/index.ts';
import { sourceOf } from '../formats/pickle/assemble.ts';

/** Ten thousand small files cost what is done to each: one read. */
for (const [path, content] of [
  ['a.json', '{"a": 1}'],
  ['a.txt', 'text\n'.repeat(2000)],
  ['a.yaml', 'a: 1\n'.repeat(100)],
  ['a.py', 'import numpy\n'],
  ['a.bin', Buffer.alloc(60_000, 7).toString('latin1')],
] as const) {
  test(`a small file is read once: ${path}`, async () => {
    const source = sourceOf(content);
    const result = await scanFile({ path, source: cachedSource(source) });
    assert.deepEqual([result.verdict, source.bytesRead], ['pass', source.size]);
  });
}

test('what a reader is given of a kept file is its own', async () => {
  const source = cachedSource(sourceOf('abcdef'));
  const first = await source.read(1, 3);
  first.fill(0);
  assert.deepEqual([...(await source.read(0, 10))], [...Buffer.from('abcdef')]);
  assert.equal((await source.read(6, 1)).length, 0);
});
