import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { initRegistry, openRegistry } from '../../../src/adapters/registries/index.ts';
import { formatLeaf } from '../../../src/domain/tlog/leaf.ts';
import { leafHash } from '../../../src/domain/tlog/merkle.ts';
import { parseVkey } from '../../../src/domain/tlog/note.ts';
import { parseProof, verifyProof } from '../../../src/domain/tlog/proof.ts';
import { leafOf, scratchRegistry } from '../registries/scratch.ts';

describe('a directory log', () => {
  test('appends, reads, finds, proves, verifies; across tile borders', async (t) => {
    const { open } = await scratchRegistry(t);
    const { log } = await open();
    assert.equal(await log.checkpoint(), null);
    assert.equal((await log.verify()).size, 0);
    const leaves = Array.from({ length: 600 }, (_, at) => leafOf(at));
    for (const [from, to] of [
      [0, 1],
      [1, 2],
      [2, 255],
      [255, 256],
      [256, 300],
      [300, 600],
    ] as const) {
      const logged = await log.append(leaves.slice(from, to));
      assert.deepEqual(
        logged.map(({ index }) => index),
        leaves.slice(from, to).map((_, at) => from + at),
      );
      assert.equal((await log.verify()).size, to);
    }
    assert.deepEqual(
      (await log.entries(250, 260)).map(({ leaf }) => leaf),
      leaves.slice(250, 260),
    );
    const wanted = leaves[599]?.bundle ?? '';
    assert.deepEqual(
      (await log.find({ bundle: wanted })).map(({ index }) => index),
      [599],
    );
    const proof = parseProof(await log.prove(257));
    assert.deepEqual(Buffer.from(proof.extra ?? []), formatLeaf(leafOf(257)));
    assert.equal(verifyProof(proof, leafHash(formatLeaf(leafOf(257))), { log: log.vkeys.map(parseVkey) }).size, 600);
    await assert.rejects(log.prove(600), { code: 'not-found' });
  });

  test('a leaf that is logged already is not logged twice, even if the cache is gone or wrong', async (t) => {
    const { open, place } = await scratchRegistry(t);
    const { log } = await open();
    assert.deepEqual(
      (await log.append([leafOf(0), leafOf(1), leafOf(0)])).map(({ index }) => index),
      [0, 1, 0],
    );
    for (const harm of [
      async () => {},
      async () => rm(join(place, 'index.db')),
      async () =>
        writeFile(
          join(place, 'index.db'),
          'not a database at all, but long enough to look like one to a careless reader '.repeat(20),
        ),
    ]) {
      await harm();
      assert.deepEqual(
        (await (await open()).log.append([leafOf(1)])).map(({ index }) => index),
        [1],
      );
    }
    assert.equal((await log.verify()).size, 2);
  });

  test('any flipped byte of any file of the log is noticed by verify', async (t) => {
    const { open, place } = await scratchRegistry(t);
    await (await open()).log.append(Array.from({ length: 258 }, (_, at) => leafOf(at)));
    for (const path of [
      'checkpoint',
      'tile/0/000',
      'tile/0/001.p/2',
      'tile/1/000.p/1',
      'tile/entries/000',
      'tile/entries/001.p/2',
    ]) {
      const file = join(place, 'log', path);
      const bytes = await readFile(file);
      await writeFile(file, bytes.with(20, (bytes[20] ?? 0) ^ 1));
      await assert.rejects(
        async () => (await open()).log.verify(),
        path === 'checkpoint' ? /log|checkpoint|signature/ : { code: 'log-invalid' },
        path,
      );
      await writeFile(file, bytes);
    }
    assert.equal((await (await open()).log.verify()).size, 258);
  });

  test('only the holder of the log key appends', async (t) => {
    const { place, folder } = await scratchRegistry(t);
    const { log } = await openRegistry(place, { env: { HOME: join(folder, 'colleague') } });
    await assert.rejects(log.append([leafOf(0)]), { code: 'key-unusable' });
  });

  test('a signed checkpoint that was not named yet is published by the next append, not signed anew', async (t) => {
    const { open, place } = await scratchRegistry(t);
    const logFolder = join(place, 'log');
    const { log } = await open();
    await log.append([leafOf(0)]);
    const first = await readFile(join(logFolder, 'checkpoint'));
    await log.append([leafOf(1)]);
    const second = (await readFile(join(logFolder, 'checkpoint'))).toString();
    await rename(join(logFolder, 'checkpoint'), join(logFolder, '.checkpoint.next'));
    await writeFile(join(logFolder, 'checkpoint'), first);
    assert.deepEqual(
      (await (await open()).log.append([leafOf(1)])).map(({ index }) => index),
      [1],
    );
    assert.equal((await readFile(join(logFolder, 'checkpoint'))).toString(), second);
  });

  test('twenty writers at once: every entry is logged once, in one history', async (t) => {
    const { open } = await scratchRegistry(t);
    const logged = await Promise.all(
      Array.from({ length: 20 }, async (_, at) => (await open()).log.append([leafOf(at)])),
    );
    assert.deepEqual(
      logged
        .flat()
        .map(({ index }) => index)
        .toSorted((a, b) => Number(a) - Number(b)),
      Array.from({ length: 20 }, (_, at) => at),
    );
    assert.equal((await (await open()).log.verify()).size, 20);
  });
});

describe('the memory of a log', () => {
  test('a registry put back to an older state: log-rollback, with both checkpoints shown', async (t) => {
    const { open, place, folder } = await scratchRegistry(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    await cp(place, join(folder, 'backup'), { recursive: true });
    await log.append([leafOf(1)]);
    await rm(place, { recursive: true });
    await cp(join(folder, 'backup'), place, { recursive: true });
    const reopened = (await open()).log;
    await assert.rejects(reopened.checkpoint(), (error: Error & { code: string; facts: Record<string, string> }) => {
      assert.equal(error.code, 'log-rollback');
      assert.match(error.facts['seen'] ?? '', /size 2 root/);
      assert.match(error.facts['found'] ?? '', /size 1 root/);
      return true;
    });
    await assert.rejects(reopened.append([leafOf(2)]), { code: 'log-rollback' });
    await assert.rejects(reopened.find({}), { code: 'log-rollback' });
  });

  test('two histories under one key: log-fork', async (t) => {
    const { open, place, folder, deps } = await scratchRegistry(t);
    await (await open()).log.append([leafOf(0)]);
    await cp(place, join(folder, 'twin'), { recursive: true });
    const stranger = { env: { HOME: join(folder, 'other-home'), WEIGHMARK_LOG_KEY: await keyOf(folder) } };
    await (await openRegistry(join(folder, 'twin'), stranger)).log.append([leafOf(7), leafOf(8)]);
    await (await open()).log.append([leafOf(1)]);
    await assert.rejects((await openRegistry(join(folder, 'twin'), deps)).log.checkpoint(), { code: 'log-fork' });
  });

  test('a history that is shorter is a fork if it differs from what was seen on the way, and only old if it does not', async (t) => {
    const { open, place, folder, deps } = await scratchRegistry(t);
    const stranger = { env: { HOME: join(folder, 'other-home'), WEIGHMARK_LOG_KEY: await keyOf(folder) } };
    await (await open()).log.append([leafOf(0)]);
    await cp(place, join(folder, 'fork'), { recursive: true });
    await (await open()).log.append([leafOf(1)]);
    await cp(place, join(folder, 'old'), { recursive: true });
    for (const at of [2, 3, 4]) await (await open()).log.append([leafOf(at)]);
    await (await openRegistry(join(folder, 'fork'), stranger)).log.append([leafOf(7), leafOf(8)]);
    await assert.rejects((await openRegistry(join(folder, 'fork'), deps)).log.checkpoint(), { code: 'log-fork' });
    await assert.rejects((await openRegistry(join(folder, 'old'), deps)).log.checkpoint(), { code: 'log-rollback' });
  });

  test('another log at the place of a known one: log-key-mismatch, until its key is named', async (t) => {
    const { open, place, folder, deps } = await scratchRegistry(t);
    await (await open()).log.append([leafOf(0)]);
    await rm(place, { recursive: true });
    const made = await initRegistry(place, {}, { env: { HOME: join(folder, 'thief') } });
    await assert.rejects(openRegistry(place, deps), { code: 'log-key-mismatch' });
    await assert.rejects(
      openRegistry(place, {
        ...deps,
        logVkeys: ['sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8'],
      }),
      { code: 'log-key-mismatch' },
    );
    assert.equal((await openRegistry(place, { ...deps, logVkeys: made.vkeys })).log.origin, made.origin);
    assert.equal((await open()).log.origin, made.origin);
  });

  test('the same origin under another key: log-key-mismatch', async (t) => {
    const { open, place, folder, deps } = await scratchRegistry(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    await initRegistry(join(folder, 'copy'), { origin: log.origin }, { env: { HOME: join(folder, 'thief') } });
    await assert.rejects(openRegistry(join(folder, 'copy'), deps), { code: 'log-key-mismatch' });
    assert.equal((await openRegistry(place, deps)).log.origin, log.origin);
  });

  test('naming one of the keys forgets neither the others nor what was seen', async (t) => {
    const { open, place, deps } = await scratchRegistry(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    await cp(join(place, 'log'), join(place, 'old'), { recursive: true });
    await log.append([leafOf(1)]);
    const [one = ''] = log.vkeys;
    const named = (await openRegistry(place, { ...deps, logVkeys: [one] })).log;
    assert.deepEqual([named.vkeys, named.remembered, named.anchored], [log.vkeys, true, true]);
    await named.checkpoint();
    assert.equal((await open()).log.anchored, true);
    await rm(join(place, 'log'), { recursive: true });
    await rename(join(place, 'old'), join(place, 'log'));
    for (const logVkeys of [[one], undefined]) {
      const { log: old } = await openRegistry(place, { ...deps, ...(logVkeys === undefined ? {} : { logVkeys }) });
      await assert.rejects(old.checkpoint(), { code: 'log-rollback' });
    }
  });

  test('who first met the log by one key asks for that one, whatever others the registry names', async (t) => {
    const { open, place, folder } = await scratchRegistry(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    const [one = ''] = log.vkeys;
    const reader = { env: { HOME: join(folder, 'reader') } };
    await (await openRegistry(place, { ...reader, logVkeys: [one] })).log.checkpoint();
    const later = (await openRegistry(place, reader)).log;
    assert.deepEqual([later.vkeys, later.remembered], [[one], true]);
    await later.checkpoint();
  });

  test('a reader without memory says so; with it, says that too', async (t) => {
    const { open, place, folder } = await scratchRegistry(t);
    await (await open()).log.append([leafOf(0)]);
    const fresh = { env: { HOME: join(folder, 'container') } };
    const first = (await openRegistry(place, fresh)).log;
    assert.equal(first.remembered, false);
    await first.checkpoint();
    assert.equal((await openRegistry(place, fresh)).log.remembered, true);
  });

  test('a memory that cannot be read is an error, not a fresh start', async (t) => {
    const { open, place, folder, deps } = await scratchRegistry(t);
    const { log } = await open();
    await log.append([leafOf(0)]);
    const logs = join(folder, 'home', '.local', 'state', 'weighmark', 'logs');
    const { readdir } = await import('node:fs/promises');
    for (const name of await readdir(logs)) await writeFile(join(logs, name), '{');
    await assert.rejects(openRegistry(place, deps), { code: 'config-invalid' });
  });

  test('a log key inside the registry is refused', async (t) => {
    const { folder } = await scratchRegistry(t);
    const place = join(folder, 'second');
    await mkdir(place);
    await assert.rejects(initRegistry(place, {}, { env: { HOME: folder }, logKeyFile: join(place, 'log.pem') }), {
      code: 'anchor-inside',
    });
  });
});

async function keyOf(folder: string): Promise<string> {
  const { readdir } = await import('node:fs/promises');
  const keys = join(folder, 'home', '.config', 'weighmark', 'log-keys');
  const [name = ''] = await readdir(keys);
  return join(keys, name);
}
