import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { formatWeightsList, parseWeightsList } from '../../../src/domain/weights/list.ts';
import { hasher, weighFolder } from './weigh.ts';

const FOLDER = fileURLToPath(new URL('../../../fixtures/weights/containers', import.meta.url));
const { roots: expected } = JSON.parse(readFileSync(`${FOLDER}/../expected.json`, 'utf8')) as {
  roots: Readonly<Record<string, { names: string; multiset: string; set: string }>>;
};
const weigh = (placed: boolean): ReturnType<typeof weighFolder> => weighFolder(FOLDER, placed);

for (const [how, placed] of [
  ['where they lie', true],
  ['read through a source', false],
] as const)
  test(`every container written by a real library has the roots an independent implementation gives it (${how})`, async () => {
    const sets = await weigh(placed);
    assert.ok(Object.keys(expected).length > 20);
    for (const [name, roots] of Object.entries(expected)) {
      const set = sets.get(name);
      assert.deepEqual(set?.undecided, [], name);
      const { names, multiset, set: unique } = set?.identity ?? {};
      assert.deepEqual({ names, multiset, set: unique }, roots, name);
    }
  });

test('what differs has other roots: by name, as a multiset, as a set', () => {
  const base = expected['plain.safetensors'];
  const differing = (name: string): readonly string[] =>
    (['names', 'multiset', 'set'] as const).filter(
      (kind) => expected[`other-${name}.safetensors`]?.[kind] !== base?.[kind],
    );
  for (const name of ['one-bit', 'nan-payload', 'zero-sign', 'transposed-square', 'reshaped'])
    assert.deepEqual(differing(name), ['names', 'multiset', 'set'], name);
  assert.deepEqual(differing('swapped-names'), ['names']);
  assert.deepEqual(differing('tied-copy'), ['names', 'multiset']);
});

test('the weights list reads back, and one with a root or a line of its own is refused', async () => {
  const sets = [...(await weigh(true)).values()].flatMap(({ identity }) => identity ?? []);
  const text = formatWeightsList(sets);
  const blake3 = (bytes: Uint8Array): Uint8Array => hasher.tree.digest(bytes);
  assert.equal(formatWeightsList(parseWeightsList(text, blake3)), text);
  const digest = sets[0]?.tensors[0]?.digest ?? '';
  const spoiled = [
    text.replace(
      digest,
      digest.replace(/^./, (char) => (char === '0' ? '1' : '0')),
    ),
    text.replace('weighmark-weights/1', 'weighmark-weights/2'),
    text.replace(/^names .*\n/m, ''),
    text.slice(0, -1),
    `${text}weights zzz\n`,
    text.replace(' F32 ', ' f32 '),
  ];
  for (const each of spoiled) assert.throws(() => parseWeightsList(each, blake3), { code: 'format-invalid' });
});

test('the containers are the real libraries’, small enough to be kept', () => {
  const names = readdirSync(FOLDER);
  assert.ok(names.length > 20);
  for (const name of names) assert.ok(statSync(`${FOLDER}/${name}`).size < 64_000, name);
});
