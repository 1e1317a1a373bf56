import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { Frontier } from '../../../src/domain/records/frontier.ts';
import { rootOf } from '../../../src/domain/records/ordered.ts';
import { plainHasher } from '../../../src/domain/records/blake3.ts';
import type { Declared, DataPorts } from '../../../src/flows/data/locate.ts';
import { mergeParts } from '../../../src/flows/data/merge.ts';
import { indexPart } from '../../../src/flows/data/part.ts';
import { planDataset } from '../../../src/flows/data/plan.ts';
import { reduceParts } from '../../../src/flows/data/reduce.ts';
import { indexDataset } from '../../../src/flows/data/index-dataset.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const scripted = createRecords({ env: { XDG_CACHE_HOME: join(world.folder, 'cache') }, kernel: 'wasm' });
let made = 0;

interface Given {
  readonly root: string;
  readonly partBytes: number;
  readonly declared?: Declared;
  readonly secret?: Uint8Array;
  readonly ports?: DataPorts;
}

interface Work {
  readonly folder: string;
  readonly parts: number;
  part(part: number): Promise<unknown>;
  reduce(part: number): Promise<unknown>;
  merge(): Promise<string>;
}

async function plan({ root, partBytes, declared = {}, secret, ports = world.ports }: Given): Promise<Work> {
  const folder = join(world.folder, `work${made++}`);
  const key = secret ?? null;
  const { parts } = await planDataset({ root, declared, secret: key, folder, partBytes }, ports);
  return {
    folder,
    parts: parts.length,
    part: (part) => indexPart({ root, folder, part, secret: key }, ports),
    reduce: (part) => reduceParts({ folder, part }, ports),
    merge: async () => readFileSync((await mergeParts({ root, folder }, ports)).written, 'utf8'),
  };
}

/** The roots by many workers, and by one. */
async function both(given: Given): Promise<readonly [string, string, number]> {
  const { root, declared = {}, secret, ports = world.ports } = given;
  const one = await indexDataset({ root, declared, secret: secret ?? null, keep: false }, ports);
  const text = readFileSync(one.written, 'utf8');
  rmSync(one.written);
  const work = await plan(given);
  const all = [...Array(work.parts).keys()];
  for (const part of all.toReversed()) await work.part(part);
  for (const part of all) await work.reduce(part);
  return [await work.merge(), text, work.parts];
}

function write(name: string, bytes: string | Uint8Array): string {
  const path = join(world.folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, bytes);
  return path;
}

const lines = (count: number, row = (at: number): object => ({ id: at, text: `row ${at}` })): string =>
  Array.from({ length: count }, (_, at) => `${JSON.stringify(row(at))}\n`).join('');

const folder = (name: string): string => {
  write(`${name}/a.jsonl`, lines(700));
  write(`${name}/empty.jsonl`, '');
  write(`${name}/x/b.jsonl`, `${lines(1, () => ({ only: null, other: [1, { b: true }] }))}\n\n${lines(40)}`);
  write(`${name}/z.jsonl`, lines(5).trimEnd());
  write(`${name}/README.md`, 'no records');
  return join(world.folder, name);
};

const CASES: readonly (readonly [string, () => Given, number])[] = [
  ['JSON lines in many parts', () => ({ root: write('many.jsonl', lines(700)), partBytes: 1000 }), 20],
  ['one part', () => ({ root: write('one.jsonl', lines(300)), partBytes: 1e9 }), 1],
  ['nothing', () => ({ root: write('nothing.jsonl', ''), partBytes: 10 }), 1],
  ['a line a part, the last one without an end', () => ({ root: write('l.txt', 'a\nb\r\n\n\nc'), partBytes: 1 }), 5],
  [
    'lines longer than parts',
    () => ({ root: write('long.txt', `${'x'.repeat(300_000)}\n`.repeat(3)), partBytes: 7 }),
    3,
  ],
  [
    'records that stand there often',
    () => ({
      root: write(
        'often.jsonl',
        lines(3000, (at) => ({ id: at % 3 })),
      ),
      partBytes: 5000,
    }),
    6,
  ],
  ['a folder: small files together, large ones cut', () => ({ root: folder('folder'), partBytes: 4000 }), 6],
  [
    'a table, whole',
    () => ({
      root: write('t.csv', `id,t\n${'1,"a\nb"\n2,\n'.repeat(500)}`),
      partBytes: 100,
      declared: { types: { id: 'number' } },
    }),
    1,
  ],
  [
    'under a key, by text',
    () => ({
      root: write('keyed.jsonl', lines(800)),
      partBytes: 3000,
      secret: Buffer.alloc(32, 7),
      declared: { profile: 'text' },
    }),
    8,
  ],
  [
    'a mark in the middle that only a beginning may have',
    () => ({ root: write('mark.txt', `${'\ufeffa\n'.repeat(50)}b\n\ufeffc\n`), partBytes: 1 }),
    2,
  ],
];
for (const [what, given, parts] of CASES)
  test(`many workers: ${what}: the roots' file is the one-machine's, to the byte`, async () => {
    for (const records of new Set([world.ports.records, scripted])) {
      const [merged, one, count] = await both({ ...given(), ports: { ...world.ports, records } });
      assert.equal(merged, one);
      assert.equal(count, parts);
    }
  });

test('a task that is repeated writes the same; what is missing is named; what is left of a killed one is nothing', async () => {
  const root = write('again.jsonl', lines(2000));
  const work = await plan({ root, partBytes: 10_000 });
  await assert.rejects(work.merge(), { code: 'incomplete', message: /0, 1, 2/ });
  for (const part of [0, 1, 3]) await work.part(part);
  writeFileSync(join(work.folder, '.0123456789ab.tmp'), 'of a killed one');
  await assert.rejects(work.reduce(0), { code: 'incomplete', message: /not made yet: 2, 4,|not made yet: 2, 4$/ });
  for (let part = 0; part < work.parts; part += 1) await work.part(part);
  const first = readFileSync(join(work.folder, 'part-000002'));
  await work.part(2);
  assert.deepEqual(readFileSync(join(work.folder, 'part-000002')), first);
  for (let part = 1; part < work.parts; part += 1) await work.reduce(part);
  await assert.rejects(work.merge(), { code: 'incomplete', message: 'not made yet: 0' });
  await work.reduce(0);
  const reduced = readFileSync(join(work.folder, 'reduced-000000'));
  await work.reduce(0);
  assert.deepEqual(readFileSync(join(work.folder, 'reduced-000000')), reduced);
  const text = await work.merge();
  assert.equal(await work.merge(), text);
  assert.deepEqual(
    await planDataset({ root, declared: {}, secret: null, folder: work.folder, partBytes: 10_000 }, world.ports).then(
      ({ parts }) => parts.length,
    ),
    work.parts,
  );
});

test('a dataset that changed after it was planned is refused by workers and merge; another plan does not take the folder', async () => {
  const root = folder('changes');
  const work = await plan({ root, partBytes: 4000 });
  for (let part = 0; part < work.parts; part += 1) await work.part(part);
  for (let part = 0; part < work.parts; part += 1) await work.reduce(part);
  const text = readFileSync(join(root, 'z.jsonl'), 'utf8');
  writeFileSync(join(root, 'z.jsonl'), text.replace('row 3', 'bad 3'));
  await assert.rejects(work.merge(), { code: 'file-changed', message: /z\.jsonl/ });
  await assert.rejects(work.part(work.parts - 1), { code: 'file-changed' });
  const other = { root, declared: {}, secret: null, folder: work.folder, partBytes: 4000 };
  await assert.rejects(planDataset(other, world.ports), { code: 'already-exists' });
  write('changes/new.jsonl', lines(1));
  await assert.rejects((await plan({ root, partBytes: 4000 })).merge(), { code: 'incomplete' });
  await assert.rejects(work.merge(), { code: 'file-changed', message: /new\.jsonl/ });
});

test('parts reduced before one of them was made anew of other bytes count as missing', async () => {
  const root = write('anew.jsonl', lines(500));
  const work = await plan({ root, partBytes: 5000 });
  for (let part = 0; part < work.parts; part += 1) await work.part(part);
  for (let part = 0; part < work.parts; part += 1) await work.reduce(part);
  const before = await world.ports.files.open(root);
  await before.close();
  writeFileSync(root, lines(500).replace('row 7"', 'bad 7"'));
  const seconds = Number(before.stamp.mtimeNs) / 1e9;
  utimesSync(root, seconds, seconds);
  const again = await plan({ root, partBytes: 5000 });
  for (const name of readdirSync(work.folder))
    if (name !== 'plan') writeFileSync(join(again.folder, name), readFileSync(join(work.folder, name)));
  await assert.rejects(again.merge(), { code: 'incomplete', message: /not made yet: 0, 1, 2/ });
  for (let part = 0; part < again.parts; part += 1) await again.part(part);
  await assert.rejects(again.merge(), { code: 'incomplete', message: /not made yet: 0, 1, 2/, hint: /reduce/ });
  for (let part = 0; part < again.parts; part += 1) await again.reduce(part);
  assert.notEqual(await again.merge(), '');
});

test('a part given in the place of another one, of the same file, counts as missing', async () => {
  const work = await plan({ root: write('swapped.jsonl', lines(500)), partBytes: 5000 });
  for (let part = 0; part < work.parts; part += 1) await work.part(part);
  copyFileSync(join(work.folder, 'part-000001'), join(work.folder, 'part-000000'));
  await assert.rejects(work.reduce(0), { code: 'incomplete', message: 'not made yet: 0' });
  await work.part(0);
  await work.reduce(0);
});

test('a plan that leaves bytes of a file out, or reads some twice, is none', async () => {
  const work = await plan({ root: write('holes.jsonl', lines(500)), partBytes: 5000 });
  const path = join(work.folder, 'plan');
  const whole = readFileSync(path, 'utf8');
  const [, cut = ''] = /\[\[0,0,(\d+)\]\]/.exec(whole) ?? [];
  for (const other of [
    whole.replace(`[[0,0,${cut}]],`, ''),
    whole.replace(`[[0,0,${cut}]]`, `[[0,0,${Number(cut) - 1}]]`),
    whole.replace(`[[0,0,${cut}]]`, `[[0,0,${cut}]],[[0,0,${cut}]]`),
    whole.replace(/,\[\[[^[]*\]\]\],"reading/, '],"reading'),
  ]) {
    assert.notEqual(other, whole);
    writeFileSync(path, other);
    await assert.rejects(work.part(0), { code: 'format-invalid' });
  }
});

const FORMATS = 'fixtures/records/formats';
const isNative = world.ports.records.kernel === 'native';
const COLUMNAR: readonly (readonly [string, number, boolean])[] = [
  ['pyarrow.parquet', 3, false],
  ['duckdb.parquet', 1, false],
  ['file.arrow', 39, true],
  ['stream.arrow', 19, true],
  ['batches.arrow', 46, true],
];
for (const [name, parts, needsAddon] of COLUMNAR)
  test(
    `many workers: ${name} by its row groups or record batches, whatever the cut`,
    { skip: needsAddon && !isNative },
    async () => {
      const root = write(name, readFileSync(`${FORMATS}/${name}`));
      for (const records of needsAddon ? [world.ports.records] : new Set([world.ports.records, scripted]))
        for (const partBytes of [100, 997, 1e6]) {
          const [merged, one, count] = await both({ root, partBytes, ports: { ...world.ports, records } });
          assert.equal(merged, one);
          if (partBytes === 100) assert.equal(count, parts);
        }
    },
  );

/** The first two entries of the list of record batches, each of 24 bytes, change places. */
function swapBatches(file: Buffer): Buffer {
  const swapped = Buffer.from(file);
  const footer = file.length - 10 - file.readInt32LE(file.length - 10);
  const list = file.indexOf(Buffer.from([3, 0, 0, 0]), footer);
  const at = file.readBigInt64LE(list + 4) > 0n && file.readBigInt64LE(list + 4) < file.length ? list + 4 : list + 8;
  file.copy(swapped, at, at + 24, at + 48);
  file.copy(swapped, at + 24, at, at + 24);
  return swapped;
}

test(
  'record batches that do not stand in the order of their bytes are read by one worker, in their own order',
  { skip: !isNative },
  async () => {
    const file = readFileSync(`${FORMATS}/file.arrow`);
    const root = write('swapped.arrow', swapBatches(file));
    const straight = await both({ root: write('straight.arrow', file), partBytes: 1000 });
    const [merged, one] = await both({ root, partBytes: 1000 });
    assert.equal(merged, one);
    assert.notEqual(one, straight[1]);
  },
);

test('a Parquet file that is cut off, or none, is one part and refused by whoever reads it', async () => {
  const bytes = readFileSync(`${FORMATS}/pyarrow.parquet`);
  for (const broken of [bytes.subarray(0, 3000), Buffer.concat([bytes.subarray(0, 3000), bytes.subarray(-8)])])
    for (const records of new Set([world.ports.records, scripted])) {
      const ports = { ...world.ports, records };
      const work = await plan({ root: write('broken.parquet', broken), partBytes: 100, ports });
      assert.equal(work.parts, 1);
      await assert.rejects(work.part(0), { code: 'records-unsupported' });
    }
});

test('the wrong key, a part that does not exist, a row that is refused: said with its place in the file', async () => {
  const secret = Buffer.alloc(32, 1);
  const root = write('bad.jsonl', `${lines(300)}{"a":1,"a":2}\n${lines(100)}`);
  const work = await plan({ root, partBytes: 2000, secret });
  await assert.rejects(indexPart({ root, folder: work.folder, part: 0, secret: Buffer.alloc(32, 2) }, world.ports), {
    code: 'secret-mismatch',
  });
  await assert.rejects(work.part(work.parts), { code: 'usage' });
  const bad = lines(300).length;
  const part = Math.floor(bad / 2000);
  for (const records of new Set([world.ports.records, scripted]))
    await assert.rejects(
      indexPart({ root, folder: work.folder, part, secret }, { ...world.ports, records }),
      new RegExp(`bad\\.jsonl, line 301, byte ${bad + 13}: a key stands twice`),
    );
});

test('a frontier of stretches is the tree of all records, wherever they were cut', () => {
  const leaves = (from: number, to: number): Uint8Array =>
    Buffer.concat(Array.from({ length: to - from }, (_, at) => Buffer.alloc(32, (from + at) % 251)));
  for (const count of [1, 2, 3, 7, 8, 100, 257])
    for (const cut of [0, 1, 2, 5, count - 1].filter((at) => at < count)) {
      const whole = new Frontier(0);
      for (const [from, to] of [
        [0, cut],
        [cut, count],
      ] as const) {
        const stretch = new Frontier(from);
        stretch.addLeaves(leaves(from, to), plainHasher);
        for (const { size, hash } of stretch.nodes) whole.add(size, hash);
      }
      assert.deepEqual(
        Buffer.from(whole.root()),
        Buffer.from(rootOf(leaves(0, count), plainHasher)),
        `${cut}/${count}`,
      );
    }
});
