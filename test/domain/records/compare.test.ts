import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { compareIndexes } from '../../../src/domain/records/compare.ts';
import { RecordIndex } from '../../../src/domain/records/record-index.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-compare-'));
const records = createRecords({ env: { XDG_CACHE_HOME: folder } });
const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};

async function compared(before: readonly string[], after: readonly string[]) {
  const opened = [];
  for (const [name, lines] of [before, after].entries()) {
    writeFileSync(join(folder, String(name)), lines.map((line) => `${line}\n`).join(''));
    const { entries } = await createFiles().walk(join(folder, String(name)));
    const job = { files: entries, reading: { format: 'text', profile: 'typed' }, secret: null, keep: true } as const;
    const index = records.open((await records.index(job, watch)).roots);
    assert.ok(index !== null);
    opened.push(index);
  }
  const [a, b] = opened.map((index) => new RecordIndex(index, records.hasher));
  assert.ok(a !== undefined && b !== undefined);
  const { common, removed, added, moved } = compareIndexes(a, b);
  opened.forEach((index) => index.close());
  return { common, removed: [...(removed.positions ?? [])], added: [...(added.positions ?? [])], moved };
}

const lines = Array.from({ length: 20_000 }, (_, at) => `line ${at}`);
const swapped = (of: readonly string[], a: number, b: number): string[] =>
  of.map((line, at) => (at === a ? of[b] : at === b ? of[a] : line) ?? '');

test('long stretches in common are passed over at once, and nothing in them', async () => {
  assert.deepEqual(await compared(lines, lines), { common: 20_000, removed: [], added: [], moved: 0 });
  const changed = lines.map((line, at) => (at % 9973 === 5 ? `${line} changed` : line));
  const where = [5, 9978, 19_951];
  assert.deepEqual(await compared(lines, changed), { common: 19_997, removed: where, added: where, moved: 0 });
});

test('what was taken out or put in explains where the rest stands; what it does not explain was moved', async () => {
  const fewer = lines.filter((_, at) => at !== 7 && at !== 18_000);
  assert.deepEqual(await compared(lines, fewer), { common: 19_998, removed: [7, 18_000], added: [], moved: 0 });
  assert.deepEqual(await compared(lines, swapped(lines, 3, 15_000)), {
    common: 20_000,
    removed: [],
    added: [],
    moved: 2,
  });
  const both = await compared(lines, swapped(fewer, 3, 15_000));
  assert.deepEqual(both, { common: 19_998, removed: [7, 18_000], added: [], moved: 2 });
});

test('a record that stands there once more than before was added once', async () => {
  const { common, added } = await compared(lines, [...lines, 'line 12', 'line 12']);
  assert.equal(common, 20_000);
  assert.deepEqual(added, [20_000, 20_001]);
});

test('two that have a record in every other place agree with a count of them', async () => {
  const other = lines.map((line, at) => (at % 2 === 0 ? line : `other ${at}`));
  const { common, removed, added } = await compared(lines, other);
  assert.deepEqual([common, removed.length, added.length], [10_000, 10_000, 10_000]);
});
