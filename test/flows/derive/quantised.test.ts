import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { readFormat, bytesSource } from '../../../src/domain/formats/index.ts';
import { filesOf } from '../../../src/flows/bom/create.ts';
import { derive, type DeriveInput } from '../../../src/flows/derive/derive.ts';
import type { DeriveOutcome } from '../../../src/flows/derive/outcome.ts';
import type { SideInput } from '../../../src/flows/derive/side.ts';

const FOLDER = 'fixtures/weights/quantised';
const files = createFiles();
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

async function side(path: string): Promise<SideInput> {
  return { shown: path, files: filesOf(await files.walk(path), new Map(), { files }) };
}

async function derived(
  child: string,
  more: Partial<Omit<DeriveInput, 'parent' | 'child'>> & { matrix?: string; parent?: string; kernel?: 'wasm' } = {},
): Promise<DeriveOutcome> {
  const { matrix, parent = `${FOLDER}/parent.gguf`, kernel, ...rest } = more;
  const input = {
    child: await side(child),
    parent: await side(parent),
    ...(matrix === undefined ? {} : { importance: await side(matrix) }),
    ...rest,
  };
  return derive(input, { numbers: createNumbers(kernel === undefined ? {} : { kernel }), progress });
}

const words = ({ tensors }: DeriveOutcome): Readonly<Record<string, string>> =>
  Object.fromEntries(tensors.map(({ name, word }) => [name.split('.')[2], word]));

for (const kernel of [undefined, 'wasm'] as const) {
  const how = kernel === undefined ? {} : { kernel };
  const name = kernel ?? 'the fastest kernel';
  test(`${name}: sixteen types of ggml's quantiser are recomputed bit for bit, without importance and with it`, async () => {
    const matrix = `${FOLDER}/importance.gguf`;
    for (const [child, more] of [
      ['plain', {}],
      ['plain-importance', { matrix }],
      ['fused', {}],
      ['fused-importance', { matrix }],
    ] as const) {
      const outcome = await derived(`${FOLDER}/${child}.gguf`, { ...more, ...how });
      assert.deepEqual([...new Set(Object.values(words(outcome)))], ['recomputed'], child);
      assert.equal(outcome.tensors.length, 16);
      assert.equal(outcome.verdict.exitCode, 0);
    }
  });
}

test('an importance matrix nobody shows leaves nearest codes, and bounds where codes were searched with it', async () => {
  const outcome = await derived(`${FOLDER}/plain-importance.gguf`);
  assert.equal(outcome.word, 'bounded');
  assert.equal(outcome.verdict.exitCode, 0);
  const by = words(outcome);
  for (const type of ['q2_k', 'q3_k', 'q4_k', 'q5_k', 'q6_k', 'iq4_nl', 'iq4_xs'])
    assert.equal(by[type], 'nearest codes', type);
  for (const type of ['q4_0', 'q4_1', 'q5_0', 'q5_1']) assert.equal(by[type], 'bounded', type);
  const strict = await derived(`${FOLDER}/plain-importance.gguf`, { atLeast: 'recomputed' });
  assert.equal(strict.verdict.exitCode, 1);
});

test('with --quick, codes alone are checked of the types whose scales are searched', async () => {
  const by = words(await derived(`${FOLDER}/plain.gguf`, { quick: true }));
  assert.equal(by['q8_0'], 'recomputed');
  assert.equal(by['q4_k'], 'nearest codes');
});

test('one code, one scale, one other row: not from the parent, with the tensor, row and block named', async () => {
  const bytes = readFileSync(`${FOLDER}/plain.gguf`);
  const report = await readFormat({ path: 'plain.gguf', source: bytesSource(bytes) });
  const place = (type: string): number =>
    report.tensors?.items.find(({ name }) => name.includes(`.${type}.`))?.offset ?? 0;
  const cases: readonly (readonly [string, number, (byte: number) => number])[] = [
    ['q8_0', 34 * 16 + 2 + 5, (byte) => (byte === 127 ? 126 : byte + 1)],
    ['q4_k', 144 * 2 + 16 + 3, (byte) => byte ^ 0x11],
    ['q6_k', 210 * 2 + 7, (byte) => byte ^ 1],
    ['q6_k', 210 * 3 + 209, (byte) => byte ^ 2],
    ['q8_0', 34 * 17 + 1, (byte) => byte ^ 2],
  ];
  for (const [type, at, change] of cases) {
    const folder = mkdtempSync(join(tmpdir(), 'weighmark-derive-'));
    const spoiled = Buffer.from(bytes);
    const offset = place(type) + at;
    spoiled[offset] = change(spoiled[offset] ?? 0);
    writeFileSync(join(folder, 'child.gguf'), spoiled);
    const { word, tensors, verdict } = await derived(join(folder, 'child.gguf'));
    assert.equal(word, 'not from the parent', type);
    assert.equal(verdict.exitCode, 1);
    const named = tensors.filter((tensor) => tensor.word === 'not from the parent');
    assert.deepEqual(
      named.map(({ name }) => name),
      [`blk.0.${type}.weight`],
    );
    assert.equal(
      named[0]?.where?.row,
      Math.floor(
        (Math.floor(at / (type === 'q8_0' ? 34 : type === 'q4_k' ? 144 : 210)) * (type === 'q8_0' ? 32 : 256)) / 512,
      ),
    );
  }
});

test('a tensor that is missing, and one that nothing becomes, are told', async () => {
  const outcome = await derived(`${FOLDER}/importance.gguf`);
  assert.equal(outcome.word, 'not from the parent');
  assert.equal(outcome.missing.length, 16);
  assert.equal(outcome.verdict.exitCode, 1);
});

test('resharding keeps every byte: another container of the same tensors is equal, a cast is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-reshard-'));
  for (const part of ['1', '2'])
    copyFileSync(
      `fixtures/weights/containers/sharded-0000${part}-of-00002.safetensors`,
      join(folder, `m-0000${part}-of-00002.safetensors`),
    );
  const parent = 'fixtures/weights/containers/strided-view.pt';
  const equal = await derived(folder, { parent, step: 'reshard' });
  assert.equal(equal.word, 'equal');
  assert.equal(equal.tensors.length, 4);
  const other = await derived('fixtures/weights/containers/other-zero-sign.safetensors', { parent, step: 'reshard' });
  assert.deepEqual(
    other.tensors.filter(({ word }) => word !== 'equal').map(({ name }) => name),
    ['b'],
  );
  assert.equal(other.verdict.exitCode, 1);
});

test('an architecture that the table does not have, and a parent without config.json, are undecided', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-arch-'));
  copyFileSync('fixtures/weights/containers/plain.safetensors', join(folder, 'model.safetensors'));
  const child = 'fixtures/weights/containers/plain.gguf';
  assert.equal((await derived(child, { parent: folder })).verdict.exitCode, 4);
  writeFileSync(join(folder, 'config.json'), '{"architectures":["NobodyKnowsForCausalLM"]}');
  const { verdict, word } = await derived(child, { parent: folder });
  assert.equal(word, 'undecided');
  assert.equal(verdict.exitCode, 4);
  assert.match(JSON.stringify(verdict.checks), /no converter of NobodyKnowsForCausalLM is known/);
});
