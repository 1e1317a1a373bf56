import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import type { Files, OpenFile } from '../../../src/domain/ports/files.ts';
import { describeArtifact } from '../../../src/flows/bom/create.ts';
import { fileReader } from '../../../src/flows/bom/read-files.ts';
import { readForSeal } from '../../../src/flows/sign/seal-content.ts';

/** Opens and reads of the files of a tree of `count` that is read and described as `seal` does it, beside the hasher's own. */
async function workOn(
  t: TestContext,
  { count, text, kernel }: { count: number; text: string; kernel: 'wasm' | 'native' },
): Promise<{ opens: number; reads: number; described: number }> {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-seal-reads-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (let at = 0; at < count; at += 1) writeFileSync(join(root, `f${at}.txt`), `${text} ${at}\n`);
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
  const hasher = createHasher({ kernel });
  const ports = { files, hasher: async () => hasher, progress: { start: () => ({ advance() {}, end() {} }) } };
  const reader = fileReader({});
  const content = await readForSeal({ root }, { reader, judging: {} }, ports);
  const digests = new Map(content.files.map((file) => [file.path, file]));
  const { files: described } = await describeArtifact(content.tree, digests, ports, {
    tool: { name: 'weighmark', version: '0' },
    read: reader,
  });
  for (const { path, digests: found, report } of described) {
    assert.equal(found.sha256, digests.get(path)?.sha256);
    assert.equal(report?.format, 'text');
  }
  return { ...done, described: described.length };
}

for (const kernel of ['wasm', ...(loadAddon() === null ? [] : (['native'] as const))] as const) {
  test(`${kernel}: what is sealed is opened once and read once to be scanned and described`, async (t) => {
    for (const count of [20, 200])
      assert.deepEqual(await workOn(t, { count, kernel, text: 'words '.repeat(5000) }), {
        opens: count,
        reads: count,
        described: count,
      });
  });
}

test('what is small is looked at as it was hashed', { skip: loadAddon() === null }, async (t) => {
  for (const count of [20, 3000])
    assert.deepEqual(await workOn(t, { count, kernel: 'native', text: 'words ' }), {
      opens: 0,
      reads: 0,
      described: count,
    });
});
