import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createNumbers } from '../../../src/adapters/weights/index.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { baseName, filesOf } from '../../../src/flows/bom/create.ts';
import type { KinInput } from '../../../src/flows/derive/kin-side.ts';
import { kin, type KinOutcome } from '../../../src/flows/derive/kin.ts';
import { safetensors } from '../../domain/formats/support.ts';

const FOLDER = 'fixtures/weights/kin';
const files = createFiles();
const numbers = createNumbers({ kernel: 'wasm' });
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

async function input(path: string, more: Partial<KinInput> = {}): Promise<KinInput> {
  const tree = await files.walk(path);
  return { shown: path, files: filesOf(tree, new Map(), { files }), names: [baseName(tree.root)], ...more };
}

async function asked(model: string | KinInput, against: readonly (string | KinInput)[]): Promise<KinOutcome> {
  const given = async (each: string | KinInput): Promise<KinInput> =>
    typeof each === 'string' ? input(each.includes('/') ? each : `${FOLDER}/${each}`) : each;
  const others: KinInput[] = [];
  for (const each of against) others.push(await given(each));
  return kin({ model: await given(model), against: others }, { numbers, progress });
}

const word = (outcome: KinOutcome, name: string): string | undefined =>
  outcome.candidates.find(({ against }) => against.endsWith(`/${name}`))?.kinship?.word;
const codes = ({ verdict }: KinOutcome): readonly string[] => findingsOf(verdict).map(({ code }) => code);

/** A model with a card that says what it was made of. */
function declaring(model: string, ...bases: readonly string[]): string {
  const folder = join(mkdtempSync(join(tmpdir(), 'weighmark-kin-')), model);
  cpSync(`${FOLDER}/${model}`, folder, { recursive: true });
  writeFileSync(
    join(folder, 'README.md'),
    `---\nlibrary_name: transformers\nbase_model:\n${bases.map((base) => `- ${base}\n`).join('')}---\n# A model\n`,
  );
  return folder;
}

for (const child of [
  'child-a',
  'lora',
  'cut-vocabulary',
  'renamed',
  'merged',
  'child-a-Q8_0.gguf',
  'child-a-Q4_0.gguf',
])
  test(`${child} is kin to its base, and not to a model of the same configuration`, async () => {
    const outcome = await asked(child, ['other', 'base']);
    assert.equal(word(outcome, 'base'), 'kin');
    assert.equal(word(outcome, 'other'), 'not kin');
    assert.equal(outcome.likeliest, `${FOLDER}/base`);
    assert.equal(outcome.verdict.exitCode, 0);
  });

test('the closer of two is the likeliest: a quantised child is of the child, not of its base', async () => {
  assert.equal((await asked('child-a-Q8_0.gguf', ['base', 'child-b', 'child-a'])).likeliest, `${FOLDER}/child-a`);
  assert.equal((await asked('child-a', ['child-a-Q8_0.gguf', 'base'])).likeliest, `${FOLDER}/child-a-Q8_0.gguf`);
});

test('a model and itself are the same weights; every byte was compared', async () => {
  const outcome = await asked('base', ['base']);
  assert.equal(word(outcome, 'base'), 'same weights');
  assert.equal(outcome.candidates[0]?.kinship?.change, 0);
});

test('one that shares vectors and constants alone is not kin: exit 1', async () => {
  const outcome = await asked('other', ['base', 'child-a']);
  const [candidate] = outcome.candidates;
  assert.ok((candidate?.kinship?.counts.equal ?? 0) > 0, 'norms that were never trained are the same in both');
  assert.deepEqual(codes(outcome), ['not-kin']);
  assert.equal(outcome.verdict.exitCode, 1);
  assert.equal(outcome.likeliest, null);
});

test('the rank of a merged adapter is seen, layer by layer', async () => {
  const kinship = (await asked('lora', ['base'])).candidates[0]?.kinship;
  assert.equal(kinship?.rank, 4);
  assert.deepEqual(
    kinship?.layers.map(({ layer, tensors, related }) => [layer, tensors, related]),
    [
      [null, 2, 2],
      [0, 7, 7],
      [1, 7, 7],
    ],
  );
  const full = (await asked('child-a', ['base'])).candidates[0]?.kinship;
  assert.equal(full?.rank, full?.mostRank);
});

test('layers of two models in another order are found in both', async () => {
  const { candidates } = await asked('layers-of-both', ['base', 'other']);
  const tensors = candidates.flatMap((each) => each.tensors.filter(({ name }) => name.includes('layers.0.mlp')));
  assert.equal(tensors.find(({ word: own }) => own === 'equal')?.base?.includes('layers.1.mlp'), true);
  assert.deepEqual(
    candidates.map(({ kinship }) => kinship?.word),
    ['kin', 'partly kin'],
  );
});

test('a declared base that the weights are not of: base-contradicted, and the other one is an undeclared input', async () => {
  const child = declaring('child-a', 'acme/other');
  const outcome = await asked(child, ['base', 'other']);
  assert.deepEqual(codes(outcome), ['base-contradicted', 'undeclared-input']);
  assert.equal(outcome.verdict.exitCode, 1);
  assert.deepEqual(outcome.declared, ['acme/other']);
});

test('a declared base that it is of is no finding, whatever else it is kin to', async () => {
  for (const against of [['base'], ['base', 'other'], ['base', 'child-b']])
    assert.deepEqual(codes(await asked(declaring('child-a', 'acme/base'), against)), [], against.join());
  // An ancestor of what is declared is kin, too.
  assert.deepEqual(
    codes(await asked(declaring('merged', 'acme/child-a', 'acme/child-b'), ['child-a', 'child-b', 'base'])),
    [],
  );
});

test('a merge that names one of the two it was made of: undeclared-input', async () => {
  const outcome = await asked(declaring('merged', 'acme/child-a'), ['child-a', 'child-b', 'base']);
  assert.ok(codes(outcome).includes('undeclared-input'));
  assert.ok(findingsOf(outcome.verdict).some(({ subject }) => subject?.endsWith('child-b')));
  assert.equal(outcome.verdict.exitCode, 1);
});

test('where no declared base is at hand, only what goes by a name of its own is another one', async () => {
  const child = declaring('child-a', 'acme/instruct');
  assert.deepEqual(codes(await asked(child, ['base'])), []);
  const named = await input(`${FOLDER}/base`, { official: ['acme/base:1'] });
  assert.deepEqual(codes(await asked(child, [named])), ['undeclared-input']);
});

test('a BOM declares a base, too; one that cannot be read declares nothing', async () => {
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.7',
    version: 1,
    metadata: {
      component: {
        type: 'machine-learning-model',
        name: 'child-a',
        pedigree: { ancestors: [{ type: 'machine-learning-model', group: 'acme', name: 'other' }] },
      },
    },
  };
  const child = await input(`${FOLDER}/child-a`, { bom: Buffer.from(JSON.stringify(bom)) });
  assert.deepEqual(codes(await asked(child, ['other'])), ['base-contradicted']);
  const broken = await input(`${FOLDER}/child-a`, { bom: Buffer.from('{') });
  assert.deepEqual((await asked(broken, ['base'])).declared, []);
});

test('what cannot be examined leaves the answer open, and the others as they are', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-kin-'));
  const bytes = readFileSync(`${FOLDER}/base/model.safetensors`);
  writeFileSync(join(folder, 'model.safetensors'), bytes.subarray(0, bytes.length - 1));
  const open = await asked('child-a', [folder]);
  assert.deepEqual(codes(open), ['kinship-undecided']);
  assert.equal(open.verdict.exitCode, 4);
  assert.equal((await asked('child-a', [folder, 'base'])).verdict.exitCode, 0);
  const shapes = await asked('child-a', ['fixtures/weights/quantised/parent.gguf']);
  assert.equal(shapes.verdict.exitCode, 4);
});

test('a byte-identical model with a buffer of whole numbers has the same weights', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-kin-'));
  const whole = readFileSync(`${FOLDER}/base/model.safetensors`);
  const length = Number(whole.readBigUInt64LE(0));
  const data = whole.subarray(8 + length);
  const header = JSON.parse(whole.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  header['positions'] = { dtype: 'I64', shape: [1, 4], data_offsets: [data.length, data.length + 32] };
  for (const [name, last] of [
    ['a', 3],
    ['b', 3],
    ['c', 9],
  ] as const) {
    const buffer = Buffer.from(new BigInt64Array([0n, 1n, 2n, BigInt(last)]).buffer);
    mkdirSync(join(folder, name));
    writeFileSync(
      join(folder, name, 'model.safetensors'),
      safetensors(JSON.stringify(header), Buffer.concat([data, buffer])),
    );
  }
  const words = async (other: string) => (await asked(join(folder, 'a'), [join(folder, other)])).candidates[0]?.kinship;
  assert.equal((await words('b'))?.word, 'same weights');
  const changed = await words('c');
  assert.deepEqual([changed?.word, changed?.counts.unmatched], ['kin', 1]);
});

test('a folder is no other base for what the examples on its card load', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-kin-'));
  writeFileSync(join(folder, 'model.safetensors'), readFileSync(`${FOLDER}/base/model.safetensors`));
  writeFileSync(join(folder, 'README.md'), "AutoModel.from_pretrained('somebody/else')\n");
  assert.deepEqual(codes(await asked(declaring('child-a', 'acme/instruct'), [folder])), []);
});
