import assert from 'node:assert/strict';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { leafOf, scratchRegistry, type Scratch } from '../registries/scratch.ts';

interface Interrupted {
  readonly log: string;
  /** What was signed for two entries, and not published. */
  readonly signed: Buffer;
  /** As another user with the same log key, who saw nothing before. */
  readonly open: () => ReturnType<Scratch['open']>;
}

/** A log of one entry whose writer died after signing a checkpoint of two. */
async function interrupted({ open, place, folder }: Scratch): Promise<Interrupted> {
  const log = join(place, 'log');
  await (await open()).log.append([leafOf(0)]);
  const published = await readFile(join(log, 'checkpoint'));
  await (await open()).log.append([leafOf(1)]);
  const signed = await readFile(join(log, 'checkpoint'));
  await writeFile(join(log, 'checkpoint'), published);
  const keys = join(folder, 'home', '.config', 'weighmark', 'log-keys');
  const [key = ''] = await readdir(keys);
  const env = { HOME: join(folder, 'other'), WEIGHMARK_LOG_KEY: join(keys, key) };
  return { log, signed, open: () => openRegistry(place, { env }) };
}

test('a checkpoint torn anywhere while it was written: what was signed is published, what was not may become another', async (t) => {
  const { log, signed, open } = await interrupted(await scratchRegistry(t));
  const published = await readFile(join(log, 'checkpoint'));
  const ed25519 = signed.indexOf('\n', signed.indexOf('\n\n') + 2) + 1;
  for (const [length, wasSigned] of [
    [0, false],
    [20, false],
    [ed25519 - 1, false],
    [ed25519, true],
    [ed25519 + 50, true],
    [signed.length - 1, true],
    [signed.length, true],
  ] as const) {
    await writeFile(join(log, 'checkpoint'), published);
    await writeFile(join(log, '.checkpoint.next'), signed.subarray(0, length));
    await rm(join(log, '..', '..', 'other'), { recursive: true, force: true });
    const registry = await open();
    await registry.log.append([]);
    const [, size, root] = ((await registry.log.checkpoint()) ?? '').split('\n');
    assert.deepEqual(
      [size, root],
      (wasSigned ? signed : published).toString().split('\n').slice(1, 3),
      `${length} bytes`,
    );
    assert.deepEqual((await readdir(log)).toSorted(), ['checkpoint', 'tile']);
    assert.equal((await registry.log.verify()).size, wasSigned ? 2 : 1);
  }
});

test('another entry after an interrupted one comes after it: no two checkpoints of one size', async (t) => {
  const { log, signed, open } = await interrupted(await scratchRegistry(t));
  await writeFile(join(log, '.checkpoint.next'), signed);
  const registry = await open();
  assert.deepEqual(
    (await registry.log.append([leafOf(7)])).map(({ index }) => index),
    [2],
  );
  assert.deepEqual(
    (await registry.log.entries(0, 9)).map(({ leaf }) => leaf),
    [leafOf(0), leafOf(1), leafOf(7)],
  );
});

test('the very first checkpoint, interrupted', async (t) => {
  const { log, open } = await interrupted(await scratchRegistry(t));
  await cp(join(log, 'checkpoint'), join(log, '.checkpoint.next'));
  await rm(join(log, 'checkpoint'));
  const registry = await open();
  assert.deepEqual(
    (await registry.log.append([leafOf(0)])).map(({ index }) => index),
    [0],
  );
  assert.match((await registry.log.checkpoint()) ?? '', /\n1\n/);
});

test('what is not signed by the log is not published, whoever put it there', async (t) => {
  const scratch = await scratchRegistry(t);
  const { log, signed, open } = await interrupted(scratch);
  const stranger = signed.toString().replace(/— (\S+) \S+/, '— $1 AAAAAAAAAAAA');
  for (const text of [stranger, signed.toString().replace('\n2\n', '\n3\n'), '{', '\n\n', '—']) {
    await writeFile(join(log, '.checkpoint.next'), text);
    const registry = await open();
    await registry.log.append([]);
    assert.match((await registry.log.checkpoint()) ?? '', /\n1\n/);
  }
});

test('a signed checkpoint whose tiles are gone: log-invalid, and nothing else of its size is signed', async (t) => {
  const { log, signed, open } = await interrupted(await scratchRegistry(t));
  await writeFile(join(log, '.checkpoint.next'), signed);
  await cp(join(log, 'tile'), join(log, 'kept'), { recursive: true });
  for (const tile of ['0/000.p/2', 'entries/000.p/2']) {
    await rm(join(log, 'tile', tile));
    await assert.rejects(async () => (await open()).log.append([leafOf(7)]), { code: 'log-invalid', hint: /restore/ });
    assert.match(await readFile(join(log, 'checkpoint'), 'utf8'), /\n1\n/, 'what cannot be read is not published');
    await cp(join(log, 'kept'), join(log, 'tile'), { recursive: true });
  }
  assert.equal((await (await open()).log.append([leafOf(7)]))[0]?.index, 2, 'restored, it goes on');
});

test('a signed checkpoint of another history under the same key is not published over this one', async (t) => {
  const [{ place, open: openHere, folder }, twin] = [await scratchRegistry(t), await scratchRegistry(t)];
  await rm(twin.place, { recursive: true });
  await cp(place, twin.place, { recursive: true });
  await (await openHere()).log.append([leafOf(0)]);
  const keys = join(folder, 'home', '.config', 'weighmark', 'log-keys');
  const [key = ''] = await readdir(keys);
  const as = (user: string) => ({ env: { HOME: join(folder, user), WEIGHMARK_LOG_KEY: join(keys, key) } });
  await (await openRegistry(twin.place, as('there'))).log.append([leafOf(8), leafOf(9)]);
  await cp(join(twin.place, 'log', 'tile'), join(place, 'log', 'tile'), { recursive: true });
  await cp(join(twin.place, 'log', 'checkpoint'), join(place, 'log', '.checkpoint.next'));
  await assert.rejects((await openRegistry(place, as('here'))).log.append([]), { code: 'log-invalid' });
  assert.match(await readFile(join(place, 'log', 'checkpoint'), 'utf8'), /\n1\n/);
});

test('a checkpoint that is gone does not let a user who never saw it begin a second history', async (t) => {
  const { log, open } = await interrupted(await scratchRegistry(t));
  await rm(join(log, 'checkpoint'));
  await assert.rejects(async () => (await open()).log.append([leafOf(7)]), { code: 'log-invalid', hint: /restore/ });
  assert.ok(!(await readdir(log)).includes('checkpoint'));
});

test('a writer that died before it signed left tiles: they go before other entries come, and the log is whole', async (t) => {
  const { open, place } = await scratchRegistry(t);
  const log = join(place, 'log');
  const many = (from: number, count: number) => Array.from({ length: count }, (_, at) => leafOf(from + at));
  for (const [published, left, next] of [
    [5, 1, 2],
    [5, 256, 3],
    [3, 254, 2],
  ] as const) {
    const size = (await (await open()).log.verify()).size;
    await (await open()).log.append(many(1_000 * size, published));
    const before = await readFile(join(log, 'checkpoint'));
    await cp(log, `${log}.then`, { recursive: true });
    await (await open()).log.append(many(1_000_000 + size, left));
    // As it was before, but for the tiles.
    await cp(join(log, 'tile'), `${log}.left`, { recursive: true });
    await rm(log, { recursive: true });
    await cp(`${log}.then`, log, { recursive: true });
    await cp(`${log}.left`, join(log, 'tile'), { recursive: true });
    await rm(join(place, 'index.db'), { force: true });
    await rm(join(place, '..', 'home', '.local'), { recursive: true, force: true });
    for (const end of ['then', 'left']) await rm(`${log}.${end}`, { recursive: true });
    assert.deepEqual(await readFile(join(log, 'checkpoint')), before);
    assert.equal((await (await open()).log.verify()).size, size + published, 'what was left begins as it stands');
    await (await open()).log.append(many(2_000_000 + size, next));
    assert.equal((await (await open()).log.verify()).size, size + published + next);
  }
});
