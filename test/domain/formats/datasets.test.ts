import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { codesOf, metadataOf, reportOf, reportOfFile } from './support.ts';

const VEGA = 'node_modules/vega-datasets/data';
const vega = (name: string) => reportOfFile(`${VEGA}/${name}`);
const text = (content: string, path: string) => reportOf(Buffer.from(content), path);
const columnsOf = (report: Awaited<ReturnType<typeof vega>>) => report.columns?.map(({ name }) => name);

test('CSV and TSV: header, delimiter, rows', async () => {
  const airports = await vega('airports.csv');
  assert.deepEqual(
    [airports.format, airports.kind, airports.rows, columnsOf(airports)],
    ['csv', 'dataset', 3376, ['iata', 'name', 'city', 'state', 'country', 'latitude', 'longitude']],
  );
  const unemployment = await vega('unemployment.tsv');
  assert.deepEqual([unemployment.format, unemployment.rows, columnsOf(unemployment)], ['tsv', 3218, ['id', 'rate']]);
});

test('a line break inside quotes ends no row; blank lines are none; the last needs no line break', async () => {
  assert.equal((await text('a,b\n1,"x\ny"\n\n2,z', 'a.csv')).rows, 2);
  assert.equal((await text('a,b\r\n1,2\r\n', 'a.csv')).rows, 1);
  assert.deepEqual(columnsOf(await text('"a ""b""";c\n1;2\n', 'a.csv')), ['a "b"', 'c']);
});

test('a first line of a million cells, or of one endless quote', async () => {
  const wide = await text(`${'a,'.repeat(1_000_000)}b\n`, 'a.csv');
  assert.deepEqual([wide.rows !== undefined, codesOf(wide)], [true, ['limit']]);
  assert.equal((await text(`"${'a'.repeat(2_000_000)}`, 'a.csv')).complete, false);
});

test('without a header every row counts', async () => {
  const report = await text('1,2\n3,4\n', 'a.csv');
  assert.deepEqual([report.rows, report.columns], [2, undefined]);
});

test('a quote that is never closed leaves the count in doubt', async () => {
  assert.equal((await text('a,b\n1,"2\n3,4\n', 'a.csv')).complete, false);
});

test('rows of any table are counted as a CSV writer wrote them', async () => {
  const cell = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', ',', '"', '\n', ' ', 'é') });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 20 }), async (rows) => {
      const quoted = (value: string): string => `"${value.replaceAll('"', '""')}"`;
      const csv = ['name,value', ...rows.map((row) => row.map(quoted).join(','))].join('\n');
      assert.equal((await text(csv, 'a.csv')).rows, rows.length);
    }),
  );
});

test('JSON Lines', async () => {
  const report = await text('{"text":"a","label":1}\n\n{"text":"b","label":0}\n', 'train.jsonl');
  assert.deepEqual([report.format, report.rows, columnsOf(report)], ['jsonl', 2, ['text', 'label']]);
});

test('JSON Lines under a .json name; a table in Latin-1', async () => {
  assert.deepEqual(
    [(await text('{"a":1}\n{"a":2}\n', 'train.json')).format, (await text('{"a":1}\n{"a":2}\n', 'train.json')).rows],
    ['jsonl', 2],
  );
  const latin = await reportOf(Buffer.from('name,city\nJos\xe9,M\xe1laga\n', 'latin1'), 'people.csv');
  assert.deepEqual([latin.format, latin.rows, latin.complete], ['csv', 1, true]);
});

test('a JSON array too large to hold is counted all the same', async () => {
  const record = JSON.stringify({ text: 'a, "b" [c] \\\\ {'.repeat(20) });
  const count = Math.ceil((33 << 20) / record.length);
  const report = await text(`[${Array.from({ length: count }, () => record).join(',')}]`, 'train.json');
  assert.deepEqual([report.rows, report.kind, report.complete], [count, 'dataset', true]);
});

test('a JSON array of records is a table; a configuration is not', async () => {
  const cars = await vega('cars.json');
  assert.deepEqual([cars.kind, cars.rows, columnsOf(cars)?.[0]], ['dataset', 406, 'Name']);
  assert.equal((await text('{"model_type":"bert"}', 'config.json')).kind, 'config');
  assert.equal((await text('{"a":1,"a":2}', 'config.json')).complete, false);
});

test('Parquet: rows, columns and writer from the footer alone', async () => {
  const report = await vega('flights-3m.parquet');
  assert.deepEqual(
    [report.rows, columnsOf(report)],
    [3_000_000, ['date', 'delay', 'distance', 'origin', 'destination']],
  );
  assert.equal(metadataOf(report, 'created_by'), 'Polars');
});

test('Arrow files and streams', async () => {
  const file = await vega('flights-200k.arrow');
  assert.deepEqual(
    [file.rows, file.columns],
    [
      200_000,
      [
        { name: 'delay', type: 'int16' },
        { name: 'distance', type: 'int16' },
        { name: 'time', type: 'float32' },
      ],
    ],
  );
  const stream = await reportOfFile('fixtures/formats/table.arrows');
  assert.deepEqual([stream.format, stream.rows, metadataOf(stream, 'made')], ['arrow-stream', 3, 'by hand']);
});

test('the same facts from a compressed table', async () => {
  const report = await reportOf(gzipSync(readFileSync(`${VEGA}/airports.csv`)), 'airports.csv.gz');
  assert.deepEqual([report.format, report.inner, report.kind, report.rows], ['gzip', 'csv', 'dataset', 3376]);
});

test('a footer that promises too much ends it at once', async () => {
  const list = Buffer.from('29ffffffff0f', 'hex'); // field 2, a list of 2^28 structs
  const footer = Buffer.concat([list, Buffer.alloc(64)]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  const bytes = Buffer.concat([Buffer.from('PAR1'), footer, length, Buffer.from('PAR1')]);
  assert.equal((await reportOf(bytes, 'a.parquet')).complete, false);
  const deep = Buffer.concat([
    Buffer.from('PAR1'),
    Buffer.alloc(4000, 0x1c),
    Buffer.from([0xa0, 0x0f, 0, 0]),
    Buffer.from('PAR1'),
  ]);
  assert.deepEqual(codesOf(await reportOf(deep, 'a.parquet')), ['limit']);
});

test('images by their own header', async () => {
  const report = await vega('ffox.png');
  assert.deepEqual(
    [report.format, report.version, metadataOf(report, 'width'), metadataOf(report, 'height')],
    ['image', 'png', 100, 100],
  );
});

test('a Git LFS pointer is not the file', async () => {
  const oid = 'a'.repeat(64);
  const report = await text(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize 12345\n`,
    'model.safetensors',
  );
  assert.deepEqual(
    [report.format, report.named, metadataOf(report, 'oid'), metadataOf(report, 'size')],
    ['lfs-pointer', 'safetensors', `sha256:${oid}`, 12345],
  );
});
