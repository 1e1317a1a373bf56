import assert from 'node:assert/strict';
import { globSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { locateDataset, type Declared } from '../../../src/flows/data/locate.ts';
import type { Roots } from '../../../src/domain/records/roots.ts';

const folder = 'fixtures/records/formats';
const cache = { XDG_CACHE_HOME: mkdtempSync(join(tmpdir(), 'weighmark-formats-')) };
const native = createRecords({ env: cache });
const script = createRecords({ env: cache, kernel: 'wasm' });
const skip = native.kernel === 'native' ? false : 'the records addon is not built (npm run build:records)';
const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};

async function roots(path: string, records = native, declared: Declared = {}): Promise<Roots> {
  const { files, reading } = await locateDataset(path, declared, createFiles());
  return (await records.index({ files, reading, secret: null, keep: false }, watch)).roots;
}

const others = /^(?:refused|many|duration)-/;
const written = globSync(`${folder}/*.{parquet,arrow,feather}`).filter((path) => !others.test(basename(path)));

for (const path of written)
  test(`${basename(path)} holds the same records, in the same order, with the same schema`, { skip }, async () => {
    const { ordered, set, columns } = await roots(path);
    const twin = await roots(`${folder}/rows.jsonl`);
    assert.deepEqual({ ordered, set }, { ordered: twin.ordered, set: twin.set });
    assert.deepEqual(columns, twin.columns);
  });

for (const path of written.filter((each) => each.endsWith('.parquet')))
  test(`${basename(path)} in JavaScript too`, async () => {
    const { ordered, set, columns } = await roots(path, script);
    const twin = await roots(`${folder}/rows.jsonl`, script);
    assert.deepEqual({ ordered, set, columns }, { ordered: twin.ordered, set: twin.set, columns: twin.columns });
  });

test('a CSV whose columns are declared holds them as well, and one that is not declared does not', async () => {
  const twin = await roots(`${folder}/flat.jsonl`);
  const declared = { types: { id: 'number', score: 'number', big: 'number' } } as const;
  assert.equal((await roots(`${folder}/flat.csv`, native, declared)).set, twin.set);
  assert.notEqual((await roots(`${folder}/flat.csv`)).set, twin.set);
});

for (const path of globSync(`${folder}/refused-*`))
  test(`${basename(path)} is undecided, never passed over`, { skip }, async () => {
    await assert.rejects(
      roots(path),
      (error) => error instanceof WeighmarkError && error.code === 'records-unsupported',
    );
  });

/** All records once, then the last of them alone, then some. */
async function readAgain(path: string, records = native): Promise<readonly Buffer[]> {
  const { files, reading } = await locateDataset(path, {}, createFiles());
  const of = await roots(path, records);
  const source = { files, roots: of, offsetBefore: null };
  const all = [...Array(of.records).keys()];
  const found: Buffer[] = [];
  for (const positions of [all, all.slice(-1), all.filter((at) => at % 5 === 3)])
    for await (const { position, encoding } of records.read(source, positions)) {
      assert.equal(position, positions[0]);
      positions.shift();
      found.push(Buffer.from(encoding));
    }
  return found;
}

for (const path of written)
  test(`${basename(path)} is read again from any row on`, { skip }, async () => {
    assert.deepEqual(await readAgain(path), await readAgain(`${folder}/rows.jsonl`));
    if (path.endsWith('.parquet')) assert.deepEqual(await readAgain(path, script), await readAgain(path));
  });

test(
  'what Arrow says of a Parquet column beyond Parquet counts for both engines, or one refuses',
  { skip },
  async () => {
    assert.deepEqual((await roots(`${folder}/duration-of-arrow.parquet`)).columns, { a: ['duration'] });
    for (const name of ['duration-of-arrow', 'refused-extension'])
      await assert.rejects(roots(`${folder}/${name}.parquet`, script), /column \w+ is of a type that needs/);
  },
);

test('Arrow without the addon is undecided, and says what to do', async () => {
  await assert.rejects(roots(`${folder}/file.arrow`, script), /build:records/);
});
