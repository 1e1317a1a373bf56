import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { bytesSource, readFormat } from '../../../src/domain/formats/index.ts';
import { GGML_TYPES } from '../../../src/domain/formats/ggml.ts';
import type { Elements, Nearness, Recipe, WeightNumbers } from '../../../src/domain/ports/numbers.ts';

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

/** Answers of parts that follow each other, as one. */
function together(parts: readonly { readonly at: number; readonly answer: Nearness }[]): Nearness {
  const sum = { beyond: 0, far: 0, first: 0, free: 0, worst: 0, error: 0, square: 0 };
  for (const { at, answer } of parts) {
    if (sum.beyond === 0) sum.first = at + answer.first;
    for (const key of ['beyond', 'far', 'free', 'error', 'square'] as const) sum[key] += answer[key];
    sum.worst = Math.max(sum.worst, answer.worst);
  }
  return sum;
}

test('what lies in files is answered by the addon as WebAssembly answers its parts', { skip }, async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-placed-')), 'both');
  const [part, parts] = [4096, 37];
  for (const kind of KINDS) {
    const { block = 1, bytes = 4 } = GGML_TYPES[kind] ?? {};
    const codes = question(kind, [3, 141, 59, 26, 53, 58, 97]).child.subarray(0, (512 / block) * bytes);
    const one = new Uint8Array(Float32Array.from({ length: 512 }, (_, at) => Math.fround(Math.sin(at) / 64)).buffer);
    const repeated = (what: Uint8Array): Buffer =>
      Buffer.concat(Array.from({ length: (part * parts) / 512 }, () => what));
    const [child, parent] = [repeated(codes), repeated(one)];
    child[Math.floor(child.length / 2)] = 1;
    writeFileSync(path, Buffer.concat([child, parent]));
    const file = openSync(path, 'r');
    const sides = { child: { descriptor: file, offset: 0 }, parent: { descriptor: file, offset: child.length } };
    const placed = { ...sides, elements: part * parts, part };
    const importance = Float32Array.from({ length: 512 }, (_, at) => 0.25 + (at % 7));
    const slow = kind >= 10 && kind <= 23;
    for (const weights of slow ? [] : [undefined, importance]) {
      const found = await fastest.placed?.recompute({ kind, dtype: 'F32' }, placed, weights);
      const answers = await eachPart((elements) => wasm.recompute({ kind, dtype: 'F32' }, elements, weights));
      const blocks = answers.reduce((sum, { answer }) => sum + answer.blocks, 0);
      const { at = 0, answer } = answers.find((each) => each.answer.blocks > 0) ?? {};
      assert.equal(found?.blocks, blocks);
      if (blocks > 0) assert.equal(found?.first, at / block + (answer?.first ?? 0));
    }
    const near = await fastest.placed?.nearest({ kind, dtype: 'F32' }, placed);
    const answers = await eachPart((elements) => wasm.nearest({ kind, dtype: 'F32' }, elements));
    const known = answers.flatMap(({ at, answer }) => (answer === null ? [] : [{ at, answer }]));
    assert.deepEqual(near, known.length === 0 ? null : together(known));
    closeSync(file);
    assert.equal(await fastest.placed?.nearest({ kind, dtype: 'F32' }, placed), null);

    async function eachPart<T>(ask: (elements: Elements) => Promise<T>): Promise<{ at: number; answer: T }[]> {
      const found: { at: number; answer: T }[] = [];
      for (let at = 0; at < part * parts; at += part) {
        const own = child.subarray((at / block) * bytes, ((at + part) / block) * bytes);
        found.push({ at, answer: await ask({ child: own, parent: parent.subarray(at * 4, (at + part) * 4) }) });
      }
      return found;
    }
  }
});

test('a scale that is a NaN explains no code, in either kernel', async () => {
  for (const kind of KINDS.filter((each) => each === 2 || each === 8 || (each >= 10 && each <= 14))) {
    const { block = 1, bytes = 4 } = GGML_TYPES[kind] ?? {};
    // F16's NaNs of either sign, wherever the type keeps its scale.
    for (const high of [0x7e, 0xfe]) {
      const child = Uint8Array.from({ length: (512 / block) * bytes }, (_, at) => (at % 2 === 0 ? 1 : high));
      const elements = { child, parent: new Uint8Array(new Float32Array(512).fill(0.01).buffer) };
      for (const numbers of [wasm, fastest]) {
        const found = await numbers.nearest({ kind, dtype: 'F32' }, elements);
        assert.equal(found?.beyond, 512, `${kind} ${numbers.kernel}`);
      }
    }
  }
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
