import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan, told } from './build.ts';
import { CODE } from './spellings-code.ts';
import { PICKLES } from './spellings-pickle.ts';

for (const { kind, path, content } of [...PICKLES, ...CODE]) {
  test(`${kind}: ${path}`, async () => {
    const result = await scan(path, content);
    assert.ok(['block', 'incomplete'].includes(result.verdict), told(result));
  });
}
