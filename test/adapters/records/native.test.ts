import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CASES } from '../../../fixtures/records/cases.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import type { Records } from '../../../src/domain/ports/records.ts';
import type { Reading } from '../../../src/domain/records/reading.ts';
import { hostileLines } from './hostile.ts';

const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};
const folder = mkdtempSync(join(tmpdir(), 'weighmark-native-'));
const engine = (kernel: 'native' | 'wasm'): Records =>
  createRecords({ env: { XDG_CACHE_HOME: join(folder, kernel) }, kernel });
const [native, script] = [engine('native'), engine('wasm')];
const skip = native.kernel === 'native' ? false : 'the records addon is not built (npm run build:records)';

interface Comparison {
  readonly what: string;
  readonly secret?: Uint8Array | null;
  /** Default: the index too. */
  readonly keep?: boolean;
}

/** Roots and the index's bytes, or the error a user sees. */
async function outcome(records: Records, reading: Reading, { secret = null, keep = true }: Partial<Comparison>) {
  const { entries } = await createFiles().walk(join(folder, 'data'));
  try {
    const { roots, index } = await records.index({ files: entries, reading, secret, keep }, watch);
    return { roots, index: index === null ? null : readFileSync(index).toString('hex') };
  } catch (error) {
    if (error instanceof WeighmarkError) return { code: error.code, message: error.message, facts: error.facts };
    throw error;
  }
}

async function assertSame(bytes: Uint8Array, reading: Reading, how: Comparison) {
  writeFileSync(join(folder, 'data'), bytes);
  assert.deepEqual(await outcome(native, reading, how), await outcome(script, reading, how), how.what);
}

test('the addon gives the same roots, the same index and the same refusals for every vector', { skip }, async () => {
  for (const { name, reading, bytes } of CASES) {
    await assertSame(Buffer.from(bytes, 'latin1'), reading, { what: name });
    await assertSame(Buffer.from(bytes, 'latin1'), reading, { what: name, secret: Buffer.alloc(32, 3), keep: false });
  }
});

test('a bucket of many records, and more of them than their nodes are held', { skip }, async () => {
  const same = '{"a":1}\n'.repeat(40_000);
  const others = Array.from({ length: 60_000 }, (_, at) => `{"a":${at}}\n`).join('');
  await assertSame(Buffer.from(same + others), { format: 'jsonl', profile: 'typed' }, { what: 'repeated' });
  const many = Buffer.from(Array.from({ length: 1_050_000 }, (_, at) => `${at}\n`).join(''));
  for (const keep of [true, false])
    await assertSame(many, { format: 'text', profile: 'typed' }, { what: 'many', keep });
});

test('segments meet anywhere: lines of all lengths around that of one', { skip }, async () => {
  const line = (size: number): string => `{"a":"${'x'.repeat(size)}"}\n`;
  for (const sizes of [
    [131_064],
    [131_063, 10],
    [131_062, 3],
    [400_000, 5, 5],
    [5, 2_000_000],
    [131_071 - 9, 131_071 - 9, 1],
  ])
    for (const end of ['', '{"b":1}', '\n\n'])
      await assertSame(
        Buffer.from(sizes.map(line).join('') + end),
        { format: 'jsonl', profile: 'typed' },
        { what: String(sizes) },
      );
  const many = Array.from(
    { length: 40_000 },
    (_, at) => `line ${at} ${'é'.repeat(at % 50)}${at % 9 === 0 ? '\r' : ''}\n`,
  );
  await assertSame(Buffer.from(many.join('')), { format: 'text', profile: 'typed' }, { what: 'text' });
  const rows = Array.from(
    { length: 30_000 },
    (_, at) => `${at},"a ""${at}""\n${'é'.repeat(at % 60)}",${at % 3}.50\r\n`,
  );
  const csv: Reading = { format: 'csv', profile: 'typed', types: { a: 'number', c: 'number' } };
  await assertSame(Buffer.from(`a,b,c\n${rows.join('')}`), csv, { what: 'csv' });
});

test('hostile lines: what one reads the other reads, what one refuses the other refuses', { skip }, async () => {
  for (const line of hostileLines(1500, 7))
    await assertSame(line, { format: 'jsonl', profile: 'typed' }, { what: String(line), keep: false });
});
