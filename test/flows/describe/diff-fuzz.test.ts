import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { diffArtifacts, type DiffSide } from '../../../src/flows/describe/diff.ts';
import { mutated, SEEDS } from '../../domain/scan/seeds.ts';
import { safetensors } from '../../domain/scan/build.ts';
import { runs } from '../../thorough.ts';

/** For any pair, and for each byte of it. */
const STEPS = { aPair: 100_000, aByte: 200 };
const RUNS = runs(100);
const PORTS = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};

function side(shown: string, files: Readonly<Record<string, Uint8Array>>): DiffSide {
  return {
    shown,
    claimed: [],
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      sizeBytes: bytes.length,
      digests: {},
      open: async () => ({ ...bytesSource(bytes), close: async () => undefined }),
    })),
  };
}

for (const [name, seed] of Object.entries(SEEDS)) {
  test(`diff of ${name} and a mutation of it: what differs, within bounds of work and memory, never an exception`, async () => {
    const before = process.memoryUsage().rss;
    const { steps } = await workOf(() =>
      fc.assert(
        fc.asyncProperty(mutated(seed), fc.boolean(), async (bytes, turned) => {
          const sides = [side('a', { [name]: seed, same: seed }), side('b', { [name]: bytes, same: seed })] as const;
          const outcome = await diffArtifacts(sides[turned ? 1 : 0], sides[turned ? 0 : 1], PORTS);
          assert.equal(outcome.files.length > 0, Buffer.compare(seed, bytes) !== 0);
        }),
        { numRuns: RUNS },
      ),
    );
    assert.ok(steps < RUNS * (STEPS.aPair + STEPS.aByte * seed.length), `${steps} steps`);
    assert.ok(process.memoryUsage().rss - before < 300 << 20);
  });

  test(`diff of two mutations of ${name} as single files`, async () => {
    await fc.assert(
      fc.asyncProperty(mutated(seed), mutated(seed), async (left, right) => {
        const { files, differs } = await diffArtifacts(
          side('a', { [name]: left }),
          side('b', { [`other-${name}`]: right }),
          PORTS,
        );
        assert.equal(files.length > 0, Buffer.compare(left, right) !== 0);
        assert.equal(differs, differs || files.length > 0);
      }),
      { numRuns: runs(60) },
    );
  });
}

test('a shape that the bytes do not fill is compared by bytes, not by the shape', async () => {
  const huge = (fill: number): Buffer =>
    safetensors({ a: { dtype: 'F32', shape: [2 ** 40], data_offsets: [0, 16] } }, Buffer.alloc(16, fill));
  const {
    steps,
    result: { tensors },
  } = await workOf(() =>
    diffArtifacts(side('a', { 'a.safetensors': huge(1) }), side('b', { 'a.safetensors': huge(2) }), PORTS),
  );
  assert.deepEqual(
    tensors.map(({ name, kind, change }) => [name, kind, change]),
    [['a', 'changed', undefined]],
  );
  assert.ok(steps < 100_000, `${steps} steps`);
});

test('a header that names the same bytes again and again does not make the work grow with it', async () => {
  const many = (names: number, fill: number): Buffer => {
    const entry = { dtype: 'F32', shape: [250_000], data_offsets: [0, 1_000_000] };
    return safetensors(
      Object.fromEntries(Array.from({ length: names }, (_, index) => [`t${index}`, entry])),
      Buffer.alloc(1_000_000, fill),
    );
  };
  const work = (names: number) =>
    workOf(() =>
      diffArtifacts(
        side('a', { 'a.safetensors': many(names, 1) }),
        side('b', { 'a.safetensors': many(names, 2) }),
        PORTS,
      ),
    );
  const [one, all] = [await work(1), await work(3000)];
  assert.equal(all.result.tensors.length, 3000);
  assert.ok(all.steps < one.steps + 3000 * 10_000, `${one.steps} steps for one name, ${all.steps} for 3,000`);
});
