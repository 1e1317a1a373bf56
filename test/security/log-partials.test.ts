import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { parseTilePath, tilePath } from '../../src/domain/tlog/tiles.ts';
import type { LogLeaf } from '../../src/domain/tlog/leaf.ts';

const leaf = (at: number): LogLeaf => ({
  v: 1,
  kind: 'push',
  name: 'acme/m',
  manifest: `sha256:${at.toString(16).padStart(64, '0')}`,
  bundle: `sha256:${at.toString(16).padStart(64, '0')}`,
});

test('a flipped bit in a partial tile of an earlier state is found by log verify, and named', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-partials-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const env = { HOME: folder };
  const registries = createRegistries({ env, cwd: folder, signal: new AbortController().signal, offline: true });
  await registries.init(join(folder, 'reg'), { origin: 'log.example' });
  const { log } = await registries.open(join(folder, 'reg'));
  for (const at of [1, 2, 3, 4, 5]) await log.append([leaf(at)]);
  assert.equal((await log.verify()).size, 5);
  for (const path of ['tile/0/000.p/2', 'tile/entries/000.p/3', 'tile/0/000.p/4', 'tile/entries/000.p/1']) {
    const file = join(folder, 'reg', 'log', path);
    const bytes = readFileSync(file);
    for (const damaged of [
      Buffer.from(bytes.map((byte, at) => (at === 40 % bytes.length ? byte ^ 1 : byte))),
      bytes.subarray(1),
    ]) {
      writeFileSync(file, damaged);
      await assert.rejects(log.verify(), (error: { code: string; message: string; subject?: string }) => {
        assert.equal(error.code, 'log-invalid');
        assert.ok(`${error.message} ${error.subject}`.includes(path), error.message);
        return true;
      });
    }
    writeFileSync(file, bytes);
  }
  assert.equal((await log.verify()).size, 5);
});

test('paths of tiles are read as they are written, and nothing else is one', () => {
  for (const tile of [
    { level: 0, index: 0, width: 256 },
    { level: 'entries', index: 1_234_067, width: 8 },
    { level: 3, index: 999, width: 255 },
  ] as const)
    assert.deepEqual(parseTilePath(tilePath(tile)), tile);
  for (const path of [
    'checkpoint',
    'tile/0/0',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/../000',
    'tile/00/000',
    'tile/0/x000/000',
  ])
    assert.equal(parseTilePath(path), null, path);
});
