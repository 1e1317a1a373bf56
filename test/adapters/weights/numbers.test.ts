import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { GGML_TYPES } from '../../../src/domain/formats/ggml.ts';
import type { Recipe, WeightNumbers } from '../../../src/domain/ports/numbers.ts';

const wasm = createNumbers({ kernel: 'wasm' });
const fastest = createNumbers();
const skip = fastest.kernel === 'wasm' ? 'no addon: `npm run build:kernel` builds it where Rust is installed' : false;

/** Random codes and scales, and weights that are near nothing of them: every path of the kernel is taken. */
function question(kind: number, seed: readonly number[]): { child: Uint8Array; parent: Uint8Array } {
  const { block = 1, bytes = 4 } = GGML_TYPES[kind] ?? {};
  const blocks = Math.max(1, Math.ceil(512 / block));
  const child = Uint8Array.from({ length: blocks * bytes }, (_, at) => (seed[at % seed.length] ?? 0) ^ (at * 37));
  const values = Float32Array.from({ length: blocks * block }, (_, at) =>
    Math.fround(((seed[(at * 7) % seed.length] ?? 0) - 128) / 4096),
  );
  return { child, parent: new Uint8Array(values.buffer) };
}

const KINDS = [0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 20, 23, 30, 34, 35, 39, 40];
const both = async <T>(ask: (numbers: WeightNumbers) => Promise<T>): Promise<void> =>
  assert.deepEqual(await ask(fastest), await ask(wasm));

test('the addon and WebAssembly say the same of any bytes', { skip }, async () => {
  const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 64, maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...KINDS), bytes, fc.boolean(), async (kind, seed, fused) => {
      const elements = question(kind, seed);
      const recipe: Recipe = { kind, dtype: 'F32', fused };
      await both((numbers) => numbers.recompute(recipe, elements));
      await both((numbers) => numbers.recompute({ ...recipe, via: 'F16' }, elements));
      await both((numbers) => numbers.recompute(recipe, elements, new Float32Array(512).fill(0.5)));
      await both((numbers) => numbers.nearest(recipe, elements));
    }),
    { numRuns: 60 },
  );
});

test('casts round to nearest, ties to even; every F16 and BF16 survives being widened', () => {
  const every = new Uint8Array(Uint16Array.from({ length: 65_536 }, (_, bits) => bits).buffer);
  for (const dtype of ['F16', 'BF16'] as const) {
    const wide = wasm.convert(dtype, 'F32', every);
    const back = new Uint16Array(wasm.convert('F32', dtype, wide).buffer);
    const values = new Float32Array(wide.buffer);
    back.forEach((bits, index) => assert.ok(bits === index || Number.isNaN(values[index])));
  }
  const cases: readonly (readonly [number, number, number])[] = [
    [1 + 2 ** -11, 0x3c00, 0x3f80],
    [1 + 3 * 2 ** -11, 0x3c02, 0x3f80],
    [65_519.99, 0x7bff, 0x4780],
    [65_520, 0x7c00, 0x4780],
    [2 ** -25, 0x0000, 0x3300],
    [1.5 * 2 ** -25, 0x0001, 0x3340],
    [-(2 ** -24), 0x8001, 0xb380],
    [1 + 2 ** -8, 0x3c04, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3c0c, 0x3f82],
  ];
  const source = new Uint8Array(Float32Array.from(cases, ([value]) => value).buffer);
  assert.deepEqual(
    [...new Uint16Array(wasm.convert('F32', 'F16', source).buffer)],
    cases.map(([, half]) => half),
  );
  assert.deepEqual(
    [...new Uint16Array(wasm.convert('F32', 'BF16', source).buffer)],
    cases.map(([, , brain]) => brain),
  );
});

test('a block that is cut through is refused, never answered', { skip }, async () => {
  const recipe: Recipe = { kind: 8, dtype: 'F32' };
  for (const [child, parent] of [
    [33, 128],
    [34, 127],
    [34, 256],
    [0, 128],
  ] as const)
    await assert.rejects(fastest.recompute(recipe, { child: new Uint8Array(child), parent: new Uint8Array(parent) }), {
      code: 'internal',
    });
});

test('blocks stand for what the real quantiser was given, near enough; unknown types for nothing', async () => {
  const open = async (name: string) => {
    const bytes = readFileSync(`fixtures/weights/quantised/${name}.gguf`);
    const report = await readFormat({ path: `${name}.gguf`, source: bytesSource(bytes) });
    return { bytes, items: report.tensors?.items ?? [] };
  };
  const [parent, child] = [await open('parent'), await open('plain')];
  for (const { name, dtype, shape, offset = 0, length = 0 } of child.items) {
    const kind = Number(Object.keys(GGML_TYPES).find((number) => GGML_TYPES[Number(number)]?.name === dtype));
    const elements = shape.reduce((product, size) => product * size, 1);
    const values = wasm.dequantize(kind, child.bytes.subarray(offset, offset + length), elements);
    const whole = parent.items.find((each) => each.name === name);
    const at = whole?.offset ?? 0;
    const given = wasm.convert(
      whole?.dtype === 'BF16' ? 'BF16' : whole?.dtype === 'F16' ? 'F16' : 'F32',
      'F32',
      parent.bytes.subarray(at, at + (whole?.length ?? 0)),
    );
    const wanted = new Float32Array(given.slice().buffer);
    let [away, size] = [0, 0];
    wanted.forEach((value, index) => {
      away += (value - (values?.[index] ?? 0)) ** 2;
      size += value ** 2;
    });
    const most = dtype.startsWith('TQ') ? 0.9 : dtype === 'Q2_K' ? 0.5 : 0.25;
    assert.ok(away <= size * most ** 2, `${dtype}: ${Math.sqrt(away / size)}`);
  }
  assert.equal(wasm.dequantize(19, new Uint8Array(50), 256), null);
});
