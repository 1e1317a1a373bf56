import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import type { Files, OpenFile } from '../../../src/domain/ports/files.ts';
import { describeArtifact } from '../../../src/flows/bom/create.ts';
import { fileReader } from '../../../src/flows/bom/read-files.ts';
import { hashForSeal, scanForSeal } from '../../../src/flows/sign/seal-content.ts';

/** Opens and reads of the files of a tree of `count` that is scanned and described as `seal` does it. */
async function workOn(t: TestContext, count: number): Promise<{ opens: number; reads: number; described: number }> {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-seal-reads-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (let at = 0; at < count; at += 1) writeFileSync(join(root, `f${at}.bin`), `weights ${at}\0`.repeat(50));
  const done = { opens: 0, reads: 0 };
  const real = createFiles();
  const counted = (file: OpenFile): OpenFile => ({
    ...file,
    read: async (offset, length) => ((done.reads += 1), file.read(offset, length)),
  });
  const files: Files = {
    ...real,
    open: async (location, options) => ((done.opens += 1), counted(await real.open(location, options))),
  };
  const hasher = createHasher();
  const ports = { files, hasher: async () => hasher, progress: { start: () => ({ advance() {}, end() {} }) } };
  const content = await hashForSeal({ root }, ports);
  const before = { ...done };
  const reader = fileReader({});
  await scanForSeal(content, { failOn: 'high', reader, judging: {} }, ports);
  const digests = new Map(content.files.map((file) => [file.path, file]));
  const { files: described } = await describeArtifact(content.tree, digests, ports, {
    tool: { name: 'weighmark', version: '0' },
    read: reader,
  });
  for (const { path, digests: found } of described) assert.equal(found.sha256, digests.get(path)?.sha256);
  return { opens: done.opens - before.opens, reads: done.reads - before.reads, described: described.length };
}

test('what is sealed is opened once and read once to be scanned and described', async (t) => {
  for (const count of [20, 200])
    assert.deepEqual(await workOn(t, count), { opens: count, reads: count, described: count });
});
