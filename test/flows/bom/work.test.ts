import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { bomCreate, type BomPorts } from '../../../src/flows/bom/create.ts';

const hasher = createHasher();
const ports: BomPorts = {
  files: createFiles(),
  hasher: () => Promise.resolve(hasher),
  progress: { start: () => ({ advance() {}, end() {} }) },
};

test('a 50 MB safetensors header and a GGUF with two thousand million keys take no more work than small ones, and are reported', async () => {
  const huge = Buffer.alloc(16);
  huge.writeBigUInt64LE(50_000_000n);
  const gguf = Buffer.alloc(64);
  gguf.write('GGUF');
  gguf.writeUInt32LE(3, 4);
  gguf.writeBigUInt64LE(2_000_000_000n, 16);
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-bom-'));
  for (const [path, content] of Object.entries({ 'a.safetensors': huge, 'b.gguf': gguf, 'c.gguf.part00': gguf }))
    writeFileSync(join(folder, path), content);
  const {
    steps,
    result: { files, problems },
  } = await workOf(() => bomCreate({ path: folder, tool: { name: 'weighmark', version: '0.0.0' } }, ports));
  assert.deepEqual(
    problems.map(({ path, code }) => `${code} ${path}`),
    ['format-invalid a.safetensors', 'format-invalid b.gguf'],
  );
  assert.ok(steps < 100_000, `${steps} steps`);
  for (const { path, report } of files) assert.equal(report?.complete, false, path);
});
