import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { MemberVector } from '../../../fixtures/records/make.ts';
import { MEMBER_CASES } from '../../../fixtures/records/member-cases.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { compareIndexes } from '../../../src/domain/records/compare.ts';
import { chooseFormat, formatOfName, parseReading, type Reading } from '../../../src/domain/records/reading.ts';
import { RecordIndex } from '../../../src/domain/records/record-index.ts';
import { schemaDigest, type Roots } from '../../../src/domain/records/roots.ts';
import { encodeText } from '../../../src/flows/data/prove.ts';
import { locateDataset, type Declared } from '../../../src/flows/data/locate.ts';

const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};
const folder = mkdtempSync(join(tmpdir(), 'weighmark-members-'));
const vectors = JSON.parse(readFileSync('fixtures/records/member-vectors.json', 'utf8')) as readonly MemberVector[];
const records = createRecords({ env: { XDG_CACHE_HOME: join(folder, 'cache') } });

function put(name: string, files: Readonly<Record<string, Uint8Array>>): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true });
    writeFileSync(join(folder, name, path), bytes);
  }
  return join(folder, name);
}

async function index(root: string, declared: Declared) {
  const { files, reading } = await locateDataset(root, declared, createFiles());
  return { files, ...(await records.index({ files, reading, secret: null, keep: true }, watch)) };
}

const encodingsAt = async (files: Awaited<ReturnType<typeof index>>['files'], roots: Roots, wanted: number[]) => {
  const file = records.open(roots);
  assert.ok(file !== null);
  const asked = new RecordIndex(file, records.hasher);
  const source = { files, roots, offsetBefore: (at: number) => asked.offsetBefore(at) };
  const read: [number, string][] = [];
  for await (const { position, encoding } of records.read(source, wanted))
    read.push([position, Buffer.from(encoding).toString('hex')]);
  file.close();
  return read;
};

MEMBER_CASES.forEach(({ name, reading, files }, at) =>
  test(`files on the disk have the roots of the vector: ${name}`, async () => {
    const vector = vectors.find((each) => each.name === name);
    const bytes = Object.entries(files).map(([path, base64]) => [path, Buffer.from(base64, 'base64')]);
    const root = put(`case-${at}`, Object.fromEntries(bytes));
    try {
      const { roots, files: found } = await index(root, reading);
      assert.deepEqual([roots.ordered, roots.set], [vector?.ordered, vector?.set]);
      assert.equal(schemaDigest(roots.columns), vector?.schema);
      const read = await encodingsAt(found, roots, [...Array(roots.records).keys()]);
      assert.deepEqual(
        read,
        Object.entries(vector?.encodings ?? {}).map(([place, hex]) => [Number(place), hex]),
      );
    } catch (error) {
      if (!(error instanceof WeighmarkError)) throw error;
      assert.equal(error.code, 'record-invalid');
      assert.match(error.message, /^shard\.tar, byte \d+: /);
      assert.deepEqual({ byte: Number(error.facts['byte']) }, vector?.refused);
    }
  }),
);

test('a file that moves inside its folder moves by content, and is another record by path', async () => {
  const bytes = Object.fromEntries(['b', 'c', 'd'].map((name) => [`cat/${name}.jpg`, Buffer.from(name)]));
  const root = put('moved', { ...bytes, 'dog/a.jpg': Buffer.from('a') });
  const indexed = async (by: 'path' | 'content') => (await index(root, { by })).roots;
  const before = { path: await indexed('path'), content: await indexed('content') };
  renameSync(join(root, 'cat/b.jpg'), join(root, 'cat/z.jpg'));
  const after = { path: await indexed('path'), content: await indexed('content') };
  assert.equal(after.content.set, before.content.set);
  assert.notEqual(after.path.set, before.path.set);
  assert.notEqual(after.content.ordered, before.content.ordered);
  const [old, now] = [records.open(before.content), records.open(after.content)];
  assert.ok(old !== null && now !== null);
  const { common, removed, added, moved } = compareIndexes(
    new RecordIndex(old, records.hasher),
    new RecordIndex(now, records.hasher),
  );
  assert.deepEqual([common, removed.count, added.count, moved], [4, 0, 0, 3], 'and those that it passed');
  old.close();
  now.close();
  renameSync(join(root, 'cat/z.jpg'), join(root, 'dog/z.jpg'));
  assert.notEqual((await indexed('content')).set, before.content.set, 'the first folder is its label');
});

test('samples far into a tar are read again from where they begin', async () => {
  const root = put('far', { 'shard.tar': longTar(1000) });
  const { files, roots } = await index(root, {});
  assert.equal(roots.records, 1000);
  const read = await encodingsAt(files, roots, [0, 63, 64, 700, 999]);
  for (const [position, hex] of read) assert.equal(hex, sample(position));
  assert.deepEqual(
    read.map(([position]) => position),
    [0, 63, 64, 700, 999],
  );
});

test('parts of a folder of files give the roots of the whole', async () => {
  const bytes = Object.fromEntries([1, 2, 3].map((at) => [`x/${at}.png`, Buffer.from(`${at}`)]));
  const root = put('sliced', bytes);
  const { files, roots } = await index(root, {});
  const sliced = files.map(({ path, location, sizeBytes, stamp }) => {
    return { path, location, sizeBytes, stamp, slice: { start: 0, end: sizeBytes } };
  });
  const again = await records.index({ files: sliced, reading: roots.reading, secret: null, keep: false }, watch);
  assert.deepEqual(again.roots, roots);
});

test('a record is written with digests in hex', () => {
  const hex = Buffer.alloc(32, 7).toString('hex');
  const media: Reading = { format: 'media', profile: 'typed' };
  const one = encodeText(`{"bytes":"${hex}","path":"a/b.jpg","label":"a"}`, media);
  assert.deepEqual(encodeText(`{"label":"a","path":"a/b.jpg","bytes":"blake3:${hex}"}`, media), one);
  const { encodings } = vectors.find(({ name }) => name === 'samples') ?? {};
  const [jpg, cls] = [/6a706705(20.{64})/, /636c7305(20.{64})/].map((part) => part.exec(encodings?.[0] ?? '')?.[1]);
  const text = `{"__key__":"000","jpg":"${jpg?.slice(2)}","cls":"${cls?.slice(2)}"}`;
  const webdataset: Reading = { format: 'webdataset', profile: 'typed' };
  assert.equal(Buffer.from(encodeText(text, webdataset)).toString('hex'), encodings?.[0]);
  for (const bad of ['{"bytes":"x"}', '{"bytes":7}', '{"path":7}'])
    assert.throws(() => encodeText(bad, media), /is no (?:text|BLAKE3)/);
});

test('what a folder is read as: a table before what it describes, files before texts beside them', () => {
  assert.deepEqual(chooseFormat(['media', 'csv', 'text']), ['csv']);
  assert.deepEqual(chooseFormat(['csv', 'jsonl', 'webdataset']), ['csv', 'jsonl']);
  assert.deepEqual(chooseFormat(['text', 'media', 'webdataset']), ['webdataset']);
  assert.deepEqual(chooseFormat(['text', 'media']), ['media']);
  assert.deepEqual(chooseFormat([]), []);
  assert.deepEqual(['a/B.JPG', 'a.tar', 'a.tar.gz', 'a.npy'].map(formatOfName), ['media', 'webdataset', null, null]);
  assert.throws(() => parseReading({ format: 'jsonl', by: 'content' }), /jsonl has no by/);
  assert.throws(() => parseReading({ format: 'media', by: 'name' }), /not usable/);
  assert.throws(() => parseReading({ format: 'media', by: 'path' }), /not usable/, 'the default is not written');
});

/** A tar of samples, a text each. */
function longTar(count: number): Buffer {
  const header = Buffer.from(MEMBER_CASES.find(({ name }) => name === 'samples')?.files['shard.tar'] ?? '', 'base64');
  return Buffer.concat(
    Array.from({ length: count }, (_, at) => {
      const member = Buffer.from(header.subarray(0, 1024));
      member.write(`${String(at).padStart(3, '0')}.txt\0`, 0, 'latin1');
      member.fill(' ', 148, 156);
      const sum = member.subarray(0, 512).reduce((total, byte) => total + byte, 0);
      member.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
      return member;
    }),
  );
}

function sample(position: number): string {
  const one = /6a706705(20.{64})/.exec(vectors.find(({ name }) => name === 'samples')?.encodings?.[0] ?? '')?.[1];
  const text = JSON.stringify({ __key__: String(position).padStart(3, '0'), txt: one?.slice(2) });
  return Buffer.from(encodeText(text, { format: 'webdataset', profile: 'typed' })).toString('hex');
}
