import assert from 'node:assert/strict';
import { hash as oracle } from 'blake3-wasm';
import fc from 'fast-check';
import { join } from 'node:path';
import { test } from 'node:test';
import type { HashJob, Stretch } from '../../../src/domain/ports/hasher.ts';
import { runs } from '../../thorough.ts';
import { ENGINES, fileOf, folder, pattern } from './harness.ts';

const blake3 = (bytes: Uint8Array) => oracle(Buffer.from(bytes)).toString('hex');
const native = ENGINES.find(({ name }) => name === 'native threads');
const skip = native?.skip ?? 'no native engine';

/** What is the same in no two places of it. */
function content(sizeBytes: number, seed: number): Uint8Array {
  return pattern(sizeBytes).map((byte, index) => byte ^ (index >> 8) ^ (index >> 16) ^ seed);
}

/** In order and apart, from any places. */
function stretchesOf(places: readonly number[], sizeBytes: number): readonly Stretch[] {
  const cuts = [...new Set(places.map((place) => Math.floor(place * sizeBytes)))].toSorted((a, b) => a - b);
  return cuts.slice(1).map((end, index) => ({ start: cuts[index] ?? 0, end }));
}

/** How files are shared out: one on a thread of its own, one for two threads, many two by two; and with outboards. */
const PLANS = [
  { files: 1, jobs: 1, more: 0, log: 18 },
  { files: 1, jobs: 3, more: 0, log: 16 },
  { files: 3, jobs: 1, more: 1 << 20, log: 22 },
  { files: 8, jobs: 3, more: 1 << 20, log: 14 },
];

test('stretches of a file have the digests that they have alone, in one read with the whole', { skip }, async () => {
  const cases = fc.record({
    size: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 900_000 })),
    places: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 9 }),
    plan: fc.constantFrom(...PLANS),
    outboards: fc.boolean(),
    algorithms: fc.constantFrom(['sha256', 'blake3'] as const, ['blake3'] as const, ['sha256'] as const),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ size, places, plan, outboards, algorithms }) => {
      const contents = Array.from({ length: plan.files }, (_, index) => content(size + plan.more + index, index));
      const asked = contents.map((bytes) => stretchesOf(places, bytes.length));
      const place = folder();
      const jobs = contents.map((bytes, index): HashJob => ({
        location: fileOf(bytes),
        stretches: asked[index] ?? [],
        ...(outboards ? { outboardTo: join(place, String(index)) } : {}),
      }));
      const results = await native?.hash(jobs, { algorithms, jobs: plan.jobs }, 2 ** plan.log);
      contents.forEach((bytes, index) => {
        if (algorithms[0] !== 'sha256' || algorithms.length > 1) assert.equal(results?.[index]?.digests.blake3, blake3(bytes));
        const expected = (asked[index] ?? []).map(({ start, end }) => blake3(bytes.subarray(start, end))).join('');
        assert.equal(Buffer.from(results?.[index]?.stretches ?? []).toString('hex'), expected);
      });
    }),
    { numRuns: runs(60) },
  );
});

test('stretches stand behind outboards and contents of other files; a failed one has none', { skip }, async () => {
  const [small, large, other] = [content(100, 1), content(400_000, 2), content(300_000, 3)];
  const failed: number[] = [];
  const results = await native?.hash(
    [
      { location: fileOf(large), stretches: [{ start: 5, end: 399_999 }] },
      { location: fileOf(small) },
      { location: fileOf(other), sizeBytes: 299_999, stretches: [{ start: 0, end: 7 }] },
      { location: fileOf(small), stretches: [{ start: 1, end: 2 }] },
      { location: fileOf(other), stretches: [] },
    ],
    {
      algorithms: ['sha256', 'blake3'],
      outboardFromBytes: 200_000,
      contentUpToBytes: 1000,
      onFailure: (index) => failed.push(index),
    },
  );
  const shown = results?.map(({ stretches, content: bytes, outboard }) => ({
    stretches: stretches && Buffer.from(stretches).toString('hex'),
    content: bytes && Buffer.from(bytes).equals(small),
    outboard: outboard?.length,
  }));
  assert.deepEqual(failed, [2]);
  const outboardBytes = (size: number) => 8 + (Math.ceil(size / 16384) - 1) * 64;
  assert.deepEqual(shown, [
    { stretches: blake3(large.subarray(5, 399_999)), content: undefined, outboard: outboardBytes(400_000) },
    { stretches: undefined, content: true, outboard: undefined },
    { stretches: undefined, content: undefined, outboard: undefined },
    { stretches: blake3(small.subarray(1, 2)), content: undefined, outboard: undefined },
    { stretches: '', content: undefined, outboard: outboardBytes(300_000) },
  ]);
});

const WRONG: Readonly<Record<string, readonly Stretch[]>> = {
  'beyond the end': [{ start: 0, end: 1001 }],
  empty: [{ start: 5, end: 5 }],
  backwards: [{ start: 9, end: 5 }],
  'into each other': [
    { start: 0, end: 10 },
    { start: 9, end: 20 },
  ],
  'out of order': [
    { start: 10, end: 20 },
    { start: 0, end: 5 },
  ],
};
for (const [what, stretches] of Object.entries(WRONG))
  test(`stretches are refused that are ${what}`, { skip }, async () => {
    const jobs = [{ location: fileOf(pattern(1000)), stretches }];
    await assert.rejects(async () => native?.hash(jobs, { algorithms: ['blake3'] }), { code: 'internal' });
  });

for (const engine of ENGINES.filter(({ name }) => name !== 'native threads'))
  test(`${engine.name}: stretches are not its work, and what is asked beside them is answered`, async () => {
    const bytes = pattern(5000);
    const [result] = await engine.hash([{ location: fileOf(bytes), stretches: [{ start: 1, end: 2 }] }], {
      algorithms: ['blake3'],
    });
    assert.deepEqual(result, { sizeBytes: 5000, digests: { blake3: blake3(bytes) } });
  });
