import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';

const SIZES = [0, 1, 700, 16 << 10, (16 << 10) + 1, 300_000];

function filesOf(t: TestContext): readonly { readonly location: string; readonly bytes: Buffer }[] {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-contents-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return SIZES.map((size) => {
    const [location, bytes] = [join(folder, String(size)), Buffer.alloc(size, `of ${size} bytes`)];
    writeFileSync(location, bytes);
    return { location, bytes };
  });
}

test('small files are handed on as they were hashed, large ones are not', { skip: loadAddon() === null }, async (t) => {
  const files = filesOf(t);
  const hasher = await createHasher({ kernel: 'native' });
  const results = await hasher.hash(files, { algorithms: ['sha256', 'blake3'], contentUpToBytes: 16 << 10 });
  for (const [index, { bytes }] of files.entries()) {
    const { content, digests } = results[index] ?? { digests: {} };
    assert.equal(digests.sha256, sha256Hex(bytes));
    assert.deepEqual(content === undefined ? null : Buffer.from(content), bytes.length <= 16 << 10 ? bytes : null);
  }
});

test('contents keep their places beside failures and outboards', { skip: loadAddon() === null }, async (t) => {
  const files = filesOf(t);
  const jobs = [
    ...files.slice(0, 2),
    { location: join(tmpdir(), 'weighmark-nothing'), sizeBytes: 9 },
    ...files.slice(2),
  ];
  const hasher = await createHasher({ kernel: 'native' });
  const failed: number[] = [];
  const results = await hasher.hash(jobs, {
    algorithms: ['blake3'],
    contentUpToBytes: 700,
    outboardFromBytes: 16 << 10,
    onFailure: (index) => failed.push(index),
  });
  assert.deepEqual(failed, [2]);
  for (const [index, job] of jobs.entries()) {
    if (!('bytes' in job)) continue;
    const { content, outboard } = results[index] ?? {};
    assert.deepEqual(content === undefined ? null : Buffer.from(content), job.bytes.length <= 700 ? job.bytes : null);
    assert.equal(outboard === undefined, job.bytes.length < 16 << 10);
  }
});

test('WebAssembly hands on nothing, and hashes the same', async (t) => {
  const [file] = filesOf(t).slice(2);
  assert.ok(file);
  const hasher = await createHasher({ kernel: 'wasm' });
  const [result] = await hasher.hash([file], { algorithms: ['sha256'], contentUpToBytes: 16 << 10 });
  assert.deepEqual(result, { sizeBytes: 700, digests: { sha256: sha256Hex(file.bytes) } });
});
