import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { VECTORS, vectorsMissing } from './support.ts';
import { runs } from '../../thorough.ts';

/** Real and crafted files of every format with a structure, small enough to read a few thousand times. */
const SEEDS = [
  ...globSync(`${VECTORS}/**/*.{safetensors,gguf,onnx,pt,pth,pkl,joblib,npy,npz,keras,h5,pb,gz,zip}`),
  ...globSync('fixtures/formats/*.{h5,tar,tflite,parquet,arrow,arrows,json,png,jpg,csv,zip}'),
];
/** On average: one file that hangs, or takes a hundred times what it should, is seen. */
const STEPS_A_FILE = 20_000;
const RUNS = runs(1500);

/** One file, hurt: bytes overwritten (often with extremes), cut, or a stretch repeated. */
const hurt = fc.record({
  seed: fc.nat(),
  edits: fc.array(
    fc.record({
      at: fc.nat(),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
      count: fc.constantFrom(1, 1, 1, 2, 4, 8),
    }),
    { maxLength: 8 },
  ),
  cut: fc.option(fc.nat(), { freq: 4 }),
  repeat: fc.option(fc.record({ from: fc.nat(), length: fc.nat(64) }), { freq: 4 }),
});

function apply(
  bytes: Uint8Array,
  {
    edits,
    cut,
    repeat,
  }: {
    edits: { at: number; value: number; count: number }[];
    cut: number | null;
    repeat: { from: number; length: number } | null;
  },
): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (const { at, value, count } of edits) result.fill(value, at % result.length, (at % result.length) + count);
  if (repeat !== null)
    result = Buffer.concat([
      result.subarray(0, repeat.from % result.length),
      result.subarray(repeat.from % result.length, (repeat.from % result.length) + repeat.length),
      result.subarray(repeat.from % result.length),
    ]);
  return cut === null ? result : result.subarray(0, cut % result.length);
}

test(
  'a hurt file is reported on, whatever is wrong with it: no exception, no hang',
  { skip: vectorsMissing() },
  async () => {
    const files = SEEDS.map((path) => ({ path, bytes: readFileSync(path) })).filter(
      ({ bytes }) => bytes.length > 0 && bytes.length < 200_000,
    );
    assert.ok(files.length > 30, `only ${files.length} seeds`);
    const { steps } = await workOf(() =>
      fc.assert(
        fc.asyncProperty(hurt, async ({ seed, ...harm }) => {
          const { path, bytes } = files[seed % files.length] as { path: string; bytes: Uint8Array };
          const report = await readFormat({ path, source: bytesSource(apply(bytes, harm)) });
          assert.equal(
            report.complete,
            !report.problems.some(({ code }) =>
              ['malformed', 'truncated', 'limit', 'unsupported', 'encrypted'].includes(code),
            ),
          );
        }),
        { numRuns: RUNS },
      ),
    );
    assert.ok(steps < STEPS_A_FILE * RUNS, `${steps} steps`);
  },
);

test('arbitrary bytes under any name are reported on', async () => {
  const names = [
    'a.safetensors',
    'a.gguf',
    'a.onnx',
    'a.pt',
    'a.pkl',
    'a.npy',
    'a.h5',
    'a.tflite',
    'saved_model.pb',
    'a.parquet',
    'a.arrow',
    'a.csv',
    'a.jsonl',
    'a.json',
    'a.tar',
    'a.png',
    'a',
  ];
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.constantFrom(...names), async (bytes, path) => {
      const { matches } = await readFormat({ path, source: bytesSource(bytes) });
      assert.ok(Array.isArray(matches));
    }),
    { numRuns: runs(500) },
  );
});
