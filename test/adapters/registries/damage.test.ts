import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { leafOf, putModel, scratchRegistry, type Scratch } from './scratch.ts';

/** What happens when a registry in which something is damaged is read and written. `ok`, or the code of the error. */
interface Outcome {
  /** `log.verify`. */
  readonly verify: string;
  /** Every artifact and its claims. */
  readonly list: string;
  readonly append: string;
  readonly put: string;
}

const FINE: Outcome = { verify: 'ok', list: 'ok', append: 'ok', put: 'ok' };
const GARBAGE = 'not what it was, and longer than any header that somebody might look at; '.repeat(40);
const LEAVES = 300;

type Harm = (at: {
  readonly place: string;
  readonly state: string;
  readonly path: (...parts: string[]) => string;
}) => Promise<void>;

const write =
  (path: string, text: string | Uint8Array = GARBAGE): Harm =>
  async ({ path: below }) =>
    writeFile(below(path), text);
const remove =
  (path: string): Harm =>
  async ({ path: below }) =>
    rm(below(path), { recursive: true });
const folder =
  (path: string): Harm =>
  async ({ path: below }) => {
    await rm(below(path), { force: true });
    await mkdir(below(path));
  };
const cut =
  (path: string, bytes: number): Harm =>
  async ({ path: below }) =>
    truncate(below(path), bytes);
const flip =
  (path: string, at: number): Harm =>
  async ({ path: below }) => {
    const bytes = await readFile(below(path));
    await writeFile(below(path), bytes.with(at, (bytes[at] ?? 0) ^ 1));
  };
const sql =
  (words: string): Harm =>
  async ({ path: below }) => {
    const database = new DatabaseSync(below('index.db'));
    database.exec(words);
    database.close();
  };

const INDEX = 'models/acme/enc/index.json';

/** Damage, and what it leads to where that is not fine. */
const CASES: Readonly<Record<string, readonly [Harm, Partial<Outcome>]>> = {
  'lock.db is garbage': [write('lock.db'), { append: 'unreadable' }],
  'lock.db is a folder': [folder('lock.db'), { append: 'unreadable' }],
  'lock.db is missing': [remove('lock.db'), {}],
  'layout-lock.db is garbage': [write('layout-lock.db'), { put: 'unreadable' }],
  'layout-lock.db is a folder': [folder('layout-lock.db'), { put: 'unreadable' }],

  'index.db is missing': [remove('index.db'), {}],
  'index.db is garbage': [write('index.db'), {}],
  'index.db is empty': [write('index.db', ''), {}],
  'index.db is cut in the header': [cut('index.db', 50), {}],
  'index.db is cut after its first page': [cut('index.db', 4096), {}],
  'index.db is cut in the middle': [cut('index.db', 4096 * 10), {}],
  'index.db is of a newer version': [sql('PRAGMA user_version = 99'), {}],
  'index.db has other tables': [sql('DROP TABLE entry; CREATE TABLE entry (x)'), {}],
  'index.db covers a log that never was': [sql(`UPDATE head SET root = '${Buffer.alloc(32).toString('base64')}'`), {}],
  'index.db covers more than there is': [sql('UPDATE head SET size = 1000'), {}],
  'index.db lost its last entries': [sql('DELETE FROM entry WHERE position > 100'), {}],
  'index.db has entries at other places': [
    sql('UPDATE entry SET position = position + 100000; UPDATE entry SET position = 300 - (position - 100000) - 1'),
    {},
  ],
  'index.db is a folder': [folder('index.db'), { append: 'unreadable' }],
  'a journal of something else lies beside index.db': [write('index.db-journal'), {}],

  'index.json is garbage': [write(INDEX), { list: 'unreadable', put: 'unreadable' }],
  'index.json is empty': [write(INDEX, ''), { list: 'unreadable', put: 'unreadable' }],
  'index.json is cut': [cut(INDEX, 100), { list: 'unreadable', put: 'unreadable' }],
  'index.json lists nothing': [write(INDEX, '{"schemaVersion":2}'), { list: 'unreadable', put: 'unreadable' }],
  'index.json lists what is no descriptor': [
    write(INDEX, '{"manifests":[{"digest":"sha256:12"}]}'),
    { list: 'unreadable', put: 'unreadable' },
  ],
  'index.json is a folder': [folder(INDEX), { list: 'unreadable', put: 'unreadable' }],

  'the last tile of hashes is cut': [
    cut('log/tile/0/001.p/44', 32 * 43),
    { verify: 'log-invalid', append: 'log-invalid' },
  ],
  'the last tile of hashes is flipped': [
    flip('log/tile/0/001.p/44', 40),
    { verify: 'log-invalid', append: 'log-invalid' },
  ],
  'the last tile of hashes is missing': [
    remove('log/tile/0/001.p/44'),
    { verify: 'log-invalid', append: 'log-invalid' },
  ],
  'the last entries are cut': [cut('log/tile/entries/001.p/44', 500), { verify: 'log-invalid', append: 'log-invalid' }],
  'the last entries are flipped': [
    flip('log/tile/entries/001.p/44', 40),
    { verify: 'log-invalid', append: 'log-invalid' },
  ],
  'a tile above is flipped': [flip('log/tile/1/000.p/1', 0), { verify: 'log-invalid', append: 'log-invalid' }],
  'a full tile is flipped': [flip('log/tile/0/000', 40), { verify: 'log-invalid', append: 'log-invalid' }],
  'full entries are flipped': [flip('log/tile/entries/000', 40), { verify: 'log-invalid', append: 'log-invalid' }],
  'a tile is larger than any may be': [
    cut('log/tile/0/000', 17 << 20),
    { verify: 'limit-exceeded', append: 'limit-exceeded' },
  ],
  'a tile is a folder': [folder('log/tile/0/000'), { verify: 'unreadable', append: 'unreadable' }],

  'the checkpoint is missing': [remove('log/checkpoint'), { verify: 'log-rollback', append: 'log-rollback' }],
  'the checkpoint is garbage': [write('log/checkpoint'), { verify: 'log-invalid', append: 'log-invalid' }],
  'the checkpoint is empty': [write('log/checkpoint', ''), { verify: 'log-invalid', append: 'log-invalid' }],
  'the checkpoint is cut': [cut('log/checkpoint', 150), { verify: 'log-invalid', append: 'log-invalid' }],
  'the checkpoint has another size': [
    async ({ path }) =>
      writeFile(path('log/checkpoint'), (await readFile(path('log/checkpoint'), 'utf8')).replace('\n300\n', '\n301\n')),
    { verify: 'log-invalid', append: 'log-invalid' },
  ],
  'the checkpoint is a folder': [folder('log/checkpoint'), { verify: 'unreadable', append: 'unreadable' }],

  'registry.json is garbage': [
    write('registry.json'),
    { verify: 'log-invalid', list: 'log-invalid', append: 'log-invalid', put: 'log-invalid' },
  ],
  'registry.json names no key': [
    write('registry.json', '{"version":1,"origin":"a","vkeys":["a+1+b"]}'),
    { verify: 'log-invalid', list: 'log-invalid', append: 'log-invalid', put: 'log-invalid' },
  ],
  'registry.json is missing': [
    remove('registry.json'),
    { verify: 'not-found', list: 'not-found', append: 'not-found', put: 'not-found' },
  ],

  'the memory of the log is garbage': [
    async ({ state }) => eachIn(join(state, 'logs')),
    { verify: 'config-invalid', list: 'config-invalid', append: 'config-invalid', put: 'config-invalid' },
  ],
  'the memory of the place is garbage': [
    async ({ state }) => eachIn(join(state, 'places')),
    { verify: 'config-invalid', list: 'config-invalid', append: 'config-invalid', put: 'config-invalid' },
  ],
  'the lock of the memory is garbage': [
    async ({ state }) => writeFile(join(state, 'lock.db'), GARBAGE),
    { append: 'unreadable' },
  ],
};

async function eachIn(place: string): Promise<void> {
  for (const name of await readdir(place)) await writeFile(join(place, name), GARBAGE);
}

for (const [what, [harm, expected]] of Object.entries(CASES)) {
  test(`${what}: ${
    Object.keys(expected).length === 0
      ? 'it heals'
      : Object.entries(expected)
          .map(([step, code]) => `${step} ${code}`)
          .join(', ')
  }`, async (t) => {
    const scratch = await scratchRegistry(t);
    const registry = await scratch.open();
    await registry.putClaim(
      'acme/enc',
      await putModel(registry, 'acme/enc', { text: 'one', tag: '1' }),
      Buffer.from('{}'),
    );
    await registry.log.append(Array.from({ length: LEAVES }, (_, at) => leafOf(at)));
    await harm({
      place: scratch.place,
      state: join(scratch.folder, 'home', '.local', 'state', 'weighmark'),
      path: (...parts) => join(scratch.place, ...parts),
    });
    assert.deepEqual(await outcomeOf(scratch), { ...FINE, ...expected });
    if (expected.append === undefined) await requireNothingTwice(await scratch.open(), expected.verify === undefined);
  });
}

async function outcomeOf({ open }: Scratch): Promise<Outcome> {
  const verify = await codeOf(async () => (await open()).log.verify());
  const list = await codeOf(async () => everything(await open()));
  const append = await codeOf(async () => (await open()).log.append([leafOf(200), leafOf(LEAVES)]));
  const put = await codeOf(async () => putModel(await open(), 'acme/enc', { text: 'two', tag: '2' }));
  return { verify, list, append, put };
}

async function everything(registry: Registry): Promise<void> {
  const listed = await registry.list();
  assert.deepEqual(
    listed.map(({ tags }) => tags),
    [['1']],
  );
  for (const { name, id } of listed) assert.equal((await registry.claims(name, id)).length, 1);
}

/** An error always says how to go on. */
async function codeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (!(error instanceof WeighmarkError)) throw error;
    assert.notEqual(error.hint, undefined, `${error.code}: ${error.message}`);
    return error.code;
  }
}

/** What was logged already was not logged again. */
async function requireNothingTwice({ log }: Registry, isWhole: boolean): Promise<void> {
  assert.match((await log.checkpoint()) ?? '', new RegExp(`\\n${LEAVES + 1}\\n`));
  if (isWhole) assert.equal((await log.verify()).size, LEAVES + 1);
}
