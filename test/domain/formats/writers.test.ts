import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scanFile } from '../../../src/domain/scan/index.ts';
import { bytesSource, windowSource } from '../../../src/domain/base/source.ts';
import { readFormat } from '../../../src/domain/formats/index.ts';
import { metadataOf, reportOf, reportOfFile } from './support.ts';
import { WRITTEN } from './written.ts';

const FOLDER = 'fixtures/formats';

for (const { path, format, kind, tensors, parameters } of WRITTEN)
  test(`${path}: ${format}, as its own library wrote it`, async () => {
    const report = await reportOfFile(`${FOLDER}/${path}`);
    assert.deepEqual(
      [report.format, report.kind, report.tensors?.count, report.parameters],
      [format, kind, tensors, parameters],
    );
    assert.deepEqual(report.problems, []);
  });

for (const { path, finding } of WRITTEN)
  test(`${path}: the scan ${finding ?? 'passes it'}`, async () => {
    const result = await scanFile({ path, source: bytesSource(readFileSync(`${FOLDER}/${path}`)) });
    assert.deepEqual(
      [result.findings.map(({ rule }) => rule), result.unexamined],
      [finding === undefined ? [] : [finding], []],
    );
  });

for (const { path, inPlace } of WRITTEN.filter((each) => each.inPlace !== undefined))
  test(`${path}: elements lie where the reader says`, async () => {
    const report = await reportOfFile(`${FOLDER}/${path}`);
    const [name = '', values = []] = inPlace ?? [];
    const tensor = report.tensors?.items.find((each) => each.name === name);
    assert.ok(tensor?.offset !== undefined && tensor.length !== undefined, `${name} has no place`);
    const bytes = Buffer.from(
      await windowSource(bytesSource(readFileSync(`${FOLDER}/${path}`)), tensor.offset, tensor.length).read(0, 4096),
    );
    assert.equal(bytes.length, tensor.length);
    assert.deepEqual(
      values.map((_, index) => Math.fround(bytes.readFloatLE(index * 4))),
      values.map(Math.fround),
    );
  });

test('every cut of a file its library wrote is read to the end or refused', async () => {
  for (const { path } of WRITTEN) {
    const bytes = readFileSync(`${FOLDER}/${path}`);
    for (let part = 1; part < 16; part++) {
      const source = bytesSource(bytes.subarray(0, Math.floor((bytes.length * part) / 16)));
      const report = await readFormat({ path, source });
      assert.ok(report.parameters === undefined || report.tensors !== undefined);
    }
  }
});

test('bytes turned at random: no reader throws, hangs or invents', async () => {
  let seed = 1;
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (const { path } of WRITTEN) {
    const original = readFileSync(`${FOLDER}/${path}`);
    for (let round = 0; round < 24; round++) {
      const bytes = Buffer.from(original);
      for (let turned = 0; turned < 4; turned++) bytes[next(Math.min(bytes.length, 4096))] = next(256);
      await reportOf(bytes, path);
    }
  }
});

test('a distributed checkpoint: `.metadata` names what `.distcp` holds, and how far its files reach', async () => {
  const index = await reportOfFile(`${FOLDER}/torch/dcp/.metadata`);
  assert.deepEqual(
    index.tensors?.items.map(({ name, dtype, shape, location, uncounted }) => [
      name,
      dtype,
      shape,
      location,
      uncounted,
    ]),
    [
      ['model.weight', 'F32', [5, 3], '__0_0.distcp', undefined],
      ['model.bias', 'F32', [5], '__0_0.distcp', undefined],
      ['optimizer.state.weight.exp_avg', 'F32', [5, 3], '__0_0.distcp', 'optimizer'],
    ],
  );
  const size = readFileSync(`${FOLDER}/torch/dcp/__0_0.distcp`).length;
  assert.deepEqual(index.references, [{ kind: 'shard', target: '__0_0.distcp', sizeBytes: size }]);
  assert.equal(metadataOf(await reportOfFile(`${FOLDER}/torch/dcp/__0_0.distcp`), 'objects'), 4);
});

test('a zip kept in a zip is no second directory; a second archive after the first is', async () => {
  const stored = readFileSync(`${FOLDER}/torch/stored.zip`);
  assert.deepEqual(
    (await reportOf(stored, 'a.zip')).problems.filter(({ code }) => code !== 'limit'),
    [],
  );
  const twice = await reportOf(Buffer.concat([stored, stored]), 'a.zip');
  assert.ok(twice.problems.some(({ code }) => code === 'several-directories'));
});

test('a row of archives is one only under its own name', async () => {
  const row = readFileSync(`${FOLDER}/torch/dcp/__0_0.distcp`);
  const result = await scanFile({ path: 'model.pt', source: bytesSource(row) });
  assert.ok(result.findings.some(({ rule }) => rule === 'WM-ARCHIVE-008' || rule === 'WM-ARCHIVE-003'));
  const gap = Buffer.concat([row, Buffer.from('no archive')]);
  const after = await scanFile({ path: 'a.distcp', source: bytesSource(gap) });
  assert.notEqual(after.verdict, 'pass');
});
