import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesSource, type Source } from '../../../src/domain/base/source.ts';
import type { Beside, WeightTensor } from '../../../src/domain/weights/types.ts';
import { zarrWeights } from '../../../src/domain/weights/zarr.ts';
import { weighBytes } from './weigh.ts';

type Stated = Readonly<Record<string, unknown>>;
const json = (value: Stated): Uint8Array => Buffer.from(JSON.stringify(value));

function versionTwo(stated: Stated = {}): Stated {
  const plain = { compressor: null, filters: null, order: 'C', fill_value: 3 };
  return { zarr_format: 2, shape: [4], chunks: [2], dtype: '|u1', ...plain, ...stated };
}

function versionThree(stated: Stated = {}): Stated {
  return {
    zarr_format: 3,
    node_type: 'array',
    shape: [4],
    data_type: 'uint8',
    chunk_grid: { name: 'regular', configuration: { chunk_shape: [2] } },
    chunk_key_encoding: { name: 'default', configuration: { separator: '/' } },
    fill_value: 3,
    codecs: [{ name: 'bytes' }],
    attributes: {},
    ...stated,
  };
}

async function whyOf(files: Readonly<Record<string, Uint8Array>>): Promise<string | undefined> {
  const [set] = [...(await weighBytes(files)).values()];
  assert.equal(set?.identity === null, set?.undecided.length !== 0);
  return set?.undecided[0]?.why;
}

test('an array of which a group above it says another thing is undecided: its library goes by the group', async () => {
  const group = (stated: Stated): Uint8Array =>
    json({ zarr_consolidated_format: 1, metadata: { 'l/w/.zarray': stated } });
  const two = (stated: Stated): Promise<string | undefined> =>
    whyOf({ 'm/l/w/.zarray': json(versionTwo()), 'm/l/w/0': Buffer.from('ab'), 'm/.zmetadata': group(stated) });
  assert.equal(await two(versionTwo()), undefined);
  assert.equal(await two(Object.fromEntries(Object.entries(versionTwo()).toReversed())), undefined);
  for (const other of [
    { fill_value: 9 },
    { dtype: '|i1' },
    { shape: [3] },
    { dimension_separator: '/', shape: [4, 1] },
  ])
    assert.match((await two(versionTwo(other))) ?? '', /consolidated in m\/ says another thing/);
  const three = (stated: Stated, path = 'l/w'): Promise<string | undefined> =>
    whyOf({
      'l/w/zarr.json': json(versionThree()),
      'zarr.json': json({
        zarr_format: 3,
        node_type: 'group',
        consolidated_metadata: { kind: 'inline', must_understand: false, metadata: { [path]: stated } },
      }),
    });
  assert.equal(await three(versionThree()), undefined);
  assert.match((await three(versionThree({ fill_value: 9 }))) ?? '', /in the folder above says another thing/);
  assert.match((await three(versionThree(), 'l/v')) ?? '', /an array that is not there: l\/v\/zarr\.json/);
});

test('what a group says is read once for all its arrays', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `w${at}`);
  const metadata = Object.fromEntries(names.map((name) => [`${name}/.zarray`, versionTwo()]));
  const files = new Map<string, Uint8Array>(names.map((name) => [`m/${name}/.zarray`, json(versionTwo())]));
  files.set('m/.zmetadata', json({ metadata }));
  let reads = 0;
  const beside: Beside = async (path, read) => {
    const bytes = files.get(path);
    if (path === 'm/.zmetadata') reads += 1;
    return bytes === undefined ? null : read(bytesSource(bytes));
  };
  for (const name of names) {
    const path = `m/${name}/.zarray`;
    const { undecided } = await zarrWeights({ path, source: bytesSource(files.get(path) as Uint8Array), beside });
    assert.deepEqual(undecided, []);
  }
  assert.equal(reads, 1);
});

test('chunks through storage transformers are undecided', async () => {
  assert.equal(await whyOf({ 'w/zarr.json': json(versionThree({ storage_transformers: [] })) }), undefined);
  const transformed = json(versionThree({ storage_transformers: [{ name: 'x' }] }));
  assert.match((await whyOf({ 'w/zarr.json': transformed })) ?? '', /storage transformers/);
});

test('chunks without end, none of them written, are not asked for one by one', async () => {
  const many = json(versionTwo({ shape: [2 ** 43], chunks: [1] }));
  assert.match((await whyOf({ 'w/.zarray': many })) ?? '', /more than 5000000 chunks/);
});

test('the index of a shard is read once where the indexes fit in memory, and a bounded number of times where they do not', async () => {
  const read = async (rows: number, columns: number): Promise<{ reads: number; why: string | undefined }> => {
    const sharding = { chunk_shape: [1, 1], codecs: [{ name: 'bytes' }], index_codecs: [{ name: 'bytes' }] };
    const description = json(
      versionThree({
        shape: [rows, columns],
        chunk_grid: { name: 'regular', configuration: { chunk_shape: [rows, 1] } },
        codecs: [{ name: 'sharding_indexed', configuration: sharding }],
      }),
    );
    let reads = 0;
    const index = new Uint8Array(rows * 16).fill(255);
    const shard: Source = { size: index.length, read: async () => ((reads += 1), index) };
    const beside: Beside = async (path, use) => (path.startsWith('w/c/') ? use(shard) : null);
    const { tensors } = await zarrWeights({ path: 'w/zarr.json', source: bytesSource(description), beside });
    const { elements } = tensors[0] as WeightTensor;
    assert.ok(elements.kind === 'made');
    try {
      for await (const _ of elements.open(bytesSource(description)));
      return { reads, why: undefined };
    } catch (error) {
      return { reads, why: (error as Error).message };
    }
  };
  assert.deepEqual(await read(64, 3), { reads: 3, why: undefined });
  const { reads, why } = await read(1 << 19, 9);
  assert.equal(reads, 16 * 9);
  assert.match(why ?? '', /read too often/);
});
