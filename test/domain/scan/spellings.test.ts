import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scan, told } from './build.ts';
import { PICKLES } from './spellings-pickle.ts';

for (const { kind, path, content } of PICKLES) {
  test(`${kind}: ${path}`, async () => {
    const result = await scan(path, content);
    assert.ok(['block', 'incomplete'].includes(result.verdict), told(result));
  });
}
