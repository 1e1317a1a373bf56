import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCard, formatDatasetInfo, splitsOf, type HubInfo } from '../../../src/domain/metadata/hub-card.ts';
import { featureOf, joinFeatures, type Feature } from '../../../src/domain/metadata/hub-features.ts';
import { statedInfo } from '../../../src/domain/metadata/dataset-info.ts';
import { EncodedReader } from '../../../src/domain/records/decode.ts';
import { encodeText } from '../../../src/flows/data/prove.ts';

const features = (...rows: readonly string[]): Feature =>
  rows
    .map((row) => featureOf(new EncodedReader(encodeText(row, { format: 'jsonl', profile: 'typed' }))))
    .reduce(joinFeatures);

function column(...values: readonly string[]): unknown {
  const all = features(...values.map((value) => `{"a":${value}}`));
  if ('why' in all) return all.why;
  const info: HubInfo = { described: { name: 'x' }, features: 'fields' in all ? all.fields : null, splits: [] };
  return (JSON.parse(formatDatasetInfo(info)) as { features: { a: unknown } }).features.a;
}

const value = (dtype: string) => ({ dtype, _type: 'Value' });

test('a column has the type that holds all its values as they are, or none', () => {
  for (const [values, dtype] of [
    [['1', 'null', '-2'], 'int64'],
    [['1', '1.5'], 'float64'],
    [['0.1', '1e-7', '1e300'], 'float64'],
    [['9223372036854775807', '1'], 'int64'],
    [['true', 'null'], 'bool'],
    [['"2024-01-02"', '""'], 'string'],
  ] as const)
    assert.deepEqual(column(...values), value(dtype));
  assert.deepEqual(column('[]', '[null,1]', 'null', '[2.5]'), { feature: value('float64'), _type: 'List' });
  assert.deepEqual(column('[[{"x":1}]]', '[[{"y":"t"}]]'), {
    feature: { feature: { x: value('int64'), y: value('string') }, _type: 'List' },
    _type: 'List',
  });
  assert.deepEqual(column('{"x":null}', '{"x":{"z":true}}'), { x: { z: value('bool') } });
  for (const [values, why] of [
    [['9223372036854775808'], /64 bits/],
    [['9007199254740993', '0.5'], /binary64 does not hold, and fractions/],
    [['1e400'], /binary64/],
    [['0.12345678901234567891'], /binary64/],
    [['1', '"1"'], /several kinds/],
    [['[1]', '["x"]'], /several kinds/],
    [['{"x":1}', '{"x":[1]}'], /several kinds/],
    [['[9223372036854775808]'], /64 bits/],
  ] as const)
    assert.match(String(column(...values)), why);
});

const part = (path: string, records = 1) => ({ path, records, bytes: 10 });

test('files are splits by their names where each says one, else all are for training', () => {
  const names = (...paths: readonly string[]) => splitsOf(paths.map((path) => part(path))).map(({ name }) => name);
  assert.deepEqual(names('a/train-0.csv', 'dev.csv', 'TEST_1.csv'), ['train', 'validation', 'test']);
  assert.deepEqual(names('train.csv', 'rows.csv'), ['train']);
  assert.deepEqual(names('train/test.csv'), ['train']);
  assert.deepEqual(names('latest.csv', 'contest.csv'), ['train']);
  assert.deepEqual(splitsOf([part('train-1.csv', 2), part('train-2.csv', 3)])[0]?.records, 5);
});

test('a card states what the reader of cards reads, whatever the names', () => {
  const all = features('{"a b":1,"no":"x","\\u2028: -\\"":[{"k":[true]}],"{":{"s":1.5}}');
  const info: HubInfo = {
    described: { name: 'a: b # "c"', licence: 'CC0-1.0' },
    features: 'fields' in all ? all.fields : null,
    splits: splitsOf([part('odd [1]*?.jsonl', 7)]),
  };
  const card = formatCard(info);
  assert.match(card, /path:\n {10}- "odd \[\[\]1\]\[\*\]\[\?\]\.jsonl"/);
  assert.match(card, /license: "cc0-1.0"/);
  const [read, json] = [
    statedInfo(Buffer.from(card), 'README.md'),
    statedInfo(Buffer.from(formatDatasetInfo(info)), 'dataset_info.json'),
  ];
  assert.deepEqual(
    read.columns?.map(({ name }) => name),
    ['a b', 'no', '{', '\u2028: -"'].toSorted(),
  );
  assert.deepEqual(read.columns?.map(({ name }) => name).toSorted(), json.columns?.map(({ name }) => name).toSorted());
  assert.deepEqual([read.splits[0]?.records, json.splits[0]?.records], [7, 7]);
  assert.match(
    formatCard({ ...info, described: { name: 'x', licence: 'https://a.example' } }),
    /license: "other"\nlicense_link: "https/,
  );
});
