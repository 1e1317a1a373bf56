import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createStatCache, statCacheFolder } from '../../src/adapters/stat-cache.ts';
import type { FileStamp } from '../../src/domain/ports/files.ts';

const SECOND = 1_000_000_000n;
const stamp: FileStamp = { dev: 1n, ino: 2n, sizeBytes: 3n, mtimeNs: 100n * SECOND, ctimeNs: 100n * SECOND };
const digests = { blake3: 'a'.repeat(64) };
const at = (seconds: number) => () => seconds * 1000;

function place(): { env: Record<string, string>; version: string } {
  return { version: '1', env: { XDG_CACHE_HOME: mkdtempSync(join(tmpdir(), 'weighmark-cache-')) } };
}

test('what was remembered comes back, in another process too, only for the very same stamp', async () => {
  const here = place();
  await (await createStatCache({ ...here, now: at(200) })).remember('/m', stamp, digests);
  const cache = await createStatCache({ ...here, now: at(300) });
  assert.deepEqual(await cache.digests('/m', stamp), digests);
  assert.equal(await cache.digests('/other', stamp), null);
  for (const key of ['dev', 'ino', 'sizeBytes', 'mtimeNs', 'ctimeNs'] as const) {
    assert.equal(await cache.digests('/m', { ...stamp, [key]: stamp[key] + 1n }), null, key);
  }
});

test('racy entries are not believed: changed just before they were remembered, or in the future', async () => {
  const here = place();
  for (const seconds of [50, 100, 101, 102]) {
    const cache = await createStatCache({ ...here, now: at(seconds) });
    await cache.remember('/m', stamp, digests);
    assert.equal(await cache.digests('/m', stamp), null, `remembered at ${seconds}`);
  }
  const forged = { ...stamp, mtimeNs: 0n };
  const cache = await createStatCache({ ...here, now: at(101) });
  await cache.remember('/m', forged, digests);
  assert.equal(await cache.digests('/m', forged), null, 'an old mtime can be set by anyone, ctime cannot');
});

test(
  'a folder that is not private is not used',
  { skip: process.platform === 'win32' ? 'no modes' : false },
  async () => {
    for (const spoil of [
      (folder: string) => (mkdirSync(folder, { recursive: true }), chmodSync(folder, 0o750)),
      (folder: string) => (
        mkdirSync(join(folder, '..'), { recursive: true }),
        symlinkSync(mkdtempSync(join(tmpdir(), 'weighmark-else-')), folder)
      ),
      (folder: string) => (mkdirSync(join(folder, '..'), { recursive: true }), writeFileSync(folder, '')),
    ]) {
      const here = place();
      spoil(statCacheFolder(here.env));
      const cache = await createStatCache({ ...here, now: at(200) });
      await cache.remember('/m', stamp, digests);
      assert.equal(await cache.digests('/m', stamp), null);
    }
    const here = place();
    await createStatCache(here);
    assert.equal(statSync(statCacheFolder(here.env)).mode & 0o777, 0o700);
  },
);

test('a broken database is made anew', async () => {
  const here = place();
  await (await createStatCache({ ...here, now: at(200) })).remember('/m', stamp, digests);
  const path = join(statCacheFolder(here.env), 'digests.db');
  for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
  writeFileSync(path, Buffer.from(readFileSync(path)).fill(7));
  const cache = await createStatCache({ ...here, now: at(200) });
  assert.equal(await cache.digests('/m', stamp), null);
  await cache.remember('/m', stamp, digests);
  assert.deepEqual(await cache.digests('/m', stamp), digests);
});

test('entries unused for a season are forgotten', async () => {
  const here = place();
  await (await createStatCache({ ...here, now: at(200) })).remember('/old', stamp, digests);
  const cache = await createStatCache({ ...here, now: at(200 + 91 * 86_400) });
  await cache.remember('/new', stamp, digests);
  assert.equal(await cache.digests('/old', stamp), null);
  assert.deepEqual(await cache.digests('/new', stamp), digests);
});

test('processes that write at once lose nothing and break nothing', async () => {
  const here = place();
  const module = new URL('../../src/adapters/stat-cache.ts', import.meta.url).href;
  const script = `
    import { createStatCache } from ${JSON.stringify(module)};
    const cache = await createStatCache({ env: process.env, version: '1', now: () => 200_000 });
    const stamp = { dev: 1n, ino: 2n, sizeBytes: 3n, mtimeNs: 1n, ctimeNs: 1n };
    for (let i = 0; i < 50; i++) await cache.remember('/' + process.argv[1] + '/' + i, stamp, { blake3: 'a' });
  `;
  const children = ['a', 'b', 'c', 'd'].map((name) =>
    spawn(process.execPath, ['--input-type=module', '-e', script, name], {
      env: { ...process.env, ...here.env },
      stdio: 'inherit',
    }),
  );
  for (const [exitCode] of await Promise.all(children.map((child) => once(child, 'exit')))) assert.equal(exitCode, 0);
  const cache = await createStatCache(here);
  const old = { ...stamp, mtimeNs: 1n, ctimeNs: 1n };
  for (const name of ['a', 'b', 'c', 'd'])
    for (let index = 0; index < 50; index += 1)
      assert.deepEqual(await cache.digests(`/${name}/${index}`, old), { blake3: 'a' });
});

test('blobs in which nothing was found are known by name, path and version, each in one question', async () => {
  const here = place();
  const blobs = Array.from({ length: 3000 }, (_, at) => ({ oid: `${at}`.padStart(40, '0'), path: `a "b"\n/${at}` }));
  const clean = { sha256: 'a'.repeat(64), sizeBytes: 5 };
  await (await createStatCache(here)).rememberClean(new Map(blobs.slice(1).map((blob) => [blob, clean])));
  const known = await (await createStatCache(here)).clean(blobs);
  assert.equal(known.size, 2999);
  assert.deepEqual([known.get(blobs[0]!), known.get(blobs[1]!)], [undefined, clean]);
  const others = [
    { ...blobs[1]!, path: 'elsewhere' },
    { ...blobs[1]!, oid: 'f'.repeat(40) },
  ];
  assert.equal((await (await createStatCache(here)).clean(others)).size, 0);
  assert.equal((await (await createStatCache({ ...here, version: '2' })).clean(blobs)).size, 0);
});
