import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CASES } from '../../../fixtures/records/cases.ts';
import { setRootOf, vectorOf } from '../../../fixtures/records/make.ts';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { createWasmKernel } from '../../../src/adapters/records/wasm-kernel.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { plainHasher } from '../../../src/domain/records/blake3.ts';
import { rootOf } from '../../../src/domain/records/ordered.ts';
import type { Reading } from '../../../src/domain/records/reading.ts';
import { schemaDigest } from '../../../src/domain/records/roots.ts';
import { hostileLines } from './hostile.ts';

const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};
const folder = mkdtempSync(join(tmpdir(), 'weighmark-lines-'));
const SECRET = Buffer.from(Array.from({ length: 32 }, (_, at) => at));
const JSONL: Reading = { format: 'jsonl', profile: 'typed' };
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

for (const kernel of ['wasm', 'native'] as const) {
  const records = createRecords({ env: { XDG_CACHE_HOME: join(folder, kernel) }, kernel });
  const skip = records.kernel === kernel ? false : 'the records addon is not built (npm run build:records)';

  const rootsOf = async (bytes: Uint8Array, reading: Reading, secret: Uint8Array | null) => {
    writeFileSync(join(folder, 'data'), bytes);
    const { entries } = await createFiles().walk(join(folder, 'data'));
    return (await records.index({ files: entries, reading, secret, keep: false }, watch)).roots;
  };

  test(`${kernel}: a record has 64 MiB with its line's end, and not a byte more`, { skip }, async () => {
    const most = 64 << 20;
    const around = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from('a\n'), bytes, Buffer.from('b\n')]);
    const line = (length: number): Buffer => Buffer.concat([Buffer.alloc(length - 1, 'x'), Buffer.from('\n')]);
    const text = { format: 'text', profile: 'typed' } as const;
    assert.equal((await rootsOf(around(line(most)), text, null)).records, 3);
    for (const reading of [text, { format: 'csv', profile: 'typed' } as const])
      await assert.rejects(rootsOf(around(line(most + 1)), reading, null), { code: 'records-unsupported' });
  });

  /** As the plain reader, which encodes in JavaScript, has it: roots and columns, or the byte that is refused. */
  const assertPlain = async (bytes: Buffer, reading: Reading, what: string): Promise<void> => {
    const plain = vectorOf({ name: what, reading, bytes: bytes.toString('latin1') });
    try {
      const { ordered, set, columns } = await rootsOf(bytes, reading, null);
      const mine = { ordered, set, schema: schemaDigest(columns) };
      assert.deepEqual(mine, { ordered: plain.ordered, set: plain.set, schema: plain.schema }, what);
      const keyed = Buffer.from((plain.keyed ?? []).join(''), 'hex');
      const theirs = await rootsOf(bytes, reading, SECRET);
      assert.deepEqual([theirs.ordered, theirs.set], [hex(rootOf(keyed, plainHasher)), hex(setRootOf(keyed))], what);
    } catch (error) {
      if (!(error instanceof WeighmarkError)) throw error;
      assert.deepEqual({ byte: Number(error.facts['byte']) }, plain.refused, what);
    }
  };

  test(`${kernel}: every vector of lines is read as the plain reader reads it`, { skip }, async () => {
    for (const { name, reading, bytes } of CASES)
      if (reading.format === 'text' || reading.format === 'jsonl')
        await assertPlain(Buffer.from(bytes, 'latin1'), reading, name);
  });

  test(`${kernel}: several files indexed at once have the roots that each has alone`, { skip }, async () => {
    const texts = [1, 2, 3].map((n) => Array.from({ length: 30_000 }, (_, at) => `{"c${n}":${at * n}}\n`).join(''));
    const indexed = async (text: string, name: string, secret: Uint8Array | null) => {
      writeFileSync(join(folder, name), text);
      const { entries } = await createFiles().walk(join(folder, name));
      return (await records.index({ files: entries, reading: JSONL, secret, keep: false }, watch)).roots;
    };
    const secrets = [null, SECRET, null];
    const alone = [];
    for (const [n, text] of texts.entries()) alone.push(await indexed(text, `at-once-${n}`, secrets[n] ?? null));
    const together = await Promise.all(texts.map((text, n) => indexed(text, `at-once-${n}`, secrets[n] ?? null)));
    assert.deepEqual(together, alone);
  });

  test(`${kernel}: hostile lines are read as the plain reader reads them`, { skip }, async () => {
    for (const lines of hostileLines(400, 11)) await assertPlain(lines, JSONL, String(lines));
  });

  test(`${kernel}: lines longer than what is read at once`, { skip }, async () => {
    const line = (size: number): string => `{"a":"${'x'.repeat(size)}"}\n`;
    for (const sizes of [[3_000_000], [10, 1_048_576 - 19, 10], [1_048_575, 1, 2_000_000], [1_048_576 - 9, 5]])
      await assertPlain(Buffer.from(sizes.map(line).join('')), JSONL, String(sizes));
    await assertPlain(Buffer.from(`${line(1_500_000)}{"a":1`), JSONL, 'the last is cut');
  });
}

test('hashes become the same part of a set by weights as repeated', () => {
  const kernel = createWasmKernel();
  const words = Uint32Array.from({ length: 8 * 300 }, (_, at) => Math.imul(at % 800, 2_654_435_761));
  const hashes = new Uint8Array(words.buffer).map((byte, at) => (at % 32 === 0 ? 7 : byte));
  const repeated = Buffer.concat([hashes, hashes.subarray(0, 32 * 50), hashes.subarray(0, 32 * 50)]);
  const weights = Uint32Array.from({ length: 300 }, (_, at) => (at < 50 ? 3 : 1));
  const set = kernel.branches({ hashes, weights, skip: 8, depth: 8 });
  assert.deepEqual(kernel.branches({ hashes: repeated, weights: null, skip: 8, depth: 8 }).branches, set.branches);
  const deep = kernel.branches({ hashes, weights, skip: 8, depth: 12 }).branches;
  assert.equal(deep.length, 16);
  assert.equal(
    deep.reduce((sum, { distinct }) => sum + distinct, 0),
    set.branches[0]?.distinct,
  );
  assert.equal(
    hex(kernel.branches({ hashes, weights, skip: 0, depth: 0 }).branches[0]?.hash ?? hashes),
    hex(setRootOf(repeated)),
  );
});

test('a set of hashes that have up to 255 bits in common is what the plain trie makes of it', () => {
  const kernel = createWasmKernel();
  const like = (bits: number, at: number): Buffer => {
    const hash = Buffer.alloc(32, 0x5a);
    hash[bits >> 3] = (hash[bits >> 3] as number) ^ (0x80 >> (bits % 8));
    for (let byte = (bits >> 3) + 1; byte < 32; byte += 1) hash[byte] = Math.imul(at + 1, 97 * byte) & 255;
    return hash;
  };
  const all = Array.from({ length: 256 }, (_, bits) => [like(bits, bits), like(bits, bits + 300)]).flat();
  for (const some of [all.slice(508), all.slice(400, 402), all.filter((_, at) => at % 7 < 3), all]) {
    const hashes = Buffer.concat([...some, some[0] as Buffer, Buffer.alloc(32, 0x5a)]);
    const [branch] = kernel.branches({ hashes, weights: null, skip: 0, depth: 0 }).branches;
    assert.equal(hex(branch?.hash ?? hashes), hex(setRootOf(hashes)), String(some.length));
  }
});
