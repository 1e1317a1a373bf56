import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Source } from '../../../src/domain/base/source.ts';
import { bytesSource, readFormat, type FormatReport } from '../../../src/domain/formats/index.ts';
import { codesOf, manyTensors, safetensors } from './support.ts';

const MIB = 2 ** 20;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Reads, and holds the reader to a growth of memory and to reading the file twice at most. */
async function within(limits: { mib: number }, path: string, source: Source): Promise<FormatReport> {
  let bytes = 0;
  const counted: Source = {
    size: source.size,
    read: (offset, length) => ((bytes += length), source.read(offset, length)),
  };
  collectGarbage();
  const before = process.memoryUsage().rss;
  const report = await readFormat({ path, source: counted });
  const mib = (process.memoryUsage().rss - before) / MIB;
  assert.ok(mib < limits.mib, `${path} took ${mib.toFixed(0)} MiB`);
  assert.ok(bytes <= 2 * source.size + MIB, `${path} was read ${(bytes / source.size).toFixed(1)} times`);
  return report;
}

test('a safetensors header of 50 MB', async (t) => {
  await t.test('of half a million tensors is read, in windows', async () => {
    const report = await within({ mib: 600 }, 'many.safetensors', bytesSource(safetensors(manyTensors(600_000))));
    assert.ok((report.tensors?.count ?? 0) > 500_000);
    assert.equal(report.tensors?.truncated, true);
  });
  await t.test('of one value is refused', async () => {
    assert.deepEqual(
      codesOf(await within({ mib: 300 }, 'long.safetensors', bytesSource(safetensors(`{"a":"${'x'.repeat(50e6)}"}`)))),
      ['limit'],
    );
  });
  await t.test('of spaces is well-formed', async () => {
    assert.deepEqual(
      codesOf(await within({ mib: 300 }, 'spaces.safetensors', bytesSource(safetensors(`{}${' '.repeat(50e6)}`)))),
      [],
    );
  });
  await t.test('of brackets is refused', async () => {
    assert.deepEqual(
      codesOf(await within({ mib: 300 }, 'deep.safetensors', bytesSource(safetensors(`{"a":${'['.repeat(50e6)}`)))),
      ['limit'],
    );
  });
  await t.test('without an end is refused', async () => {
    assert.deepEqual(
      codesOf(await within({ mib: 300 }, 'open.safetensors', bytesSource(safetensors(`{"a":"${'\\'.repeat(50e6)}`)))),
      ['limit'],
    );
  });
});
