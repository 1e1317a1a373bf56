import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { checkDatasetInfo, statedInfo } from '../../../src/domain/metadata/dataset-info.ts';
import type { Roots } from '../../../src/domain/records/roots.ts';
import { formatCard, formatDatasetInfo } from '../../../src/domain/metadata/hub-card.ts';
import { checkDescription, describeDataset, hubInfo } from '../../../src/flows/data/describe.ts';
import { dataWorld } from './data-world.ts';

const world = dataWorld();
const ports = { ...world.ports, hasher: () => createHasher(), records: async () => world.ports.records };
const root = join(world.folder, 'set');
mkdirSync(join(root, 'more'), { recursive: true });
writeFileSync(join(root, 'rows.jsonl'), '{"id":1,"text":"a","list":[1],"mixed":1}\n{"id":2,"mixed":"x"}\n');
writeFileSync(join(root, 'more', 'LICENSE'), 'do what you want\n');

interface Croissant {
  readonly conformsTo: string;
  readonly distribution: readonly {
    readonly contentUrl: string;
    readonly sha256: string;
    readonly contentSize: string;
  }[];
  readonly recordSet?: readonly { readonly field: readonly { readonly name: string; readonly dataType: string }[] }[];
}

const describe = async (version: '1.0' | '1.1'): Promise<Croissant> =>
  JSON.parse(await describeDataset({ root, version, described: { name: 'set' }, secret: null }, ports)) as Croissant;

const check = async (json: unknown) => {
  const description = join(world.folder, 'given.json');
  writeFileSync(description, JSON.stringify(json));
  const verdict = await checkDescription({ root, description, secret: null, shown: 'set' }, ports);
  return [verdict.exitCode, ...findingsOf(verdict).map(({ code, subject }) => `${code} ${subject}`)];
};

test('a card and dataset_info.json of what was indexed are as the records are; types that fit none are left out', async () => {
  const set = join(world.folder, 'hub-written');
  mkdirSync(set, { recursive: true });
  writeFileSync(join(set, 'train.jsonl'), '{"id":1,"text":"a"}\n{"id":2.5}\n');
  writeFileSync(join(set, 'test.jsonl'), '{"id":3,"text":null}\n');
  await assert.rejects(hubInfo({ root: set, described: { name: 'hub' }, secret: null }, ports), { code: 'not-found' });
  await world.index(set);
  const { info, leftOut } = await hubInfo({ root: set, described: { name: 'hub' }, secret: null }, ports);
  assert.equal(leftOut, null);
  assert.deepEqual(
    info.splits.map(({ name, records }) => [name, records]),
    [
      ['test', 1],
      ['train', 2],
    ],
  );
  for (const [name, text] of [
    ['README.md', formatCard(info)],
    ['dataset_info.json', formatDatasetInfo(info)],
  ] as const) {
    const description = join(world.folder, name);
    const outcome = async (stated: string) => {
      writeFileSync(description, stated);
      return (await checkDescription({ root: set, description, secret: null, shown: 'hub' }, ports)).exitCode;
    };
    assert.equal(await outcome(text), 0);
    assert.equal(await outcome(text.replace(/(num_examples"?: )2/, '$13')), 1);
  }
  writeFileSync(join(set, 'test.jsonl'), '{"id":"3"}\n');
  await world.index(set);
  const mixed = await hubInfo({ root: set, described: { name: 'hub' }, secret: null }, ports);
  assert.deepEqual([mixed.info.features, mixed.leftOut], [null, 'values of several kinds']);
});

test('a description has each file with its digest, and columns that Croissant has a word for once it is indexed', async () => {
  const plain = await describe('1.0');
  assert.deepEqual(
    plain.distribution.map(({ contentUrl, contentSize }) => [contentUrl, contentSize]),
    [
      ['more/LICENSE', '17 B'],
      ['rows.jsonl', '62 B'],
    ],
  );
  assert.equal(plain.recordSet, undefined);
  assert.deepEqual(await check(plain), [0]);
  await world.index(root);
  const indexed = await describe('1.1');
  assert.match(indexed.conformsTo, /croissant\/1\.1$/);
  const [records] = indexed.recordSet ?? [];
  assert.deepEqual(
    records?.field.map(({ name, dataType }) => `${name} ${dataType}`),
    ['records/id sc:Float', 'records/text sc:Text'],
  );
  writeFileSync(join(root, 'rows.jsonl'), '{"id":9}\n');
  await assert.rejects(describe('1.1'), { code: 'digest-mismatch' });
  assert.deepEqual(await check(indexed), [1, 'digest-mismatch rows.jsonl']);
});

test('a description by others: digests that are none are not checked, a file that is not there is missing, nothing checked is no pass', async () => {
  const { distribution } = await describe('1.1').catch(async () => {
    await world.index(root);
    return describe('1.1');
  });
  const [licence] = distribution;
  const file = (more: object): object => ({ '@type': 'sc:FileObject', ...more });
  assert.deepEqual(
    await check({ distribution: [file({ contentUrl: './more/LICENSE', sha256: licence?.sha256 })] }),
    [0],
  );
  assert.deepEqual(
    await check({
      distribution: [file({ name: 'gone', contentUrl: 'https://x.example/gone', sha256: licence?.sha256 })],
    }),
    [1, 'file-missing gone'],
  );
  assert.deepEqual(
    await check({ distribution: [file({ contentUrl: 'rows.jsonl', sha256: 'https://x.example' })] }),
    [3],
  );
  assert.deepEqual(await check({ distribution: 7 }), [3]);
  await assert.rejects(check([]), { code: 'format-invalid' });
});

const INFO = {
  features: { id: { dtype: 'int64', _type: 'Value' }, label: { names: ['a', 'b'], _type: 'ClassLabel' } },
  splits: { train: { name: 'train', num_examples: 2, num_bytes: 1 }, test: { name: 'test', num_examples: 1 } },
};
const CARD = `---
dataset_info:
  features:
    - name: id
      dtype: int64
    - name: label
      dtype: {class_label: {names: {'0': a, '1': b}}}
  splits:
    - {name: train, num_examples: 2, num_bytes: 1}
    - {name: test, num_examples: 1}
---
# A card
`;

test('a card or `dataset_info.json` is held to the records; what differs is said with where it stands', async () => {
  const folder = join(world.folder, 'hub');
  mkdirSync(folder);
  writeFileSync(join(folder, 'train-00000-of-00001.jsonl'), '{"id":1,"label":0}\n{"id":2,"label":1}\n');
  writeFileSync(join(folder, 'test-00000-of-00001.jsonl'), '{"id":3,"label":1}\n');
  await world.index(folder);
  const held = async (name: string, text: string): Promise<readonly unknown[]> => {
    const description = join(world.folder, name);
    writeFileSync(description, text);
    const verdict = await checkDescription({ root: folder, description, secret: null, shown: 'it' }, ports);
    return [verdict.exitCode, ...findingsOf(verdict).map(({ message, facts }) => [message, facts?.['described']])];
  };
  assert.deepEqual(await held('README.md', CARD), [0]);
  assert.deepEqual(await held('dataset_info.json', JSON.stringify(INFO)), [0]);
  assert.deepEqual(await held('dataset_infos.json', JSON.stringify({ default: INFO })), [0]);
  assert.deepEqual(await held('README.md', CARD.replace('train, num_examples: 2', 'train, num_examples: 7')), [
    1,
    ['7 records are described in train, 2 are there', '/dataset_info/splits/0/num_examples'],
  ]);
  const twice = JSON.stringify({ one: INFO, two: INFO });
  assert.deepEqual(await held('dataset_infos.json', twice), [
    1,
    [
      '6 records are described in all, 3 are there',
      '/one/splits/train/num_examples /one/splits/test/num_examples /two/splits/train/num_examples /two/splits/test/num_examples',
    ],
  ]);
  const other = { ...INFO, features: { id: INFO.features.id, text: { dtype: 'string', _type: 'Value' } } };
  assert.deepEqual(await held('dataset_info.json', JSON.stringify(other)), [
    1,
    ['column text is described, and is not there', '/features/text'],
    ['column label is there, and is not described', undefined],
  ]);
  assert.deepEqual(await held('README.md', '# no card\n'), [3], 'what states nothing verifies nothing');
});

test('types are compared where the format has them', () => {
  const roots = {
    reading: { format: 'parquet', profile: 'typed' },
    columns: { at: ['timestamp'], id: ['text'], img: ['struct'], tags: ['list'], when: ['instant'], none: [] },
    records: 3,
    parts: [],
  } as unknown as Roots;
  const features = {
    at: { dtype: 'timestamp[us]', _type: 'Value' },
    id: { dtype: 'int64', _type: 'Value' },
    img: { _type: 'Image' },
    none: { dtype: 'float32', _type: 'Value' },
    tags: { feature: { dtype: 'string', _type: 'Value' }, _type: 'List' },
    when: { dtype: 'timestamp[ns, tz=UTC]', _type: 'Value' },
  };
  const stated = statedInfo(Buffer.from(JSON.stringify({ features })), 'dataset_info.json');
  assert.deepEqual(
    findingsOf(checkDatasetInfo(stated, roots, 'it')).map(({ message }) => message),
    ['column id is described as number, and holds text'],
  );
});
