import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { scanFile } from '../../../src/domain/scan/index.ts';
import { bytesSource, windowSource } from '../../../src/domain/base/source.ts';
import { readFormat } from '../../../src/domain/formats/index.ts';
import { zip } from '../scan/build.ts';
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

const number = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(typeof value === 'bigint' ? 8 : 4);
  if (typeof value === 'bigint') bytes.writeBigInt64LE(value);
  else bytes.writeInt32LE(value);
  return bytes;
};

test('fastText: two matrices behind a dictionary; a quantised one is not counted', async () => {
  const file = (quantised: number): Buffer =>
    Buffer.concat([
      number(793_712_314),
      number(12),
      ...[2, 5, 5, 1, 5, 1, 3, 1, 0, 0, 0, 100].map(number),
      Buffer.alloc(8),
      ...[1, 1, 0].map(number),
      number(1n),
      number(-1n),
      Buffer.from('word\0'),
      number(1n),
      Buffer.from([0]),
      ...[Buffer.from([quantised]), number(1n), number(2n), Buffer.alloc(8)],
      ...[Buffer.from([0]), number(1n), number(2n), Buffer.alloc(8)],
    ]);
  const report = await reportOf(file(0), 'lid.bin');
  assert.deepEqual([report.format, report.parameters, report.problems], ['fasttext', 4, []]);
  assert.equal((await reportOf(file(1), 'lid.ftz')).parameters, undefined);
  const endless = Buffer.concat([file(0).subarray(0, 56 + 8 + 12), number(1n), number(-1n), Buffer.alloc(100_000, 97)]);
  assert.equal((await reportOf(endless, 'lid.bin')).complete, false);
});

test('PaddlePaddle: a program names its weights; tensors lie one after another; int8 may be float8', async () => {
  const program = '{"base_code":{"magic":"pir","trainable":false,"version":1},"program":{}}';
  const report = await reportOf(Buffer.from(program), 'inference.json');
  assert.deepEqual(
    [report.format, report.kind, report.references],
    ['paddle', 'config', [{ kind: 'weights', target: 'inference.pdiparams' }]],
  );
  const tensor = (type: number, bytes: number): Buffer =>
    Buffer.concat([
      number(0),
      number(0n),
      number(0),
      number(6),
      Buffer.from([8, type, 16, 2, 16, 3]),
      Buffer.alloc(bytes),
    ]);
  const params = await reportOf(Buffer.concat([tensor(5, 24), tensor(5, 24)]), 'inference.pdiparams');
  assert.deepEqual([params.format, params.parameters, params.problems], ['paddle-params', 12, []]);
  assert.equal((await reportOf(tensor(21, 6), 'a.pdiparams')).parameters, undefined);
  assert.equal((await reportOf(tensor(5, 20), 'a.pdiparams')).complete, false);
});

test('formats that are only recognised are still called what they are', async () => {
  const padded = (head: Buffer | string, size = 600): Buffer => Buffer.concat([Buffer.from(head), Buffer.alloc(size)]);
  const traineddata = Buffer.concat([number(17), ...Array.from({ length: 17 }, (_, i) => number(BigInt(140 + i)))]);
  for (const [format, bytes, name, kind] of [
    ['matlab', padded('MATLAB 5.0 MAT-file, Platform: GLNXA64'), 'a.mat', 'dataset'],
    ['stata', padded('<stata_dta><header><release>118</release>'), 'a.dta', 'dataset'],
    ['stata', padded(Buffer.from([115, 2, 1, 0])), 'a.dta', 'dataset'],
    ['spss', padded('$FL2@(#) SPSS DATA FILE'), 'a.sav', 'dataset'],
    ['netcdf', padded('CDF\x01'), 'a.nc', 'dataset'],
    ['tesseract', padded(traineddata), 'eng.traineddata', 'weights'],
    ['executorch', padded('\x1c\0\0\0ET12eh00'), 'm.pte', 'weights'],
    ['executorch-data', padded('\x1c\0\0\0FT01FH01'), 'm.ptd', 'weights'],
  ] as const) {
    const report = await reportOf(bytes, name);
    assert.deepEqual([report.format, report.kind, report.parameters], [format, kind, undefined], name);
  }
});

test('a list of plain texts is a vocabulary, a list of records a table', async () => {
  assert.equal((await reportOf(Buffer.from('["a","b"]'), 'shared_vocabulary.json')).kind, 'config');
  assert.equal((await reportOf(Buffer.from('[{"a":1}]'), 'rows.json')).kind, 'dataset');
});

const stored = (...members: readonly { name: string; data: Uint8Array }[]): Buffer => zip(members);

test('models inside bundles: a MediaPipe task, a llamafile, a NeMo archive, in places of the whole file', async () => {
  const tflite = readFileSync(`${FOLDER}/flex.tflite`);
  const task = stored({ name: 'detector.tflite', data: tflite }, { name: 'labels.txt', data: Buffer.from('a') });
  const bundle = await reportOf(task, 'hand.task');
  assert.deepEqual([bundle.format, bundle.parameters], ['mediapipe-task', 8]);
  const inner = (await reportOf(tflite, 'a.tflite')).tensors?.items[0];
  assert.equal(bundle.tensors?.items[0]?.offset, task.indexOf(tflite) + (inner?.offset ?? 0));

  const gguf = readFileSync(`${FOLDER}/small/big-endian.gguf`);
  const program = Buffer.concat([Buffer.from(`MZqFpD='\n`), Buffer.alloc(100), stored({ name: 'm.gguf', data: gguf })]);
  const llamafile = await reportOf(program, 'm.llamafile');
  assert.deepEqual([llamafile.format, llamafile.kind, llamafile.parameters], ['llamafile', 'weights', 64]);
  assert.ok(llamafile.matches.includes('zip'));
  const tool = Buffer.concat([Buffer.from(`MZqFpD='\n`), stored({ name: 'a.txt', data: Buffer.from('a') })]);
  assert.equal((await reportOf(tool, 'tool.com')).format, 'executable');

  const nemo = tar([
    ['model_config.yaml', Buffer.from('a: 1')],
    ['model_weights.ckpt', readFileSync(`${FOLDER}/torch/linear.pt`)],
  ]);
  const model = await reportOf(nemo, 'asr.nemo');
  assert.deepEqual([model.format, model.kind, model.parameters], ['nemo', 'weights', 20]);
  const own = readFileSync(`${FOLDER}/torch/linear.pt`);
  const [inside, alone] = [model, await reportOf(own, 'a.pt')].map(({ tensors }) => tensors?.items[0]?.offset ?? 0);
  assert.equal(nemo.readFloatLE(inside), own.readFloatLE(alone));
});

function tar(files: readonly (readonly [string, Buffer])[]): Buffer {
  const parts = files.flatMap(([name, data]) => {
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write(`${data.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('ustar\x0000', 257);
    header.write('        ', 148);
    header.write(
      `${header
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0')}\0 `,
      148,
    );
    return [header, data, Buffer.alloc((512 - (data.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** A table of LevelDB with one block of entries, as TensorFlow writes its index. */
function checkpointIndex(entries: readonly (readonly [key: string, value: Buffer])[]): Buffer {
  const block = (pairs: readonly (readonly [string, Buffer])[]): Buffer =>
    Buffer.concat([
      ...pairs.flatMap(([key, value]) => [Buffer.from([0, key.length, value.length]), Buffer.from(key), value]),
      number(0),
      number(1),
    ]);
  const trailer = Buffer.alloc(5);
  const handle = (offset: number, size: number): Buffer =>
    Buffer.from(
      [offset & 0x7f, offset >> 7, size & 0x7f, size >> 7].map((byte, at) => (at % 2 === 0 ? byte | 0x80 : byte)),
    );
  const data = block(entries);
  const index = block([['z', handle(0, data.length)]]);
  const footer = Buffer.alloc(48);
  Buffer.concat([handle(0, 0), handle(data.length + 5, index.length)]).copy(footer);
  footer.write('57fb808b247547db', 40, 'hex');
  return Buffer.concat([data, trailer, index, trailer, footer]);
}

test('a TensorFlow checkpoint: names, types and places from its index', async () => {
  const entry = (offset: number, size: number): Buffer =>
    Buffer.from([8, 1, 18, 8, 18, 2, 8, 2, 18, 2, 8, 3, 32, offset, 40, size]);
  const index = checkpointIndex([
    ['', Buffer.from([8, 1])],
    ['dense/kernel', entry(0, 24)],
    ['dense/kernel/.OPTIMIZER_SLOT/adam/m', entry(24, 24)],
  ]);
  const report = await reportOf(index, 'ckpt/model.index');
  assert.deepEqual([report.format, report.parameters, report.problems], ['tf-checkpoint', 6, []]);
  assert.deepEqual(report.tensors?.items[0], {
    name: 'dense/kernel',
    dtype: 'F32',
    shape: [2, 3],
    offset: 0,
    length: 24,
    location: 'model.data-00000-of-00001',
  });
  assert.deepEqual(report.references, [{ kind: 'weights', target: 'model.data-00000-of-00001', sizeBytes: 48 }]);
  for (let at = 0; at < index.length - 8; at += 3) {
    const bent = Buffer.from(index);
    bent[at] = 0xff;
    await reportOf(bent, 'ckpt/model.index');
  }
});

test('word2vec: its binary vectors, with a line end behind each word or without, and nothing that only begins so', async () => {
  const vectors = (words: number, size: number, end: string): Buffer =>
    Buffer.concat([
      Buffer.from(`${words} ${size}\n`),
      ...Array.from({ length: words }, (_, index) =>
        Buffer.concat([
          Buffer.from(`w${index} `),
          Buffer.from(new Float32Array(size).fill(index + 0.1).buffer),
          Buffer.from(end),
        ]),
      ),
    ]);
  for (const end of ['', '\n'])
    for (const words of [1, 3, 200]) {
      const report = await reportOf(vectors(words, 20, end), 'model.bin');
      assert.deepEqual(
        [report.format, report.kind, report.parameters],
        ['word2vec', 'weights', words * 20],
        `${words}`,
      );
      const { findings, unexamined } = await scanFile({
        path: 'model.bin',
        source: bytesSource(vectors(words, 20, end)),
      });
      assert.deepEqual([findings, unexamined], [[], []]);
    }
  const whole = vectors(200, 20, '');
  const others = [
    whole.subarray(0, -20 * 4 * 8),
    Buffer.concat([whole, Buffer.alloc(200 * 600)]),
    Buffer.concat([Buffer.from('200 20\n'), Buffer.alloc(whole.length)]),
    Buffer.concat([Buffer.from('0 20\n'), Buffer.alloc(100)]),
    Buffer.from('3 2\na 1.0 2.0\nb 1.0 2.0\nc 1.0 2.0\n'),
  ];
  for (const bytes of others) assert.notEqual((await reportOf(bytes, 'model.bin')).format, 'word2vec');
});

test('TensorRT-LLM: one file for each rank that its configuration counts', async () => {
  const config = (world: unknown): Buffer =>
    Buffer.from(
      JSON.stringify({ version: '1.0', pretrained_config: { mapping: { world_size: world } }, build_config: {} }),
    );
  const targets = async (world: unknown) =>
    (await reportOf(config(world), 'config.json')).references?.map(({ target }) => target);
  assert.deepEqual(await targets(2), ['rank0.engine', 'rank1.engine']);
  for (const world of [0, -1, 1.5, 1e9, '2', null]) assert.equal(await targets(world), undefined);
});
