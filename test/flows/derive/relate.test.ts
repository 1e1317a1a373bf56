import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { relate, type Relation, type RelateSide } from '../../../src/flows/derive/relate.ts';
import { diffArtifacts, type DiffSide } from '../../../src/flows/describe/diff.ts';
import { mutated } from '../../domain/scan/seeds.ts';
import { safetensors } from '../../domain/scan/build.ts';
import { runs } from '../../thorough.ts';

const WEIGHTS = 'fixtures/weights';
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };
const signal = new AbortController().signal;
const hasher = createHasher();
const numbers = createNumbers({});

async function related(a: DiffSide & RelateSide, b: DiffSide & RelateSide): Promise<Relation | null> {
  const ports = { progress, signal };
  return relate([a, b], await diffArtifacts(a, b, ports), { ...ports, hasher: () => hasher, numbers });
}

async function side(path: string): Promise<DiffSide & RelateSide> {
  const files = createFiles();
  return { shown: path, claimed: [], files: filesOf(await files.walk(path), new Map(), { files }) };
}

/** Of two artifacts below the fixtures of weights. */
async function of(a: string, b: string): Promise<Relation | null> {
  return related(await side(join(WEIGHTS, a)), await side(join(WEIGHTS, b)));
}

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-relate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('another container or sharding of the same weights is that, and names the root they share', async (t) => {
  const shards = scratch(t);
  for (const part of [1, 2])
    copyFileSync(
      `${WEIGHTS}/containers/sharded-0000${part}-of-00002.safetensors`,
      join(shards, `model-0000${part}-of-00002.safetensors`),
    );
  const plain = await side(`${WEIGHTS}/containers/plain.safetensors`);
  const { set } = JSON.parse(readFileSync(`${WEIGHTS}/expected.json`, 'utf8')).roots['plain.safetensors'];
  const same = { is: 'same', by: 'names', set, tensors: 4 };
  for (const other of ['plain.gguf', 'plain.npz', 'fortran-big-endian.npz', 'legacy.pt', 'strided-view.pt', 'raw.onnx'])
    assert.deepEqual(await related(plain, await side(`${WEIGHTS}/containers/${other}`)), same, other);
  assert.deepEqual(await related(plain, await side(shards)), same);
  assert.deepEqual(await of('containers/plain.safetensors', 'containers/other-tied-copy.safetensors'), {
    ...same,
    by: 'set',
  });
});

test('weights that differ in a bit, a shape or their names are not the same, nor is that a step', async () => {
  for (const other of ['zero-sign', 'nan-payload', 'one-bit', 'reshaped', 'swapped-names', 'transposed-square'])
    assert.equal(await of('containers/plain.safetensors', `containers/other-${other}.safetensors`), null, other);
  for (const other of ['child-a', 'other', 'renamed', 'layers-of-both', 'lora'])
    assert.equal(await of('kin/base', `kin/${other}`), null, other);
  assert.equal(await of('containers/plain.safetensors', 'containers/plain.safetensors'), null);
});

const QUANTISED: readonly (readonly [string, string, string, readonly string[], object])[] = [
  [
    'quantised/parent.gguf',
    'quantised/plain.gguf',
    'quantize',
    ['Q8_0', 'Q4_K'],
    { recomputed: 9, 'nearest codes': 7 },
  ],
  ['kin/child-a', 'kin/child-a-Q8_0.gguf', 'convert', ['F32', 'Q8_0'], { recomputed: 21 }],
  ['affine/parent.safetensors', 'affine/torchao-int8.safetensors', 'quantize', ['I8'], { equal: 1, recomputed: 1 }],
  ['packed/parent.safetensors', 'packed/nf4.safetensors', 'quantize', [], { equal: 1, recomputed: 1 }],
];

for (const [parent, child, step, types, counts] of QUANTISED)
  test(`${child} is what a step makes of ${parent}, whichever is named first`, async () => {
    for (const made of ['b', 'a'] as const) {
      const found = await (made === 'b' ? of(parent, child) : of(child, parent));
      assert.ok(found?.is === 'derived', JSON.stringify(found));
      assert.deepEqual([found.made, found.step, found.counts, found.others], [made, step, counts, []]);
      for (const type of types) assert.ok(found.types.includes(type), `${type} in ${found.types.join()}`);
    }
  });

test('a quantised child of which one tensor was changed follows but for that one', async (t) => {
  const folder = scratch(t);
  const bytes = readFileSync(`${WEIGHTS}/kin/child-a-Q8_0.gguf`);
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 0x40;
  writeFileSync(join(folder, 'model.gguf'), bytes);
  const found = await related(await side(`${WEIGHTS}/kin/child-a`), await side(join(folder, 'model.gguf')));
  assert.ok(found?.is === 'partly-derived', JSON.stringify(found));
  assert.equal(found.counts.recomputed, 20);
  assert.equal(found.others.length, 1);
  const other = await related(await side(`${WEIGHTS}/kin/other`), await side(join(folder, 'model.gguf')));
  assert.equal(other?.is === 'derived', false);
});

test('one tensor changed among those that were not quantised is told beside those that were', async (t) => {
  const folder = scratch(t);
  const bytes = readFileSync(`${WEIGHTS}/affine/torchao-int8.safetensors`);
  const parent = await side(`${WEIGHTS}/affine/parent.safetensors`);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, start).toString('utf8')) as Record<
    string,
    { dtype: string; data_offsets: [number, number] }
  >;
  const [norm, at] = Object.entries(header).flatMap(([name, tensor]) =>
    name.endsWith('norm.weight') ? [name, start + tensor.data_offsets[0]] : [],
  ) as [string, number];
  bytes[at + 1] = (bytes[at + 1] ?? 0) ^ 1;
  writeFileSync(join(folder, 'model.safetensors'), bytes);
  const found = await related(parent, await side(join(folder, 'model.safetensors')));
  assert.ok(found?.is === 'partly-derived', JSON.stringify(found));
  assert.deepEqual([found.counts.recomputed, found.others.map(({ name }) => name)], [1, [norm]]);
});

test('a conversion whose parent does not say what it is stays undecided, and says why', async (t) => {
  const folder = scratch(t);
  copyFileSync(`${WEIGHTS}/kin/child-a/model.safetensors`, join(folder, 'model.safetensors'));
  const found = await related(await side(folder), await side(`${WEIGHTS}/kin/child-a-Q8_0.gguf`));
  assert.deepEqual(found, { is: 'undecided', why: 'the parent has no config.json that names its architecture' });
});

test('whatever bytes there are, the relation is said or is not, never an exception', async () => {
  const memory = (shown: string, path: string, bytes: Uint8Array): DiffSide & RelateSide => ({
    shown,
    claimed: [],
    files: [
      {
        path,
        sizeBytes: bytes.length,
        digests: {},
        open: async () => ({ ...bytesSource(bytes), close: async () => undefined }),
      },
    ],
  });
  const gguf = readFileSync(`${WEIGHTS}/kin/child-a-Q8_0.gguf`);
  const plain = readFileSync(`${WEIGHTS}/containers/plain.gguf`);
  const small = safetensors({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }, Buffer.alloc(8, 1));
  const cases = fc.oneof(
    fc.tuple(fc.constant(plain), mutated(plain), fc.constant('model.gguf')),
    fc.tuple(fc.constant(gguf), mutated(gguf), fc.constant('model.gguf')),
    fc.tuple(fc.constant(small), mutated(small), fc.constant('model.safetensors')),
  );
  await fc.assert(
    fc.asyncProperty(cases, fc.boolean(), async ([seed, bytes, path], turned) => {
      const sides = [memory('a', path, seed), memory('b', path, bytes)] as const;
      const found = await related(...((turned ? sides.toReversed() : sides) as unknown as typeof sides));
      if (Buffer.compare(seed, bytes) === 0) assert.equal(found, null);
    }),
    { numRuns: runs(60) },
  );
});
