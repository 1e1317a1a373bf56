import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import type { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { ENGINES, fileOf, folder, pattern, tree } from './harness.ts';
import { hashOnLanes } from '../../../src/adapters/hasher/lanes-hasher.ts';

const GIB = 1 << 30;
const code = (expected: string) => (error: unknown) => (error as WeighmarkError).code === expected;

/** A file that takes no room and long to hash. */
function sparse(sizeBytes: number): string {
  const path = join(folder(), 'sparse');
  const fd = openSync(path, 'w');
  ftruncateSync(fd, sizeBytes);
  closeSync(fd);
  return path;
}

function stampOf(path: string) {
  const stat = statSync(path, { bigint: true });
  return { dev: stat.dev, ino: stat.ino, sizeBytes: stat.size, mtimeNs: stat.mtimeNs, ctimeNs: stat.ctimeNs };
}

for (const engine of ENGINES) {
  const options = { skip: engine.skip };
  const blake3 = { algorithms: ['blake3'] } as const;

  test(`${engine.name}: a link is refused unless it may be followed`, options, async () => {
    const target = fileOf(pattern(10));
    const link = join(folder(), 'link');
    symlinkSync(target, link);
    await assert.rejects(engine.hash([{ location: link }], blake3), code('symlink-refused'));
    const [result] = await engine.hash([{ location: link, followLink: true }], blake3);
    assert.equal(result?.sizeBytes, 10);
  });

  test(`${engine.name}: folders and pipes are not files, and nothing waits for a pipe`, options, async () => {
    const pipe = join(folder(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(engine.hash([{ location: pipe }], blake3), code('special-file'));
    await assert.rejects(engine.hash([{ location: folder() }], blake3), code('special-file'));
  });

  test(`${engine.name}: what is missing or may not be read is said so`, options, async () => {
    await assert.rejects(engine.hash([{ location: join(folder(), 'nothing') }], blake3), code('not-found'));
    const secret = fileOf(pattern(10));
    chmodSync(secret, 0);
    if (process.getuid?.() !== 0) await assert.rejects(engine.hash([{ location: secret }], blake3), code('unreadable'));
  });

  test(`${engine.name}: a file that is not as it was walked has changed`, options, async () => {
    const path = fileOf(pattern(100));
    const stamp = stampOf(path);
    await engine.hash([{ location: path, sizeBytes: 100, stamp }], blake3);
    await assert.rejects(engine.hash([{ location: path, sizeBytes: 99 }], blake3), code('file-changed'));
    await delay(20);
    writeFileSync(path, pattern(100));
    await assert.rejects(engine.hash([{ location: path, sizeBytes: 100, stamp }], blake3), code('file-changed'));
  });

  for (const [what, change] of [
    ['grows', (path: string) => appendFileSync(path, 'x')],
    ['shrinks', (path: string) => truncateSync(path, 4096)],
  ] as const) {
    for (const algorithms of [['blake3'], ['blake3', 'sha256']] as const) {
      test(
        `${engine.name}: a file that ${what} while ${algorithms.join(' and ')} read it has changed`,
        options,
        async () => {
          const path = sparse(engine.name.includes('this thread') ? GIB / 16 : 2 * GIB);
          const job = { location: path, sizeBytes: statSync(path).size };
          let changed = false;
          const hashing = engine.hash(
            [job, ...(engine.name.includes('this thread') ? [{ location: fileOf(pattern(9_000_000)) }, job] : [])],
            {
              algorithms,
              onProgress: () => {
                if (!changed) change(path);
                changed = true;
              },
            },
          );
          await assert.rejects(hashing, code('file-changed'));
        },
      );
    }
  }

  test(`${engine.name}: one failure stops no other file where all are wanted`, options, async () => {
    const good = fileOf(pattern(3_000_000));
    const failures: [number, string][] = [];
    const jobs = [
      { location: good },
      { location: join(folder(), 'nothing') },
      { location: folder() },
      { location: good, sizeBytes: 2_999_999 },
      { location: good },
    ];
    const results = await engine.hash(
      jobs,
      { ...blake3, onFailure: (index, error) => failures.push([index, error.code]) },
      1 << 20,
    );
    assert.deepEqual(
      failures.sort(([a], [b]) => a - b),
      [
        [1, 'not-found'],
        [2, 'special-file'],
        [3, 'file-changed'],
      ],
    );
    assert.equal(results[0]?.digests.blake3, results[4]?.digests.blake3);
    assert.deepEqual(
      results.slice(1, 4).map(({ digests }) => digests),
      [{}, {}, {}],
    );
  });

  test(`${engine.name}: aborting ends it`, options, async () => {
    const abort = new AbortController();
    const files = Array.from({ length: 3 }, () => ({
      location: sparse(engine.name.includes('this thread') ? GIB / 16 : 8 * GIB),
    }));
    const hashing = engine.hash(files, { ...blake3, signal: abort.signal, onProgress: () => abort.abort() });
    await assert.rejects(hashing, code('interrupted'));
    await assert.rejects(engine.hash(files, { ...blake3, signal: AbortSignal.abort() }), code('interrupted'));
  });
}

test('both digests of a file much larger than the window meet in one read', async () => {
  const location = fileOf(pattern(5_000_001));
  const [result] = await hashOnLanes(
    [{ location, sizeBytes: 5_000_001 }],
    { algorithms: ['sha256', 'blake3'], jobs: 2 },
    tree,
    { segmentBytes: 1 << 16, workersFromBytes: 0 },
  );
  assert.equal(Object.keys(result?.digests ?? {}).length, 2);
});

test('an interrupted hash ends at once with 130', async () => {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../../bin/weighmark.js', import.meta.url)), 'hash', sparse(256 * GIB)],
    { stdio: 'ignore' },
  );
  await delay(700);
  const begun = performance.now();
  child.kill('SIGINT');
  const [exitCode] = (await once(child, 'exit')) as [number];
  assert.equal(exitCode, 130);
  assert.ok(performance.now() - begun < 2000);
});

test(
  'an addon loads only if its digest stands in the table of the build',
  { skip: loadAddon() === null ? 'no addon' : false },
  () => {
    const name = `kernel-${process.platform}-${process.arch}.node`;
    const kernel = new URL('../../../src/adapters/hasher/kernel/', import.meta.url);
    const copy = join(folder(), 'kernel');
    mkdirSync(copy);
    const here = pathToFileURL(`${copy}/`);
    copyFileSync(new URL(name, kernel), join(copy, name));
    assert.equal(loadAddon(here), null, 'no table, no addon');
    copyFileSync(new URL('addons.json', kernel), join(copy, 'addons.json'));
    assert.notEqual(loadAddon(here), null);
    const bytes = readFileSync(join(copy, name));
    const at = bytes.length - 1;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    writeFileSync(join(copy, `${name}.new`), bytes);
    const tampered = join(folder(), 'tampered');
    mkdirSync(tampered);
    copyFileSync(join(copy, `${name}.new`), join(tampered, name));
    copyFileSync(new URL('addons.json', kernel), join(tampered, 'addons.json'));
    assert.equal(loadAddon(pathToFileURL(`${tampered}/`)), null, 'one bit differs');
  },
);

test(
  'a kernel that is not there cannot be forced',
  { skip: loadAddon() === null ? false : 'the addon is there' },
  async () => {
    await assert.rejects(createHasher({ kernel: 'native' }), code('config-invalid'));
  },
);
