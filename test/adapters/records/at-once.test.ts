import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { indexDataset } from '../../../src/flows/data/index-dataset.ts';

test('two datasets indexed at once have the columns of their own', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-at-once-'));
  const ports = {
    files: createFiles(),
    records: createRecords({ env: { XDG_CACHE_HOME: folder }, kernel: 'wasm' }),
    progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
    signal: new AbortController().signal,
  };
  const index = async (name: string) => {
    const root = join(folder, `${name}.jsonl`);
    writeFileSync(root, `{"${name}":1}\n`);
    return (await indexDataset({ root, declared: {}, secret: null, keep: false }, ports)).roots.columns;
  };
  assert.deepEqual(await Promise.all(['a', 'b'].map(index)), [{ a: ['number'] }, { b: ['number'] }]);
});
