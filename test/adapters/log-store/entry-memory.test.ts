import assert from 'node:assert/strict';
import { chmod, readdir, readFile, rename, stat, writeFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openEntryMemory } from '../../../src/adapters/log-store/entry-memory.ts';
import { columnsOf } from '../../../src/domain/tlog/columns.ts';
import { leafOf, scratchRegistry } from '../registries/scratch.ts';

/** A registry whose log has 700 entries, and where this user's memory of them lies. */
async function world(t: TestContext) {
  const { folder, place, open } = await scratchRegistry(t);
  const entries = Array.from({ length: 700 }, (_, at) => leafOf(at));
  await (await open()).log.append(entries);
  const state = join(folder, 'home', '.local', 'state', 'weighmark');
  const { origin } = (await open()).log;
  const remembered = () => openEntryMemory(state).recall(origin).length;
  const part = async () => join(state, 'entries', (await readdir(join(state, 'entries')))[0] ?? '', '0');
  return { place, open, entries, state, origin, remembered, part };
}

/** Hides the leaves of the first tiles: whoever still sees them remembered them. */
async function hideTiles(place: string): Promise<() => Promise<void>> {
  const tile = join(place, 'log', 'tile', 'entries', '000');
  await rename(tile, `${tile}.hidden`);
  return async () => rename(`${tile}.hidden`, tile);
}

test('what was read is remembered for its user alone, and only what grew is read', async (t) => {
  const { place, open, entries, state, remembered, part } = await world(t);
  assert.equal((await (await open()).log.read()).entries.length, 700);
  assert.equal(remembered(), 512, 'whole tiles');
  for (const path of [await part(), join(await part(), '..'), join(state, 'entries')])
    assert.equal((await stat(path)).mode & 0o077, 0, path);
  await (await open()).log.append([leafOf(700)]);
  await hideTiles(place);
  const { entries: found } = await (await open()).log.read();
  assert.deepEqual(
    [...found].map(({ leaf }) => leaf),
    [...entries, leafOf(700)],
  );
});

test('a memory that is damaged, another log’s, or open to others is not used, and is made anew', async (t) => {
  const { open, part, remembered, origin, state } = await world(t);
  const bytesOf = async () => readFile(await part());
  await (await open()).log.read();
  const good = await bytesOf();
  const bent = Buffer.from(good);
  bent[good.length >> 1] = (bent[good.length >> 1] ?? 0) ^ 1;
  for (const harm of [
    async () => writeFile(await part(), bent),
    async () => writeFile(await part(), 'nothing'),
    async () => writeFile(await part(), good.subarray(0, 1000)),
    async () => chmod(await part(), 0o666),
    async () => {
      const file = await part();
      await rm(file);
      await mkdir(file);
    },
  ]) {
    await harm();
    assert.equal(remembered(), 0);
    assert.equal((await (await open()).log.read()).entries.length, 700);
    if (!(await stat(await part())).isDirectory()) {
      await chmod(await part(), 0o600);
      assert.deepEqual(await bytesOf(), good);
    } else await rm(await part(), { recursive: true });
  }
  assert.equal(openEntryMemory(state).recall(`${origin}x`).length, 0);
});

test('a memory that is whole and says otherwise decides nothing: the log is read anew and the memory replaced', async (t) => {
  const { open, state, origin, remembered } = await world(t);
  const other = await world(t);
  const { entries } = await (await other.open()).log.read();
  const forged = columnsOf([...entries].map(({ leaf }) => ({ ...leaf, name: 'acme/forged' })));
  await openEntryMemory(state).keep(origin, forged, 0);
  assert.equal(remembered(), 512);
  const read = await (await open()).log.read();
  assert.equal(read.entries.matching({ name: 'acme/forged' }).length, 0);
  assert.equal(read.entries.length, 700);
  assert.equal(openEntryMemory(state).recall(origin).matching({ name: 'acme/forged' }).length, 0);
});

test('a damaged log is refused with the tile that is wrong, whatever is remembered', async (t) => {
  const { open, place } = await world(t);
  await (await open()).log.read();
  const file = join(place, 'log', 'tile', 'entries', '002.p', '188');
  const bytes = await readFile(file);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  await writeFile(file, bytes);
  await assert.rejects((await open()).log.read(), { code: 'log-invalid' });
});

test('without a place to write, the log is read all the same', async (t) => {
  const { open, state } = await world(t);
  await writeFile(join(state, 'entries'), 'in the way');
  assert.equal((await (await open()).log.read()).entries.length, 700);
});
