import { requireLinear, workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { bytesSource, fieldReader, readFormat, type FormatReport } from '../../../src/domain/formats/index.ts';
import type { Source } from '../../../src/domain/base/source.ts';
import { codesOf, hollowSource, manyTensors, reportOf, safetensors, u32le, u64le } from './support.ts';

const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Reads, and holds the reader to an amount of work and to a growth of memory. */
async function within(limits: { steps: number; mib: number }, path: string, source: Source): Promise<FormatReport> {
  collectGarbage();
  const before = process.memoryUsage().rss;
  const { steps, result: report } = await workOf(() => readFormat({ path, source }));
  const mib = (process.memoryUsage().rss - before) / MIB;
  assert.ok(steps < limits.steps, `${path} took ${steps} steps`);
  assert.ok(mib < limits.mib, `${path} took ${mib.toFixed(0)} MiB`);
  return report;
}

test('a safetensors header of twice as many tensors is twice the work', async () => {
  await requireLinear(10_000, (size) => {
    const source = bytesSource(safetensors(manyTensors(size)));
    return () => readFormat({ path: 'many.safetensors', source });
  });
});

test('a protobuf of nothing but fields ends at their limit', async () => {
  const fields = Buffer.alloc(MIB);
  for (let at = 0; at < fields.length; at += 2) fields[at] = 0x18;
  const walk = async (limit: number): Promise<number> => {
    let count = 0;
    for await (const { number } of fieldReader(bytesSource(fields), limit)()) count += number === 3 ? 1 : 0;
    return count;
  };
  await assert.rejects(walk(10_000), (error) => error instanceof WeighmarkError && error.code === 'limit-exceeded');
  assert.equal(await walk(1_000_000), MIB / 2);
});

test('a pickle of half a million values in one list', async () => {
  const list = Buffer.concat([Buffer.from('\x80\x04](', 'latin1'), Buffer.alloc(500_000, 'N'), Buffer.from('e.')]);
  assert.deepEqual(codesOf(await within({ steps: 5e7, mib: 400 }, 'list.pkl', bytesSource(list))), []);
});

test('flat tables that all point to one table are read within a budget', async () => {
  const count = 500_000;
  const table = Buffer.concat([u32le(count * 4 + 200), Buffer.from('TFL3'), Buffer.alloc(count * 4 + 100)]);
  assert.equal((await within({ steps: 1e6, mib: 500 }, 'shared.tflite', bytesSource(table))).complete, false);
});

test('an archive whose records all name the same megabyte', async () => {
  const name = Buffer.alloc(60_000, 'a');
  const record = Buffer.concat([
    u32le(0x02014b50),
    Buffer.alloc(24),
    Buffer.from([0x60, 0xea]),
    Buffer.alloc(16),
    name,
  ]);
  const records = Buffer.concat(Array.from({ length: 2000 }, () => record));
  const end = Buffer.concat([
    u32le(0x06054b50),
    Buffer.alloc(4),
    Buffer.from([0xd0, 7, 0xd0, 7]),
    u32le(records.length),
    u32le(0),
    Buffer.alloc(2),
  ]);
  const report = await within({ steps: 1e9, mib: 700 }, 'names.zip', bytesSource(Buffer.concat([records, end])));
  assert.ok(report.problems.length < 10_000);
});

test('gzip of zeros, a thousandfold, ends at the ratio', async () => {
  const bomb = gzipSync(Buffer.alloc(256 * MIB), { level: 9 });
  assert.equal((await within({ steps: 1e6, mib: 400 }, 'bomb.csv.gz', bytesSource(bomb))).complete, false);
});

test('an empty file of any name, and one that is all zeros', async () => {
  for (const path of ['model.safetensors', 'model.onnx', 'a.csv', 'a.parquet', 'a'])
    assert.deepEqual((await reportOf(new Uint8Array(0), path)).format, 'empty');
  assert.equal(
    (await within({ steps: 2e5, mib: 100 }, 'model.gguf', hollowSource(2 ** 40, new Uint8Array(0)))).complete,
    false,
  );
});

test('a file that claims two formats is said to be both', async () => {
  const pickle = Buffer.from('\x80\x04N.', 'latin1');
  const end = Buffer.concat([u32le(0x06054b50), Buffer.alloc(18)]);
  assert.deepEqual(
    new Set((await reportOf(Buffer.concat([pickle, end]), 'a.pkl')).matches),
    new Set(['pickle', 'zip']),
  );
  const header = Buffer.concat([u64le(2), Buffer.from('{}'), Buffer.alloc(247), Buffer.from('ustar')]);
  assert.deepEqual(
    new Set((await reportOf(Buffer.concat([header, Buffer.alloc(512)]), 'a.safetensors')).matches),
    new Set(['safetensors', 'tar']),
  );
});

test('a name that promises what the content does not hold leaves the file unexamined', async () => {
  const report = await reportOf(Buffer.from([1, 2, 3, 250, 251, 252, 1, 2, 3]), 'model.onnx');
  assert.deepEqual([report.format, report.named, codesOf(report)], ['unknown', 'onnx', ['malformed']]);
});
