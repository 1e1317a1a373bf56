import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';
import { createWasmKernel } from '../../../src/adapters/records/wasm-kernel.ts';
import type { Indexed, RecordFile } from '../../../src/domain/ports/records.ts';
import { contextKey, plainHasher, secretKey } from '../../../src/domain/records/blake3.ts';
import { checkProof, formatProof, parseProof } from '../../../src/domain/records/proof.ts';
import type { Reading } from '../../../src/domain/records/reading.ts';
import { RecordIndex } from '../../../src/domain/records/record-index.ts';
import { formatRoots, parseRoots } from '../../../src/domain/records/roots.ts';

const JSONL: Reading = { format: 'jsonl', profile: 'typed' };
const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};
const folder = mkdtempSync(join(tmpdir(), 'weighmark-records-'));
const records = createRecords({ env: { XDG_CACHE_HOME: join(folder, 'cache') }, kernel: 'wasm' });

async function index(
  name: string,
  text: string,
  more: { reading?: Reading; secret?: Uint8Array } = {},
): Promise<Indexed & { files: readonly RecordFile[] }> {
  writeFileSync(join(folder, name), text);
  const { entries } = await createFiles().walk(join(folder, name));
  const job = { files: entries, reading: more.reading ?? JSONL, secret: more.secret ?? null, keep: true };
  return { ...(await records.index(job, watch)), files: entries };
}

const rows = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, at) => `{"id":${from + at},"text":"row ${(from + at) % 7}"}\n`).join('');

test('WebAssembly hashes as the reference does, whatever the lengths', () => {
  const lengths = [
    0,
    1,
    63,
    64,
    65,
    1023,
    1024,
    1025,
    5000,
    1 << 20,
    (1 << 20) + 1,
    ...Array.from({ length: 300 }, (_, at) => (at * 7919) % 1500),
  ];
  const ends = Uint32Array.from(lengths.reduce<number[]>((all, length) => [...all, (all.at(-1) ?? 0) + length], []));
  const arena = Uint8Array.from({ length: ends.at(-1) ?? 0 }, (_, at) => at * 31);
  for (const key of [contextKey('a context'), secretKey(Buffer.alloc(32, 7))])
    assert.ok(Buffer.from(createWasmKernel().hash(key, arena, ends)).equals(plainHasher.hash(key, arena, ends)));
});

test('roots are those of an independent program in Python', async (t) => {
  const verify = (path: string): string =>
    execFileSync('python3', ['fixtures/records/verify.py', path], { encoding: 'utf8' });
  for (const count of [0, 1, 2, 3, 255, 256, 257, 1000]) {
    const { roots } = await index(`python-${count}.jsonl`, rows(count) + rows(Math.min(count, 3)));
    try {
      assert.equal(
        verify(join(folder, `python-${count}.jsonl`)).trim(),
        `${roots.records} ${roots.ordered} ${roots.set}`,
      );
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return t.skip('no python3 here');
      throw error;
    }
  }
});

for (const count of [1, 2, 17, 300, 5000])
  test(`${count} records: each proof holds, and for no other record`, async () => {
    const { roots } = await index(`prove-${count}.jsonl`, rows(count) + rows(1));
    const opened = records.open(roots);
    assert.ok(opened !== null);
    const asked = new RecordIndex(opened, records.hasher);
    const prove = (record: Uint8Array, position?: number) =>
      checkProof(
        parseProof(
          Buffer.from(
            formatProof({
              kind: 'record',
              roots,
              record,
              salt: null,
              set: asked.setPath(record),
              inclusion: position === undefined ? null : { position, path: asked.inclusion(position) },
            }),
          ),
        ),
        roots,
      );
    for (const position of new Set([0, 1, count >> 1, count - 1, count].filter((at) => at <= count))) {
      const hash = asked.hashAt(position);
      const times = position === 0 || position === count ? 2 : 1;
      assert.deepEqual(prove(hash, position), { kind: 'present', count: times, position });
      assert.equal(asked.find(hash).length, times);
      const absent = Uint8Array.from(hash, (byte, at) => (at === 31 ? byte ^ 1 : byte));
      assert.deepEqual(prove(absent), { kind: 'absent' });
      assert.throws(() => prove(hash), /contradict/, 'what is there cannot be shown to be absent');
      assert.throws(() => prove(absent, position), /contradict/);
    }
    for (const before of new Set([1, count >> 1, count].filter((at) => at > 0))) {
      const old = await index(`before-${count}-${before}.jsonl`, rows(before));
      const proof = { kind: 'extension' as const, roots, before: old.roots, path: asked.consistency(before) };
      assert.deepEqual(checkProof(proof, roots), { kind: 'extends', before, added: count + 1 - before });
      const other = await index('other.jsonl', rows(before, 1));
      assert.throws(() => checkProof({ ...proof, before: other.roots }, roots), /earlier records/);
    }
    opened.close();
  });

test('records are read again at their positions', async () => {
  const { roots, files } = await index('read.jsonl', rows(10_000));
  const opened = records.open(roots);
  assert.ok(opened !== null);
  const asked = new RecordIndex(opened, records.hasher);
  const wanted = [0, 63, 64, 65, 5000, 9999];
  const got: number[] = [];
  for await (const { position, encoding } of records.read(
    { files, roots, offsetBefore: (at) => asked.offsetBefore(at) },
    wanted,
  )) {
    const hash = records.hasher.hash(
      contextKey('weighmark 2026 dataset record v1'),
      encoding,
      Uint32Array.of(encoding.length),
    );
    assert.deepEqual(Buffer.from(hash), Buffer.from(asked.hashAt(position)));
    got.push(position);
  }
  assert.deepEqual(got, wanted);
  opened.close();
});

test('under a key the same records have other hashes, and the index is the user alone', async () => {
  const open = await index('keyed.jsonl', rows(10));
  const keyed = await index('keyed.jsonl', rows(10), { secret: Buffer.alloc(32, 1) });
  assert.equal(keyed.roots.hashing, 'keyed');
  assert.notEqual(keyed.roots.set, open.roots.set);
  assert.deepEqual(parseRoots(formatRoots(keyed.roots)), keyed.roots);
});

test('a damaged index is refused or proves nothing, never something else', async () => {
  const { roots, index: location } = await index('damaged.jsonl', rows(400));
  const whole = readFileSync(location ?? '');
  for (let at = 0; at < whole.length; at += 997) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    const read = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
    try {
      const asked = new RecordIndex({ size: bytes.length, read }, plainHasher);
      const record = asked.hashAt(7);
      const proof = {
        kind: 'record' as const,
        roots,
        record,
        salt: null,
        set: asked.setPath(record),
        inclusion: { position: 7, path: asked.inclusion(7) },
      };
      const proven = checkProof(proof, roots);
      assert.deepEqual(proven, { kind: 'present', count: 1, position: 7 });
    } catch (error) {
      assert.match(String((error as { code?: string }).code), /^(?:proof-invalid|format-invalid)$/);
    }
  }
});

test('several files are one dataset, in the order of their paths, however they are cut', async () => {
  const whole = await index('whole.jsonl', rows(1000));
  const parts = join(folder, 'parts');
  execFileSync('mkdir', ['-p', parts]);
  for (const part of [0, 1, 2, 3]) writeFileSync(join(parts, `${part}.jsonl`), rows(250, 250 * part));
  const { entries } = await createFiles().walk(parts);
  const { roots } = await records.index({ files: entries, reading: JSONL, secret: null, keep: false }, watch);
  assert.equal(roots.ordered, whole.roots.ordered);
  assert.equal(roots.set, whole.roots.set);
  assert.deepEqual(
    roots.parts.map(({ records: count }) => count),
    [250, 250, 250, 250],
  );
});
