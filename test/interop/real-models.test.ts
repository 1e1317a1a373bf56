import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readFormat } from '../../src/domain/formats/index.ts';
import { openSource } from '../domain/formats/support.ts';

/** What other libraries say of a file; `parameters: null` where no reader can know. */
interface Facts {
  readonly format: string;
  readonly version?: string;
  readonly parameters?: number | null;
  readonly parametersByDtype?: Record<string, number>;
  readonly elementsByDtype?: Record<string, number>;
  readonly unattributed?: Record<string, number>;
  readonly quantization?: string;
  readonly tensors?: number;
}

const folder = process.env['WEIGHMARK_REAL_MODELS'] ?? '';
const { files } = JSON.parse(readFileSync(new URL('real-models.json', import.meta.url), 'utf8')) as {
  files: Record<string, Facts>;
};

if (folder === '') test('real models', { skip: 'run by test/interop/real-models.sh' }, () => undefined);

for (const [path, facts] of folder === '' ? [] : Object.entries(files)) {
  const location = join(folder, path);
  const skip = process.env['WEIGHMARK_CI_OPTIONAL'] === '1' && !existsSync(location) ? 'not to be had here' : false;
  test(path, { skip }, async () => {
    const source = openSource(location);
    const report = await readFormat({ path, source });
    source.close();
    const sum = Object.values(facts.parametersByDtype ?? {}).reduce((total, count) => total + count, 0);
    assert.equal(report.format, facts.format);
    assert.equal(report.complete, true, JSON.stringify(report.problems));
    if (facts.parametersByDtype !== undefined)
      assert.deepEqual([report.tensors?.parametersByDtype, report.parameters], [facts.parametersByDtype, sum]);
    if (facts.parameters !== undefined) assert.equal(report.parameters ?? null, facts.parameters);
    if (facts.elementsByDtype !== undefined) assert.deepEqual(report.tensors?.elementsByDtype, facts.elementsByDtype);
    if (facts.unattributed !== undefined) assert.deepEqual(report.unattributed, facts.unattributed);
    if (facts.version !== undefined) assert.equal(report.version, facts.version);
    if (facts.quantization !== undefined) assert.equal(report.quantization?.name, facts.quantization);
    if (facts.tensors !== undefined) assert.equal(report.tensors?.count, facts.tensors);
  });
}
