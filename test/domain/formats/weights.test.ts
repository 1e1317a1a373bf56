import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { codesOf, field, metadataOf, reportOf, reportOfFile, VECTORS, vectorsMissing } from './support.ts';

const FIXTURES = 'fixtures/formats';
const benign = (name: string) => reportOfFile(`${VECTORS}/benign/${name}`);
const skip = vectorsMissing();

test('PyTorch zip: names, shapes, dtypes and places from the opcodes', { skip }, async () => {
  const report = await benign('state_dict.pt');
  assert.equal(report.format, 'torch-zip');
  assert.deepEqual(report.tensors?.items, [
    { name: 'fc.weight', dtype: 'F32', shape: [4, 3], offset: 576, length: 48, location: 'archive/data/0' },
    { name: 'fc.bias', dtype: 'F32', shape: [4], offset: 704, length: 16, location: 'archive/data/1' },
  ]);
  assert.equal(report.parameters, 16);
  assert.equal(metadataOf(report, 'byteorder'), 'little');
  assert.deepEqual(report.problems, []);
});

test('PyTorch before 1.6: five pickles, then the storages', { skip }, async () => {
  const report = await benign('state_dict_legacy.pth');
  assert.equal(report.format, 'torch-legacy');
  assert.deepEqual(report.tensors?.items, [{ name: 'w', dtype: 'F32', shape: [2, 2], offset: 324, length: 16 }]);
  assert.deepEqual(report.problems, []);
});

test('a pickle of arrays: listed, but their sum is no parameter count', { skip }, async () => {
  const report = await benign('sklearn_pipeline.pkl');
  assert.deepEqual(report.tensors?.elementsByDtype, { F64: 17, I64: 2, I32: 1 });
  assert.equal(report.parameters, undefined);
  assert.equal(metadataOf(report, '_sklearn_version'), '1.9.1');
});

test('joblib: arrays stored between the opcodes, also compressed', { skip }, async () => {
  const report = await benign('sklearn.joblib');
  assert.equal(report.format, 'joblib');
  assert.equal(report.tensors?.count, 7);
  const { readFileSync } = await import('node:fs');
  const wrapped = await reportOf(gzipSync(readFileSync(`${VECTORS}/benign/sklearn.joblib`)), 'model.joblib');
  assert.deepEqual([wrapped.format, wrapped.inner, wrapped.matches], ['joblib', 'joblib', ['joblib', 'gzip']]);
  assert.deepEqual(wrapped.tensors?.elementsByDtype, report.tensors?.elementsByDtype);
  assert.ok(wrapped.tensors?.items.every(({ offset }) => offset === undefined));
});

test('a pickle after the end of a pickle is seen', { skip }, async () => {
  assert.deepEqual(codesOf(await reportOfFile(`${VECTORS}/two_streams.pkl`)), ['trailing']);
  assert.equal((await reportOfFile(`${VECTORS}/broken_stream.pkl`)).complete, false);
});

test('NumPy arrays, alone and in a zip; an object array is said to be one', { skip }, async () => {
  assert.deepEqual((await benign('array.npy')).tensors?.items, [
    { name: 'array.npy', dtype: 'F32', shape: [3, 4], offset: 128, length: 48 },
  ]);
  const npz = await benign('arrays.npz');
  assert.deepEqual([npz.format, npz.tensors?.elementsByDtype, npz.parameters], ['npz', { F64: 3, I64: 4 }, 3]);
  assert.deepEqual(
    (await reportOfFile(`${VECTORS}/object_array.npy`)).tensors?.items.map(({ dtype }) => dtype),
    ['OBJECT'],
  );
});

test('Keras v3: configuration, layers, weights inside', { skip }, async () => {
  const report = await benign('dense.keras');
  assert.deepEqual([report.format, report.version, report.parameters], ['keras-v3', '3.8.0', 8]);
  assert.deepEqual(
    report.tensors?.items.map(({ name, location }) => [name, location]),
    [['layers/dense/vars/0', 'model.weights.h5']],
  );
  const lambda = await reportOfFile(`${VECTORS}/lambda.keras`);
  assert.deepEqual(
    lambda.operators?.filter(({ custom }) => custom).map(({ name }) => name),
    ['Lambda'],
  );
});

test('HDF5: attributes, groups, datasets', { skip }, async () => {
  const report = await benign('dense.h5');
  assert.equal(metadataOf(report, 'keras_version'), '2.12.0');
  assert.match(String(metadataOf(report, 'model_config')), /Sequential/);
  assert.deepEqual(report.tensors?.items, [
    { name: 'model_weights/d/kernel:0', dtype: 'F32', shape: [4, 2], offset: 8192, length: 32 },
  ]);
  assert.deepEqual(report.problems, []);
});

test('HDF5 points elsewhere: named, never followed', async () => {
  const links = await reportOfFile(`${FIXTURES}/links.h5`);
  assert.deepEqual(links.references, [{ kind: 'external-link', target: '../../../etc/passwd', subject: '/elsewhere' }]);
  assert.deepEqual(
    links.tensors?.items.map(({ name }) => name),
    ['here/kernel'],
    'a circle is walked once',
  );
  const storage = await reportOfFile(`${FIXTURES}/external-storage.h5`);
  assert.deepEqual(storage.references, [{ kind: 'external-data', target: '/etc/hostname', subject: '/stolen' }]);
  assert.equal(storage.tensors?.items[0]?.offset, undefined);
  assert.deepEqual(codesOf(await reportOfFile(`${FIXTURES}/virtual.h5`)), ['external-reference']);
});

test('HDF5 of the newest structures', async () => {
  const latest = await reportOfFile(`${FIXTURES}/latest.h5`);
  assert.deepEqual(latest.tensors?.elementsByDtype, { F16: 6, F64: 4096, I64: 1 });
  assert.equal(metadataOf(latest, 'keras_version'), '3.8.0');
  assert.equal(
    latest.tensors.items.find(({ name }) => name === 'weights/packed')?.offset,
    undefined,
    'chunks have no one place',
  );
  const dense = await reportOfFile(`${FIXTURES}/dense.h5`);
  assert.equal(dense.tensors?.count, 40);
  assert.equal(dense.metadata.length, 40);
  assert.deepEqual(dense.problems, []);
});

test('HDF5 behind a user block', async () => {
  const report = await reportOfFile(`${FIXTURES}/user-block.h5`);
  assert.deepEqual([metadataOf(report, 'backend'), report.parameters, codesOf(report)], ['jax', 6, ['prefix']]);
});

test('TFLite: quantised constants, custom operators, ports', async () => {
  const report = await reportOfFile(`${FIXTURES}/flex.tflite`);
  assert.deepEqual(report.operators, [
    { name: 'FULLY_CONNECTED', count: 1, custom: false },
    { name: 'custom:FlexErf', count: 1, custom: true },
  ]);
  assert.deepEqual(report.tensors?.parametersByDtype, { QI8: 8 });
  assert.deepEqual([report.inputs?.[0]?.name, report.outputs?.[0]?.shape], ['x', [1, 2]]);
});

test('SavedModel: operators of the graph and its functions', { skip }, async () => {
  const report = await reportOfFile(`${VECTORS}/savedmodel_readfile/saved_model.pb`);
  assert.deepEqual(
    report.operators?.map(({ name }) => name),
    ['Const', 'ReadFile', 'WriteFile', 'Identity'],
  );
  assert.equal(report.parameters, undefined);
});

test('a SentencePiece vocabulary is a tokenizer, not a graph', async () => {
  const piece = (text: string) => field(1, Buffer.concat([field(1, text), Buffer.from([0x15, 0, 0, 0x80, 0xbf])]));
  const report = await reportOf(Buffer.concat([piece('<unk>'), piece('a'), piece('b')]), 'spm.bin');
  assert.deepEqual([report.format, report.kind], ['sentencepiece', 'tokenizer']);
});

test('tar: duplicates, slips, links, long names', async () => {
  const report = await reportOfFile(`${FIXTURES}/slip.tar`);
  assert.deepEqual(codesOf(report), ['duplicate-key', 'link', 'unsafe-path']);
  assert.equal(report.members?.at(-1)?.name, `d/${'n'.repeat(300)}`);
});

test('a file in its compressed form is read one layer deep', { skip }, async () => {
  const report = await reportOfFile(`${VECTORS}/slip.tar.gz`);
  assert.deepEqual([report.format, report.inner, codesOf(report)], ['gzip', 'tar', ['unsafe-path']]);
  const twice = await reportOf(gzipSync(gzipSync(Buffer.from('x'))), 'a.gz');
  assert.deepEqual([twice.format, twice.inner, twice.members], ['gzip', 'gzip', undefined]);
});
