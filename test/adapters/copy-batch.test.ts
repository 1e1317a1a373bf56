import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { copyBatch, type Disk, type SmallCopy } from '../../src/adapters/files/copy-batch.ts';
import { LIMITS } from '../../src/domain/base/limits.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { WeighmarkError } from '../../src/domain/base/errors.ts';

const wrong = ({ from }: SmallCopy, found: string | null) =>
  new WeighmarkError('file-changed', `${from}: ${found ?? 'another size'}`);

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-batch-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function copiesOf(folder: string, contents: readonly string[]): readonly SmallCopy[] {
  return contents.map((content, at) => {
    const from = join(folder, `from-${at}`);
    writeFileSync(from, content);
    const [sizeBytes, sha256] = [Buffer.byteLength(content), sha256Hex(content)];
    return { from, temporary: join(folder, `.${at}.tmp`), to: join(folder, `to-${at}`), sizeBytes, sha256 };
  });
}

const some = (count: number, sizeBytes: number): readonly SmallCopy[] =>
  Array.from({ length: count }, (_, at) => ({ from: 'f', temporary: `t${at}`, to: `n${at}`, sizeBytes, sha256: 'x' }));

test('many files are all written, then flushed once, then renamed; the calls grow as the files do', async () => {
  for (const count of [10, 100]) {
    const calls: string[] = [];
    const disk: Disk = {
      copy: ({ temporary, sha256 }) => (calls.push(`write ${temporary}`), sha256),
      flush: async (_folder, files) => void calls.push(`flush ${files.length}`),
      rename: (_from, to) => void calls.push(`rename ${to}`),
      remove: (file) => void calls.push(`remove ${file}`),
    };
    await copyBatch(some(count, 1), { folder: '/', mode: 0o644, disk, wrong });
    const all = Array.from({ length: count }, (_, at) => at);
    assert.deepEqual(calls, [
      ...all.map((at) => `write t${at}`),
      `flush ${count}`,
      ...all.map((at) => `rename n${at}`),
    ]);
  }
});

test('very many are flushed some thousands at a time, so that what waits is bounded', async () => {
  const flushed: number[] = [];
  const disk: Disk = {
    copy: ({ sha256 }) => sha256,
    flush: async (_folder, files) => void flushed.push(files.length),
    rename: () => undefined,
    remove: () => undefined,
  };
  await copyBatch(some(20_000, 1), { folder: '/', mode: 0o644, disk, wrong });
  assert.deepEqual(flushed.splice(0), [8192, 8192, 3616]);
  await copyBatch(some(600, 1 << 20), { folder: '/', mode: 0o644, disk, wrong });
  assert.deepEqual(flushed, [256, 256, 88]);
});

test('nothing gets a name when the flush fails', async () => {
  const calls: string[] = [];
  const disk: Disk = {
    copy: ({ sha256 }) => sha256,
    flush: () => Promise.reject(new WeighmarkError('disk-full', 'full')),
    rename: (_from, to) => void calls.push(`rename ${to}`),
    remove: (file) => void calls.push(`remove ${file}`),
  };
  await assert.rejects(copyBatch(some(2, 1), { folder: '/', mode: 0o644, disk, wrong }), { code: 'disk-full' });
  assert.deepEqual(calls, ['remove t0', 'remove t1']);
});

test('each is a file of its own with the bytes it should have, empty ones and the largest too', async (t) => {
  const folder = folderOf(t);
  const contents = ['', 'a', 'text', 'x'.repeat(LIMITS.smallFileBytes)];
  const copies = copiesOf(folder, contents);
  await copyBatch(copies, { folder, mode: 0o640, wrong });
  for (const [at, { from, to }] of copies.entries()) {
    assert.equal(readFileSync(to, 'utf8'), contents[at]);
    assert.notEqual(statSync(to).ino, statSync(from).ino);
    assert.equal(statSync(to).mode & 0o777, 0o640);
  }
});

test('bytes that are not what they should be get no name, nor do those written with them; nothing is left over', async (t) => {
  for (const changed of ['TEXT', 'longer', 'x'.repeat(LIMITS.smallFileBytes + 5)]) {
    const folder = folderOf(t);
    const copies = copiesOf(folder, ['one', 'text', 'three']);
    writeFileSync(join(folder, 'from-1'), changed);
    await assert.rejects(copyBatch(copies, { folder, mode: 0o644, wrong }), { code: 'file-changed' });
    assert.deepEqual(readdirSync(folder), ['from-0', 'from-1', 'from-2']);
  }
});

test('a name that is taken is not written through, and what is missing or no file is said', async (t) => {
  const folder = folderOf(t);
  const [copy] = copiesOf(folder, ['text']);
  assert.ok(copy !== undefined);
  const refused = (from: string, code: string) =>
    assert.rejects(copyBatch([{ ...copy, from }], { folder, mode: 0o644, wrong }), { code });
  writeFileSync(copy.temporary, 'theirs');
  await refused(copy.from, 'already-exists');
  assert.equal(readFileSync(copy.temporary, 'utf8'), 'theirs');
  rmSync(copy.temporary);
  await refused(folder, 'special-file');
  await refused(join(folder, 'none'), 'not-found');
});
