import assert from 'node:assert/strict';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { copyBatch, renameAll, type Disk } from '../../src/adapters/files/copy-batch.ts';
import type { SmallCopy } from '../../src/adapters/files/small-copy.ts';
import { areFiles } from '../../src/adapters/files/stats.ts';
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
      copy: async (batch) => batch.map(({ temporary, sha256 }) => (calls.push(`write ${temporary}`), sha256)),
      flush: async (_folder, files) => void calls.push(`flush ${files.length}`),
      rename: (files) => files.forEach(({ to }) => calls.push(`rename ${to}`)),
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
    copy: async (batch) => batch.map(({ sha256 }) => sha256),
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
    copy: async (batch) => batch.map(({ sha256 }) => sha256),
    flush: () => Promise.reject(new WeighmarkError('disk-full', 'full')),
    rename: (files) => files.forEach(({ to }) => calls.push(`rename ${to}`)),
    remove: (file) => void calls.push(`remove ${file}`),
  };
  await assert.rejects(copyBatch(some(2, 1), { folder: '/', mode: 0o644, disk, wrong }), { code: 'disk-full' });
  assert.deepEqual(calls, ['remove t0', 'remove t1']);
});

/** By JavaScript, and by the kernel's threads where there is a kernel. */
const COUNTS = [4, 100];

/** So many, of which these come first. */
const filled = (contents: readonly string[], count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => contents[at] ?? `file ${at}`);

test('each is a file of its own with the bytes it should have, empty ones and the largest too', async (t) => {
  for (const count of COUNTS) {
    const folder = folderOf(t);
    const contents = filled(['', 'a', 'text', 'x'.repeat(LIMITS.smallFileBytes)], count);
    const copies = copiesOf(folder, contents);
    await copyBatch(copies, { folder, mode: 0o642, wrong });
    for (const [at, { from, to }] of copies.entries()) {
      assert.equal(readFileSync(to, 'utf8'), contents[at]);
      assert.notEqual(statSync(to).ino, statSync(from).ino);
      assert.equal(statSync(to).mode & 0o777, 0o642);
    }
  }
});

test('bytes that are not what they should be get no name, nor do those written with them; nothing is left over', async (t) => {
  for (const changed of ['TEXT', 'longer', 'x'.repeat(LIMITS.smallFileBytes + 5)]) {
    for (const count of COUNTS) {
      const folder = folderOf(t);
      const copies = copiesOf(folder, filled(['one', 'text', 'three'], count));
      const before = readdirSync(folder);
      writeFileSync(join(folder, 'from-1'), changed);
      await assert.rejects(copyBatch(copies, { folder, mode: 0o644, wrong }), {
        code: 'file-changed',
        message: `${join(folder, 'from-1')}: ${changed === 'TEXT' ? sha256Hex('TEXT') : 'another size'}`,
      });
      assert.deepEqual(readdirSync(folder), before);
    }
  }
});

test('a name that is taken is not written through, and what is missing or no file is said', async (t) => {
  for (const count of COUNTS) {
    const folder = folderOf(t);
    const copies = copiesOf(folder, filled([], count));
    const [copy, ...others] = copies;
    assert.ok(copy !== undefined);
    const before = readdirSync(folder);
    const refused = async (from: string, code: string, subject: string) => {
      await assert.rejects(copyBatch([{ ...copy, from }, ...others], { folder, mode: 0o644, wrong }), {
        code,
        subject,
      });
      assert.deepEqual(
        readdirSync(folder).filter((name) => name !== '.0.tmp'),
        before,
      );
    };
    writeFileSync(copy.temporary, 'theirs');
    await refused(copy.from, 'already-exists', copy.temporary);
    assert.equal(readFileSync(copy.temporary, 'utf8'), 'theirs');
    rmSync(copy.temporary);
    symlinkSync(join(folder, 'elsewhere'), copy.temporary);
    await refused(copy.from, 'already-exists', copy.temporary);
    rmSync(copy.temporary);
    await refused(folder, 'special-file', folder);
    await refused('/dev/null', 'special-file', '/dev/null');
    await refused(join(folder, 'none'), 'not-found', join(folder, 'none'));
  }
});

test('of many that get their names the first that cannot is said as Node says it, and those before it have theirs', (t) => {
  for (const count of COUNTS) {
    const folder = folderOf(t);
    const files = copiesOf(folder, filled([], count)).map(({ from, to }) => ({ from, to }));
    const missing = files[2]?.from ?? '';
    rmSync(missing);
    assert.throws(() => renameAll(files, 0o400), { code: 'ENOENT', path: missing });
    assert.deepEqual(
      files.map(({ to }) => existsSync(to)),
      files.map((_, at) => at < 2),
    );
    assert.equal(statSync(files[1]?.to ?? '').mode & 0o777, 0o400);
  }
});

test('which of many are files, or lead to one, is asked at once', (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  symlinkSync(file, join(folder, 'link'));
  symlinkSync(folder, join(folder, 'up'));
  const asked = [file, join(folder, 'link'), join(folder, 'up'), folder, join(folder, 'none')];
  const answers = [true, true, false, false, false];
  assert.deepEqual(areFiles(asked), answers);
  const times = Array.from({ length: 2000 }, (_, at) => at % asked.length);
  assert.deepEqual(
    areFiles(times.map((at) => asked[at] ?? '')),
    times.map((at) => answers[at]),
  );
});
