import assert from 'node:assert/strict';
import { hash as oracle } from 'blake3-wasm';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { outboardBytes } from '../../../src/domain/digest/outboard.ts';
import type { HashAlgorithm } from '../../../src/domain/digest/algorithm.ts';
import { ENGINES, fileOf, folder, pattern } from './harness.ts';
import { runs } from '../../thorough.ts';

const fixture = (path: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url), 'utf8'));
const blake3Vectors = (fixture('blake3/test_vectors.json') as { cases: { input_len: number; hash: string }[] }).cases;
const outboardVectors = (
  fixture('outboard/vectors.json') as {
    outboards: { size: number; root: string; outboardBlake3: string; outboard?: string }[];
  }
).outboards;

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const blake2b = (bytes: Uint8Array) => createHash('blake2b512').update(bytes).digest('hex');
const blake3 = (bytes: Uint8Array) => oracle(Buffer.from(bytes)).toString('hex');
const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex');

for (const engine of ENGINES) {
  test(`${engine.name}: every official BLAKE3 test vector`, { skip: engine.skip }, async () => {
    assert.equal(blake3Vectors.length, 35);
    const jobs = blake3Vectors.map(({ input_len }) => ({ location: fileOf(pattern(input_len)) }));
    for (const segmentBytes of [1024, 4096, 1 << 22]) {
      const results = await engine.hash(jobs, { algorithms: ['blake3'] }, segmentBytes);
      assert.deepEqual(
        results.map(({ digests }) => digests.blake3),
        blake3Vectors.map(({ hash }) => hash.slice(0, 64)),
      );
    }
  });

  test(`${engine.name}: parts of a file, of any length and at any place`, { skip: engine.skip }, async () => {
    const bytes = pattern(700_001);
    const location = fileOf(bytes);
    const parts = [
      [0, 0],
      [700_001, 0],
      [0, 700_001],
      [1, 700_000],
      [3, 1024],
      [16_385, 65_536],
      [5, 300_000],
      [699_999, 2],
    ] as const;
    const jobs = parts.map(([start, sizeBytes]) => ({ location, sizeBytes, part: { start, fileBytes: bytes.length } }));
    for (const algorithms of [['blake3'], ['blake3', 'sha256']] as const)
      for (const segmentBytes of [1 << 14, 1 << 22]) {
        const results = await engine.hash(jobs, { algorithms }, segmentBytes);
        parts.forEach(([start, length], index) =>
          assert.equal(results[index]?.digests.blake3, blake3(bytes.subarray(start, start + length))),
        );
      }
  });

  test(`${engine.name}: a part of a file that has another length is refused`, { skip: engine.skip }, async () => {
    const jobs = [{ location: fileOf(pattern(100)), sizeBytes: 10, part: { start: 0, fileBytes: 99 } }];
    await assert.rejects(engine.hash(jobs, { algorithms: ['blake3'] }), { code: 'file-changed' });
  });

  test(`${engine.name}: outboards are bao-tree's`, { skip: engine.skip }, async () => {
    const jobs = outboardVectors.map(({ size }) => ({ location: fileOf(pattern(size)) }));
    for (const algorithms of [['blake3'], ['blake3', 'sha256']] as const) {
      for (const segmentBytes of [1 << 14, 1 << 16, 1 << 22]) {
        const results = await engine.hash(jobs, { algorithms, outboardFromBytes: 0 }, segmentBytes);
        results.forEach(({ digests, outboard }, index) => {
          const vector = outboardVectors[index];
          assert.equal(digests.blake3, vector?.root);
          assert.equal(blake3(outboard ?? new Uint8Array()), vector?.outboardBlake3);
          if (vector?.outboard !== undefined) assert.equal(hex(outboard), vector.outboard);
        });
      }
    }
  });

  test(
    `${engine.name}: outboards written beside are the same, and nothing is left of those that fail`,
    { skip: engine.skip },
    async () => {
      const place = folder();
      const sizes = [0, 1, 16_384, 16_385, 300_000, 1_000_000];
      const jobs = sizes.map((size) => ({ location: fileOf(pattern(size)), outboardTo: join(place, `${size}.obao4`) }));
      for (const algorithms of [['blake3'], ['sha256', 'blake3']] as const) {
        const [inMemory, written] = [
          await engine.hash(
            jobs.map(({ location }) => ({ location })),
            { algorithms, outboardFromBytes: 0 },
            1 << 16,
          ),
          await engine.hash(jobs, { algorithms }, 1 << 16),
        ];
        jobs.forEach(({ outboardTo }, index) =>
          assert.deepEqual(readFileSync(outboardTo), Buffer.from(inMemory[index]?.outboard ?? [])),
        );
        assert.deepEqual(
          written.map(({ digests, outboard }) => [digests.blake3, outboard]),
          inMemory.map(({ digests }) => [digests.blake3, undefined]),
        );
      }
      const failing = [{ location: fileOf(pattern(500_000)), sizeBytes: 499_999, outboardTo: join(place, 'bad') }];
      await assert.rejects(engine.hash(failing, { algorithms: ['blake3'] }, 1 << 16), { code: 'file-changed' });
      await engine.hash(jobs.slice(0, 1), { algorithms: ['sha256'] });
      assert.deepEqual(readdirSync(place).sort(), sizes.map((size) => `${size}.obao4`).sort());
    },
  );

  test(
    `${engine.name}: any sizes, segments and algorithms agree with blake3-wasm and OpenSSL`,
    { skip: engine.skip },
    async () => {
      const all =
        engine.name === 'native threads' ? (['blake3', 'sha256'] as const) : (['blake3', 'sha256', 'blake2b'] as const);
      const sizes = fc.oneof(
        fc.nat(3000),
        fc.nat(300_000),
        fc.nat(300).map((chunks) => chunks * 1024),
      );
      const cases = fc.record({
        sizes: fc.array(sizes, { maxLength: 6 }),
        log: fc.integer({ min: 14, max: 17 }),
        algorithms: fc.subarray([...all], { minLength: 1 }),
        outboards: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(cases, async ({ sizes, log, algorithms, outboards }) => {
          const contents = sizes.map((size) => pattern(size).map((byte, index) => byte ^ (index >> 8)));
          const options = { algorithms, ...(outboards ? { outboardFromBytes: 20_000 } : {}) };
          const results = await engine.hash(
            contents.map((bytes) => ({ location: fileOf(bytes), sizeBytes: bytes.length })),
            options,
            2 ** log,
          );
          contents.forEach((bytes, index) => {
            const expected = { blake3: blake3(bytes), sha256: sha256(bytes), blake2b: blake2b(bytes) };
            for (const name of algorithms)
              assert.equal(results[index]?.digests[name], expected[name], `${name} of ${bytes.length} bytes`);
            assert.deepEqual(Object.keys(results[index]?.digests ?? {}).sort(), [...algorithms].sort());
            const outboarded = outboards && algorithms.includes('blake3') && bytes.length >= 20_000;
            assert.equal(results[index]?.outboard?.length, outboarded ? outboardBytes(bytes.length) : undefined);
          });
        }),
        { numRuns: runs(engine.name.includes('workers') ? 15 : 40) },
      );
    },
  );

  test(`${engine.name}: many large files of uneven lengths, one of them bad`, { skip: engine.skip }, async () => {
    const contents = [0, 1, 63, 64, 262_143, 262_145, 700_000, 1_500_000, 999].map((more, index) =>
      pattern((1 << 20) + more).fill(index, 0, 1000),
    );
    const place = folder();
    const jobs = contents.map((bytes, index) => ({ location: fileOf(bytes), outboardTo: join(place, `${index}`) }));
    const results = await engine.hash(jobs, { algorithms: ['sha256', 'blake3'] }, 1 << 18);
    contents.forEach((bytes, index) =>
      assert.deepEqual(results[index]?.digests, { sha256: sha256(bytes), blake3: blake3(bytes) }, `file ${index}`),
    );
    assert.equal(readdirSync(place).length, contents.length);
    const failed: number[] = [];
    const withBad = [
      ...jobs.slice(0, 4),
      { location: jobs[4]?.location ?? '', sizeBytes: 1_400_000 },
      ...jobs.slice(5),
    ];
    const others = await engine.hash(
      withBad,
      { algorithms: ['sha256', 'blake3'], onFailure: (index) => failed.push(index) },
      1 << 18,
    );
    assert.deepEqual(failed, [4]);
    assert.deepEqual(
      others.map(({ digests }) => digests.sha256),
      contents.map((bytes, index) => (index === 4 ? undefined : sha256(bytes))),
    );
  });

  test(`${engine.name}: lengths at the edges of batches, leaves and segments`, { skip: engine.skip }, async () => {
    const edges = [1 << 15, 1 << 18, (1 << 18) + (1 << 15), 1 << 20, 1 << 22, (1 << 23) + (1 << 14)];
    const content = pattern((edges.at(-1) ?? 0) + 1).map((byte, index) => byte ^ (index >> 10));
    const contents = edges.flatMap((edge) => [-1, 0, 1].map((more) => content.subarray(0, edge + more)));
    const jobs = contents.map((bytes) => ({ location: fileOf(bytes) }));
    const [wasm] = ENGINES;
    const expected = await wasm?.hash(jobs, { algorithms: ['blake3'], outboardFromBytes: 0 });
    for (const options of [{}, { outboardFromBytes: 0 }]) {
      const results = await engine.hash(jobs, { algorithms: ['blake3'], ...options });
      contents.forEach((bytes, index) => {
        assert.equal(results[index]?.digests.blake3, blake3(bytes), `${bytes.length} bytes`);
        if ('outboardFromBytes' in options)
          assert.deepEqual(
            Buffer.from(results[index]?.outboard ?? []),
            Buffer.from(expected?.[index]?.outboard ?? []),
            `${bytes.length} bytes`,
          );
      });
    }
  });

  test(`${engine.name}: a huge file beside many small ones`, { skip: engine.skip }, async () => {
    const contents = [...Array.from({ length: 700 }, (_, index) => pattern(index * 3)), pattern(9_000_001), pattern(5)];
    const jobs = contents.map((bytes) => ({ location: fileOf(bytes) }));
    let told = 0;
    let total = 0;
    for (const algorithms of [['blake3'], ['sha256', 'blake3']] satisfies HashAlgorithm[][]) {
      told = 0;
      const results = await engine.hash(jobs, { algorithms, onProgress: (bytes) => (told += bytes) }, 1 << 18);
      total = contents.reduce((sum, { length }) => sum + length, 0);
      results.forEach(({ digests, sizeBytes }, index) => {
        assert.equal(digests.blake3, blake3(contents[index] as Uint8Array));
        assert.equal(sizeBytes, contents[index]?.length);
      });
      assert.equal(told, total, 'progress adds up to every byte once');
    }
  });
}

test('streams give the same digests, however they are cut', async () => {
  const hasher = await createHasher();
  const bytes = pattern(700_000);
  async function* chunks() {
    yield new Uint8Array();
    for (const [start, end] of [
      [0, 1],
      [1, 300_000],
      [300_000, 700_000],
    ])
      yield bytes.subarray(start, end);
  }
  const { digests, sizeBytes } = await hasher.hashStream(chunks(), ['blake3', 'sha256', 'blake2b']);
  assert.deepEqual(digests, { sha256: sha256(bytes), blake2b: blake2b(bytes), blake3: blake3(bytes) });
  assert.equal(sizeBytes, 700_000);
});
