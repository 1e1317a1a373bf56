import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource } from '../../../src/domain/formats/index.ts';
import { scanFile } from '../../../src/domain/scan/index.ts';

test('a file made of beginnings of configurations is searched within a budget of bytes, and what was left out is said', async () => {
  const content = Buffer.concat([Buffer.from('894844460d0a1a0a', 'hex'), Buffer.from('{"class_name"'.repeat(300_000))]);
  const { size, read } = bytesSource(content);
  let bytesRead = 0;
  const { verdict } = await scanFile({ path: 'a.h5', source: { size, read: async (offset, length) => {
    const bytes = await read(offset, length);
    bytesRead += bytes.length;
    return bytes;
  } } });
  assert.equal(verdict, 'incomplete');
  assert.ok(bytesRead < 300 << 20, `${bytesRead} bytes read of ${content.length}`);
});
