import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { diffDatasets, type DataDiff, type DiffInput } from '../../../src/flows/data/diff.ts';
import { indexDataset } from '../../../src/flows/data/index-dataset.ts';
import type { DataPorts } from '../../../src/flows/data/locate.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const row = (id: number, text = `row ${id}`) => ({ id, text, label: id % 2 === 0 ? 'even' : 'odd' });
const rows = Array.from({ length: 3000 }, (_, id) => row(id));
const diff = (a: string, b: string, more: Partial<DiffInput> = {}): Promise<DataDiff> =>
  diffDatasets({ a, b, key: [], label: null, show: false, ...more }, world.ports);

test('the same records in the same order do not differ, whatever the file looks like', async () => {
  const a = await world.make('same-a.jsonl', rows.slice(0, 50));
  const b = await world.make(
    'same-b.jsonl',
    rows.slice(0, 50).map(({ id, text, label }) => ({ label, text, id })),
  );
  assert.equal((await diff(a, b)).differs, false);
});

test('one changed cell is named, with its record in both', async () => {
  const a = await world.make('cell-a.jsonl', rows);
  const b = await world.make(
    'cell-b.jsonl',
    rows.map((each) => (each.id === 1234 ? { ...each, text: 'poison' } : each)),
  );
  const { removed, added, changed, moved, examples, differs } = await diff(a, b, { key: ['id'], show: true });
  assert.deepEqual(
    { removed, added, changed, moved, differs },
    { removed: 0, added: 0, changed: 1, moved: 0, differs: true },
  );
  const [one] = examples.changed;
  assert.deepEqual(one?.cells, [{ column: 'text', before: 'row 1234', after: 'poison' }]);
  assert.equal(one?.before.position, 1234);
});

/** Copies of fixtures, indexed by an engine. */
async function fixtures(names: readonly string[], ports: DataPorts): Promise<readonly string[]> {
  const roots = names.map((name) => join(world.folder, name));
  for (const [at, name] of names.entries()) {
    copyFileSync(`fixtures/records/formats/${name}`, roots[at] as string);
    await indexDataset({ root: roots[at] as string, declared: {}, secret: null, keep: true }, ports);
  }
  return roots;
}

const scripted = createRecords({ env: { XDG_CACHE_HOME: join(world.folder, 'cache') }, kernel: 'wasm' });
for (const [ending, records] of [
  ['parquet', world.ports.records],
  ['parquet', scripted],
  ['arrow', world.ports.records],
] as const)
  test(
    `one changed cell is named far into ${ending}, by the ${records.kernel} engine`,
    { skip: ending === 'arrow' && records.kernel !== 'native' },
    async () => {
      const ports = { ...world.ports, records };
      const [a = '', b = ''] = await fixtures([`many-before.${ending}`, `many-after.${ending}`], ports);
      const { examples } = await diffDatasets({ a, b, key: ['id'], label: null, show: true }, ports);
      assert.deepEqual(
        examples.changed.map(({ before, cells }) => [before.position, cells]),
        [[101, [{ column: 'text', before: 'row 101', after: 'row 0' }]]],
      );
    },
  );

test('nothing of a record is told unless it is asked for', async () => {
  const a = await world.make('quiet-a.jsonl', [row(1, 'secret one')]);
  const b = await world.make('quiet-b.jsonl', [row(1, 'secret two')]);
  assert.doesNotMatch(JSON.stringify(await diff(a, b, { key: ['id'] })), /secret/);
  assert.match(JSON.stringify(await diff(a, b, { key: ['id'], show: true })), /secret one.*secret two/);
});

test('removed, added, repeated and moved are told apart, and labels counted', async () => {
  const a = await world.make('all-a.jsonl', rows.slice(0, 100));
  const after = [row(900), ...rows.slice(0, 20), ...rows.slice(21, 100), row(50)];
  const b = await world.make('all-b.jsonl', after);
  const { removed, added, moved, repeated, labels, balance } = await diff(a, b, { label: 'label' });
  assert.deepEqual(balance, { '"even"': [50, 51], '"odd"': [50, 50] });
  assert.deepEqual({ removed, added, moved, repeated }, { removed: 1, added: 2, moved: 0, repeated: [0, 1] });
  assert.deepEqual(labels, { '"even"': 1 });
  const swapped = await world.make('all-c.jsonl', [...rows.slice(50, 100), ...rows.slice(0, 50)]);
  const turned = await diff(a, swapped);
  assert.deepEqual([turned.removed, turned.added, turned.moved, turned.differs], [0, 0, 100, true]);
});

test('records are compared as multisets: exactly the difference of two lists, whatever they are', async () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 8; round += 1) {
    const pick = () => Array.from({ length: random(400) + 1 }, () => row(random(100)));
    const [left, right] = [pick(), pick()];
    const counts = new Map<string, number>();
    for (const each of left) counts.set(each.text, (counts.get(each.text) ?? 0) + 1);
    for (const each of right) counts.set(each.text, (counts.get(each.text) ?? 0) - 1);
    const sum = (sign: number) => [...counts.values()].reduce((total, count) => total + Math.max(0, sign * count), 0);
    const { removed, added } = await diff(await world.make('m-a.jsonl', left), await world.make('m-b.jsonl', right));
    assert.deepEqual({ removed, added }, { removed: sum(1), added: sum(-1) });
  }
});

test('what was indexed in other ways is not compared', async () => {
  const a = await world.make('typed.jsonl', [row(1)]);
  const b = await world.make('text.jsonl', [row(1)], { profile: 'text' });
  await assert.rejects(diff(a, b), (error) => error instanceof WeighmarkError && error.code === 'usage');
});

test('a file that is no longer the one that was indexed is an error, not a difference', async () => {
  const a = await world.make('stale-a.jsonl', rows.slice(0, 10));
  const b = await world.make('stale-b.jsonl', rows.slice(0, 9));
  const { writeFileSync } = await import('node:fs');
  writeFileSync(a, '{"id":1}\n');
  for (const show of [true, false])
    await assert.rejects(
      diff(a, b, { show }),
      (error) => error instanceof WeighmarkError && error.code === 'file-changed',
    );
});

test('a column that neither has is refused, naming those there are; one that only one has is compared', async () => {
  const a = await world.make('columns-a.jsonl', [row(1)]);
  const b = await world.make('columns-b.jsonl', [{ ...row(1), more: 1 }]);
  for (const asked of [{ key: ['id', 'nope'] }, { label: 'nope' }])
    await assert.rejects(diff(a, b, asked), {
      code: 'usage',
      message: 'there is no column nope',
      hint: 'there are: id, label, text, more',
    });
  assert.equal((await diff(a, b, { key: ['id'], label: 'more' })).changed, 1);
});
