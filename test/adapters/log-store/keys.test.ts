import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isIndexError } from '../../../src/adapters/log-store/index-db.ts';
import { withLock } from '../../../src/adapters/log-store/lock.ts';
import { openMemory } from '../../../src/adapters/log-store/memory.ts';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { formatCheckpoint } from '../../../src/domain/tlog/checkpoint.ts';
import { EMPTY_ROOT } from '../../../src/domain/tlog/merkle.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { leafOf, scratchRegistry, type Scratch } from '../registries/scratch.ts';

async function keyFileOf({ folder }: Scratch): Promise<string> {
  const keys = join(folder, 'home', '.config', 'weighmark', 'log-keys');
  const [name = ''] = await readdir(keys);
  return join(keys, name);
}

describe('the key of a log', () => {
  const append = async (scratch: Scratch, pem: string) => {
    const file = join(scratch.folder, 'other.pem');
    await writeFile(file, pem);
    return (await openRegistry(scratch.place, { ...scratch.deps, logKeyFile: file })).log.append([leafOf(0)]);
  };

  test("another's key, one of another kind, none, and half of it append nothing", async (t) => {
    const scratch = await scratchRegistry(t);
    const whole = await readFile(await keyFileOf(scratch), 'utf8');
    const pemOf = (pair: { privateKey: { export(options: object): string | Buffer } }) =>
      String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const [first = '', second] = whole.split(/(?<=-----END PRIVATE KEY-----\n)/);
    const others = [
      pemOf(generateKeyPairSync('ed25519')),
      pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' })),
      'nothing',
      ...(second === undefined || second === '' ? [] : [first, second]),
    ];
    for (const pem of others) await assert.rejects(append(scratch, pem), { code: 'key-unusable' });
    await assert.rejects(
      (await openRegistry(scratch.place, { ...scratch.deps, logKeyFile: join(scratch.folder, 'none.pem') })).log.append(
        [leafOf(0)],
      ),
      { code: 'key-unusable' },
    );
    await assert.rejects(
      (await openRegistry(scratch.place, { ...scratch.deps, logKeyFile: scratch.folder })).log.append([leafOf(0)]),
      { code: 'unreadable' },
      'a folder',
    );
    assert.equal((await append(scratch, whole))[0]?.index, 0);
  });
});

test('only what SQLite says is an error of the cache, to be made anew', () => {
  assert.ok(isIndexError(Object.assign(new Error('malformed'), { code: 'ERR_SQLITE_ERROR' })));
  for (const other of [
    new Error('malformed'),
    Object.assign(new Error('x'), { code: 'ENOSPC' }),
    { code: 'ERR_SQLITE_ERROR' },
    null,
  ])
    assert.ok(!isIndexError(other));
});

test('a lock that stays held is given up: unreadable', async (t) => {
  const { folder } = await scratchRegistry(t);
  const file = join(folder, 'some.lock');
  await withLock(file, async () => {
    await assert.rejects(
      withLock(file, async () => 'entered', 60),
      { code: 'unreadable' },
    );
  });
  assert.equal(await withLock(file, async () => 'entered', 60), 'entered');
});

describe('what is remembered of a log', () => {
  const noteOf = (size: number) =>
    `${formatCheckpoint({ origin: 'log.example', size, root: EMPTY_ROOT })}\n— x AAAAAAAA\n`;

  test('goes forward only, but for another log under the same name', async (t) => {
    const { folder } = await scratchRegistry(t);
    const memory = openMemory(join(folder, 'state'));
    assert.deepEqual([await memory.recall('log.example'), await memory.originAt('/place')], [null, null]);
    await memory.remember('log.example', { vkeys: ['a', 'b'], checkpoint: noteOf(5) });
    await memory.remember('log.example', { vkeys: ['a', 'b'], checkpoint: noteOf(3) });
    await memory.remember('log.example', { vkeys: ['b'], checkpoint: null });
    assert.equal((await memory.recall('log.example'))?.checkpoint, noteOf(5));
    await memory.remember('log.example', { vkeys: ['b'], checkpoint: noteOf(6) });
    assert.equal((await memory.recall('log.example'))?.checkpoint, noteOf(6));
    await memory.remember('log.example', { vkeys: ['c'], checkpoint: noteOf(1) });
    assert.equal((await memory.recall('log.example'))?.checkpoint, noteOf(1));
  });

  test('in any other form than its own is an error, never forgotten', async (t) => {
    const { folder } = await scratchRegistry(t);
    const memory = openMemory(join(folder, 'state'));
    const good = { v: 1, origin: 'log.example', vkeys: ['a'], checkpoint: null };
    await memory.remember('log.example', { vkeys: ['a'], checkpoint: null });
    const file = join(folder, 'state', 'logs', `${sha256Hex('log.example').slice(0, 32)}.json`);
    for (const bad of [
      { ...good, v: 2 },
      { ...good, origin: 'other.example' },
      { ...good, vkeys: 'a' },
      { ...good, checkpoint: 5 },
      {},
    ]) {
      await writeFile(file, JSON.stringify(bad));
      await assert.rejects(memory.recall('log.example'), { code: 'config-invalid' }, JSON.stringify(bad));
    }
    await writeFile(file, JSON.stringify(good));
    assert.deepEqual((await memory.recall('log.example'))?.vkeys, ['a']);
  });
});
